"""Rules that all kinds share, after the official plugin: what is served, which change replaces."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from providers.base import URN, Change, Checked, ProviderError, Values, unknown_inputs

ORDERED = frozenset({"command", "entrypoints", "tests"})
"""Lists whose order means something; the others are sets."""
MAPS = frozenset({"driverOpts", "logOpts", "options", "tmpfs", "triggers"})
"""Inputs whose keys are the user's: an empty value in them is a value."""
PART_DEFAULTS: Mapping[str, str] = MappingProxyType({"ip": "0.0.0.0", "protocol": "tcp"})
"""Of parts of an input: the official plugin writes them to the state, a program need not."""
MARK = "skycoin.stand-in.made-for"
"""Label of what the stand-in makes: by it an `up` knows what a killed one left behind."""


def mark(inputs: Values) -> str:
    """SHA-256 of the resource's URN and of the inputs that it is made from."""
    return hashlib.sha256(json.dumps([URN.get(), inputs], sort_keys=True).encode()).hexdigest()


def left_behind(subject: str, found: Values, labels: Mapping[str, str] | None, inputs: Values) -> str:
    """Id of what is there under the wanted name: a killed `up` made it for this resource, of these inputs.

    Raises ProviderError where it is another: then it is not known whose it is.
    """
    if (labels or {}).get(MARK) == mark(inputs):
        return str(found["Id"])
    kind, _, name = subject.partition(" ")
    stop = f"docker stop -t 60 {name} && " if kind == "container" else ""
    raise ProviderError(
        f"{subject}: the name is already in use, by one that is not in the state; a killed `up` can leave "
        f"one. Look at it: `docker {kind} inspect {name}`. When it may go: `{stop}docker {kind} rm {name}` "
        "(volumes stay), then the same command again."
    )


def check_known(inputs: Values, known: Iterable[str]) -> list[tuple[str, str]]:
    """A failure for every input that the stand-in can't serve."""
    allowed = sorted(known)
    return [
        (key, f"the stand-in docker plugin does not serve it; it serves {', '.join(allowed)}")
        for key in unknown_inputs(inputs, allowed)
    ]


def check_parts(inputs: Values, fields: Mapping[str, Iterable[str]]) -> list[tuple[str, str]]:
    """The same for the parts of an input, such as a mount's."""
    failures = []
    for key, known in fields.items():
        value = inputs.get(key)
        parts = {"": value} if isinstance(value, dict) else {}
        if isinstance(value, list):
            parts = {f"[{number}]": part for number, part in enumerate(value)}
        for place, part in parts.items():
            if isinstance(part, dict):
                faults = check_known(part, known)
                failures += [(f"{key}{place}.{field}", reason) for field, reason in faults]
    return failures


def checked(inputs: Values, defaults: Mapping[str, Any], known: Iterable[str]) -> Checked:
    """Inputs over the defaults, with failures for those that can't be served."""
    return Checked(inputs={**defaults, **inputs}, failures=check_known(inputs, known))


def compare(
    olds: Values,
    old_inputs: Values,
    news: Values,
    replacing: Iterable[str],
    *,
    computed: Iterable[str] = (),
    delete_first: bool = False,
) -> Change:
    """Keys whose value differs between what is there and what is wanted.

    `computed` are inputs that stay as they are where the program has no word on them.
    """
    keys = {key for key in {*old_inputs, *news} if not key.startswith("__")}
    keys -= {key for key in computed if news.get(key) is None}
    changed = {key for key in keys if not _equal(key, olds.get(key, old_inputs.get(key)), news.get(key))}
    replaces = changed & set(replacing)
    return Change(
        replaces=tuple(sorted(replaces)),
        updates=tuple(sorted(changed - replaces)),
        delete_before_replace=delete_first,
    )


def _equal(key: str, old: Any, new: Any) -> bool:
    """Nothing, empty, zero, false and absent are one: an input with another default has it by then."""
    old, new = meaning(key, old), meaning(key, new)
    return (not old and not new) or _text(old) == _text(new)


def meaning(key: str, value: Any) -> Any:
    """The value without the order of sets, and without parts that say what is so anyway."""
    if isinstance(value, list):
        items = [meaning("", item) for item in value]
        return items if key in ORDERED else sorted(items, key=_text)
    if isinstance(value, dict) and key not in MAPS:
        parts = {
            name: meaning(name, part)
            for name, part in value.items()
            if not name.startswith("__") and part not in ("0s", PART_DEFAULTS.get(name))
        }
        return {name: part for name, part in parts.items() if part}
    return value


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
