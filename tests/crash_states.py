"""Enumerate the states in which a crash can leave a wallet that the node is saving, without running a node.

v0.27.1 saves like this (`SaveBinary` in src/util/file/file.go; tests/e2e/test_crash_states.py checks a
trace): create and write FILE.tmp.HASH, truncate and write FILE, remove FILE.tmp.HASH. Nothing is synced, so a
power cut leaves whatever the file system had written by then, in whatever order it guarantees.

With the patch (docs/adr/0055; tests/e2e/test_patched_saves.py checks a trace): create, write and sync
FILE.tmp.HASH, rename it to FILE, sync the folder.
"""

import hashlib
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import product

from local.machine.layout import PROJECT

FOLDER = PROJECT / "tests" / "saves"
"""Wallets before and after a save, as written by v0.27.1 (`judge make`); their seed is public."""
BLOCK = 512
"""Bytes that a disk writes atomically; a block of a file system is a multiple of this."""
SAMPLES = 40
"""Number of random samples where there are too many combinations of blocks to try them all."""
STEP = 41
"""Bytes between two tried lengths of a partial write in `make test`; the soak tries every byte."""


class Class(StrEnum):
    """Class of crash: how much of the order of operations survives it."""

    PATCHED = "with the patch: the node is killed, or power cut and renames are atomic"
    KILLED = "no patch: the node is killed, the machine goes on"
    ORDERED = "no patch: power cut; the file system keeps the order of names and sizes, and writes data first"
    BLOCKS = (
        "no patch: power cut; sizes are written before data: blocks of zeros, or of what was there before"
    )
    UNORDERED = "no patch: power cut; no order at all: each operation is there or not"


@dataclass(frozen=True, slots=True)
class Save:
    """A save of FILE: its content before, and the content to be written."""

    name: str
    old: bytes | None
    new: bytes
    file: str = "mine.wlt"

    @property
    def temporary(self) -> str:
        """Name of the temporary copy."""
        return f"{self.file}.tmp.{hashlib.sha256(self.new).hexdigest()[:8]}"


@dataclass(frozen=True, slots=True)
class State:
    """Content of FILE and of its temporary copy after a crash; None for a missing file."""

    save: str
    kind: Class
    main: bytes | None
    temporary: bytes | None


def saves(kinds: Sequence[str] = ("deterministic", "bip44", "collection")) -> Iterator[Save]:
    """Yield every kind of save for every type of wallet."""
    for kind in kinds:
        few, many, few_locked, many_locked = (
            (FOLDER / f"{kind}.{moment}.wlt").read_bytes()
            for moment in ("few", "many", "few-locked", "many-locked")
        )
        yield Save(f"{kind}: first save", None, few)
        yield Save(f"{kind}: growth", few, many)
        yield Save(f"{kind}: encryption", few, few_locked)
        yield Save(f"{kind}: growth, encrypted", few_locked, many_locked)
        yield Save(f"{kind}: decryption", few_locked, few)


def states(save: Save, step: int = STEP) -> list[State]:
    """Return all distinct states of a save, for every class of crash."""
    found = {
        State(save.name, kind, main, temporary)
        for kind, make in _MAKERS.items()
        for main, temporary in make(save, step)
    }
    return sorted(
        found, key=lambda state: (state.kind, state.main or b"", state.temporary or b"", repr(state))
    )


Pair = tuple[bytes | None, bytes | None]


def _patched(save: Save, step: int) -> Iterator[Pair]:
    """Yield the states in which the copy was written to any extent, in any order, or was renamed."""
    chance = random.Random(save.name)  # noqa: S311 no secret
    yield save.old, None
    yield from ((save.old, save.new[:end]) for end in [*range(0, len(save.new), step), len(save.new)])
    yield from ((save.old, data) for data in _torn(save.new, save.old, chance))
    yield save.new, None


def _killed(save: Save, step: int) -> Iterator[Pair]:
    """Yield the states in which the operations before one are complete, and that one stopped at some byte."""
    last = len(save.new)
    ends = sorted({*range(0, last, step), *range(max(0, last - 64), last + 1), *range(0, last, BLOCK)})
    yield save.old, None
    for end in ends:
        yield save.old, save.new[:end]
        yield save.new[:end], save.new
    yield save.new, None


def _ordered(save: Save, step: int) -> Iterator[Pair]:
    """Yield the states in which names change in order, but each file independently ends at some block."""
    beginnings = [save.new[:end] for end in range(0, len(save.new), BLOCK)] + [save.new]
    yield save.old, None
    yield from product([save.old], beginnings)
    yield from product(beginnings, [*beginnings, None])


def _blocks(save: Save, step: int) -> Iterator[Pair]:
    """Yield the states in which files have their final sizes, but some blocks hold zeros or old data."""
    chance = random.Random(save.name)  # noqa: S311 no secret
    torn = list(_torn(save.new, save.old, chance))
    for data in torn:
        yield from [(data, None), (data, save.new), (save.old, data)]
    yield from zip(chance.choices(torn, k=3 * SAMPLES), chance.choices(torn, k=3 * SAMPLES), strict=True)


def _unordered(save: Save, step: int) -> Iterator[Pair]:
    """Yield the states without any order: a file may be missing, or FILE overwritten without truncation."""
    chance = random.Random(save.name)  # noqa: S311 no secret
    beginnings = [save.new[:end] for end in range(0, len(save.new), BLOCK)]
    temporaries = [None, save.new, *beginnings, *chance.choices(list(_torn(save.new, None, chance)), k=4)]
    yield from product([save.old, b"", save.new], temporaries)
    for written in dict.fromkeys(_written_into(save, chance)):
        yield from product([written], [None, save.new, *chance.choices(temporaries, k=2)])


def _written_into(save: Save, chance: random.Random) -> Iterator[bytes]:
    """Yield the old file with some blocks of the new one, at the old size or at the new one."""
    old = save.old or b""
    for prefix in _torn(save.new, old, chance):
        yield prefix + old[len(prefix) :]
        yield prefix[: len(old)]
    if len(old) > len(save.new):
        padded = save.new.ljust(-(-len(save.new) // BLOCK) * BLOCK, b"\0")
        yield padded
        yield padded + old[len(padded) :]


def _torn(new: bytes, old: bytes | None, chance: random.Random) -> Iterator[bytes]:
    """Yield the new content with some blocks replaced by zeros or by old data."""
    count = -(-len(new) // BLOCK)
    sets = [[block == bad for block in range(count)] for bad in range(count)]
    sets += [[block != good for block in range(count)] for good in range(count)]
    sets += [[block >= cut for block in range(count)] for cut in range(count)]
    sets += [[block < cut for block in range(count)] for cut in range(1, count)]
    sets += [[chance.random() < 0.5 for _ in range(count)] for _ in range(SAMPLES)]
    for bad in sets:
        for other in (b"", old) if old else (b"",):
            yield b"".join(
                _block(other, number).ljust(len(_block(new, number)), b"\0")[: len(_block(new, number))]
                if is_bad
                else _block(new, number)
                for number, is_bad in enumerate(bad)
            )


def _block(content: bytes, number: int) -> bytes:
    return content[number * BLOCK : (number + 1) * BLOCK]


_MAKERS = {
    Class.PATCHED: _patched,
    Class.KILLED: _killed,
    Class.ORDERED: _ordered,
    Class.BLOCKS: _blocks,
    Class.UNORDERED: _unordered,
}
