"""A registry: where images are published, and how a repository in it is addressed.

Makes nothing by itself: the registry is there (a service of `make up`, or somebody's own), or another
component makes it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi

from catalogue.registries import RegistryKind


@dataclass(frozen=True, kw_only=True, slots=True)
class RegistryArgs:
    """Where the registry is."""

    kind: RegistryKind
    address: pulumi.Input[str]
    """HOST[:PORT][/namespace]."""
    made: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    """Addresses of the repositories that had to be made, by path; the others need no making."""
    optional: bool = False
    """True: its failure is a warning, and the next run tries again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Repository:
    """One repository of a registry, as a place to publish in."""

    registry: str
    """Name of the registry in the stack."""
    address: pulumi.Input[str]
    """HOST[:PORT]/PATH, without a tag."""
    exact_tags_move: bool
    """False: an exact release tag never gets other content."""
    optional: bool


class Registry(pulumi.ComponentResource):
    """A registry that images are published in."""

    kind: RegistryKind
    address: pulumi.Output[str]

    def __init__(self, name: str, args: RegistryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("skycoin:index:Registry", name, None, opts)
        self.kind = args.kind
        self.address = pulumi.Output.from_input(args.address)
        self._name, self._optional, self._made = name, args.optional, args.made
        self.register_outputs({"kind": args.kind.value, "address": self.address})

    def repository(self, path: str) -> Repository:
        """One repository in this registry.

        One that had to be made answers with its own address: what is pushed there waits for it.
        """
        plain = pulumi.Output.concat(self.address, "/", path)
        return Repository(
            registry=self._name,
            address=self._made.get(path, plain),
            exact_tags_move=self.kind is RegistryKind.LOCAL,
            optional=self._optional,
        )
