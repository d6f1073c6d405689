"""Committed stacks, and the commit of a working copy, as git reports them."""

import subprocess
from pathlib import Path

from settings.reading import parse
from tests.unit.projects import FILES, PROJECT
from tests.unit.test_rules import _faults
from tests.unit.yaml_like import changed


def test_every_committed_stack_is_tested() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "stacks/*.yaml"], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    assert {Path(file).name for file in listed.stdout.split()} == {*FILES.values()}, (
        "add a new stack to FILES in tests/unit/projects.py, then UPDATE_SNAPSHOTS=1 pytest tests/unit"
    )


def test_a_commit_that_is_not_the_working_copys_is_refused(tmp_path: Path) -> None:
    """The image's labels, and the tag `develop-COMMIT`, would name code that is not in it."""
    (tmp_path / "cmd").mkdir()
    source = {"path": str(tmp_path), "version": "v0.27.1", "commit": "1" * 40}
    wanted = changed({"images.skycoin.source": source})
    assert parse(wanted).images["skycoin"].source.commit == "1" * 40, "without git, nobody knows better"

    def git(*arguments: str) -> str:
        author = ("-c", "user.name=tests", "-c", "user.email=tests@localhost")
        command = ["git", "-C", str(tmp_path), *author, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    git("init", "-q")
    refused = (
        f"skycoin:images.skycoin.source: commit '{'1' * 40}' is not that of the working copy '{tmp_path}'"
    )
    assert _faults(wanted) == [f"{refused}, which is at no commit: leave it out, or check it out there"]
    git("commit", "-q", "--allow-empty", "-m", "first")
    head = git("rev-parse", "HEAD")
    assert _faults(wanted) == [f"{refused}, which is at {head}: leave it out, or check it out there"]
    assert (
        parse(changed({"images.skycoin.source": {**source, "commit": head}})).images["skycoin"].source.commit
        == head
    )
