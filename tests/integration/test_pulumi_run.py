"""Runs of the pulumi command, with a script in its place."""

import contextlib
import json
import os
import re
import select
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from local.machine.layout import PROJECT, Layout, read_layout
from local.pulumi import command as pulumi_run
from local.pulumi.command import PROGRESS, pulumi

URN = "urn:pulumi:local::skycoin::docker:index/container:Container::node-1-container"
CREATE = {"metadata": {"op": "create", "urn": URN, "new": {"custom": True}}}
CREATED = tuple(
    map(
        json.dumps,
        (
            {"preludeEvent": {}},
            {"resourcePreEvent": CREATE},
            {"diagnosticEvent": {"urn": URN, "message": "#1 [a 1/1] RUN x", "ephemeral": True}},
            {"diagnosticEvent": {"urn": URN, "message": "of no interest", "severity": "debug"}},
            {"resOutputsEvent": CREATE},
            {"summaryEvent": {"resourceChanges": {"create": 1}}},
        ),
    )
)


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    monkeypatch.setenv("SKYCOIN_STATE", str(tmp_path / "state"))
    # An update must leave nothing in the folder for temporary files, where others could read it.
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    return read_layout()


def stand_in(layout: Layout, *script: str) -> dict[str, str]:
    """An environment in which `pulumi` is this script; `$events` is the file for its events."""
    folder = layout.state / "bin"
    folder.mkdir(parents=True)
    finds = 'while [ $# -gt 0 ]; do [ "$1" = --event-log ] && events=$2; shift; done'
    (folder / "pulumi").write_text("\n".join(["#!/bin/sh", finds, *script, ""]))
    (folder / "pulumi").chmod(0o755)
    return {"PATH": f"{folder}:{os.environ['PATH']}"}


OPENS = 'exec 3<>"$events"'
"""Opens the events as Pulumi does (`os.O_RDWR`), first for a preview and again for its update."""
MANY = "timeout 40 seq 60000 >&3 || exit"
"""Writes more than a pipe holds (64 KiB); ends if nobody reads it."""


def log(layout: Layout) -> str:
    return layout.update_log.read_text()


def writes(*events: str) -> str:
    return "\n".join(f"printf '%s\\n' '{event}' >> \"$events\"" for event in events)


def test_an_update_is_shown_from_its_events_and_its_log_has_the_rest(
    layout: Layout, capfd: pytest.CaptureFixture[str]
) -> None:
    private = 'stat -c "%a %F" "$(dirname "$events")" "$events"; echo "$PULUMI_DEBUG_COMMANDS"'
    env = stand_in(layout, private, "echo '@ updating....'", writes(*CREATED))
    assert pulumi(["up", "--stack", "local"], env, layout.update_log) == 0
    head, *lines, last = capfd.readouterr().out.splitlines()
    assert head == "• pulumi up"
    assert lines[-1].startswith("    ✓ created node-1-container (")
    assert last.startswith("    1 created (")
    kept = log(layout).splitlines()
    assert "node-1-container: #1 [a 1/1] RUN x" in kept
    assert kept[-4:-1] == ["700 directory", "600 fifo", "true"]
    assert "of no interest" not in log(layout)
    assert "@ updating" not in log(layout)
    assert stat.S_IMODE(layout.update_log.stat().st_mode) == 0o600
    assert list((layout.state.parent / "temporary").iterdir()) == []


@pytest.mark.parametrize(
    "odd",
    [
        "true",
        'rm "$events"',
        writes("no json", "[1]", '{"resourcePreEvent":{"metadata":{"op":"create"'),
        'printf \'\\377\\000{"half\' >> "$events"',
    ],
    ids=["no events", "no event log", "garbage", "half a line"],
)
def test_without_events_pulumis_output_and_exit_code_are_returned(
    layout: Layout, capfd: pytest.CaptureFixture[str], odd: str
) -> None:
    env = stand_in(layout, odd, "echo 'error: the stack is locked' >&2", "echo '@ updating....'", "exit 3")
    assert pulumi(["destroy"], env, layout.update_log) == 3
    output = capfd.readouterr().out
    assert "error: the stack is locked\n" in output
    assert "@ updating" not in output
    assert f"The whole log: {layout.update_log}" in output


def test_an_error_that_only_the_command_printed_is_shown(
    layout: Layout, capfd: pytest.CaptureFixture[str]
) -> None:
    only = json.dumps({"diagnosticEvent": {"severity": "error", "message": "update failed"}})
    env = stand_in(layout, writes(*CREATED, only), "echo 'error: the state could not be saved'", "exit 1")
    assert pulumi(["up"], env, layout.update_log) == 1
    assert "error: the state could not be saved\n" in capfd.readouterr().out


def test_other_commands_show_themselves(layout: Layout, capfd: pytest.CaptureFixture[str]) -> None:
    env = stand_in(layout, 'echo "a preview${events:-}"; exit 4')
    assert pulumi(["preview", "--diff"], env, layout.update_log) == 4
    assert capfd.readouterr().out == "a preview\n"
    assert not layout.update_log.exists()


@pytest.mark.parametrize(("command", "code"), [("up", 130), ("preview", 130), ("state", 0)])
def test_each_interruption_waits_for_pulumi_and_then_ends_the_command(
    layout: Layout, capfd: pytest.CaptureFixture[str], command: str, code: int
) -> None:
    began = layout.state / "began"
    env = stand_in(layout, "trap : INT", f"touch {began}", "sleep 1.5", f"exit {code}")

    def interrupt() -> None:
        while not began.exists():
            time.sleep(0.01)
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.5)

    thread = threading.Thread(target=interrupt)
    before = signal.getsignal(signal.SIGINT)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        pulumi([command], env, layout.update_log)
    thread.join()
    assert signal.getsignal(signal.SIGINT) is before
    matches = re.findall("interrupted.*", capfd.readouterr().out)
    assert matches[0] == "interrupted: pulumi finishes its running operations …"
    assert len(matches) == (3 if command == "up" else 2), "an update also ends with what came of it"


def ended_by(layout: Layout, command: str, send: Callable[[int], None]) -> tuple[str, list[str]]:
    """Output of a command that runs pulumi, and the signals that pulumi got; `send` gets the command's id."""
    began, got = layout.state / "began", layout.state / "got"
    traps = [f"trap 'echo {name} >> {got}' {name}" for name in ("INT", "TERM", "HUP")]
    # It goes on for two seconds after the first signal, in which a second one would arrive.
    waits = [f"until [ -s {got} ]; do sleep 0.05; done", "for i in $(seq 40); do sleep 0.05; done"]
    env = stand_in(layout, *traps, f"touch {began} {got}", *waits)
    program = (
        "from pathlib import Path; from clients.signals import interrupt_on_all; "
        f"from local.pulumi.command import pulumi; interrupt_on_all(); "
        f"pulumi([{command!r}], {{}}, Path({str(layout.update_log)!r}))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program],
        env={**os.environ, **env},
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        text=True,
    ) as process:
        while not began.exists():
            time.sleep(0.01)
        send(process.pid)
        said, _ = process.communicate(timeout=60)
    return said, got.read_text().split()


@pytest.mark.parametrize("command", ["up", "preview"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_pulumi_gets_the_signal_that_ends_the_command(
    layout: Layout, command: str, number: signal.Signals
) -> None:
    """`kill` was answered with “pulumi finishes its running operations”, and pulumi updated everything."""
    said, got = ended_by(layout, command, lambda process: os.kill(process, number))
    assert "interrupted: pulumi finishes its running operations …" in said
    assert got == ["INT"]


@pytest.mark.parametrize("command", ["up", "preview"])
def test_ctrl_c_in_a_terminal_reaches_pulumi_once(layout: Layout, command: str) -> None:
    """A terminal sends it to the whole process group, and a second one would end pulumi at once."""
    said, got = ended_by(layout, command, lambda process: os.killpg(process, signal.SIGINT))
    assert said.count("pulumi finishes its running operations …") == 1
    assert got == ["INT"]


def test_an_interrupt_of_the_command_alone_reaches_an_update(layout: Layout) -> None:
    _, got = ended_by(layout, "up", lambda process: os.kill(process, signal.SIGINT))
    assert got == ["INT"]


def test_a_terminal_that_goes_away_interrupts_an_update_once(layout: Layout) -> None:
    """The kernel and the shell each send SIGHUP."""

    def hang_up(process: int) -> None:
        for _ in range(2):
            os.killpg(process, signal.SIGHUP)
            time.sleep(0.5)

    said, got = ended_by(layout, "up", hang_up)
    assert "at once" not in said
    assert got == ["INT"]


def named_in_a_command(path: str) -> bool:
    """True if the command line of a process has the path."""
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended
            if path.encode() in (process / "cmdline").read_bytes():
                return True
    return False


def test_pulumi_goes_on_to_its_end_without_a_killed_command(layout: Layout) -> None:
    """Pulumi can read the pipe too, so it never saw that its reader had gone, and waited for room forever.

    It held the stack's lock, and SIGTERM did not end it, because it then has events to write as well.
    """
    began, killed, done = (layout.state / name for name in ("began", "killed", "done"))
    waits = f"until [ -e {killed} ]; do sleep 0.05; done"
    env = stand_in(layout, f'echo "$events" > {began}', waits, *(OPENS, MANY) * 2, f"touch {done}")
    program = (
        "from pathlib import Path; from local.pulumi.command import pulumi; "
        f"pulumi(['up'], {{}}, Path({str(layout.update_log)!r}))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], env={**os.environ, **env}, cwd=PROJECT, stdout=subprocess.DEVNULL
    ) as process:
        awaited(lambda: began.exists() and began.read_text().endswith("\n"))
        process.kill()
    killed.touch()
    awaited(done.exists)
    awaited(lambda: not named_in_a_command(began.read_text().strip()))


def test_an_update_that_can_not_be_shown_ends_with_its_error_once_pulumi_has_ended(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command waited for a pulumi that waited for a reader."""

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    done = layout.state / "done"
    monkeypatch.setattr(pulumi_run.Followed, "take", broken)
    env = stand_in(layout, *(OPENS, MANY) * 2, f"touch {done}")
    with pytest.raises(ZeroDivisionError):
        pulumi(["up"], env, layout.update_log)
    assert done.exists()


def awaited(is_so: Callable[[], bool]) -> None:
    """Wait until something is so, for 20 s at most."""
    until = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_a_reader_that_disconnects_does_not_end_the_update(layout: Layout) -> None:
    """In `make up | tee log`, Ctrl-C ends `tee` while pulumi is still at work."""
    done = layout.state / "done"
    env = stand_in(layout, "sleep 1", writes(*CREATED), f"touch {done}")
    program = (
        "import sys; from local.machine.layout import read_layout; from local.pulumi.command import pulumi; "
        "sys.exit(pulumi(['up'], {}, read_layout().update_log))"
    )
    command = f'{sys.executable} -c "$PROGRAM" | head -n 1; exit ${{PIPESTATUS[0]}}'
    ended = subprocess.run(
        ["bash", "-c", command],
        env={**os.environ, **env, "PROGRAM": program, "SKYCOIN_STATE": str(layout.state)},
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == "• pulumi up\n"
    assert done.exists()


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        (" +  docker-build:index:Image x creating (12s) #6 [build 3/5] RUN go build", False),
        (" ~  docker-build:index:Image x updating (0s) #1 transferring", False),
        (" +  docker-build:index:Image x created (192s)", True),
        (" +  docker:index:Container x creating (0s) error: 1 error occurred:", True),
        ("    + 11 created", True),
        ("@ updating....", False),
    ],
)
def test_lines_that_say_only_that_pulumi_is_at_work_are_left_out(line: str, kept: bool) -> None:
    assert (PROGRESS.search(line) is None) == kept


def test_a_pulumi_that_waits_forever_is_interrupted_and_its_failure_reported(
    layout: Layout, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The script sleeps in a loop, because a shell handles a signal only after its current command."""
    monkeypatch.setattr("display.update.STUCK", 0.1)
    failed = {
        "resOpFailedEvent": {"metadata": {"op": "delete-replaced", "urn": URN, "new": {"custom": True}}}
    }
    waits = "trap 'exit 1' INT; while :; do sleep 0.1; done"
    env = stand_in(layout, writes(*CREATED[:2], json.dumps(failed)), waits)
    assert pulumi(["up", "--stack", "local"], env, layout.update_log) == 1
    assert "replacing node-1-container failed" in capfd.readouterr().out


def test_a_pipe_that_is_ready_and_empty_has_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """select(2) may report a pipe as ready by mistake. Before, this ended an `up` in the background."""
    pipe = pulumi_run._Pipe(tmp_path / "events")
    monkeypatch.setattr(select, "select", lambda readers, *_: (readers, [], []))
    assert pipe.read(0) == b""
    pipe.close()
