"""The node whose preflight or container is read, changed or previewed now, by that resource's URN."""

from display.command_lines import skyinfra
from providers.kind import URN


def node_name() -> str:
    """Name of the node in the stack."""
    kind, _, name = URN.get().rpartition("::")
    return name.removesuffix("-container" if kind.endswith("NodeContainer") else "-preflight")


def container_urn() -> str:
    """URN of the node's container, a sibling of its preflight."""
    parent = URN.get().rpartition("::")[0].removesuffix("Preflight").removesuffix("NodeContainer")
    return f"{parent}NodeContainer::{node_name()}-container"


def node_command(command: str, *arguments: str) -> str:
    """Command line such as `./skyinfra wallet copies node-1`, with the node's name and stack."""
    stack = URN.get().removeprefix("urn:pulumi:").partition("::")[0]
    return skyinfra(stack, command, node_name(), *arguments)
