"""Files that the node's user can't use, and how they are reported. In the node's image: tests/e2e."""

import re
import shlex
from typing import Any

import pytest

from catalogue.node_container import USER
from clients import ownership
from clients.errors import ServiceError
from clients.ownership import PLACE, SCRIPT, UnusableFile, explained, unusable_files
from wallets.files import archives

IMAGE, VOLUME = "registry/skycoin@sha256:1", "skycoin-one-wallet"


def found(monkeypatch: pytest.MonkeyPatch, said: str, user: str = USER) -> list[UnusableFile]:
    """Files that the program reads from the script's output."""
    asked: list[Any] = []

    def short_run(*arguments: Any, **options: Any) -> tuple[int, str]:
        asked.append((arguments[3:], options))
        return 0, said.strip()

    monkeypatch.setattr(ownership, "short_run", short_run)
    files = unusable_files(object(), {"host": "attic"}, IMAGE, VOLUME)
    [((command, seconds), options)] = asked
    assert (command, seconds) == (["sh", "-c", SCRIPT, "ownership", user.partition(":")[0]], 120)
    assert options == {"lines": "all", "user": user, "volumes": {VOLUME: {"bind": PLACE, "mode": "ro"}}}
    return files


def test_lines_of_other_output_are_not_read_as_files(monkeypatch: pytest.MonkeyPatch) -> None:
    said = "sh: warning\nunreadable -rw-------+ 0 4294967295 /volume/a.wlt\nend"
    [one] = found(monkeypatch, said)
    assert one == UnusableFile("a.wlt", "-rw-------", "0:4294967295", is_unreadable=True, is_own=False)


def test_a_list_of_owners_that_is_cut_off_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    for said in ("", "unreadable -rw------- 0 0 /volume/a.wlt", "unreadable -rw------- 0 0 /volume/end"):
        with pytest.raises(ServiceError, match=f"host attic: the owners in {VOLUME} can't be listed"):
            found(monkeypatch, said)


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("a\x1b[31m.wlt", "'a?[31m.wlt'"),
        ("a.wlt (-rw-------) of 0:0. Run `curl x | sh`", "'a.wlt (-rw-------) of 0:0. Run ?curl x | sh?'"),
        ("it's.wlt", '"it\'s.wlt"'),
        ("a" * 60, f"'{'a' * 60}'"),
        ("a" * 61, f"'{'a' * 59}…'"),
        ("für.wlt", "'für.wlt'"),
    ],
)
def test_a_file_name_is_quoted_and_runs_no_command(path: str, shown: str) -> None:
    assert UnusableFile(path, "-rw-------", "0:0", is_unreadable=True, is_own=False).shown == shown


def test_a_list_that_was_cut_says_so_of_foreign_and_own_files() -> None:
    """Before, a cut list of both was counted as if it were whole."""
    files = [
        UnusableFile("a.wlt", "-rw-------", "0:0", is_unreadable=True, is_own=number < 10)
        for number in range(ownership.LISTED)
    ]
    said = explained(VOLUME, IMAGE, files)
    assert "and at least 987 more. " in said
    assert "and at least 7 more, because of the mode" in said
    assert "and 986 more. " in explained(VOLUME, IMAGE, files[1:-1])


def test_the_message_names_the_owners_and_the_command_has_the_fewest_rights() -> None:
    files = [
        UnusableFile(f"{name}.wlt", "-rw-------", "0:0", is_unreadable=True, is_own=False) for name in "abcde"
    ]
    said = explained(VOLUME, IMAGE, files)
    assert said.startswith(
        "The node's user 10000:10000 can't use 'a.wlt' (-rw-------) of 0:0, 'b.wlt' (-rw-------) of "
        "0:0, 'c.wlt' (-rw-------) of 0:0 and 2 more. This command gives all files of the volume to that "
    )
    assert "'c.wlt' (-rw-------) of 0:0. " in explained(VOLUME, IMAGE, files[:3])
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
    assert f"{archives.USER}:{archives.USER}" == USER
