"""The node that a message or a command is about, by the URN of its preflight or its container."""

from collections.abc import Iterator

import pytest

from providers.kind import URN
from providers.skycoin.node_urn import container_urn, node_command, node_name

NODE = "urn:pulumi:fleet::skycoin::skycoin:index:Node$skycoin:index:"


@pytest.fixture(autouse=True)
def former() -> Iterator[None]:
    token = URN.set("")
    yield
    URN.reset(token)


@pytest.mark.parametrize("name", ["node-1", "a-container", "a-preflight"])
@pytest.mark.parametrize("kind", ["Preflight", "NodeContainer"])
def test_a_node_is_named_by_each_of_its_resources_whatever_its_name_ends_with(kind: str, name: str) -> None:
    URN.set(f"{NODE}{kind}::{name}-{'preflight' if kind == 'Preflight' else 'container'}")
    assert node_name() == name
    assert container_urn() == f"{NODE}NodeContainer::{name}-container"
    assert node_command("wallet copies") == f"./skyinfra wallet copies {name} -s fleet"


def test_the_default_stack_is_not_named() -> None:
    URN.set(f"{NODE.replace('fleet', 'local')}Preflight::node-1-preflight")
    assert node_command("node move", "--to", "shed") == "./skyinfra node move node-1 --to shed"
