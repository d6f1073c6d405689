"""Which engines answer: asked over real sockets, and through a stand-in for ssh."""

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from clients import limited_run, silent_engines
from clients.silent_engines import Address, silent
from clients.ssh import LOGINS

PONG = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK"


@contextmanager
def engine(path: Path, answer: bytes = PONG) -> Iterator[Address]:
    """Socket of an engine that sends this answer on each connection."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(4096)
                    connection.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield Address(f"unix://{path}")
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.fixture
def ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The program `ssh` on PATH: the test writes its script; it gets the ping and the address's options."""
    script = tmp_path / "ssh"
    script.touch(mode=0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return script


def write(script: Path, *lines: str) -> None:
    script.write_text("\n".join(["#!/bin/sh", *lines, ""]))


def test_an_engine_that_answers_is_not_silent(tmp_path: Path) -> None:
    with engine(tmp_path / "docker.sock") as address:
        assert silent([address]) == {}


def test_a_socket_without_an_engine_is_reported_with_the_reason(tmp_path: Path) -> None:
    nowhere = Address(f"unix://{tmp_path}/docker.sock")
    with engine(tmp_path / "other.sock") as address:
        assert silent([address, nowhere]) == {nowhere: "No such file or directory"}


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"HTTP/1.1 500 Internal Server Error\r\n\r\n", "it answers 'HTTP/1.1 500 Internal Server Error'"),
        (b"", "the connection ends without an answer"),
    ],
)
def test_an_engine_that_answers_something_else_is_silent(tmp_path: Path, answer: bytes, reason: str) -> None:
    with engine(tmp_path / "docker.sock", answer) as address:
        assert silent([address]) == {address: reason}


def test_an_engine_that_hangs_costs_its_time_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(silent_engines, "SECONDS", 0.2)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "docker.sock"))
        listener.listen()
        address = Address(f"unix://{tmp_path}/docker.sock")
        assert silent([address]) == {address: "no answer in 0.2 s"}


def test_a_host_behind_ssh_is_asked_with_its_own_options_first(ssh: Path, tmp_path: Path) -> None:
    write(ssh, f'echo "$@" > {tmp_path}/asked', "cat > /dev/null", r"printf 'HTTP/1.1 200 OK\r\n\r\nOK'")
    assert silent([Address("ssh://pi@attic.lan:2222", ("-i", "/key"))]) == {}
    asked = (tmp_path / "asked").read_text().split()
    assert asked[:4] == ["-o", "StrictHostKeyChecking=yes", "-i", "/key"]
    assert " ".join(asked).endswith("-l pi -p 2222 -- attic.lan docker system dial-stdio")


def test_the_last_line_of_ssh_is_the_reason(ssh: Path) -> None:
    write(ssh, "echo @@@@@@@@ >&2", "echo 'Host key verification failed.' >&2", "exit 255")
    address = Address("ssh://pi@attic.lan")
    assert silent([address]) == {address: "Host key verification failed."}


def test_the_words_of_a_jump_host_about_the_host_behind_it_are_the_reason(ssh: Path) -> None:
    said = "channel 0: open failed: connect failed: No route to host"
    lines = (said, "stdio forwarding failed", "Connection closed by UNKNOWN port 65535")
    write(ssh, *(f"echo '{line}' >&2" for line in lines), "exit 255")
    address = Address("ssh://pi@attic.lan", ("-J", "gate"))
    assert silent([address]) == {address: said}


def test_messages_of_ssh_next_to_an_answer_are_not_the_reason(ssh: Path) -> None:
    write(ssh, "echo 'a banner' >&2", "cat > /dev/null", r"printf 'HTTP/1.1 200 OK\r\n\r\nOK'")
    assert silent([Address("ssh://pi@attic.lan")]) == {}


def test_dead_hosts_are_asked_side_by_side_and_never_more_than_ten(
    ssh: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = tmp_path / "running"
    running.mkdir()
    write(
        ssh,
        f"touch {running}/$$",
        f"ls {running} | wc -l >> {tmp_path}/counts",
        "sleep 0.3",
        f"rm {running}/$$",
    )
    dead = [Address(f"ssh://pi@board-{number}.lan") for number in range(2 * LOGINS)]
    began = time.monotonic()
    assert len(silent(dead)) == len(dead)
    assert time.monotonic() - began < 0.3 * len(dead) / 2
    counts = [int(line) for line in (tmp_path / "counts").read_text().split()]
    assert 1 < max(counts) <= LOGINS


def test_a_host_whose_ssh_hangs_is_given_up(ssh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(silent_engines, "SECONDS", 0.3)
    write(ssh, "exec sleep 60")
    address = Address("ssh://pi@attic.lan")
    assert silent([address]) == {address: "no answer in 0.3 s"}


def test_a_host_that_prints_without_end_is_given_up(ssh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limited_run, "LARGEST", 100_000)
    write(ssh, "exec yes >&2")
    address, began = Address("ssh://pi@attic.lan"), time.monotonic()
    assert silent([address]) == {address: "it prints more than 32.0 MB"}
    assert time.monotonic() - began < 10


def test_other_engines_are_taken_to_answer() -> None:
    assert silent([Address("tcp://10.0.0.1:2376")]) == {}
