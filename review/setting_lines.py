"""Settings that a build's or a tag's inputs come from, each with its line in the stack's file."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from catalogue.images import CATALOGUE
from settings.places import StackFile

_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_WORKSPACE = "workspace-"
_TEMPLATES = {
    "version": ("source", "version"),
    "commit": ("source", "commit"),
    "branch": ("source", "branch"),
    "gui": ("gui",),
    "layers": ("layers",),
}
"""Placeholder in the catalogue's build arguments → setting of the image."""
_ARGUMENTS = {"SOURCE_DATE_EPOCH": ("source", "date"), "IMAGE_FROM": ("base",)}
_STACK = {"BUILD_FROM": ("build-base",), "UID": ("workspace-user", "uid"), "GID": ("workspace-user", "gid")}
BASES = "catalogue/bases.py"
"""File with the digests of official bases."""


@dataclass(frozen=True, slots=True)
class SettingLines:
    """Lines of a stack's file; without a file, every answer is empty."""

    file: StackFile | None = None

    def argument(self, image: str, name: str, *, gone: bool) -> str:
        """Setting behind a build argument, in brackets; empty if there is none."""
        if place := self.exact(*entry(image), "build-args", name):
            return f" ({place})"
        if name in _STACK:
            place = self.exact(*_STACK[name])
            return f" ({place or BASES})" if place or name == "BUILD_FROM" else ""
        keys = (*entry(image), *(_setting(image, name) or ("build-args", name)))
        if place := self.exact(*keys):
            return f" ({place})"
        if name == "IMAGE_FROM":
            return f" ({BASES})"
        if "source" in keys and (copy := self.exact(*entry(image), "source", "path")):
            return f" (of the working copy, {copy})"
        near = self.near(*keys)
        return f" ({'removed' if gone else 'a default'}, {near})" if near else ""

    def exact(self, *keys: str) -> str:
        """FILE:LINE of a setting; empty if the file does not have it."""
        if self.file is None:
            return ""
        place, depth = self.file.line(keys)
        return place if depth == len(keys) else ""

    def near(self, *keys: str) -> str:
        """FILE:LINE of the entry that contains a setting or would contain it; empty if there is none."""
        if self.file is None:
            return ""
        place, depth = self.file.line(keys)
        return place if depth >= len(keys[:2]) else ""


def entry(image: str) -> tuple[str, str]:
    """Keys of the settings entry for which an image is built."""
    if image.startswith(_WORKSPACE):
        return "workspaces", image.removeprefix(_WORKSPACE)
    return "images", image


def _setting(image: str, argument: str) -> Sequence[str]:
    if argument in _ARGUMENTS:
        return _ARGUMENTS[argument]
    if argument == "PYTHON_VERSION":
        return ("python",)
    template = CATALOGUE[image].build_args.get(argument, "") if image in CATALOGUE else ""
    named = _PLACEHOLDER.search(template)
    return _TEMPLATES[named[1]] if named else ()
