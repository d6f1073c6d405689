"""The simulation of tests/integration/test_simulation.py with many more seeds; about three minutes.

What happened is counted in simulation.md.
"""

import os
import platform
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from display.markdown import table
from tests.integration.test_simulation import NO_FAULT, STEPS, Outcome, simulate
from tests.integration.world_events import CHANGES, FAULTS, MISTAKES, mend
from tests.integration.world_node import DONE
from tests.soak.record import revision
from tests.unit.node_engine import Fault
from tests.unit.test_handover import _clock

__all__ = ["_clock"]

PAGE = Path(__file__).parent / "simulation.md"
SEEDS = range(1000, 1050)
KINDS = {
    event.__name__: kind
    for kind, events in {
        "change": CHANGES,
        "fault of a host": FAULTS,
        "mistake": MISTAKES,
        "the way back": (mend,),
    }.items()
    for event in events
}
COMMANDS = ("change", "update", "destroy", "move_away", "others_wallet", "others_host")
"""Events that run a command, at one of whose calls to an engine a fault may come."""
WENT_ON = {*DONE, "destroyed", "moved"}
KILLED = "Killed"
INTRODUCTION = """\
Written by `tests/soak/test_simulation.py`, in `make soak`, at commit {commit}: {count} events, which are
{steps} and a last `mend` for each of the seeds {first} to {last}. `tests/integration/world_events.py` says
what each event is. `make test` runs {steps} events for each of four other seeds.

After each command the world was judged (`tests/integration/world.py` and `world_node.py`): no key was lost,
no wallet had two writers, no command went on with a wallet that lacks something or was moved away, no
container was made before its wallet was copied, and no seed left its volume. The test ends at the first
violation, with its seed; there was none. `tests/integration/test_planted_defects.py` shows that it finds each
of these but a wallet that was moved away. Without a fault, commands are refused because of an earlier mistake
or fault, or an image whose node fails."""


def test_thousands_of_changes_faults_and_mistakes_lose_no_keys_of_a_wallet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clients.wallet_on_host.PAUSE", 0)
    counts = Counter[Outcome]()
    for seed in SEEDS:
        folder = tmp_path / str(seed)
        folder.mkdir()
        counts += simulate(folder, seed, STEPS)
    assert counts.total() == len(SEEDS) * (STEPS + 1)
    PAGE.write_text(page(counts))
    came = {(event, fault) for event, fault, _ in counts}
    assert {("change", fault.value) for fault in Fault} <= came, "a change met each fault"
    assert {*KINDS} == {event for event, _ in came}, "each event happened"


def page(counts: Mapping[Outcome, int]) -> str:
    """Text of the record."""
    heading = (
        f"# The simulation of changes, faults and mistakes: {datetime.now(UTC):%Y-%m-%d}, "
        f"{os.cpu_count()} cores, {platform.machine()}"
    )
    introduction = INTRODUCTION.format(
        commit=revision(), count=sum(counts.values()), steps=STEPS, first=SEEDS[0], last=SEEDS[-1]
    )
    heads = ("event", "kind", "fault at a call", "times", "done", "refused or failed", "plugin killed")
    others = ("event", "kind", "times", "how it ended")
    return "\n".join(
        [
            *(heading, "", introduction, ""),
            *("## Commands, by the fault that came", "", *table(heads, commands(counts)), ""),
            *("## Other events", "", *table(others, other_events(counts)), ""),
        ]
    )


def commands(counts: Mapping[Outcome, int]) -> Iterator[Sequence[str]]:
    """Yield a row for each command and fault."""
    for command in COMMANDS:
        for fault in (NO_FAULT, *(fault.value for fault in Fault)):
            ended = Counter[str]()
            for (event, came, how), count in counts.items():
                if (event, came) == (command, fault):
                    ended["done" if how in WENT_ON else "killed" if how == KILLED else "failed"] += count
            if ended:
                columns = (ended.total(), ended["done"], ended["failed"], ended["killed"])
                yield (_words(command), KINDS[command], fault, *map(str, columns))


def other_events(counts: Mapping[Outcome, int]) -> Iterator[Sequence[str]]:
    """Yield a row for each other event."""
    for name, kind in KINDS.items():
        if name not in COMMANDS:
            ended = Counter[str]()
            for (event, _, how), count in counts.items():
                if event == name:
                    ended[re.sub(r"^\d+ keys$", "made", how)] += count
            texts = [f"{how}: {count}" for how, count in ended.most_common()]
            yield _words(name), kind, str(ended.total()), ", ".join(texts)


def _words(event: str) -> str:
    return event.replace("_", " ")
