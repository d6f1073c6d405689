"""Audit of everything that is shipped, with the pinned vulnerability database."""

import subprocess

from catalogue.bases import OFFICIAL_GO
from local.machine.layout import PROJECT


def test_only_the_go_of_the_official_bases_has_known_vulnerabilities() -> None:
    """The database is pinned: a newly known vulnerability fails this test only when the pin changes."""
    done = subprocess.run(
        ["./skyinfra", "release", "audit"], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    rows = [line.split() for line in done.stdout.splitlines() if " GO-2" in line and "accepted" not in line]
    assert {(row[-len(row) + row.index("stdlib")], row[row.index("stdlib") + 1]) for row in rows} == {
        ("stdlib", OFFICIAL_GO)
    }, done.stdout + done.stderr
    assert done.returncode == 1
    assert "accepted, and gone" not in done.stdout
