"""The hash of a review: everything that `./skyinfra apply` requires to be unchanged, by part (docs/adr/0039).

It covers no times, traces or paths of a machine, and of secrets only the ciphertexts in the stack's file and
state, which cannot be guessed.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from review.portable import PROJECT
from review.volatile_outputs import settled, stable_outputs

WHOLE, PIECE = 32, 4
"""Hexadecimal digits of the overall hash, and of each part's hash, which names the part that differs."""
PASSIVE = ("read", "refresh", "discard")
"""Operations that do not show what the program wants for a resource."""
NO_OPTIONS = ("urn", "type", "id", "custom", "inputs", "outputs", "created", "modified")
"""Fields that are not options; all others but PLACES are, also those that a later Pulumi adds."""
PLACES = ("sourcePosition", "stackTrace")
"""Fields of a resource with its position in the source, on the machine that ran the preview."""
TIMES = ("created", "modified")


class Part(StrEnum):
    """Parts of a review, in the order of their digits in the hash."""

    STACK = "stack"
    FILE = "file"
    TREE = "tree"
    STEPS = "steps"
    OPTIONS = "options"
    STATE = "state"
    WORLD = "world"
    VERSIONS = "versions"


LENGTH = WHOLE + PIECE * len(Part)
Items = Mapping[str, str]
"""Name of an item, such as a resource's URN → its hash."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sources:
    """All inputs of a review's hash."""

    stack: str
    file: bytes
    """The stack's settings file."""
    tree: str
    """Git's id of the project's tree; a squash and a merge with the same content have the same id."""
    preview: Mapping[str, Any]
    deployment: Mapping[str, Any]
    """The state, with its secrets as ciphertexts."""
    versions: Mapping[str, str]
    tags: Mapping[str, str]
    """REPOSITORY:TAG of each tag that would be written → its presence (review/publications.py)."""
    engine: str
    """Address of this machine's engine, which counts if the stack uses it."""


@dataclass(frozen=True, slots=True)
class Approval:
    """Hashes of a review: of each item, by part, and of everything."""

    parts: Mapping[Part, Items]

    @property
    def token(self) -> str:
        """The hash: digits for everything, then a few digits for each part."""
        pieces = (_hash(self.parts[part])[:PIECE] for part in Part)
        return _hash(self.parts)[:WHOLE] + "".join(pieces)

    def differing(self, token: str) -> list[Part]:
        """Parts for which another token has different digits."""
        own = self.token
        places = {part: WHOLE + PIECE * number for number, part in enumerate(Part)}
        return [part for part, at in places.items() if own[at : at + PIECE] != token[at : at + PIECE]]


def approval(sources: Sources) -> Approval:
    """Hash a review's sources."""
    steps = [settled(step) for step in sources.preview.get("steps") or () if step["op"] not in PASSIVE]
    return Approval(
        {
            Part.STACK: _hashed([("name", sources.stack.rpartition("/")[2])]),
            Part.FILE: {"content": hashlib.sha256(sources.file).hexdigest()[:WHOLE]},
            Part.TREE: _hashed([("id", sources.tree)]),
            Part.STEPS: _hashed((step["urn"], _wanted(step)) for step in steps),
            Part.OPTIONS: _hashed(_options(steps)),
            Part.STATE: _hashed(_state(sources.deployment)),
            Part.WORLD: _hashed([*_world(steps), *sources.tags.items(), *_engine(sources)]),
            Part.VERSIONS: _hashed([*sources.versions.items(), *_plugins(steps)]),
        }
    )


def is_token(text: str) -> bool:
    """True if a text has the form of a review's hash."""
    return re.fullmatch(rf"[0-9a-f]{{{LENGTH}}}", text) is not None


def _hashed(pairs: Iterable[tuple[str, Any]]) -> Items:
    """Hash all values of each name: a replacement has several steps, and a state may hold old objects."""
    together: dict[str, list[str]] = {}
    for name, value in pairs:
        together.setdefault(name, []).append(_hash(value)[:WHOLE])
    return {name: _hash(sorted(hashes))[:WHOLE] for name, hashes in sorted(together.items())}


def _hash(value: Any) -> str:
    return hashlib.sha256(_text(value).encode("utf-8", "surrogatepass")).hexdigest()


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _wanted(step: Mapping[str, Any]) -> Any:
    """Planned change of a resource. Its present id and outputs are covered by `_world`."""
    inputs = (step.get("newState") or {}).get("inputs") or {}
    kinds = {path: change.get("kind") for path, change in (step.get("detailedDiff") or {}).items()}
    reasons = [sorted(step.get(key) or ()) for key in ("diffReasons", "replaceReasons")]
    return [step["op"], kinds, reasons, _text(inputs).replace(f"{PROJECT}/", "./")]


def _options(steps: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, Any]]:
    for step in steps:
        if state := step.get("newState"):
            yield (
                step["urn"],
                _sorted({key: option for key, option in state.items() if key not in (*NO_OPTIONS, *PLACES)}),
            )


def _sorted(value: Any) -> Any:
    """Sort all lists in an option, because equal previews list their values in different orders."""
    if isinstance(value, Mapping):
        return {key: _sorted(entry) for key, entry in value.items()}
    return sorted(value, key=_text) if isinstance(value, list) else value


def _state(deployment: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for resource in deployment.get("resources") or ():
        kept = {key: value for key, value in resource.items() if key not in (*TIMES, *PLACES)}
        yield (
            resource["urn"],
            {**kept, "outputs": stable_outputs(resource["type"], resource.get("outputs") or {})},
        )
    for operation in deployment.get("pending_operations") or ():
        yield operation["resource"]["urn"], ["interrupted", operation["type"]]


def _world(steps: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, Any]]:
    for step in steps:
        if state := step.get("oldState"):
            outputs = stable_outputs(str(state.get("type")), state.get("outputs") or {})
            yield step["urn"], [state.get("id"), state.get("inputs"), outputs]


def _engine(sources: Sources) -> Iterator[tuple[str, Any]]:
    """Yield the environment's engine if a docker provider without an address uses it."""
    for step in sources.preview.get("steps") or ():
        state = step.get("newState") or {}
        if state.get("type") == "pulumi:providers:docker" and not (state.get("inputs") or {}).get("host"):
            yield "the engine of this machine", sources.engine
            return


def _plugins(steps: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, Any]]:
    """Yield (plugin, version) of each provider that requires an exact version."""
    for step in steps:
        state = step.get("newState") or {}
        _, providers, plugin = str(state.get("type")).partition("pulumi:providers:")
        if providers and (version := (state.get("inputs") or {}).get("version")):
            yield f"plugin {plugin}", version
