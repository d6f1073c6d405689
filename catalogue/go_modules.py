"""Go modules and their versions: required by a go.mod, linked into programs, and compared."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from catalogue.version_order import precedence

GO_MOD, GO_SUM = "go.mod", "go.sum"
STANDARD_LIBRARY = "stdlib"
"""Name of Go's standard library in SBOMs and in the Go vulnerability database."""
_WORD = re.compile(r'"[^"]*"|`[^`]*`|[()]|[^\s()"`]+', re.ASCII)
_PATH = re.compile(r"[0-9A-Za-z._~/-]+")
_VERSION = re.compile(r"v([0-9]{1,9}\.[0-9]{1,9}\.[0-9]{1,9}(?:[-+][0-9A-Za-z.+-]{1,200})?)")

Modules = Mapping[str, str]
"""Path of a module → its version, without the `v`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """A module whose version differs between two sides, or that only one of them has."""

    module: str
    before: str
    """Version before; empty if the module is new."""
    after: str
    """Version after; empty if the module is gone."""

    @property
    def text(self) -> str:
        """The difference in words, such as `golang.org/x/crypto 0.59.0 → 0.60.0`."""
        if self.before and self.after:
            return f"{self.module} {self.before} → {self.after}"
        what = "is gone" if self.before else "is new"
        return f"{self.module} {self.before or self.after} {what}"


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Finding:
    """A known vulnerability of a module in one version."""

    module: str
    version: str
    identity: str
    """Id in the Go vulnerability database, such as GO-2026-6610."""
    fixed: str
    """First later version without it; empty if there is none."""
    summary: str


def required(go_mod: str) -> Modules:
    """Modules that a go.mod requires: since Go 1.17, all that its packages need, with the built versions."""
    found: dict[str, str] = {}
    for directive, words in _directives(go_mod):
        version = _VERSION.fullmatch(words[1]) if directive == "require" and len(words) == 2 else None
        if version and _PATH.fullmatch(words[0]):
            path, number = words[0], version[1]
            found[path] = max(found.get(path, number), number, key=precedence)
    return found


def replaces(go_mod: str) -> bool:
    """True if a go.mod replaces modules: the built modules may then differ from the required ones."""
    return any(directive == "replace" for directive, _ in _directives(go_mod))


def _directives(go_mod: str) -> Iterator[tuple[str, list[str]]]:
    """Name and arguments of each directive, in a block or alone (https://go.dev/ref/mod#go-mod-file)."""
    block = ""
    for line in go_mod.split("\n"):
        words = [word.strip('"`') for word in _WORD.findall(line.partition("//")[0])]
        if words == [")"]:
            block = ""
        elif words[1:] == ["("]:
            block = words[0]
        elif words:
            yield (block, words) if block else (words[0], words[1:])


def differences(before: Modules, after: Modules) -> Iterator[Difference]:
    """Modules that differ, sorted by path."""
    for module in sorted({*before, *after}):
        was, would = before.get(module, ""), after.get(module, "")
        if was != would:
            yield Difference(module=module, before=was, after=would)


def by_program(variants: Mapping[str, Mapping[str, Modules] | None]) -> list[dict[str, Any]]:
    """Group {variant: {program: modules}} as [{program, variants, modules}], with equal modules listed once.

    The value of a variant is None if an earlier version of this program verified it.
    """
    found: list[dict[str, Any]] = []
    for variant, programs in variants.items():
        for program, modules in (programs or {}).items():
            same = (one for one in found if one["program"] == program and one["modules"] == modules)
            if (one := next(same, None)) is not None:
                one["variants"].append(variant)
            else:
                found.append({"program": program, "variants": [variant], "modules": dict(modules)})
    return sorted(found, key=lambda one: str(one["program"]))
