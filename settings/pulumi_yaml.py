"""Reader of a stack's YAML, which reads exactly as Pulumi's CLI does.

Pulumi reads YAML 1.2 with some numbers of 1.1: `yes` and `12:30` are strings, `017` is 15. PyYAML reads YAML
1.1. A value that Pulumi passes on in a form other than the written one, such as a date, is refused.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import yaml
from yaml import MappingNode, Node, ScalarNode, SequenceNode

NULLS = ("", "~", "null", "Null", "NULL")
FLAGS = {word: flag for flag in (True, False) for word in (str(flag).lower(), str(flag), str(flag).upper())}
_INTEGER = re.compile(r"[-+]?(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|[0-9]|[1-9][0-9]+)")
_NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt ][0-9].*)?")
_ENDLESS = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_SIGN_INSIDE = re.compile(r"[-+]?0[ob][-+].*")
"""Octal or binary number with a sign inside: Pulumi reads `0o-17` as -15."""
_PLAIN, _TEXT, _MERGES = "plain", "tag:yaml.org,2002:str", "merges"
"""Tags of scalars: without quotes or a tag, text, and `<<` without quotes."""
MERGE = "tag:yaml.org,2002:merge"
"""Tag of the keys that PyYAML merges; Pulumi merges only a `<<` without quotes."""
_OF_PARTS = ("tag:yaml.org,2002:seq", "tag:yaml.org,2002:map")
_LONGEST = 2**63
_SMALLEST, _LARGEST = 1e-4, 1e21
"""Limits outside of which a number has an exponent, below in Python's text and above in Pulumi's."""
_LARGEST_KEY = 1e6
"""Lowest value of a key with a decimal point that has an exponent in Pulumi's text."""
_FAULTS, _LENGTH = 20, 80
"""Maximum number of reported errors, and maximum length of a key in one, in characters."""


class YamlMismatchError(ValueError):
    """Values that Pulumi would refuse, or pass on in another form than the written one."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults
        """Errors, each with its key and line."""


def pulumi_values(text: str, *, strict: bool = True) -> Any:
    """Read a stack's file as Pulumi does.

    Raises YAMLError for a text that is not YAML, RecursionError for values that are nested too deeply, and
    YamlMismatchError for values that Pulumi refuses or passes on in another form; without `strict`, such a
    value is returned as written instead.
    """
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        faults = [*islice(_faults(node, ""), _FAULTS)] if strict else []
        if faults:
            raise YamlMismatchError(faults)
        return _value(loader, node)
    finally:
        loader.dispose()


def pulumi_text(value: Any) -> str:
    """Value of a key as Pulumi passes it to a program: lists and mappings as JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)


class _Loader(yaml.SafeLoader):
    def resolve(self, kind: Any, value: Any, implicit: Any) -> Any:
        """Give scalars without quotes or a tag a separate mark instead of a type."""
        if kind is ScalarNode and implicit[0]:
            return _MERGES if value == "<<" else _PLAIN
        return super().resolve(kind, value, implicit)  # type: ignore[no-untyped-call]  # of PyYAML


def _faults(node: Node | None, path: str) -> Iterator[str]:
    if node is None:
        return
    why = _fault(node)
    if why:
        yield f"{path or 'the file'}, line {node.start_mark.line + 1}: {why}"
    elif isinstance(node, SequenceNode):
        for number, entry in enumerate(node.value):
            yield from _faults(entry, f"{path}[{number}]")
    elif isinstance(node, MappingNode):
        yield from _faults_of_keys(node, path)
        for key, value in node.value:
            yield from _faults(value, f"{path}.{_shown(key)}".removeprefix(".").removeprefix("config."))


def _fault(node: Node) -> str:
    """Reason why Pulumi would read one value differently; empty if it would not."""
    if node.tag == _MERGES:
        return "Pulumi may read it differently: put it in quotes"
    if node.tag not in (_PLAIN, _TEXT, *_OF_PARTS):
        tag = node.tag.replace("tag:yaml.org,2002:", "!!")
        return f"Pulumi may read the tag {tag} differently: leave it out"
    if isinstance(node, ScalarNode) and any("\ud800" <= letter <= "\udfff" for letter in node.value):
        return "half of a surrogate pair, which Pulumi refuses: leave it out"
    return _fault_of(node.value) if node.tag == _PLAIN else ""


def _fault_of(text: str) -> str:
    if _MOMENT.fullmatch(text):
        return "a date, which Pulumi passes on in another form: put it in quotes"
    if _SIGN_INSIDE.fullmatch(text):
        return "a number, which Pulumi passes on in another form: put it in quotes"
    if _ENDLESS.fullmatch(text):
        return "a number that Pulumi can't pass on: give another one"
    number = _number(text)
    if number is None or number == 0 or (abs(number) >= _SMALLEST and -_LONGEST <= number < _LONGEST):
        return ""
    return "a number, which Pulumi passes on in another form: put it in quotes"


def _faults_of_keys(node: MappingNode, path: str) -> Iterator[str]:
    names = Counter(_name(key) for key, _ in node.value)
    for key, _ in node.value:
        place = f"{path or 'the file'}, line {key.start_mark.line + 1}"
        if not isinstance(key, ScalarNode) or (key.tag == _PLAIN and key.value in NULLS):
            yield f"{place}: a key must be text: put it in quotes"
        elif key.tag != _MERGES and (why := _fault(key) or _fault_of_key(key)):
            yield f"{place}: {why}"
        elif names[_name(key)] > 1:
            names[_name(key)] = 0
            yield f"{place}: the key {_shown(key)} is given twice, which Pulumi refuses: leave one out"


def _fault_of_key(key: ScalarNode) -> str:
    if key.tag != _PLAIN:
        return "a merge key, to Pulumi even in quotes: leave it out" if key.value == "<<" else ""
    number = None if _INTEGER.fullmatch(key.value.replace("_", "")) else _number(key.value)
    is_long = number is not None and abs(number) >= _LARGEST_KEY
    return "a number, which Pulumi passes on in another form: put it in quotes" if is_long else ""


def _value(loader: _Loader, node: Node | None) -> Any:
    if isinstance(node, ScalarNode):
        return plain_value(node.value) if node.tag == _PLAIN else node.value
    if isinstance(node, SequenceNode):
        return [_value(loader, entry) for entry in node.value]
    if isinstance(node, MappingNode):
        for key, _ in node.value:
            if key.tag == _MERGES:
                key.tag = MERGE
        loader.flatten_mapping(node)
        return {_name(key): _value(loader, value) for key, value in node.value}
    return None


def _name(key: Node) -> str:
    """Text of a key as Pulumi has it: `1.0` is 1, `True` is true."""
    value = key.value if key.tag != _PLAIN else plain_value(key.value)
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _shown(key: Node) -> str:
    """Text of a key for a message, cut and without lone surrogates."""
    return _name(key)[:_LENGTH].encode(errors="replace").decode()


def plain_value(text: str) -> Any:
    """Value of a scalar without quotes and tag."""
    if text in NULLS:
        return None
    if text in FLAGS:
        return FLAGS[text]
    number = _number(text)
    return text if number is None else number


def _number(text: str) -> int | float | None:
    """Number that Pulumi reads from a string, or None; a whole number is an integer, as in Pulumi."""
    plain = text.replace("_", "")
    if text.startswith("_") or (text.startswith(".") and plain != text):
        return None
    if _INTEGER.fullmatch(plain):
        return _integer(plain)
    if not _NUMBER.fullmatch(plain) or abs(number := float(plain)) == float("inf"):
        return None
    return int(number) if number.is_integer() and abs(number) < _LARGEST else number


def _integer(plain: str) -> int | None:
    digits = plain.lstrip("+-").lower()
    is_octal = digits.startswith("0") and digits.isdigit()
    try:
        return int(digits, 8 if is_octal else 0) * (-1 if plain.startswith("-") else 1)
    except ValueError:  # more digits than Python reads; Pulumi takes it for text
        return None
