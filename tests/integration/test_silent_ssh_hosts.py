"""Hosts behind a real ssh process that does not answer, or says why it can't."""

import os
import time
from pathlib import Path

import pytest

from clients import limited_run, silent_engines
from clients.silent_engines import Address, silent
from clients.ssh import LOGINS


@pytest.fixture
def ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The program `ssh` on PATH: the test writes its script; it gets the ping and the address's options."""
    script = tmp_path / "ssh"
    script.touch(mode=0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return script


def write(script: Path, *lines: str) -> None:
    script.write_text("\n".join(["#!/bin/sh", *lines, ""]))


def test_a_host_behind_ssh_is_asked_with_its_own_options_first(ssh: Path, tmp_path: Path) -> None:
    write(ssh, f'echo "$@" > {tmp_path}/asked', "cat > /dev/null", r"printf 'HTTP/1.1 200 OK\r\n\r\nOK'")
    assert silent([Address("ssh://pi@attic.lan:2222", ("-i", "/key"))]) == {}
    asked = (tmp_path / "asked").read_text().split()
    assert asked[:5] == ["-T", "-o", "StrictHostKeyChecking=yes", "-i", "/key"]
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
