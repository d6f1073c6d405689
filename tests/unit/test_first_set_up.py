"""Faults of a machine at the first `make up`: nothing half written stays in the way of the next one."""

import re
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from local import __main__ as local_main
from local.machine.layout import read_layout
from local.setup import claim_state
from local.stacks.lock import exclusive
from tests.unit.set_ups import STATE, Home


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    return Home(tmp_path, monkeypatch)


@contextmanager
def full_disk() -> Iterator[None]:
    """A limit on file sizes stands for a full disk: the kernel refuses further bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)


@pytest.mark.case(38)
def test_a_disk_that_is_full_at_first_does_not_block_later_runs(home: Home) -> None:
    """A half-written passphrase stayed, and each later run refused the folder as not a set-up's."""
    with full_disk(), pytest.raises(OSError, match="File too large"):
        claim_state(read_layout())
    assert [*home.target.iterdir()] == []
    (home.target / "passphrase.4242").touch()  # of a run that was killed at that moment
    claim_state(read_layout())
    assert (home.target / "passphrase").read_text().strip()


def test_a_folder_that_can_not_be_made_is_an_error_of_one_line(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    home.target.parent.parent.mkdir(parents=True)
    home.target.parent.write_text("a file in the way")
    monkeypatch.setattr("sys.argv", ["local", "up"])
    assert local_main.main() == 1
    said = capsys.readouterr().err
    assert re.fullmatch(r"\nerror: \S+: Not a directory\. Then run the same command again\.\n", said), said


@pytest.mark.usefixtures("home")
def test_an_interrupted_command_says_how_to_go_on_and_has_the_exit_code_of_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("sys.argv", ["local", "up"])
    monkeypatch.setattr(local_main, "read_layout", interrupt)
    monkeypatch.setattr(local_main, "interrupt_on_all", lambda: None)
    assert local_main.main() == 130
    expected = "error: interrupted; run the same command again, which continues where it stopped"
    assert expected in capsys.readouterr().err


def test_a_stack_file_in_another_encoding_gets_its_own_error(home: Home) -> None:
    """The copy of the file at the end replaced that error by a traceback."""
    claim_state(layout := read_layout())
    (home.target / "backend/.pulumi/stacks/skycoin").mkdir(parents=True)
    (home.target / "backend/.pulumi/stacks/skycoin/local.json").write_text(STATE)
    home.stack_file.write_bytes("# café\nconfig: {}\n".encode("latin-1"))
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), exclusive(layout, "make up"):
            raise ZeroDivisionError
    copy = home.target / "stack-files" / "Pulumi.local.yaml"
    assert copy.read_bytes() == home.stack_file.read_bytes()
