"""The audit of what is shipped, with the pinned database itself."""

import subprocess

from local.layout import PROJECT


def test_nothing_that_is_shipped_has_a_known_vulnerability_that_is_not_accepted() -> None:
    """By a pinned database: a newly known one turns this red with the change of a pin alone."""
    done = subprocess.run(
        ["./skyinfra", "release", "audit"], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "by versions of modules." in done.stdout
    assert ": remove it" not in done.stdout.lower()
