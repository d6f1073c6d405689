"""Table of the checks that an operator would do by hand before a host gets a node.

A finding names its host, the problem, the remedy, and the key in the stack's YAML. Nothing here asks a host:
a check compares facts (host_facts.py) with the stack's requirements.
"""

import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from catalogue.arch import RUNS
from clients.engine import engine_address
from clients.host_facts import Container, HostError, HostFacts, Obstacle, obstacle_of
from clients.ssh import host_in
from display.command_lines import docker_command

OLDEST = (18, 9)
"""First Docker version with `docker system dial-stdio`, which ssh hosts need (its release notes)."""
CHOOSES = (20, 10)
"""First Docker version that picks the right variant of a manifest list on ARM (moby#34875)."""
REMOVED_DRIVERS = ("aufs", "devicemapper", "overlay")
"""Storage drivers that Docker 24 and 25 removed (Docker's page of deprecated features)."""
FIRMWARE = 1.25
"""Highest ratio of a board's memory to what its kernel reports: firmware and graphics use the rest.

A board of 512 MB reports 427 MiB or more.
"""
SMALL = 1024
"""MiB of memory below which a board should have swap."""
IMAGE = 200
"""MiB for a node's new image beside the old one (30 each, unpacked), and for copies of wallets."""
CHAIN = 2048
"""MiB for a chain: as much as a 32-bit node can map into memory (boltdb)."""
PASSWORD = 1200
"""MiB for a node in which a wallet's password is used: 1024 for scrypt (docs/adr/0057), and the node."""
NESTED_ENGINE = "nested engine"
"""Name of the check for workspaces that must not be on a node's host."""
DRIFT, WRONG = 60.0, 86400.0
"""Seconds by which a clock may differ before it is reported, and before it is an error."""
_SET_CLOCK = "Where it is wrong: `sudo timedatectl set-ntp true`, with a time server that can be reached"
"""Remedy for a clock; if this machine's own is wrong, every host of the stack has this finding."""

Values: TypeAlias = Mapping[str, Any]


class Level(StrEnum):
    """Effect of a finding on `up`."""

    REFUSED = "refused"
    """`up` changes nothing on the host."""
    WARNED = "warned"
    UNKNOWN = "unknown"
    """The host could not be checked."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tenant:
    """A node, a hosted registry or a workspace that a stack places on a host."""

    key: str
    """Key in the YAML, such as `skycoin:nodes.attic`."""
    containers: frozenset[str]
    """Names of its own containers, including former ones."""
    ports: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    """Key of the port below `key` → (address, port) on the host."""
    memory: int | None = None
    """Memory limit in MiB; None if there is none."""
    chosen: bool = False
    """True if the memory limit comes from a setting or a board, False if it is the default."""
    wallet: str | None = None
    """Name of the wallet volume."""
    chain: bool = False
    """True for a node that keeps the chain of a public network."""
    wait: int | None = None
    """Seconds in which the node must become healthy."""
    starts: int | None = None
    """Seconds that the host's board may need to start the node."""
    gui: bool = False
    """True for a node with a web interface, in which wallets have passwords by default."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedHost:
    """A host as a stack names it, and the tenants that the stack places there."""

    name: str
    engine: str | None
    ssh_options: tuple[str, ...] = ()
    platform: str | None = None
    """OCI platform of the variant to run; None lets the engine choose."""
    emulation: bool = False
    tenants: tuple[Tenant, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """One check.

    Words in braces are filled in from the result of `look`, from the planned host, or from the error.
    """

    name: str
    level: Level
    problem: str
    """Message, which continues “host NAME”."""
    remedy: str
    key: str = "skycoin:hosts.{host}.engine"
    tried: str = "recorded answers; not run on such a board"
    """How the check itself was tried: on which engine or host, or on recorded answers."""
    look: Callable[[HostFacts, PlannedHost], Iterator[Values]] | None = None
    """Function that checks a host's facts; None for a host that can't be asked at all."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One check that failed for one host."""

    host: str
    check: str
    """Name of the check."""
    level: Level
    problem: str
    remedy: str
    key: str

    @property
    def text(self) -> str:
        """Complete message: host, problem, remedy and key."""
        return f"host {self.host} {self.problem}. {self.remedy} ({self.key})."


def _old_engine(facts: HostFacts, _: PlannedHost) -> Iterator[Values]:
    if _version(facts) < OLDEST:
        yield {"version": facts.version}


def _list_entry(facts: HostFacts, planned: PlannedHost) -> Iterator[Values]:
    is_arm = facts.machine.startswith(("arm", "aarch64"))
    if OLDEST <= _version(facts) < CHOOSES and planned.platform is None and is_arm:
        yield {"version": facts.version}


def _copying_driver(facts: HostFacts, _: PlannedHost) -> Iterator[Values]:
    if facts.driver == "vfs":
        yield {}


def _removed_driver(facts: HostFacts, _: PlannedHost) -> Iterator[Values]:
    if facts.driver in REMOVED_DRIVERS:
        yield {"driver": facts.driver}


def _other_machine(facts: HostFacts, planned: PlannedHost) -> Iterator[Values]:
    if not planned.emulation and not runs_natively(facts.machine, planned.platform):
        yield {"machine": facts.machine, "platform": planned.platform}


def _userland(facts: HostFacts, planned: PlannedHost) -> Iterator[Values]:
    if facts.bits == 32 and facts.machine == "aarch64" and planned.platform == "linux/arm64/v8":
        yield {"platform": planned.platform}


def _too_much_memory(facts: HostFacts, planned: PlannedHost) -> Iterator[Values]:
    for tenant in planned.tenants:
        if tenant.chosen and _exceeds(tenant, facts.memory * FIRMWARE):
            yield _memory(facts, tenant)


def _no_limit(facts: HostFacts, planned: PlannedHost) -> Iterator[Values]:
    for tenant in planned.tenants:
        is_refused = tenant.chosen and _exceeds(tenant, facts.memory * FIRMWARE)
        if _exceeds(tenant, facts.memory) and not is_refused:
            yield _memory(facts, tenant)


def _memory_of_all(facts: HostFacts, planned: PlannedHost) -> Iterator[Values]:
    limits = [tenant.memory for tenant in planned.tenants if tenant.memory]
    if len(limits) > 1 and max(limits) <= facts.memory < sum(limits):
        yield {"total": facts.memory, "sum": sum(limits), "count": len(limits)}


def _no_memory_cgroup(facts: HostFacts, _: PlannedHost) -> Iterator[Values]:
    if not facts.limits_memory:
        yield {}


def _no_swap(facts: HostFacts, _: PlannedHost) -> Iterator[Values]:
    if facts.memory < SMALL and facts.swap == 0:
        yield {"total": facts.memory}


def _full_disk(facts: HostFacts, _: PlannedHost) -> Iterator[Values]:
    if facts.free is not None and facts.free < IMAGE:
        yield {"free": facts.free, "needed": IMAGE}


def _no_room_for_chain(facts: HostFacts, planned: PlannedHost) -> Iterator[Values]:
    existing = {container.name for container in facts.containers}
    # An existing node already has its chain, whatever its size.
    new_chains = sum(tenant.chain and not tenant.containers & existing for tenant in planned.tenants)
    if new_chains and facts.free is not None and IMAGE <= facts.free < IMAGE + new_chains * CHAIN:
        yield {"free": facts.free, "needed": IMAGE + new_chains * CHAIN}


def _wrong_clock(facts: HostFacts, _: PlannedHost) -> Iterator[Values]:
    if facts.ahead is not None and abs(facts.ahead) > WRONG:
        yield _clock(facts.ahead)


def _drifting_clock(facts: HostFacts, _: PlannedHost) -> Iterator[Values]:
    if facts.ahead is not None and DRIFT < abs(facts.ahead) <= WRONG:
        yield _clock(facts.ahead)


def _taken_port(facts: HostFacts, planned: PlannedHost) -> Iterator[Values]:
    for tenant in planned.tenants:
        for key, (ip, port) in tenant.ports.items():
            if holder := _holder(facts, tenant.containers, ip, port):
                yield {"port": port, "holder": holder, "tenant": tenant.key, "which": key}


def _shared_wallet(facts: HostFacts, planned: PlannedHost) -> Iterator[Values]:
    for tenant in planned.tenants:
        for container in facts.containers:
            is_other = container.name not in tenant.containers and (container.runs or container.returns)
            if tenant.wallet in container.writes and is_other:
                yield {"wallet": tenant.wallet, "holder": container.name, "tenant": tenant.key}


def _nested_engine(facts: HostFacts, planned: PlannedHost) -> Iterator[Values]:
    for tenant in planned.tenants:
        for container in facts.containers:
            if tenant.wallet is not None and container.nested_engine:
                yield {"holder": container.name, "tenant": tenant.key}


def _slow_start(_: HostFacts, planned: PlannedHost) -> Iterator[Values]:
    for tenant in planned.tenants:
        if tenant.wait is not None and tenant.starts is not None and tenant.wait < tenant.starts:
            yield {"wait": tenant.wait, "starts": tenant.starts, "tenant": tenant.key}


def _memory_of_a_password(_: HostFacts, planned: PlannedHost) -> Iterator[Values]:
    for tenant in planned.tenants:
        if tenant.gui and tenant.memory is not None and tenant.memory < PASSWORD:
            yield {"limit": tenant.memory, "needed": PASSWORD, "tenant": tenant.key}


_BOARD = "a board of the tests"
_TOLD = "a board of the tests that reports it"
_ROWS = (
    Check(
        name=Obstacle.NO_ANSWER,
        level=Level.UNKNOWN,
        problem="does not answer at {engine}: {reason}",
        remedy="Check that it has power and a network, and that `{docker} version` reaches it",
        tried=_BOARD,
    ),
    Check(
        name=Obstacle.NO_SHELL,
        level=Level.UNKNOWN,
        problem="runs no command for your key at {engine}: {reason}",
        remedy="Nodes can still be deployed there; these checks need a key without `command=` in its "
        "authorized_keys",
    ),
    Check(
        name=Obstacle.ADDRESS,
        level=Level.REFUSED,
        problem="has the address {engine}, which can't be read: {reason}",
        remedy="Correct DOCKER_HOST, or unset it for the engine at the system's socket",
    ),
    Check(
        name=Obstacle.OTHER_FORM,
        level=Level.UNKNOWN,
        problem="gives an answer at {engine} that is not in Docker's form: {reason}",
        remedy="Look at what `{docker} info` prints: nothing is changed on a host that can't be checked",
    ),
    Check(
        name=Obstacle.HOST_KEY,
        level=Level.REFUSED,
        problem="has an ssh host key that known_hosts lacks or contradicts, at {engine}: {reason}",
        remedy="Compare what `ssh-keyscan {scanned} | ssh-keygen -lf -` prints with what `ssh-keygen -lf "
        "/etc/ssh/ssh_host_ed25519_key.pub` prints on the host itself, then add it to known_hosts",
        key="skycoin:hosts.{host}.ssh-options",
        tried=_BOARD,
    ),
    Check(
        name=Obstacle.LOGIN,
        level=Level.REFUSED,
        problem="accepts none of your ssh keys at {engine}: {reason}",
        remedy="Copy one there with `ssh-copy-id {login}`, or use another key with `-i FILE`",
        key="skycoin:hosts.{host}.ssh-options",
        tried=_BOARD,
    ),
    Check(
        name=Obstacle.NO_DOCKER,
        level=Level.REFUSED,
        problem="has no Docker at {engine}: {reason}",
        remedy="Install it on the host (Debian, Raspberry Pi OS: `sudo apt install docker.io`)",
        tried=_BOARD,
    ),
    Check(
        name=Obstacle.NO_PERMISSION,
        level=Level.REFUSED,
        problem="does not let you use its Docker at {engine}: {reason}",
        remedy="On the host: `sudo usermod -aG docker USER`, then log in again; members of that group have "
        "root's rights there",
        tried=_BOARD,
    ),
    Check(
        name=Obstacle.NO_ENGINE,
        level=Level.REFUSED,
        problem="runs no Docker engine at {engine}: {reason}",
        remedy="Start it on the host: `sudo systemctl enable --now docker`",
        tried=_BOARD,
    ),
    Check(
        name="old engine",
        level=Level.REFUSED,
        problem="has Docker {version}, but ssh connections need 18.09 or newer",
        remedy="Install a newer version on the host; Debian 11 and Raspberry Pi OS have 20.10",
        tried=_TOLD,
        look=_old_engine,
    ),
    Check(
        name="list entry",
        level=Level.WARNED,
        problem="has Docker {version}, which may pull a variant other than that of its processor",
        remedy="Give the host its `arch` or `board`",
        key="skycoin:hosts.{host}.arch",
        look=_list_entry,
    ),
    Check(
        name="storage that copies",
        level=Level.WARNED,
        problem="stores images with Docker's storage driver vfs: each layer is a full copy, and "
        "the disk fills",
        remedy='Write {{"storage-driver": "overlay2"}} into /etc/docker/daemon.json on the host and restart '
        "Docker; images are pulled and containers created again; volumes stay",
        look=_copying_driver,
    ),
    Check(
        name="storage that ends",
        level=Level.WARNED,
        problem="stores images with Docker's storage driver {driver}, which newer engines do not support",
        remedy='Write {{"storage-driver": "overlay2"}} into /etc/docker/daemon.json on the host and restart '
        "Docker; images are pulled and containers created again; volumes stay",
        look=_removed_driver,
    ),
    Check(
        name="architecture",
        level=Level.REFUSED,
        problem="is {machine} and does not run {platform} natively",
        remedy="Give the host the arch of its board, or allow emulation there: `emulation: allowed`",
        key="skycoin:hosts.{host}.arch",
        tried=_BOARD,
        look=_other_machine,
    ),
    Check(
        name="32-bit system",
        level=Level.WARNED,
        problem="has a 32-bit system on a 64-bit kernel, and {platform} needs a 64-bit system",
        remedy="Give it `arch: arm32v7`, or install the 64-bit system",
        key="skycoin:hosts.{host}.arch",
        look=_userland,
    ),
    Check(
        name="memory",
        level=Level.REFUSED,
        problem="has {total} MiB of memory, but the node's limit is {limit}",
        remedy="Set a limit that leaves memory for the system, such as {fits}, or correct the `board` of the "
        "host",
        key="{tenant}.memory",
        tried=_BOARD,
        look=_too_much_memory,
    ),
    Check(
        name="memory limit without effect",
        level=Level.WARNED,
        problem="has {total} MiB of memory, and the node's limit of {limit} MiB never applies: "
        "the kernel may end another program instead",
        remedy="Set a limit that leaves memory for the system, such as {fits}, or the `board` of the host",
        key="{tenant}.memory",
        look=_no_limit,
    ),
    Check(
        name="memory of all containers",
        level=Level.WARNED,
        problem="has {total} MiB of memory, and the limits of its {count} containers are {sum} MiB together",
        remedy="Lower `memory` for some of them, or move one to another host",
        key="skycoin:hosts.{host}",
        look=_memory_of_all,
    ),
    Check(
        name="no memory cgroup",
        level=Level.WARNED,
        problem="has a kernel without the memory cgroup: Docker ignores every memory limit without an error",
        remedy="Raspberry Pi OS: add `cgroup_enable=memory cgroup_memory=1` to the one line of "
        "/boot/firmware/cmdline.txt (before Debian 12: /boot/cmdline.txt), and reboot",
        key="skycoin:hosts.{host}",
        look=_no_memory_cgroup,
    ),
    Check(
        name="no swap",
        level=Level.WARNED,
        problem="has {total} MiB of memory and no swap",
        remedy="Add compressed swap in memory on the host: `sudo apt install zram-tools`",
        key="skycoin:hosts.{host}",
        look=_no_swap,
    ),
    Check(
        name="full disk",
        level=Level.REFUSED,
        problem="has {free} MiB free where Docker keeps its data, but an image and copies of wallets need "
        "{needed}",
        remedy="Make room: `./skyinfra fleet clean` removes older images of this program, and `docker system "
        "df -v` there shows what else Docker keeps; a volume may hold a wallet",
        tried=_TOLD,
        look=_full_disk,
    ),
    Check(
        name="room for the chain",
        level=Level.WARNED,
        problem="has {free} MiB free where Docker keeps its data, but new nodes with their chains may need "
        "{needed}",
        remedy="Give it a larger disk, or move Docker's data to another one (`data-root` in "
        "/etc/docker/daemon.json)",
        look=_no_room_for_chain,
    ),
    Check(
        name="wrong clock",
        level=Level.REFUSED,
        problem="has its clock at {host_time}; this machine's is {local_time}",
        remedy=_SET_CLOCK,
        key="skycoin:hosts.{host}",
        tried=_TOLD,
        look=_wrong_clock,
    ),
    Check(
        name="clock",
        level=Level.WARNED,
        problem="has its clock at {host_time}; this machine's is {local_time}",
        remedy=_SET_CLOCK,
        key="skycoin:hosts.{host}",
        look=_drifting_clock,
    ),
    Check(
        name="port",
        level=Level.REFUSED,
        problem="has port {port} taken by {holder}",
        remedy="Stop it, or choose another port; if another node frees the port in the same change, first "
        "run an `up` of that node alone",
        key="{tenant}.{which}",
        tried=_BOARD,
        look=_taken_port,
    ),
    Check(
        name="wallet",
        level=Level.REFUSED,
        problem="has the wallet volume {wallet!r} in use by the container {holder}: a wallet has one writer",
        remedy="If that is another node, give each its own volume, and don't remove it. If it is no node, "
        "and you don't need it: `docker stop -t 60 {holder} && docker container rm {holder}` on the host "
        "(volumes stay)",
        key="{tenant}.wallet-volume",
        look=_shared_wallet,
    ),
    Check(
        name=NESTED_ENGINE,
        level=Level.REFUSED,
        problem="has the workspace {holder} with a nested Docker engine: anyone in it can take "
        "over the host, with the wallets of its nodes",
        remedy="Open it on another machine (`./skyinfra workspace open NAME --dind --engine "
        "ssh://USER@HOST`), or without `--dind`, or remove it: `docker container rm --force {holder}` there "
        "(volumes stay)",
        key="{tenant}.host",
        tried=_BOARD,
        look=_nested_engine,
    ),
    Check(
        name="time to start",
        level=Level.WARNED,
        problem="may take {starts} s to start a node, but `wait` allows {wait}",
        remedy="Set `wait` to {starts} or more",
        key="{tenant}.wait",
        tried="settings alone",
        look=_slow_start,
    ),
    Check(
        name="memory of a password",
        level=Level.WARNED,
        problem="gives {limit} MiB to a node with a web interface, which is killed when the password of a "
        "wallet is used there",
        remedy="Set `memory` to {needed} or more, if the host has it, or use wallets with a password "
        "elsewhere",
        key="{tenant}.memory",
        tried="settings alone",
        look=_memory_of_a_password,
    ),
)
CHECKS: Mapping[str, Check] = MappingProxyType({row.name: row for row in _ROWS})


def findings(facts: HostFacts, planned: PlannedHost) -> list[Finding]:
    """Findings about a host that answered, errors first."""
    failed = [
        _finding(row, planned, values)
        for row in CHECKS.values()
        if row.look is not None
        for values in row.look(facts, planned)
    ]
    return sorted(failed, key=lambda finding: finding.level is not Level.REFUSED)


def unasked(error: HostError, planned: PlannedHost) -> Finding:
    """Finding about a host that can't be asked."""
    return _finding(CHECKS[error.obstacle], planned, {"reason": str(error)})


def nested_engine(holder: str, tenant: str, planned: PlannedHost) -> Finding:
    """Finding about a workspace with a nested engine on a node's host; `tenant` is the node's key."""
    return _finding(CHECKS[NESTED_ENGINE], planned, {"holder": holder, "tenant": tenant})


def remedy_of(message: str, engine: str, ssh_options: Sequence[str] = ()) -> str:
    """Advice for a host whose engine does not answer, chosen by the error message."""
    obstacle = obstacle_of(message)
    if obstacle is Obstacle.NO_ANSWER and not engine.startswith("ssh://"):
        obstacle = Obstacle.NO_ENGINE
    planned = PlannedHost(name="", engine=engine, ssh_options=tuple(ssh_options))
    return unasked(HostError(obstacle, message), planned).remedy


def runs_natively(machine: str, platform: str | None) -> bool:
    """True if a processor (`uname -m`) runs a platform's programs natively, or if no platform is given."""
    return platform is None or platform in RUNS.get(machine, ())


def _finding(row: Check, planned: PlannedHost, values: Values) -> Finding:
    parts = urlsplit(planned.engine or "")
    user, host = f"{parts.username}@" if parts.username else "", host_in(parts.netloc)
    words = {
        "host": planned.name,
        "engine": engine_address(planned.engine),
        "docker": docker_command(engine_address(planned.engine), planned.ssh_options),
        "scanned": f"-p {parts.port} {host}" if parts.port else host,
        "login": f"{user}{host}",
        **values,
    }
    problem, remedy, key = (text.format_map(words) for text in (row.problem, row.remedy, row.key))
    return Finding(
        host=planned.name, check=row.name, level=row.level, problem=problem, remedy=remedy, key=key
    )


def _version(facts: HostFacts) -> tuple[int, int]:
    """Major and minor version; a build without a version (`dev`, `0.0.0-…`) counts as new."""
    match = re.match(r"([1-9]\d*)\.(\d+)", facts.version)
    return (int(match[1]), int(match[2])) if match else (sys.maxsize, 0)


def _exceeds(tenant: Tenant, total: float) -> bool:
    return tenant.memory is not None and tenant.memory > total


def _memory(facts: HostFacts, tenant: Tenant) -> Values:
    return {
        "total": facts.memory,
        "limit": tenant.memory,
        "fits": facts.memory * 3 // 4,
        "tenant": tenant.key,
    }


def _clock(ahead: float) -> Values:
    now = datetime.now(UTC).timestamp()
    host_time, local_time = (
        f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S} UTC" for at in (now + ahead, now)
    )
    return {"host_time": host_time, "local_time": local_time}


def _holder(facts: HostFacts, own: frozenset[str], ip: str, port: int) -> str:
    """Describe another's container or program on a port that a tenant needs; empty if there is none."""
    running = (container for container in facts.containers if container.runs)
    publishing = [container for container in running if _publishes(container, ip, port)]
    if foreign := [container for container in publishing if container.name not in own]:
        return f"the container {foreign[0].name}"
    if publishing:
        return ""
    listeners = [entry for entry in facts.listeners or () if entry.port == port and _overlap(entry.ip, ip)]
    return f"a program of the user with the id {listeners[0].user}" if listeners else ""


def _publishes(container: Container, ip: str, port: int) -> bool:
    return any(port == taken and _overlap(address, ip) for address, taken in container.ports)


def _overlap(first: str, second: str) -> bool:
    """True if two addresses can't both use a port: they are equal, or one of them means all addresses."""
    return first == second or bool({first, second} & {"", "0.0.0.0", "::"})
