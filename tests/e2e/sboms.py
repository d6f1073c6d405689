"""SBOMs and licence files of the programs in an image, compared with what Go itself reports about them."""

import json
import re
import subprocess
from pathlib import Path

from cyclonedx.model.bom import Bom

from local.machine.tools import find_go
from tests.e2e.machine import Machine

SBOMS = "usr/share/sbom"
LICENCES = "usr/share/licenses"

Modules = set[tuple[str, str]]
"""(path, version) of each module."""


def sbom_of(folder: Path, name: str) -> Bom:
    """Read a program's SBOM below an image's unpacked root, with CycloneDX's own library."""
    written = json.loads((folder / SBOMS / f"{name}.cdx.json").read_text())
    bom: Bom = Bom.from_json(written)  # type: ignore[attr-defined]  # py-serializable adds it at run time
    return bom


def others_of(folder: Path) -> dict[str, tuple[str, str]]:
    """Name → (version, package URL) of everything in an image besides its Go programs."""
    bom = sbom_of(folder, "image")
    return {
        component.name: (str(component.version), str(component.purl or "")) for component in bom.components
    }


def modules_of(bom: Bom) -> Modules:
    """Modules named by an SBOM, without Go's standard library."""
    found = {(component.name, str(component.version)) for component in bom.components}
    standard = {(module, version) for module, version in found if module == "stdlib"}
    assert len(standard) == 1
    assert all(component.purl is not None for component in bom.components)
    return found - standard


def linked_modules(up: Machine, program_file: Path) -> Modules:
    """Modules linked into a program, as Go itself reports them."""
    command = [find_go(up.layout), "version", "-m", str(program_file)]
    output = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout
    return set(re.findall(r"^\tdep\t(\S+)\t(\S+)", output, re.M))
