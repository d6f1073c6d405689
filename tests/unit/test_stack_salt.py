"""The salt of a deleted state, taken out of a stack's file."""

import resource
import signal
from pathlib import Path

import pytest

from local.machine.steps import SetupError
from local.stacks.stack import _without_salt

NODES = f"config:\n  skycoin:nodes: {{{', '.join(f'node-{number}: {{}}' for number in range(2000))}}}\n"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("local.stacks.files.PROJECT", tmp_path)
    file = tmp_path / "stacks" / "Pulumi.local.yaml"
    file.parent.mkdir()
    file.write_text(f"encryptionsalt: v1:x\n{NODES}")
    return file


def test_only_the_salt_is_taken_out(file: Path) -> None:
    _without_salt("local")
    assert file.read_text() == NODES
    before = file.stat().st_ino
    _without_salt("local")
    assert file.stat().st_ino == before, "a file without a salt is not written"


@pytest.mark.case(38)
def test_a_full_disk_leaves_the_file_with_its_nodes(file: Path) -> None:
    """A limit on file sizes stands for a full disk: the kernel refuses further bytes."""
    before, text = resource.getrlimit(resource.RLIMIT_FSIZE), file.read_text()
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(SetupError, match=r"can't be written, and is unchanged"):
            _without_salt("local")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    assert file.read_text() == text
