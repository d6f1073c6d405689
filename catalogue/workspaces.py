"""The development workspaces of this repository: one row each, and what a stack may ask of them.

A pure table: what is built from it is in `workspace_images.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

TAG = "develop"
DIND_SUFFIX = "-dind"
"""Suffix of a workspace's tag for the image with a Docker engine inside."""

BASE_REPOSITORY = "skycoin/workspace-base"
"""The Debian root under every workspace; its tags name Debian's release."""

RELEASE = "bookworm"
"""Debian's release under a workspace that does not choose another."""

DIND_CAPABILITIES = ("SYS_ADMIN", "NET_ADMIN")
DIND_SECURITY = ("seccomp=unconfined", "apparmor=unconfined")
"""Rights of a Docker engine inside, from the one outside: less than `--privileged`, which does too where
that engine's machine has every capability."""

PYTHONS: Mapping[str, str] = MappingProxyType(
    {"2.7": "bullseye", "3.9": "bullseye", "3.11": "bookworm", "3.13": "trixie"}
)
"""Python version → Debian's release that has it."""

DEFAULT_PYTHON = "3.11"

WORK = "/work"
"""Mount point of the folder."""
USER = "developer"
"""The person in the image, for tools that enter by name."""
HOME = "/home/developer"
"""The person's own files inside: a volume, so that they outlive the container."""
DOCKER_DATA = "/var/lib/docker"
MEMORY = 4096
"""Limit in MiB where none is given."""
PROCESSES = 16384
"""Threads. Linux counts those of a user id on the whole host, the person's own programs included."""
AUTHORITIES = "/var/lib/workspace/authorities.crt"
"""Debian's certificate authorities and the network's, joined by the entry point of the image."""
AUTHORITIES_PIECE = 65536
"""Characters of one variable: Linux takes 128 KiB (execve(2))."""
TRUSTING = (
    "SSL_CERT_FILE",
    "CURL_CA_BUNDLE",
    "GIT_SSL_CAINFO",
    "NODE_EXTRA_CA_CERTS",
    "PIP_CERT",
    "REQUESTS_CA_BUNDLE",
)
"""Variables by which Go, curl, git, Node and Python find that file."""
STAY = ("sleep", "infinity")
"""Command of a workspace without a page: it waits to be entered."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkspaceEntry:
    """One workspace: a development image and its sibling with a Docker engine inside."""

    name: str
    """Key in `skycoin:workspaces`."""
    title: str
    repository: str
    """Repository under a registry's address; a registry's namespace takes the place of its first part."""
    context: str
    """Build context relative to the project."""
    base: str | None = None
    """Workspace whose image is under it; None is Debian's root."""
    shell: str = "bash"
    """Command of a terminal in the workspace."""
    ide_port: int | None = None
    """Port of its editor's page inside, or None."""
    pythons: tuple[str, ...] = ()
    """Versions of Python that `python` may choose, the default one first; none takes no such key."""
    dind_alias: str | None = None
    """A further tag of the sibling with a Docker engine: the name that it had first."""
    arches: tuple[str, ...] = ("amd64", "arm64v8")

    def python(self, wanted: str | None) -> str:
        """Version of Python in it; empty where it has no such choice."""
        return wanted or self.pythons[0] if self.pythons else ""

    def release(self, python: str | None) -> str:
        """Debian's release under it."""
        return PYTHONS[self.python(python)] if self.pythons else RELEASE

    def tags(self, python: str | None) -> Sequence[str]:
        """Tags of its manifest lists: another Python than the default one is named in the tag."""
        version = self.python(python)
        return [TAG if version in ("", DEFAULT_PYTHON) else f"{TAG}-py{version}"]

    def dind_tags(self, python: str | None) -> Sequence[str]:
        """Tags of its sibling with a Docker engine."""
        suffixed = [f"{tag}{DIND_SUFFIX}" for tag in self.tags(python)]
        return suffixed if self.dind_alias is None else [*suffixed, self.dind_alias]


def authority_variables(authorities: str) -> list[str]:
    """`NAME=value` by which a workspace's container gets the network's authorities (PEM); none for none.

    As text and not as a mount: the engine may be on another host. The entry point writes the file.
    """
    if not authorities:
        return []
    starts = range(0, len(authorities), AUTHORITIES_PIECE)
    pieces = [authorities[start : start + AUTHORITIES_PIECE] for start in starts]
    given = [f"WORKSPACE_CA_{number}={piece}" for number, piece in enumerate(pieces)]
    return [*given, *(f"{name}={AUTHORITIES}" for name in TRUSTING)]


def base_tag(release: str) -> str:
    """Tag of Debian's root: it moves, as `develop` does."""
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
"""Rows by name, each base before the images on it: the order in which they are built."""
