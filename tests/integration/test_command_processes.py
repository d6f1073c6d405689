"""`skyinfra` and its launcher as real processes: closed streams, signals, other folders and locales."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.projects import PROJECT


def test_a_full_disk_behind_standard_output_is_one_error_message() -> None:
    command = [sys.executable, "-m", "commands", "--version"]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            command, cwd=PROJECT, stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert (done.returncode, done.stderr) == (1, "error: standard output: No space left on device\n")


def test_a_closed_standard_output_is_one_error_message() -> None:
    """It was a traceback in every command."""
    command = ["sh", "-c", 'exec "$0" -m commands fleet status >&-', sys.executable]
    done = subprocess.run(command, cwd=PROJECT, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "error: standard output is closed: nothing was done\n")


def test_a_closed_standard_input_has_nothing(tmp_path: Path) -> None:
    """It was an internal error where a command asks or reads a key; the next opened file took its place."""
    command = ["sh", "-c", 'exec "$0" -m commands wallet verify "$1" --identity - <&-', sys.executable]
    done = subprocess.run([*command, str(tmp_path)], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: - contains no identity")


def test_messages_are_not_in_the_output_if_standard_error_is_closed() -> None:
    """`fleet check --json 2>&-` had its progress before the JSON."""
    script = 'exec "$0" -m commands fleet check -s "$1" --json 2>&-'
    done = subprocess.run(
        ["sh", "-c", script, sys.executable, "none-of-these"],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")


def test_tab_completes_commands_and_options() -> None:
    """README.md says how to switch it on."""
    env = {**os.environ, "COMP_WORDS": "./skyinfra fleet st", "COMP_CWORD": "2"}
    env["_SKYINFRA_COMPLETE"] = "bash_complete"
    command = [sys.executable, "-m", "commands"]
    done = subprocess.run(command, cwd=PROJECT, env=env, capture_output=True, text=True, check=True)
    assert done.stdout == "plain,status\n"


def test_the_launcher_runs_this_checkout_from_any_folder(tmp_path: Path) -> None:
    """Folders there with the name of one of the program's modules, or of a package, are not imported."""
    for name in ("commands", "click", "local"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise SystemExit('not this one')\n")
    (tmp_path / "link").symlink_to(PROJECT / "skyinfra")
    env = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["./link", "--version"], cwd=tmp_path, env=env, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("skyinfra, version ")


@pytest.mark.case(32)
def test_files_are_utf_8_whatever_the_locale() -> None:
    """In a Latin-1 locale, Pulumi got a stack's file in Latin-1, and a dash in it was an internal error."""
    python = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    other = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    given = "include Makefile\nasked: ; @python -c 'import sys; print(sys.flags.utf8_mode)'\n"
    done = subprocess.run(
        ["make", "--no-print-directory", "-f", "-", "asked"],
        cwd=PROJECT,
        env={**os.environ, "PATH": python, **other},
        input=given,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "1\n"), done.stderr


def test_an_interrupt_while_the_program_loads_is_code_130_without_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "click.py").write_text("import time\nprint('loads', flush=True)\ntime.sleep(20)\n")
    with subprocess.Popen(
        [sys.executable, "-m", "commands", "--help"],
        cwd=PROJECT,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "loads\n"
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=10)
    assert (process.returncode, said) == (130, "")


def test_the_launcher_says_which_packages_are_missing(tmp_path: Path) -> None:
    copy = tmp_path / "skyinfra"
    copy.write_text((PROJECT / "skyinfra").read_text())
    copy.chmod(0o755)
    python = tmp_path / "bin" / "python3"
    python.parent.mkdir()
    python.write_text('#!/bin/sh\necho "$PYTHONUTF8 $PYTHONPATH $*" > "${0%/*}/asked"\nexit 1\n')
    python.chmod(0o755)
    env = {"PATH": f"{python.parent}:/usr/bin:/bin"}
    done = subprocess.run([copy], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    asked = python.with_name("asked").read_text()
    assert asked.startswith(f"1 {tmp_path} -P -c "), "as it would run"
    assert asked.endswith(" bcrypt click docker pulumi pydantic pyrage requests rich yaml\n")
    assert done.stderr == (
        f"error: no Python 3.11 or newer on PATH has the packages of {tmp_path}/requirements.txt: `make "
        "installed` installs them.\n"
    )
