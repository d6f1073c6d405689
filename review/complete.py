"""Refusal of previews from which something is missing, or that have a step that this program can't judge.

A resource without a step would be taken for one that does not change. The engine counts the steps of a
preview in its `changeSummary` (pulumi/pulumi, `pkg/engine/update.go`, OnResourceStepPost), and always prints
the step for the stack's own resource (`pkg/backend/display/json.go`, ShowPreviewDigest).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from catalogue.urns import name_of, type_of
from display.errors import UserError
from display.units import count_of
from review.values import short

STACK = "pulumi:pulumi:Stack"
NEEDED = (
    "A page needs all that `pulumi preview --json --show-sames` prints, by a CLI that this version knows "
    "(tried with 3.259)."
)
COUNTED = ("create", "update", "replace", "delete", "import", "discard", "diff")
"""Operations that the engine counts each time."""
UNCOUNTED = (
    "refresh",
    "create-replacement",
    "delete-replaced",
    "discard-replaced",
    "import-replacement",
    "read-replacement",
    "remove-pending-replace",
)
"""Operations that the engine does not count, such as parts of a replacement, which is counted as a whole."""
OPERATIONS = ("same", "read", *COUNTED, *UNCOUNTED)
"""Operations of previews (pulumi/pulumi, `pkg/resource/deploy/step.go`), without Pulumi's internal ones."""
STATES: Mapping[str, Sequence[str]] = {
    "same": ("oldState", "newState"),
    "update": ("oldState", "newState"),
    "replace": ("oldState", "newState"),
    "create": ("newState",),
    "import": ("newState",),
    "delete": ("oldState",),
}
"""Operation → states of the resource that its step has."""


class PreviewError(UserError):
    """Raised for an input that is not a preview; the message names the problem."""


class IncompletePreviewError(PreviewError):
    """Raised for a preview that lacks something, or that has an operation that is not known."""

    def __init__(self, problem: str) -> None:
        super().__init__(f"The preview {problem}. {NEEDED}")


def refuse_unknown_steps(preview: Mapping[str, Any]) -> None:
    """Raise IncompletePreviewError for an operation or a step that can't be judged."""
    steps = preview.get("steps") or ()
    for op in (*(step["op"] for step in steps), *_counts(preview)):
        if op not in OPERATIONS:
            raise IncompletePreviewError(f"has the operation `{short(op)}`, which is not known")
    for step in steps:
        for key in STATES.get(step["op"], ()):
            if not step.get(key):
                where = f"step `{step['op']}` of {short(name_of(step['urn']))}"
                raise IncompletePreviewError(f"has a {where} without its `{key}`")


def refuse_missing_steps(preview: Mapping[str, Any], *, shows_sames: bool) -> None:
    """Raise IncompletePreviewError if the stack's own step, the engine's counts or counted steps are missing.

    `preview` is one that did not fail: after an error, the engine counts nothing. Without `shows_sames`,
    steps of unchanged resources may be missing. Steps beyond those counted are refused too, except reads
    and UNCOUNTED operations.
    """
    steps = preview.get("steps") or ()
    if not any(type_of(step["urn"]) == STACK and step["op"] != "refresh" for step in steps):
        raise IncompletePreviewError(f"has no step for the stack's own resource (`{STACK}`)")
    counts = _counts(preview)
    if not counts:
        raise IncompletePreviewError("has no `changeSummary`, which counts its steps")
    found = Counter(step["op"] for step in steps)
    for op in OPERATIONS:
        has, counted = found[op], counts.get(op, 0)
        # A read that finds nothing new is not counted.
        wrong = {
            "same": has > counted or (shows_sames and has < counted),
            "read": has < counted,
        }.get(op, op in COUNTED and has != counted)
        if wrong:
            steps_of = f"{count_of(has, 'step')} `{op}`"
            raise IncompletePreviewError(f"has {steps_of}, and its `changeSummary` counts {counted}")


def hides_sames(preview: Mapping[str, Any]) -> bool:
    """True if steps of unchanged resources are missing, as without `--show-sames`."""
    shown = sum(step["op"] == "same" for step in preview.get("steps") or ())
    return bool(shown < _counts(preview).get("same", 0))


def _counts(preview: Mapping[str, Any]) -> Mapping[str, Any]:
    return preview.get("changeSummary") or {}
