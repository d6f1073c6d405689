"""Backups of wallets with real processes: keys of ssh, folders of another machine, kills."""

import io
import json
import os
import stat
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from pathlib import Path

import pyrage
import pytest

from clients import age
from clients.limited_run import limited_run
from tests.unit.projects import PROJECT
from tests.unit.test_wallet_backups import CONTENTS, KEY, data_of, no_passphrase, sealed, ssh
from wallets.backups.folder import load_file
from wallets.backups.format import open_backup, read
from wallets.backups.local_folder import LocalFolder
from wallets.backups.ssh_folder import SshFolder
from wallets.errors import WalletError

__all__ = ["ssh"]


def test_the_note_in_a_backup_says_how_it_is_read_without_this_program(tmp_path: Path) -> None:
    """The note's command runs with a library in place of `age`; the end-to-end test runs `age` itself."""
    file = sealed()
    (tmp_path / "THIS-FILE").write_bytes(file)
    [line] = [line for line in file.decode(errors="replace").splitlines() if "| age" in line]
    tail, _, tar = line.strip().split(" | ")
    encrypted = subprocess.run(tail, shell=True, cwd=tmp_path, capture_output=True, check=True).stdout  # noqa: S602
    plain = pyrage.decrypt(encrypted, [KEY.secret])
    subprocess.run(tar, shell=True, cwd=tmp_path, input=plain, check=True)  # noqa: S602
    assert (tmp_path / "wallet" / "a.wlt").read_bytes() == CONTENTS["a.wlt"].data
    assert (tmp_path / "wallet" / "sub" / "note").read_bytes() == b"x"
    assert (tmp_path / "wallet" / "a.wlt").stat().st_mtime == 1_700_000_000
    document = json.loads((tmp_path / "backup.json").read_text())
    assert document == file.decode(errors="replace").split("\n\n")[0].splitlines()[1:]


def ssh_key(folder: Path, kind: str, passphrase: str = "") -> tuple[str, bytes]:
    """Create a key pair of ssh; return its public and secret key."""
    file = folder / "ssh"
    command = [
        "ssh-keygen",
        "-q",
        "-t",
        kind,
        "-b",
        "2048",
        "-N",
        passphrase,
        "-C",
        "me here",
        "-f",
        str(file),
    ]
    subprocess.run(command, check=True)
    return file.with_suffix(".pub").read_text().strip(), file.read_bytes()


@pytest.mark.parametrize("kind", ["ed25519", "rsa"])
def test_keys_of_ssh_are_recipients_and_identities(kind: str, tmp_path: Path) -> None:
    public, secret = ssh_key(tmp_path, kind)
    assert age.recipient_fault(public) is None
    backup = read("b", sealed(recipients=[age.without_comment(public)]))
    assert "me here" not in str(backup.about.recipients)
    [identity] = age.identities("ssh", secret, no_passphrase)
    assert data_of(open_backup(backup, [identity])) == data_of(CONTENTS)


def test_an_ssh_key_with_a_passphrase_or_of_another_kind_is_refused(tmp_path: Path) -> None:
    _, secret = ssh_key(tmp_path, "ed25519", "passphrase")
    with pytest.raises(
        age.AgeError, match=r"k: .* without a passphrase; use a key that has one with `age` itself"
    ):
        age.identities("k", secret, no_passphrase)
    assert "a recipient is a public key" in str(age.recipient_fault("ssh-dss AAAA"))


def test_a_folder_behind_ssh_stores_a_backup_without_overwriting_and_returns_it(
    ssh: Callable[[str], SshFolder], tmp_path: Path
) -> None:
    far, file = ssh(f"{tmp_path}/on the nas"), sealed()
    address = far.keep("node-1-wallet-2026-01-01T00-00-00Z.backup", file)
    assert address == f"ssh://me@nas.lan:2222{tmp_path}/on the nas/node-1-wallet-2026-01-01T00-00-00Z.backup"
    [kept] = (tmp_path / "on the nas").iterdir()
    assert (stat.S_IMODE(kept.stat().st_mode), stat.S_IMODE(kept.parent.stat().st_mode)) == (0o600, 0o700)
    assert kept.read_bytes() == load_file(address, ["-i", "key"]) == file
    assert far.names() == [kept.name]
    (kept.parent / "z.tar.gz").write_bytes(b"z")
    (kept.parent / "other").write_bytes(b"z")
    assert dict(far.load_all()) == {kept.name: file, "z.tar.gz": b"z"}
    with pytest.raises(WalletError, match=r"already exists; backups are never overwritten"):
        far.keep(kept.name, b"bad")
    assert kept.read_bytes() == file
    assert sorted(path.name for path in kept.parent.iterdir()) == [kept.name, "other", "z.tar.gz"]
    asked = (tmp_path / "asked").read_text().splitlines()[0]
    assert "StrictHostKeyChecking=yes" in asked
    assert "-i key" in asked
    assert "-l me -p 2222 -- nas.lan" in asked


def test_a_folder_in_the_home_behind_ssh(ssh: Callable[[str], SshFolder], tmp_path: Path) -> None:
    ssh("/~/wallets").keep("a.backup", b"a")
    assert (tmp_path / "far home" / "wallets" / "a.backup").read_bytes() == b"a"


@pytest.mark.case(38)
def test_a_backup_that_arrives_in_part_gets_no_name(
    ssh: Callable[[str], SshFolder], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection breaks in the middle; for the remote side, this looks like the end of the file."""

    def cut(command: list[str], given: bytes, seconds: float, most: int) -> object:
        return limited_run(command, given[: len(given) // 2], seconds, most)

    monkeypatch.setattr("wallets.backups.ssh_folder.limited_run", cut)
    with pytest.raises(
        WalletError, match=r"can't be written: only a part of the file arrived. No backup was created"
    ):
        ssh(f"{tmp_path}/far").keep("a.backup", b"whole")
    assert list((tmp_path / "far").iterdir()) == []


@pytest.mark.case(38)
def test_an_unusable_folder_behind_ssh_is_reported_with_its_reason(
    ssh: Callable[[str], SshFolder], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    far = ssh(f"{tmp_path}/file")
    with pytest.raises(WalletError, match=r"file/a.backup can't be written: .*exists. No backup was created"):
        far.keep("a.backup", b"a")
    for question in (far.names, lambda: far.load("a"), lambda: list(far.load_all())):
        with pytest.raises(WalletError, match=r"can't be read: "):
            question()
    assert list(ssh(f"{tmp_path}/far home").load_all()) == []
    (tmp_path / "bin" / "ssh").write_text("#!/bin/sh\necho no route to host >&2; exit 255\n")
    with pytest.raises(
        WalletError, match=r"the connection for .*a.backup failed: no route to host. It is unk"
    ):
        far.keep("a.backup", b"a")
    (tmp_path / "bin" / "ssh").write_text("#!/bin/sh\nprintf 'no \\033[2Jroute' >&2; exit 1\n")
    with pytest.raises(WalletError, match=r"can't be read: no \?\[2Jroute"):
        far.names()


def test_a_connection_that_ends_after_a_backup_was_written_denies_no_backup(
    ssh: Callable[[str], SshFolder], tmp_path: Path
) -> None:
    """“No backup was created” was said of every failure, and the file was there."""
    far, program = ssh(f"{tmp_path}/far"), tmp_path / "bin" / "ssh"
    program.write_text(program.read_text().replace('exec sh -c "$last"', 'sh -c "$last"; exit 255'))
    with pytest.raises(WalletError) as raised:
        far.keep("a.backup", b"a")
    assert str(raised.value) == (
        f"the connection for {far.address('a.backup')} failed: exit code 255. It is unknown whether the "
        f"backup was written: see `./skyinfra wallet list --from ssh://me@nas.lan:2222{tmp_path}/far`"
    )
    assert (tmp_path / "far" / "a.backup").read_bytes() == b"a"


@pytest.mark.parametrize("shell", ["cat /dev/zero >&2", "cat /dev/zero"])
def test_a_machine_that_never_stops_talking_gets_no_backup(
    ssh: Callable[[str], SshFolder], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shell: str
) -> None:
    """All of it was collected in memory until the time limit of ten minutes."""
    monkeypatch.setattr("wallets.backups.ssh_folder._ERRORS", 1 << 20)
    (tmp_path / "bin" / "ssh").write_text(f"#!/bin/sh\nexec {shell}\n")
    with pytest.raises(
        WalletError, match=r"the connection for .*/a.backup failed: too much output. It is unkn"
    ):
        ssh(f"{tmp_path}/far").keep("a.backup", b"a" * (1 << 18))


def test_many_errors_before_the_backups_do_not_stop_the_connection(
    ssh: Callable[[str], SshFolder], tmp_path: Path
) -> None:
    """ssh waited for a reader of its errors, and the command for the backups, both for ever."""
    far = ssh(f"{tmp_path}/far")
    far.keep("a.backup", b"a")
    program = tmp_path / "bin" / "ssh"
    program.write_text(program.read_text().replace("for last", "head -c 1000000 /dev/zero >&2; for last"))
    assert list(far.load_all()) == [("a.backup", b"a")]


@pytest.mark.parametrize("sent", ["true", "printf a", "cat {archive}"])
def test_a_machine_that_falls_silent_among_the_backups_is_not_waited_for(
    ssh: Callable[[str], SshFolder], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sent: str
) -> None:
    """However long all backups take together, something of them has to arrive from time to time."""
    far = ssh(f"{tmp_path}/far")
    far.keep("a.backup", bytes(1 << 20))
    with tarfile.open(tmp_path / "tar", "w") as archive:
        archive.add(tmp_path / "far" / "a.backup", "a.backup")
    (tmp_path / "half").write_bytes((tmp_path / "tar").read_bytes()[: 1 << 19])
    command = sent.format(archive=tmp_path / "half")
    (tmp_path / "bin" / "ssh").write_text(f"#!/bin/sh\n{command}; sleep 60\n")
    monkeypatch.setattr("wallets.backups.ssh_folder._SECONDS", 0.5)
    began = time.monotonic()
    with pytest.raises(WalletError, match=r"ssh://.*/far has sent nothing for 0.5 s"):
        list(far.load_all())
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("size", [1, 1_000_000])
def test_a_greeting_of_the_other_machines_shell_hides_no_backups(
    ssh: Callable[[str], SshFolder], tmp_path: Path, size: int
) -> None:
    """A line that its ~/.bashrc printed made a folder of backups an empty one."""
    far = ssh(f"{tmp_path}/far")
    far.keep("a.backup", b"x" * size)
    program = tmp_path / "bin" / "ssh"
    program.write_text(program.read_text().replace("for last", "echo hello; for last"))
    with pytest.raises(
        WalletError, match=r"far sent something other than its backups \(.*print a greeting\?"
    ):
        list(far.load_all())
    with pytest.raises(WalletError, match=r"b.backup reads back differently .*print a greeting\?"):
        far.keep("b.backup", b"b")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("link.backup", tarfile.LNKTYPE),
        ("a\x1b[2J.backup", tarfile.REGTYPE),
        ("../a.backup", tarfile.REGTYPE),
    ],
)
def test_what_another_machine_may_not_send_is_no_backup(
    ssh: Callable[[str], SshFolder], tmp_path: Path, name: str, kind: bytes
) -> None:
    """A link to nothing ended the command with a traceback, and an escape sequence reached the terminal."""
    far, entry, good = ssh(f"{tmp_path}/far"), tarfile.TarInfo(name), tarfile.TarInfo("b.backup")
    entry.type, entry.linkname, good.size = kind, "gone", 1
    with tarfile.open(tmp_path / "tar", "w") as archive:
        archive.addfile(good, io.BytesIO(b"b"))
        archive.addfile(entry)
    (tmp_path / "bin" / "ssh").write_text(f"#!/bin/sh\ncat {tmp_path}/tar\n")
    assert list(far.load_all()) == [("b.backup", b"b")]


def test_a_file_that_is_larger_than_any_backup_is_skipped_and_does_not_fill_the_memory(
    ssh: Callable[[str], SshFolder],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for name, size in (("holiday.tar.gz", 3 * 2**20), ("b.backup", 1)):
        (folder / name).write_bytes(bytes(size))
    monkeypatch.setattr("wallets.backups.local_folder.LARGEST_FILE", 2 * 2**20)
    for place in (LocalFolder(folder), ssh(str(folder))):
        assert list(place.load_all()) == [("b.backup", bytes(1))]
        assert capsys.readouterr().out == (
            f"skipped: {place.address('holiday.tar.gz')} is larger than 2 MiB, so it is not a backup of this "
            "program\n"
        )
    with pytest.raises(WalletError, match=r"holiday.tar.gz is larger than 2 MiB"):
        LocalFolder(folder).load("holiday.tar.gz")


def test_a_file_behind_ssh_that_is_too_large_for_a_backup_is_not_read_into_memory(
    ssh: Callable[[str], SshFolder], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A film instead of a backup, or a machine that sends without end."""
    monkeypatch.setattr("wallets.backups.local_folder.LARGEST_FILE", 2**20)
    (tmp_path / "film.backup").write_bytes(bytes(2**20))
    assert len(ssh(str(tmp_path)).load("film.backup")) == 2**20
    os.truncate(tmp_path / "film.backup", 2**40)
    with pytest.raises(WalletError, match=r"film\.backup is larger than 1 MiB, so it is not a backup"):
        ssh(str(tmp_path)).load("film.backup")


def test_a_sign_that_ends_the_path_of_an_address_can_be_written_in_it(
    ssh: Callable[[str], SshFolder], tmp_path: Path
) -> None:
    """`ssh://nas.lan/~/wallets#2` wrote the backups into ~/wallets."""
    with pytest.raises(WalletError, match="write # as %23 and"):
        ssh(f"{tmp_path}/wallets#2")
    ssh(f"{tmp_path}/wallets%232%3F").keep("node-1-wallet-2026-01-01T00-00-00Z.backup", b"x")
    assert [file.name for file in (tmp_path / "wallets#2?").iterdir()]


def test_the_next_backup_removes_old_partial_files_of_killed_runs(
    ssh: Callable[[str], SshFolder], tmp_path: Path
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for far in (LocalFolder(folder), ssh(str(folder))):
        for name, days in (
            (".n-wallet-1.backup.7.partial", 3),
            (".n-wallet-2.backup.7.partial", 0),
            ("x", 3),
        ):
            (folder / name).touch()
            os.utime(folder / name, times=(time.time() - days * 86400,) * 2)
        far.keep("a.backup", b"a")
        assert sorted(path.name for path in folder.iterdir()) == [
            ".n-wallet-2.backup.7.partial",
            "a.backup",
            "x",
        ]
        (folder / "a.backup").unlink()


@pytest.mark.case(38)
def test_a_backup_that_is_killed_while_it_is_written_leaves_nothing(tmp_path: Path) -> None:
    """The file has no name until it is complete, so it disappears with the process."""
    script = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom wallets.backups import local_folder\n"
        "local_folder.os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)\n"
        "local_folder.LocalFolder(Path(sys.argv[1])).keep('n-wallet-1.backup', b'x' * 99999)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], cwd=PROJECT, check=False)
    assert done.returncode == -9
    assert list(tmp_path.iterdir()) == []
