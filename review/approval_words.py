"""Texts about a review's hash: the last lines of a page, and differences from the approved state."""

import json
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from display.errors import UserError
from review.approval import WHOLE, Approval, Items, Part

WORDS: Mapping[Part, str] = MappingProxyType(
    {
        Part.STACK: "the stack: the hash is that of another stack's review",
        Part.FILE: "the stack's file",
        Part.TREE: "the project's tree: the checkout is not exactly what was reviewed",
        Part.STEPS: "a step",
        Part.OPTIONS: "options or hooks",
        Part.STATE: "the state",
        Part.WORLD: "what a refresh finds",
        Part.VERSIONS: "a version",
    }
)
"""Part → description of a difference in it."""
OF_RESOURCES = (Part.STEPS, Part.OPTIONS, Part.STATE, Part.WORLD, Part.VERSIONS)
"""Parts with several items, which the details of a review list."""
UNNAMED = "something that the short hash does not name"
MISTYPED = "only the given hash: it begins like this review's, so it was not copied exactly"
_NAMED = 3
"""Maximum number of items listed for each part."""


class DetailsError(UserError):
    """The details of a review can't be read, or belong to another review."""


def ending(stack: str, token: str) -> str:
    """Last lines of a page that can be applied."""
    command = f"./skyinfra apply -s {stack} --review HASH"
    promise = "with this hash makes exactly the changes above, or none if anything has changed since"
    return f"Review: `{token}`\n\n`{command}` {promise}.\n"


def ending_without(reason: str) -> str:
    """Last line of a page that can't be applied."""
    return f"Review: none. {reason}\n"


def details(approval: Approval) -> str:
    """Hashes of all items, for a file next to the page; with this file, differences can be named."""
    parts = {part.value: dict(items) for part, items in approval.parts.items()}
    return json.dumps({"review": approval.token, "parts": parts}, indent=1) + "\n"


def read_details(text: str | bytes, token: str) -> Mapping[Part, Items]:
    """Parse the items of a review. Raises DetailsError if the text is invalid or of another review."""
    try:
        content = json.loads(text)
        parts = {
            Part(name): {str(key): str(digest) for key, digest in items.items()}
            for name, items in content["parts"].items()
        }
        own_token = Approval(parts).token
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise DetailsError(
            "This is not a file of review details: give the file that `review --details FILE` wrote."
        ) from None
    if own_token != token:
        raise DetailsError("These are the details of another review, not of the hash that was given.")
    return parts


def differences(approved: str, now: Approval, known: Mapping[Part, Items] | None = None) -> list[str]:
    """Describe everything that differs, each part once; empty if nothing does."""
    if approved == now.token:
        return []
    if approved[:WHOLE] == now.token[:WHOLE]:
        return [MISTYPED]
    return [_describe(part, now, known) for part in now.differing(approved)] or [UNNAMED]


def _describe(part: Part, now: Approval, known: Mapping[Part, Items] | None) -> str:
    if known is None or part not in OF_RESOURCES:
        return WORDS[part]
    names = [*_names(known[part], now.parts[part])]
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{WORDS[part]}: {', '.join(names[:_NAMED])}{more}"


def _names(before: Items, after: Items) -> Iterator[str]:
    for name in sorted({*before, *after}):
        if before.get(name) != after.get(name):
            yield _short(name)


def _short(name: str) -> str:
    """Short name of a resource: its name, and the last part of its type."""
    urn, _, last = name.rpartition("::")
    return f"{last} ({urn.rpartition(':')[2]})" if urn else last


def applied_before(updates: Iterable[Mapping[str, Any]], message: str) -> str:
    """Sentence about the newest update that has this message; empty if there is none."""
    for update in updates:
        if update.get("message") == message:
            when = str(update.get("endTime", "")).partition(".")[0].replace("T", " ")
            failed = "" if update.get("result") == "succeeded" else ", and failed: some of it may be done"
            return f"This review was applied already, on {when} UTC{failed}."
    return ""


def refusal(stack: str, descriptions: Iterable[str], applied: str) -> str:
    """Message of a refused apply; `applied` is a sentence about an earlier one, or empty."""
    lines = [f"- {description}" for description in descriptions]
    before = f"{applied} " if applied else ""
    return "\n".join(
        [
            f"{before}This is not what was approved, and nothing was changed. Differences:",
            *lines,
            f"`./skyinfra review -s {stack}` shows what would be done now.",
        ]
    )
