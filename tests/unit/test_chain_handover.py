"""The chain database in a handover: the older version that is refused, and the way back from a newer one.

Every fault at every step: tests/integration/test_chain_handover_faults.py.
"""

import re
from dataclasses import dataclass, field
from typing import Any

import pytest
from docker.errors import APIError

from catalogue.node_container import DATA as DATA_FOLDER
from clients import ownership
from clients.errors import ServiceError
from clients.ownership import PLACE
from providers.kind import UNKNOWN, ProviderError, Values
from providers.skycoin import chain_database
from providers.skycoin.node_container import NodeContainer
from tests.unit.node_engine import BAD, DATA, GOOD, NEXT, SICK, NodeEngine, Resource
from tests.unit.projects import PROJECT
from tests.unit.test_handover import (
    INPUTS,
    NAME,
    _clock,  # noqa: F401 a fixture
    assert_single_running,
    health,
    only_container,
)

OLD, NEW = "0.27.1", "0.28.0"
VERSIONS = {GOOD: f"v{OLD}", NEXT: NEW, BAD: NEW, SICK: NEW}
OTHER = "skycoin-one-data-anew"
WHERE = f"host attic: the chain database in the volume '{DATA}'"
REFUSED = (
    f"{WHERE} was written by version 0.28.0, and 0.27.1 refuses it. The node was not changed, and the "
    "wallet is not affected. Keep version 0.28.0 or a newer one, or let the node download the chain again "
    f"into another volume, for example with `data-volume: {DATA}-anew` in its entry. '{DATA}' is kept "
    "unchanged (docs/wallets.md, “Back to an older version”)."
)
NO_ROOM = (
    f"{WHERE} is copied before a newer version writes into it, so that it can be restored. That needs "
    "1,256 MiB, and 1,255 MiB are free."
)


@dataclass
class Node:
    """A node on a strict engine, whose images have version labels."""

    engine: NodeEngine
    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        kind = NodeContainer(lambda _: None, self.said.append, lambda _: self.engine)
        self.resource = Resource(kind)

    def up(self, image: str, **changes: Any) -> str:
        return self.resource.up({**INPUTS, "image": image, **changes})

    def preview(self, image: str, **changes: Any) -> Values:
        kind, olds = self.resource.kind, self.resource.outputs
        return kind.planned({**INPUTS, "image": image, **changes}, olds)


@pytest.fixture
def node() -> Node:
    made = Node(engine_of_versions())
    made.up(GOOD)
    made.engine.tended.clear()
    made.engine.log.clear()
    return made


def engine_of_versions() -> NodeEngine:
    engine = NodeEngine(versions=VERSIONS, volumes_there={*NodeEngine().volumes_there, OTHER})
    engine.answers = {GOOD: health(OLD, 100), NEXT: health(NEW, 100)}
    return engine


def mounts_of(volume: str) -> list[Values]:
    return [{**INPUTS["mounts"][0], "source": volume}, INPUTS["mounts"][1]]


def test_a_newer_version_gets_the_database_after_a_copy_that_is_removed_once_it_is_healthy(
    node: Node,
) -> None:
    assert node.up(NEXT) == "update"
    assert node.engine.tended == ["begin", "keep", "forget"]
    assert (node.engine.chain, node.engine.chain_copy) == (NEW, None)


@pytest.mark.parametrize("image", [SICK, BAD])
@pytest.mark.case(6, 39)
def test_if_a_newer_version_fails_the_old_one_gets_back_a_database_that_it_reads(
    node: Node, image: str
) -> None:
    """Before, the newer version had marked the database, so the old container came back and kept exiting."""
    before = only_container(node.engine)
    with pytest.raises(ProviderError) as error:
        node.up(image)
    assert str(error.value).endswith(
        f"The old container {NAME} was restored unchanged. So was its chain database."
    )
    assert node.engine.tended == ["begin", "keep", "put-back"]
    assert (node.engine.chain, node.engine.chain_copy) == (OLD, None)
    assert only_container(node.engine) is before
    assert_single_running(node.engine, INPUTS)


@pytest.mark.case(6)
def test_an_older_version_is_refused_before_the_newer_one_is_stopped(node: Node) -> None:
    node.up(NEXT)
    node.engine.log.clear()
    for attempt in (node.preview, node.up):
        with pytest.raises(ProviderError) as error:
            attempt(GOOD)
        assert str(error.value) == REFUSED
    assert node.engine.log == []
    assert_single_running(node.engine, {**INPUTS, "image": NEXT})
    assert "## Back to an older version" in (PROJECT / "docs" / "wallets.md").read_text()


def test_a_folder_of_the_host_is_no_volume() -> None:
    """A container made by hand under the node's name may have one; it has no name."""
    folder = {"Type": "bind", "Source": "/srv/chain", "Destination": DATA_FOLDER}
    assert chain_database.mounted_volume({"Mounts": [folder]}) == ""


@pytest.mark.case(6)
def test_an_older_version_loads_the_chain_again_in_another_volume(node: Node) -> None:
    """The block heights are not compared: the height of an empty chain is lower than any."""
    node.up(NEXT)
    node.engine.answers[GOOD] = health(OLD, 0)
    node.engine.tended.clear()
    assert node.up(GOOD, mounts=mounts_of(OTHER)) == "update"
    assert node.engine.tended == ["forget", f"begin in {OTHER}"]
    assert (DATA in node.engine.volumes_there, node.engine.chain) == (True, NEW)
    assert_single_running(node.engine, {**INPUTS, "image": GOOD})


def test_the_same_version_needs_no_copy(node: Node) -> None:
    node.up(GOOD, command=["-log-level=debug"])
    assert node.engine.tended == ["begin"]


def test_a_failed_change_of_the_same_version_has_nothing_to_put_back(node: Node) -> None:
    node.engine.versions = {**VERSIONS, SICK: OLD}
    with pytest.raises(ProviderError, match=r"was restored unchanged\.$"):
        node.up(SICK)
    assert node.engine.tended == ["begin"]


def test_an_image_without_a_version_leaves_the_database_alone(node: Node) -> None:
    node.engine.versions = {GOOD: OLD}
    assert node.up(NEXT, version=NEW) == "update"
    assert node.engine.tended == ["forget"], "a copy of an earlier upgrade is no part of it"


def test_a_copy_without_room_is_refused_before_the_node_is_stopped(node: Node) -> None:
    node.engine.chain_kib, node.engine.free_kib = 1000 * 1024, 1255 * 1024
    for attempt in (node.preview, node.up):
        with pytest.raises(ProviderError) as error:
            attempt(NEXT)
        assert str(error.value).startswith(NO_ROOM)
    assert node.engine.log == []
    node.engine.free_kib = 1256 * 1024
    assert node.up(NEXT) == "update"


def test_an_unreadable_answer_about_the_database_fails_before_anything_is_stopped(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node.engine, "tend", lambda _: "sh: od: not found")
    with pytest.raises(ServiceError, match="can't be read: 'sh: od: not found'"):
        node.up(NEXT)
    assert node.engine.log == []
    assert node.preview(NEXT), "a preview goes on"


def test_a_script_that_fails_names_the_failed_action(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    def short_run(*_: Any, **__: Any) -> tuple[int, str]:
        return 1, "cp: write error: no space left on device"

    monkeypatch.setattr(chain_database, "short_run", short_run)
    with pytest.raises(ServiceError, match=r"`begin` ended with 1: cp: write error"):
        node.up(NEXT)


@pytest.mark.case(30)
@pytest.mark.parametrize(
    ("listed", "told"),
    [
        (
            f"unreadable -rw------- 0 0 {PLACE}/.skycoin/data.db\nend",
            "'.skycoin/data.db' (-rw-------) of 0:0",
        ),
        ("end", "Check the owners and modes of its files."),
        ("Killed", "Check the owners and modes of its files."),
    ],
)
def test_a_database_of_another_user_stops_preview_and_up_before_the_old_node_is_stopped(
    node: Node, listed: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before, the new node exited at its start, and the old one could not read the database either."""
    monkeypatch.setattr(chain_database, "short_run", lambda *_, **__: (77, ""))
    monkeypatch.setattr(ownership, "short_run", lambda *_, **__: (0, listed))
    for act in (node.preview, node.up):
        with pytest.raises(ProviderError) as refused:
            act(NEXT)
        assert f"{DATA!r} can't be read and written by the node's user 10000:10000" in str(refused.value)
        assert told in str(refused.value)
    assert node.engine.log == []


FORETOLD = (
    f"{WHERE}, which {{}}, will be opened by version {{}}, which {{}}; older versions refuse it afterwards. "
    "It is copied first, while the node is stopped (1 MiB), and the copy is restored if {} fails."
)


@pytest.mark.parametrize(
    ("wrote", "image", "words"),
    [
        (OLD, NEW, ("version 0.27.1 has written", NEW, "may verify or convert it", NEW)),
        ("0.26.0", OLD, ("version 0.26.0 has written", OLD, "writes its version into it", OLD)),
        (
            "0.24.1",
            OLD,
            ("version 0.24.1 has written", OLD, "verifies it, block by block, before it serves", OLD),
        ),
        ("", OLD, ("names no version", OLD, "verifies it, block by block, before it serves", OLD)),
    ],
)
def test_a_preview_says_what_a_newer_version_does_with_the_database(
    node: Node, wrote: str, image: str, words: tuple[str, ...]
) -> None:
    node.engine.chain, node.engine.versions = wrote, {NEXT: image}
    node.preview(NEXT)
    assert node.said == [FORETOLD.format(*words)]
    assert node.engine.tended == ["look"]
    assert node.engine.log == []


@pytest.mark.parametrize("unbuilt", [UNKNOWN, f"registry.example/skycoin@sha256:{'e' * 64}"])
def test_a_preview_of_an_image_missing_on_the_host_uses_the_version_in_the_settings(
    node: Node, unbuilt: str
) -> None:
    node.preview(unbuilt, version=NEW)
    assert [NEW in said for said in node.said] == [True]
    node.said.clear()
    for unknown in (None, UNKNOWN):
        node.preview(unbuilt, version=unknown)
    assert node.said == []


def test_a_preview_is_silent_if_the_database_is_not_affected_or_unknown(node: Node) -> None:
    node.preview(GOOD, command=["-log-level=debug"])
    node.preview(NEXT, mounts=mounts_of(OTHER))
    node.preview(NEXT, mounts=mounts_of("not-there"))
    node.preview(NEXT, mounts=mounts_of(UNKNOWN))
    node.preview(NEXT, mounts=UNKNOWN)
    node.engine.images_there.discard(GOOD)
    node.preview(NEXT)
    assert node.said == []
    assert node.engine.log == []


def test_the_version_in_the_settings_is_not_a_difference_by_itself(node: Node) -> None:
    assert node.up(GOOD, version=OLD) == "same"
    assert node.resource.kind.check("one", {}, {**INPUTS, "version": OLD}).failures == []


def test_a_stopped_node_starts_although_its_host_has_lost_the_image(node: Node) -> None:
    """Engines start a container without its image, and nothing is pulled to look at the database."""
    node.engine.stop(NAME, timeout=60)
    node.engine.images_there.clear()
    assert node.resource.up(INPUTS, refresh=True) == "update"
    assert_single_running(node.engine, INPUTS)
    assert node.engine.tended == []


@pytest.mark.case(6, 17, 39)
def test_a_copy_that_a_killed_undo_left_is_put_back_before_the_node_starts(node: Node) -> None:
    """The kill came between the old container's rename and its start; no refresh finds a handover then."""
    node.engine.stop(NAME, timeout=60)
    node.engine.chain, node.engine.chain_copy = NEW, OLD
    assert node.resource.up(INPUTS, refresh=True) == "update"
    assert_single_running(node.engine, INPUTS)
    assert node.engine.chain == OLD
    assert node.engine.chain_copy is None


@pytest.mark.case(6, 39)
def test_a_copy_that_could_not_be_put_back_once_is_put_back_by_the_next_up(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    tend, failed = node.engine.tend, list[str]()

    def fails_once(action: str) -> str:
        if action == "put-back" and not failed:
            failed.append(action)
            raise APIError("500", explanation="cannot allocate memory")
        return tend(action)

    monkeypatch.setattr(node.engine, "tend", fails_once)
    with pytest.raises(ProviderError, match=r"This attempt was not undone: .*cannot allocate memory"):
        node.up(SICK)
    assert (node.engine.chain, node.engine.chain_copy) == (NEW, OLD)
    for _ in range(2):
        with pytest.raises(ProviderError, match="was restored unchanged"):
            node.resource.up({**INPUTS, "image": SICK}, refresh=True)
        assert (node.engine.chain, only_container(node.engine).running) == (OLD, True)


def fail_from(monkeypatch: pytest.MonkeyPatch, engine: NodeEngine, *actions: str) -> None:
    """Make the chain database's script fail at these actions, as on a full disk."""
    tend = engine.tend

    def full(action: str) -> str:
        if action in actions:
            raise APIError("500", explanation="no space left on device")
        return tend(action)

    monkeypatch.setattr(engine, "tend", full)


@pytest.mark.case(6, 39)
@pytest.mark.parametrize("failing", ["keep", "create"])
def test_a_node_whose_database_no_newer_version_has_opened_runs_again_on_a_full_disk(
    node: Node, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    """Before, the node stayed down for a copy that nobody needed."""
    actions = ("put-back", "forget", *([failing] if failing == "keep" else []))
    fail_from(monkeypatch, node.engine, *actions)
    if failing == "create":

        def no_room(*_: Any) -> Values:
            raise APIError("500", explanation="no space left on device")

        monkeypatch.setattr(node.engine, "create_container_from_config", no_room)
    before = only_container(node.engine)
    with pytest.raises(ProviderError, match=r"no space left on device\nThe old container .* was restored"):
        node.up(NEXT)
    assert (only_container(node.engine), node.engine.chain) == (before, OLD)
    assert_single_running(node.engine, INPUTS)


def test_a_copy_that_is_not_deleted_after_an_upgrade_is_a_warning(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such a copy is as large as the chain, and used to fill SD cards silently."""
    node.said.clear()
    fail_from(monkeypatch, node.engine, "forget")
    assert node.up(NEXT) == "update"
    [warning] = node.said
    assert warning.startswith(
        "host attic: the copy of the chain database before this upgrade was not deleted, and"
    )
    assert "no space left on device" in warning


def test_a_failed_upgrade_leaves_no_copy_of_an_unchanged_database(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the copy were put back weeks later, the blocks since then would be lost."""

    def refused(*_: Any) -> Values:
        raise APIError("500", explanation="no such network")

    monkeypatch.setattr(node.engine, "create_container_from_config", refused)
    with pytest.raises(ProviderError, match=r"was restored unchanged\. So was its chain database\.$"):
        node.up(NEXT)
    assert node.engine.tended == ["begin", "keep", "forget"]
    assert node.engine.chain_copy is None


STAYS = f"""\
container {NAME} is not healthy after 30 s. It printed:
flag provided but not defined: -foo
This attempt was not undone: host attic, {GOOD}: no space left on device
The old container {NAME} stays stopped until the copy of its chain database is restored, \
because the newer version may have written into it. First fix the cause on its host, \
for example a full disk (`docker system df`). If the host is behind ssh, its watchdog tries that once more, \
and then starts the node anyway; if the node can't read the database, it exits. \
`pulumi up --refresh` does it."""


@pytest.mark.case(6, 39)
@pytest.mark.parametrize("wanted", [GOOD, NEXT])
def test_a_node_whose_database_was_opened_by_a_newer_version_waits_for_its_copy(
    node: Node, monkeypatch: pytest.MonkeyPatch, wanted: str
) -> None:
    """Without its copy, the older node would refuse the database, or read data that it does not know."""
    with monkeypatch.context() as disk:
        fail_from(disk, node.engine, "put-back")
        with pytest.raises(ProviderError) as error:
            node.up(SICK)
        assert str(error.value) == STAYS
        assert not only_container(node.engine).running
        assert (node.engine.chain, node.engine.chain_copy) == (NEW, OLD)
    node.resource.up({**INPUTS, "image": wanted}, refresh=True)
    assert_single_running(node.engine, {**INPUTS, "image": wanted})
    assert node.engine.chain_copy is None


def test_a_node_that_waits_for_its_copy_is_not_started_while_that_can_not_be_put_back(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before, the next run started the node on the newer version's database, and reported no failure."""
    with monkeypatch.context() as disk:
        fail_from(disk, node.engine, "put-back")
        with pytest.raises(ProviderError):
            node.up(SICK)
        with pytest.raises(ProviderError) as error:
            node.resource.up(INPUTS, refresh=True)
        waits = "host attic, .*: no space left on device\nThe old container .* stays stopped until the copy"
        assert re.match(waits, str(error.value))
        assert not only_container(node.engine).running
        assert (node.engine.chain, node.engine.chain_copy) == (NEW, OLD)
    node.resource.up(INPUTS, refresh=True)
    assert_single_running(node.engine, INPUTS)
    assert (node.engine.chain, node.engine.chain_copy) == (OLD, None)


def test_a_leftover_copy_does_not_overwrite_a_newer_database(node: Node) -> None:
    """Otherwise, starting a stopped node of the newer version would lose weeks of blocks."""
    node.up(NEXT)
    node.engine.stop(NAME, timeout=60)
    node.engine.chain_copy = OLD
    node.engine.tended.clear()
    assert node.resource.up({**INPUTS, "image": NEXT}, refresh=True) == "update"
    assert (node.engine.tended, only_container(node.engine).running) == (["look"], True)


@pytest.mark.case(30)
def test_a_stopped_node_is_started_if_its_user_can_not_read_its_database(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before, the node stayed stopped, and the error said that it had not been changed."""
    monkeypatch.setattr(chain_database, "short_run", lambda *_, **__: (77, ""))
    monkeypatch.setattr(ownership, "short_run", lambda *_, **__: (0, "end"))
    node.engine.stop(NAME, timeout=60)
    assert node.resource.up(INPUTS, refresh=True) == "update"
    assert_single_running(node.engine, INPUTS)


def test_a_stopped_node_starts_if_its_database_can_not_be_checked(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: str) -> str:
        raise APIError("500", explanation="no space left on device")

    monkeypatch.setattr(node.engine, "tend", full)
    node.engine.stop(NAME, timeout=60)
    assert node.resource.up(INPUTS, refresh=True) == "update"
    assert_single_running(node.engine, INPUTS)
