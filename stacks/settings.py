"""A stack's YAML as frozen, typed values: everything under `skycoin:` keys.

Each model checks what one entry shows. Rules that join several entries are in `rules/`;
`reading.py` applies both and reports every error at once.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from components.bases import Base, Bases
from components.boards import BOARDS
from components.naming import Channel
from components.registries import RegistryKind
from stacks.fields import (
    SECRET,
    Account,
    Address,
    ApiSet,
    ArchName,
    BoardName,
    Commit,
    Date,
    Engine,
    GitUrl,
    Listen,
    Pinned,
    Port,
    PythonVersion,
    Region,
    Repository,
    SecretName,
    Tag,
    UserId,
    Version,
    VolumeName,
)
from stacks.model import Settings
from stacks.opening import OpenSettings
from stacks.ssh import ssh_fault

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
        RegistryKind.LOCAL: "registry.localhost:5443",
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


def _each_once(**lists: Sequence[str] | None) -> None:
    for key, names in lists.items():
        if twice := sorted({name for name in names or () if (names or ()).count(name) > 1}):
            raise ValueError(f"{key} names {', '.join(twice)} more than once")


ORIGINS = ("module", "git", "path")


class SourceSettings(Settings):
    """Where the software comes from: exactly one of module, git, path."""

    module: str | None = None
    git: GitUrl | None = None
    path: str | None = None
    version: Version
    commit: Commit | None = None
    branch: str = ""
    date: Date | None = None

    @property
    def origin(self) -> str:
        """Which of module, git and path it is."""
        return next(name for name in ORIGINS if getattr(self, name) is not None)

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        given = [name for name in ORIGINS if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"give exactly one of module, git, path (given: {', '.join(given) or 'none'})")
        if self.path is None and self.commit is None:
            raise ValueError(f"{given[0]} needs commit: 40 hexadecimal digits; a path's is read from it")
        return self


class ImageSettings(Settings):
    """One entry of `skycoin:images`: an image of the catalogue, for these architectures."""

    source: SourceSettings
    arches: Annotated[list[ArchName], Field(min_length=1)]
    channel: Annotated[Channel, Field(strict=False)]
    feature: Tag | None = None
    revision: Annotated[int, Field(ge=0)] = 0
    registries: Annotated[list[str], Field(min_length=1)] | None = None
    repository: Repository | None = None
    base: Annotated[Base, Field(strict=False)] = Base.BUSYBOX
    gui: bool = True
    layers: Literal[1, 2] = 2
    build_args: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _named_once(self) -> Self:
        _each_once(arches=self.arches, registries=self.registries)
        return self

    @model_validator(mode="after")
    def _channel_fits(self) -> Self:
        if (self.channel is Channel.FEATURE) != (self.feature is not None):
            raise ValueError("channel feature needs feature: NAME, and no other channel takes it")
        if self.revision and self.channel is not Channel.RELEASE:
            raise ValueError("revision belongs to channel release")
        return self


class WorkspaceSettings(Settings):
    """One entry of `skycoin:workspaces`: a development image, for these architectures."""

    arches: Annotated[list[ArchName], Field(min_length=1)]
    dind: bool = False
    python: PythonVersion | None = None
    registries: Annotated[list[str], Field(min_length=1)] | None = None
    open: OpenSettings | None = None

    @model_validator(mode="after")
    def _named_once(self) -> Self:
        _each_once(arches=self.arches, registries=self.registries)
        return self


class WorkspaceUserSettings(Settings):
    """`skycoin:workspace-user`: ids of the user `developer` in the workspaces' images."""

    uid: UserId = 1000
    gid: UserId = 1000


class Emulation(StrEnum):
    """Whether an engine of another architecture may run the host's variant by binfmt."""

    REFUSED = "refused"
    ALLOWED = "allowed"


class HostSettings(Settings):
    """One entry of `skycoin:hosts`: a Docker engine."""

    engine: Engine
    arch: ArchName | None = None
    emulation: Annotated[Emulation, Field(strict=False)] = Emulation.REFUSED
    board: BoardName | None = None
    ssh_options: list[str] = Field(default_factory=list)

    @model_validator(mode="after")
    def _board_fits(self) -> Self:
        if self.board and self.arch and BOARDS[self.board].arch != self.arch:
            raise ValueError(f"board {self.board} takes {BOARDS[self.board].arch}, not {self.arch}")
        return self

    @model_validator(mode="after")
    def _host_key_is_checked(self) -> Self:
        if (fault := ssh_fault(self.ssh_options)) is not None:
            raise ValueError(f"ssh-options: {fault}")
        if self.ssh_options and not self.engine.startswith("ssh://"):
            raise ValueError("ssh-options belong to an ssh:// engine")
        return self

    @property
    def address(self) -> str | None:
        """DOCKER_HOST of the engine; None is the environment's."""
        return None if self.engine == "local" else self.engine

    @property
    def variant(self) -> str | None:
        """Declared architecture: its own, or its board's; None lets the engine choose from the list."""
        return self.arch or (BOARDS[self.board].arch if self.board else None)


class PeerNetwork(StrEnum):
    """Which Skycoin network a node joins."""

    NONE = "none"
    """None: `-disable-networking`."""
    MAINNET = "mainnet"


MANAGED_FLAGS = [
    "data-dir",
    "wallet-dir",
    "db-path",
    "storage-dir",
    "web-interface-addr",
    "host-whitelist",
    "disable-csrf",
    "disable-header-check",
    "disable-csp",
    "http-prof",
    "http-prof-host",
    "web-interface",
    "web-interface-https",
    "web-interface-plaintext-auth",
    "web-interface-port",
    "enable-api-sets",
    "enable-all-api-sets",
    "enable-gui",
    "gui-dir",
    "port",
    "disable-networking",
    "web-interface-username",
    "web-interface-password",
]
"""Flags of the node that settings own: given by hand they could move a wallet or open an interface."""


class NodeSettings(Settings):
    """One entry of `skycoin:nodes`."""

    image: str
    tag: Tag | None = None
    host: str
    rpc_port: Port = 6420
    metrics_port: Port | None = None
    peer_port: Port = 6000
    network: Annotated[PeerNetwork, Field(strict=False)] = PeerNetwork.NONE
    gui: bool = False
    api_sets: Annotated[list[ApiSet], Field(min_length=1)] = ["READ", "TXN"]  # noqa: RUF012 pydantic copies it
    args: list[str] = Field(default_factory=list)
    memory: Annotated[int, Field(ge=64)] | None = None
    wait: Annotated[int, Field(ge=10, le=3600)] = 300
    data_volume: VolumeName | None = None
    wallet_volume: VolumeName | None = None
    renamed_from: str | None = None
    new_wallet: bool = False

    @model_validator(mode="after")
    def _args_stay_out_of_settings(self) -> Self:
        for argument in self.args:
            flag = argument.lstrip("-").partition("=")[0] if argument.startswith("-") else ""
            if flag in MANAGED_FLAGS:
                raise ValueError(f"args: -{flag} would override what the node's settings decide; drop it")
            if SECRET.search(flag):
                raise ValueError(f"args: -{flag}: a secret would be in the state and on the host in clear")
        return self


class StackSettings(Settings):
    """Everything under `skycoin:` of one stack."""

    registries: dict[str, RegistrySettings] = Field(default_factory=dict)
    images: dict[str, ImageSettings] = Field(default_factory=dict)
    workspaces: dict[str, WorkspaceSettings] = Field(default_factory=dict)
    workspace_user: WorkspaceUserSettings = Field(default_factory=WorkspaceUserSettings)
    hosts: dict[str, HostSettings] = Field(default_factory=dict)
    nodes: dict[str, NodeSettings] = Field(default_factory=dict)
    images_from: str | None = None
    bases: Annotated[Bases, Field(strict=False)] = Bases.OFFICIAL
    build_base: Pinned | None = None
    builder: str | None = None
    build_ca: str | None = None
    build_secrets: dict[SecretName, str] = Field(default_factory=dict)
    """Encrypted in the YAML: `reading.py` refuses them in clear."""
