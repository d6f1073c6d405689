"""`skyinfra setup rotate` changes passphrase, login and CA, and nodes keep running.

Runs after the tests that have their own registry, which has the old certificate.
"""

import re
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.machine import Machine, Result
from tests.e2e.plugin import until
from tests.e2e.test_registry_login import ASK, node_of
from tests.e2e.tiny import FEATURE, Tiny, write_program

SECRET = "canary-in-a-stacks-file"
STACK = "developing"
"""A second stack next to `local`."""


@pytest.fixture(scope="module")
def other(up: Machine) -> Any:
    """A stack with one published image, and a secret in its file and its state."""
    tiny = Tiny(up, STACK)
    write_program(up.checkout)
    tiny.write(FEATURE, ["amd64"])
    assert tiny.pulumi("stack", "init", "--no-select").code == 0
    # A key in the namespace of another project, which this program does not read.
    assert tiny.pulumi("config", "set", "--secret", "tests:canary", SECRET).code == 0
    first = tiny.up()
    assert first.code == 0, first.text
    yield tiny
    tiny.remove()


def rotated(up: Machine, key: str) -> Result:
    """Rotate a key; check that the node kept running and that another `up` changes nothing."""
    before = node_of(up)
    done = up.skyinfra("setup", "rotate", key)
    assert done.code == 0, done.text
    assert node_of(up) == before
    again = up.make("up")
    assert again.code == 0, again.text
    assert not re.search(r"\d+ (created|updated|replaced|deleted)", again.text), again.text
    assert node_of(up) == before
    assert up.run("git", "status", "--porcelain", "--", ":!stacks", ":!tiny").text == ""
    return done


def opens(tiny: Tiny, passphrase: str, tmp_path: Path) -> bool:
    """True if a passphrase decrypts both the stack's file and its state."""
    file = tmp_path / "given"
    file.write_text(passphrase)
    env = {**tiny.machine.environment(), "PULUMI_CONFIG_PASSPHRASE_FILE": str(file)}
    read = ("pulumi", "config", "get", "tests:canary", "--stack", STACK, "--non-interactive")
    found = tiny.machine.run(*read, env=env)
    export = ("pulumi", "stack", "export", "--show-secrets", "--stack", STACK, "--non-interactive")
    state = tiny.machine.run(*export, env=env)
    assert (found.code == 0) == (state.code == 0), found.text + state.text[-2000:]
    return found.code == 0 and found.text.strip() == SECRET


def test_a_new_passphrase_opens_every_stack_and_the_old_one_opens_none(
    up: Machine, other: Tiny, tmp_path: Path
) -> None:
    path = up.layout.state / "passphrase"
    before = path.read_text()
    assert opens(other, before, tmp_path)
    done = rotated(up, "passphrase")
    assert "All states and stacks' files are encrypted with the new" in done.text
    assert path.read_text() != before
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_text() not in done.text
    assert opens(other, path.read_text(), tmp_path)
    assert not opens(other, before, tmp_path)
    unchanged = other.pulumi("up", "--yes", "--expect-no-changes")
    assert unchanged.code == 0, unchanged.text


@pytest.mark.parametrize("moment", [0, 0.5, 1])
def test_a_rotation_of_the_passphrase_that_is_killed_leaves_every_stack_readable(
    up: Machine, other: Tiny, tmp_path: Path, moment: float
) -> None:
    before = node_of(up)
    process = up.started("./skyinfra", "setup", "rotate", "passphrase", env=up.environment())
    until(lambda: any(up.layout.state.glob("passphrase-rotation.*")), "it is at work", seconds=30)
    time.sleep(moment)
    assert process.poll() is None, "it has ended"
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=60)
    assert up.make("env").code == 0
    assert opens(other, (up.layout.state / "passphrase").read_text(), tmp_path)
    up_again = up.make("up")
    assert up_again.code == 0, up_again.text
    assert node_of(up) == before
    assert [path.name for path in up.layout.state.glob("passphrase*")] == ["passphrase"]


def test_a_new_login_invalidates_the_old_one(up: Machine) -> None:
    before = up.layout.registry_password.read_text()
    done = rotated(up, "login")
    after = up.layout.registry_password.read_text()
    url = f"https://{up.layout.registry}/v2/"
    assert up.run(*ASK, "--user", f"skycoin:{before}", url).text == "401"
    assert up.run(*ASK, "--user", f"skycoin:{after}", url).text == "200"
    assert after not in done.text
    ref = f"{up.layout.registry}/base/busybox:bookworm-local"
    assert up.docker("pull", ref).code == 0
    assert up.docker("rmi", ref).code == 0


def test_a_new_authority_replaces_the_old_one_and_builds_still_work(
    up: Machine, other: Tiny, tmp_path: Path
) -> None:
    former = tmp_path / "former.crt"
    former.write_text(up.layout.ca.read_text())
    machine_ca = up.layout.build_ca.read_text()
    rotated(up, "ca")
    assert up.layout.ca.read_text() != former.read_text()
    assert former.read_text() not in up.layout.trust.read_text()
    assert up.layout.build_ca.read_text() == machine_ca
    url = f"https://{up.layout.registry}/v2/"
    ask = ("curl", "--silent", "--show-error", url, "--cacert")
    assert "certificate" in up.run(*ask, str(former)).text
    assert "UNAUTHORIZED" in up.run(*ask, str(up.layout.ca)).text
    ref = f"{up.layout.registry}/base/busybox:bookworm-local"
    assert up.docker("pull", ref).code == 0, "the engine trusts the new one"
    assert up.docker("rmi", ref).code == 0
    # The builder pulls and pushes, and the program reads the result back.
    write_program(up.checkout, "after")
    built = other.up()
    assert built.code == 0, built.text
    assert not up.layout.ca.parent.with_name("certificates-old").exists()


def test_an_unknown_key_is_refused_with_the_known_ones(up: Machine) -> None:
    refused = up.skyinfra("setup", "rotate", "wallet")
    assert refused.code == 2
    assert "'passphrase', 'login', 'ca', 'gui'" in refused.text


def test_rotating_the_login_of_a_set_up_without_one_is_refused(up: Machine) -> None:
    aside = up.layout.registry_password.rename(up.layout.state / "aside")
    refused = up.skyinfra("setup", "rotate", "login")
    aside.rename(up.layout.registry_password)
    assert refused.code == 1
    assert "of an earlier version, whose registry has no login: run `make up`" in refused.text
    assert up.docker("pull", f"{up.layout.registry}/base/busybox:bookworm-local").code == 0
