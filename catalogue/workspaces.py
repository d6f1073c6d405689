"""Table of this repository's development workspaces, with the choices that a stack has for each.

This is a pure table; `program/workspace_images.py` builds the images.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

TAG = "develop"
DIND_SUFFIX = "-dind"
"""Suffix of a workspace's tag for its sibling with a nested Docker engine."""

BASE_REPOSITORY = "skycoin/workspace-base"
"""Repository of the Debian base image of all workspaces; its tags name Debian's release."""

CONTAINER = "skycoin-workspace-"
"""Beginning of the name of an opened workspace's container."""

RELEASE = "bookworm"
"""Debian release of a workspace that does not choose another."""

DIND_CAPABILITIES = ("SYS_ADMIN", "NET_ADMIN")
DIND_SECURITY = ("seccomp=unconfined", "apparmor=unconfined")
"""Rights that the host's engine gives to a workspace with a nested engine.

They are less than `--privileged`, which works too, but only on a host that has every capability.
"""

PYTHONS: Mapping[str, str] = MappingProxyType(
    {"2.7": "bullseye", "3.9": "bullseye", "3.11": "bookworm", "3.13": "trixie"}
)
"""Python version → Debian release that has it."""

DEFAULT_PYTHON = "3.11"

GRACE = 10
"""Seconds between a workspace's SIGTERM and SIGKILL: editors save while typing, and it has no database."""

WORK = "/work"
"""Mount point of the opened folder."""
USER = "developer"
"""User in the image, for tools that enter by user name."""
HOME = "/home/developer"
"""Home of the user: a volume, so that the files outlive the container."""
DOCKER_DATA = "/var/lib/docker"
MEMORY = 4096
"""Default memory limit in MiB."""
PROCESSES = 16384
"""Limit of threads; Linux counts all threads of a user id on the host, also outside the container."""
AUTHORITIES = "/var/lib/workspace/authorities.crt"
"""File with Debian's and the network's certificate authorities, written by the image's entry point."""
AUTHORITIES_PIECE = 65536
"""Maximum length of one variable in characters; Linux allows 128 KiB (execve(2))."""
TRUSTING = (
    "SSL_CERT_FILE",
    "CURL_CA_BUNDLE",
    "GIT_SSL_CAINFO",
    "NODE_EXTRA_CA_CERTS",
    "PIP_CERT",
    "REQUESTS_CA_BUNDLE",
)
"""Variables that tell Go, curl, git, Node and Python where the file AUTHORITIES is."""
STAY = ("sleep", "infinity")
"""Command of a workspace without an editor's page: it only keeps the container running."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkspaceEntry:
    """One workspace: a development image, and its sibling with a nested Docker engine."""

    name: str
    """Key in `skycoin:workspaces`."""
    title: str
    repository: str
    """Repository under a registry's address; a registry's namespace replaces its first part."""
    context: str
    """Build context relative to the project."""
    base: str | None = None
    """Workspace whose image this one is built on; None for the Debian base image."""
    shell: str = "bash"
    """Command of a terminal in the workspace."""
    ide_port: int | None = None
    """Port of its editor's page inside the container; None if it has no page."""
    pythons: tuple[str, ...] = ()
    """Python versions that the setting `python` may choose, the default first; empty if it can't be set."""
    dind_alias: str | None = None
    """Additional tag of the sibling with a Docker engine: its original name."""
    arches: tuple[str, ...] = ("amd64", "arm64v8")

    def python(self, wanted: str | None) -> str:
        """Python version in the workspace; empty if it is not configurable."""
        return wanted or self.pythons[0] if self.pythons else ""

    def release(self, python: str | None) -> str:
        """Debian release of its base image."""
        return PYTHONS[self.python(python)] if self.pythons else RELEASE

    def tags(self, python: str | None) -> Sequence[str]:
        """Tags of its manifest lists; a Python version other than the default is part of the tag."""
        version = self.python(python)
        return [TAG if version in ("", DEFAULT_PYTHON) else f"{TAG}-py{version}"]

    def dind_tags(self, python: str | None) -> Sequence[str]:
        """Tags of its sibling with a Docker engine."""
        suffixed = [f"{tag}{DIND_SUFFIX}" for tag in self.tags(python)]
        return suffixed if self.dind_alias is None else [*suffixed, self.dind_alias]


def authority_variables(authorities: str) -> list[str]:
    """Variables, as `NAME=value`, that give a workspace the network's authorities (PEM); empty without any.

    The authorities are text and not a mount, because the engine may be on another host. The entry point
    writes the file.
    """
    if not authorities:
        return []
    starts = range(0, len(authorities), AUTHORITIES_PIECE)
    pieces = [authorities[start : start + AUTHORITIES_PIECE] for start in starts]
    texts = [f"WORKSPACE_CA_{number}={piece}" for number, piece in enumerate(pieces)]
    return [*texts, *(f"{name}={AUTHORITIES}" for name in TRUSTING)]


def base_tag(release: str) -> str:
    """Moving tag of the Debian base image."""
    return f"{TAG}-{release}"


def _entries(*entries: WorkspaceEntry) -> Mapping[str, WorkspaceEntry]:
    return MappingProxyType({entry.name: entry for entry in entries})


WORKSPACES = _entries(
    WorkspaceEntry(
        name="cli",
        title="Skycoin workspace: Go, Node and their tools",
        repository="skycoin/skycoindev-cli",
        context="./images/skycoindev-cli",
        dind_alias="dind",
    ),
    WorkspaceEntry(
        name="python",
        title="Skycoin workspace for PySkycoin",
        repository="skycoin/skycoindev-python",
        context="./images/skycoindev-python",
        pythons=(DEFAULT_PYTHON, *(version for version in PYTHONS if version != DEFAULT_PYTHON)),
    ),
    WorkspaceEntry(
        name="dotnet",
        title="Skycoin workspace for .NET, by Mono",
        repository="skycoin/skycoindev-dotnet",
        context="./images/skycoindev-dotnet",
    ),
    WorkspaceEntry(
        name="vscode",
        title="Skycoin workspace with VS Code in the browser",
        repository="skycoin/skycoindev-vscode",
        context="./images/skycoindev-vscode",
        base="cli",
        ide_port=8080,
    ),
)
"""Workspaces by name in the order of their builds, each base before the images on it."""
