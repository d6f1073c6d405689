"""Checkouts of one user's set-up: which one it belongs to, and which files a new clone gets back."""

import errno
import os
import shutil
import stat
from pathlib import Path

import pytest

from commands.backend import Choice, choose
from local.machine.layout import Layout, read_layout
from local.machine.steps import SetupError
from local.pulumi.cli import known_environment, remember
from local.setup import claim_state
from local.stacks.checkout import claim
from local.stacks.lock import exclusive
from tests.unit.set_ups import STATE, Home

GONE = r"belongs to the checkout .*/checkout, which is gone\. Run `make up` here to take it over\. Nothing"
THERE = (
    r"belongs to the checkout .*/checkout: run this there\. To take it over, remove .*/checkout, and run "
    r"`make up` here\. For a second set-up, set SKYCOIN_STATE, SKYCOIN_REGISTRY_PORT and SKYCOIN_BUILDER_ROOT"
)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    return Home(tmp_path, monkeypatch)


@pytest.fixture
def layout(home: Home) -> Layout:
    """Layout of a set-up that this checkout has created."""
    layout = read_layout()
    claim_state(layout)
    remember(layout, {})
    return layout


def test_only_its_user_can_read_the_state(home: Home, layout: Layout) -> None:
    assert stat.S_IMODE(home.target.stat().st_mode) == 0o700
    home.target.chmod(0o755)
    claim_state(layout)
    assert stat.S_IMODE(home.target.stat().st_mode) == 0o700
    assert (home.target / "checkout").read_text() == f"{home.checkout}\n"


def test_a_second_checkout_can_not_use_the_set_up_of_the_first(home: Home, layout: Layout) -> None:
    home.enter("second")
    with pytest.raises(SetupError, match=THERE):
        claim_state(layout)
    with pytest.raises(SetupError, match=THERE):
        known_environment(layout)
    with pytest.raises(SetupError, match=THERE), exclusive(layout, "make down"):
        pass
    (home.target / "checkout").unlink()
    claim_state(layout)
    assert (home.target / "checkout").read_text() == f"{home.checkout}\n"


def test_auto_selects_an_installed_pulumi_if_the_set_up_belongs_to_another_checkout(
    home: Home, layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    home.enter("second")
    with pytest.raises(SetupError, match=THERE):
        choose(Choice.AUTO)
    (tmp_path / "bin" / "pulumi").touch(mode=0o755)
    assert choose(Choice.AUTO).layout is None


def test_variables_that_name_a_missing_earlier_state_folder_are_removed(
    home: Home, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SSL_CERT_FILE would name a missing file, so the official CLI and images would seem unreachable."""
    monkeypatch.setenv("SSL_CERT_FILE", f"{home.earlier}/certificates/bundle.crt")
    monkeypatch.setenv("PULUMI_BACKEND_URL", f"file://{home.earlier}/backend")
    monkeypatch.setenv("DOCKER_CONFIG", "/home/me/.docker")
    claim_state(layout)
    left = {name: os.environ.get(name) for name in ("SSL_CERT_FILE", "PULUMI_BACKEND_URL", "DOCKER_CONFIG")}
    assert left == {"SSL_CERT_FILE": None, "PULUMI_BACKEND_URL": None, "DOCKER_CONFIG": "/home/me/.docker"}
    home.fill(home.earlier)
    monkeypatch.setenv("SSL_CERT_FILE", f"{home.earlier}/certificates/bundle.crt")
    claim_state(read_layout())
    assert os.environ["SSL_CERT_FILE"] == f"{home.earlier}/certificates/bundle.crt"


def test_a_new_clone_takes_over_the_set_up_of_a_deleted_checkout(
    home: Home, layout: Layout, capsys: pytest.CaptureFixture[str]
) -> None:
    first = home.checkout
    home.enter("clone")
    shutil.rmtree(first)
    with pytest.raises(SetupError, match=GONE):
        known_environment(layout)
    with pytest.raises(SetupError, match=GONE), exclusive(layout, "make down"):
        pass
    claim_state(layout)
    assert (
        f"belonged to the checkout {first}, which is gone; now it belongs to this one"
        in capsys.readouterr().out
    )
    assert known_environment(layout)["PULUMI_HOME"] == f"{home.target}/pulumi"


def test_a_folder_named_by_skycoin_state_belongs_to_the_caller(
    home: Home, layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.target.rename(tmp_path / "named")
    monkeypatch.setenv("SKYCOIN_STATE", str(tmp_path / "named"))
    home.enter("second")
    claim_state(read_layout())
    assert (tmp_path / "named" / "checkout").read_text() == f"{tmp_path / 'checkout'}\n"


def test_a_clone_gets_the_files_of_the_machines_own_stacks_back(
    home: Home, layout: Layout, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without that file, `make up` would go on with the example's settings."""
    stacks = home.target / "backend" / ".pulumi" / "stacks" / "skycoin"
    stacks.mkdir(parents=True)
    for name in ("local", "fleet"):
        (stacks / f"{name}.json").write_text(STATE)
        (home.checkout / "stacks" / f"Pulumi.{name}.yaml").write_text("encryptionsalt: one\n")
    (home.checkout / "stacks" / "Pulumi.workspace-cli.yaml").write_text("of no state\n")
    with exclusive(layout, "make up"):
        home.stack_file.write_text("encryptionsalt: two\n")
    [copy] = (home.target / "stack-files").iterdir()
    assert (copy.name, copy.read_text()) == ("Pulumi.local.yaml", "encryptionsalt: two\n")
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    first = home.checkout
    clone = home.enter("clone")
    shutil.rmtree(first)
    claim(layout)
    with exclusive(layout, "make up"):
        assert [path.name for path in (clone / "stacks").iterdir()] == ["Pulumi.local.yaml"]
        assert home.stack_file.read_text() == "encryptionsalt: two\n"
    assert capsys.readouterr().err == "• stacks/Pulumi.local.yaml was missing: restored from its last copy\n"
    home.stack_file.write_text("mine\n")
    with exclusive(layout, "make up"):
        assert home.stack_file.read_text() == "mine\n"
    assert copy.read_text() == "mine\n"


def test_a_stack_whose_state_was_removed_gets_its_file_back(
    home: Home, layout: Layout, capsys: pytest.CaptureFixture[str]
) -> None:
    """`pulumi stack rm --force` removes both; `make up` then deployed and kept the example's settings."""
    state = home.target / "backend/.pulumi/stacks/skycoin/local.json"
    state.parent.mkdir(parents=True)
    state.write_text(STATE)
    settings = "config: {skycoin:nodes: {node-2: {}}}\n"
    with exclusive(layout, "make up"):
        home.stack_file.write_text(f"encryptionsalt: one\n{settings}")
    state.unlink()
    home.stack_file.unlink()
    kept = home.target / "stack-files" / "Pulumi.local.yaml"
    with exclusive(layout, "make up"):
        assert home.stack_file.read_text() == f"encryptionsalt: one\n{settings}"
        state.write_text(STATE)
        home.stack_file.write_text(f"encryptionsalt: two\n{settings}")
    assert capsys.readouterr().err == (
        "• stacks/Pulumi.local.yaml was missing: restored from its last copy. Its stack has no state any "
        f"more: to start with the example, remove it and {kept}\n"
    )
    assert kept.read_text() == f"encryptionsalt: two\n{settings}"
    assert kept.with_name(f"{kept.name}.before").read_text() == f"encryptionsalt: one\n{settings}"
    for path in (state, home.stack_file, kept):
        path.unlink()
    with exclusive(layout, "make up"):
        assert not home.stack_file.exists()


def test_a_failed_command_keeps_the_files_too_and_a_full_disk_fails_none(
    home: Home, layout: Layout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (home.target / "backend/.pulumi/stacks/skycoin").mkdir(parents=True)
    (home.target / "backend/.pulumi/stacks/skycoin/local.json").write_text(STATE)
    home.stack_file.write_text("x\n")
    with pytest.raises(KeyboardInterrupt), exclusive(layout, "make up"):
        raise KeyboardInterrupt
    assert (home.target / "stack-files" / "Pulumi.local.yaml").read_text() == "x\n"

    def full(path: Path, text: str) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("local.stacks.checkout.write_aside", full)
    home.stack_file.write_text("y\n")
    with exclusive(layout, "make up"):
        pass
    said = f"• stacks/Pulumi.local.yaml has no copy in {home.target}/stack-files: No space left on device\n"
    assert capsys.readouterr().err == said


def test_root_makes_no_second_set_up_next_to_that_of_its_caller(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With `sudo make up` after `make up`, two set-ups would compete for the same port."""
    home.stack_file.write_text("config: {}\nencryptionsalt: one\n")
    monkeypatch.setattr("local.stacks.checkout.os.geteuid", lambda: 4321)
    with pytest.raises(
        SetupError,
        match=r"belongs to a set-up of the user \d+, and you are the user 4321, who has none",
    ):
        claim_state(read_layout())
    assert not home.target.exists()
    home.stack_file.write_text("config: {}\n")
    claim_state(read_layout())


def test_root_makes_no_set_up_in_the_home_of_its_caller(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """With `sudo -E`, root's files would land in the caller's home, and be unreadable to the caller."""
    monkeypatch.setattr("local.stacks.checkout.os.geteuid", lambda: 0)
    monkeypatch.setattr("local.stacks.checkout.owner_above", lambda _: 1000)
    monkeypatch.setenv("SUDO_UID", "1000")
    with pytest.raises(
        SetupError, match=r"would belong to root, in the home of the user 1000: run `make` without"
    ):
        claim_state(read_layout())
    assert not home.target.exists()
    monkeypatch.setenv("SUDO_UID", "1001")
    claim_state(read_layout())
    assert [*home.target.parent.iterdir()] == [home.target]


def test_a_stack_file_of_a_set_up_elsewhere_prevents_a_second_set_up(
    home: Home, layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second set-up would take over the nodes, and replace the first state's salt in the file."""
    home.stack_file.write_text("encryptionsalt: one\n")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "other"))
    said = r"belongs to a set-up whose state is not in .*/other/skycoin-infrastructure\. If XDG_STATE_HOME"
    with pytest.raises(SetupError, match=said):
        claim_state(read_layout())
    assert not (tmp_path / "other").exists()
    assert home.stack_file.read_text() == "encryptionsalt: one\n"
    claim_state(read_layout(), adopts=True)
    assert (tmp_path / "other" / "skycoin-infrastructure" / "passphrase").exists()


def test_a_stack_file_that_is_not_utf_8_is_recognized_as_one_of_a_set_up_elsewhere(
    home: Home, layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before, `make up` ended with a traceback that did not name the file."""
    home.stack_file.write_bytes(b"# caf\xe9\nencryptionsalt: one\n")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "other"))
    with pytest.raises(SetupError, match=r"belongs to a set-up whose state is not in "):
        claim_state(read_layout())
    monkeypatch.setattr("local.stacks.checkout.os.geteuid", lambda: os.getuid() + 1)
    with pytest.raises(SetupError, match=r"belongs to a set-up of the user \d+, and you are the user"):
        claim_state(read_layout())


def test_a_second_set_up_in_one_checkout_is_refused_and_keeps_the_firsts_salt(
    home: Home, layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It removed the salt, without which the first one's passphrase opens nothing, and took its nodes."""
    home.stack_file.write_text("encryptionsalt: one\n")
    monkeypatch.setenv("SKYCOIN_STATE", str(tmp_path / "second"))
    with pytest.raises(SetupError, match=r"A second set-up needs a clone of its own\."):
        claim_state(read_layout())
    assert not (tmp_path / "second").exists()
    assert home.stack_file.read_text() == "encryptionsalt: one\n"


@pytest.mark.parametrize("text", ["", "config: {}\n", "encryptionsalt: two\n"])
def test_a_stack_file_of_another_state_is_copied_without_losing_the_old_copy(
    home: Home, layout: Layout, text: str
) -> None:
    """Otherwise, a copied example in a new clone replaces the only copy, even if `make up` is refused."""
    (home.target / "backend/.pulumi/stacks/skycoin").mkdir(parents=True)
    (home.target / "backend/.pulumi/stacks/skycoin/local.json").write_text(STATE)
    for content in ("encryptionsalt: one\n", "encryptionsalt: one\nconfig: {}\n", text):
        home.stack_file.write_text(content)
        with exclusive(layout, "make up"):
            pass
    copy = home.target / "stack-files" / "Pulumi.local.yaml"
    assert copy.read_text() == text
    assert copy.with_name("Pulumi.local.yaml.before").read_text() == "encryptionsalt: one\nconfig: {}\n"
