"""Check of a host before a workspace is opened: no node beside an inner engine, no volumes in a folder."""

from typing import Any

import pytest

from catalogue.node_container import NODE
from clients.errors import SilentHostError
from mocks.engine import WORKSPACE_PREFLIGHT
from providers.kind import Change, ProviderError, Values
from providers.skycoin.workspace_preflight import FAULT, WorkspacePreflight
from tests.unit.test_neighbours import NeighbourEngine, container
from tests.unit.test_opened import opened

FORMER: Values = {"host": "here", "sshOptions": [], "container": "skycoin-workspace-cli"}
"""Inputs of a nested engine's preflight in a state of 0.3.0."""
WANTED: Values = {**FORMER, "folder": "/mnt/ssd/work", "nestedEngine": True}
PLAIN: Values = {**WANTED, "nestedEngine": False}
WITH_NODE = NeighbourEngine([container("skycoin-node-1", {NODE: "urn:pulumi:local::…"}), container("web")])
ALONE = NeighbourEngine([container("skycoin-workspace-cli", CapAdd=["CAP_SYS_ADMIN"])])
REFUSED = "^host here has the node skycoin-node-1, and .+workspace open cli --dind --engine"


def kind(engine: NeighbourEngine, said: list[str] | None = None) -> WorkspacePreflight:
    return WorkspacePreflight((said if said is not None else []).append, lambda _: engine)


def silent(_: Values) -> Any:
    raise SilentHostError("no engine answers at ssh://pi@attic.lan: no route.")


def test_a_nested_engine_is_refused_by_preview_and_up_next_to_a_node() -> None:
    """Before, nodes of another stack on that engine were not noticed."""
    for olds in (None, WANTED):
        with pytest.raises(ProviderError, match=REFUSED):
            kind(WITH_NODE).planned(WANTED, olds)
    with pytest.raises(ProviderError, match=REFUSED):
        kind(WITH_NODE).create(WANTED)
    with pytest.raises(ProviderError, match=REFUSED):
        kind(WITH_NODE).update("here/skycoin-workspace-cli", WANTED, {**WANTED, "sshOptions": ["-i", "key"]})


def test_the_preflight_of_a_nested_engine_passes_on_a_host_without_nodes() -> None:
    assert kind(ALONE).planned(WANTED, None) == WANTED
    assert kind(ALONE).create(WANTED) == ("here/skycoin-workspace-cli", WANTED)
    moved = {**WANTED, "host": "there"}
    assert kind(ALONE).update("here/skycoin-workspace-cli", WANTED, moved) == moved
    kind(WITH_NODE).delete("here/skycoin-workspace-cli", WANTED)


def test_a_node_that_came_later_is_found_by_a_refresh_and_refuses_the_next_preview() -> None:
    """Before, it refused the refresh itself, and so also a workspace that was given another engine."""
    found = kind(WITH_NODE).read("id", WANTED, WANTED)
    assert found is not None
    assert found.inputs == WANTED
    assert kind(WITH_NODE).diff(found.state, WANTED, WANTED) == Change(updates=(FAULT,))
    with pytest.raises(ProviderError, match=REFUSED):
        kind(WITH_NODE).planned(WANTED, found.state)
    elsewhere = {**WANTED, "host": "there"}
    assert kind(WITH_NODE).diff(found.state, WANTED, elsewhere) == Change(updates=("host", FAULT))
    assert kind(ALONE).update("id", found.state, elsewhere) == elsewhere
    again = kind(ALONE).read("id", WANTED, found.state)
    assert again is not None
    assert FAULT not in again.state
    assert kind(ALONE).diff(again.state, WANTED, WANTED) == Change(updates=())


def test_a_host_that_does_not_answer_is_unknown_in_a_preview_and_an_error_in_up() -> None:
    said: list[str] = []
    one = WorkspacePreflight(said.append, silent)
    assert one.planned(WANTED, None) == WANTED
    unknown = "Whether host here accepts the workspace is unknown."
    assert said == [f"no engine answers at ssh://pi@attic.lan: no route. {unknown}"]
    for act in (lambda: one.create(WANTED), lambda: one.update("id", WANTED, WANTED)):
        with pytest.raises(SilentHostError):
            act()


def test_a_change_of_the_way_to_the_host_asks_again() -> None:
    news = {**WANTED, "sshOptions": ["-i", "key"]}
    assert kind(ALONE).diff(WANTED, WANTED, news) == Change(updates=("sshOptions",))


def test_the_preflight_accepts_exactly_the_inputs_of_the_program() -> None:
    given = opened(dind=True).one(WORKSPACE_PREFLIGHT, "cli-workspace-on-local-preflight").inputs
    assert kind(ALONE).check("cli", {}, given).failures == []
    assert set(given) <= set(WorkspacePreflight.inputs)
    assert kind(ALONE).check("cli", {}, {**given, "port": 1}).failures == [("port", "no such input")]
    [plain] = opened().all_of(WORKSPACE_PREFLIGHT)
    assert (given["nestedEngine"], plain.inputs["nestedEngine"]) == (True, False)


def test_a_workspace_without_an_engine_inside_is_accepted_next_to_a_node() -> None:
    assert kind(WITH_NODE).planned(PLAIN, None) == PLAIN
    assert kind(WITH_NODE).create(PLAIN) == ("here/skycoin-workspace-cli", PLAIN)
    found = kind(WITH_NODE).read("id", PLAIN, PLAIN)
    assert found is not None
    assert kind(WITH_NODE).diff(found.state, PLAIN, PLAIN) == Change(updates=())


@pytest.mark.parametrize("data", ["/mnt/ssd/work", "/mnt/ssd", "/mnt/ssd/work/docker/100000.100000"])
@pytest.mark.parametrize("wanted", [WANTED, PLAIN], ids=["nested engine", "plain"])
def test_a_folder_with_the_engines_volumes_is_refused_by_preview_and_up(data: str, wanted: Values) -> None:
    """Before, only `workspace open` refused it: one of a stack's file could read all wallets there."""
    engine = NeighbourEngine([], data)
    refused = (
        rf"^host here: the folder /mnt/ssd/work is not mounted: it contains or is inside {data}, which has "
        "the volumes of that Docker engine, wallets included; give another folder$"
    )
    with pytest.raises(ProviderError, match=refused):
        kind(engine).planned(wanted, None)
    with pytest.raises(ProviderError, match=refused):
        kind(engine).create(wanted)
    found = kind(engine).read("id", wanted, wanted)
    assert found is not None
    assert kind(engine).diff(found.state, wanted, wanted) == Change(updates=(FAULT,))
    elsewhere = {**wanted, "folder": "/home/me/work"}
    assert kind(engine).update("id", found.state, elsewhere) == elsewhere


def test_an_engine_that_does_not_say_where_its_data_is_gets_no_workspace() -> None:
    with pytest.raises(
        ProviderError, match=r"^host here: the folder .* does not say where its data is, so wal"
    ):
        kind(NeighbourEngine([], None)).create(PLAIN)


def test_a_folder_that_only_begins_like_the_engines_data_is_accepted() -> None:
    assert kind(NeighbourEngine([], "/mnt/ssd/work-docker")).create(PLAIN)[1] == PLAIN


def test_a_state_of_an_earlier_version_is_refreshed_destroyed_and_checked_again() -> None:
    found = kind(WITH_NODE).read("id", FORMER, FORMER)
    assert found is not None
    with pytest.raises(ProviderError, match=REFUSED):
        kind(WITH_NODE).planned(FORMER, found.state)
    assert kind(ALONE).diff(FORMER, FORMER, WANTED) == Change(updates=("folder", "nestedEngine"))
    assert kind(ALONE).update("id", FORMER, WANTED) == WANTED
    kind(ALONE).delete("id", FORMER)
