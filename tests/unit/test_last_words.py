"""The lines of a log that say why a node ended."""

import pytest

from local.machine.layout import PROJECT
from providers.skycoin.last_words import DAMAGED, SHOWN, TOO_NEW, last_words

START = "2026-11-25T18:00:00.5Z"


def log(*lines: str, stamp: str = "2026-11-25T18:00:01.1Z") -> str:
    return "".join(f"{stamp} {line}\n" for line in lines)


def test_a_short_log_is_quoted_completely() -> None:
    assert last_words(log("one", "two"), START) == "It printed:\none\ntwo"


def test_a_remedy_follows_between_however_many_lines_the_database_is_refused() -> None:
    refused = "Cannot use newer DB version=0.28.0 with older software version=0.27.1"
    for lines in ([refused], ["first", *["more"] * 50, refused, *["end"] * 50]):
        said = last_words(log(*lines), START).splitlines()
        assert refused in said
        assert said[-1] == TOO_NEW


@pytest.mark.case(5)
@pytest.mark.parametrize(
    "lines",
    [
        ["Database failed to open: Open boltdb failed, invalid database. Is another instance running?"],
        [
            "panic: invalid page type: 3: 0",
            "",
            "goroutine 1 [running]:",
            "github.com/boltdb/bolt.(*Cursor).search(0xc0",
        ],
        [
            "fatal error: fault",
            "[signal SIGBUS: bus error code=0x2]",
            "github.com/boltdb/bolt.(*DB).page(...)",
        ],
        ['visor.CheckDatabase failed error="Signature not found for block seq=0"'],
    ],
    ids=["no database", "panic in Bolt", "a part is missing", "checked"],
)
def test_a_remedy_follows_if_the_chain_database_is_damaged(lines: list[str]) -> None:
    assert last_words(log(*lines), START).splitlines()[-1] == DAMAGED
    assert "## A damaged chain database\n" in (PROJECT / "docs" / "wallets.md").read_text()


@pytest.mark.case(7)
@pytest.mark.parametrize(
    "line",
    [
        "Database failed to open: Open boltdb failed, write /data/.skycoin/data.db: no space left on device.",
        "Database failed to open: Open boltdb failed, timeout. Is another skycoin instance running?",
        'visor.SetDBVersion failed error="write /data/.skycoin/data.db: no space left on device"',
        "panic: runtime error: index out of range",
    ],
)
def test_a_full_volume_and_other_faults_are_not_called_damage(line: str) -> None:
    assert last_words(log(line), START) == f"It printed:\n{line}"


def test_a_node_without_output_is_reported_as_such() -> None:
    assert last_words("", START) == "It printed nothing."


def test_lines_of_an_earlier_start_are_left_out() -> None:
    """Before, if the container kept restarting, the first start's error was quoted, not the last one's."""
    text = log("old error", stamp="2026-11-25T17:59:59.9Z") + log("new error")
    assert last_words(text, START) == "It printed:\nnew error"


def test_the_first_line_is_shown_if_a_usage_text_follows() -> None:
    """Before, the end of the usage text was shown, without the flag."""
    usage = [f"  -flag-{number} string" for number in range(100)]
    said = last_words(log("flag provided but not defined: -foo", "Usage:", *usage), START)
    assert said.splitlines() == [
        "It printed, shortened:",
        "flag provided but not defined: -foo",
        "…",
        "  -flag-97 string",
        "  -flag-98 string",
        "  -flag-99 string",
    ]


def test_an_error_among_many_lines_is_shown_with_few_others() -> None:
    noise = [f"block {number} is fine" for number in range(50)]
    lines = last_words(
        log(*noise, "panic: db is corrupt", "FATAL: can't open /data", *noise), START
    ).splitlines()
    assert "panic: db is corrupt" in lines
    assert "FATAL: can't open /data" in lines
    assert len(lines) <= SHOWN + 4
