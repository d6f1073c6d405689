"""Go modules by their versions: what a go.mod requires, what is linked into programs, and what differs."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

GO_MOD = "go.mod"
STANDARD_LIBRARY = "stdlib"
"""Name of Go's standard library in SBOMs and in the Go vulnerability database."""
_REQUIRED = re.compile(
    r"^(?:require )?\s*(?P<path>[\w.~-]+\.[\w./~-]+) v(?P<version>\d+\.\d+\.\d+(?:[-+]\S+)?)(?!\S)",
    re.MULTILINE,
)
"""A line of a go.mod, in a block or alone (https://go.dev/ref/mod#go-mod-file-require)."""
_OTHERS = re.compile(r"^(?!require)\w+ \(.*?^\)", re.MULTILINE | re.DOTALL)
"""Blocks that require nothing, such as those of `exclude`."""

Modules = Mapping[str, str]
"""Path of a module → its version, without the `v`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """One module that has another version on one of two sides, or is missing there."""

    module: str
    before: str
    """Empty where the module is new."""
    after: str
    """Empty where it is gone."""

    @property
    def text(self) -> str:
        """The difference in words, such as `golang.org/x/crypto 0.59.0 → 0.60.0`."""
        if self.before and self.after:
            return f"{self.module} {self.before} → {self.after}"
        return f"{self.module} {self.before or self.after} is {'gone' if self.before else 'new'}"


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Finding:
    """A known vulnerability of a module in one version."""

    module: str
    version: str
    identity: str
    """Id in the Go vulnerability database, such as GO-2026-6610."""
    fixed: str
    """The next version without it; empty where there is none."""
    summary: str


def required(go_mod: str) -> Modules:
    """Modules that a go.mod requires: since Go 1.17 all that its packages need, in the versions to build."""
    return {found["path"]: found["version"] for found in _REQUIRED.finditer(_OTHERS.sub("", go_mod))}


def differences(before: Modules, after: Modules) -> Iterator[Difference]:
    """Modules that differ, by path."""
    for module in sorted({*before, *after}):
        was, would = before.get(module, ""), after.get(module, "")
        if was != would:
            yield Difference(module=module, before=was, after=would)


def by_program(variants: Mapping[str, Mapping[str, Modules] | None]) -> list[dict[str, Any]]:
    """[{program, variants, modules}], equal modules once, from {variant: {program: modules}}.

    A variant that an earlier version of this program verified has None.
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
