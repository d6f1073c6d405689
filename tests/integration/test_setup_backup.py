"""Backups of a set-up: content, refusals and kills. On real engines: tests/e2e/test_setup_backup.py."""

import json
import os
import re
import resource
import signal
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clients import age
from commands.setup import backup as backup_commands
from display.errors import UserError
from local import setup_backup
from local.machine.layout import Layout, read_layout
from local.machine.steps import SetupError
from local.setup import claim_state
from local.setup_backup import back_up, restore
from local.stacks import setup_backup_format, setup_backup_journal
from local.stacks.lock import exclusive
from local.stacks.setup_backup_format import FORM, About
from local.stacks.states import state_file
from tests.unit.command_line import Skyinfra
from tests.unit.test_wallet_backups import KEY, OTHER, sealed
from wallets.backups import sealed as sealing
from wallets.backups.folder import load_file
from wallets.files.contents import Contents, File

CANARY = "canary"
"""Part of every secret of the set-up."""
KEPT = {
    "passphrase": f"{CANARY} passphrase",
    "docker-plugin": "stand-in\n",
    "registry-password": f"{CANARY} password",
    "docker/config.json": json.dumps({"auths": {"r": {"auth": CANARY}}}),
    "certificates/ca.crt": "ca",
    "certificates/ca.key": f"{CANARY} key",
    "certificates/registry.crt": "crt",
    "certificates/registry.key": f"{CANARY} registry key",
    "backend/.pulumi/meta.yaml": "version: 1\n",
    "backend/.pulumi/stacks/skycoin/local.json": json.dumps({"checkpoint": {"latest": {CANARY: 1}}}),
    "backend/.pulumi/stacks/skycoin/fleet.json": json.dumps({"checkpoint": {"latest": {}}}),
    "backend/.pulumi/stacks/other/dev.json": json.dumps({"checkpoint": {"latest": {}}}),
    "backups/local/node-1.json": json.dumps({"file": CANARY}),
}
MADE_AGAIN = {
    "environment.json": "{}",
    "htpasswd": "x",
    "bases.json": "{}",
    "registry/blob": "x",
    "pulumi/plugins/x": "x",
    "logs/pulumi.log": "x",
    "backend/.pulumi/history/skycoin/local/1.json": "{}",
    "backend/.pulumi/stacks/skycoin/local.json.bak": "{}",
    "backend/.pulumi/stacks/skycoin/local.json.attrs": "{}",
    "certificates/bundle.crt": "x",
    "docker/buildx/instances/x": "x",
}
STACK_FILES = {
    "Pulumi.local.yaml": f"config: {{a: {CANARY}}}\n",
    "Pulumi.fleet.yaml": "config: {b: 2}\n",
    "Pulumi.workspace-cli.yaml": "config: {}\n",
}


class Killed(BaseException):
    """Stands for a kill of the process."""


class Machines:
    """The machine that dies, and the new one; each has a state folder and a checkout."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self._patch, self._folder = monkeypatch, folder
        self.old = self.enter("old")
        self.kept = dict(KEPT)
        for name, text in (KEPT | MADE_AGAIN).items():
            self._write(self.old.state / name, text)
        for name, text in {**STACK_FILES, "Pulumi.release.yaml": "config: {}\n"}.items():
            self._write(self.project("old") / "stacks" / name, text)

    @staticmethod
    def _write(path: Path, text: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o600 if CANARY in text else 0o644)

    def enter(self, name: str) -> Layout:
        """Switch to one of the machines."""
        for module in ("stacks.files", "stacks.stack", "setup_backup", "stacks.setup_backup_journal"):
            self._patch.setattr(f"local.{module}.PROJECT", self.project(name))
        (self.project(name) / "stacks").mkdir(parents=True, exist_ok=True)
        self._patch.setenv("SKYCOIN_STATE", str(self._folder / name / "state"))
        return read_layout()

    def keep(self, *names: str) -> None:
        """Reduce what a backup of the old machine takes to these files."""
        for name in KEPT.keys() - names:
            (self.old.state / name).unlink()
        self.kept = {name: KEPT[name] for name in names}

    def project(self, name: str) -> Path:
        return self._folder / name / "checkout"

    def backed_up(self) -> bytes:
        """Back up the old machine, switch to the new one, and return the backup."""
        self.enter("old")
        kept: list[bytes] = []
        back_up(self.old, [KEY.public], lambda _, data: kept.append(data) or "x")  # type: ignore[func-returns-value]
        self.enter("new")
        return kept[0]


def texts(folder: Path) -> dict[str, str]:
    """Name → text of all files in a folder; empty if there is no folder."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_text() for path in files}


@pytest.fixture
def machines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machines:
    return Machines(monkeypatch, tmp_path)


@pytest.fixture
def new(machines: Machines, monkeypatch: pytest.MonkeyPatch) -> Layout:
    """The new machine, which is empty."""
    return machines.enter("new")


def is_restored(layout: Layout, machines: Machines) -> bool:
    """True if all is restored and nothing else, False if nothing is; fails if only a part is."""
    state = texts(layout.state)
    state.pop("lock", None)
    # Copies of what is asserted below (tests/unit/test_checkout.py).
    for name in [name for name in state if name.startswith("stack-files/")]:
        del state[name]
    stacks = texts(machines.project("new") / "stacks")
    if not state:
        assert stacks == {}
        return False
    assert state == machines.kept
    assert stacks == STACK_FILES
    return True


def test_a_new_machine_gets_all_files_that_can_not_be_recreated_and_no_others(
    machines: Machines, new: Layout
) -> None:
    facts = restore(new, "b", machines.backed_up(), [KEY.secret])
    assert is_restored(new, machines)
    assert isinstance(facts, About)
    assert (facts.stacks, facts.files, facts.registry_port) == ("fleet, local", len(KEPT) + 3, 5443)
    for name, text in KEPT.items():
        secret = CANARY in text
        assert stat.S_IMODE((new.state / name).stat().st_mode) == (0o600 if secret else 0o644), name
    claim_state(new)
    assert is_restored(new, machines)


def test_a_restore_into_a_folder_that_others_can_read_makes_it_private_first(
    machines: Machines, new: Layout
) -> None:
    new.state.mkdir(parents=True)
    new.state.chmod(0o755)
    restore(new, "b", machines.backed_up(), [KEY.secret])
    assert stat.S_IMODE(new.state.stat().st_mode) == 0o700


def test_no_secret_is_in_the_clear_and_no_name_of_a_file(machines: Machines) -> None:
    data = machines.backed_up()
    assert CANARY.encode() not in data
    assert b"node-1" not in data
    head = data.partition(age.MAGIC)[0].decode()
    assert re.search(r"^stacks: fleet, local$", head, re.M)
    assert f"recipient: {KEY.public}\n" in head


def test_the_head_of_a_backup_says_how_to_read_it_without_this_program(
    machines: Machines, tmp_path: Path
) -> None:
    """A Python library stands in for `age` here; the end-to-end test runs `age` itself."""
    data = machines.backed_up()
    line = re.search(rb"tail -n \+(\d+) THIS-FILE \| age --decrypt", data)
    assert line
    encrypted = b"\n".join(data.split(b"\n")[int(line[1]) - 1 :])
    archive = age.decrypt(encrypted, [KEY.secret])
    assert archive
    subprocess.run(["tar", "-xz", "-C", str(tmp_path)], input=archive, check=True)
    assert texts(tmp_path / "set-up" / "state") == KEPT
    assert texts(tmp_path / "set-up" / "stacks") == STACK_FILES


def test_a_set_up_that_holds_anything_is_refused_and_stays(machines: Machines, new: Layout) -> None:
    data = machines.backed_up()
    new.state.mkdir(parents=True)
    (new.state / "notes").write_text("mine")
    with pytest.raises(SetupError, match=r"is not empty: it contains notes\..*Nothing was restored"):
        restore(new, "b", data, [KEY.secret])
    assert texts(new.state) == {"notes": "mine"}
    assert texts(machines.project("new") / "stacks") == {}


def test_a_stack_file_with_other_content_is_named_and_kept_and_an_equal_one_is_accepted(
    machines: Machines, new: Layout
) -> None:
    data, stacks = machines.backed_up(), machines.project("new") / "stacks"
    (stacks / "Pulumi.fleet.yaml").write_text(STACK_FILES["Pulumi.fleet.yaml"])
    (stacks / "Pulumi.local.yaml").write_text("config: {mine: 1}\n")
    with pytest.raises(
        SetupError, match=r"^stacks/Pulumi\.local\.yaml: already exists with different content"
    ):
        restore(new, "b", data, [KEY.secret])
    assert not new.state.exists()
    (stacks / "Pulumi.local.yaml").unlink()
    restore(new, "b", data, [KEY.secret])
    assert is_restored(new, machines)


def test_another_port_is_refused_because_every_images_name_has_it(
    machines: Machines, new: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = machines.backed_up()
    monkeypatch.setenv("SKYCOIN_REGISTRY_PORT", "6000")
    with pytest.raises(SetupError, match=r"Set SKYCOIN_REGISTRY_PORT=5443\. Nothing was restored"):
        restore(read_layout(), "b", data, [KEY.secret])
    assert not new.state.exists()


@pytest.mark.case(38)
def test_a_wrong_key_and_none_at_all_restore_nothing(machines: Machines, new: Layout) -> None:
    data = machines.backed_up()
    with pytest.raises(UserError, match=f"b is encrypted to {KEY.public}, but none of the given identities"):
        restore(new, "b", data, [OTHER.secret])
    with pytest.raises(UserError, match=r"b is encrypted: give the secret key .*--identity FILE"):
        restore(new, "b", data, [])
    assert not new.state.exists()


@pytest.mark.case(38)
def test_a_cut_at_any_place_restores_nothing(machines: Machines, new: Layout) -> None:
    data = machines.backed_up()
    for length in [*range(0, 1500, 7), *range(1500, len(data), 97), len(data) - 1]:
        with pytest.raises(UserError, match=r"^b is (empty|not a complete backup|not a backup of a set-up)"):
            restore(new, "b", data[:length], [KEY.secret])
    assert not new.state.exists()


@pytest.mark.parametrize("place", [40, 700, -1])
def test_a_changed_byte_restores_nothing(machines: Machines, new: Layout, place: int) -> None:
    data = bytearray(machines.backed_up())
    data[place] ^= 1
    with pytest.raises(UserError, match=r"^b is not a complete backup: it was truncated or changed"):
        restore(new, "b", bytes(data), [KEY.secret])
    assert not new.state.exists()


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", r"b is empty"),
        (b"hello", r"b is not a backup of a set-up: it does not begin with “skyinfra set-up backup 1”"),
        (sealed(), r"b begins with “skyinfra wallet backup 1”"),
    ],
)
def test_a_file_that_is_not_a_backup_of_a_set_up_is_refused(new: Layout, data: bytes, expected: str) -> None:
    with pytest.raises(UserError, match=expected):
        restore(new, "b", data, [KEY.secret])
    assert not new.state.exists()


def forged(machines: Machines, change: Callable[[dict[str, File]], Any], **other: Any) -> bytes:
    """A backup that another user made for this recipient."""
    found = setup_backup_format.read("b", machines.backed_up())
    contents = setup_backup_format.open_backup(found, [KEY.secret])
    change(contents)
    facts = setup_backup_format.about(
        machines.old, contents, machine="m", version="1", recipients=[KEY.public]
    )
    return sealing.seal(FORM, [*facts.lines()], contents, facts.recipients)


@pytest.mark.parametrize(
    "path",
    [
        "state/pulumi/plugins/resource-docker/pulumi-resource-docker",
        "state/backend/.pulumi/history/x.json",
        "stacks/../__main__.py",
        "stacks/sub/Pulumi.local.yaml",
        "elsewhere",
    ],
)
def test_a_file_that_belongs_to_no_set_up_is_refused(machines: Machines, new: Layout, path: str) -> None:
    """Anybody who knows a recipient can make a backup, and a program in it would be run."""
    data = forged(machines, lambda contents: contents.update({path: File(data=b"x")}))
    with pytest.raises(UserError, match=r"is not a file of a set-up|would be written outside"):
        restore(new, "b", data, [KEY.secret])
    assert not new.state.exists()


@pytest.mark.parametrize(
    ("path", "file", "expected"),
    [
        ("state/passphrase", File(data=b" \n"), "state/passphrase is missing or empty"),
        ("state/docker-plugin", File(data=b"", link="/etc/passwd"), "is not a file of a set-up"),
        ("state/backend/.pulumi/stacks/skycoin/local.json", File(data=b"{"), "is not a state of Pulumi"),
        ("state/backend/.pulumi/stacks/skycoin/local.json", File(data=b"[]"), "is not a state of Pulumi"),
    ],
)
def test_a_set_up_backup_that_make_up_could_not_use_is_refused(
    machines: Machines, new: Layout, path: str, file: File, expected: str
) -> None:
    with pytest.raises(SetupError, match=expected):
        restore(new, "b", forged(machines, lambda contents: contents.update({path: file})), [KEY.secret])
    assert not new.state.exists()


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("passphrase", " \n", "state/passphrase is missing or empty"),
        ("backend/.pulumi/stacks/other/dev.json", "", r"other/dev\.json is not a state of Pulumi"),
        ("backend/.pulumi/stacks/other/dev.json", "{}", r"other/dev\.json is not a state of Pulumi"),
    ],
)
def test_what_no_restore_would_accept_is_not_backed_up(
    machines: Machines, name: str, text: str, said: str
) -> None:
    """A state of another project on the backend, for example, cut by a full disk."""
    (machines.old.state / name).write_text(text)
    with pytest.raises(SetupError, match=rf"{said}.* No backup was made"):
        machines.backed_up()


def test_a_header_that_tells_of_other_files_is_refused(machines: Machines, new: Layout) -> None:
    found = setup_backup_format.read("b", machines.backed_up())
    contents: Contents = setup_backup_format.open_backup(found, [KEY.secret])
    data = sealing.seal(FORM, found.lines, {**contents, "state/docker-plugin": File(data=b"x")}, [KEY.public])
    with pytest.raises(SetupError, match=r"b: its files do not match the count and checksum in its header"):
        restore(new, "b", data, [KEY.secret])
    changed = [line.replace("mode: auto", "mode: other") for line in found.lines]
    other = sealing.seal(FORM, changed, contents, [KEY.public])
    head, body = other.partition(age.MAGIC)[0], found.payload
    top = head[: head.rindex(b"sha256: ")]
    forgery = top + f"sha256: {sealing.sha256(top, body)}\n".encode() + body
    with pytest.raises(UserError, match=r"b: its header was changed: it contradicts the encrypted content"):
        restore(new, "b", forgery, [KEY.secret])


def test_a_file_named_by_an_ssh_address_is_kept_under_the_name_that_a_restore_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "bin" / "ssh"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\nfor last; do :; done\nexec sh -c "$last"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    url = f"ssh://me@nas.lan{tmp_path}/my%20nas/my%20set-up.setup-backup"
    kept = backup_commands._keeper(url, ())("dated", b"data")
    assert (tmp_path / "my nas" / "my set-up.setup-backup").read_bytes() == b"data"
    assert load_file(url, ()) == load_file(kept, ()) == b"data"


# A machine at work


def test_a_running_pulumi_or_command_is_reported_and_no_backup_is_made(machines: Machines) -> None:
    layout = machines.enter("old")
    lock = layout.state / "backend/.pulumi/locks/organization/skycoin/fleet/one.json"
    lock.parent.mkdir(parents=True)
    lock.write_text(json.dumps({"pid": os.getpid(), "username": "me"}))
    with pytest.raises(SetupError, match="is changing the stack fleet"):
        back_up(layout, [KEY.public], no_file)
    lock.unlink()
    with exclusive(layout, "make up"), pytest.raises(SetupError, match="`make up`, process"):
        back_up(layout, [KEY.public], no_file)


def no_file(name: str, _: bytes) -> str:
    raise AssertionError(name)


def test_a_state_that_changes_while_it_is_read_makes_no_backup(
    machines: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout, real = machines.enter("old"), setup_backup._contents

    def changing(layout: Layout) -> dict[str, File]:
        found = real(layout)
        with state_file(layout, "local").open("a") as file:
            file.write(" ")
        return found

    monkeypatch.setattr(setup_backup, "_contents", changing)
    with pytest.raises(SetupError, match=r"pulumi changed a stack during the backup\. No backup was made"):
        back_up(layout, [KEY.public], no_file)


def test_a_damaged_state_is_reported_before_a_backup_of_it_is_made(machines: Machines) -> None:
    layout = machines.enter("old")
    state_file(layout, "local").write_text("{")
    with pytest.raises(SetupError, match=r"local\.json is damaged"):
        back_up(layout, [KEY.public], no_file)


def test_nothing_is_set_up_and_no_folder_is_left(machines: Machines, new: Layout) -> None:
    with pytest.raises(SetupError, match=r"Nothing is set up in .*: there is nothing to back up"):
        back_up(new, [KEY.public], no_file)
    assert not new.state.exists()


# Kills and full disks


@pytest.mark.case(38)
def test_a_restore_that_is_killed_anywhere_is_noticed_and_finished_or_restarted(
    machines: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For each call that changes something, a process is killed just before it."""
    monkeypatch.setattr(os, "fsync", lambda _: None)  # it takes seconds, and a kill shows no missing fsync
    machines.keep(*[name for name in KEPT if re.search("passphrase|ca.key|skycoin/", name)])
    data = machines.backed_up()
    for number in range(1000):
        layout = machines.enter("new")
        if not killed_at(number, data, layout):
            break
        if setup_backup_journal.is_unfinished(layout):
            claim_state(layout)
        elif setup_backup_journal.halves(layout) and not (layout.state / "passphrase").exists():
            with pytest.raises(
                SetupError, match=r"A restore into .* was interrupted before it restored anything"
            ):
                claim_state(layout)
            assert restore(layout, "b", data, [KEY.secret])
        elif not is_restored(layout, machines):
            assert restore(layout, "b", data, [KEY.secret])
        with exclusive(layout, "test"):
            pass
        assert is_restored(layout, machines), number
        for folder in (layout.state, machines.project("new")):
            subprocess.run(["rm", "-r", str(folder)], check=True)
    assert number > 40


def killed_at(number: int, data: bytes, layout: Layout) -> bool:
    """Restore in a child that is killed before its `number`th change; False if it ends before that."""
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) in (0, -signal.SIGKILL)
        return os.WIFSIGNALED(status)
    code = 1
    try:
        calls = 0
        for name in ("mkdir", "open", "write", "rename", "chmod", "unlink", "rmdir"):
            real = getattr(os, name)

            def call(*arguments: Any, _real: Any = real, **options: Any) -> Any:
                nonlocal calls
                if calls == number:
                    os.kill(os.getpid(), signal.SIGKILL)
                calls += 1
                return _real(*arguments, **options)

            setattr(os, name, call)
        restore(layout, "b", data, [KEY.secret])
        code = 0
    finally:
        os._exit(code)


def test_a_full_disk_restores_nothing_and_leaves_nothing(machines: Machines, new: Layout) -> None:
    """A limit on file sizes stands for a full disk: the kernel refuses further bytes."""
    machines.enter("old")
    big = json.dumps({"checkpoint": {"latest": {"x": "y" * 100_000}}})
    state_file(machines.old, "local").write_text(big)
    data = machines.backed_up()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, before[1]))
    try:
        with pytest.raises(SetupError, match=r"can't be written: File too large\. Nothing was restored"):
            restore(new, "b", data, [KEY.secret])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list(texts(new.state)) == ["lock"]
    assert restore(new, "b", data, [KEY.secret])


@pytest.mark.parametrize(("earlier", "suffix"), [(None, ".restored"), ("overlooked", ".restored-2")])
def test_a_stack_file_written_after_a_kill_is_kept_and_the_backups_file_is_put_next_to_it(
    machines: Machines,
    new: Layout,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    earlier: str | None,
    suffix: str,
) -> None:
    """Before, a file of an earlier restore was called the backup's, and that was lost."""
    data = machines.backed_up()

    def kill(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(setup_backup_journal, "_finish", kill)
        with pytest.raises(Killed):
            restore(new, "b", data, [KEY.secret])
    mine = machines.project("new") / "stacks" / "Pulumi.local.yaml"
    mine.write_text("mine")
    if earlier:
        mine.with_name(f"{mine.name}.restored").write_text(earlier)
    assert restore(new, "b", data, [KEY.secret]) is None
    assert mine.read_text() == "mine"
    assert texts(mine.parent)[f"Pulumi.local.yaml{suffix}"] == STACK_FILES["Pulumi.local.yaml"]
    assert texts(mine.parent).get("Pulumi.local.yaml.restored") == (
        earlier or STACK_FILES["Pulumi.local.yaml"]
    )
    assert f"{mine} already exists and differs. The backup's is {mine}{suffix}:" in capsys.readouterr().out
    assert (new.state / "passphrase").read_text() == KEPT["passphrase"]


# Commands


def test_the_commands_write_a_dated_private_file_that_is_never_overwritten(
    machines: Machines, skyinfra: Skyinfra, tmp_path: Path
) -> None:
    machines.enter("old")
    ran = skyinfra("setup", "backup", str(tmp_path), "--recipient", KEY.public)
    assert ran.code == 0, ran.err
    [path] = tmp_path.glob("*.setup-backup")
    assert re.fullmatch(r"skycoin-setup-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ\.setup-backup", path.name)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert f"{path}: the set-up in {machines.old.state}, stacks: fleet, local, 16 files" in ran.out
    assert CANARY not in ran.out + ran.err
    before = path.read_bytes()
    again = skyinfra("setup", "backup", str(path), "--recipient", KEY.public)
    assert again.code == 1
    assert f"error: {path} already exists; backups are never overwritten" in again.err
    assert path.read_bytes() == before
    named = skyinfra("setup", "backup", str(tmp_path / "further" / "mine"), "--recipient", KEY.public)
    assert named.code == 0, named.err
    key = tmp_path / "key.txt"
    key.write_bytes(KEY.file)
    machines.enter("new")
    restored = skyinfra("setup", "restore", str(tmp_path / "further" / "mine"), "--identity", str(key))
    assert restored.code == 0, restored.err
    assert "Now run `make up`: " in restored.out
    assert is_restored(read_layout(), machines)
    once_more = skyinfra("setup", "restore", str(path), "--identity", str(key))
    assert once_more.code == 1
    listed = r"it contains backend, backups, certificates, docker, docker-plugin and \d+ more\. A set-up"
    assert re.search(listed, once_more.err)


def test_a_backup_is_verified_with_and_without_a_key(
    machines: Machines, skyinfra: Skyinfra, tmp_path: Path
) -> None:
    machines.enter("old")
    file, key = tmp_path / "one.setup-backup", tmp_path / "key.txt"
    assert skyinfra("setup", "backup", str(file), "--recipient", KEY.public).code == 0
    key.write_bytes(KEY.file)
    plain = skyinfra("setup", "verify", str(file))
    assert plain.code == 0
    assert plain.out.startswith(f"{file}: a complete backup of the set-up of ")
    assert f"  encrypted to {KEY.public}\n  not verified without a key: " in plain.out
    opened = skyinfra("setup", "verify", str(file), "--identity", str(key))
    assert opened.code == 0
    assert opened.out.endswith("\n  decrypted: its files are intact, and a restore would accept them\n")
    file.write_bytes(file.read_bytes()[:-40])
    for identity in ([], ["--identity", str(key)]):
        cut = skyinfra("setup", "verify", str(file), *identity)
        assert cut.code == 1
        assert f"{file} is not a complete backup" in cut.err


def test_a_backup_without_recipients_is_refused_with_the_way_to_a_key(
    machines: Machines, skyinfra: Skyinfra, tmp_path: Path
) -> None:
    machines.enter("old")
    ran = skyinfra("setup", "backup", str(tmp_path / "b"))
    assert ran.code == 1
    assert "no recipient was given who can read the backup, so no backup was written" in ran.err
    assert "age-keygen -o setup-key.txt" in ran.err
    wrong = skyinfra("setup", "backup", str(tmp_path / "b"), "--recipient", "me")
    assert wrong.code == 1
    assert "--recipient: a recipient is a public key" in wrong.err
    assert not (tmp_path / "b").exists()


def test_other_settings_of_the_dead_machine_are_reported_with_the_command(
    machines: Machines, skyinfra: Skyinfra, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "b"
    data.write_bytes(machines.backed_up())
    key = tmp_path / "key.txt"
    key.write_bytes(KEY.file)
    monkeypatch.setenv("SKYCOIN_MODE", "embedded")
    ran = skyinfra("setup", "restore", str(data), "--identity", str(key))
    assert ran.code == 0, ran.err
    assert "Now run `SKYCOIN_MODE=auto make up`" in ran.out
