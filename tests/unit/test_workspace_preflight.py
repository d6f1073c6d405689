"""The check of a host before a workspace with a nested engine is opened: no node is on its engine."""

from typing import Any

import pytest

from catalogue.node_container import NODE
from clients.errors import SilentHostError
from mocks.engine import WORKSPACE_PREFLIGHT
from providers.kind import Change, ProviderError, Values
from providers.skycoin.workspace_preflight import FAULT, WorkspacePreflight
from tests.unit.test_neighbours import NeighbourEngine, container
from tests.unit.test_opened import opened

WANTED: Values = {"host": "here", "sshOptions": [], "container": "skycoin-workspace-cli"}
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
    assert said == [
        "no engine answers at ssh://pi@attic.lan: no route. Whether host here has a node is unknown."
    ]
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
    assert opened().all_of(WORKSPACE_PREFLIGHT) == [], "no other state changes"
