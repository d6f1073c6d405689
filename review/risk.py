"""One line about the risk of a preview, and its level, which also sets the exit code (docs/review.md)."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

from display.units import count_of, duration
from review.changes import Changes
from review.restarts import Restart


class Level(IntEnum):
    """Levels of risk; the line begins with the highest one that applies."""

    SAFE = 0
    RESTARTS = 1
    AT_RISK = 2
    REFUSED = 3


@dataclass(frozen=True, slots=True)
class Risk:
    """The line and its level."""

    line: str
    level: Level


def risk_of(changes: Changes) -> Risk:
    """Judge a change: first a refusal, then a loss or a broken rule, then a stop and its time."""
    if changes.faults:
        return Risk("refused", Level.REFUSED)
    lost, stopped = list(_lost(changes)), list(_stopped(changes.restarts))
    if lost:
        return Risk(", ".join([*lost, *stopped]), Level.AT_RISK)
    if stopped:
        return Risk(", ".join(stopped), Level.RESTARTS)
    return Risk(_nothing(changes), Level.SAFE)


def _lost(changes: Changes) -> Iterator[str]:
    losses = changes.options.losses
    if any(loss.wallet for loss in losses):
        yield "WALLET AT RISK"
    elif losses:
        yield "DATA AT RISK"
    if any(tag.lost for tag in changes.publications):
        yield "TAGS LOSE ARCHITECTURES"
    if broken := sum(bool(rule.breaches) for rule in changes.broken):
        yield f"BREAKS {count_of(broken, 'RULE').upper()}"
    if raised := sum(bool(rule.error) for rule in changes.broken):
        yield f"{count_of(raised, 'rule').upper()} RAISED AN ERROR"


def _stopped(restarts: Iterable[Restart]) -> Iterator[str]:
    for noun, containers in _by_noun(restarts).items():
        replaced = [container for container in containers if container.op == "replace"]
        if replaced:
            yield f"restarts {count_of(len(replaced), noun)}{_for_at_most(replaced)}"
        if removed := sum(container.op == "delete" for container in containers):
            yield f"stops {count_of(removed, noun)} for good"


def _by_noun(restarts: Iterable[Restart]) -> dict[str, list[Restart]]:
    by_noun: dict[str, list[Restart]] = {"node": [], "other container": []}
    for restart in restarts:
        by_noun["node" if restart.is_node else "other container"].append(restart)
    return by_noun


def _for_at_most(replaced: Sequence[Restart]) -> str:
    bounds = [restart.bound for restart in replaced]
    each = "" if len(bounds) == 1 else ", each"
    longest = max((bound.seconds for bound in bounds if bound is not None), default=0)
    return f"{each} for an unknown time" if None in bounds else f"{each} for at most {duration(longest)}"


def _nothing(changes: Changes) -> str:
    if changes.unjudged:
        return "no risk seen, but not all changes can be judged"
    if not changes.options.complete:
        return "no risk seen, but the preview is incomplete"
    return "safe"
