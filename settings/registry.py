"""`skycoin:registries`: the registries that images are published to."""

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Annotated

from pydantic import Field

from catalogue.registries import LOCAL_HOST, RegistryKind
from settings.fields import Account, Address, HostName, Listen, Memory, Port, Region, Repository
from settings.model import Settings

REGISTRY_KEYS: Mapping[RegistryKind, tuple[Sequence[str], Sequence[str]]] = MappingProxyType(
    {
        RegistryKind.LOCAL: ((), ("address",)),
        RegistryKind.OCI: (("address",), ()),
        RegistryKind.HUB: ((), ("address", "namespace")),
        RegistryKind.GHCR: ((), ("address", "namespace")),
        RegistryKind.ECR: (("account", "region"), ("namespace", "keep-features", "keep-develop")),
        RegistryKind.HOSTED: (
            ("address", "host"),
            ("namespace", "port", "listen", "memory", "readers-port", "anonymous-readers"),
        ),
    }
)
"""Keys of each kind: (required ones, other allowed ones)."""


REGISTRY_ADDRESSES: Mapping[RegistryKind, str] = MappingProxyType(
    {
        RegistryKind.LOCAL: f"{LOCAL_HOST}:5443",
        RegistryKind.HUB: "docker.io",
        RegistryKind.GHCR: "ghcr.io",
    }
)
"""Default addresses of the kinds that need none."""


_LOOPBACK = re.compile(r"([\w-]+\.)*localhost(?=[:/]|$)|127(\.\d{1,3}){3}(?=[:/]|$)")
"""Names of this machine in an address (RFC 6761, section 6.3)."""


class RegistrySettings(Settings):
    """One entry of `skycoin:registries`. Each kind has its own keys."""

    kind: Annotated[RegistryKind, Field(strict=False)]
    """Kind of registry: `local` is that of `make up` on this machine, in which every tag may move; `hub` is
    Docker Hub, `ghcr` GitHub's, `ecr` [Amazon's](stacks.md#amazons-registry), `hosted` [one that this stack
    runs](stacks.md#a-registry-of-ones-own), `oci` any other."""
    address: Address | None = None
    """Address of the registry, for all kinds but `ecr`; required for `oci` and `hosted`, and of this machine
    for `local`. Default: `registry.localhost:5443` for kind `local`, `docker.io` for `hub`, `ghcr.io` for
    `ghcr`."""
    namespace: Annotated[Repository, Field(examples=["skycoin"])] | None = None
    """First part of the repositories' names, for kinds `hub`, `ghcr`, `ecr` and `hosted`; it replaces the
    first part of an image's default repository."""
    account: Account | None = None
    """AWS account ID; required for kind `ecr`."""
    region: Region | None = None
    """AWS region; required for kind `ecr`."""
    keep_features: Annotated[int, Field(ge=1, le=1000, examples=[20])] | None = None
    """Number of feature builds whose tags are kept, those of their variants included, for kind `ecr`.
    Default: `10`."""
    keep_develop: Annotated[int, Field(ge=1, le=1000, examples=[20])] | None = None
    """Number of develop builds (`develop-COMMIT`) whose tags are kept, those of their variants included, for
    kind `ecr`. Default: `10`."""
    host: HostName | None = None
    """Host that the registry runs on; required for kind `hosted`."""
    port: Port | None = None
    """Port on the host, for kind `hosted`. Default: the port in `address`, else `5000`."""
    listen: Listen | None = None
    """Address of the host at which the ports are published, for kind `hosted`. Default: `127.0.0.1`."""
    memory: Memory | None = None
    """Memory limit of the registry, and of its container for readers, for kind `hosted`. Default: `256`."""
    readers_port: Port | None = None
    """Port on the host for read-only access, with separate logins, for kind `hosted`. Default: none."""
    anonymous_readers: Annotated[bool, Field(examples=[True])] | None = None
    """Allow reading at `readers-port` without a login, for kind `hosted`."""
    optional: bool = False
    """Allow this registry to fail: a failure is then a warning, and the next `up` tries again."""

    def _keys_fit_kind(self) -> str | None:
        needed, others = REGISTRY_KEYS[self.kind]
        # A key with a wrong value is given, too, but has no value here.
        given = {name for name in self.model_fields_set if vars(self).get(name, name) is not None}
        keys = {name.replace("_", "-") for name in given} - {"kind", "optional"}
        faults = [f"{key} is not allowed" for key in sorted(keys - {*needed, *others})]
        faults += [f"{key} is missing" for key in needed if key not in keys]
        if not faults:
            return None
        allowed = ", ".join([*(f"{key} (required)" for key in needed), *others, "optional"])
        return f"kind {self.kind}: {'; '.join(faults)}; allowed: {allowed}"

    def _anonymous_readers_have_a_port(self) -> str | None:
        if not self.anonymous_readers or self.readers_port is not None:
            return None
        return "anonymous-readers needs readers-port"

    def _local_is_here(self) -> str | None:
        if self.kind is not RegistryKind.LOCAL or not self.address or _LOOPBACK.match(self.address):
            return None
        return (
            f"address {self.address} is not of this machine: kind local is the registry of `make up`, in "
            f"which exact release tags may change too. Its address must be {LOCAL_HOST}, localhost or "
            "127.0.0.1, with a port. For another registry, write kind hub, ghcr, ecr or oci"
        )

    key_rules = (_keys_fit_kind, _anonymous_readers_have_a_port, _local_is_here)

    @property
    def root(self) -> str:
        """Address that its repositories are under: HOST[:PORT][/namespace]."""
        host = self._ecr_host if self.kind is RegistryKind.ECR else self.address
        host = host or REGISTRY_ADDRESSES[self.kind]
        return f"{host}/{self.namespace}" if self.namespace else host

    @property
    def _ecr_host(self) -> str:
        """Address as `docker login` knows it (ECR user guide, "Private registry authentication")."""
        suffix = ".cn" if (self.region or "").startswith("cn-") else ""
        return f"{self.account}.dkr.ecr.{self.region}.amazonaws.com{suffix}"
