"""Pinned versions of all parts of the program, its tools and its images, and newer versions.

This module reads the files that pin, and formats the table. commands/release/pins.py asks the registries.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from catalogue.bases import OFFICIAL_BUILD_BASE, OFFICIAL_GO, official_busybox
from catalogue.go_modules import GO_MOD, tool_modules

GO = "Go"
EVERY_IMAGE = "every image"
NOTHING = "no image"
SHARED = {"go-module": "images with Go programs"}
"""Folders of `images/` that several images share → those images."""
HEADS = ("WHAT", "PINNED", "NEWER", "IN", "REBUILDS")
UNKNOWN = "unknown"
NOT_NEWER = "–"
_REQUIREMENT = re.compile(r"([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^\s;]+)")
_ARGUMENT = re.compile(r"^ARG ([A-Z_]+)_VERSION=(\S+)$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Pin:
    """One version that this checkout fixes."""

    name: str
    version: str
    """Version without Go's `v`; for a base image, the first digits of its digest."""
    place: str
    """File that pins it, relative to the project."""
    rebuilds: str
    """Images that another version rebuilds, in words."""


def go_pins(project: Path) -> Iterator[Pin]:
    """Yield the Go modules that images and tools are built from; the same go.mod pins their dependencies."""
    for folder in ("images", "local/tools"):
        for go_mod in sorted((project / folder).rglob(GO_MOD)):
            image = go_mod.relative_to(project / folder).parts[0]
            rebuilds = SHARED.get(image, image) if folder == "images" else NOTHING
            for module, version in tool_modules(go_mod.read_text(errors="replace")).items():
                yield Pin(name=module, version=version, place=_place(go_mod, project), rebuilds=rebuilds)


def python_pins(project: Path) -> Iterator[Pin]:
    """Yield the direct Python requirements of the program and its tests, without what those require."""
    for file in sorted(project.glob("requirements*.in")):
        yield from _requirements(file, project, NOTHING)


def image_pins(project: Path) -> Iterator[Pin]:
    """Yield the versions in Dockerfiles (`ARG …_VERSION=`), and the Python packages in images' folders."""
    for file in sorted((project / "images").glob("*/Dockerfile")):
        for name, version in _ARGUMENT.findall(file.read_text(errors="replace")):
            title = name.lower().replace("_", "-")
            yield Pin(name=title, version=version, place=_place(file, project), rebuilds=file.parent.name)
    for file in sorted((project / "images").glob("*/*.txt")):
        yield from _requirements(file, project, file.parent.name)


def _requirements(file: Path, project: Path, rebuilds: str) -> Iterator[Pin]:
    """Yield the exact versions in a file of pip's requirements."""
    for line in file.read_text(errors="replace").splitlines():
        if match := _REQUIREMENT.match(line):
            name, version = match.groups()
            yield Pin(name=name, version=version, place=_place(file, project), rebuilds=rebuilds)


def base_pins() -> Iterator[Pin]:
    """Yield the official base images, by digest, and the Go version of the one that images are built on."""
    place = "catalogue/bases.py"
    for reference in (OFFICIAL_BUILD_BASE, official_busybox("amd64")):
        name, _, digest = reference.partition("@")
        version = digest.removeprefix("sha256:")[:12]
        yield Pin(name=name, version=version, place=place, rebuilds=EVERY_IMAGE)
    yield Pin(name=f"{GO} of that base", version=OFFICIAL_GO, place=place, rebuilds=EVERY_IMAGE)


def rows(pins: Mapping[Pin, str | None]) -> list[tuple[str, ...]]:
    """Rows under HEADS; `pins` maps each pin to its newest version, or to None if that is unknown."""
    return [
        (pin.name, pin.version, _newer(pin, newest), pin.place, pin.rebuilds) for pin, newest in pins.items()
    ]


def _newer(pin: Pin, newest: str | None) -> str:
    if newest is None:
        return UNKNOWN
    return NOT_NEWER if newest == pin.version else newest


def _place(file: Path, project: Path) -> str:
    return str(file.relative_to(project))
