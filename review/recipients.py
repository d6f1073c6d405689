"""Recipients of the backups of a stack's wallets, compared with those that the last `up` recorded."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from catalogue.stack_outputs import StackOutputs
from catalogue.urns import type_of

BACKUPS = "backups of wallets"
STACK = "pulumi:pulumi:Stack"


def other_recipients(preview: Mapping[str, Any], now: Sequence[str]) -> Iterator[str]:
    """Yield a sentence about each recipient that comes or goes; none about a stack without a state.

    A preview has only the outputs of the state; the present recipients are those of the stack's file.
    """
    recorded = [
        cast("StackOutputs", (step.get("oldState") or {}).get("outputs") or {})
        for step in preview.get("steps") or ()
        if type_of(step["urn"]) == STACK and step.get("oldState")
    ]
    for outputs in recorded[:1]:
        before = [*map(str, outputs.get("recipients") or ())]
        for key in now:
            if key not in before:
                yield f"{BACKUPS} get a recipient that the last `up` did not know, who can read them: {key}"
        for key in before:
            if key not in now:
                yield f"{BACKUPS} lose a recipient, who can't read later ones: {key}"
