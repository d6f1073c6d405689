"""A registry to publish images in, and the addresses of its repositories.

Creates nothing: the registry exists already (a service of `make up`, or an external one), or another
component creates it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi

from catalogue.registries import RegistryKind


@dataclass(frozen=True, kw_only=True, slots=True)
class RegistryArgs:
    """Arguments of one registry: its kind, its address, and whether it may fail."""

    kind: RegistryKind
    address: pulumi.Input[str]
    """HOST[:PORT][/namespace]."""
    created: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    """Addresses of the repositories that had to be created, by path; the others need no creation."""
    optional: bool = False
    """True turns a failure of this registry into a warning; the next run tries again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Repository:
    """One repository of a registry, as a target for publishing."""

    registry: str
    """Name of the registry in the stack."""
    address: pulumi.Input[str]
    """HOST[:PORT]/PATH, without a tag."""
    exact_tags_move: bool
    """False if an exact release tag never gets other content."""
    optional: bool


class Registry(pulumi.ComponentResource):
    """A registry to publish images in."""

    kind: RegistryKind
    address: pulumi.Output[str]

    def __init__(self, name: str, args: RegistryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("skycoin:index:Registry", name, None, opts)
        self.kind = args.kind
        self.address = pulumi.Output.from_input(args.address)
        self._name, self._optional, self._created = name, args.optional, args.created
        self.register_outputs({"kind": args.kind.value, "address": self.address})

    def repository(self, path: str) -> Repository:
        """Return one repository of this registry.

        The address of a repository that had to be created is that resource's output, so pushes wait for it.
        """
        plain = pulumi.Output.concat(self.address, "/", path)
        return Repository(
            registry=self._name,
            address=self._created.get(path, plain),
            exact_tags_move=self.kind is RegistryKind.LOCAL,
            optional=self._optional,
        )
