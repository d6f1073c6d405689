"""Which engines answer, asked over real sockets. Behind ssh: tests/integration/test_silent_ssh_hosts.py."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from clients import silent_engines
from clients.silent_engines import Address, silent

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


def in_json(text: bytes) -> bytes:
    """A whole answer with this text."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    return head % len(text) + text


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


def test_other_engines_are_taken_to_answer() -> None:
    assert silent([Address("tcp://10.0.0.1:2376")]) == {}
