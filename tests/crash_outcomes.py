"""Outcome of each crash state: how the node's parser judges it, and what the program does with it.

The table in docs/wallets.md is generated from these outcomes (tests/e2e/test_crash_states.py).
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from clients.fingerprint import NOTHING, Chain, VolumeWallets
from display.markdown import table
from tests.crash_states import Class, Save, State
from wallets.files.contents import File
from wallets.files.temporary import restored_wallet, temporary_copies


class Outcome(StrEnum):
    """Outcome of a crash state; the table has a column for each."""

    SAVED = "saved"
    BEFORE = "as before the save"
    TAKEN = "taken from the temporary copy"
    TORN = "no whole copy in the volume"
    MIXED = "read, with keys missing"
    UNTOLD = "refused by the node alone"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Verdict of the node's parser on the content of one file."""

    error: str
    addresses: tuple[str, ...]
    keys: int
    """Number of addresses whose secret key is present."""
    next: str
    """Address that the node would generate next."""


@dataclass(frozen=True, slots=True)
class Judged:
    """For each content, the verdict of the node, and the wallet that the program finds in it, if any."""

    node: Mapping[bytes, Verdict]
    program: Mapping[bytes, Mapping[str, Chain]]

    def outcome(self, save: Save, state: State) -> Outcome:
        """Determine the outcome of a state; fail if the program would recover anything but the new wallet."""
        main, is_seen = state.main, state.main in self.program
        found = self._found(save, state)
        assert bool(found.faults(NOTHING)) == (
            bool(found.unfinished_saves()) or (main is not None and not is_seen)
        )
        if found.unfinished_saves():
            contents = _volume(save, state)
            [(file, name)] = found.unfinished_saves()
            assert (file, name) == (save.file, save.temporary)
            assert restored_wallet(name, contents)[file].data == save.new
            return Outcome.TAKEN
        if main is None or not is_seen:
            return Outcome.TORN
        if self.node[main].error:
            return Outcome.UNTOLD
        if self.node[main] == self.node[save.new]:
            return Outcome.SAVED
        return Outcome.BEFORE if save.old and self.node[main] == self.node[save.old] else Outcome.MIXED

    def _found(self, save: Save, state: State) -> VolumeWallets:
        """Describe the volume as an inspection by the program would."""
        main = state.main
        seen = None if main is None else self.program.get(main)
        whole = temporary_copies(_volume(save, state))
        assert bool(whole) == (state.temporary == save.new), "its name tells a whole copy"
        return VolumeWallets(
            identity="",
            wallets={save.file: seen} if seen else {},
            damaged=[save.file] if main is not None and not seen else [],
            temporary=dict.fromkeys(whole, self.program[save.new]),
        )


def _volume(save: Save, state: State) -> dict[str, File]:
    files = ((save.file, state.main), (save.temporary, state.temporary))
    return {name: File(data=data) for name, data in files if data is not None}


def counted(outcomes: Iterable[tuple[Class, Outcome]]) -> Iterator[str]:
    """Yield a Markdown table that counts the outcomes of each class of crash."""
    counts = Counter(outcomes)
    head = ["after", "states", *Outcome]
    rows = [
        [kind, str(sum(counts[kind, outcome] for outcome in Outcome))]
        + [str(counts[kind, outcome]) for outcome in Outcome]
        for kind in Class
    ]
    yield from table(head, rows)
