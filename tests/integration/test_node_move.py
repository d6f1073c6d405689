"""`skyinfra node move`: refusals, the transfer of the wallets, and an interruption at each step."""

import copy
import errno
import hashlib
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from catalogue.node_container import NODE as LABEL
from clients.deployed_nodes import DeployedNode
from clients.errors import FormError, ServiceError
from clients.fingerprint import Fingerprint, digest, lines
from clients.host_checks import Finding, Level
from clients.silent_engines import Address
from clients.wallet_on_host import WalletOnHost
from fleet.check import HostCheck
from local.machine.layout import Layout
from providers.skycoin.wallet_identity import fault
from tests.unit.command_line import Ran, Skyinfra
from tests.unit.moving_engines import IMAGE, Board, Node, Requests
from tests.unit.projects import FILES, stack_settings, up_with
from tests.unit.test_wallet_backups import KEY, data_of, sealed, wallet
from tests.unit.test_wallets import URN, child
from tests.unit.yaml_like import EXPORTER
from wallets import moving
from wallets.asking import ask
from wallets.errors import PartialError, WalletError
from wallets.files.contents import STAGING, Contents, File
from wallets.files.fingerprint import fingerprint_of

NODE, WALLET = "skycoin-one", "skycoin-one-wallet"
TEXT = """\
config:
  skycoin:images-from: organization/skycoin/release
  skycoin:hosts:
    attic: {engine: "ssh://pi@attic.lan"}
    shed: {engine: "ssh://pi@shed.lan"}
    arm: {engine: "ssh://pi@arm.lan", arch: arm64v8}
    same: {engine: "ssh://me@attic.lan:22"}
  skycoin:nodes:
    one: {image: skycoin, host: attic} # kept
"""
MOVED = TEXT.replace("host: attic}", "host: shed}")
MINE = {"mine": wallet("one", "two"), "other": wallet("three", seed="x")}
CONTENTS = {f"{name}.wlt": File(data=data) for name, data in MINE.items()}
FINGERPRINT = digest(fingerprint_of(CONTENTS))


class Fleet:
    """Three boards, the stack's file and state, and a fake pulumi."""

    def __init__(self, folder: Path, file: Path) -> None:
        self.requests = Requests()
        self.boards = {
            f"ssh://pi@{name}.lan": Board(folder / name, self.requests) for name in ("attic", "shed", "arm")
        }
        self.attic, self.shed, self.arm = self.boards.values()
        self.file = file
        file.write_text(TEXT)
        self.attic.make(WALLET, **MINE)
        self.attic.make(f"{WALLET}-backups")
        self.attic.run(NODE, wallet=WALLET)
        self.shed.root.mkdir()
        self.arm.root.mkdir()
        self.resources = resources("attic")
        self.fails = ""
        """The pulumi command that fails, or is interrupted."""
        self.interrupts = False
        self.calls: list[list[str]] = []
        self.dead = set[str]()
        self.silence = "ssh: connect to host attic.lan port 22: No route to host"
        self.findings: list[Finding] = []

    def connect(self, place: Any) -> Board:
        return self.boards[place["engine"]]

    def pulumi(self, command: Sequence[str], *_: object) -> int:
        self.calls.append(list(command))
        if self.fails and self.fails in command:
            if self.interrupts:
                raise KeyboardInterrupt
            return 255
        if command[0] == "destroy":
            self.resources = []
            self.attic.nodes.pop(NODE, None)
        if command[:2] == ["state", "delete"]:
            self.resources = [resource for resource in self.resources if resource["urn"] != command[2]]
        if command[0] == "up":
            self._up(command)
        return 0

    def _up(self, command: Sequence[str]) -> None:
        text = Path(command[command.index("--config-file") + 1]).read_text()
        assert self.file.read_text() == text, "the file says what is done"
        host = yaml.safe_load(text)["config"]["skycoin:nodes"]["one"]["host"]
        assert f"urn:pulumi:test::skycoin::pulumi:providers:docker::{host}" in command
        for board in self.boards.values():
            assert board.nodes.get(NODE) is None or board is self.attic, "two nodes of one wallet"
        self.resources = [resource for resource in resources(host) if is_target(command, resource["urn"])]
        if any(resource["urn"].endswith("::one-container") for resource in self.resources):
            self.boards[f"ssh://pi@{host}.lan"].run(NODE, wallet=WALLET)

    def check(self, places: Sequence[Any]) -> list[HostCheck]:
        [place] = places
        [tenant] = place.tenants
        assert tenant.wallet == WALLET
        return [HostCheck(planned=place, facts=None, findings=self.findings)]

    def silent(self, addresses: Sequence[Address]) -> dict[Address, str]:
        return {address: self.silence for address in addresses if address.engine in self.dead}

    @property
    def running(self) -> list[str]:
        return [
            address
            for address, board in self.boards.items()
            if NODE in board.nodes and board.nodes[NODE].status == "running"
        ]


def is_target(command: Sequence[str], urn: str) -> bool:
    """True if an update targets a resource. As in Pulumi, `**` matches anything, `*` all but colons."""
    given = [command[at + 1] for at, part in enumerate(command) if part == "--target"]
    patterns = (re.escape(pattern).replace(r"\*\*", ".*").replace(r"\*", "[^:]*") for pattern in given)
    return any(re.fullmatch(pattern, urn) for pattern in patterns)


def resources(host: str) -> list[dict[str, Any]]:
    """State of the node on a host, with its record of the wallets."""
    urn = f"{URN}skycoin:index:Node::one"
    place = {"host": host, "engine": f"ssh://pi@{host}.lan", "image": IMAGE, "wallet": WALLET}
    memory = {"wallets": sorted(lines(fingerprint_of(CONTENTS)))}
    return [
        {"urn": urn, "type": "skycoin:index:Node"},
        child("skycoin:index:Preflight", "one-preflight", urn, inputs=place, outputs=memory),
        child("docker:index/volume:Volume", "one-wallet", urn, inputs={"name": WALLET}, protect=True),
        child("skycoin:index:NodeContainer", "one-container", urn, inputs={"name": NODE, "image": IMAGE}),
    ]


@pytest.fixture
def fleet(set_up: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fleet:
    file = tmp_path / "stacks" / "Pulumi.test.yaml"
    file.parent.mkdir()
    for module in ("local.stacks.files", "local.stacks.stack", "local.stacks.missing_nodes"):
        monkeypatch.setattr(f"{module}.PROJECT", tmp_path)
    made = Fleet(tmp_path / "hosts", file)
    monkeypatch.setattr("wallets.volumes.volume.PAUSE", 0)
    monkeypatch.setattr("commands.backend.resources", lambda *_: copy.deepcopy(made.resources))
    monkeypatch.setattr("wallets.volumes.of_node.connect", made.connect)
    for module in ("moving", "removal"):
        monkeypatch.setattr(f"commands.node.{module}.pulumi", made.pulumi)
    monkeypatch.setattr("commands.node.moving.check", made.check)
    monkeypatch.setattr("commands.node.origin.silent", made.silent)
    return made


def move(skyinfra: Skyinfra, host: str = "shed", *options: str) -> Ran:
    return skyinfra("node", "move", "one", "--to", host, "-s", "test", "--yes", *options)


def test_a_node_moves_with_its_wallets_and_its_old_volume_stays(fleet: Fleet, skyinfra: Skyinfra) -> None:
    before = fleet.attic.files(WALLET)
    ran = move(skyinfra)
    assert ran.code == 0, ran.err
    assert fleet.attic.files(WALLET) == before == fleet.shed.files(WALLET)
    assert fleet.running == ["ssh://pi@shed.lan"]
    assert fleet.file.read_text() == MOVED
    assert ran.out.startswith(
        f"one on host attic moves to host shed, with 2 wallets with 3 addresses, fingerprint {FINGERPRINT}.\n"
    )
    assert (
        "\none on host shed runs with the same wallets: 2 wallets with 3 addresses, fingerprint "
        f"{FINGERPRINT}.\n" in ran.out
    )
    assert f"Kept on host attic: wallet volume {WALLET}, its copies in {WALLET}-backups." in ran.out
    assert "The old volumes are only a copy now: host attic refuses to run a node on them." in ran.out
    assert [call[0] for call in fleet.calls] == ["state", "destroy", "up"]
    remembered = (fleet.shed.folder(f"{WALLET}-backups") / ".identity").read_text().splitlines()
    assert remembered[0] == (fleet.shed.folder(WALLET) / ".skyinfra-id").read_text().strip()
    assert sorted(remembered[1:]) == sorted(lines(fingerprint_of(CONTENTS)))


def test_a_wallet_whose_name_is_not_utf_8_moves_byte_by_byte(fleet: Fleet, skyinfra: Skyinfra) -> None:
    name = b"geldb\xf6rse.wlt".decode(errors="surrogateescape")
    (fleet.attic.folder(WALLET) / name).write_bytes(NEW)
    ran = move(skyinfra)
    assert ran.code == 0, ran.err
    assert fleet.shed.files(WALLET) == fleet.attic.files(WALLET)
    assert fleet.shed.files(WALLET)[name] == NEW


@pytest.mark.case(30)
def test_a_node_of_another_user_moves_into_volumes_that_are_given_to_that_user_first(
    fleet: Fleet, skyinfra: Skyinfra
) -> None:
    preflight = next(resource for resource in fleet.resources if resource["urn"].endswith("::one-preflight"))
    preflight["inputs"] = {**preflight["inputs"], "user": "12000:12001"}
    fleet.file.write_text(TEXT.replace("host: attic}", 'host: attic, user: "12000:12001"}'))
    ran = move(skyinfra)
    assert ran.code == 0, ran.err
    assert fleet.attic.files(WALLET) == fleet.shed.files(WALLET)
    given = [container for container in fleet.shed.asked if "give" in container["command"]]
    assert {volume for container in given for volume in container["volumes"]} == {WALLET, f"{WALLET}-backups"}
    others = [container for container in fleet.shed.asked if container not in given]
    first = next(container for container in fleet.shed.asked if WALLET in container["volumes"])
    assert first in given
    assert {other["user"] for other in others if other["command"] != ["true"]} == {"12000:12001"}
    modes = {mount["mode"] for other in others for mount in other["volumes"].values()}
    assert modes == {"ro,nocopy", "rw,nocopy"}


def fault_at(board: Board) -> str:
    """Why `up` would refuse the wallet on a host; empty if it would accept it."""
    known = WalletOnHost(board, {"host": "here", "image": IMAGE, "container": NODE, "wallet": WALLET})
    identity, before = known.recorded()
    return fault(known.read_wallets(before), identity, before)


@pytest.mark.parametrize("remembers", [False, True])
def test_the_old_copy_is_refused_to_a_node_until_it_is_moved_back(
    remembers: bool, fleet: Fleet, skyinfra: Skyinfra
) -> None:
    if remembers:
        known = WalletOnHost(fleet.attic, {"host": "attic", "image": IMAGE, "wallet": WALLET})
        known.record(fingerprint_of(CONTENTS))
    assert move(skyinfra).code == 0
    assert (fault_at(fleet.attic), fault_at(fleet.shed)) == (
        "is not the same volume as before: it does not have the recorded id",
        "",
    )
    fleet.attic, fleet.shed = fleet.shed, fleet.attic
    assert move(skyinfra, "attic").code == 0
    fleet.attic, fleet.shed = fleet.shed, fleet.attic
    assert fault_at(fleet.attic) == ""
    assert "is not the same volume as before" in fault_at(fleet.shed)


def test_an_old_host_that_could_not_record_its_copy_is_reported(
    fleet: Fleet, skyinfra: Skyinfra, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clients.wallet_on_host.WRITE_COPY_RECORD", "echo full; exit 1")
    ran = move(skyinfra)
    assert ran.code == 1
    assert ran.err.endswith(
        f"\nhost attic: {WALLET}-backups can't be written: full\nHost attic could not be marked as "
        "holding only a copy, and would let a node run on its volumes: never start one there.\n"
    )
    assert fleet.running == ["ssh://pi@shed.lan"]


def test_no_word_of_a_seed_is_printed_or_given_to_pulumi(fleet: Fleet, skyinfra: Skyinfra) -> None:
    ran = move(skyinfra)
    assert "canary" not in f"{ran}{fleet.calls}"
    assert b"canary" in fleet.shed.files(WALLET)["mine.wlt"]


def test_a_node_without_a_wallet_moves_too(fleet: Fleet, skyinfra: Skyinfra) -> None:
    for name in MINE:
        (fleet.attic.folder(WALLET) / f"{name}.wlt").unlink()
    fleet.resources[1]["outputs"] = {}
    assert "with 0 wallets with 0 addresses" in move(skyinfra).out
    assert fleet.running == ["ssh://pi@shed.lan"]


def test_a_container_that_a_killed_up_left_is_not_forgotten_on_the_old_host(
    fleet: Fleet, skyinfra: Skyinfra
) -> None:
    """Found by the simulation: it stayed on the old host, stopped, on the wallet that had moved away."""
    [*fleet.resources, _] = fleet.resources
    fleet.attic.nodes[NODE] = Node(fleet.attic, NODE, {"/wallet": WALLET}, status="created")
    fleet.attic.nodes[NODE].labels = {LABEL: "urn of one's container"}
    ran = move(skyinfra)
    assert ran.code == 1
    assert f"host attic has {NODE}, a node's container on {WALLET} that the state of test lacks" in ran.err
    assert f"or remove it (`docker -H ssh://pi@attic.lan rm {NODE}`; volumes stay)" in ran.err
    assert (fleet.calls, fleet.file.read_text(), fleet.shed.files(WALLET)) == ([], TEXT, {})
    del fleet.attic.nodes[NODE]
    assert move(skyinfra).code == 0


@pytest.mark.parametrize("answer", ["n\n", "\n"])
def test_answering_no_changes_nothing(
    answer: str, fleet: Fleet, skyinfra: Skyinfra, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = SimpleNamespace(stdin=SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr("commands.agreement.sys", terminal)
    ran = skyinfra("node", "move", "one", "--to", "shed", "-s", "test", given=answer)
    assert ran.code == 1
    assert ran.err.endswith("Nothing was changed.\n")
    assert_nothing_changed(fleet)


def assert_nothing_changed(fleet: Fleet) -> None:
    """Assert that nothing was changed."""
    assert fleet.calls == []
    assert fleet.file.read_text() == TEXT
    assert fleet.running == ["ssh://pi@attic.lan"]
    assert fleet.shed.files(WALLET) == {}


def test_without_a_terminal_a_move_is_refused(fleet: Fleet, skyinfra: Skyinfra) -> None:
    ran = skyinfra("node", "move", "one", "--to", "shed", "-s", "test")
    assert (ran.code, "There is no terminal to ask: `--yes` proceeds." in ran.err) == (
        1,
        True,
    )
    assert_nothing_changed(fleet)


@pytest.mark.parametrize("host", ["attic", "same"])
def test_the_same_engine_is_not_a_move(host: str, fleet: Fleet, skyinfra: Skyinfra) -> None:
    ran = move(skyinfra, host)
    assert ran.code == 1
    assert f"one on host attic: its volumes are already on {host}; run `up` to finish the move" in ran.err
    assert_nothing_changed(fleet)


def test_a_host_at_the_same_address_behind_another_jump_host_is_another_engine(
    fleet: Fleet, skyinfra: Skyinfra
) -> None:
    """The ids of the engines decide whether they are two: here, both addresses reach one."""
    same = 'same: {engine: "ssh://me@attic.lan:22"'
    fleet.file.write_text(TEXT.replace(same, f"{same}, ssh-options: [-J, me@gate]"))
    fleet.boards["ssh://me@attic.lan:22"] = fleet.attic
    ran = move(skyinfra, "same")
    assert (ran.code, "are the same engine (" in ran.err) == (1, True)


@pytest.mark.case(36)
@pytest.mark.parametrize("has_container", [True, False])
def test_the_same_engine_at_another_address_is_not_a_move(
    has_container: bool, fleet: Fleet, skyinfra: Skyinfra
) -> None:
    """Before, the volume that the node keeps using was recorded as a mere copy."""
    fleet.boards["ssh://pi@shed.lan"] = fleet.attic
    if not has_container:
        del fleet.resources[-1]
        del fleet.attic.nodes[NODE]
    ran = move(skyinfra)
    assert ran.code == 1
    assert (
        "host attic (ssh://pi@attic.lan) and host shed (ssh://pi@shed.lan) are the same engine (" in ran.err
    )
    assert (
        "`./skyinfra node retire one -s test`, which keeps the volumes; then write the node's entry"
        in ran.err
    )
    assert "docker rm" not in ran.err
    assert (fleet.calls, fleet.file.read_text()) == ([], TEXT)
    assert fleet.attic.asked == []
    assert fault_at(fleet.attic) == ""


def test_machines_of_one_memory_card_are_two_engines(fleet: Fleet, skyinfra: Skyinfra) -> None:
    """Docker keeps its id on the disk, so copies of a memory card share it; their host names differ."""
    fleet.attic.identity = fleet.shed.identity = "id of the card"
    assert move(skyinfra).code == 0


def test_two_engines_of_one_machine_are_different_engines(fleet: Fleet, skyinfra: Skyinfra) -> None:
    """Docker before 23 keeps its id in /etc/docker/key.json, which all engines of a machine share."""
    fleet.attic.identity = fleet.shed.identity = "id of the machine"
    fleet.attic.name = fleet.shed.name = "machine"
    assert move(skyinfra).code == 0


@pytest.mark.case(30)
def test_a_node_that_gets_another_user_does_not_move_at_the_same_time(
    fleet: Fleet, skyinfra: Skyinfra
) -> None:
    """Moved wallets used to belong to the former user, and the node was down until somebody ran chown."""
    other = TEXT.replace("host: attic}", 'host: attic, user: "12000:12000"}')
    fleet.file.write_text(other)
    ran = move(skyinfra)
    assert ran.code == 1
    assert ran.err.endswith(
        "error: one has the user 10000:10000 in the state of test, but 12000:12000 in "
        "stacks/Pulumi.test.yaml: a move keeps the user, who owns the wallets. Write `user: "
        '"10000:10000"` there, and change the user when the node has moved; or change it first '
        "(docs/wallets.md, “Another user”). Nothing was changed.\n"
    )
    assert (fleet.calls, fleet.shed.files(WALLET), fleet.file.read_text()) == ([], {}, other)
    assert fleet.running == ["ssh://pi@attic.lan"]
    fleet.file.write_text(other.replace("12000:12000", "10000:10000"))
    assert move(skyinfra).code == 0


def test_an_unknown_host_is_refused_with_the_known_hosts(fleet: Fleet, skyinfra: Skyinfra) -> None:
    ran = move(skyinfra, "celar")
    assert ran.code == 1
    assert "skycoin:nodes.one.host" in ran.err
    assert "attic" in ran.err
    assert_nothing_changed(fleet)


def test_a_host_that_is_not_fit_is_refused_and_a_warning_is_reported(
    fleet: Fleet, skyinfra: Skyinfra
) -> None:
    def finding(level: Level) -> Finding:
        return Finding(host="shed", check="x", level=level, problem=f"is {level}", remedy="Do it", key="k")

    fleet.findings = [finding(Level.UNKNOWN), finding(Level.REFUSED), finding(Level.WARNED)]
    ran = move(skyinfra)
    assert ran.err.endswith(
        "error: host shed is unknown. Do it (k).\nhost shed is refused. Do it (k).\nNothing was changed.\n"
    )
    assert_nothing_changed(fleet)
    fleet.findings = [finding(Level.WARNED)]
    ran = move(skyinfra)
    assert (ran.code, "warning: host shed is warned. Do it (k).\n" in ran.err) == (0, True)


def test_a_container_of_that_name_is_not_touched(fleet: Fleet, skyinfra: Skyinfra) -> None:
    fleet.shed.run(NODE)
    ran = move(skyinfra)
    assert ran.code == 1
    assert f"host shed already has a container {NODE}. Nothing was changed." in ran.err
    assert fleet.calls == []
    assert fleet.attic.nodes[NODE].status == "running"


def test_a_volume_that_another_container_runs_on_is_not_touched(fleet: Fleet, skyinfra: Skyinfra) -> None:
    fleet.shed.make(WALLET)
    fleet.shed.run("stranger", wallet=WALLET)
    ran = move(skyinfra)
    assert f"stranger on host shed uses {WALLET} too: stop it first" in ran.err
    assert_nothing_changed(fleet)


@pytest.mark.parametrize(
    ("there", "expected"),
    [
        ({"mine": wallet("one")}, "The new wallets have all of its addresses"),
        ({"mine": wallet("nine")}, "Back it up before you do anything else with it"),
        ({"strange": wallet("nine")}, "Back it up before you do anything else with it"),
    ],
    ids=["older", "another", "beside"],
)
def test_wallets_on_the_new_host_are_never_overwritten(
    there: dict[str, bytes], expected: str, fleet: Fleet, skyinfra: Skyinfra
) -> None:
    fleet.shed.make(WALLET, **there)
    before = fleet.shed.files(WALLET)
    ran = move(skyinfra)
    assert ran.code == 1
    assert (
        f"the volume {WALLET} on host shed is not empty: it has {next(iter(there))}.wlt. Nothing was"
        in ran.err
    )
    assert expected in ran.err
    assert f"`docker -H ssh://pi@shed.lan volume rm {WALLET}`" in ran.err
    assert (fleet.shed.files(WALLET), fleet.calls, fleet.file.read_text()) == (before, [], TEXT)
    assert fleet.running == ["ssh://pi@attic.lan"]


@pytest.mark.parametrize(
    ("path", "data"),
    [
        (f"mine.wlt.tmp.{hashlib.sha256(wallet('nine')).hexdigest()[:8]}", wallet("nine")),
        ("old/mine.wlt", wallet("nine")),
        ("mine.wlt", wallet("nine")[:-9]),
    ],
    ids=["temporary", "folder", "torn"],
)
def test_a_volume_with_more_than_whole_wallets_is_never_called_known(
    path: str, data: bytes, fleet: Fleet, skyinfra: Skyinfra
) -> None:
    """An operator who removed such a volume as known would lose the only copy of its content."""
    fleet.shed.make(WALLET)
    file = fleet.shed.folder(WALLET) / path
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(data)
    ran = move(skyinfra)
    assert f"is not empty: it has {path}. Nothing was changed. Back it up before you do anything" in ran.err
    assert fleet.shed.files(WALLET) == {path: data}


def test_a_new_host_whose_record_holds_more_is_refused_and_the_node_keeps_running(
    fleet: Fleet, skyinfra: Skyinfra, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Node, "stop", None)
    fleet.shed.make(f"{WALLET}-backups")
    memory = fleet.shed.folder(f"{WALLET}-backups") / ".identity"
    known = fingerprint_of({"lost.wlt": File(data=wallet("nine"))})
    memory.write_text("\n".join(["0" * 32, *lines(known), ""]))
    ran = move(skyinfra)
    assert (
        f"host shed has recorded more in {WALLET} than the new wallets have: lost.wlt (1 address) is gone."
        in ran.err
    )
    assert_nothing_changed(fleet)
    assert fleet.attic.nodes[NODE].status == "running"


COPIES = f"{WALLET}-backups"
OF_ROOT = b"unwritable drwx------ 0 0 /volume\nend"


@pytest.mark.case(30)
@pytest.mark.parametrize(
    ("volume", "listed", "named"),
    [
        (WALLET, OF_ROOT, "the volume's own folder (drwx------) of 0:0"),
        (WALLET, b"unwritable -rw-r--r-- 0 0 /volume/mine.wlt\nend", "'mine.wlt' (-rw-r--r--) of 0:0"),
        (COPIES, OF_ROOT, "the volume's own folder (drwx------) of 0:0"),
        (COPIES, b"unreadable -rw------- 0 0 /volume/.identity\nend", "'.identity' (-rw-------) of 0:0"),
    ],
    ids=["wallet volume", "wallet", "copies", "record"],
)
def test_a_volume_of_another_user_on_the_new_host_is_refused_before_the_node_is_stopped(
    volume: str,
    listed: bytes,
    named: str,
    fleet: Fleet,
    skyinfra: Skyinfra,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The node was stopped, its wallets were copied, and only then was the record refused."""
    fleet.shed.make(volume)
    fleet.shed.foreign[volume] = listed
    stops: list[int] = []
    monkeypatch.setattr(Node, "stop", lambda *_, timeout: stops.append(timeout))
    ran = move(skyinfra)
    assert ran.code == 1
    assert f"host shed: {volume}: The node's user 10000:10000 can't use {named}." in ran.err
    assert f"-v {volume}:/volume" in ran.err
    assert ran.err.endswith("Nothing was changed.\n")
    assert ran.err.count("host shed") == 1
    assert stops == []
    assert_nothing_changed(fleet)


@pytest.mark.case(30)
def test_copies_that_the_nodes_user_can_not_read_are_refused_before_the_node_is_stopped(
    fleet: Fleet, skyinfra: Skyinfra, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet.shed.make(COPIES)
    fleet.shed.shut.add(COPIES)
    stops: list[int] = []
    monkeypatch.setattr(Node, "stop", lambda *_, timeout: stops.append(timeout))
    ran = move(skyinfra)
    assert ran.code == 1
    assert ran.err.endswith(f"host shed: {COPIES} can't be read: Permission denied. Nothing was changed.\n")
    assert ran.err.count("host shed") == 1
    assert stops == []
    assert_nothing_changed(fleet)


def test_files_of_another_user_that_the_move_does_not_need_do_not_stop_it(
    fleet: Fleet, skyinfra: Skyinfra
) -> None:
    fleet.shed.make(COPIES)
    old = b"unreadable drwx------ 0 0 /volume/2026-01-01T00-00-00Z\n"
    fleet.shed.foreign[COPIES] = old + b"unwritable -rw-r--r-- 0 0 /volume/.identity\nend"
    assert move(skyinfra).code == 0


@pytest.mark.parametrize(
    ("expected", "named"),
    [
        ("full", "host attic: full"),
        ("host attic: full", "host attic: full"),
        ("host attic, r/skycoin@sha256:1: full", "host attic, r/skycoin@sha256:1: full"),
        ("host attic can't pull r/skycoin", "host attic can't pull r/skycoin"),
        ("host attic-2: full", "host attic: host attic-2: full"),
    ],
)
def test_an_error_names_its_host_only_once(expected: str, named: str) -> None:
    def fail() -> None:
        raise ServiceError(expected)

    with pytest.raises(WalletError) as refused:
        ask("attic", fail)
    assert str(refused.value) == named


def meanwhile(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], object]) -> None:
    """Let something happen after the first check, while the new host pulls the image."""

    def pull_image(target: DeployedNode) -> None:
        moving.pull_image(target)
        happens()

    monkeypatch.setattr("commands.node.moving.pull_image", pull_image)


def test_a_wallet_that_appears_on_the_new_host_in_the_meantime_is_not_overwritten(
    fleet: Fleet, skyinfra: Skyinfra, monkeypatch: pytest.MonkeyPatch
) -> None:
    anothers = wallet("nine")
    meanwhile(monkeypatch, lambda: fleet.shed.make(WALLET, mine=anothers))
    ran = move(skyinfra)
    assert ran.code == 1
    assert f"the volume {WALLET} on host shed is not empty: it has mine.wlt. Nothing was" in ran.err
    assert fleet.shed.files(WALLET) == {"mine.wlt": anothers}
    assert (fleet.calls, fleet.file.read_text()) == ([], TEXT)
    assert fleet.running == ["ssh://pi@attic.lan"]


def test_a_volume_that_another_container_uses_in_the_meantime_is_not_touched(
    fleet: Fleet, skyinfra: Skyinfra, monkeypatch: pytest.MonkeyPatch
) -> None:
    def taken() -> None:
        fleet.shed.make(WALLET)
        fleet.shed.run("stranger", wallet=WALLET)

    meanwhile(monkeypatch, taken)
    assert f"stranger on host shed uses {WALLET} too: stop it first" in move(skyinfra).err
    assert_nothing_changed(fleet)


EDITED = f"{TEXT}# mine\n"


def test_an_edit_of_the_file_during_the_question_is_kept(
    fleet: Fleet, skyinfra: Skyinfra, monkeypatch: pytest.MonkeyPatch
) -> None:
    meanwhile(monkeypatch, lambda: fleet.file.write_text(EDITED))
    ran = move(skyinfra)
    assert ran.code == 1
    assert ran.err.endswith(
        f"error: {fleet.file} was edited since this command read it, and was not changed. Run the same "
        "command again, which starts with the edited file.\n"
    )
    assert (fleet.calls, fleet.file.read_text()) == ([], EDITED)
    assert fleet.running == ["ssh://pi@attic.lan"]
    assert fleet.shed.files(WALLET) == {}, "it was edited before the wallets came"


def test_an_edit_of_the_file_while_wallets_are_copied_is_kept(
    fleet: Fleet, skyinfra: Skyinfra, monkeypatch: pytest.MonkeyPatch
) -> None:
    def copy_wallets(target: DeployedNode, contents: Contents) -> Fingerprint:
        carried = moving.copy_wallets(target, contents)
        fleet.file.write_text(EDITED)
        return carried

    with monkeypatch.context() as patched:
        patched.setattr("commands.node.moving.copy_wallets", copy_wallets)
        ran = move(skyinfra)
    assert (ran.code, fleet.calls, fleet.file.read_text()) == (1, [], EDITED)
    assert "was edited since this command read it, and was not changed. Run the same command" in ran.err
    assert fleet.running == ["ssh://pi@attic.lan"]
    assert move(skyinfra).code == 0
    assert fleet.file.read_text() == EDITED.replace("host: attic}", "host: shed}")


def moved_to_barn(fleet: Fleet) -> None:
    """Let another command move the node to barn, where its wallet grows."""
    barn = Board(fleet.attic.root.parent / "barn", fleet.requests)
    fleet.boards["ssh://pi@barn.lan"] = barn
    barn.make(WALLET, **MINE, grown=wallet("nine"))
    barn.run(NODE, wallet=WALLET)
    fleet.resources = resources("barn")
    del fleet.attic.nodes[NODE]


def test_a_node_that_was_moved_before_the_answer_is_not_moved_again(
    fleet: Fleet, skyinfra: Skyinfra, monkeypatch: pytest.MonkeyPatch
) -> None:
    meanwhile(monkeypatch, lambda: moved_to_barn(fleet))
    ran = move(skyinfra)
    assert ran.code == 1
    assert "one in the state of test has changed since this command started (moved or updated)." in ran.err
    assert (fleet.calls, fleet.file.read_text()) == ([], TEXT)
    assert fleet.running == ["ssh://pi@barn.lan"]
    assert fleet.shed.files(WALLET) == {}


def test_a_node_that_is_moved_while_its_wallets_are_copied_is_not_destroyed(
    fleet: Fleet, skyinfra: Skyinfra, monkeypatch: pytest.MonkeyPatch
) -> None:
    def copy_wallets(target: DeployedNode, contents: Contents) -> Fingerprint:
        carried = moving.copy_wallets(target, contents)
        moved_to_barn(fleet)
        return carried

    monkeypatch.setattr("commands.node.moving.copy_wallets", copy_wallets)
    ran = move(skyinfra)
    assert (ran.code, fleet.calls, fleet.file.read_text()) == (1, [], TEXT)
    assert ran.err.endswith("(moved or updated). Run the command again.\n")
    assert fleet.running == ["ssh://pi@barn.lan"]


def test_an_old_host_that_does_not_say_whether_its_node_was_started_again_is_reported(
    fleet: Fleet, skyinfra: Skyinfra, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pulumi(command: Sequence[str], *_: object) -> int:
        if command[0] == "destroy":
            fleet.requests.last, fleet.requests.fault = fleet.requests.count + 1, OSError("it is gone")
        return fleet.pulumi(command)

    monkeypatch.setattr("commands.node.removal.pulumi", pulumi)
    ran = move(skyinfra)
    assert ran.code == 1
    said = "it may have been started again in the meantime: host attic: it is gone. If it was not, `up`"
    assert f"one was not created on host shed: {said} creates it on host shed. stacks/" in ran.err
    assert "whole" not in ran.err
    assert fleet.shed.files(WALLET) == fleet.attic.files(WALLET)


NEW = wallet("new")


def started_and_grown(fleet: Fleet) -> None:
    """Start the node during its move, as an `up` or a person might, and let it create a wallet."""
    fleet.attic.run(NODE, wallet=WALLET)
    fleet.attic.make(WALLET, new=NEW)


@pytest.mark.parametrize("runs", [True, False], ids=["runs", "was stopped again"])
def test_a_wallet_that_grows_while_it_is_copied_stays_on_the_old_host(
    runs: bool, fleet: Fleet, skyinfra: Skyinfra, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The wallet used to stay behind in a volume reported as "only a copy now", to be removed by hand."""

    def copy_wallets(target: DeployedNode, contents: Contents) -> Fingerprint:
        carried = moving.copy_wallets(target, contents)
        started_and_grown(fleet)
        fleet.attic.nodes[NODE].status = "running" if runs else "exited"
        return carried

    monkeypatch.setattr("commands.node.moving.copy_wallets", copy_wallets)
    ran = move(skyinfra)
    assert (ran.code, fleet.calls, fleet.file.read_text()) == (1, [], TEXT)
    assert "one on host attic was started again while its wallets were being copied" in ran.err
    assert fleet.attic.files(WALLET)["new.wlt"] == NEW


@pytest.mark.case(38)
def test_a_node_starts_again_on_its_own_wallet_if_only_a_part_arrives_on_the_new_host(
    fleet: Fleet, skyinfra: Skyinfra, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A restore's node must not start on such a wallet; a moving node's own volume is as it was."""

    def put(*_: object) -> None:
        raise PartialError("only some of the files could be moved into it")

    monkeypatch.setattr("wallets.moving.put", put)
    ran = move(skyinfra)
    assert (ran.code, fleet.calls, fleet.file.read_text()) == (1, [], TEXT)
    assert "only some of the files could be moved into it" in ran.err
    assert fleet.running == ["ssh://pi@attic.lan"]


def test_a_wallet_that_grows_until_its_node_is_removed_is_not_left_behind(
    fleet: Fleet, skyinfra: Skyinfra, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pulumi(command: Sequence[str], *_: object) -> int:
        if command[0] == "destroy":
            started_and_grown(fleet)
        return fleet.pulumi(command)

    monkeypatch.setattr("commands.node.removal.pulumi", pulumi)
    ran = move(skyinfra)
    assert ran.code == 1
    assert "new.wlt is only on host attic, because one was started again during the move. stacks/" in ran.err
    assert "whole" not in ran.err
    assert "To go back: set `host: attic` there, then run `up`" in ran.err
    assert [call[0] for call in fleet.calls] == ["state", "destroy"]
    assert fleet.running == []
    assert "is not the same volume as before" not in fault_at(fleet.attic)


def test_a_wallet_that_grew_before_an_up_is_read_again(
    fleet: Fleet, skyinfra: Skyinfra, monkeypatch: pytest.MonkeyPatch
) -> None:
    def grown() -> None:
        fleet.resources[1]["outputs"] = {
            "wallets": sorted(lines(fingerprint_of({"a.wlt": File(data=wallet("nine"))})))
        }

    meanwhile(monkeypatch, grown)
    assert "(moved or updated). Run the command again." in move(skyinfra).err
    assert_nothing_changed(fleet)


def test_a_node_that_was_retired_in_the_meantime_does_not_move(
    fleet: Fleet, skyinfra: Skyinfra, monkeypatch: pytest.MonkeyPatch
) -> None:
    meanwhile(monkeypatch, fleet.resources.clear)
    assert "'one' is not a node of the stack test; its nodes are: none" in move(skyinfra).err
    assert_nothing_changed(fleet)


def test_a_wallet_that_holds_less_than_the_states_record_does_not_move(
    fleet: Fleet, skyinfra: Skyinfra
) -> None:
    (fleet.attic.folder(WALLET) / "mine.wlt").unlink()
    ran = move(skyinfra)
    assert (
        f"the wallet volume {WALLET} on host attic lacks something that the state has recorded: mine.wlt (2"
        in ran.err
    )
    assert "Restore a copy or a backup first: `./skyinfra wallet restore one FILE -s test`" in ran.err
    assert_nothing_changed(fleet)


def test_a_damaged_wallet_does_not_move(fleet: Fleet, skyinfra: Skyinfra) -> None:
    fleet.attic.make(WALLET, mine=MINE["mine"][:-1])
    assert f"the wallet volume {WALLET} on host attic: mine.wlt: empty, truncated" in move(skyinfra).err
    assert_nothing_changed(fleet)


def test_an_unknown_node_is_refused_with_the_nodes_of_the_stack(fleet: Fleet, skyinfra: Skyinfra) -> None:
    ran = skyinfra("node", "move", "two", "--to", "shed", "-s", "test")
    assert "'two' is not a node of the stack test; its nodes are: one" in ran.err
    assert_nothing_changed(fleet)


# Interruptions


def assert_old_volume_unchanged(fleet: Fleet) -> None:
    """Assert that the old volume is unchanged, and that at most one node runs."""
    assert fleet.attic.files(WALLET) == {f"{name}.wlt": data for name, data in MINE.items()}
    assert len(fleet.running) < 2


@pytest.mark.parametrize("last", [1, 2, 5, 10, 20, 40, 60, 80])
def test_an_answer_in_another_form_ends_a_move_with_one_sentence(
    last: int, fleet: Fleet, skyinfra: Skyinfra
) -> None:
    fault = FormError("its engine does not answer in Docker's form: its containers: it is 7")
    fleet.requests.last, fleet.requests.fault = last, fault
    ran = move(skyinfra)
    assert_old_volume_unchanged(fleet)
    assert ran.code == 1
    assert re.search(rf"host (attic|shed)(, \S+)?: {fault}", ran.err), ran.err
    assert "internal error" not in ran.err


@pytest.mark.parametrize(
    "fault", [KeyboardInterrupt(), OSError("the connection is gone")], ids=["kill", "fail"]
)
@pytest.mark.parametrize("last", range(1, 115))
def test_a_move_that_ends_at_any_request_is_finished_by_the_next(
    last: int, fault: BaseException, fleet: Fleet, skyinfra: Skyinfra
) -> None:
    fleet.requests.last, fleet.requests.fault = last, fault
    first = move(skyinfra)
    assert_old_volume_unchanged(fleet)
    fleet.requests.last = None
    if first.code == 0:
        assert fleet.requests.count < last, "an interruption that nobody noticed"
        return
    assert first.code == (130 if isinstance(fault, KeyboardInterrupt) else 1), first.err
    if fleet.running == ["ssh://pi@shed.lan"]:
        assert fleet.file.read_text() == MOVED, "the last look alone was missed"
        return
    second = move(skyinfra)
    if not fleet.resources:
        assert "and stacks/Pulumi.test.yaml has it on shed: `up` creates it there" in second.err
        assert fleet.shed.files(WALLET) == fleet.attic.files(WALLET)
        return
    assert second.code == 0, second.err
    assert_old_volume_unchanged(fleet)
    assert fleet.running == ["ssh://pi@shed.lan"]
    assert fleet.shed.files(WALLET) == fleet.attic.files(WALLET)


def test_the_next_run_removes_a_partial_copy_that_a_power_cut_left_on_the_new_host(
    fleet: Fleet, skyinfra: Skyinfra
) -> None:
    """Before, all files were in place, but every `up` asked to finish a restore that nobody had started."""
    fleet.shed.make(WALLET, **MINE)
    staged = fleet.shed.folder(WALLET) / STAGING
    staged.mkdir()
    ran = move(skyinfra)
    assert ran.code == 0, ran.err
    assert not staged.exists()
    assert fleet.shed.files(WALLET) == fleet.attic.files(WALLET)


def test_the_test_above_reaches_the_last_request(fleet: Fleet, skyinfra: Skyinfra) -> None:
    assert move(skyinfra).code == 0
    assert 20 < fleet.requests.count <= 114


@dataclass
class SlowNode(Node):
    """A node whose stop can go on after the request for it has failed, as on a real engine."""

    fault: BaseException | None = None
    stops: bool = False

    def stop(self, timeout: int) -> None:
        self.stops = True
        if self.fault is not None:
            fault, self.fault = self.fault, None
            raise fault
        self.go_on()
        super().stop(timeout)

    def go_on(self) -> None:
        """Let the engine finish a stop that it has begun."""
        if self.stops:
            self.status, self.stops = "exited", False


@pytest.mark.parametrize("fault", [KeyboardInterrupt(), OSError("the answer is lost")])
def test_a_stop_whose_answer_is_lost_does_not_leave_the_node_stopped(
    fault: BaseException, fleet: Fleet, skyinfra: Skyinfra
) -> None:
    node = SlowNode(fleet.attic, NODE, {"/wallet": WALLET}, fault=fault)
    fleet.attic.nodes[NODE] = node
    assert move(skyinfra).code == (130 if isinstance(fault, KeyboardInterrupt) else 1)
    node.go_on()
    assert fleet.running == ["ssh://pi@attic.lan"]


@pytest.mark.parametrize("fault", [KeyboardInterrupt(), OSError("the answer is lost")])
def test_a_node_that_does_not_start_again_is_reported(
    fault: BaseException, fleet: Fleet, skyinfra: Skyinfra, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(_: Node) -> None:
        raise OSError("the connection is gone")

    monkeypatch.setattr(SlowNode, "start", start)
    fleet.attic.nodes[NODE] = SlowNode(fleet.attic, NODE, {"/wallet": WALLET}, fault=fault)
    lost = "host attic: the answer is lost\n" if isinstance(fault, OSError) else ""
    ran = move(skyinfra)
    assert ran.code == 1
    assert ran.err.endswith(
        f"error: {lost}host attic: the connection is gone\none on host attic was stopped, and was not "
        f"started again: run `docker -H ssh://pi@attic.lan start {NODE}`, or `up`\n"
    )


@pytest.mark.parametrize("interrupts", [False, True])
@pytest.mark.parametrize("command", ["unprotect", "destroy", "up"])
def test_a_failed_update_leaves_the_wallet_on_both_hosts_and_prints_how_to_go_back(
    command: str, interrupts: bool, fleet: Fleet, skyinfra: Skyinfra
) -> None:
    fleet.fails, fleet.interrupts = command, interrupts
    ran = move(skyinfra)
    assert ran.code == (130 if interrupts else 1)
    assert_old_volume_unchanged(fleet)
    assert fleet.shed.files(WALLET) == fleet.attic.files(WALLET)
    assert fleet.running == []
    assert fleet.file.read_text() == MOVED
    if not interrupts:
        said = (
            "Its wallet is complete on host shed. stacks/Pulumi.test.yaml names host shed now. To go back: "
        )
        assert f"{said}set `host: attic` there, then run `up`, or the command it names." in ran.err
    fleet.fails = ""
    again = move(skyinfra)
    if command == "up":
        assert (
            "one is not in the state of test, and stacks/Pulumi.test.yaml has it on shed: `up` creates it"
            in again.err
        )
    else:
        assert again.code == 0, again.err
        assert fleet.running == ["ssh://pi@shed.lan"]


def test_a_full_disk_leaves_the_stack_file_unchanged(
    fleet: Fleet, skyinfra: Skyinfra, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("local.stacks.files.os.fsync", full)
    ran = move(skyinfra)
    assert ran.code == 1
    assert f"{fleet.file} can't be written, and is unchanged: No space left on device" in ran.err
    assert (fleet.calls, fleet.file.read_text()) == ([], TEXT)
    assert fleet.running == ["ssh://pi@attic.lan"]
    assert list(fleet.file.parent.iterdir()) == [fleet.file]


def test_the_stacks_file_keeps_its_mode_and_stays_a_link(fleet: Fleet, skyinfra: Skyinfra) -> None:
    real = fleet.file.parent.parent / "real.yaml"
    fleet.file.rename(real)
    real.chmod(0o640)
    fleet.file.symlink_to(real)
    assert move(skyinfra).code == 0
    assert (real.read_text(), fleet.file.readlink(), real.stat().st_mode & 0o777) == (MOVED, real, 0o640)


@pytest.mark.parametrize("host", ["[", "a: b: c"])
def test_a_host_name_that_is_invalid_yaml_is_refused_as_unknown(
    host: str, fleet: Fleet, skyinfra: Skyinfra
) -> None:
    ran = move(skyinfra, host)
    assert ran.code == 1
    assert "skycoin:nodes.one.host" in ran.err
    assert_nothing_changed(fleet)


def test_a_host_that_would_break_the_file_is_written_by_hand(fleet: Fleet, skyinfra: Skyinfra) -> None:
    ran = move(skyinfra, "a}b")
    assert ran.code == 1
    assert "one is written there in a way that this command can't edit. Write `host: a}b` into its" in ran.err
    assert_nothing_changed(fleet)


def test_a_node_whose_wallet_has_not_grown_can_be_moved_back(fleet: Fleet, skyinfra: Skyinfra) -> None:
    assert move(skyinfra).code == 0
    fleet.attic, fleet.shed = fleet.shed, fleet.attic
    ran = move(skyinfra, "attic")
    assert ran.code == 0, ran.err
    assert fleet.running == ["ssh://pi@attic.lan"]
    assert fleet.file.read_text() == TEXT


def test_an_update_is_of_all_parts_of_its_node_and_of_no_other_nodes(
    fleet: Fleet, skyinfra: Skyinfra
) -> None:
    assert move(skyinfra).code == 0
    made = up_with(
        "local",
        images={**stack_settings(FILES["local"])["images"], "exporter": EXPORTER},
        hosts={"shed": {"engine": "local"}},
        nodes={
            "one": {"image": "skycoin", "host": "shed", "metrics-port": 9400, "gui": True},
            "one-two": {
                "image": "skycoin",
                "host": "shed",
                "metrics-port": 9401,
                "rpc-port": 6421,
                "gui": True,
            },
        },
    )
    targets = [resource.name for resource in made.registered if is_target(fleet.calls[-1], resource.urn)]
    assert sorted(targets) == [
        "one",
        "one-container",
        "one-data",
        "one-exporter",
        "one-exporter-container",
        "one-exporter-pulled",
        "one-network",
        "one-preflight",
        "one-proxy",
        "one-proxy-container",
        "one-proxy-login",
        "one-pulled",
        "one-pulled-proxy",
        "one-wallet",
    ]


@pytest.mark.parametrize("backed_up", [False, True])
def test_a_node_whose_container_is_missing_in_the_state_still_runs_on_the_new_host(
    backed_up: bool, fleet: Fleet, skyinfra: Skyinfra, request: pytest.FixtureRequest
) -> None:
    options = request.getfixturevalue("backup") if backed_up else ()
    del fleet.resources[-1]
    del fleet.attic.nodes[NODE]
    ran = move(skyinfra, "shed", *options)
    assert ran.code == 0, ran.err
    assert fleet.running == ["ssh://pi@shed.lan"]
    assert "None" not in ran.out
    assert (f"`docker stop -t 60 {NODE} && docker rm {NODE}`" in ran.out) is backed_up


@pytest.mark.parametrize("status", ["exited", ""])
def test_a_new_node_that_does_not_run_is_not_a_success(status: str, fleet: Fleet, skyinfra: Skyinfra) -> None:
    up = fleet._up

    def ending(command: Sequence[str]) -> None:
        up(command)
        if status:
            fleet.shed.nodes[NODE].status = status
        else:
            del fleet.shed.nodes[NODE]

    fleet._up = ending  # type: ignore[method-assign]
    ran = move(skyinfra)
    assert ran.code == 1
    assert "one does not run there, although the update succeeded: `up` tries again. Its wallet is" in ran.err
    assert "with the same wallets" not in ran.out


def test_a_new_node_whose_wallets_differ_is_reported(fleet: Fleet, skyinfra: Skyinfra) -> None:
    up = fleet._up

    def spoiling(command: Sequence[str]) -> None:
        up(command)
        (fleet.shed.folder(WALLET) / "mine.wlt").unlink()

    fleet._up = spoiling  # type: ignore[method-assign]
    ran = move(skyinfra)
    assert ran.code == 1
    assert "one has other wallets there now: 1 wallet with 1 address, fingerprint" in ran.err
    assert "whole" not in ran.err, "a wallet is gone"


# A dead host


@pytest.fixture
def backup(tmp_path: Path, fleet: Fleet) -> tuple[str, ...]:
    """Options of a move with the wallets from a backup; the old host is dead."""
    fleet.dead = {"ssh://pi@attic.lan"}
    del fleet.boards["ssh://pi@attic.lan"]
    return _options(tmp_path, sealed(CONTENTS, node="one"))


def _options(folder: Path, data: bytes) -> tuple[str, ...]:
    (folder / "b.backup").write_bytes(data)
    (folder / "key").write_bytes(KEY.file)
    return "--from-backup", str(folder / "b.backup"), "--identity", str(folder / "key")


def test_a_dead_hosts_node_comes_back_elsewhere_and_its_old_container_is_warned_of(
    backup: tuple[str, ...], fleet: Fleet, skyinfra: Skyinfra
) -> None:
    urns = [resource["urn"] for resource in fleet.resources]
    ran = move(skyinfra, "shed", *backup)
    assert ran.code == 0, ran.err
    assert fleet.shed.files(WALLET) == data_of(CONTENTS)
    assert fleet.running == ["ssh://pi@shed.lan"]
    assert [call[2] for call in fleet.calls[:-1]] == urns[::-1], "children first"
    assert all("--force" in call for call in fleet.calls[:-1])
    assert f"If it comes back, its Docker starts {NODE} again, on a copy of this wallet" in ran.out
    assert f"`docker stop -t 60 {NODE} && docker rm {NODE}`" in ran.out
    assert "Kept on host" not in ran.out


def test_a_dead_hosts_node_that_pulumi_keeps_is_reported_without_a_command_to_go_back(
    backup: tuple[str, ...], fleet: Fleet, skyinfra: Skyinfra
) -> None:
    fleet.fails = "delete"
    ran = move(skyinfra, "shed", *backup)
    assert ran.code == 1
    assert (
        "one was not removed from the state of its old host; run the same command again. Its wallet is"
        in ran.err
    )
    assert "To go back" not in ran.err
    fleet.fails = ""
    assert move(skyinfra, "shed", *backup).code == 0


def test_from_backup_is_refused_if_the_old_host_answers(
    backup: tuple[str, ...], fleet: Fleet, skyinfra: Skyinfra
) -> None:
    fleet.dead = set()
    ran = move(skyinfra, "shed", *backup)
    assert ran.code == 1
    assert "host attic (ssh://pi@attic.lan) answers: omit `--from-backup`" in ran.err
    assert fleet.calls == []


@pytest.mark.parametrize(
    "said",
    [
        "pi@attic.lan: Permission denied (publickey).",
        "Host key verification failed.",
        "sh: 1: docker: not found",
        "permission denied while trying to connect to the Docker daemon socket",
        "Cannot connect to the Docker daemon at unix:///var/run/docker.sock.",
        "it answers 'HTTP/1.1 500 Internal Server Error'",
    ],
)
def test_from_backup_is_refused_if_the_old_host_is_reachable_but_fails(
    said: str, backup: tuple[str, ...], fleet: Fleet, skyinfra: Skyinfra
) -> None:
    fleet.silence = said
    ran = move(skyinfra, "shed", *backup)
    assert ran.code == 1
    assert f"host attic (ssh://pi@attic.lan) still answers ({said!r}), so its node may be running" in ran.err
    assert_nothing_changed_without_the_old_host(fleet)


@pytest.mark.parametrize(
    "said",
    [
        "ssh: connect to host attic.lan port 22: Connection refused",
        "kex_exchange_identification: read: Connection reset by peer",
        "Connection timed out during banner exchange",
        "Connection closed by UNKNOWN port 65535",  # the jump host does not answer, or refuses
        "/home/me/.ssh/config: terminating, 1 bad configuration options",
        "the connection ends without an answer",
        "no answer in 20 s",  # ssh has connected by then: its Docker hangs
    ],
)
def test_from_backup_is_refused_if_the_old_host_is_not_silent_for_certain(
    said: str, backup: tuple[str, ...], fleet: Fleet, skyinfra: Skyinfra
) -> None:
    """A board whose sshd had ended counted as dead, and its node ran on: two nodes of one wallet."""
    fleet.silence = said
    ran = move(skyinfra, "shed", *backup)
    assert ran.code == 1
    assert f"host attic (ssh://pi@attic.lan) may be alive ({said!r}), so its node may be running" in ran.err
    assert_nothing_changed_without_the_old_host(fleet)


@pytest.mark.parametrize(
    "said",
    [
        "ssh: connect to host attic.lan port 22: Connection timed out",
        "ssh: connect to host attic.lan port 22: Host is down",
        "ssh: Could not resolve hostname attic.lan: Name or service not known",
        "channel 0: open failed: connect failed: No route to host",
    ],
)
def test_a_silent_host_counts_as_dead(
    said: str, backup: tuple[str, ...], fleet: Fleet, skyinfra: Skyinfra
) -> None:
    fleet.silence = said
    ran = move(skyinfra, "shed", *backup)
    assert (ran.code, f" does not answer: {said}." in ran.out) == (0, True)


def test_from_backup_is_refused_if_the_old_host_comes_back_during_the_question(
    backup: tuple[str, ...], fleet: Fleet, skyinfra: Skyinfra, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The node on that host runs; before, the move led to two nodes on one wallet."""
    meanwhile(monkeypatch, fleet.dead.clear)
    ran = move(skyinfra, "shed", *backup)
    assert ran.code == 1
    assert "host attic (ssh://pi@attic.lan) answers: omit `--from-backup`" in ran.err
    assert (fleet.calls, fleet.file.read_text()) == ([], TEXT)


def test_from_backup_is_refused_if_the_old_host_answers_at_its_new_address(
    backup: tuple[str, ...], fleet: Fleet, skyinfra: Skyinfra
) -> None:
    fleet.file.write_text(TEXT.replace("pi@attic.lan", "pi@10.0.0.7"))
    ran = move(skyinfra, "shed", *backup)
    assert "host attic (ssh://pi@10.0.0.7) answers: omit `--from-backup`" in ran.err
    assert_nothing_changed_without_the_old_host(fleet)


def test_the_silence_of_a_dead_host_is_reported_once_for_each_of_its_addresses(
    backup: tuple[str, ...], fleet: Fleet, skyinfra: Skyinfra
) -> None:
    fleet.dead.add("ssh://pi@10.0.0.7")
    fleet.file.write_text(TEXT.replace("pi@attic.lan", "pi@10.0.0.7"))
    ran = move(skyinfra, "shed", *backup)
    assert ran.out.startswith(
        f"host attic (ssh://pi@attic.lan) does not answer: {fleet.silence}.\n"
        f"host attic (ssh://pi@10.0.0.7) does not answer: {fleet.silence}.\n"
    )
    fleet.resources = resources("attic")
    fleet.file.write_text(TEXT)
    del fleet.shed.nodes[NODE]
    assert move(skyinfra, "shed", *backup).out.count("does not answer") == 1


def test_a_dead_host_that_left_the_stacks_file_is_asked_at_its_address_in_the_state(
    backup: tuple[str, ...], fleet: Fleet, skyinfra: Skyinfra, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("commands.backend.stack_outputs", lambda *_: published())
    fleet.file.write_text(TEXT.replace("    attic: ", "    loft: ").replace("host: attic", "host: loft"))
    ran = move(skyinfra, "shed", *backup)
    assert (ran.code, ran.out.count("does not answer")) == (0, 1), ran.err


def assert_nothing_changed_without_the_old_host(fleet: Fleet) -> None:
    """Assert that nothing was changed; the old host can't be asked."""
    assert fleet.calls == []
    assert fleet.shed.files(WALLET) == {}
    assert fleet.file.read_text() in (TEXT, TEXT.replace("pi@attic.lan", "pi@10.0.0.7"))


def test_a_backup_of_another_node_or_an_older_one_is_refused(
    backup: tuple[str, ...], fleet: Fleet, skyinfra: Skyinfra, tmp_path: Path
) -> None:
    _options(tmp_path, sealed(CONTENTS, node="two"))
    ran = move(skyinfra, "shed", *backup)
    assert ran.err.endswith(
        "is a backup of two of the stack test, not of one of the stack test. Nothing was changed\n"
    )
    _options(tmp_path, sealed({"mine.wlt": CONTENTS["mine.wlt"]}, node="one"))
    ran = move(skyinfra, "shed", *backup)
    assert (
        "b.backup lacks something that the state has recorded: other.wlt (1 address) is gone. Nothing was"
        in ran.err
    )
    assert "--older accepts it anyway" in ran.err
    assert fleet.calls == []
    assert move(skyinfra, "shed", *backup, "--older").code == 0
    assert list(fleet.shed.files(WALLET)) == ["mine.wlt"]


def test_a_backup_does_not_overwrite_a_wallet_that_appears_on_the_new_host_in_the_meantime(
    backup: tuple[str, ...], fleet: Fleet, skyinfra: Skyinfra, monkeypatch: pytest.MonkeyPatch
) -> None:
    anothers = wallet("nine")
    meanwhile(monkeypatch, lambda: fleet.shed.make(WALLET, mine=anothers))
    ran = move(skyinfra, "shed", *backup)
    assert f"the volume {WALLET} on host shed is not empty: it has mine.wlt. Nothing was" in ran.err
    assert (fleet.shed.files(WALLET), fleet.calls) == ({"mine.wlt": anothers}, [])


# Another architecture, another registry


def published(*arches: str) -> dict[str, Any]:
    refs = {arch: {"ref": f"docker.io/skycoin/skycoin@sha256:{'b' * 64}"} for arch in arches}
    tags = {"latest": {"ref": IMAGE.replace("@", ":0.27.1@"), "variants": refs}}
    return {"images": {"exporter": {}, "skycoin": tags}}


def test_a_host_of_another_architecture_gets_that_variant_of_the_same_image(
    fleet: Fleet, skyinfra: Skyinfra, monkeypatch: pytest.MonkeyPatch
) -> None:
    outputs = published("amd64")
    monkeypatch.setattr(
        "commands.backend.stack_outputs", lambda stack, _: outputs if "release" in stack else {}
    )
    ran = move(skyinfra, "arm")
    assert ran.code == 1
    assert (
        f"the outputs of the stack organization/skycoin/release do not have its image {IMAGE} for arm64v8"
    ) in ran.err
    assert_nothing_changed(fleet)
    outputs = published("arm64v8")
    assert move(skyinfra, "arm").code == 0
    assert fleet.running == ["ssh://pi@arm.lan"]


@pytest.mark.case(36)
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_failed_move_starts_no_node_next_to_the_one_that_an_up_has_started_in_the_meantime(
    when: str, fleet: Fleet, skyinfra: Skyinfra, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before, it started the container that it had stopped, which the handover had set aside."""
    board = fleet.attic

    def hand_over() -> None:
        board.nodes[f"{NODE}-previous"] = old = board.nodes.pop(NODE)
        old.name = f"{NODE}-previous"
        board.run(NODE, wallet=WALLET)

    def carried(*given: Any) -> object:
        if when == "before":
            hand_over()
        found = moving.copy_wallets(*given)
        if when == "after":
            hand_over()
        return found

    monkeypatch.setattr("commands.node.moving.copy_wallets", carried)
    assert move(skyinfra).code == 1
    assert [node.name for node in board.nodes.values() if node.status == "running"] == [NODE]
