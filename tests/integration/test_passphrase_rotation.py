"""Change of a set-up's passphrase: for all stacks or for none, wherever it is killed.

`pulumi` is a small program that "encrypts" a file by writing the passphrase into it. The real one is used
in tests/e2e/test_rotate.py.
"""

import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from local.machine.layout import Layout, read_layout
from local.machine.steps import SetupError
from local.pulumi.cli import known_environment, passphrase_file, remember
from local.stacks import passphrase_rotation
from local.stacks.lock import exclusive
from local.stacks.passphrase_rotation import is_unfinished, rotate_passphrase, settle
from local.stacks.states import state_file
from tests.unit.projects import PROJECT

PULUMI = f"""#!{sys.executable}
import json, os, pathlib, sys
stack = sys.argv[sys.argv.index("--stack") + 1]
backend = pathlib.Path(os.environ["PULUMI_BACKEND_URL"].removeprefix("file://"))
given = pathlib.Path(os.environ["PULUMI_CONFIG_PASSPHRASE_FILE"]).read_text()
state = backend / ".pulumi/stacks/skycoin" / (stack + ".json")
changes, new = sys.argv[2] == "change-secrets-provider", sys.stdin.read()
for file in (state, pathlib.Path("stacks/Pulumi." + stack + ".yaml")):
    text = file.read_text() if file.exists() else "none"
    if "salt-" in text and "salt-" + given + "." not in text:
        sys.exit(stack + ": incorrect passphrase")
    if changes:
        assert sys.argv[3] == "passphrase" and "PULUMI_CONFIG_PASSPHRASE" not in os.environ
        file.write_text(text.replace("salt-" + given + ".", "salt-" + new + "."))
"""
OLD = "old-passphrase"
STACKS = ("fleet", "local")


class Killed(BaseException):
    """Stands for a kill of the process."""


class SetUp:
    """A set-up with two stacks, each with a state and a file that are encrypted with the passphrase."""

    def __init__(self, layout: Layout, project: Path, bin_folder: Path) -> None:
        self.layout, self._project = layout, project
        self.env = {
            "PATH": f"{bin_folder}:{os.environ['PATH']}",
            "PULUMI_BACKEND_URL": f"file://{layout.state / 'backend'}",
            "PULUMI_CONFIG_PASSPHRASE_FILE": str(self.passphrase),
        }
        state_file(layout, "any").parent.mkdir(parents=True)
        self.passphrase.write_text(OLD)
        self.passphrase.chmod(0o600)
        for stack in STACKS:
            self.write(stack, OLD)
        remember(layout, self.env)

    @property
    def passphrase(self) -> Path:
        return self.layout.state / "passphrase"

    def write(self, stack: str, passphrase: str, resources: int = 0) -> None:
        provider = {"type": "passphrase", "state": {"salt": f"salt-{passphrase}."}}
        latest = {"secrets_providers": provider, "resources": [{}] * resources}
        text = json.dumps({"checkpoint": {"latest": latest}})
        state_file(self.layout, stack).write_text(text)
        state_file(self.layout, stack).with_suffix(".json.bak").write_text(text)
        self.file(stack).write_text(f"encryptionsalt: salt-{passphrase}.\nconfig: {{}}\n")

    def file(self, stack: str) -> Path:
        return self._project / "stacks" / f"Pulumi.{stack}.yaml"

    def files(self) -> dict[Path, str]:
        own = [state_file(self.layout, stack) for stack in STACKS]
        paths = [*own, *(path.with_suffix(".json.bak") for path in own), *map(self.file, STACKS)]
        return {path: path.read_text() for path in (*paths, self.passphrase)}

    def is_decryptable(self) -> bool:
        """True if the current passphrase decrypts everything."""
        return all(self.passphrase.read_text() in text for text in self.files().values())

    def rotate(self) -> None:
        with exclusive(self.layout, "test"):
            rotate_passphrase(self.layout, self.env)


@pytest.fixture
def set_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SetUp:
    project = tmp_path / "project"
    (project / "stacks").mkdir(parents=True)
    (project / "Pulumi.yaml").write_bytes((PROJECT / "Pulumi.yaml").read_bytes())
    for module in ("local.stacks.files", "local.stacks.stack", "local.stacks.passphrase_rotation"):
        monkeypatch.setattr(f"{module}.PROJECT", project)
    monkeypatch.setenv("SKYCOIN_STATE", str(tmp_path / "state"))
    # A user may have set this variable, which would win over the file.
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "")
    program = tmp_path / "bin" / "pulumi"
    program.parent.mkdir()
    program.write_text(PULUMI)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    return SetUp(read_layout(), project, program.parent)


def leftovers(set_up: SetUp) -> list[str]:
    """Names of the passphrase files, without the random part that each run adds."""
    found = set_up.layout.state.glob("passphrase*")
    return sorted(re.sub(r"\.[0-9a-f]{8}\.", ".", path.name) for path in found)


def test_all_stacks_are_encrypted_with_another_passphrase(set_up: SetUp) -> None:
    set_up.file("local").chmod(0o640)
    set_up.rotate()
    assert len(set_up.passphrase.read_text()) >= 32
    assert set_up.is_decryptable()
    assert not [text for text in set_up.files().values() if OLD in text]
    assert set_up.passphrase.stat().st_mode & 0o777 == 0o600
    assert set_up.file("local").stat().st_mode & 0o777 == 0o640
    assert leftovers(set_up) == ["passphrase"]


def test_the_salt_next_to_a_value_that_only_pulumi_can_read_is_replaced(set_up: SetUp) -> None:
    """Before, the stack's file kept the salt of the old passphrase, which was then removed."""
    for value in ("=", "0x_", "9" * 5000):
        old = set_up.passphrase.read_text()
        set_up.file("local").write_text(f"encryptionsalt: salt-{old}.\nconfig:\n  a:b: {value}\n")
        set_up.rotate()
        assert set_up.passphrase.read_text() != old
        assert set_up.is_decryptable()


def test_a_file_without_a_salt_stays_as_git_has_it(set_up: SetUp) -> None:
    """A committed stack's file has no salt: adding one would change the file and lock others out."""
    set_up.file("fleet").write_text("config: {}\n")
    set_up.rotate()
    assert set_up.file("fleet").read_text() == "config: {}\n"
    assert OLD not in state_file(set_up.layout, "fleet").read_text()


def test_a_state_whose_stacks_file_is_gone_is_encrypted_too(set_up: SetUp) -> None:
    set_up.file("fleet").unlink()
    set_up.rotate()
    assert not set_up.file("fleet").exists()
    assert set_up.passphrase.read_text() in state_file(set_up.layout, "fleet").read_text()


def test_a_stack_encrypted_with_a_cloud_key_is_not_changed(set_up: SetUp) -> None:
    set_up.file("fleet").write_text("secretsprovider: awskms://key\nencryptionsalt: salt-x.\n")
    before = state_file(set_up.layout, "fleet").read_text()
    set_up.rotate()
    assert state_file(set_up.layout, "fleet").read_text() == before


def test_one_stack_that_can_not_be_decrypted_leaves_all_unchanged(set_up: SetUp) -> None:
    set_up.write("local", "somebody-elses")
    before = set_up.files()
    with pytest.raises(SetupError, match=r"Neither the passphrase nor a stack was changed.*incorrect pass"):
        set_up.rotate()
    assert set_up.files() == before
    assert leftovers(set_up) == ["passphrase"]


def test_a_stack_that_pulumi_changes_in_the_meantime_is_not_overwritten(
    set_up: SetUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = passphrase_rotation._StatesBefore.refuse_changed

    def changed(before: passphrase_rotation._StatesBefore) -> None:
        set_up.write("local", OLD, resources=1)
        real(before)

    monkeypatch.setattr(passphrase_rotation._StatesBefore, "refuse_changed", changed)
    with pytest.raises(SetupError, match=r"pulumi or an editor changed .*/local\.json at the same"):
        set_up.rotate()
    assert set_up.is_decryptable()
    assert '"resources": [{}]' in state_file(set_up.layout, "local").read_text()


def write_state(set_up: SetUp) -> None:
    """Write a state as a plain `pulumi` does."""
    set_up.write("local", OLD, resources=1)


def edit_file(set_up: SetUp) -> None:
    """Save a stack's file as an editor does."""
    set_up.file("local").write_text(f"{set_up.file('local').read_text()}# edited\n")


@pytest.mark.parametrize("when", ["before the journal", "after the journal"])
@pytest.mark.parametrize("change", [write_state, edit_file])
def test_a_rotation_that_a_change_undoes_is_not_reported_as_done(
    set_up: SetUp, monkeypatch: pytest.MonkeyPatch, change: Callable[[SetUp], None], when: str
) -> None:
    """Before, it printed success and kept the old passphrase, which its owner then trusted no longer."""
    sync, finish = os.sync, passphrase_rotation._finish
    waiting = [change]

    def meanwhile() -> None:
        while waiting:
            waiting.pop()(set_up)

    def synced() -> None:
        sync()
        meanwhile()

    def finished(journal: Path, passphrase: Path) -> list[Path]:
        meanwhile()
        return finish(journal, passphrase)

    if when == "before the journal":
        monkeypatch.setattr(os, "sync", synced)
    else:
        monkeypatch.setattr(passphrase_rotation, "_finish", finished)
    with pytest.raises(SetupError, match=r"changed .*local\.(json|yaml).* at .*phrase was not changed"):
        set_up.rotate()
    assert set_up.passphrase.read_text() == OLD
    assert set_up.is_decryptable()
    assert leftovers(set_up) == ["passphrase"]


def test_a_file_that_is_not_yaml_or_not_a_state_is_reported_before_anything(set_up: SetUp) -> None:
    set_up.file("fleet").write_text("config: [\n")
    with pytest.raises(SetupError, match=r"stacks/Pulumi\.fleet\.yaml is not valid YAML"):
        set_up.rotate()
    state_file(set_up.layout, "fleet").write_text("{")
    with pytest.raises(SetupError, match=r"fleet\.json is damaged"):
        set_up.rotate()
    assert set_up.passphrase.read_text() == OLD
    assert leftovers(set_up) == ["passphrase"]


@pytest.mark.parametrize("ending", [".gz", ".zst"])
def test_the_passphrase_of_a_compressed_state_is_kept(set_up: SetUp, ending: str) -> None:
    """Before, a rotation did not see such a state, and removed the only passphrase that opens it."""
    state = state_file(set_up.layout, "local")
    state.rename(compressed := state.with_name(f"{state.name}{ending}"))
    with pytest.raises(
        SetupError, match=rf"compressed the state {compressed}, .*stack export -s local \| pulumi stack imp"
    ):
        set_up.rotate()
    assert set_up.passphrase.read_text() == OLD
    env = known_environment(set_up.layout)  # that of `make -s env`, with which pulumi writes it again
    assert (env["PULUMI_DIY_BACKEND_GZIP"], env["PULUMI_DIY_BACKEND_ZSTD"]) == ("false", "false")


def test_a_running_pulumi_is_reported_before_anything_is_changed(set_up: SetUp) -> None:
    lock = set_up.layout.state / "backend/.pulumi/locks/organization/skycoin/fleet/one.json"
    lock.parent.mkdir(parents=True)
    lock.write_text(json.dumps({"pid": os.getpid(), "username": "me"}))
    before = set_up.files()
    with pytest.raises(SetupError, match="is changing the stack fleet"):
        set_up.rotate()
    assert set_up.files() == before


def killed_at(set_up: SetUp, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Run a rotation that is killed before it puts its `number`th file in place."""
    real: Callable[[Path, Path], None] = passphrase_rotation._put
    done: list[Path] = []

    def put(source: Path, target: Path) -> None:
        if len(done) == number:
            raise Killed
        real(source, target)
        done.append(target)

    with monkeypatch.context() as patch:
        patch.setattr(passphrase_rotation, "_put", put)
        with pytest.raises(Killed):
            set_up.rotate()


@pytest.mark.parametrize("number", range(7))
def test_a_rotation_that_is_killed_while_files_are_put_in_place_is_finished_by_the_next_command(
    set_up: SetUp, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    killed_at(set_up, monkeypatch, number)
    assert is_unfinished(set_up.layout)
    known_environment(set_up.layout)
    assert set_up.is_decryptable()
    assert set_up.passphrase.read_text() != OLD
    assert leftovers(set_up) == ["passphrase"]


def test_a_power_cut_never_takes_the_old_files_before_the_new_ones_are_on_the_disk(
    set_up: SetUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise, states and passphrase could be empty after a power cut, and the journal gone."""
    on_disk, done = set[int](), list[str]()
    journal = set_up.layout.state / "passphrase-rotation"
    fsync, rename = os.fsync, Path.rename

    def noted(handle: int) -> None:
        fsync(handle)
        on_disk.add(os.fstat(handle).st_ino)

    def renamed(source: Path, target: Path) -> Path:
        if journal in (source, target) or target == set_up.passphrase:
            done.append(f"{source.name.partition('.')[0]} becomes {target.name.partition('.')[0]}")
        if journal.exists() and source != journal:
            assert source.stat().st_ino in on_disk, target
        return rename(source, target)

    monkeypatch.setattr(os, "fsync", noted)
    monkeypatch.setattr(os, "sync", lambda: done.append("sync"))
    monkeypatch.setattr(Path, "rename", renamed)
    set_up.rotate()
    assert set_up.is_decryptable()
    name = journal.name
    assert done == [
        *("sync", f"{name} becomes {name}"),
        *("passphrase becomes passphrase", "sync"),
        *("sync", f"{name} becomes {name}"),
    ]


def test_a_rotation_that_is_killed_before_is_undone(set_up: SetUp, monkeypatch: pytest.MonkeyPatch) -> None:
    def kill(*_: object) -> None:
        raise Killed

    before = set_up.files()
    with monkeypatch.context() as patch:
        patch.setattr("local.stacks.passphrase_rotation.shutil.rmtree", lambda *_, **__: None)
        patch.setattr(passphrase_rotation._Copies, "encrypt", kill)
        with pytest.raises(Killed):
            set_up.rotate()
    assert leftovers(set_up) == ["passphrase", "passphrase-rotation.part"]
    with exclusive(set_up.layout, "test"):
        assert set_up.files() == before
        assert leftovers(set_up) == ["passphrase"]


def test_an_up_with_the_old_passphrase_after_a_kill_is_not_overwritten(
    set_up: SetUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed_at(set_up, monkeypatch, 0)
    set_up.write("local", OLD, resources=2)
    settle(set_up.layout)
    assert set_up.passphrase.read_text() == OLD
    assert set_up.is_decryptable()
    assert state_file(set_up.layout, "local").read_text().count("{}") == 2
    assert leftovers(set_up) == ["passphrase"]


def test_an_up_with_the_new_passphrase_after_a_kill_is_not_overwritten(
    set_up: SetUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed_at(set_up, monkeypatch, 6)
    new = set_up.passphrase.read_text()
    set_up.write("fleet", new, resources=3)
    settle(set_up.layout)
    assert set_up.is_decryptable()
    assert state_file(set_up.layout, "fleet").read_text().count("{}") == 3


@pytest.mark.parametrize("edit", ["# mine\n", "- [\n", "# \udcff\n"], ids=["edited", "no YAML", "no UTF-8"])
def test_a_stack_file_edited_after_a_kill_keeps_the_edit_and_the_new_file_is_put_next_to_it(
    set_up: SetUp, edit: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    killed_at(set_up, monkeypatch, 1)
    edited = f"{set_up.file('local').read_text()}{edit}".encode(errors="surrogateescape")
    set_up.file("local").write_bytes(edited)
    settle(set_up.layout)
    beside = set_up.file("local").with_name("Pulumi.local.yaml.rotated")
    assert set_up.file("local").read_bytes() == edited
    assert set_up.passphrase.read_text() in beside.read_text()
    assert f"from {beside} into it, then remove {beside}" in capsys.readouterr().err
    assert not set_up.file("fleet").with_name("Pulumi.fleet.yaml.rotated").exists()


@pytest.mark.parametrize("text", ["", "\n"])
def test_an_empty_passphrase_is_refused_before_a_stack_is_encrypted_with_nothing(
    set_up: SetUp, text: str
) -> None:
    set_up.passphrase.write_text(text)
    with pytest.raises(SetupError, match=r"passphrase is empty.*restore it from a copy"):
        passphrase_file(set_up.layout)
    assert set_up.passphrase.read_text() == text
