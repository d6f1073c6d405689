"""Export of a stack's outputs, with Pulumi's types for what only the update knows."""

from collections.abc import Mapping, Sequence
from typing import TypedDict

import pulumi

from catalogue.go_modules import Program
from catalogue.stack_outputs import HostedRegistry, Node, Opened, Provenance, Report, Tags


class Exports(TypedDict, total=False):
    """Outputs as the program writes them; `catalogue.stack_outputs.StackOutputs` says what each one is."""

    images: Mapping[str, pulumi.Output[Tags]]
    verification: Mapping[str, pulumi.Output[Mapping[str, Report]]]
    modules: Mapping[str, pulumi.Output[Sequence[Program]]]
    provenance: Mapping[str, Provenance[pulumi.Input[str]]]
    registries: Mapping[str, HostedRegistry[pulumi.Input[str]]]
    nodes: Mapping[str, Node[pulumi.Input[str]]]
    recipients: Sequence[str]
    workspaces: Mapping[str, pulumi.Output[Tags]]
    opened: Mapping[str, Opened[pulumi.Input[str]]]


def export(outputs: Exports) -> None:
    """Export these outputs of the stack."""
    for name, value in outputs.items():
        pulumi.export(name, value)
