"""Comparison of inputs, as the official plugin does it: which change replaces, which updates."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from plugins.base import Change, Checked, Values


def check_known(inputs: Values, known: Iterable[str]) -> list[tuple[str, str]]:
    """A failure for every input that the stand-in can't serve."""
    allowed = sorted(known)
    return [
        (key, f"the stand-in docker plugin does not serve it; it serves {', '.join(allowed)}")
        for key in sorted(inputs)
        if key not in allowed and not key.startswith("__")
    ]


def checked(inputs: Values, defaults: Mapping[str, Any], known: Iterable[str]) -> Checked:
    """Inputs over the defaults, with failures for those that can't be served."""
    return Checked(inputs={**defaults, **inputs}, failures=check_known(inputs, known))


def compare(
    olds: Values, old_inputs: Values, news: Values, replacing: Iterable[str], *, delete_first: bool = False
) -> Change:
    """Keys whose value differs between what is there and what is wanted."""
    keys = {key for key in {*old_inputs, *news} if not key.startswith("__")}
    changed = {key for key in keys if not _equal(olds.get(key, old_inputs.get(key)), news.get(key))}
    replaces = changed & set(replacing)
    return Change(
        replaces=tuple(sorted(replaces)),
        updates=tuple(sorted(changed - replaces)),
        delete_before_replace=delete_first,
    )


def _equal(old: Any, new: Any) -> bool:
    """Sets come as lists in any order; nothing, empty and absent are one."""
    if not old and not new and not isinstance(old, bool | int) and not isinstance(new, bool | int):
        return True
    if isinstance(old, list) and isinstance(new, list):
        return sorted(map(_text, old)) == sorted(map(_text, new))
    return _text(old) == _text(new)


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
