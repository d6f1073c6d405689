"""Same inputs, same digests: two builders, two checkouts, another umask, another day."""

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from catalogue.arch import ARCHES
from clients.registry import Repository
from tests.e2e.builders import Builder, second_builder
from tests.e2e.machine import HOME, Machine, Result
from tests.e2e.tiny import FEATURE, Tiny, write_program

LONG_AGO = 1_000_000_000
"""Modification time of every file in the second checkout: 2001-09-09."""
ELSEWHERE = """\
umask 077
unset HOME
export LC_ALL=C LANG=tr_TR.UTF-8 TZ=Pacific/Kiritimati
exec "$@"
"""
"""Other shell settings: files for the owner alone, no home, another locale, tomorrow's date."""


@pytest.fixture(scope="module")
def other_builder(up: Machine) -> Iterator[Builder]:
    """A second BuildKit with empty caches."""
    with second_builder(up) as builder:
        yield builder


class Elsewhere(Machine):
    """The machine, used by somebody with other shell settings."""

    __slots__ = ()

    def run(self, *argv: str, env: dict[str, str] | None = None, timeout: float = 1800) -> Result:
        """Run a command with the settings of ELSEWHERE."""
        return super().run("sh", "-c", ELSEWHERE, "sh", *argv, env=env, timeout=timeout)


def elsewhere(up: Machine) -> Elsewhere:
    """Copy the checkout to another folder: readable by the owner alone, last modified on another day."""
    target = HOME / "another-checkout-under-a-longer-name"
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(up.checkout, target, ignore=shutil.ignore_patterns(".git"))
    for path in (target, *target.rglob("*")):
        os.utime(path, (LONG_AGO, LONG_AGO))
        path.chmod(path.stat().st_mode & 0o700)
    return Elsewhere(checkout=target, layout=up.layout)


@contextmanager
def stack(
    machine: Machine, name: str, image: Mapping[str, Any] | None = None, **changed: Any
) -> Iterator[Tiny]:
    """A stack that builds the tiny program, or another image, for all five architectures."""
    tiny = Tiny(machine, name)
    write_program(machine.checkout)
    tiny.write(image or {**FEATURE, "repository": f"skycoin/{name}"}, **changed)
    try:
        made = tiny.pulumi("stack", "init", "--no-select")
        assert made.code == 0, made.text
        yield tiny
    finally:
        tiny.remove()


def published(tiny: Tiny) -> Any:
    result = tiny.up()
    assert result.code == 0, result.text
    return tiny.outputs()["images"]["skycoin"]


@pytest.fixture(scope="module")
def again(up: Machine, other_builder: Builder) -> Iterator[Tiny]:
    """The same program, built from another checkout by the other builder."""
    builder: dict[str, Any] = {"skycoin:builder": other_builder.name}
    with stack(elsewhere(up), "again", **builder) as tiny:
        yield tiny


@pytest.mark.case(8)
def test_a_full_disk_of_the_builder_is_reported_and_leaves_no_incomplete_tag(
    up: Machine, other_builder: Builder, again: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next test is the retry: the same build, once the space is free again."""
    up.lend_login(monkeypatch)
    other_builder.fill()
    failed = again.up()
    other_builder.empty()
    assert failed.code != 0
    assert "no space left on device" in failed.text
    assert Repository(f"{up.layout.registry}/skycoin/again").tags() == []
    assert not [name for name in again.resources() if name.endswith("-tag")]


@pytest.mark.case(8, 32)
def test_two_builders_make_equal_digests(up: Machine, other_builder: Builder, again: Tiny) -> None:
    """The second has another checkout, umask 077, no HOME, another locale and another day."""
    other_builder.empty()
    with stack(up, "once") as tiny:
        both = [published(build)["feature-tiny"] for build in (tiny, again)]
    digests = [{arch: variant["digest"] for arch, variant in tag["variants"].items()} for tag in both]
    assert digests[0] == digests[1]
    assert sorted(digests[0]) == sorted(ARCHES)
    assert both[1]["digest"] == both[0]["digest"]
    assert "/skycoin/again:" in both[1]["ref"]


@contextmanager
def checked_out_with(umask: int, checkout: Path) -> Iterator[None]:
    """Give a checkout's files the modes that git gives them under a umask."""
    modes = {path: path.lstat().st_mode for path in checkout.rglob("*") if not path.is_symlink()}
    for path, mode in modes.items():
        path.chmod((0o777 if mode & 0o100 else 0o666) & ~umask)
    try:
        yield
    finally:
        for path, mode in modes.items():
            path.chmod(mode & 0o777)


def under(umask: int, *argv: str) -> list[str]:
    """A command line that runs a command with another umask."""
    return ["sh", "-c", f'umask {umask:03o}; exec "$@"', "sh", *argv]


@pytest.mark.case(32)
@pytest.mark.parametrize("umask", [pytest.param(0o000, marks=pytest.mark.long), 0o077], ids=oct)
def test_a_shell_with_another_umask_changes_nothing_and_publishes_no_secret(up: Machine, umask: int) -> None:
    assert up.make("up").code == 0
    before = up.inspect("container", "skycoin-node-1")["Id"]
    unchanged = ("pulumi", "preview", "--refresh", "--expect-no-changes", "--stack", "local")
    shown = up.run(*under(umask, *unchanged, "--non-interactive"), env=up.environment())
    assert shown.code == 0, shown.text
    done = up.run(*under(umask, "make", "up"))
    assert (done.code, done.changed_nothing) == (0, True), done.text
    assert up.inspect("container", "skycoin-node-1")["Id"] == before
    passphrase = up.layout.state / "passphrase"
    assert [path.stat().st_mode & 0o777 for path in (up.layout.state, passphrase)] == [0o700, 0o600]


@pytest.mark.long
@pytest.mark.case(32)
def test_a_checkout_made_with_another_umask_builds_the_same_digests_and_replaces_no_node(up: Machine) -> None:
    """The builder's plugin compares the files' modes, so it builds again (docs/adr/0045).

    Files that only their owner may read: `test_two_builders_make_equal_digests`.
    """
    assert up.make("up").code == 0
    before, digests = up.inspect("container", "skycoin-node-1")["Id"], up.outputs()["images"]
    with checked_out_with(0o000, up.checkout):
        done = up.run(*under(0o000, "make", "up"))
        assert done.code == 0, done.text
        assert "updated skycoin-amd64-image" in done.text, done.text
        assert up.inspect("container", "skycoin-node-1")["Id"] == before
        assert up.outputs()["images"] == digests
    assert up.make("up").code == 0
