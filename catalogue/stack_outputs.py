"""Outputs of a stack: what `program/` exports, and what commands, reviews and other stacks read.

The state of an earlier version, or of another program, may lack any of them. Types with a parameter are
written with Pulumi's inputs, `Node[pulumi.Input[str]]`, and read as `Node[str]`.
"""

from collections.abc import Mapping, Sequence
from typing import Generic, NotRequired, TypeAlias, TypedDict, TypeVar

from catalogue.go_modules import Modules, Program

Text = TypeVar("Text")
"""Text, or Pulumi's input for it."""
Count = TypeVar("Count")
"""Number, or Pulumi's input for it."""


class Variant(TypedDict, Generic[Text, Count]):
    """An image for one architecture."""

    ref: Text
    """`repo@sha256:…` in the image's first registry."""
    digest: Text
    platform: str
    """OCI platform, such as `linux/arm/v7`."""
    size: Count
    """Bytes in the registry, compressed."""
    unpacked: Count
    """Bytes of all files."""
    layers: Count


class Tag(TypedDict):
    """A manifest list under one tag."""

    ref: str
    """`repo:tag@sha256:…` in the image's first registry."""
    digest: str
    variants: Mapping[str, Variant[str, int]]
    """Variant by architecture; all tags of a publication have the same."""
    registries: Mapping[str, str]
    """`ref` by name of the registry; empty for an optional one that failed."""


Tags: TypeAlias = Mapping[str, Tag]
"""Manifest list by tag."""


class Sbom(TypedDict):
    """An SBOM (CycloneDX) in an image."""

    digest: str
    components: int


class Layer(TypedDict):
    """A layer of a variant."""

    digest: str
    size: int
    """Bytes in the registry, compressed."""


class Report(TypedDict):
    """Findings of the verification of one variant, which was read back from its registry."""

    labels: int
    """Number of labels that are as wanted, also as annotations."""
    programs: Mapping[str, int]
    """Number of programs by kind, such as `X86_64, 64 bit, static`."""
    sboms: Mapping[str, Sbom]
    """SBOM by path in the image."""
    layers: Sequence[Layer]
    packages: NotRequired[Mapping[str, str]]
    """Version of each Debian package; missing if an earlier version of this program verified the image."""


class VerifiedReport(Report):
    """Report as the verification's state has it; the stack exports the modules as a separate output."""

    modules: NotRequired[Mapping[str, Modules]]
    """Go modules by program; missing if an earlier version of this program verified the image."""


class Source(TypedDict):
    """Source code that an image is built from."""

    version: str
    commit: str
    """Commit, with `-dirty` for a changed working copy; empty or `unknown` if it can't be told."""
    branch: str
    date: str
    """UTC, ISO 8601 with Z; empty if the source has no date."""


class Provenance(TypedDict, Generic[Text]):
    """Origin of an image."""

    source: Source
    bases: Mapping[str, Text]
    """Architecture → reference of the base, with its digest."""


class HostedRegistryParts(TypedDict, Generic[Text]):
    """A hosted registry as its component describes it."""

    container: Text
    data_volume: Text
    """Volume with the published images."""
    secrets_volume: Text
    """Volume with certificate, key and passwords, which the operator fills."""


class HostedRegistry(HostedRegistryParts[Text]):
    """A registry that the stack runs on one of its hosts."""

    host: str
    """Name of the host in the stack."""


class NodeParts(TypedDict, Generic[Text]):
    """A node as its component describes it."""

    image: Text
    """`repo@sha256:…`."""
    container: Text
    rpc: Text
    """URL of the node's API on its host's loopback."""
    runs: Text
    """`native` or `emulated`."""
    data_volume: Text
    wallet_volume: Text
    wallet_backups: Text
    """Volume with the copies of the wallets."""
    login: NotRequired[Text]
    """Command that shows the login of the web interface; missing without one, and added by `program/`."""


class Node(NodeParts[Text]):
    """A deployed node."""

    host: str
    """Name of the host in the stack."""
    metrics: Text
    """URL of the exporter's metrics on the host's loopback; empty without an exporter."""


class OpenedParts(TypedDict, Generic[Text]):
    """An opened workspace as its component describes it."""

    container: Text
    home_volume: Text
    enter: Text
    """Command that opens a terminal in the workspace."""
    url: Text
    """URL of its page; empty if it has none."""
    sign_in: Text
    """Command that shows the page's password; empty if it has no page."""


class Opened(OpenedParts[Text]):
    """A workspace that runs on a host, over one of its folders."""

    host: str
    """Name of the host in the stack."""
    folder: str
    """Absolute path on the host."""
    user: str
    """`UID:GID` of the workspace's user."""


class StackOutputs(TypedDict, total=False):
    """All outputs of a stack, as commands, reviews and other stacks read them."""

    images: Mapping[str, Tags]
    """Published tags by image."""
    verification: Mapping[str, Mapping[str, Report]]
    """Reports by image and architecture."""
    modules: Mapping[str, Sequence[Program]]
    """Programs with their Go modules by image."""
    provenance: Mapping[str, Provenance[str]]
    """Origin by image."""
    registries: Mapping[str, HostedRegistry[str]]
    """Registries that the stack runs itself; missing if there are none."""
    nodes: Mapping[str, Node[str]]
    recipients: Sequence[str]
    """Public keys that backups of wallets are encrypted to; missing if there are none."""
    workspaces: Mapping[str, Tags]
    """Published tags by workspace, with those of its sibling with a Docker engine."""
    opened: Mapping[str, Opened[str]]
    """Opened workspaces."""
