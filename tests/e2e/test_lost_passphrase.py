"""A set-up that has lost its passphrase, or has another one: what is refused, and what still works."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.stacks.states import state_file
from tests.e2e.machine import Machine, Result
from tests.e2e.test_up import get

NODE = "skycoin-node-1"


@pytest.fixture(scope="module")
def passphrase(up: Machine) -> Iterator[tuple[Path, str]]:
    """(file, content) of the set-up's passphrase, which is put back at the end."""
    assert up.make("up").code == 0
    path = up.layout.state / "passphrase"
    right = path.read_text()
    yield path, right
    path.write_text(right)
    path.chmod(0o600)


def unchanged(up: Machine) -> list[object]:
    """All that a refused command must leave as it was."""
    locks = up.layout.state / "backend" / ".pulumi" / "locks"
    return [
        state_file(up.layout, "local").read_bytes(),
        up.stack_file.read_bytes(),
        sorted(locks.rglob("*.json")),
        up.inspect("container", NODE)["Id"],
        up.inspect("container", NODE)["State"]["StartedAt"],
    ]


def commands(up: Machine) -> Iterator[Result]:
    """Run every command that needs the passphrase."""
    yield from (up.make(target) for target in ("up", "preview", "destroy"))
    yield up.skyinfra("review", "-s", "local")
    yield up.skyinfra("fleet", "up", "-s", "local")
    yield up.skyinfra("setup", "rotate", "passphrase")


@pytest.mark.case(28)
@pytest.mark.parametrize("content", [None, "", "another passphrase"], ids=["missing", "empty", "wrong"])
def test_without_the_right_passphrase_all_is_refused_with_what_to_do_and_nothing_changes(
    up: Machine, passphrase: tuple[Path, str], content: str | None
) -> None:
    path, right = passphrase
    before = unchanged(up)
    path.unlink(missing_ok=True)
    if content is not None:
        path.write_text(content)
    for refused in commands(up):
        assert refused.code != 0
        assert re.search("restore (the passphrase|it from a copy)", refused.text), refused.text
        assert re.search(rf"{path}|{path.parent} has no file `passphrase`", refused.text), refused.text
        assert right not in refused.text
        assert "Traceback" not in refused.text
        assert (path.read_text() if path.exists() else None) == content
    assert unchanged(up) == before
    # What only reads the state goes on, above all what saves a wallet.
    assert up.skyinfra("fleet", "status", "-s", "local").code == 0
    assert get("/api/v1/health")["open_connections"] == 0


def test_with_its_passphrase_back_the_set_up_is_as_before(up: Machine, passphrase: tuple[Path, str]) -> None:
    path, right = passphrase
    path.write_text(right)
    result = up.make("up")
    assert result.code == 0, result.text
    assert result.changed_nothing, result.text
