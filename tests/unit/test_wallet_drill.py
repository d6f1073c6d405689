"""The drill of a restore, with an engine in memory. With a real node: tests/e2e/test_wallet_backups.py."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from docker.errors import APIError, NotFound

from clients.age import identities
from clients.deployed_nodes import DeployedNode, node_of
from tests.unit.projects import PROJECT
from tests.unit.test_wallet_backups import CONTENTS, KEY, data_of, sealed
from tests.unit.test_wallets import RESOURCES, WALLET
from tests.unit.wallet_engine import wallet
from wallets.backups import backup as backups
from wallets.backups import drill
from wallets.backups.drill import LABEL, Drill, addresses_in
from wallets.backups.folder import backup_folder
from wallets.errors import WalletError
from wallets.files.archives import from_tar
from wallets.files.contents import File

MINE = {"label": f"{LABEL}={WALLET}"}


@dataclass
class Thing:
    """A container or a volume of the engine."""

    engine: "Engine"
    name: str
    labels: Mapping[str, str]
    files: dict[str, bytes] = field(default_factory=dict)
    status: str = "created"
    looks: int = 0

    def put_archive(self, path: str, archive: bytes) -> None:
        assert path == "/wallet"
        assert self.status == "created", "the node finds its wallets when it starts"
        self.files |= data_of(from_tar(archive))

    def start(self) -> None:
        self.engine.at("start")
        self.status = "running"

    def reload(self) -> None:
        if self not in self.engine.things:
            raise NotFound(self.name)
        self.looks += 1
        if self.engine.ends and self.looks > 1:
            self.status = "exited"

    def exec_run(self, command: list[str], stderr: bool) -> tuple[int, bytes]:
        assert command[-1] == "http://127.0.0.1:6420/api/v1/wallets"
        if self.engine.ends:
            raise APIError("Container x is not running")
        if self.looks < 3:
            return 1, b""
        if self.engine.says is not None:
            return 0, self.engine.says
        found = [
            {
                "meta": {"filename": name},
                "entries": [{"address": address} for address in sorted(its)][: self.engine.finds],
            }
            for name, its in addresses_in(CONTENTS).items()
        ]
        return 0, json.dumps(found).encode()

    def logs(self, tail: int) -> bytes:
        return b"database is locked\n"

    def remove(self, **options: bool) -> None:
        assert options in ({"force": True, "v": True}, {})
        if self not in self.engine.things:
            raise NotFound(self.name)
        self.engine.things.remove(self)


@dataclass
class Engine:
    """A docker client that keeps what drills create."""

    things: list[Thing] = field(default_factory=list)
    kept: list[Thing] = field(default_factory=list)
    """Everything that was ever created."""
    finds: int | None = None
    """Number of addresses of a wallet that the node finds; None is all."""
    says: bytes | None = None
    """The node's answer; None is its wallets, with `finds` addresses."""
    ends: bool = False
    fails: str = ""
    """The call that raises."""
    error: BaseException = field(default_factory=lambda: APIError("no space left on device"))

    @property
    def api(self) -> "Engine":
        return self

    @property
    def containers(self) -> "Kind":
        return Kind(self, "container")

    @property
    def volumes(self) -> "Kind":
        return Kind(self, "volume")

    def inspect_image(self, name: str) -> dict[str, str]:
        return {"Id": name}

    def at(self, call: str) -> None:
        if call == self.fails:
            raise self.error


@dataclass
class Kind:
    engine: Engine
    kind: str

    def list(self, filters: Mapping[str, str], all: bool = False) -> "list[Thing]":  # noqa: A002 docker's name
        assert filters == MINE
        assert all is (self.kind == "container"), "also those that do not run"
        return [thing for thing in self.engine.things if thing.name.startswith(self.kind)]

    def create(self, *given: str, labels: Mapping[str, str], **options: Any) -> Thing:
        self.engine.at(self.kind)
        assert labels == {LABEL: WALLET}
        if self.kind == "container":
            assert options["network_mode"] == "none"
            assert options["command"][0] == "-disable-networking"
            assert options["read_only"]
            assert options["cap_drop"] == ["ALL"]
            [(volume, mount)] = options["volumes"].items()
            assert volume != WALLET
            assert mount == {"bind": "/wallet", "mode": "rw"}
        made = Thing(self.engine, f"{self.kind} {given[0]}", labels)
        self.engine.things.append(made)
        self.engine.kept.append(made)
        return made


@pytest.fixture
def node(monkeypatch: pytest.MonkeyPatch) -> DeployedNode:
    monkeypatch.setattr(drill, "_PAUSE", 0)
    return node_of("test", "node-1", RESOURCES)


def test_a_wallet_whose_name_is_not_utf_8_is_found_by_its_name_in_the_nodes_api() -> None:
    """Go's JSON has U+FFFD for each byte that is not UTF-8."""
    name = b"geldb\xf6rse.wlt".decode(errors="surrogateescape")
    assert addresses_in({name: CONTENTS["a.wlt"]}) == {"geldb\ufffdrse.wlt": {"one", "two"}}
    both = {name: CONTENTS["a.wlt"], name.replace("\udcf6", "\udcfc"): File(data=wallet("three").encode())}
    assert addresses_in(both) == {"geldb\ufffdrse.wlt": {"one", "two", "three"}}


def test_a_node_without_a_network_finds_the_addresses_and_nothing_is_left(node: DeployedNode) -> None:
    engine = Engine()
    assert Drill(node, engine).run(CONTENTS) == 2
    volume, container = engine.kept
    assert volume.name.startswith("volume skycoin-drill-node-1-")
    assert container.files == data_of(CONTENTS)
    assert engine.things == []


def test_the_page_on_wallets_shows_what_a_drill_prints(
    node: DeployedNode, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The page has another folder and another time."""
    time = datetime.now(UTC) - timedelta(hours=20)
    file = tmp_path / f"node-1-wallet-{time:%Y-%m-%dT%H-%M-%SZ}.backup"
    file.write_bytes(sealed(time=time))
    here = replace(node, host="here", image=f"localhost:5443/skycoin/skycoin@sha256:{'a' * 64}")
    keys, place = identities("key", KEY.file, lambda: ""), backup_folder(str(tmp_path), ())
    backups.drill(here, Engine(), place, keys)
    shown = "~/skycoin-wallets/node-1-wallet-2026-11-25T18-00-00Z.backup"
    said = capsys.readouterr().out.replace(f"{file}", shown)
    page = (PROJECT / "docs" / "wallets.md").read_text()
    assert f"```\n{said}```\n" in page
    with pytest.raises(WalletError) as refused:
        backups.drill(here, Engine(finds=1), place, keys)
    assert f"“{refused.value}”" in " ".join(page.split())


def test_a_node_that_finds_fewer_addresses_fails_the_drill_and_nothing_is_left(node: DeployedNode) -> None:
    engine = Engine(finds=1)
    with pytest.raises(WalletError, match=r"did not find all addresses of a\.wlt: don't trust this backup"):
        Drill(node, engine).run(CONTENTS)
    assert engine.things == []


@pytest.mark.parametrize(
    "said",
    [b"null", b"{}", b"<html>", b"[1]", b'[{"meta": {}}]', b"[" * 100_000, b'[{"meta": {"filename": []}}]'],
)
def test_a_node_that_answers_in_another_form_fails_the_drill_and_nothing_is_left(
    said: bytes, node: DeployedNode
) -> None:
    """It was an internal error."""
    engine = Engine(says=said)
    with pytest.raises(WalletError, match=r"the node in the drill (on host attic gives|did not find)"):
        Drill(node, engine).run(CONTENTS)
    assert engine.things == []
    assert engine.kept


def test_a_node_that_ends_or_never_answers_shows_its_last_lines(
    node: DeployedNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Engine(ends=True)
    with pytest.raises(WalletError, match=r"the node in the drill on host attic ended:\ndatabase is locked$"):
        Drill(node, engine).run(CONTENTS)
    monkeypatch.setattr(drill, "SECONDS", 0)
    with pytest.raises(WalletError, match=r"did not answer in 0 s:\ndatabase is locked$"):
        Drill(node, Engine()).run(CONTENTS)
    assert engine.things == []


@pytest.mark.case(38)
@pytest.mark.parametrize(
    "error", [APIError("no space left on device"), KeyboardInterrupt()], ids=["full", "^C"]
)
@pytest.mark.parametrize("call", ["volume", "container", "start"])
def test_a_drill_that_fails_anywhere_leaves_nothing(
    call: str, error: BaseException, node: DeployedNode
) -> None:
    engine = Engine(fails=call, error=error)
    with pytest.raises((WalletError, KeyboardInterrupt)):
        Drill(node, engine).run(CONTENTS)
    assert engine.things == []


@pytest.mark.case(38)
def test_a_drill_whose_container_another_command_removes_says_so(
    node: DeployedNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two drills of one node, from two machines; it was called a bug of this program."""
    engine = Engine()
    monkeypatch.setattr("wallets.backups.drill.time.sleep", lambda _: Drill(node, engine).remove())
    with pytest.raises(WalletError, match="another command, such as another drill of node-1, has removed"):
        Drill(node, engine).run(CONTENTS)
    assert engine.things == []


@pytest.mark.case(38)
def test_the_next_drill_removes_the_leftovers_of_a_killed_drill(node: DeployedNode) -> None:
    engine = Engine()
    left = [Thing(engine, f"{kind} old", {LABEL: WALLET}) for kind in ("container", "volume")]
    engine.things += left
    assert Drill(node, engine).run(CONTENTS) == 2
    assert engine.things == []


def test_data_after_the_end_of_a_wallet_is_ignored_as_a_node_ignores_it() -> None:
    """A save over a longer wallet leaves the end of the old file. Backups accept it; drills used to fail."""
    whole = CONTENTS["a.wlt"]
    longer = {"a.wlt": replace(whole, data=whole.data + b"}}")}
    assert addresses_in(longer) == addresses_in({"a.wlt": whole})
