"""Nodes of a stack's state that its file lacks, or has under another name.

Pulumi would refuse to delete them, because their wallets are protected.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from clients.deployed_nodes import nodes_of
from display.command_lines import skyinfra
from local.machine.layout import PROJECT, Layout
from local.machine.steps import SetupError
from local.stacks.checkout import BEFORE, usable_copy
from local.stacks.files import stack_config, stack_file
from local.stacks.states import resources


def listed_nodes(stack: str) -> Mapping[str, Any]:
    """Nodes of the stack's file; empty if they are not a mapping, which the program reports."""
    nodes = stack_config(stack).get("skycoin:nodes")
    return nodes if isinstance(nodes, dict) else {}


def file_name(stack: str) -> Path:
    """Path of the stack's file for messages, relative to the project."""
    return stack_file(stack).relative_to(PROJECT)


def refreshing(stack: str, resources_of: Callable[[str], Sequence[Mapping[str, Any]]]) -> Sequence[str]:
    """Options with which pulumi refreshes a state from hosts and registries, as its file describes them.

    If a node is to be renamed, as the state describes them: Pulumi 3.259 panics if it runs the program to
    refresh a resource that gets another name.
    """
    former = {node.get("renamed-from") for node in listed_nodes(stack).values() if isinstance(node, dict)}
    if former - {None} and former & nodes_of(stack, resources_of(stack)).keys():
        return ("--refresh",)
    return ("--refresh", "--run-program")


def refuse_missing(layout: Layout, stack: str) -> None:
    """Raise SetupError if a node of the state was removed from the stack's file: its wallet is protected."""
    wanted = listed_nodes(stack)
    renamed = {node.get("renamed-from") for node in wanted.values() if isinstance(node, dict)}
    deployed = nodes_of(stack, resources(layout, stack))
    if deployed and not stack_config(stack):
        raise SetupError(_without_settings(layout, stack, deployed))
    for name, node in deployed.items():
        if name not in wanted and name not in renamed:
            raise SetupError(
                f"{name} is a node of the stack {stack}, but is not in {file_name(stack)} any more. "
                f"To remove it: `{skyinfra(stack, 'node retire', name)}`. That removes its container "
                f"and network. Kept on host {node.host}: {node.kept}. If it was renamed, write "
                f"`renamed-from: {name}` under its new name; otherwise restore its entry. "
                "Nothing was changed."
            )


def _without_settings(layout: Layout, stack: str, deployed: Iterable[str]) -> str:
    """Message about a file that is missing or has no settings, with the way to restore it."""
    file, copy = stack_file(stack), usable_copy(layout, stack)
    fault = f"{file_name(stack)} {'has no settings' if file.exists() else 'does not exist'}"
    has = f"{fault}, but its stack has deployed nodes: {', '.join(sorted(deployed))}. Nothing was changed."
    if copy is None:
        return f"{has} Restore the file, for example from git or from a backup."
    if file.exists() or copy.suffix == BEFORE:
        return f"{has} Its last copy: `cp {copy} {file_name(stack)}`"
    return f"{has} `make up` restores the file from its last copy."
