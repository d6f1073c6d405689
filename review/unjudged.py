"""Differences between two revisions that no resource shows, for a page by files alone."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from display.units import count_of
from settings.pulumi_yaml import pulumi_values

_NAMED = 30
"""Maximum number of listed settings, and of listed folders."""


def of_stack(stack: str, base: str, files: Mapping[str, str], text: str) -> list[str]:
    """Sentence about the settings that differ between a stack's file at `base` and `text`; empty if none."""
    if stack not in files:
        return [f"{base} has no file of the stack {stack}: all of it is shown as new."]
    try:
        names = list(dict.fromkeys(_differing(*map(pulumi_values, (files[stack], text)))))
    except (yaml.YAMLError, ValueError):
        return []  # the preview reports the error
    except RecursionError:
        return ["Which settings of the file differ is unknown: its values are nested too deeply."]
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    intro = "Settings of the file that differ, shown below or not"
    return [f"{intro}: {', '.join(names[:_NAMED])}{more}."] if names else []


def _differing(before: Any, after: Any, path: str = "") -> Iterator[str]:
    """Yield the keys whose values differ, joined by dots; encrypted values are compared as ciphertexts."""
    if not (isinstance(before, Mapping) and isinstance(after, Mapping)):
        if before != after:
            yield path or "all of it"
        return
    for key in dict.fromkeys([*before, *after]):
        part = f"{path}.{key}".removeprefix(".").removeprefix("config.")
        yield from _differing(before.get(key), after.get(key), part)


def of_others(changed: Sequence[str]) -> list[str]:
    """Sentence that counts the other files that differ, by folder; empty if none do."""
    if not changed:
        return []
    # Git's names may not be UTF-8.
    names = (name.encode(errors="surrogateescape").decode(errors="replace") for name in changed)
    folders = Counter(str(Path(name).parts[0]) if "/" in name else name for name in names)
    counts = ", ".join(f"{name} ({count})" for name, count in sorted(folders.items())[:_NAMED])
    more = f" and in {count_of(len(folders) - _NAMED, 'more place')}" if len(folders) > _NAMED else ""
    return [
        f"Other files that differ: {counts}{more}. Their effect is not on this page: the checked-out program "
        "read both revisions of the stack's file."
    ]
