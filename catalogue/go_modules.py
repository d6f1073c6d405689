"""Go modules and their versions: required by a go.mod, linked into programs, and compared."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypedDict

from catalogue.version_order import precedence

GO_MOD, GO_SUM, GO_WORK = "go.mod", "go.sum", "go.work"
STANDARD_LIBRARY = "stdlib"
"""Name of Go's standard library in SBOMs and in the Go vulnerability database."""
NOT_KNOWN = "not known"
"""Version, also in states, of a module whose version can't be read from a go.mod; texts say “unknown”."""
INEXACT = "the module is replaced by a folder, or its version is excluded or not exact"
"""Reason why a version is NOT_KNOWN."""
_WORD = re.compile(r'"[^"]*"|`[^`]*`|[()]|[^\s()"`]+', re.ASCII)
_PATH = re.compile(r"[0-9A-Za-z._~/-]+")
_VERSION = re.compile(r"v([0-9]{1,9}\.[0-9]{1,9}\.[0-9]{1,9}(?:[-+][0-9A-Za-z.+-]{1,200})?)")
_GO = re.compile(r"([0-9]{1,9})\.([0-9]{1,9})(?:\.[0-9]+|rc[0-9]+)?")
_NAMES_ALL = (1, 17)
"""First version of Go whose go.mod lists indirect requirements (https://go.dev/ref/mod#graph-pruning)."""

Modules = Mapping[str, str]
"""Path of a module → its version, without the `v`, or NOT_KNOWN."""

Key: TypeAlias = tuple[str, ...]
"""Path of a module, alone or with a version."""
Directive: TypeAlias = tuple[str, list[str]]
"""Name and arguments of a line of a go.mod."""


class Program(TypedDict):
    """A program of an image, with the Go modules that are linked into it."""

    program: str
    variants: list[str]
    """Architectures in which the program has these modules."""
    modules: Modules


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
        """Description such as `golang.org/x/crypto 0.59.0 → 0.60.0`."""
        if self.before and self.after:
            before, after = ("unknown" if side == NOT_KNOWN else side for side in (self.before, self.after))
            return f"{self.module} {before} → {after}"
        version, verb = self.before or self.after, "is gone" if self.before else "is new"
        return f"{self.module} {'(version unknown)' if version == NOT_KNOWN else version} {verb}"


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


def required(go_mod: str, *others: str) -> Modules:
    """Modules that a build with this go.mod uses: since Go 1.17 it lists all that its packages need.

    `others` are the go.mod files of modules in folders; only their requirements count. A replaced module
    appears as its replacement, which is what Go links. A version is NOT_KNOWN if a folder is the replacement,
    or if it is excluded or not exact.
    """
    own = [*_directives(go_mod)]
    versions: dict[str, str] = {}
    for directives in (own, *map(_directives, others)):
        for path, version in _requirements(directives):
            versions[path] = _higher(versions.get(path, version), version)
    return _replaced(versions, dict(_replacements(own)), {*_exclusions(own)})


def names_all(go_mod: str) -> bool:
    """True if a go.mod is for Go 1.17 or newer, and so lists all modules that its packages need."""
    versions = (words[0] for name, words in _directives(go_mod) if name == "go" and len(words) == 1)
    match = _GO.fullmatch(next(versions, ""))
    return match is not None and (int(match[1]), int(match[2])) >= _NAMES_ALL


def _requirements(directives: Iterable[Directive]) -> Iterator[tuple[str, str]]:
    """Yield (module, version) of each requirement."""
    for directive, words in directives:
        if directive == "require" and len(words) == 2 and _PATH.fullmatch(words[0]):
            yield words[0], _version(words[1])


def _replacements(directives: Iterable[Directive]) -> Iterator[tuple[Key, list[str]]]:
    """Yield (replaced module, words of its replacement) for each replacement."""
    for directive, words in directives:
        if directive == "replace" and "=>" in words:
            arrow = words.index("=>")
            yield _key(words[:arrow]), words[arrow + 1 :]


def _exclusions(directives: Iterable[Directive]) -> Iterator[Key]:
    """Yield each excluded version; Go ignores requirements of it and uses what other modules require."""
    return (_key(words) for directive, words in directives if directive == "exclude" and words)


def _key(words: Sequence[str]) -> Key:
    """Module, with its version if one is given, without build metadata."""
    return (words[0] if words else "", *(_version(word).partition("+")[0] for word in words[1:]))


def _version(word: str) -> str:
    version = _VERSION.fullmatch(word)
    return version[1] if version else NOT_KNOWN


def _higher(first: str, second: str) -> str:
    """Choose between two required versions as Go does; NOT_KNOWN if either is."""
    return NOT_KNOWN if NOT_KNOWN in (first, second) else max(first, second, key=precedence)


def _replaced(versions: Modules, replacements: Mapping[Key, list[str]], excluded: Collection[Key]) -> Modules:
    """Apply the replacements; one for a single version takes precedence over one for all versions.

    A version is NOT_KNOWN if it is excluded, or if an inexact replacement or exclusion may apply to it.
    """
    inexact = {(path, NOT_KNOWN) for path in versions} & {*replacements, *excluded}
    modules: dict[str, str] = {}
    for path, version in versions.items():
        key = _key((path, f"v{version}"))
        target = replacements.get(key, replacements.get((path,), [path, f"v{version}"]))
        if key in excluded or (path, NOT_KNOWN) in inexact:
            target = []
        is_module = len(target) == 2 and _PATH.fullmatch(target[0])
        name, linked = (target[0], _version(target[1])) if is_module else (path, NOT_KNOWN)
        # Two modules may have the same replacement.
        modules[name] = linked if modules.get(name, linked) == linked else NOT_KNOWN
    return modules


def tool_modules(go_mod: str) -> Modules:
    """Modules of the `tool` packages in a go.mod; if there are none, all modules that it requires."""
    modules = required(go_mod)
    packages = [words[0] for directive, words in _directives(go_mod) if directive == "tool" and words]
    tools = {
        max((module for module in modules if _is_in(package, module)), key=len, default="")
        for package in packages
    }
    return {path: modules[path] for path in sorted(tools) if path} if packages else modules


def _is_in(package: str, module: str) -> bool:
    return f"{package}/".startswith(f"{module}/")


def _directives(go_mod: str) -> Iterator[Directive]:
    """Yield name and arguments of each directive, in blocks or alone (https://go.dev/ref/mod#go-mod-file)."""
    block = ""
    for line in go_mod.split("\n"):
        words = [_unquoted(word) for word in _WORD.findall(line.partition("//")[0])]
        if words == [")"]:
            block = ""
        elif words[1:] == ["("]:
            block = words[0]
        elif words:
            yield (block, words) if block else (words[0], words[1:])


def _unquoted(word: str) -> str:
    """Remove the quotes of a word; Go's escapes in double quotes are the same as Python's."""
    inner = word.strip('"`')
    if word.startswith('"') and "\\" in inner:
        try:
            return inner.encode("ascii").decode("unicode_escape")
        except UnicodeError:
            return inner  # Go rejects such a go.mod
    return inner


def differences(before: Modules, after: Modules) -> Iterator[Difference]:
    """Yield the modules that differ, sorted by path."""
    for module in sorted({*before, *after}):
        was, would = before.get(module, ""), after.get(module, "")
        if was != would:
            yield Difference(module=module, before=was, after=would)


def by_program(variants: Mapping[str, Mapping[str, Modules] | None]) -> list[Program]:
    """Group {variant: {program: modules}} by program, with equal modules listed once.

    The value of a variant is None if an earlier version of this program verified it.
    """
    entries: list[Program] = []
    for variant, programs in variants.items():
        for program, modules in (programs or {}).items():
            same = (entry for entry in entries if entry["program"] == program and entry["modules"] == modules)
            if (entry := next(same, None)) is not None:
                entry["variants"].append(variant)
            else:
                entries.append({"program": program, "variants": [variant], "modules": dict(modules)})
    return sorted(entries, key=lambda entry: str(entry["program"]))
