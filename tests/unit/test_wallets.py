"""Backups of wallets and restores, with an engine in memory. On a real one: tests/e2e/test_wallets.py."""

import gzip
import hashlib
import io
import json
import os
import posixpath
import signal
import socket
import stat
import sys
import tarfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from docker.errors import APIError, NotFound

from catalogue.node_container import WALLET_HELPER, WALLET_READER, WALLET_WRITER
from clients import signals
from clients.deployed_nodes import DeployedNode, node_of, nodes_of
from clients.fingerprint import Fingerprint
from display.errors import UserError
from providers.kind import Values
from providers.skycoin import wallet_copy
from tests.unit.wallet_engine import LowLevel, wallet
from wallets.backups import backup as backups
from wallets.backups import restore
from wallets.backups.format import read
from wallets.backups.local_folder import LocalFolder, load
from wallets.backups.restore import Restoring
from wallets.errors import WalletError
from wallets.files.archives import folders_in, from_tar, pack, to_tar, unpack
from wallets.files.contents import STAGING, File, damaged, wallets_in
from wallets.files.fingerprint import fingerprint_of
from wallets.volumes import stopped_node, users, writing
from wallets.volumes.processes import this_process
from wallets.volumes.volume import WalletVolume

URN = "urn:pulumi:test::skycoin::"
NODE = f"{URN}skycoin:index:Node::node-1"
EXPORTER = f"{URN}skycoin:index:Exporter::node-1-exporter"
WALLET, BACKUPS = "skycoin-node-1-wallet", "skycoin-node-1-wallet-backups"
TEXT = json.dumps({"meta": {"label": "precious", "type": "deterministic"}, "entries": []}).encode()
COPY = "2026-01-01T00-00-00Z"


def child(type_: str, name: str, parent: str = NODE, **more: Any) -> dict[str, Any]:
    path = parent.split("::")[2]
    return {"urn": f"{URN}{path}${type_}::{name}", "type": type_, "parent": parent, **more}


PREFLIGHT = {
    "host": "attic",
    "engine": "ssh://pi@attic.lan",
    "sshOptions": ["-p", "22"],
    "image": "r/skycoin@sha256:1",
    "wallet": WALLET,
}
RESOURCES = [
    {"urn": f"{URN}pulumi:pulumi:Stack::test", "type": "pulumi:pulumi:Stack"},
    {"urn": NODE, "type": "skycoin:index:Node", "parent": f"{URN}pulumi:pulumi:Stack::test"},
    child("skycoin:index:Preflight", "node-1-preflight", inputs=PREFLIGHT),
    child("docker:index/volume:Volume", "node-1-data", inputs={"name": "skycoin-node-1-data"}),
    child("docker:index/volume:Volume", "node-1-wallet", inputs={"name": WALLET}, protect=True),
    child("docker:index/container:Container", "node-1-container", inputs={"name": "skycoin-node-1"}),
    {"urn": EXPORTER, "type": "skycoin:index:Exporter", "parent": f"{URN}pulumi:pulumi:Stack::test"},
    child("docker:index/container:Container", "node-1-exporter-container", EXPORTER, inputs={}),
    {"urn": f"{URN}skycoin:index:Node::node-10", "type": "skycoin:index:Node"},
]
"""Resources of nodes in a state."""


@dataclass
class FakeEngine:
    """A docker client whose volumes are dictionaries, and which records all requests."""

    volumes: dict[str, dict[str, bytes]]
    running: bool = True
    room: int | None = None
    """Bytes that the disk still takes; None if it has room."""
    saves: Iterator[bytes] = field(default_factory=lambda: iter(()))
    """Content that the node has written by each further read."""
    users: Sequence[str] = ("skycoin-node-1",)
    """Containers that run on the wallet."""
    bound: Sequence[str] = ()
    """Containers that run on the folder of the wallet's volume."""
    left: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Containers that other commands have on the wallet, with their labels."""
    working: Sequence[str] = ()
    """Names of those in `left` that are running."""
    helpers: "list[FakeContainer]" = field(default_factory=list)
    """Containers of the commands in a test."""
    meanwhile: dict[str, Callable[[], object]] = field(default_factory=dict)
    """Events at steps of a restore, once each: before `create`, `stage` or `move`, or after `created`."""
    is_kept_out: bool = False
    """If true, the node's user can't write to the volume."""
    loses: bool = False
    """If true, moving files loses them."""
    noted: list[str] = field(default_factory=list)
    facts: dict[str, str] = field(default_factory=dict)
    """Facts about the engine, in a form of the Docker API."""
    options: Mapping[str, str] | None = None
    """Options of its volumes."""

    def info(self) -> dict[str, str]:
        return self.facts

    @property
    def api(self) -> LowLevel:
        return LowLevel(self)

    @property
    def containers(self) -> "FakeEngine":
        return self

    def __call__(
        self,
        *,
        all: bool = False,  # noqa: A002 docker's name
        filters: Values | None = None,
    ) -> "list[Values]":
        if filters:
            assert filters["label"] == f"{wallet_copy.LABEL}={WALLET}"
            return []
        assert all, "an engine lists paused containers, and restarting ones, only with all"
        mounts = {
            **{name: {"Name": WALLET} for name in self.users},
            **{name: {"Source": f"/volumes/{WALLET}/_data"} for name in self.bound},
        }
        return [
            {"Id": name, "Names": [f"/{name}"], "State": FakeNode(self, name).status, "Mounts": [mount]}
            for name, mount in mounts.items()
        ]

    def inspect_volume(self, name: str) -> Values:
        if name not in self.volumes:
            raise NotFound(name)
        return {"Name": name, "Mountpoint": f"/volumes/{name}/_data", "Options": self.options}

    def inspect_image(self, name: str) -> Values:
        return {"Id": name}

    def get(self, name: str) -> "FakeNode":
        return FakeNode(self, name)

    def list(
        self,
        *,
        filters: Values,
        all: bool,  # noqa: A002 docker's name
        ignore_removed: bool,
    ) -> "Sequence[FakeNode | FakeContainer]":
        assert all
        assert ignore_removed, "docker-py inspects each, and another command may remove one meanwhile"
        assert filters["label"] == f"{WALLET_HELPER}={WALLET}"
        there: Sequence[FakeNode | FakeContainer] = [
            *(FakeNode(self, name) for name in self.left),
            *self.helpers,
        ]
        return [
            container for container in there if container.status in filters.get("status", (container.status,))
        ]

    def create(
        self, image: str, *, volumes: Mapping[str, Any], **options: Any
    ) -> "FakeContainer | FakeCopying":
        assert image == PREFLIGHT["image"]
        assert options["network_mode"] == "none"
        assert options["read_only"]
        if wallet_copy.LABEL in options["labels"]:
            assert {name: mount["mode"] for name, mount in volumes.items()} == {WALLET: "ro", BACKUPS: "rw"}
            assert not self.running, "its node may be saving a wallet"
            return FakeCopying(self, options["command"][4])
        [(name, mount)] = volumes.items()
        assert name in self.volumes, "a container that names a volume makes it"
        is_writer = mount["mode"] == "rw"
        if is_writer:
            self.happen("create")
        made = FakeContainer(self, self.volumes[name], mount["bind"], options["command"], options["labels"])
        self.helpers.append(made)
        if is_writer:
            self.happen("created")
        return made

    def happen(self, step: str) -> None:
        self.meanwhile.pop(step, lambda: None)()


@dataclass
class FakeNode:
    engine: FakeEngine
    name: str

    @property
    def id(self) -> str:
        return self.name

    @property
    def status(self) -> str:
        if self.name in self.engine.left:
            return "running" if self.name in self.engine.working else "created"
        return "running" if self.engine.running or self.name != "skycoin-node-1" else "exited"

    @property
    def labels(self) -> Mapping[str, str]:
        return self.engine.left[self.name]

    @property
    def attrs(self) -> Mapping[str, Any]:
        return {"Config": {"StopTimeout": 60}}

    def stop(self, timeout: int) -> None:
        assert timeout == 60
        self.engine.noted.append(f"stop {self.name}")
        self.engine.running = False

    def start(self) -> None:
        self.engine.noted.append(f"start {self.name}")
        self.engine.running = True

    def remove(self, force: bool) -> None:
        self.engine.noted.append(f"remove {self.name}")
        self.engine.left = {name: labels for name, labels in self.engine.left.items() if name != self.name}


@dataclass(eq=False)
class FakeContainer:
    engine: FakeEngine
    files: dict[str, bytes]
    place: str
    command: list[str]
    labels: Mapping[str, str]
    status: str = "created"

    @property
    def id(self) -> str:
        return f"helper {id(self)}"

    @property
    def name(self) -> str:
        return self.id

    def _look(self) -> None:
        if self not in self.engine.helpers:
            raise NotFound(self.id)

    def get_archive(self, path: str) -> tuple[list[bytes], Values]:
        self._look()
        if (saved := next(self.engine.saves, None)) is not None:
            self.files["a.wlt"] = saved
        inside = posixpath.relpath(path, self.place)
        found = {
            posixpath.relpath(name, inside): File(data=data)
            for name, data in self.files.items()
            if inside == "." or name.startswith(f"{inside}/")
        }
        return [to_tar(found, posixpath.basename(path))], {}

    def put_archive(self, path: str, archive: bytes) -> bool:
        assert path == self.place
        self.engine.happen("stage")
        self._look()
        for name, file in from_tar(archive).items():
            room, whole = self.engine.room, file.data
            self.files[name] = whole if room is None else whole[:room]
            if room is not None:
                self.engine.room = room - len(self.files[name])
                if self.files[name] != whole:
                    raise APIError("no space left on device")
        return True

    def start(self) -> None:
        self.engine.noted.append(" ".join(self.command[:2]))
        if self.command[-1] == f"[ -w {self.place} ]":
            return
        self.status = "running"
        if self.command == ["sh", "-c", writing.MOVE]:
            self.engine.happen("move")
        self.status = "exited"
        staged = {name: data for name, data in self.files.items() if name.startswith(f"{STAGING}/")}
        for name, data in staged.items():
            del self.files[name]
            if self.command[0] == "sh" and not self.engine.loses:
                self.files[name.removeprefix(f"{STAGING}/")] = data

    def wait(self, timeout: int) -> Values:
        return {"StatusCode": int(self.engine.is_kept_out)}

    def logs(self, tail: int) -> bytes:
        return b""

    def remove(self, force: bool) -> None:
        self.engine.noted.append("remove")
        self._look()
        self.engine.helpers.remove(self)


@dataclass
class FakeCopying:
    """The container that copies a wallet on its host; its script is in test_copy_wallet.py."""

    engine: FakeEngine
    name: str
    said: str = ""

    def start(self) -> None:
        files = self.engine.volumes[WALLET]
        self.said = next(iter(damaged({name: File(data=data) for name, data in files.items()})), "")
        if not self.said:
            copies = self.engine.volumes.setdefault(BACKUPS, {})
            copies |= {f"{self.name}/{name}": data for name, data in files.items()}

    def wait(self, timeout: int) -> Values:
        assert timeout == wallet_copy.SECONDS
        return {"StatusCode": wallet_copy.DAMAGED if self.said else 0}

    def logs(self, tail: int) -> bytes:
        return (self.said or self.name).encode()

    def remove(self, force: bool) -> None:
        self.engine.noted.append("remove")


@pytest.fixture
def node(monkeypatch: pytest.MonkeyPatch) -> DeployedNode:
    monkeypatch.setattr("time.sleep", lambda _: None)
    return node_of("test", "node-1", RESOURCES)


OTHER = "12000:12001"


def of_another_user() -> DeployedNode:
    given = [
        {**resource, "inputs": {**PREFLIGHT, "user": OTHER}} if "Preflight" in resource["type"] else resource
        for resource in RESOURCES
    ]
    return node_of("test", "node-1", given)


def test_a_nodes_user_is_the_owner_that_its_preflight_recorded(node: DeployedNode) -> None:
    assert (node.user, "user" in node.host_inputs) == ("10000:10000", False)
    other = of_another_user()
    assert (other.user, other.host_inputs["user"]) == (OTHER, OTHER)


def volume(node: DeployedNode, engine: FakeEngine) -> WalletVolume:
    return WalletVolume(node, engine)


def keep(folder: Path, name: str, data: bytes) -> Path:
    return Path(LocalFolder(folder).keep(name, data))


def backup(node: DeployedNode, there: WalletVolume, folder: Path) -> Path:
    """Make an unencrypted backup; encrypted ones are in test_wallet_backups.py."""
    return Path(backups.backup(node, there, LocalFolder(folder), [], folder / ".records"))


def restore_file(node: DeployedNode, there: WalletVolume, file: Path, folder: Path) -> None:
    given = read(str(file), file.read_bytes())
    restore.restore_file(node, there, given, [], Restoring(folder=LocalFolder(folder)))


def restore_temporary(node: DeployedNode, there: WalletVolume, name: str, folder: Path) -> None:
    restore.restore_temporary(node, there, name, Restoring(folder=LocalFolder(folder)))


def restore_copy(node: DeployedNode, there: WalletVolume, name: str, folder: Path) -> None:
    restore.restore_copy(node, there, name, Restoring(folder=LocalFolder(folder)))


@pytest.mark.case(30)
def test_a_volume_that_was_created_by_hand_is_given_to_the_nodes_user_before_a_restore(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Docker gives such a volume to root; before, the files could not leave their staging folder."""
    node, engine = of_another_user(), FakeEngine({WALLET: {}})
    given: list[tuple[Any, ...]] = []

    def give(_: Any, place: Values, image: str, name: str, target: str) -> None:
        given.append((place["user"], image, name, target, dict(engine.volumes[name])))

    monkeypatch.setattr("wallets.volumes.writing.give_empty", give)
    file = keep(tmp_path, "b", pack({"a.wlt": File(data=TEXT)}))
    restore_file(node, volume(node, engine), file, tmp_path)
    assert given == [(OTHER, PREFLIGHT["image"], WALLET, "/wallet", {})]
    assert engine.volumes[WALLET] == {"a.wlt": TEXT}


def test_a_node_is_found_with_all_that_belongs_to_it(node: DeployedNode) -> None:
    assert (node.host, node.engine, node.ssh_options) == ("attic", "ssh://pi@attic.lan", ["-p", "22"])
    assert (node.container, node.wallet, node.data) == ("skycoin-node-1", WALLET, "skycoin-node-1-data")
    assert node.copies_volume == BACKUPS
    assert node.urns == [resource["urn"] for resource in RESOURCES[1:-1]]
    assert node.protected == [RESOURCES[4]["urn"]]


def test_a_command_of_docker_for_a_node_reaches_the_same_machine_as_the_program(node: DeployedNode) -> None:
    """`docker -H` takes no `-p` and no `-J`: at port 22 there may be another board, with such a wallet."""
    assert node.docker == "ssh -p 22 ssh://pi@attic.lan docker"
    key = replace(node, ssh_options=["-o", "IdentityFile=/keys/of boards"])
    assert key.docker == "ssh -o 'IdentityFile=/keys/of boards' ssh://pi@attic.lan docker"
    assert replace(node, ssh_options=[]).docker == "docker -H ssh://pi@attic.lan"
    assert replace(node, ssh_options=[], engine=None).docker == "docker"


def test_a_node_of_a_state_has_its_last_healthy_image_and_its_rollback(node: DeployedNode) -> None:
    assert (node.last_healthy, node.rollback) == ("", None)
    rollback = {"digest": "sha256:0", "reason": "stops", "date": "2026-11-26T08:00:00Z"}
    container = child(
        "skycoin:index:NodeContainer", "node-1-container", inputs={"name": "one", "rollback": rollback}
    )
    known = {**container, "outputs": {"lastHealthy": "repo@sha256:1"}}
    found = node_of("test", "node-1", [*RESOURCES[:5], known])
    assert (found.last_healthy, found.rollback) == ("repo@sha256:1", rollback)


def fleet(size: int) -> list[dict[str, Any]]:
    """A state with `size` nodes."""
    return [
        {
            key: value.replace("node-1", f"node-{number}") if isinstance(value, str) else value
            for key, value in resource.items()
        }
        for number in range(size)
        for resource in RESOURCES[1:-1]
    ]


def test_the_nodes_of_a_state_are_found_in_a_time_that_grows_with_their_number() -> None:
    """Every `make up` looks for them, and the time used to grow with the third power.

    Lines that are run are counted, because a time depends on what else this machine does.
    """

    def steps(size: int) -> int:
        count, resources, before = 0, fleet(size), sys.gettrace()

        def trace(_frame: object, event: str, _argument: object) -> Any:
            nonlocal count
            count += event == "line"
            return trace

        sys.settrace(trace)
        try:
            found = nodes_of("test", resources)
        finally:
            sys.settrace(before)
        assert len(found) == size
        return count

    assert steps(100) < steps(400) < 5 * steps(100)


def test_after_a_destroy_a_node_still_has_its_wallet() -> None:
    left = [resource for resource in RESOURCES if not resource["urn"].endswith(("-container", "-data"))]
    node = nodes_of("test", left)["node-1"]
    assert (node.container, node.data, node.wallet) == (None, None, WALLET)


@pytest.mark.parametrize(("stack", "option"), [("local", ""), ("fleet", " -s fleet")])
def test_advice_names_the_node_and_its_stack(stack: str, option: str) -> None:
    """Without the stack, the printed command would mean another stack's node."""
    node = node_of(stack, "node-1", RESOURCES)
    assert node.wallet_command("restore", "FILE") == f"./skyinfra wallet restore node-1 FILE{option}"


def test_an_unknown_node_is_refused_with_the_known_nodes() -> None:
    with pytest.raises(UserError, match=r"'node-2' is not a node of the stack test; its nodes are: node-1"):
        node_of("test", "node-2", RESOURCES)


def test_a_backup_is_dated_private_and_holds_the_wallets(node: DeployedNode, tmp_path: Path) -> None:
    engine = FakeEngine({WALLET: {"a.wlt": TEXT, "sub/note": b"x"}})
    path = backup(node, volume(node, engine), tmp_path / "new")
    assert path.name == f"node-1-wallet-{path.name[14:34]}.tar.gz"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert {name: file.data for name, file in unpack("x", path.read_bytes()).items()} == {
        "a.wlt": TEXT,
        "sub/note": b"x",
    }
    assert engine.noted == ["remove"], "the node runs on, and nothing runs beside the wallet"


SAME_DISK = "on the same disk as the wallet: copy it to another machine, or use --to.\n"


def test_a_backup_on_the_disk_of_the_wallet_is_reported(
    node: DeployedNode, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The default folder of a set-up's own node is on its only disk, and nothing said that."""
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    here = {"Name": socket.gethostname(), "DockerRootDir": str(tmp_path)}
    for number, engine in enumerate((None, "unix:///run/other.sock")):
        there = volume(replace(node, engine=engine), FakeEngine({WALLET: {"a.wlt": TEXT}}, facts=here))
        file = backup(there.node, there, tmp_path / str(number))
        assert f"\n{file} is {SAME_DISK}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("engine", "facts", "options"),
    [
        pytest.param("ssh://pi@attic.lan", {}, None, id="a board"),
        pytest.param(None, {"Name": "attic"}, None, id="a socket that leads elsewhere"),
        pytest.param(None, {"DockerRootDir": "/proc"}, None, id="another disk"),
        pytest.param(None, {"DockerRootDir": "/none"}, None, id="a virtual machine"),
        pytest.param(None, {}, {"device": "/dev/sdb1"}, id="a volume with a disk of its own"),
    ],
)
def test_a_backup_that_may_be_on_another_disk_is_not_reported(
    engine: str | None,
    facts: dict[str, str],
    options: dict[str, str] | None,
    node: DeployedNode,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    said = {"Name": socket.gethostname(), "DockerRootDir": str(tmp_path), **facts}
    there = FakeEngine({WALLET: {"a.wlt": TEXT}}, facts=said, options=options)
    local = replace(node, engine=engine)
    assert backup(local, volume(local, there), tmp_path / "to").exists()
    assert "same disk" not in capsys.readouterr().out


def test_an_engine_of_an_incomplete_answer_has_its_backup(node: DeployedNode, tmp_path: Path) -> None:
    local = replace(node, engine="unix:///run/other.sock")
    assert backup(local, volume(local, FakeEngine({WALLET: {"a.wlt": TEXT}})), tmp_path).exists()


@pytest.mark.case(38)
def test_a_backup_is_never_overwritten(tmp_path: Path) -> None:
    path = keep(tmp_path, "one.tar.gz", b"good")
    with pytest.raises(WalletError, match="already exists; backups are never overwritten"):
        keep(tmp_path, "one.tar.gz", b"bad")
    assert path.read_bytes() == b"good"
    assert [entry.name for entry in tmp_path.iterdir()] == ["one.tar.gz"]


@pytest.mark.case(38)
def test_a_backup_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.touch()
    with pytest.raises(WalletError, match=r"can't be written: .*No backup was created"):
        keep(blocked, "one.tar.gz", b"x")
    assert blocked.read_bytes() == b""


@pytest.mark.case(38)
def test_a_missing_or_misspelt_volume_is_not_created(node: DeployedNode, tmp_path: Path) -> None:
    """Before, `docker run -v` created an empty volume, and the shell emptied the last good backup."""
    engine = FakeEngine({})
    with pytest.raises(
        WalletError, match=r"no volume 'skycoin-node-1-wallet' on host attic, and none was created"
    ):
        backup(node, volume(node, engine), tmp_path)
    file = keep(tmp_path, "b", pack({"a.wlt": File(data=TEXT)}))
    with pytest.raises(WalletError, match="none was created"):
        restore_file(node, volume(node, engine), file, tmp_path)
    assert engine.volumes == {}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b"]


@pytest.mark.case(38)
def test_an_empty_wallet_is_not_backed_up(node: DeployedNode, tmp_path: Path) -> None:
    with pytest.raises(WalletError, match="holds no wallet, and was not backed up"):
        backup(node, volume(node, FakeEngine({WALLET: {"note": b"x"}})), tmp_path)
    copies = {f"{COPY}/a.wlt": TEXT}
    with pytest.raises(WalletError, match=f"skyinfra wallet restore node-1 --copy {COPY} -s test`"):
        backup(node, volume(node, FakeEngine({WALLET: {}, BACKUPS: copies})), tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.case(38)
@pytest.mark.parametrize("bad", [b"", TEXT[:-1], b"\0" * 100, b"[]", b'{"meta": 1}', b'{"meta": {}}'])
def test_a_damaged_wallet_is_neither_backed_up_nor_restored(
    node: DeployedNode, tmp_path: Path, bad: bytes
) -> None:
    engine = FakeEngine({WALLET: {"a.wlt": bad, "b.wlt": TEXT}, BACKUPS: {f"{COPY}/a.wlt": bad}})
    with pytest.raises(WalletError, match=r"a\.wlt: empty, truncated, or not a wallet"):
        backup(node, volume(node, engine), tmp_path)
    file = keep(tmp_path, "bad", pack({"a.wlt": File(data=bad)}))
    with pytest.raises(WalletError, match=r"a\.wlt: empty, truncated, or not a wallet"):
        restore_file(node, volume(node, engine), file, tmp_path)
    with pytest.raises(WalletError, match=r"a\.wlt: empty, truncated, or not a wallet"):
        restore_copy(node, volume(node, engine), COPY, tmp_path)
    assert engine.volumes[WALLET] == {"a.wlt": bad, "b.wlt": TEXT}
    assert "stop skycoin-node-1" not in engine.noted


def test_a_wallet_that_is_being_saved_is_read_again(node: DeployedNode, tmp_path: Path) -> None:
    engine = FakeEngine({WALLET: {"a.wlt": TEXT}}, saves=iter([b"", TEXT[:9], TEXT]))
    path = backup(node, volume(node, engine), tmp_path)
    assert unpack("x", path.read_bytes())["a.wlt"].data == TEXT
    restless = FakeEngine({WALLET: {}}, saves=iter([bytes([number]) for number in range(99)]))
    with pytest.raises(WalletError, match=r"changing: stop its node \(`.* stop -t 60 skycoin-node-1`\) and"):
        backup(node, volume(node, restless), tmp_path)
    restless = FakeEngine({WALLET: {}}, saves=iter([bytes([number]) for number in range(99)]))
    destroyed = replace(node, container=None)
    with pytest.raises(WalletError, match=rf"what writes to it \(`.* ps --filter volume={WALLET}` names it"):
        backup(destroyed, volume(destroyed, restless), tmp_path)


def test_a_restore_keeps_the_existing_files_and_removes_nothing(
    node: DeployedNode, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = FakeEngine({WALLET: {"a.wlt": b"torn", "new.wlt": TEXT}})
    file = keep(tmp_path, "b", pack({"a.wlt": File(data=TEXT)}))
    restore_file(node, volume(node, engine), file, tmp_path / "kept")
    assert engine.volumes[WALLET] == {"a.wlt": TEXT, "new.wlt": TEXT}
    [before] = (tmp_path / "kept").iterdir()
    assert before.name.endswith("-before-restore.tar.gz")
    assert from_tar(gzip.decompress(before.read_bytes()))["a.wlt"].data == b"torn"
    changing = [line for line in engine.noted if line != "remove"]
    assert changing[0] == "stop skycoin-node-1"
    assert engine.noted[-1] == "start skycoin-node-1"
    out = capsys.readouterr().out
    assert " does not contain them: new.wlt" in out
    assert out.startswith(f"saved what was there before: {before} (in plain text)\n")
    assert out.endswith("\nnode-1 was stopped for the restore, and runs again.\n"), "nothing was said of that"


def test_a_restore_leaves_a_copy_of_what_was_there_on_the_host(
    node: DeployedNode, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An imported key was lost: its only file was encrypted to a recipient whose secret key nobody had."""
    grown = wallet("one", "two").encode()
    engine = FakeEngine({WALLET: {"a.wlt": grown}})
    file = keep(tmp_path, "b", pack({"a.wlt": File(data=wallet("one").encode())}))
    given = read(str(file), file.read_bytes())
    how = Restoring(folder=LocalFolder(tmp_path / "kept"), older=True)
    restore.restore_file(node, volume(node, engine), given, [], how)
    assert engine.volumes[WALLET] == {"a.wlt": wallet("one").encode()}
    [(path, copied)] = engine.volumes[BACKUPS].items()
    name = path.partition("/")[0]
    assert (path, copied) == (f"{name}/a.wlt", grown)
    back = f"`./skyinfra wallet restore node-1 --copy {name} -s test` brings it back"
    assert f"\ncopied what was there before on host attic: {back}\n" in capsys.readouterr().out
    how = replace(how, folder=LocalFolder(tmp_path / "kept again"))
    restore.restore_copy(node, volume(node, engine), name, how)
    assert engine.volumes[WALLET] == {"a.wlt": grown}


@pytest.mark.case(4, 38)
def test_a_torn_wallet_is_restored_although_it_is_not_copied_on_the_host(
    node: DeployedNode, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = FakeEngine({WALLET: {"a.wlt": b"torn", "new.wlt": TEXT}})
    file = keep(tmp_path, "b", pack({"a.wlt": File(data=TEXT)}))
    restore_file(node, volume(node, engine), file, tmp_path / "kept")
    assert engine.volumes == {WALLET: {"a.wlt": TEXT, "new.wlt": TEXT}}
    reason = "a.wlt is empty, truncated or not a wallet"
    assert f"\nnot copied on host attic: {reason}\n" in capsys.readouterr().out


def test_a_restore_that_is_finished_after_an_interruption_copies_no_half_of_it(
    node: DeployedNode, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = FakeEngine({WALLET: {f"{STAGING}/a.wlt": TEXT, "b.wlt": TEXT}})
    file = keep(tmp_path, "b", pack({"a.wlt": File(data=TEXT)}))
    restore_file(node, volume(node, engine), file, tmp_path / "kept")
    assert engine.volumes == {WALLET: {"a.wlt": TEXT, "b.wlt": TEXT}}
    assert "copied" not in capsys.readouterr().out


def test_a_stopped_node_is_not_started_by_a_restore(node: DeployedNode, tmp_path: Path) -> None:
    engine = FakeEngine({WALLET: {}, BACKUPS: {f"{COPY}/a.wlt": TEXT}}, running=False)
    restore_copy(node, volume(node, engine), COPY, tmp_path)
    assert engine.volumes[WALLET] == {"a.wlt": TEXT}
    assert not [line for line in engine.noted if line.startswith(("stop", "start"))]


@pytest.mark.case(38)
@pytest.mark.parametrize("room", [0, 1, len(TEXT), len(TEXT) + 1, 2 * len(TEXT)])
def test_a_volume_that_fills_up_is_not_changed_and_the_node_starts_again(
    room: int, node: DeployedNode, tmp_path: Path
) -> None:
    engine = FakeEngine({WALLET: {"a.wlt": b"old", "c.wlt": TEXT}}, room=room)
    file = keep(tmp_path, "b", pack({f"{name}.wlt": File(data=TEXT) for name in "abd"}))
    with pytest.raises(WalletError, match="host attic: no space left on device"):
        restore_file(node, volume(node, engine), file, tmp_path)
    assert engine.volumes[WALLET] == {"a.wlt": b"old", "c.wlt": TEXT}
    # A stop whose answer was lost may still go on: it has to end before the start.
    assert engine.noted[-2:] == ["stop skycoin-node-1", "start skycoin-node-1"]


def test_a_volume_that_the_nodes_user_can_not_write_to_is_not_changed(
    node: DeployedNode, tmp_path: Path
) -> None:
    """Before, the files stayed half-way, and no `up` and no further restore got past them.

    So it was between the commands that give a volume to another user, and the `up` that records the user.
    """
    engine = FakeEngine({WALLET: {"a.wlt": TEXT}}, is_kept_out=True)
    file = keep(tmp_path, "b.tar.gz", pack({"a.wlt": File(data=TEXT), "b.wlt": File(data=TEXT)}))
    with pytest.raises(
        WalletError, match=rf"the node's user 10000:10000 can't write to {WALLET} on host attic"
    ):
        restore_file(node, volume(node, engine), file, tmp_path)
    assert engine.volumes[WALLET] == {"a.wlt": TEXT}
    assert engine.noted[-1] == "start skycoin-node-1"


@pytest.mark.parametrize("full", [False, True])
def test_a_node_that_does_not_start_after_a_restore_is_reported(
    full: bool, node: DeployedNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(_: FakeNode) -> None:
        raise APIError("the engine is gone")

    monkeypatch.setattr(FakeNode, "start", start)
    engine = FakeEngine({WALLET: {}}, room=0 if full else None)
    file = keep(tmp_path, "b", pack({"a.wlt": File(data=TEXT)}))
    reason = "host attic: no space left on device\n" if full else ""
    with pytest.raises(WalletError) as raised:
        restore_file(node, volume(node, engine), file, tmp_path)
    assert str(raised.value).startswith(f"{reason}host attic: the engine is gone\nnode-1 on host attic was ")
    assert str(raised.value).endswith(
        "not started again: run `ssh -p 22 ssh://pi@attic.lan docker start skycoin-node-1`, or `up`"
    )


def test_a_missing_copy_is_refused_with_the_existing_copies(node: DeployedNode, tmp_path: Path) -> None:
    engine = FakeEngine({WALLET: {}, BACKUPS: {f"{COPY}/a.wlt": TEXT, ".partial/a.wlt": b""}})
    with pytest.raises(WalletError, match=rf"'list' is not a copy .* its copies are: {COPY}$"):
        restore_copy(node, volume(node, engine), "list", tmp_path)


@pytest.mark.case(38)
@pytest.mark.parametrize("cut", [0, 1, 10, 60, -9, -4, -1])
def test_a_backup_that_was_cut_short_is_refused(cut: int) -> None:
    whole = pack({"a.wlt": File(data=TEXT), "b.wlt": File(data=TEXT)})
    assert wallets_in(unpack("b", whole)) == ["a.wlt", "b.wlt"]
    with pytest.raises(
        WalletError, match=r"b is not a complete backup: it is not a \.tar\.gz file, or was truncated"
    ):
        unpack("b", whole[:cut])


@pytest.mark.parametrize("name", ["../a.wlt", "/etc/a.wlt", "x/../../a.wlt"])
def test_a_backup_that_leads_out_of_the_wallets_folder_is_refused(name: str) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        tar.addfile(tarfile.TarInfo(name))
    with pytest.raises(WalletError, match="would be written outside the wallet's folder"):
        unpack("b", gzip.compress(buffer.getvalue()))


def test_a_link_is_not_a_wallet_and_is_never_restored() -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        entry = tarfile.TarInfo("a.wlt")
        entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(entry)
    with pytest.raises(WalletError, match="b holds no wallet"):
        unpack("b", gzip.compress(buffer.getvalue()))
    with pytest.raises(WalletError, match="b holds no wallet"):
        unpack("b", pack({"note": File(data=b"x")}))


def test_a_wallet_as_the_node_writes_it_is_not_damaged() -> None:
    assert damaged({"a.wlt": File(data=TEXT), "note": File(data=b"")}) == []


def state_of(**changes: Any) -> list[dict[str, Any]]:
    """The state with other inputs of some resources, which are given by the end of their names."""
    return [
        {
            **resource,
            "inputs": changes.get(resource["urn"].rpartition("node-1-")[2], resource.get("inputs", {})),
        }
        for resource in RESOURCES
    ]


def test_the_wallet_is_that_of_the_container_if_a_preflight_is_ahead_of_it() -> None:
    """After a refused change of `wallet-volume`, a restore used to go into the other volume."""
    ahead = {**PREFLIGHT, "wallet": "elsewhere", "image": "r/skycoin@sha256:2"}
    runs = {"name": "skycoin-node-1", "image": "r/skycoin@sha256:1"}
    node = node_of("test", "node-1", state_of(preflight=ahead, container=runs))
    assert (node.wallet, node.image) == (WALLET, "r/skycoin@sha256:1")


@pytest.mark.case(38)
def test_a_restore_that_lost_a_file_is_an_error(node: DeployedNode, tmp_path: Path) -> None:
    """Before, a file that was missing afterwards counted as restored."""
    engine = FakeEngine({WALLET: {"b.wlt": TEXT}}, loses=True)
    file = keep(tmp_path, "b", pack({"a.wlt": File(data=TEXT)}))
    lost = (
        r"a\.wlt in skycoin-node-1-wallet was not written correctly: its content differs from what was sent\n"
        r"saved what was there before: .*-before-"
    )
    with pytest.raises(WalletError, match=lost):
        restore_file(node, volume(node, engine), file, tmp_path / "kept")
    assert engine.noted[-1] == "start skycoin-node-1"


def of(process: str, label: str = WALLET_WRITER) -> dict[str, str]:
    """Labels of a process's container on the wallet."""
    return {WALLET_HELPER: WALLET, label: process}


KILLED = f"{this_process().rpartition(' ')[0]} 1"
"""Process whose number another one has by now."""
ELSEWHERE = "0d8f8a5e-0000-4000-8000-000000000000 pid:[4026531836] 99 1234"
"""Process of another machine."""


@pytest.mark.case(38)
def test_files_that_an_interrupted_restore_left_are_not_wallets(node: DeployedNode, tmp_path: Path) -> None:
    """Before, the files of a killed restore were counted, copied and backed up as wallets."""
    engine = FakeEngine({WALLET: {f"{STAGING}/a.wlt": TEXT, "b.wlt": TEXT}}, left={"helper": of(KILLED)})
    with pytest.raises(WalletError, match="a restore was interrupted: run it again to finish it"):
        backup(node, volume(node, engine), tmp_path)
    with pytest.raises(WalletError, match="a restore was interrupted"):
        unpack("b", pack({f"{STAGING}/a.wlt": File(data=TEXT), "b.wlt": File(data=TEXT)}))
    file = keep(tmp_path, "b", pack({"c.wlt": File(data=TEXT)}))
    restore_file(node, volume(node, engine), file, tmp_path / "kept")
    assert engine.volumes[WALLET] == {"b.wlt": TEXT, "c.wlt": TEXT}
    [before] = (tmp_path / "kept").iterdir()
    assert wallets_in(unpack("x", before.read_bytes())) == ["b.wlt"]
    assert "remove helper" in engine.noted


@pytest.mark.case(36)
@pytest.mark.parametrize(
    "users",
    [
        pytest.param({"users": ("skycoin-node-1", "other")}, id="its-volume"),
        pytest.param({"bound": ("other",)}, id="the-folder-of-its-volume"),
    ],
)
def test_a_restore_under_another_running_container_is_refused(
    node: DeployedNode, tmp_path: Path, users: Values
) -> None:
    """Before, a container of another name ran on, and could have written its old wallet back."""
    engine = FakeEngine({WALLET: {}}, **users)
    file = keep(tmp_path, "b", pack({"a.wlt": File(data=TEXT)}))
    with pytest.raises(
        WalletError, match=r"other on host attic uses skycoin-node-1-wallet too: stop it first"
    ):
        restore_file(node, volume(node, engine), file, tmp_path)
    assert engine.volumes[WALLET] == {}
    assert "stop skycoin-node-1" not in engine.noted


@pytest.mark.case(4, 38)
@pytest.mark.parametrize("recorded", [{}, {"a.wlt": {}, "b.wlt": {}}], ids=["no record", "a record"])
def test_one_of_two_torn_wallets_is_restored_without_the_other(
    node: DeployedNode, tmp_path: Path, recorded: Fingerprint
) -> None:
    """Before, the second one's content ended the restore with an internal error."""
    engine = FakeEngine({WALLET: {"a.wlt": TEXT[:20], "b.wlt": TEXT[:20]}})
    file = keep(tmp_path, "b", pack({"a.wlt": File(data=TEXT)}))
    restoring = Restoring(folder=LocalFolder(tmp_path / "x"), recorded=recorded)
    restore.restore_file(node, volume(node, engine), read(str(file), file.read_bytes()), [], restoring)
    assert engine.volumes[WALLET] == {"a.wlt": TEXT, "b.wlt": TEXT[:20]}


@pytest.mark.case(3, 35)
@pytest.mark.parametrize("present", [{}, {"a.wlt": wallet("one").encode()[:20]}], ids=["emptied", "torn"])
def test_a_restore_that_lacks_recorded_wallets_needs_older(
    node: DeployedNode, tmp_path: Path, present: dict[str, bytes]
) -> None:
    """Before, an older backup was restored and recorded, and nothing said which addresses it lacks."""
    engine = FakeEngine({WALLET: {**present}})
    whole = {
        "a.wlt": File(data=wallet("one", "two").encode()),
        "other.wlt": File(data=wallet("three").encode()),
    }
    file = keep(tmp_path, "b", pack({"a.wlt": File(data=wallet("one").encode())}))
    restoring = Restoring(folder=LocalFolder(tmp_path / "x"), recorded=fingerprint_of(whole))
    given = read(str(file), file.read_bytes())
    with pytest.raises(WalletError, match=r"has recorded for .*a\.wlt has 1 of 2 .*other\.wlt .* is gone"):
        restore.restore_file(node, volume(node, engine), given, [], restoring)
    assert engine.volumes[WALLET] == present
    restore.restore_file(node, volume(node, engine), given, [], replace(restoring, older=True))
    assert engine.volumes[WALLET] == {"a.wlt": wallet("one").encode()}


def test_a_backup_of_an_emptied_volume_names_the_newest_copy_that_has_wallets(
    node: DeployedNode, tmp_path: Path
) -> None:
    """Before, it named the mark of an accepted loss, or whatever else had a later name."""
    folders = {f"{COPY}/a.wlt": TEXT, "2026-02-01T00-00-00Z-new-wallet/.k": b"", "notes/a.txt": b""}
    engine = FakeEngine({WALLET: {}, BACKUPS: folders})
    with pytest.raises(WalletError, match=f"restore the newest copy: .* --copy {COPY} -s"):
        backup(node, volume(node, engine), tmp_path)


class SlowFolder(LocalFolder):
    """A folder on a slow disk: something else happens before the file of what was there is in it."""

    def __init__(self, path: Path, meanwhile: Callable[[], object]) -> None:
        super().__init__(path)
        self.meanwhile = meanwhile

    def keep(self, name: str, backup: bytes) -> str:
        self.meanwhile()
        return super().keep(name, backup)


def restore_slowly(node: DeployedNode, engine: FakeEngine, file: Path, place: SlowFolder) -> None:
    given = read(str(file), file.read_bytes())
    restore.restore_file(node, volume(node, engine), given, [], Restoring(folder=place))


@pytest.mark.case(36, 38)
def test_a_restore_starts_no_node_next_to_the_one_that_an_up_has_started_in_the_meantime(
    node: DeployedNode, tmp_path: Path
) -> None:
    """Before, it started the container that it had stopped, which the handover had set aside."""
    engine = FakeEngine({WALLET: {"a.wlt": TEXT}})
    file = keep(tmp_path, "b", pack({"a.wlt": File(data=TEXT), "new.wlt": File(data=TEXT)}))
    place = SlowFolder(tmp_path / "x", meanwhile=lambda: setattr(engine, "users", ("after the handover",)))
    with pytest.raises(
        WalletError, match=r"in the meantime, by an `up` or at a boot\. Nothing was changed"
    ) as refused:
        restore_slowly(node, engine, file, place)
    assert "was not started again: run `up`" in str(refused.value)
    assert "start skycoin-node-1" not in engine.noted
    assert engine.volumes[WALLET] == {"a.wlt": TEXT}


@pytest.mark.case(38)
def test_a_restore_writes_over_nothing_that_another_restore_has_just_brought_back(
    node: DeployedNode, tmp_path: Path
) -> None:
    """Two operators, two backups: before, the older one that came last took addresses away."""
    first, second = (
        keep(tmp_path, name, pack({"a.wlt": File(data=TEXT), f"{name}.wlt": File(data=TEXT)}))
        for name in ("first", "second")
    )
    engine = FakeEngine({WALLET: {"a.wlt": TEXT}})
    place = SlowFolder(
        tmp_path / "x", meanwhile=lambda: restore_file(node, volume(node, engine), second, tmp_path / "y")
    )
    engine.running = False
    with pytest.raises(WalletError, match="was changed after it was read, perhaps by another command"):
        restore_slowly(node, engine, first, place)
    assert sorted(engine.volumes[WALLET]) == ["a.wlt", "second.wlt"]


@pytest.mark.case(30)
@pytest.mark.parametrize("mode", [0o000, 0o400, 0o600, 0o640])
def test_the_owner_of_restored_wallets_can_read_and_write_them(
    mode: int, node: DeployedNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before, mode 000 came back from the backup, and the restore called the whole wallet truncated."""
    sent: list[bytes] = []

    def put_archive(self: FakeContainer, _: str, archive: bytes) -> bool:
        sent.append(archive)
        self.files |= {name: file.data for name, file in from_tar(archive).items()}
        return True

    monkeypatch.setattr(FakeContainer, "put_archive", put_archive)
    there = volume(node, FakeEngine({WALLET: {}, BACKUPS: {}}))
    monkeypatch.setattr(there, "copy", lambda _: {"a.wlt": File(data=TEXT, mode=mode)})
    restore_copy(node, there, COPY, tmp_path)
    [archive] = sent
    assert from_tar(archive)[f"{STAGING}/a.wlt"].mode == mode | 0o600
    backed_up = unpack("b", pack({"a.wlt": File(data=TEXT, mode=mode)}))
    assert backed_up["a.wlt"].mode == mode | 0o600, "tar gives the file to a user who can't read it"


@pytest.mark.case(38)
@pytest.mark.parametrize("number", signals.STOPPING)
def test_a_signal_is_delayed_until_the_files_are_in_place(number: signal.Signals) -> None:
    """Ctrl-C used to leave half of the wallets restored, and the node running on them."""
    done = []

    def work() -> None:
        with signals.uninterrupted():
            os.kill(os.getpid(), number)
            done.append("all")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == ["all"]


@pytest.mark.case(38)
def test_a_reader_that_another_command_removes_is_reported(node: DeployedNode) -> None:
    """`docker container prune` removes containers that were never started; it was called a bug."""
    engine = FakeEngine({WALLET: {"a.wlt": TEXT}})

    def pruned() -> Iterator[bytes]:
        engine.helpers.clear()
        yield TEXT

    engine.saves = pruned()
    with pytest.raises(WalletError, match="another command, such as `docker container prune`, has removed"):
        volume(node, engine).read()


@pytest.mark.case(38)
def test_a_signal_that_nohup_ignores_does_not_end_a_restore() -> None:
    """The wallets were in place, but the command ended before the stack had recorded them."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with signals.uninterrupted():
            os.kill(os.getpid(), signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_links_and_special_files_do_not_hide_a_copy(node: DeployedNode, tmp_path: Path) -> None:
    """Before, a link in one copy made the tool refuse all copies."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, kind, target in (
            ("data/2026Z", tarfile.DIRTYPE, ""),
            ("data/2026Z/l.wlt", tarfile.SYMTYPE, "a.wlt"),
            ("data/2026Z/pipe", tarfile.FIFOTYPE, ""),
            ("data/lost+found", tarfile.DIRTYPE, ""),
        ):
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = kind, target
            tar.addfile(entry)
    archive = buffer.getvalue()
    parts = [archive[:1], b"", *(archive[start : start + 700] for start in range(1, len(archive), 700))]
    assert folders_in(parts, "data") == {"2026Z", "lost+found"}
    assert from_tar(buffer.getvalue(), "data") == {"2026Z/l.wlt": File(data=b"", link="a.wlt")}


def test_a_pipe_deep_json_and_names_with_dots_cause_no_traceback(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(WalletError, match="pipe is not a file"):
        load(tmp_path / "pipe")
    deep = b'{"meta": ' + b"[" * 200_000
    assert damaged({"a.wlt": File(data=deep)}) == ["a.wlt"]
    assert from_tar(to_tar({"..dots.wlt": File(data=TEXT)}))["..dots.wlt"].data == TEXT


def test_a_backup_that_unpacks_to_more_than_wallets_have_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    packed = pack({"a.wlt": File(data=bytes(10_000))})
    monkeypatch.setattr("wallets.files.archives.LARGEST", 1000)
    with pytest.raises(WalletError, match=r"b is larger than 0 MiB unpacked"):
        unpack("b", packed)


@pytest.mark.parametrize("kind", ["hole", "hard links"])
def test_a_small_backup_that_would_fill_the_memory_is_refused(
    monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Anybody can encrypt to a recipient: 50 KB in a .tar.gz became 5 GiB, or any number, and no sentence."""
    archive = hole(5 * 2**30) if kind == "hole" else hard_links(100, bytes(100_000))
    monkeypatch.setattr("wallets.files.archives.LARGEST", 2**20)
    with pytest.raises(WalletError, match=r"the files are larger than 1 MiB in all"):
        unpack("b", gzip.compress(archive))


def hole(size: int) -> bytes:
    """Tar archive of one sparse file that has a size and no data, in GNU's old form."""
    entry = tarfile.TarInfo("mine.wlt")
    entry.type = tarfile.GNUTYPE_SPARSE
    header = bytearray(entry.tobuf(tarfile.GNU_FORMAT))
    header[386:410] = b"00000000000\0" * 2  # a piece of no bytes at the beginning
    header[483:495] = b"%011o\0" % size
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header) + bytes(1024)


def hard_links(count: int, data: bytes) -> bytes:
    """Tar archive of one file, and many further names of it."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        entry = tarfile.TarInfo("first")
        entry.size = len(data)
        archive.addfile(entry, io.BytesIO(data))
        for number in range(count):
            link = tarfile.TarInfo(f"link {number}")
            link.type, link.linkname = tarfile.LNKTYPE, "first"
            archive.addfile(link)
    return buffer.getvalue()


def test_a_volume_larger_than_wallets_are_is_not_read_to_its_end(
    node: DeployedNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node can make a file of a terabyte in its wallet volume, which the engine sends byte by byte."""
    monkeypatch.setattr("wallets.files.archives.LARGEST", 2**20)
    engine = FakeEngine({WALLET: {"a.wlt": TEXT}})
    sent: list[int] = []

    def endless(container: Any, path: str) -> Any:
        def parts() -> Iterator[bytes]:
            for number in range(100):
                sent.append(number)
                yield bytes(2**18)

        return parts(), {}

    monkeypatch.setattr(FakeContainer, "get_archive", endless)
    with pytest.raises(WalletError, match=rf"{WALLET} on host attic .* larger than 1 MiB in all"):
        backup(node, volume(node, engine), tmp_path)
    assert len(sent) == 5


def test_a_file_system_without_links_gets_its_backup_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("os.link", refuse)
    path = keep(tmp_path, "one.tar.gz", b"good")
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"good", 0o600)
    with pytest.raises(WalletError, match="never overwritten"):
        keep(tmp_path, "one.tar.gz", b"bad")
    assert path.read_bytes() == b"good"
    assert [entry.name for entry in tmp_path.iterdir()] == ["one.tar.gz"]


SAVED = json.dumps({"meta": {"label": "saved", "type": "deterministic"}, "entries": []}).encode()
SAVING = f"a.wlt.tmp.{hashlib.sha256(SAVED).hexdigest()[:8]}"


@pytest.mark.case(4)
@pytest.mark.parametrize("main", [b"", SAVED[:-3], bytes(512), TEXT, None])
def test_a_temporary_copy_replaces_its_wallet_and_nothing_is_deleted(
    node: DeployedNode, tmp_path: Path, main: bytes | None
) -> None:
    others = {SAVING: SAVED, "b.wlt": TEXT, "a.wlt.tmp.0123abcd": SAVED[:9]}
    there = others if main is None else {"a.wlt": main, **others}
    engine = FakeEngine({WALLET: dict(there)})
    restore_temporary(node, volume(node, engine), SAVING, tmp_path)
    assert engine.volumes[WALLET] == {"a.wlt": SAVED, **others}
    [before] = tmp_path.iterdir()
    assert before.name.endswith("-before-restore.tar.gz")
    kept = from_tar(gzip.decompress(before.read_bytes()))
    assert {name: file.data for name, file in kept.items()} == there
    assert engine.noted[-1] == "start skycoin-node-1"


@pytest.mark.case(4)
@pytest.mark.parametrize(
    "name", ["a.wlt.tmp.0123abcd", "a.wlt.tmp.fedc0123", "a.wlt", "list", f"sub/{SAVING}"]
)
def test_a_torn_or_missing_temporary_copy_is_refused_with_the_complete_ones(
    node: DeployedNode, tmp_path: Path, name: str
) -> None:
    there = {"a.wlt": b"", SAVING: SAVED, "a.wlt.tmp.0123abcd": SAVED[:9], f"sub/{SAVING}": SAVED}
    engine = FakeEngine({WALLET: dict(there)})
    with pytest.raises(WalletError, match=rf"is not a complete temporary copy .* its copies are: {SAVING}\."):
        restore_temporary(node, volume(node, engine), name, tmp_path)
    assert engine.volumes[WALLET] == there
    assert "stop skycoin-node-1" not in engine.noted
    assert list(tmp_path.iterdir()) == []


@dataclass
class TwoRestores:
    """Two restores of one node, each from a machine of its own, on one engine."""

    node: DeployedNode
    folder: Path
    engine: FakeEngine = field(default_factory=lambda: FakeEngine({WALLET: {"a.wlt": TEXT}}))
    refused: list[str] = field(default_factory=list)

    def restore(self, name: str) -> None:
        """Restore a file that has also the wallet `name`."""
        whole = pack({"a.wlt": File(data=TEXT), f"{name}.wlt": File(data=TEXT)})
        file = self.folder / f"{name}.tar.gz"
        file.write_bytes(whole)
        try:
            restore_file(self.node, volume(self.node, self.engine), file, self.folder / f"before {name}")
        except WalletError as error:
            self.refused.append(f"{name}: {error}")

    def second(self) -> None:
        """Restore from the other machine."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("wallets.volumes.processes.this_process", lambda: ELSEWHERE)
            patch.setattr("wallets.volumes.volume.this_process", lambda: ELSEWHERE)
            self.restore("second")


@pytest.fixture
def two(node: DeployedNode, tmp_path: Path) -> TwoRestores:
    return TwoRestores(node, tmp_path)


BUSY = "Another command, perhaps a restore on another machine, is writing to skycoin-node-1-wallet"


@pytest.mark.case(38)
@pytest.mark.parametrize("step", ["created", "stage", "move"])
def test_a_second_restore_is_refused_at_once_and_does_not_touch_the_files_of_the_first(
    two: TwoRestores, step: str
) -> None:
    """It removed the first one's container and staged files: half of a wallet could be in place."""
    two.engine.meanwhile[step] = two.second
    two.restore("first")
    [refused] = two.refused
    assert refused.startswith(f"second: {BUSY} on host attic through the container helper ")
    assert "`ssh -p 22 ssh://pi@attic.lan docker rm -f helper " in refused
    assert sorted(two.engine.volumes[WALLET]) == ["a.wlt", "first.wlt"]
    assert two.engine.helpers == []
    assert not (two.folder / "before second").exists(), "refused before anything is backed up or stopped"
    assert [event for event in two.engine.noted if "skycoin-node-1" in event] == [
        "stop skycoin-node-1",
        "start skycoin-node-1",
    ]


@pytest.mark.case(38)
def test_a_restore_that_ends_before_the_other_writes_has_restored_all_of_its_files(two: TwoRestores) -> None:
    """The other order: the first one has stopped the node, and the second is faster."""
    two.engine.meanwhile["create"] = two.second
    two.restore("first")
    [refused] = two.refused
    assert refused.startswith("first: ")
    assert "was changed after it was read, perhaps by another command" in refused
    assert sorted(two.engine.volumes[WALLET]) == ["a.wlt", "second.wlt"]
    assert two.engine.noted[-1] == "start skycoin-node-1"
    assert two.engine.helpers == []


@pytest.mark.case(38)
def test_of_two_restores_that_have_both_stopped_the_node_the_later_starts_no_node_under_the_first(
    two: TwoRestores, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The later one looks again when its own container is there, and its refusal must not start the node."""
    early = [True, False, False]  # its first look is too early
    real = users.refuse_writers

    def look(there: WalletVolume, own: Any = None) -> None:
        if not (early and early.pop(0)):
            real(there, own)

    def second() -> None:
        two.engine.running = True  # it asked before the first one stopped the node
        for module in (stopped_node, users, writing):
            monkeypatch.setattr(module, "refuse_writers", look)
        two.second()

    two.engine.meanwhile["stage"] = second
    two.restore("first")
    [refused] = two.refused
    assert refused.startswith("second: ")
    assert refused.count(BUSY) == 1
    assert "was stopped, and was not started again: run `up`" in refused
    assert sorted(two.engine.volumes[WALLET]) == ["a.wlt", "first.wlt"]
    assert two.engine.helpers == []
    started = [event for event in two.engine.noted if event == "start skycoin-node-1"]
    assert (started, two.engine.noted[-1]) == (["start skycoin-node-1"], "start skycoin-node-1")


@pytest.mark.case(38)
def test_a_restore_whose_container_was_removed_by_hand_leaves_the_next_ones_files_alone(
    two: TwoRestores,
) -> None:
    """Somebody has taken it for killed, and has restored again."""

    def second_begins() -> None:
        two.engine.helpers.clear()
        two.engine.left = {"other": of(ELSEWHERE)}
        two.engine.volumes[WALLET][f"{STAGING}/second.wlt"] = TEXT

    two.engine.meanwhile["stage"] = second_begins
    two.restore("first")
    assert "was removed by another command" in two.refused[0]
    assert "was stopped, and was not started again: run `up`" in two.refused[0]
    assert sorted(two.engine.volumes[WALLET]) == [f"{STAGING}/second.wlt", "a.wlt"]


@pytest.mark.case(38)
@pytest.mark.parametrize(
    ("left", "working", "ends"),
    [
        (of(KILLED), (), True),
        (of(this_process()), (), True),
        (of(KILLED, WALLET_READER), (), True),
        (of(KILLED), ("other",), False),
        (of(ELSEWHERE), (), False),
        (of(""), (), False),
        ({WALLET_HELPER: WALLET}, (), False),
    ],
    ids=["killed", "own", "killed reader", "still moves files", "elsewhere", "no /proc", "unknown"],
)
def test_only_a_container_whose_command_has_ended_is_removed(
    two: TwoRestores, left: dict[str, str], working: Sequence[str], ends: bool
) -> None:
    two.engine.left, two.engine.working = {"other": left}, working
    two.restore("first")
    assert ("remove other" in two.engine.noted) is ends
    assert (two.refused == []) is ends
    assert all(f"{BUSY} on host attic through the container other. " in message for message in two.refused)


@pytest.mark.case(38)
def test_a_running_backup_does_not_stop_a_restore_nor_lose_its_container(two: TwoRestores) -> None:
    """Before, the restore removed the container through which another command was reading."""
    two.engine.left = {"reader": of(ELSEWHERE, WALLET_READER)}
    two.restore("first")
    assert two.refused == []
    assert list(two.engine.left) == ["reader"]


THERE = {f"{COPY}/a.wlt": TEXT, "2026-01-02T00-00-00Z/a.wlt": TEXT}
ENDS = 7 * 512
"""End of the archive of these files, in bytes: a folder above, two folders, two files of a block each."""


@pytest.mark.case(38)
@pytest.mark.parametrize("cut", [0, 1, 300, 512, 700, *range(1024, ENDS + 1, 256), ENDS + 511])
def test_a_list_of_copies_that_arrives_incomplete_is_refused_with_a_clear_message(
    node: DeployedNode, monkeypatch: pytest.MonkeyPatch, cut: int
) -> None:
    """It was a traceback, or, cut between two files, a list without the later copies."""
    engine = FakeEngine({WALLET: {}, BACKUPS: dict(THERE)})
    assert volume(node, engine).copies() == sorted(name[:20] for name in THERE)
    cut_archives(monkeypatch, cut)
    with pytest.raises(WalletError) as refused:
        volume(node, engine).copies()
    message = str(refused.value)
    assert message.startswith(f"the copies in {BACKUPS} on host attic could not be read to their end (")
    assert "Nothing was changed. Run the same command again" in message
    assert "look for errors of that host's disk (`dmesg`)" in message


def test_a_list_of_copies_that_is_not_an_archive_is_refused_with_a_clear_message(
    node: DeployedNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = FakeEngine({WALLET: {}, BACKUPS: dict(THERE)})
    real = FakeContainer.get_archive

    def damaged_later(container: FakeContainer, path: str) -> tuple[list[bytes], Values]:
        [whole], facts = real(container, path)
        return [whole[:1024], b"x" * 512, whole[1536:]], facts

    answers: list[Callable[..., Any]] = [lambda *_: ([b"x" * 5000], {}), lambda *_: ([], {}), damaged_later]
    for answer in answers:
        monkeypatch.setattr(FakeContainer, "get_archive", answer)
        with pytest.raises(WalletError, match=f"the copies in {BACKUPS} on host attic could not be read"):
            volume(node, engine).copies()


@pytest.mark.parametrize("cut", [0, 300, 512, 1024, 1300, 1536])
def test_a_copy_that_arrives_incomplete_is_not_restored(
    node: DeployedNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cut: int
) -> None:
    """It was said to hold no wallet, and, cut between two files, would have lacked the later ones."""
    there = {f"{COPY}/a.wlt": TEXT, f"{COPY}/b.wlt": TEXT}
    engine = FakeEngine({WALLET: {}, BACKUPS: there})
    cut_archives(monkeypatch, cut, below=f"/{COPY}")
    with pytest.raises(
        WalletError,
        match=rf"the files of the copy {COPY} in {BACKUPS} on host attic could not be read to their end",
    ):
        restore_copy(node, volume(node, engine), COPY, tmp_path)
    assert engine.volumes[WALLET] == {}
    assert "stop skycoin-node-1" not in engine.noted


def cut_archives(monkeypatch: pytest.MonkeyPatch, at: int, below: str = "") -> None:
    """Let the engine end archives of a path early, as it does when it can't read a file to its end."""
    real = FakeContainer.get_archive

    def cut(container: FakeContainer, path: str) -> tuple[list[bytes], Values]:
        [whole], facts = real(container, path)
        return [whole[:at] if path.endswith(below) else whole], facts

    monkeypatch.setattr(FakeContainer, "get_archive", cut)


@pytest.mark.case(38)
def test_a_wallet_that_always_arrives_incomplete_is_not_backed_up(
    node: DeployedNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An archive that ends between two files was taken for a whole one: the backup lacked a wallet."""
    engine = FakeEngine({WALLET: {"a.wlt": TEXT, "b.wlt": TEXT}})
    cut_archives(monkeypatch, 512 + 1024)
    with pytest.raises(WalletError, match=r"keeps changing: stop its node .* errors of that host's disk"):
        backup(node, volume(node, engine), tmp_path)
    assert list(tmp_path.iterdir()) == []
