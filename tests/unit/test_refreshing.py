"""Options with which a preview and its update refresh a state."""

from collections.abc import Mapping
from typing import Any

import pytest

from local.stacks.missing_nodes import refreshing
from tests.unit.test_wallets import RESOURCES

NODE: Mapping[str, Any] = {"image": "skycoin", "host": "here"}


@pytest.mark.parametrize(
    ("nodes", "options"),
    [
        ({"node-1": NODE}, ("--refresh", "--run-program")),
        ({"garage": {**NODE, "renamed-from": "node-1"}}, ("--refresh",)),
        ({"node-1": {**NODE, "renamed-from": "garage"}}, ("--refresh", "--run-program")),
        ({"node-1": "not a mapping"}, ("--refresh", "--run-program")),
    ],
    ids=["same names", "to be renamed", "renamed before", "malformed"],
)
def test_the_program_runs_for_a_refresh_unless_a_node_is_to_be_renamed(
    nodes: Mapping[str, Any], options: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pulumi panics otherwise."""
    monkeypatch.setattr("local.stacks.missing_nodes.stack_config", lambda _: {"skycoin:nodes": nodes})
    assert refreshing("test", lambda _: RESOURCES) == options
