"""`args` of a node: how Go parses them, and their table in the docs."""

import re
from pathlib import Path

import pytest

from settings.node_flags import MANAGED, SWITCHES, VALUED, fault_of

STACKS = (Path(__file__).resolve().parents[2] / "docs" / "stacks.md").read_text()


def test_the_docs_list_exactly_the_flags_that_are_allowed() -> None:
    table = STACKS.partition("#### Flags of a node\n")[2].partition("\n\nAll other flags are refused.")[0]
    assert sorted(re.findall(r"`-([a-z-]+)`", table)) == sorted(SWITCHES | VALUED)


def test_no_flag_is_in_two_lists() -> None:
    assert len(MANAGED | SWITCHES | VALUED) == len(MANAGED) + len(SWITCHES) + len(VALUED)


@pytest.mark.parametrize(
    "flags",
    [
        ["-user-agent-remark", "-wallet-dir=/tmp"],
        ["-user-agent-remark", "--"],
        ["-user-agent-remark="],
        ["--db-read-only=false", "-log-level", "debug"],
    ],
)
def test_the_argument_after_a_flag_that_takes_a_value_is_its_value(flags: list[str]) -> None:
    assert fault_of(flags) is None


@pytest.mark.parametrize(
    "flag", ["-profile-cpu", "-profile-cpu-file=/wallet/a.wlt", "-custom-peers-file=/wallet/a.wlt"]
)
def test_a_flag_that_could_truncate_or_print_a_wallet_is_refused(flag: str) -> None:
    """The list used to name refused flags, without these; now it names the allowed ones."""
    assert (fault_of([flag]) or "").startswith(f"{flag.partition('=')[0]} is not allowed")
