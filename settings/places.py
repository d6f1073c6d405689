"""Places of errors in a stack's file: the line, with a mark under the wrong part. No secret is shown."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from yaml import MappingNode, Node, ScalarNode, SequenceNode

from clients.age import SECRET_KEY
from settings.fields import LOGIN, SECRET
from settings.pulumi_yaml import MERGE, plain_value
from settings.schema import NAMESPACE, SECRETS

WIDTH = 100
"""Maximum number of shown columns of a line."""
_BEFORE = 60
"""Maximum number of shown columns before the mark."""
_NOT_SHOWN = "(the line is not shown: it may hold a secret)"
_INDEX = re.compile(r"\[(\d+)\]")
_FIRST_WORD = re.compile(r": '?([A-Za-z0-9_.-]+)")
_UNKNOWN = ": unknown key"
HIDDEN = frozenset({SECRETS, f"{NAMESPACE}:{SECRETS}", "build-args", "secure"})
"""Keys whose values may hold a secret under any name."""


@dataclass(frozen=True, slots=True)
class _Match:
    """Part of an error's key that the file has: its last key, its value there and as given, and the rest."""

    key: Node
    value: Node
    rest: str
    given: Any


class StackFile:
    """A stack's file, with the places of its values."""

    def __init__(self, name: str, text: str) -> None:
        self._name = name
        self._lines = text.splitlines()
        self._config = _config(text)
        self._hidden = set(_hidden_lines(self._config)) if self._config else set()

    def place(self, fault: str, raw: Mapping[str, Any]) -> list[str]:
        """Lines for a message that show the place of an error's key in the file.

        The list is empty if the file's value is not the one in `raw`, whose keys lack the namespace.
        """
        config = {f"{NAMESPACE}:{key}": value for key, value in raw.items()}
        match = _find(self._config, fault, config) if self._config else None
        if match is None or not _holds(match.value, match.given):
            return []
        return self._shown(_wrong(match))

    def line(self, keys: Sequence[str]) -> tuple[str, int]:
        """FILE:LINE of the last key in a path that the file has, and how many of the path's keys it has.

        If it has none, the place is FILE alone.
        """
        node: Node | None = self._config
        place, depth = self._name, 0
        for key in [f"{NAMESPACE}:{keys[0]}", *keys[1:]]:
            values = _values(node) if isinstance(node, MappingNode) else {}
            if key not in values:
                break
            name, node = values[key]
            place, depth = f"{self._name}:{_written(name, node).start_mark.line + 1}", depth + 1
        return place, depth

    def _shown(self, wrong: Node) -> list[str]:
        row, column = wrong.start_mark.line, wrong.start_mark.column
        line = self._lines[row]
        if row in self._hidden:
            return [f"{self._name}:{row + 1}:{column + 1} {_NOT_SHOWN}"]
        end = wrong.end_mark.column if wrong.end_mark.line == row else len(line.rstrip())
        return _excerpt(self._name, line, row, column, end)


def _excerpt(name: str, line: str, row: int, column: int, end: int) -> list[str]:
    """Place of a part of a line, the line unless it may hold a secret, and a mark below that part."""
    where = f"{name}:{row + 1}:{column + 1}"
    if any(pattern.search(line) for pattern in (SECRET, LOGIN, SECRET_KEY)):
        return [f"{where} {_NOT_SHOWN}"]
    first = max(0, column - _BEFORE)
    shown = f"{'…' if first else ''}{line[first : first + WIDTH].replace(chr(9), ' ').rstrip()}"
    mark = "^" * max(1, min(end, first + WIDTH) - column)
    number = f"{row + 1} | "
    indent = f"{' ' * (len(number) - 2)}| {' ' * (column - first + bool(first))}"
    return [where, f"{number}{shown}".rstrip(), f"{indent}{mark}"]


def yaml_fault(name: str, text: str, error: Exception) -> str:
    """Message for a file that is not YAML, with the place where reading it ended."""
    fault = f"{name} is not valid YAML"
    if isinstance(error, yaml.MarkedYAMLError) and (mark := error.problem_mark) is not None:
        why = ": ".join(filter(None, (error.context, error.problem)))
        lines = [*text.splitlines(), ""]
        return "\n    ".join(
            [f"{fault}: {why}", *_excerpt(name, lines[mark.line], mark.line, mark.column, mark.column + 1)]
        )
    return f"{fault}: {' '.join(str(error).split())}"


def read_stack_file(path: Path) -> StackFile | None:
    """Read a stack's file, which messages name by folder and file name; None if there is no such file."""
    return StackFile(f"{path.parent.name}/{path.name}", path.read_text()) if path.is_file() else None


def _config(text: str) -> MappingNode | None:
    try:
        whole = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError:
        return None
    entry = _values(whole).get("config") if isinstance(whole, MappingNode) else None
    return entry[1] if entry and isinstance(entry[1], MappingNode) else None


def _values(node: MappingNode) -> dict[str, tuple[Node, Node]]:
    """All keys of a mapping, with those that `<<` merges: its own win, then those of the first merged one."""
    own: dict[str, tuple[Node, Node]] = {}
    merged: dict[str, tuple[Node, Node]] = {}
    for key, value in node.value:
        if key.tag != MERGE:
            own[str(key.value)] = key, value
            continue
        for source in reversed(value.value) if isinstance(value, SequenceNode) else [value]:
            merged |= _values(source) if isinstance(source, MappingNode) else {}
    return merged | own


def _written(key: Node, value: Node) -> Node:
    """Node whose line is named for a value: its key; or for an alias, the anchored value before that key."""
    return value if value.start_mark.index < key.start_mark.index else key


def _hidden_lines(node: Node, *, secret: bool = False) -> Iterator[int]:
    """Yield the numbers, from 0, of the lines that have values of secret keys."""
    if secret:
        yield from range(node.start_mark.line, node.end_mark.line + 1)
    for key, value in node.value if isinstance(node, MappingNode) else ():
        name = str(key.value)
        yield from _hidden_lines(value, secret=secret or name in HIDDEN or bool(SECRET.search(name)))
    entries = node.value if isinstance(node, SequenceNode) else ()
    # In the flags of a node, a secret is the entry after its name.
    named = any(SECRET.search(str(entry.value)) for entry in entries)
    for value in entries:
        yield from _hidden_lines(value, secret=secret or named)


def _find(config: MappingNode, fault: str, given: Any) -> _Match | None:
    """Find the longest beginning of an error's key in the file; None if the program was given more of it."""
    match, node, rest = None, config, fault
    while (step := _step(node, rest)) is not None:
        key, node, rest, part = step
        if isinstance(given, dict):
            given = given.get(part)
        elif isinstance(given, list) and isinstance(part, int) and part < len(given):
            given = given[part]
        else:
            return None
        match = _Match(key, node, rest, given)
    return None if isinstance(given, dict) and _named(given, rest) else match


def _step(node: Node, rest: str) -> tuple[Node, Any, str, int | str] | None:
    """(key, value, rest of the error, name or index) for the next part of an error's key; None at its end."""
    rest = rest.removeprefix(".")
    if isinstance(node, SequenceNode):
        index = _INDEX.match(rest)
        if index is None or int(index[1]) >= len(node.value):
            return None
        value = node.value[int(index[1])]
        return value, value, rest[index.end() :], int(index[1])
    values = _values(node) if isinstance(node, MappingNode) else {}
    name = _named(values, rest)
    return (*values[name], rest.removeprefix(name), name) if name else None


def _named(names: Iterable[str], rest: str) -> str | None:
    """Find the name with which the rest of an error's key begins; names may have dots."""
    rest = rest.removeprefix(".")
    return max(
        (name for name in names if re.match(rf"{re.escape(name)}(?=[.\[]|: )", rest)), key=len, default=None
    )


def _holds(node: Node, given: Any) -> bool:
    """True if a value in the file is the one that the program was given."""
    if isinstance(node, MappingNode):
        return isinstance(given, dict)
    if isinstance(node, SequenceNode):
        return isinstance(given, list) and len(given) == len(node.value)
    return bool(
        node.value == (given if isinstance(given, str) else json.dumps(given)) or _read(node) == given
    )


def _read(node: Node) -> Any:
    return plain_value(node.value) if isinstance(node, ScalarNode) and node.style is None else node.value


def _wrong(match: _Match) -> Node:
    """Part to mark: the value, or an unknown key; for an entry, the key that the error names, or its own."""
    if match.rest.startswith(_UNKNOWN) or not isinstance(match.value, MappingNode):
        return match.key if match.rest.startswith(_UNKNOWN) else match.value
    word = _FIRST_WORD.match(match.rest)
    named = _values(match.value)
    return named[word[1]][0] if word and word[1] in named else match.key
