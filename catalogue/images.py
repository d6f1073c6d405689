"""The images of this repository: one row each, with its folder and its software."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

PROJECT = Path(__file__).resolve().parent.parent
GO_MODULE = "./images/go-module"
"""Folder with files that several images share, as a named build context."""
SOURCE = "source"
"""Named build context of a source other than a Go module: a folder, or a commit of a git repository."""
NAMED_CONTEXTS = "NAMED_CONTEXTS"
"""Build argument with the hash of an image's local named contexts (components/contexts.py)."""
DOCKERIGNORE = ".dockerignore"
"""File that lists which parts of its folder are not sent to a builder."""
EXPORTER = "exporter"
"""Image that exports a node's metrics."""
EXPORTER_UID = 10001
"""User and group id of the exporter, which has no volumes."""
PROXY = "proxy"
"""Image that requires a login in front of a node's web interface."""
PROXY_UID = 10002
"""User and group id of the proxy: no other container's user may read its password."""
PROXY_PORT = 8080
"""Port of the proxy inside its container."""
REGISTRY_IMAGE = "registry"
"""Image of a hosted registry."""
REGISTRY_PORT = 5000
"""Port of a hosted registry inside its container."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CatalogueEntry:
    """One image: a folder under images/ and the software in it."""

    name: str
    repository: str
    """Repository under a registry's address if the settings name none."""
    title: str
    module: str
    """Go module of the software, or Debian package. A folder's go.mod and go.sum pin a module's version and
    hashes; `skywire`, which is not built from a module, has none."""
    url: str
    build_args: Mapping[str, str]
    """Templates with version, commit, branch, gui and layers; a build argument is never a secret."""
    licenses: str = ""
    """SPDX expression; empty if the software names no license."""
    node: bool = False
    """True if a node can run this image."""
    origins: tuple[str, ...] = ("module",)
    """Kinds of source that the image can be built from."""
    dockerfile: str = f"{GO_MODULE}/Dockerfile"

    @property
    def context(self) -> str:
        """Build context relative to the project, so that it is the same in every checkout."""
        return f"./images/{self.name}"

    @property
    def patches(self) -> tuple[str, ...]:
        """Names of the patches that the image's build applies to its Go module (docs/adr/0055)."""
        return tuple(sorted(path.name for path in (PROJECT / self.context / "patches").glob("*.patch")))

    def arguments(self, *, version: str, commit: str, branch: str, gui: bool, layers: int) -> dict[str, str]:
        """Build arguments of the image, from the templates in `build_args`."""
        values = {
            "version": version,
            "commit": commit,
            "branch": branch,
            "gui": "true" if gui else "false",
            "layers": str(layers),
        }
        return {name: template.format_map(values) for name, template in self.build_args.items()}


def _entries(*entries: CatalogueEntry) -> Mapping[str, CatalogueEntry]:
    return MappingProxyType({entry.name: entry for entry in entries})


_PROVENANCE = {"VERSION": "{version}", "COMMIT": "{commit}"}
"""Build arguments that tell an image's SBOMs the version and commit of its source."""

CATALOGUE = _entries(
    CatalogueEntry(
        name="skycoin",
        repository="skycoin/skycoin",
        title="Skycoin node",
        module="github.com/skycoin/skycoin",
        url="https://github.com/skycoin/skycoin",
        node=True,
        origins=("module", "git", "path"),
        dockerfile="./images/skycoin/Dockerfile",
        build_args={
            **_PROVENANCE,
            "BRANCH": "{branch}",
            "GUI": "{gui}",
            "LAYERS": "{layers}",
        },
    ),
    CatalogueEntry(
        name="skywire",
        repository="skycoin/skywire",
        title="Skywire visor",
        module="github.com/skycoin/skywire",
        url="https://github.com/skycoin/skywire",
        origins=("git", "path"),
        dockerfile="./images/skywire/Dockerfile",
        # Skywire's version variables moved between versions; Go's linker ignores names that don't exist.
        build_args={
            **_PROVENANCE,
            "LDFLAGS": "-X main.Version={version} -X main.Commit={commit} -X main.Branch={branch} "
            "-X github.com/skycoin/dmsg/buildinfo.version=v{version} "
            "-X github.com/skycoin/dmsg/buildinfo.commit={commit} "
            "-X github.com/skycoin/skywire-utilities/pkg/buildinfo.version=v{version} "
            "-X github.com/skycoin/skywire-utilities/pkg/buildinfo.commit={commit} "
            "-X github.com/skycoin/skywire/pkg/skywire-utilities/pkg/buildinfo.version=v{version} "
            "-X github.com/skycoin/skywire/pkg/skywire-utilities/pkg/buildinfo.commit={commit}",
        },
    ),
    CatalogueEntry(
        name=EXPORTER,
        repository="skycoin/exporter",
        title="Prometheus metrics of a Skycoin node",
        module="github.com/prometheus-community/json_exporter",
        url="https://github.com/prometheus-community/json_exporter",
        licenses="Apache-2.0",
        build_args={
            **_PROVENANCE,
            "PACKAGE": "github.com/prometheus-community/json_exporter",
            "LDFLAGS": "-X github.com/prometheus/common/version.Version={version} "
            "-X github.com/prometheus/common/version.Revision={commit}",
            "PORT": "7979",
            "UID": str(EXPORTER_UID),
        },
    ),
    CatalogueEntry(
        name=REGISTRY_IMAGE,
        repository="skycoin/registry",
        title="Registry of OCI images",
        module="github.com/distribution/distribution/v3",
        url="https://github.com/distribution/distribution",
        licenses="Apache-2.0",
        build_args={
            **_PROVENANCE,
            "PACKAGE": "github.com/distribution/distribution/v3/cmd/registry",
            "LDFLAGS": "-X github.com/distribution/distribution/v3/version.version=v{version} "
            "-X github.com/distribution/distribution/v3/version.revision={commit}",
            "PORT": str(REGISTRY_PORT),
            "DATA": "/var/lib/registry /secrets",
        },
    ),
    CatalogueEntry(
        name=PROXY,
        repository="skycoin/proxy",
        title="Login before a Skycoin node's web interface",
        module="nginx",
        url="https://nginx.org",
        licenses="BSD-2-Clause",
        origins=("debian",),
        dockerfile="./images/proxy/Dockerfile",
        build_args={"VERSION": "{version}", "PORT": str(PROXY_PORT), "UID": str(PROXY_UID)},
    ),
)
