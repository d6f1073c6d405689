"""The salt of a deleted state in a stack's file: kept, or taken out if it is of another passphrase."""

import os
import resource
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from local.machine.layout import read_layout
from local.machine.steps import SetupError
from local.stacks.stack import _without_salt, ensure_stack

NODES = f"config:\n  skycoin:nodes: {{{', '.join(f'node-{number}: {{}}' for number in range(2000))}}}\n"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("local.stacks.files.PROJECT", tmp_path)
    file = tmp_path / "stacks" / "Pulumi.local.yaml"
    file.parent.mkdir()
    file.write_text(f"encryptionsalt: v1:x\n{NODES}")
    return file


PULUMI = """#!/bin/sh
echo "$*" >> asked
if [ "$opens" != v1:x ] && grep -q v1:x stacks/Pulumi.local.yaml; then
    echo "error: $error" >&2
    exit 1
fi
"""
"""Creates a stack, unless its file has the salt v1:x and `$opens` is another one."""
WRONG = "could not create secrets manager for new stack: incorrect passphrase"
INIT = "stack init local --non-interactive\n"


@pytest.fixture
def created(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Creates the stack with these variables; returns what pulumi was asked."""
    monkeypatch.setattr("local.stacks.stack.PROJECT", tmp_path)
    monkeypatch.setenv("SKYCOIN_STATE", str(tmp_path / "state"))
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "pulumi").write_text(PULUMI)
    (tmp_path / "bin" / "pulumi").chmod(0o755)

    def create(**variables: str) -> str:
        env = {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", **variables}
        ensure_stack(read_layout(), env, {})
        return (tmp_path / "asked").read_text()

    return create


def test_a_salt_that_the_passphrase_opens_is_kept(file: Path, created: Callable[..., str]) -> None:
    """It was removed with each lost state, and encrypted settings in the file were lost."""
    text = file.read_text()
    assert created(opens="v1:x") == INIT
    assert file.read_text() == text


def test_a_salt_of_another_passphrase_is_taken_out(file: Path, created: Callable[..., str]) -> None:
    assert created(opens="v1:y", error=WRONG) == INIT * 2
    assert file.read_text() == NODES


def test_another_error_leaves_the_salt(file: Path, created: Callable[..., str]) -> None:
    text = file.read_text()
    with pytest.raises(SetupError, match="error: no space left on device"):
        created(opens="v1:y", error="no space left on device")
    assert file.read_text() == text


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
