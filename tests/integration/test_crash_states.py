"""Enumeration of crash states; in tests/e2e/test_crash_states.py, the node's parser judges them."""

import hashlib
import re
from collections import Counter

import pytest

from local.machine.layout import PROJECT
from tests.crash_states import BLOCK, FOLDER, Class, Save, State, saves, states

SAVES = {save.name: save for save in saves()}
KINDS = ("first save", "growth", "encryption", "growth, encrypted", "decryption")


def test_every_kind_of_save_is_recorded_for_every_wallet_type() -> None:
    types = ("deterministic", "bip44", "collection")
    assert set(SAVES) == {f"{kind}: {what}" for kind in types for what in KINDS}
    assert all(len(save.new) > 7 * BLOCK for save in SAVES.values())
    assert len(list(FOLDER.iterdir())) == 12


@pytest.mark.parametrize("name", SAVES)
def test_states_of_a_save_are_many_unique_and_the_same_in_every_run(name: str) -> None:
    save = SAVES[name]
    found = states(save)
    counts = Counter(state.kind for state in found)
    assert all(counts[kind] >= 90 for kind in Class), counts
    assert len(set(found)) == len(found)
    assert found == states(save)
    assert {len(state.temporary or b"") <= len(save.new) for state in found} == {True}


def test_a_killed_node_has_done_only_a_prefix_of_its_operations() -> None:
    save = Save("x", b"old" * 500, b"new!" * 500)
    for state in states(save, step=1):
        if state.kind != Class.KILLED:
            continue
        if state.main == save.old:
            assert state.temporary is None or save.new.startswith(state.temporary)
        else:
            assert state.main is not None
            assert save.new.startswith(state.main)
            assert state.temporary in ((None, save.new) if state.main == save.new else (save.new,))
    mains = {state.main for state in states(save, step=1) if state.kind == Class.KILLED}
    assert mains == {save.old, *(save.new[:end] for end in range(len(save.new) + 1))}


def test_every_order_of_unsynced_operations_is_enumerated() -> None:
    save = Save("x", b"o" * 3 * BLOCK, b"n" * 2 * BLOCK + b"e")
    found = {(state.main, state.temporary) for state in states(save)}
    zeros, block = bytes(BLOCK), b"n" * BLOCK
    for torn in (zeros + block + b"e", block + zeros + b"e", 2 * block + b"\0", b"o" * BLOCK + block + b"e"):
        for temporary in (None, save.new):
            assert (torn, temporary) in found, "a block that was not written"
        assert (save.old, torn) in found
    for pair in (
        (save.old, None),
        (b"", None),
        (b"", b""),
        (block, block),
        (save.new, b""),
        (save.new + b"o" * (BLOCK - 1), None),
        (save.new.ljust(3 * BLOCK, b"\0"), save.new),
    ):
        assert pair in found
    grows = Save("x", b"o" * BLOCK, b"n" * 2 * BLOCK)
    assert State("x", Class.UNORDERED, b"n" * BLOCK, None) in states(grows), "the new content at the old size"


def test_the_judge_pins_the_same_modules_as_the_node_image() -> None:
    pins = [
        set(re.findall(r"^(?:require |\t)(\S+ v\S+)", (PROJECT / folder / "go.mod").read_text(), re.M))
        for folder in ("tests/judge", "images/skycoin")
    ]
    assert "github.com/skycoin/skycoin v0.27.1" in pins[0]
    assert not pins[0] - pins[1]


def test_a_temporary_copy_is_named_by_its_hash_as_the_node_names_it() -> None:
    save = Save("x", None, b"content")
    assert save.temporary == f"mine.wlt.tmp.{hashlib.sha256(b'content').hexdigest()[:8]}"
