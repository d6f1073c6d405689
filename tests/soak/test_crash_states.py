"""Crash states of a wallet's save, cut at each byte; tests/e2e/test_crash_states.py tries fewer."""

from collections import Counter
from pathlib import Path

import pytest

from tests.crash_outcomes import Outcome
from tests.crash_states import Class, saves, states
from tests.e2e.judge import build_judge, judged


@pytest.mark.parametrize("kind", ["deterministic", "bip44", "collection"])
def test_a_save_cut_at_any_byte_leaves_a_state_that_the_docs_list(kind: str, tmp_path: Path) -> None:
    found = [(save, state) for save in saves([kind]) for state in states(save, step=1)]
    contents = {
        content for _, state in found for content in (state.main, state.temporary) if content is not None
    }
    for folder in ("judge", "states"):
        (tmp_path / folder).mkdir()
    seen = judged(build_judge(tmp_path / "judge"), contents, tmp_path / "states")
    read = {content for content, said in seen.node.items() if not said.error}
    assert not read - set(seen.program)
    counts = Counter((state.kind, seen.outcome(save, state)) for save, state in found)
    print(*sorted((kind.name, outcome.name, count) for (kind, outcome), count in counts.items()), sep="\n")
    assert len(found) > 40_000
    assert not counts[Class.KILLED, Outcome.MIXED] + counts[Class.KILLED, Outcome.UNTOLD]
    assert not counts[Class.ORDERED, Outcome.MIXED] + counts[Class.ORDERED, Outcome.UNTOLD]
