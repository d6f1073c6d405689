"""Nodes, and workspaces with a nested engine: recognized, whichever stack and version created them."""

from dataclasses import dataclass
from typing import Any

import pytest
from docker.errors import NotFound

from catalogue.neighbours import ENGINE_TITLES, NODE_TITLES, has_nested_engine, is_node
from catalogue.node_container import NODE
from catalogue.titles import TITLE
from catalogue.workspaces import DIND_CAPABILITIES
from clients.neighbours import beside_nodes, nested_engines, nodes_on

DIND = {TITLE: "Skycoin workspace for PySkycoin, with a Docker engine"}
RIGHTS = [f"CAP_{name}" for name in DIND_CAPABILITIES]


@dataclass
class NeighbourEngine:
    """A docker client that can only list and inspect containers, and say where its data is."""

    there: list[dict[str, Any]]
    data: str | None = "/var/lib/docker"

    def info(self) -> dict[str, Any]:
        return {"DockerRootDir": self.data} if self.data else {}

    @property
    def api(self) -> "NeighbourEngine":
        return self

    def containers(self, *, all: bool) -> list[dict[str, Any]]:  # noqa: A002 docker-py's name
        assert all, "a stopped one counts too"
        return self.there

    def inspect_container(self, identity: str) -> dict[str, Any]:
        [found] = [container for container in self.there if container["Id"] == identity]
        if found.get("gone"):
            raise NotFound(identity)
        return {"HostConfig": found["host"]}


def container(name: str, labels: dict[str, str] | None = None, **host: Any) -> dict[str, Any]:
    return {"Id": f"id-{name}", "Names": [f"/{name}"], "Labels": labels, "host": host}


def test_a_node_is_known_by_its_label_and_one_of_the_first_version_by_its_images_title() -> None:
    assert {"Skycoin node"} == NODE_TITLES
    assert is_node({NODE: "urn:pulumi:…", TITLE: "mine"})
    assert is_node({TITLE: "Skycoin node"})
    assert not is_node({TITLE: "Prometheus metrics of a Skycoin node"})
    assert not is_node({})


@pytest.mark.parametrize(
    ("name", "labels", "capabilities", "privileged", "expected"),
    [
        ("skycoin-workspace-cli", {}, RIGHTS, False, True),
        ("skycoin-workspace-cli", {}, ["SYS_ADMIN", "NET_ADMIN"], False, True),
        ("angry_knuth", DIND, RIGHTS, False, True),
        ("angry_knuth", DIND, ["ALL"], False, True),
        ("angry_knuth", DIND, [], True, True),
        ("angry_knuth", DIND, ["CAP_NET_ADMIN"], False, False),
        ("skycoin-workspace-cli", {}, [], False, False),
        ("somebodys", {TITLE: "their own"}, RIGHTS, True, False),
    ],
)
def test_a_nested_engine_is_known_by_its_rights_and_its_name_or_title(
    name: str, labels: dict[str, str], capabilities: list[str], privileged: bool, expected: bool
) -> None:
    """A new label for this purpose would have replaced every opened workspace."""
    assert has_nested_engine(name, labels, capabilities, privileged=privileged) is expected
    assert DIND[TITLE] in ENGINE_TITLES


def test_nodes_are_found_running_or_stopped_of_any_stack() -> None:
    node = container("skycoin-two", {NODE: "urn:pulumi:fleet::…"})
    old, other = container("skycoin-one", {TITLE: "Skycoin node"}), container("web")
    assert nodes_on(NeighbourEngine([node, other, old])) == ["skycoin-one", "skycoin-two"]
    nameless = {**node, "Names": None, "Id": "0123456789abcdef"}
    assert nodes_on(NeighbourEngine([nameless])) == ["0123456789ab"]


def test_engines_inside_are_found_and_nothing_else_is_inspected() -> None:
    dind, tools = container("skycoin-workspace-cli", CapAdd=RIGHTS), container("other", DIND, Privileged=True)
    plain, gone = container("skycoin-workspace-python", CapAdd=None), container("skycoin-workspace-vscode")
    foreign = container("web")
    del foreign["host"]
    found = nested_engines(NeighbourEngine([dind, tools, plain, {**gone, "gone": True}, foreign]))
    assert found == ["other", "skycoin-workspace-cli"]


def test_a_refusal_names_the_nodes_and_what_to_do_instead() -> None:
    said = beside_nodes("host here", ["skycoin-one"], "cli")
    assert said.startswith("host here has the node skycoin-one, and anyone in a workspace with a nested ")
    assert "`./skyinfra workspace open cli --dind --engine ssh://USER@HOST --folder FOLDER`" in said
    assert "here has the nodes one, two, and" in beside_nodes("here", ["one", "two"], "cli")
