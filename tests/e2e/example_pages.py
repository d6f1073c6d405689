"""Pages of docs/examples that end-to-end tests make of a deployed stack, with the plugins of `make up`.

The committed page has what each run of the tests must print, but for what differs from run to run.
"""

import os
import re

from local.machine.layout import PROJECT
from tests.e2e.machine import Result

FOLDER = PROJECT / "docs" / "examples"
REAL = ("real-build-argument", "real-node-setting", "real-wallet-emptied", "real-wallet-gone")
"""Names of these pages."""

_DIGEST = re.compile(r"\b(?:sha256:)?([0-9a-f]{12})(?:[0-9a-f]{52})?\b")
_HASH = re.compile(r"(?<=^Review: `)[0-9a-f]{64}(?=`$)", re.MULTILINE)


def compare_with_example(name: str, reviewed: Result) -> None:
    """Compare the page that a review printed with the committed one (`UPDATE_SNAPSHOTS=1` writes that)."""
    page, file = stable(reviewed.text[reviewed.text.index("## Stack ") :]), FOLDER / f"{name}.md"
    if os.environ.get("UPDATE_SNAPSHOTS") == "1":
        file.write_text(page)
    assert page == file.read_text(), "if this is meant: UPDATE_SNAPSHOTS=1, and read the diff"


def stable(page: str) -> str:
    """Replace what differs from run to run: digests by their number on the page, and the hash at its end."""
    numbers: dict[str, int] = {}
    without_hash = _HASH.sub("HASH", page)
    return _DIGEST.sub(lambda found: f"digest-{numbers.setdefault(found[1], len(numbers) + 1)}", without_hash)
