"""`skycoin:registries`: where images are published."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Annotated, Self

from pydantic import Field, model_validator

from catalogue.registries import LOCAL_HOST, RegistryKind
from settings.fields import Account, Address, Listen, Port, Region, Repository
from settings.model import Settings

REGISTRY_KEYS: Mapping[RegistryKind, tuple[Sequence[str], Sequence[str]]] = MappingProxyType(
    {
        RegistryKind.LOCAL: ((), ("address",)),
        RegistryKind.OCI: (("address",), ()),
        RegistryKind.HUB: ((), ("address", "namespace")),
        RegistryKind.GHCR: ((), ("address", "namespace")),
        RegistryKind.ECR: (("account", "region"), ("namespace", "keep-features", "keep-develop")),
        RegistryKind.HOSTED: (("address", "host"), ("namespace", "port", "listen", "memory")),
    }
)
"""Keys of each kind: those that must be given, and the others that it takes."""


REGISTRY_ADDRESSES: Mapping[RegistryKind, str] = MappingProxyType(
    {
        RegistryKind.LOCAL: f"{LOCAL_HOST}:5443",
        RegistryKind.HUB: "docker.io",
        RegistryKind.GHCR: "ghcr.io",
    }
)
"""Where the address is not given."""


class RegistrySettings(Settings):
    """One entry of `skycoin:registries`. Each kind takes keys of its own."""

    kind: Annotated[RegistryKind, Field(strict=False)]
    address: Address | None = None
    namespace: Repository | None = None
    account: Account | None = None
    region: Region | None = None
    keep_features: Annotated[int, Field(ge=1, le=1000)] | None = None
    keep_develop: Annotated[int, Field(ge=1, le=1000)] | None = None
    host: str | None = None
    port: Port | None = None
    listen: Listen | None = None
    memory: Annotated[int, Field(ge=64)] | None = None
    optional: bool = False

    @model_validator(mode="after")
    def _keys_fit_the_kind(self) -> Self:
        needed, others = REGISTRY_KEYS[self.kind]
        given = {name.replace("_", "-") for name, value in self if value is not None} - {"kind", "optional"}
        faults = [f"{key} does not belong to it" for key in sorted(given - {*needed, *others})]
        faults += [f"{key} is missing" for key in needed if key not in given]
        if faults:
            takes = ", ".join([*(f"{key} (must be given)" for key in needed), *others, "optional"])
            raise ValueError(f"kind {self.kind}: {'; '.join(faults)}; it takes {takes}")
        return self

    @property
    def root(self) -> str:
        """Address under which its repositories are: HOST[:PORT][/namespace]."""
        host = self._ecr_host if self.kind is RegistryKind.ECR else self.address
        host = host or REGISTRY_ADDRESSES[self.kind]
        return f"{host}/{self.namespace}" if self.namespace else host

    @property
    def _ecr_host(self) -> str:
        """As `docker login` knows it (ECR user guide, "Private registry authentication")."""
        suffix = ".cn" if (self.region or "").startswith("cn-") else ""
        return f"{self.account}.dkr.ecr.{self.region}.amazonaws.com{suffix}"
