"""Files that keep the node's user out, and what is said of them. In the node's image: tests/e2e."""

import os
import re
import shlex
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from catalogue.node_container import USER
from clients import ownership
from clients.ownership import PLACE, SCRIPT, Foreign, explained, foreign_files
from wallets import contents

IMAGE, VOLUME = "registry/skycoin@sha256:1", "skycoin-one-wallet"
STRANGER = 12345


@pytest.fixture
def volume() -> Iterator[Path]:
    """A folder that any user can enter, in place of the volume."""
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "volume"
        made.mkdir()
        Path(folder).chmod(0o755)
        made.chmod(0o777)
        yield made


def put(file: Path, mode: int) -> None:
    """Make a file of somebody who is not the node."""
    file.touch()
    if os.geteuid() == 0:
        os.chown(file, STRANGER, STRANGER)
    file.chmod(mode)


def printed(folder: Path) -> str:
    """Output of the script by a user who is not root, with the folder in its place."""
    script = SCRIPT.replace(PLACE, str(folder))
    user = ("setpriv", "--reuid=10000", "--regid=10000", "--clear-groups") if os.geteuid() == 0 else ()
    command = [*user, "sh", "-c", script, "ownership", "10000"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout.replace(str(folder), PLACE)


def found(monkeypatch: pytest.MonkeyPatch, said: str) -> list[Foreign]:
    """What is made of an output."""
    asked: list[Any] = []

    def short_run(*arguments: Any, **options: Any) -> tuple[int, str]:
        asked.append((arguments[3:], options))
        return 0, said

    monkeypatch.setattr(ownership, "short_run", short_run)
    files = foreign_files(object(), {"host": "attic"}, IMAGE, VOLUME)
    [((command, seconds), options)] = asked
    assert (command, seconds) == (["sh", "-c", SCRIPT, "ownership", "10000"], 120)
    assert options == {"lines": "all", "volumes": {VOLUME: {"bind": PLACE, "mode": "ro"}}}
    return files


def test_what_the_nodes_user_can_not_use_is_found_and_nothing_else(
    volume: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(volume / "a secret.wlt", 0)
    put(volume / "other.wlt", 0o444)
    put(volume / "shared.wlt", 0o666)
    (volume / "link.wlt").symlink_to("nowhere")
    (volume / "lost+found").mkdir()
    put(volume / "lost+found" / "x", 0)
    files = sorted(found(monkeypatch, printed(volume)), key=lambda one: one.path)
    assert [(one.path, one.mode, one.is_unreadable) for one in files] == [
        ("a secret.wlt", "----------", True),
        ("other.wlt", "-r--r--r--", False),
    ]
    owner = STRANGER if os.geteuid() == 0 else os.geteuid()
    assert {one.owner.partition(":")[0] for one in files} == {str(owner)}


def test_a_folder_that_can_not_be_entered_is_named_itself(
    volume: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.geteuid() == 0:
        os.chown(volume, STRANGER, STRANGER)
    volume.chmod(0o600 if os.geteuid() == 0 else 0o400)
    [one] = found(monkeypatch, printed(volume))
    volume.chmod(0o700)
    assert (one.path, one.shown, one.is_unreadable) == ("", "the volume's own folder", True)


def test_lines_of_anything_else_are_no_files(monkeypatch: pytest.MonkeyPatch) -> None:
    said = "sh: warning\nunreadable -rw-------+ 1 0 4294967295 9 Nov 27 2026 /volume/a\x1b[31m.wlt\nend"
    [one] = found(monkeypatch, said)
    assert one == Foreign("a\x1b[31m.wlt", "-rw-------", "0:4294967295", is_unreadable=True)
    assert one.shown == "a?[31m.wlt", "a name controls no terminal"


def test_a_sentence_says_whose_they_are_and_the_command_has_the_fewest_rights() -> None:
    files = [Foreign(f"{name}.wlt", "-rw-------", "0:0", is_unreadable=True) for name in "abcde"]
    said = explained(VOLUME, IMAGE, files)
    assert said.startswith(
        "The node's user 10000:10000 is kept out by a.wlt (-rw-------) of 0:0, b.wlt (-rw-------) of 0:0, "
        "c.wlt (-rw-------) of 0:0 and 2 more. "
    )
    assert "c.wlt (-rw-------) of 0:0. " in explained(VOLUME, IMAGE, files[:3])
    [command] = re.findall("`([^`]+)`", said)
    assert shlex.split(command) == [
        *("docker", "run", "--rm", "--network", "none", "--read-only", "--user", "0:0"),
        *("--cap-drop", "ALL", "--cap-add", "CHOWN", "--cap-add", "DAC_READ_SEARCH"),
        *("--security-opt", "no-new-privileges", "-v", f"{VOLUME}:/volume", "--entrypoint", "find", IMAGE),
        *("/volume", "-name", "lost+found", "-prune", "-o"),
        *("(", "!", "-user", "10000", "-o", "!", "-group", "10000", ")"),
        *("-exec", "chown", "-h", "10000:10000", "{}", "+"),
    ]


def test_whoever_writes_into_a_volume_writes_for_the_nodes_user() -> None:
    assert f"{contents.USER}:{contents.USER}" == USER
