"""YAML as Pulumi's CLI reads a stack's file, where Python's reader takes other values from it.

Pulumi's is that of YAML 1.2 with some numbers of 1.1: `yes` and `12:30` are texts, `017` is 15. Python's is
that of 1.1. What Pulumi hands on in another form than it is written, such as a date, is refused.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import yaml
from yaml import MappingNode, Node, ScalarNode, SequenceNode

NULLS = ("", "~", "null", "Null", "NULL")
FLAGS = {word: flag for flag in (True, False) for word in (str(flag).lower(), str(flag), str(flag).upper())}
_INTEGER = re.compile(r"[-+]?(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|[0-9]|[1-9][0-9]+)")
_NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt ][0-9].*)?")
_ENDLESS = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_PLAIN, _TEXT, _MERGE = "plain", "tag:yaml.org,2002:str", "tag:yaml.org,2002:merge"
_OF_PARTS = ("tag:yaml.org,2002:seq", "tag:yaml.org,2002:map")
_LONGEST = 2**63
_SMALLEST, _LARGEST = 1e-4, 1e21
"""Numbers with an exponent in Python's text, and in Pulumi's."""


class OtherwiseError(ValueError):
    """Values that Pulumi would hand on otherwise than they are written, or would refuse."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults
        """Each with its key and line."""


def pulumi_values(text: str) -> Any:
    """Read a stack's file as Pulumi does. Raises OtherwiseError, YAMLError and RecursionError."""
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        faults = [*_faults(node, "")]
        if faults:
            raise OtherwiseError(faults)
        return _value(loader, node)
    finally:
        loader.dispose()


def pulumi_text(value: Any) -> str:
    """Value of a key as Pulumi gives it to a program: lists and mappings as JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)


class _Loader(yaml.SafeLoader):
    def resolve(self, kind: Any, value: Any, implicit: Any) -> Any:
        """Keep apart what is written without quotes or a tag."""
        if kind is ScalarNode and implicit[0]:
            return _MERGE if value == "<<" else _PLAIN
        return super().resolve(kind, value, implicit)  # type: ignore[no-untyped-call]  # of PyYAML


def _faults(node: Node | None, path: str) -> Iterator[str]:
    if node is None:
        return
    why = _fault(node)
    if why:
        yield f"{path or 'the file'}, line {node.start_mark.line + 1}: {why}"
    elif isinstance(node, SequenceNode):
        for number, one in enumerate(node.value):
            yield from _faults(one, f"{path}[{number}]")
    elif isinstance(node, MappingNode):
        yield from _faults_of_keys(node, path)
        for key, one in node.value:
            yield from _faults(one, f"{path}.{_name(key)}".removeprefix(".").removeprefix("config."))


def _fault(node: Node) -> str:
    """What Pulumi reads otherwise of one value."""
    if node.tag not in (_PLAIN, _TEXT, _MERGE, *_OF_PARTS):
        tag = node.tag.replace("tag:yaml.org,2002:", "!!")
        return f"the tag {tag} may be read otherwise by Pulumi: leave it out"
    return _fault_of(node.value) if node.tag == _PLAIN else ""


def _fault_of(text: str) -> str:
    if _MOMENT.fullmatch(text):
        return "a date, which Pulumi hands on in another form: put it in quotes"
    if _ENDLESS.fullmatch(text):
        return "no number that Pulumi can hand on: give another one"
    number = _number(text)
    if number is None or number == 0 or (abs(number) >= _SMALLEST and -_LONGEST <= number < _LONGEST):
        return ""
    return "a number that Pulumi hands on in another form: put it in quotes"


def _faults_of_keys(node: MappingNode, path: str) -> Iterator[str]:
    names = Counter(_name(key) for key, _ in node.value)
    for key, _ in node.value:
        place = f"{path or 'the file'}, line {key.start_mark.line + 1}"
        if not isinstance(key, ScalarNode) or (key.tag == _PLAIN and key.value in NULLS):
            yield f"{place}: a key is no text: put it in quotes"
        elif why := _fault(key):
            yield f"{place}: {why}"
        elif names[_name(key)] > 1:
            names[_name(key)] = 0
            yield f"{place}: the key {_name(key)} is there twice, which Pulumi refuses: leave one out"


def _value(loader: _Loader, node: Node | None) -> Any:
    if isinstance(node, ScalarNode):
        return _plain(node.value) if node.tag == _PLAIN else node.value
    if isinstance(node, SequenceNode):
        return [_value(loader, one) for one in node.value]
    if isinstance(node, MappingNode):
        loader.flatten_mapping(node)
        return {_name(key): _value(loader, one) for key, one in node.value}
    return None


def _name(key: Node) -> str:
    """Pulumi's text of a key: `1.0` is 1, `True` is true."""
    value = key.value if key.tag != _PLAIN else _plain(key.value)
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _plain(text: str) -> Any:
    if text in NULLS:
        return None
    if text in FLAGS:
        return FLAGS[text]
    number = _number(text)
    return text if number is None else number


def _number(text: str) -> int | float | None:
    """Number that Pulumi takes from a text; a whole one is an integer there, too."""
    plain = text.replace("_", "")
    if text.startswith("_"):
        return None
    if _INTEGER.fullmatch(plain):
        return _integer(plain)
    if not _NUMBER.fullmatch(plain) or abs(number := float(plain)) == float("inf"):
        return None
    return int(number) if number.is_integer() and abs(number) < _LARGEST else number


def _integer(plain: str) -> int:
    digits = plain.lstrip("+-").lower()
    is_octal = digits.startswith("0") and digits.isdigit()
    return int(digits, 8 if is_octal else 0) * (-1 if plain.startswith("-") else 1)
