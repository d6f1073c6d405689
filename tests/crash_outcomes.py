"""Outcomes of each state after a crash: by the node's parser, and by what the program does with it.

The table in docs/wallets.md is made from it (tests/e2e/test_crash_states.py).
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from clients.fingerprint import NOTHING, Chain, Found
from display.markdown import table
from tests.crash_states import Class, Save, State
from wallets.contents import File
from wallets.temporary import taken, temporary_copies


class Outcome(StrEnum):
    """Each state has one; the table has a column for each."""

    SAVED = "saved"
    BEFORE = "as before the save"
    TAKEN = "taken from the temporary copy"
    TORN = "no whole copy in the volume"
    MIXED = "read, with keys missing"
    UNTOLD = "refused by the node alone"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The node's parser on one content."""

    error: str
    addresses: tuple[str, ...]
    keys: int
    """Addresses whose secret key is there."""
    next: str
    """Address that the node makes next."""


@dataclass(frozen=True, slots=True)
class Judged:
    """Content → the node's verdict on it, and the wallet that the program sees in it, if it sees one."""

    node: Mapping[bytes, Verdict]
    program: Mapping[bytes, Mapping[str, Chain]]

    def outcome(self, save: Save, state: State) -> Outcome:
        """Outcome of one state. Fails where the program's way back is not what the node was saving."""
        main, is_seen = state.main, state.main in self.program
        found = self._found(save, state)
        assert bool(found.faults(NOTHING)) == (bool(found.unended()) or (main is not None and not is_seen))
        if found.unended():
            contents = _volume(save, state)
            [(file, name)] = found.unended()
            assert (file, name) == (save.file, save.temporary)
            assert taken(name, contents)[file].data == save.new
            return Outcome.TAKEN
        if main is None or not is_seen:
            return Outcome.TORN
        if self.node[main].error:
            return Outcome.UNTOLD
        if self.node[main] == self.node[save.new]:
            return Outcome.SAVED
        return Outcome.BEFORE if save.old and self.node[main] == self.node[save.old] else Outcome.MIXED

    def _found(self, save: Save, state: State) -> Found:
        """The volume as a look finds it."""
        main = state.main
        seen = None if main is None else self.program.get(main)
        whole = temporary_copies(_volume(save, state))
        assert bool(whole) == (state.temporary == save.new), "its name tells a whole copy"
        return Found(
            identity="",
            wallets={save.file: seen} if seen else {},
            damaged=[save.file] if main is not None and not seen else [],
            temporary=dict.fromkeys(whole, self.program[save.new]),
        )


def _volume(save: Save, state: State) -> dict[str, File]:
    files = ((save.file, state.main), (save.temporary, state.temporary))
    return {name: File(data=data) for name, data in files if data is not None}


def counted(outcomes: Iterable[tuple[Class, Outcome]]) -> Iterator[str]:
    """Yield the table of classes and outcomes, as Markdown."""
    counts = Counter(outcomes)
    head = ["after", "states", *Outcome]
    rows = [
        [kind, str(sum(counts[kind, outcome] for outcome in Outcome))]
        + [str(counts[kind, outcome]) for outcome in Outcome]
        for kind in Class
    ]
    yield from table(head, rows)
