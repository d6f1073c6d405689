"""`fleet status` with real processes: the questions in a shell, a terminal, Ctrl-C."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fleet.answers import QUESTIONS, chain_and_disk
from fleet.nodes import Chain
from tests.unit.fleet_engine import health, progress


def test_the_questions_are_put_by_a_shell_and_their_answers_are_read(tmp_path: Path) -> None:
    """The script itself runs, with a wget that prints what v0.27.1 answers."""
    wget = tmp_path / "wget"
    wget.write_text(
        '#!/bin/sh\nfor url; do :; done\necho "$@" >> "${0%/*}/asked"\ncat "${0%/*}/$(basename "$url")"\n'
    )
    wget.chmod(0o755)
    (tmp_path / "health").write_text(health(179999, 2))
    (tmp_path / "progress").write_text(progress(179999, 180000, 180001))
    script = QUESTIONS.replace(" /data ", f" {tmp_path} ")
    env = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    completed = subprocess.run(["sh", "-c", script], env=env, capture_output=True, text=True, check=True)
    chain, disk = chain_and_disk(completed.stdout)
    assert chain == Chain(
        version="0.27.1",
        height=179999,
        highest=180000,
        peers=2,
        last_block=datetime.fromtimestamp(1795684436, UTC),
    )
    assert disk is not None
    there = os.statvfs(tmp_path)
    assert disk.total == there.f_blocks * there.f_frsize
    asked = (tmp_path / "asked").read_text().splitlines()
    assert [line.split()[-1] for line in asked] == [
        "http://127.0.0.1:6420/api/v1/health",
        "http://127.0.0.1:6420/api/v1/blockchain/progress",
    ]


WATCH = """\
import sys
from commands.fleet import status
from fleet.nodes import State, Status
from tests.unit.fleet_engine import node
class Hosts:
    looks = 0
    def look(self):
        Hosts.looks += 1
        names = [f'look-{Hosts.looks}-{number}' for number in range(int(sys.argv[1]))]
        return [Status(node=node(name), state=State.NO_ANSWER, reason='dead') for name in names]
status.EVERY = 0.2
status._watch(Hosts(), 'fleet', False, [])
print('ended well')
"""


@contextlib.contextmanager
def watched(
    folder: Path, height: int, count: int
) -> "Iterator[tuple[subprocess.Popen[bytes], int, bytearray]]":
    """`fleet status --watch` on a pseudo-terminal of 80 columns, this side of that, and what it has shown.

    It has asked the hosts three times. The test closes the terminal.
    """
    import pty
    import struct

    fcntl = pytest.importorskip("fcntl")
    termios = pytest.importorskip("termios")
    program = folder / "watch.py"
    program.write_text(WATCH)
    root = Path(__file__).parents[2]
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", height, 80, 0, 0))
    env = {**os.environ, "PYTHONPATH": str(root), "TERM": "xterm", "COLUMNS": "", "LINES": ""}
    with subprocess.Popen(
        [sys.executable, str(program), str(count)], stdin=slave, stdout=slave, stderr=slave, env=env, cwd=root
    ) as process:
        os.close(slave)
        said = bytearray()
        try:
            while b"look-3" not in said:
                said += os.read(master, 4096)
            yield process, master, said
        finally:
            process.kill()


@pytest.mark.parametrize(("height", "count"), [(24, 1), (9, 30)])
def test_a_terminal_is_drawn_again_and_ctrl_c_leaves_the_last_table(
    height: int, count: int, tmp_path: Path
) -> None:
    """A short terminal counts the nodes that are not shown."""
    with watched(tmp_path, height, count) as (process, terminal, said):
        process.send_signal(signal.SIGINT)
        try:
            while chunk := os.read(terminal, 4096):
                said.extend(chunk)
        except OSError:
            pass  # the other end is closed
        os.close(terminal)
        assert process.wait(timeout=60) == 0
    assert b"Traceback" not in said
    assert said.rstrip().endswith(b"ended well")
    assert b"\x1b[2K" in said, "drawn over the last one"
    assert (b"26 more nodes" in said) is (count == 30)


def test_a_closed_terminal_ends_the_watch(tmp_path: Path) -> None:
    """Before, the hosts were asked for ever, by a program whose terminal was gone without SIGHUP."""
    with watched(tmp_path, 24, 1) as (process, terminal, _):
        os.close(terminal)
        process.wait(timeout=60)
