"""SBOMs in an image: their paths, their component counts, and whether they describe programs of that image.

They are CycloneDX in JSON, written by images/go-module/sbom (docs/adr/0008).
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote

from catalogue.go_modules import Modules
from catalogue.stack_outputs import Sbom
from clients.manifests import sha256_of

FOLDER = "usr/share/sbom/"
SUFFIX = ".json"
_GO, _DEBIAN = "pkg:golang/", "pkg:deb/"
"""Starts of the package URLs of a Go module and of a Debian package."""
_VERSION = re.compile(r"v?(?P<number>\d+(\.\d+)*([-+].+)?)")


@dataclass
class Sboms:
    """SBOMs found in an image; `programs` has the SHA-256 of each ELF file in that image."""

    found: dict[str, Sbom] = field(default_factory=dict)
    """{digest, components} by path."""
    subjects: dict[str, frozenset[str]] = field(default_factory=dict)
    """SHA-256 of the described program by path; empty if the SBOM names none."""
    programs: set[str] = field(default_factory=set)
    linked: dict[str, Modules] = field(default_factory=dict)
    """Go modules that an SBOM names, by the SBOM's path."""
    packages: dict[str, str] = field(default_factory=dict)
    """Debian packages that the SBOMs name, with their versions."""

    @property
    def modules(self) -> dict[str, Modules]:
        """Program of the image that an SBOM describes → Go modules linked into it, its own included."""
        return {
            PurePosixPath(path).name.removesuffix(SUFFIX).removesuffix(".cdx"): modules
            for path, modules in self.linked.items()
            if modules and self.subjects[path] & self.programs
        }

    def add(self, path: str, content: bytes) -> None:
        """Add an SBOM. Raises ValueError, AttributeError or KeyError if it is not CycloneDX."""
        fields = json.loads(content)
        if not isinstance(fields, Mapping) or fields.get("bomFormat") != "CycloneDX":
            raise ValueError("bomFormat is not CycloneDX")
        subject = (fields.get("metadata") or {}).get("component") or {}
        hashes = (entry for entry in subject.get("hashes") or () if entry.get("alg") == "SHA-256")
        self.found[f"/{path}"] = {
            "digest": sha256_of(content),
            "components": len(fields.get("components") or ()),
        }
        self.subjects[f"/{path}"] = frozenset(entry["content"] for entry in hashes)
        components = [entry for entry in fields.get("components") or () if not _is_part(entry)]
        self.linked[f"/{path}"] = dict(_go_modules([subject, *components]))
        self.packages.update(_debian_packages(components))

    def faults(self) -> Iterator[str]:
        """Yield an error for each SBOM that describes a program which the image does not have."""
        for path, hashes in self.subjects.items():
            if hashes and not hashes & self.programs:
                yield f"{path} is the SBOM of a program whose SHA-256 no program in the image has"


def _is_part(component: Mapping[str, Any]) -> bool:
    """True if a component is a folder of a module, such as a web interface: it is not linked."""
    return "#" in str(component.get("purl"))


def _go_modules(components: list[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    for component in components:
        version = _VERSION.fullmatch(str(component.get("version")))
        if version and str(component.get("purl")).startswith(_GO):
            yield str(component.get("name")), version["number"]


def _debian_packages(components: list[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    for component in components:
        purl = str(component.get("purl"))
        if purl.startswith(_DEBIAN):
            name, version = str(component.get("name")), str(component.get("version"))
            source, _, packaged = unquote(purl.removeprefix(_DEBIAN).partition("?")[0]).partition("@")
            # For busybox, an SBOM has the upstream version; only the package URL has Debian's.
            is_upstream = PurePosixPath(source).name == name and version in packaged
            yield name, packaged if is_upstream else version


def is_sbom(path: str) -> bool:
    """True if a file's path is that of an SBOM."""
    return path.startswith(FOLDER) and path.endswith(SUFFIX)
