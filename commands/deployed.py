"""Nodes that commands are given by name."""

from collections.abc import Mapping, Sequence
from typing import Any

from clients.deployed_nodes import DeployedNode, node_of, nodes_of
from display.errors import UserError
from local.stacks.missing_nodes import file_name, listed_nodes


def deployed_node(stack: str, name: str, resources: Sequence[Mapping[str, Any]]) -> DeployedNode:
    """One node in a stack's state.

    Raises UserError that lists the existing nodes, and says so if the stack's file has this one.
    """
    if name not in nodes_of(stack, resources) and name in listed_nodes(stack):
        raise UserError(
            f"{name} is in {file_name(stack)}, but is not deployed yet: run `up`, which creates it. "
            "Nothing was changed."
        )
    return node_of(stack, name, resources)
