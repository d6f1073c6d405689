"""A registry: where images are published, and how a repository in it is addressed.

Makes nothing by itself: the registry is there (a service of `make up`, or somebody's own).
"""

from dataclasses import dataclass
from enum import StrEnum

import pulumi


class RegistryKind(StrEnum):
    """What a registry promises about its tags."""

    LOCAL = "local"
    """This machine's own: every tag may move."""
    OCI = "oci"
    """Any registry that speaks the OCI distribution API; exact release tags are for ever."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RegistryArgs:
    """Where the registry is."""

    kind: RegistryKind
    address: pulumi.Input[str]
    """HOST[:PORT][/namespace]."""


class Registry(pulumi.ComponentResource):
    """A registry that images are published in."""

    kind: RegistryKind
    address: pulumi.Output[str]

    def __init__(self, name: str, args: RegistryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("skycoin:index:Registry", name, None, opts)
        self.kind = args.kind
        self.address = pulumi.Output.from_input(args.address)
        self.register_outputs({"kind": args.kind.value, "address": self.address})

    def repository(self, path: str) -> pulumi.Output[str]:
        """Address of one repository in this registry, without a tag."""
        return pulumi.Output.concat(self.address, "/", path)
