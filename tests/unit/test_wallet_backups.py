"""Encrypted backups: format, keys and folders. On a real node: tests/e2e/test_wallet_backups.py."""

import base64
import gzip
import hashlib
import io
import json
import os
import re
import stat
import tarfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyrage
import pytest

from clients import age
from clients.deployed_nodes import DeployedNode, node_of
from settings.wallets import WalletsSettings
from tests.unit.projects import PROJECT
from tests.unit.test_wallets import BACKUPS, COPY, RESOURCES, WALLET, FakeEngine, volume
from wallets.backups import backup as backups
from wallets.backups import listing, records
from wallets.backups.folder import backup_folder
from wallets.backups.format import About, Kind, about, open_backup, read, seal
from wallets.backups.local_folder import LocalFolder
from wallets.backups.policy import EXAMPLES, recipients_of, refuse_unclear, rules_of
from wallets.backups.restore import Restoring, restore_copy, restore_file
from wallets.backups.ssh_folder import SshFolder
from wallets.errors import WalletError
from wallets.files.archives import from_tar, pack
from wallets.files.contents import Contents, File
from wallets.files.losses import lost

SEED = "canary fossil side modify turtle door label grunt baby worth brush master"


def secret_key(address: str) -> str:
    return hashlib.sha256(address.encode()).hexdigest()


def wallet(*addresses: str, seed: str = SEED) -> bytes:
    entries = [{"address": address, "secret_key": secret_key(address)} for address in addresses]
    return json.dumps({"meta": {"type": "deterministic", "seed": seed}, "entries": entries}).encode()


CONTENTS = {"a.wlt": File(data=wallet("one", "two"), modified=1_700_000_000), "sub/note": File(data=b"x")}


class Key:
    """A key pair of age."""

    def __init__(self) -> None:
        self.secret = pyrage.x25519.Identity.generate()
        self.public = str(self.secret.to_public())
        self.file = f"# created\n# public key: {self.public}\n{self.secret}\n".encode()


KEY, OTHER = Key(), Key()


@pytest.fixture
def node(monkeypatch: pytest.MonkeyPatch) -> DeployedNode:
    monkeypatch.setattr("wallets.volumes.volume.PAUSE", 0)
    return node_of("test", "node-1", RESOURCES)


def sealed(
    contents: Contents = CONTENTS,
    recipients: Sequence[str] = (KEY.public,),
    node: str = "node-1",
    stack: str = "test",
    kind: Kind = Kind.BACKUP,
    time: datetime | None = None,
) -> bytes:
    facts = about(contents, node=node, stack=stack, host="attic", kind=kind, recipients=recipients)
    return seal(facts if time is None else replace(facts, time=time), contents)


def data_of(contents: Contents) -> dict[str, bytes]:
    return {path: file.data for path, file in contents.items()}


def test_a_backup_opens_with_the_key_of_each_recipient_and_describes_itself() -> None:
    backup = read("b", sealed(recipients=[KEY.public, OTHER.public]))
    facts = backup.about
    assert (facts.node, facts.stack, facts.host, facts.wallets) == ("node-1", "test", "attic", 1)
    assert facts.recipients == [KEY.public, OTHER.public]
    assert re.fullmatch("[0-9a-f]{16}", facts.fingerprint)
    assert datetime.now(UTC) - facts.time < timedelta(minutes=1)
    for key in (KEY, OTHER):
        assert data_of(open_backup(backup, [Key().secret, key.secret])) == data_of(CONTENTS)


LATIN = b"geldb\xf6rse.wlt".decode(errors="surrogateescape")


@pytest.mark.parametrize("recipients", [[], [KEY.public]], ids=["plain", "encrypted"])
def test_a_wallet_whose_name_is_not_utf_8_is_backed_up_and_restored_byte_by_byte(
    recipients: list[str], node: DeployedNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before, the backup ended with an internal error: the name could not be encoded for the hash."""
    monkeypatch.setattr(tarfile.TarFile, "encoding", "iso8859-1")  # whatever this machine's locale is
    there = {LATIN: wallet("one"), LATIN.replace("\udcf6", "\udcfc"): wallet("two")}
    engine = FakeEngine({WALLET: dict(there)})
    where = LocalFolder(tmp_path)
    name = backups.backup(node, volume(node, engine), where, recipients, tmp_path / ".records")
    engine.volumes[WALLET] = {LATIN: wallet("one")}
    file = read(name, where.load(Path(name).name))
    restore_file(node, volume(node, engine), file, [KEY.secret], Restoring(folder=where))
    assert engine.volumes[WALLET] == there
    engine.volumes[WALLET] = {LATIN: wallet("one", "more")}
    with pytest.raises(WalletError, match=r"after a restore, geldb\\xf6rse\.wlt has 1 of 2 addresses"):
        restore_file(node, volume(node, engine), file, [KEY.secret], Restoring(folder=where))


def test_no_secret_of_a_wallet_is_in_an_encrypted_backup() -> None:
    file = sealed()
    for form in (file, file.lower()):
        assert b"canary" not in form
        assert secret_key("one").encode() not in form
    assert b"a.wlt" not in file, "not even the names of the wallets"


@pytest.mark.case(38)
@pytest.mark.parametrize("cut", [1, 30, 200, 700, -300, -17, -1])
def test_a_backup_that_was_cut_short_is_refused_without_a_key(cut: int) -> None:
    with pytest.raises(WalletError, match=r"^b is not a complete backup"):
        read("b", sealed()[:cut])


@pytest.mark.case(38)
def test_no_changed_byte_of_a_backup_goes_unnoticed() -> None:
    file = sealed()
    for at in range(0, len(file), 7):
        changed = bytearray(file)
        changed[at] ^= 1
        with pytest.raises(WalletError):
            read("b", bytes(changed))


def forged(file: bytes, old: str, new: str) -> bytes:
    """The file with a changed header and a matching checksum."""
    head, _, payload = file.partition(age.MAGIC)
    lines = head.decode().replace(old, new).splitlines(keepends=True)[:-1]
    top, rest = "".join(lines).encode(), age.MAGIC + payload
    return top + f"sha256: {hashlib.sha256(top + rest).hexdigest()}\n".encode() + rest


def test_a_header_that_was_changed_with_its_checksum_is_refused_with_a_key() -> None:
    whole = forged(sealed(), "host: attic", "host: attic")
    assert open_backup(read("b", whole), [KEY.secret])
    for old, new in (("node: node-1", "node: node-2"), ("wallets: 1", "wallets: 2")):
        backup = read("b", forged(sealed(), old, new))
        with pytest.raises(
            WalletError, match=r"its header was changed: it contradicts the encrypted content"
        ):
            open_backup(backup, [KEY.secret])


def test_wallets_that_are_not_those_of_the_header_are_refused() -> None:
    """Whoever knows the recipient can encrypt other wallets for it, under this backup's header."""
    facts = about(CONTENTS, node="n", stack="s", host="h", kind=Kind.BACKUP, recipients=[KEY.public])
    swapped = seal(facts, {"a.wlt": File(data=wallet("three"))})
    with pytest.raises(WalletError, match=r"its wallets differ from those in its header"):
        open_backup(read("b", swapped), [KEY.secret])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("kind: backup", "kind: else"),
        ("kind: backup", "kind: backup\nkind: backup"),
        ("node: node-1\n", ""),
        ("wallets: 1", "wallets: x"),
        ("time: 2", "time: x"),
    ],
)
def test_a_header_of_another_form_is_refused(old: str, new: str) -> None:
    with pytest.raises(WalletError, match=r"b: its header does not have this version's form"):
        read("b", forged(sealed(), old, new))


@pytest.mark.parametrize("clears", ["\x1b[2J", "\x9b2J", "\u202e"])
def test_a_header_sends_no_commands_to_the_terminal(clears: str, tmp_path: Path) -> None:
    """Before, the machine that stores the backups could write to the terminal of whoever lists them."""
    (tmp_path / "a.backup").write_bytes(forged(sealed(), "host: attic", f"host: {clears}attic"))
    with pytest.raises(WalletError, match=r"^b: its header has characters that can be commands"):
        read("b", (tmp_path / "a.backup").read_bytes())
    _, row = listing.rows(LocalFolder(tmp_path), None)
    assert "".join(row).isprintable()
    assert row[-1].startswith("its header has characters")


@pytest.mark.case(38)
def test_a_backup_to_other_recipients_names_them_and_needs_a_key() -> None:
    backup = read("b", sealed())
    with pytest.raises(
        WalletError, match=f"b is encrypted to {KEY.public}, but none of the given identities"
    ):
        open_backup(backup, [OTHER.secret])
    with pytest.raises(WalletError, match=r"b is encrypted: give the secret key .*--identity FILE"):
        open_backup(backup, [])


@pytest.mark.parametrize("first", ["skyinfra set-up backup 1", "skyinfra wallet backup 2"])
def test_a_backup_of_something_else_or_of_another_version_is_recognized(first: str) -> None:
    other = sealed().replace(b"skyinfra wallet backup 1", first.encode(), 1)
    with pytest.raises(
        WalletError, match=f"^b begins with “{first}” and not with “skyinfra wallet backup 1”"
    ):
        read("b", other)


@pytest.mark.parametrize("data", [b"", b"hello", b"PK\x03\x04", age.MAGIC + b"-> X25519 x"])
def test_a_file_that_is_not_a_backup_is_reported(data: bytes) -> None:
    with pytest.raises(WalletError, match=r"^b (is empty|is not a complete backup): it begins neither like"):
        read("b", data)


def no_passphrase() -> str:
    raise AssertionError("nobody was to be asked")


WITH_PASSPHRASE = """\
-----BEGIN AGE ENCRYPTED FILE-----
YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IHNjcnlwdCBiRy9RczBzY2o5UkZhNTVy
S2VneHBBIDEKc2tFK01JSVdZU2R4Vk4vY0pSZ1hDNThZOTk4YnRtSGtUbnNJNGFR
TWxjbwotLS0gdEd1WHZKUW9hUTdhdzRSMzdBc25hQ1c2QzlBVGFucDZwbm13QmEw
aGNKYwon/ycsMUwzSzYWaUQbf9K22XZZhH0N0GfSm7pCHPA6vC5a9v5zrEuUi+uZ
46RDJPapTyrJcUOs2R2msVRJOHClKEycX4JZsvE33c5HuikoStRa769r+3/DMsSg
dc5T7a3O8Zu7LlgDI6GDcg==
-----END AGE ENCRYPTED FILE-----
"""
"""Identity file with the key of PUBLIC_OF_IT, encrypted by age with the passphrase `right` and least work."""
PUBLIC_OF_IT = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj"


def test_an_identity_file_with_a_passphrase_asks_for_it() -> None:
    armored = WITH_PASSPHRASE.encode()
    binary = base64.b64decode("".join(WITH_PASSPHRASE.splitlines()[1:-1]))
    for file in (armored, binary):
        [identity] = age.identities("k", file, lambda: "right")
        assert age.decrypt(age.encrypt(b"x", [PUBLIC_OF_IT]), [identity]) == b"x"
    with pytest.raises(age.AgeError, match=r"k: wrong passphrase"):
        age.identities("k", armored, lambda: "wrong")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "k contains no identity"),
        (b"# only a comment\n", "k contains no identity"),
        (KEY.file.replace(b"AGE-SECRET-KEY-1", b"AGE-SECRET-KEY-1Q"), "k is not an identity file"),
        (b"AGE-PLUGIN-YUBIKEY-1QQQ\n", "k needs a plugin of age, which is not supported"),
        (KEY.public.encode(), "k is not an identity file"),
        (b"-----BEGIN OPENSSH PRIVATE KEY-----\nxx\n-----END OPENSSH PRIVATE KEY-----\n", "k: "),
    ],
    ids=["empty", "comment", "changed", "plugin", "public", "ssh"],
)
def test_a_file_that_is_not_an_identity_is_refused_without_showing_its_content(
    text: bytes, said: str
) -> None:
    with pytest.raises(age.AgeError, match=f"^{said}") as refused:
        age.identities("k", text, no_passphrase)
    assert "AGE-SECRET-KEY-1Q" not in str(refused.value)


@pytest.mark.parametrize(
    "text", ["", "age1", "age1yubikey1qqq", KEY.public[:-1], "me@example.org", "ssh-rsa"], ids=range(6)
)
def test_an_invalid_recipient_is_refused_with_the_allowed_forms(text: str) -> None:
    assert "a recipient is a public key: age1… as `age-keygen` prints it" in str(age.recipient_fault(text))


def test_a_secret_key_in_a_recipients_place_is_refused_and_never_shown() -> None:
    fault = str(age.recipient_fault(str(KEY.secret)))
    assert fault.startswith("that is a secret key")
    assert str(KEY.secret) not in fault
    with pytest.raises(WalletError) as refused:
        rules_of({"skycoin:wallets": {"recipients": [str(KEY.secret)]}})
    assert str(KEY.secret) not in str(refused.value)
    assert "AGE" not in str(refused.value)


def test_recipients_are_those_of_the_stack_and_those_that_are_given(tmp_path: Path) -> None:
    file = tmp_path / "r"
    file.write_text(f"# mine\n\n{OTHER.public}\n{KEY.public}\n")
    rules = rules_of({"skycoin:wallets": {"recipients": [KEY.public], "backup-age": 7}, "skycoin:nodes": 1})
    assert rules.backup_age == 7
    assert recipients_of(rules, [OTHER.public], [file]) == [KEY.public, OTHER.public]
    assert recipients_of(rules_of({}), [], [file]) == [OTHER.public, KEY.public]
    with pytest.raises(WalletError, match=r"--recipient: a recipient is a public key"):
        recipients_of(rules, ["me"], [])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "contains no recipient"),
        (b"me\n", "recipient 1: a recipient is"),
        (b"\xff", "can't be read: it is no"),
    ],
)
def test_a_malformed_recipients_file_is_reported(text: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "r").write_bytes(text)
    with pytest.raises(age.AgeError, match=f"{tmp_path}/r,? {said}"):
        recipients_of(rules_of({}), [], [tmp_path / "r"])
    with pytest.raises(age.AgeError, match=r"can't be read: No such file"):
        recipients_of(rules_of({}), [], [tmp_path / "none"])


def test_a_backup_without_recipients_and_without_plain_is_refused(node: DeployedNode) -> None:
    with pytest.raises(
        WalletError, match=r"no recipient is given .*`age-keygen -o wallet-key.txt`.*--plain writes"
    ):
        refuse_unclear(node, [], plain=False)
    with pytest.raises(WalletError, match=r"--plain: a backup in plain text would ignore the recipients"):
        refuse_unclear(node, [KEY.public], plain=True)
    refuse_unclear(node, [], plain=True)
    refuse_unclear(node, [KEY.public], plain=False)


def test_no_backup_is_encrypted_to_a_key_that_was_copied_from_the_documents(node: DeployedNode) -> None:
    """It was made, verified and counted as new, and nobody could have read it."""
    pages = [PROJECT / "README.md", *(PROJECT / "docs").glob("*.md")]
    written = {key for page in pages for key in re.findall(r"\bage1[0-9a-z]{58}\b", page.read_text())}
    assert written == {*EXAMPLES}
    for key in EXAMPLES:
        with pytest.raises(WalletError, match=rf"the recipient {key} is an example .* no backup was created"):
            refuse_unclear(node, [KEY.public, key], plain=False)


# Folders


@pytest.fixture
def ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], SshFolder]:
    """Folders behind an `ssh` that runs its command on this machine, in its own home."""
    program, home = tmp_path / "bin" / "ssh", tmp_path / "far home"
    program.parent.mkdir()
    home.mkdir()
    program.write_text(
        f'#!/bin/sh\necho "$@" >> "{tmp_path}/asked"\n'
        f'for last; do :; done\nHOME="{home}" exec sh -c "$last"\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    return lambda path: SshFolder(f"ssh://me@nas.lan:2222{path}", ["-i", "key"])


@pytest.mark.parametrize(
    "url",
    [
        "ssh://nas.lan",
        "ssh://nas.lan/",
        "ssh:///folder",
        "ssh://nas.lan:x/folder",
        "ssh://nas.lan:65536/folder",
        "ssh://[fe80::1/folder",
        "ssh://nas.lan/folder#2",
        "ssh://nas.lan/folder?",
    ],
)
def test_an_address_without_host_or_folder_is_refused(url: str) -> None:
    with pytest.raises(WalletError, match=r"use ssh://USER@HOST"):
        backup_folder(url, [])


# Commands


def backup(node: DeployedNode, engine: FakeEngine, folder: Path, *keys: Key) -> Path:
    recipients = [key.public for key in keys]
    there = volume(node, engine)
    return Path(backups.backup(node, there, LocalFolder(folder), recipients, folder / "records"))


def test_a_backup_is_encrypted_dated_private_and_recorded(
    node: DeployedNode, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = FakeEngine({WALLET: data_of(CONTENTS)})
    path = backup(node, engine, tmp_path, KEY)
    assert re.fullmatch(r"node-1-wallet-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ\.backup", path.name)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert data_of(open_backup(read("b", path.read_bytes()), [KEY.secret])) == data_of(CONTENTS)
    record = records.recorded(tmp_path / "records", node)
    assert record is not None
    assert record.file == str(path)
    assert record.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    for file in tmp_path.rglob("*"):
        assert file.is_dir() or b"canary" not in file.read_bytes(), file
    assert "canary" not in capsys.readouterr().out


@pytest.mark.parametrize("keys", [(), (KEY,)], ids=["plain", "encrypted"])
def test_a_backup_that_no_restore_would_accept_is_not_created(
    keys: tuple[Key, ...], node: DeployedNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before, an encrypted backup was created and recorded, and every restore of it was refused."""
    monkeypatch.setattr("wallets.files.archives.LARGEST", 20_000)
    volume = {"a.wlt": wallet("one"), "log": bytes(30_000)}
    with pytest.raises(WalletError, match=r"larger than 0 MiB in all, and no backup of them could be restor"):
        backup(node, FakeEngine({WALLET: volume}), tmp_path, *keys)
    assert list(tmp_path.iterdir()) == []


def test_a_backup_of_a_hundred_wallets_is_created_in_a_moment(node: DeployedNode, tmp_path: Path) -> None:
    """5 s are allowed including the engine's part, which the end-to-end test measures."""
    many = {
        f"{number}.wlt": wallet(*(f"{number + 1}x{index + 1}".replace("0", "z") for index in range(100)))
        for number in range(100)
    }
    began = time.monotonic()
    backup(node, FakeEngine({WALLET: many}), tmp_path, KEY)
    assert time.monotonic() - began < 5


def restoring(folder: Path, *keys: Key, other_node: bool = False, older: bool = False) -> Restoring:
    return Restoring(
        folder=LocalFolder(folder),
        recipients=[key.public for key in keys],
        other_node=other_node,
        older=older,
    )


def restore(node: DeployedNode, engine: FakeEngine, file: bytes, how: Restoring) -> None:
    restore_file(node, volume(node, engine), read("b", file), [KEY.secret], how)


def test_a_restore_without_recipients_warns_that_the_earlier_wallets_are_kept_unencrypted(
    node: DeployedNode, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    restore(node, FakeEngine({WALLET: {"a.wlt": b"torn"}}), sealed(), restoring(tmp_path))
    said = "-before-restore.tar.gz (in plain text)\nIt holds wallets without a password in plain text"
    assert said in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "modified"),
    [("node-1-wallet-2026-13-41T00-00-00Z.tar.gz", 0), ("mine.tar.gz", 10**15)],
    ids=["in its name", "of its files"],
)
def test_a_plain_archive_with_an_impossible_time_is_refused_with_a_message(name: str, modified: int) -> None:
    """Before, such an archive ended in a ValueError."""
    archive = pack({"a.wlt": File(data=wallet("a"), modified=modified)})
    with pytest.raises(
        WalletError, match=rf"{name}: the time in its name, or of one of its files, is impossible"
    ):
        read(name, archive)


def test_a_restore_with_recipients_encrypts_the_earlier_wallets(
    node: DeployedNode, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = FakeEngine({WALLET: {"a.wlt": b"torn", "b.wlt": wallet("b")}})
    restore(node, engine, sealed(), restoring(tmp_path, OTHER))
    assert engine.volumes[WALLET]["a.wlt"] == CONTENTS["a.wlt"].data
    [kept] = tmp_path.iterdir()
    assert kept.name.endswith("-before-restore.backup")
    said = f"saved what was there before: {kept} (encrypted to {OTHER.public})\n"
    assert said in capsys.readouterr().out, "whoever lacks that key has to know it now"
    before = read("b", kept.read_bytes())
    assert before.about.kind is Kind.BEFORE_RESTORE
    archive = pyrage.decrypt(before.payload, [OTHER.secret])
    assert from_tar(gzip.decompress(archive))["wallet/a.wlt"].data == b"torn"
    with pytest.raises(WalletError, match=r"holds no good backup of node-1"):
        listing.newest(LocalFolder(tmp_path), node)


@pytest.mark.case(38)
def test_a_backup_of_another_node_is_refused_unless_it_is_intended(
    node: DeployedNode, tmp_path: Path
) -> None:
    engine = FakeEngine({WALLET: {}})
    for other in (sealed(node="node-2"), sealed(stack="else")):
        with pytest.raises(WalletError, match=r"b is a backup of node-\d of the stack \w+, not of node-1 of"):
            restore(node, engine, other, restoring(tmp_path))
    plain = read("/x/node-2-wallet-2026-01-01T00-00-00Z.tar.gz", pack(CONTENTS))
    with pytest.raises(WalletError, match=r"is a backup of node-2, not of node-1"):
        restore_file(node, volume(node, engine), plain, [], restoring(tmp_path))
    assert engine.volumes[WALLET] == {}
    restore(node, engine, sealed(node="node-2"), restoring(tmp_path, other_node=True))
    assert "a.wlt" in engine.volumes[WALLET]


@pytest.mark.case(38)
def test_a_backup_older_than_the_existing_wallets_is_refused_unless_it_is_intended(
    node: DeployedNode, tmp_path: Path
) -> None:
    grown = wallet("one", "two", "three")
    engine = FakeEngine({WALLET: {"a.wlt": grown}})
    with pytest.raises(
        WalletError, match=r"b is older than the wallets in .*a.wlt has 2 of 3 addresses .*--older"
    ):
        restore(node, engine, sealed(), restoring(tmp_path))
    assert engine.volumes[WALLET]["a.wlt"] == grown
    assert not any(line.startswith("stop") for line in engine.noted)
    assert list(tmp_path.iterdir()) == []
    copies = FakeEngine({WALLET: {"a.wlt": grown}, BACKUPS: {f"{COPY}/a.wlt": CONTENTS["a.wlt"].data}})
    with pytest.raises(WalletError, match=f"the copy {COPY} is older than the wallets in"):
        restore_copy(node, volume(node, copies), COPY, restoring(tmp_path))
    restore(node, engine, sealed(), restoring(tmp_path, older=True))
    assert engine.volumes[WALLET]["a.wlt"] == CONTENTS["a.wlt"].data


def test_a_wallet_that_grew_or_has_another_name_has_lost_nothing() -> None:
    before = {"a.wlt": File(data=wallet("one"))}
    assert lost(before, {"a.wlt": File(data=wallet("one", "two"))}) == []
    assert lost(before, {"b.wlt": File(data=wallet("one"))}) == []
    assert lost(before, {"a.wlt": File(data=wallet("two", "one"))}) == [
        "a.wlt has other addresses than before (deterministic)"
    ]
    assert lost(before, {}) == ["a.wlt (1 address) is gone"]


@pytest.mark.parametrize("entries", [[1], {"a": 1}, "x", 7])
def test_a_wallet_with_other_entries_is_not_a_fault_of_the_program(entries: object) -> None:
    odd = {"a.wlt": File(data=json.dumps({"meta": {"type": "x"}, "entries": entries}).encode())}
    with pytest.raises(WalletError, match=r"a.wlt: one wallet has entries in an unknown form"):
        sealed(odd)
    with pytest.raises(WalletError, match=r"a.wlt: one wallet has entries"):
        lost({"a.wlt": File(data=wallet("one"))}, odd)


def test_verify_names_what_it_can_not_verify_without_a_key(capsys: pytest.CaptureFixture[str]) -> None:
    backups.verify("b", sealed(), [])
    output = capsys.readouterr().out
    assert "b: a complete backup of node node-1 of stack test, host attic" in output
    assert (
        "not verified without a key: that it can be decrypted, and that its header matches its content"
        in output
    )
    backups.verify("b", sealed(), [KEY.secret])
    assert "decrypted: its wallets are intact, and its header matches its content" in capsys.readouterr().out
    backups.verify("node-1-wallet-2026-01-01T00-00-00Z.tar.gz", pack(CONTENTS), [])
    assert "not encrypted: anyone who has the file can read it" in capsys.readouterr().out


@pytest.mark.case(38)
def test_the_newest_good_backup_is_never_a_torn_one_nor_another_nodes(
    node: DeployedNode, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = sealed(time=datetime(2026, 1, 2, tzinfo=UTC))
    bad = good[:-1]
    files = {
        "node-1-wallet-2026-01-01T00-00-00Z.tar.gz": pack(CONTENTS),
        "node-1-wallet-2026-01-02T00-00-00Z.backup": good,
        "node-1-wallet-2026-01-03T00-00-00Z.backup": bad,
        "node-1-wallet-2026-01-04T00-00-00Z.backup": b"",
        "node-1-wallet-2026-01-05T00-00-00Z.backup": sealed(node="node-2"),
        "node-1-wallet-2026-01-06T00-00-00Z-before-restore.backup": sealed(
            kind=Kind.BEFORE_RESTORE, time=datetime(2026, 1, 6, tzinfo=UTC)
        ),
        "node-2-wallet-2026-01-07T00-00-00Z.backup": sealed(node="node-2"),
        "note.tar.gz": b"",
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    found = listing.newest(LocalFolder(tmp_path), node)
    assert found.name == f"{tmp_path}/node-1-wallet-2026-01-02T00-00-00Z.backup"
    output = capsys.readouterr().out
    assert len(re.findall("skipped: ", output)) == 3
    assert "05T00-00-00Z.backup is a backup of node-2" in output
    rows = list(listing.rows(LocalFolder(tmp_path), "node-1"))[1:]
    assert [row[-1].split(":")[0] for row in rows] == [
        "complete, not encrypted",
        "complete",
        "is not a complete backup",
        "is empty",
        "complete, before a restore",
    ]
    assert {row[1] for row in listing.rows(LocalFolder(tmp_path), None)} == {"NODE", "node-1", "node-2", ""}


def in_january(day: int) -> datetime:
    return datetime(2026, 1, day, tzinfo=UTC)


@pytest.fixture
def misnamed(tmp_path: Path) -> Path:
    """A folder with backups of three days in January: one of a wrong day, of a wrong kind, and unnamed."""
    files = {
        "node-1-wallet-2026-01-09T00-00-00Z.backup": sealed(time=in_january(1)),
        "node-1-wallet-2026-01-03T00-00-00Z-before-restore.backup": sealed(time=in_january(3)),
        "copied from the old disk (2).backup": sealed(time=in_january(2)),
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    return tmp_path


@pytest.mark.case(38)
def test_the_newest_backup_is_the_newest_by_its_header_whatever_its_files_are_called(
    node: DeployedNode, misnamed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A renamed or miscopied old backup passed for the newest one, and the newest was not looked at."""
    where = LocalFolder(misnamed)
    third = misnamed / "node-1-wallet-2026-01-03T00-00-00Z-before-restore.backup"
    assert listing.newest(where, node).name == str(third)
    assert capsys.readouterr().out == (
        f"{third}: its header counts, not its name: node-1-wallet-2026-01-03T00-00-00Z.backup\n"
    )
    third.unlink()
    unnamed = listing.newest(where, node)
    assert (unnamed.about.time, capsys.readouterr().out) == (in_january(2), "")
    Path(unnamed.name).unlink()
    assert listing.newest(where, node).about.time == in_january(1)
    assert "its header counts, not its name: node-1-wallet-2026-01-01T00-00-00Z.backup" in (
        capsys.readouterr().out
    )


def test_a_plain_archive_is_as_old_as_its_name_says(node: DeployedNode, misnamed: Path) -> None:
    plain = misnamed / "node-1-wallet-2026-01-04T00-00-00Z.tar.gz"
    plain.write_bytes(pack(CONTENTS))
    assert listing.newest(LocalFolder(misnamed), node).name == str(plain)


def test_a_list_is_in_the_order_of_the_headers_and_reports_wrong_names(misnamed: Path) -> None:
    (misnamed / "node-1-wallet-2026-01-02T12-00-00Z.backup").write_bytes(sealed()[:-1])
    wrong = "complete, but its name has another node or time"
    rows = list(listing.rows(LocalFolder(misnamed), "node-1"))[1:]
    assert [(row[0], row[2][:10], row[-1].split(":")[0]) for row in rows] == [
        ("node-1-wallet-2026-01-09T00-00-00Z.backup", "2026-01-01", wrong),
        ("copied from the old disk (2).backup", "2026-01-02", "complete"),
        ("node-1-wallet-2026-01-02T12-00-00Z.backup", "", "is not a complete backup"),
        ("node-1-wallet-2026-01-03T00-00-00Z-before-restore.backup", "2026-01-03", wrong),
    ]


def test_verify_names_a_name_that_differs_from_the_header(capsys: pytest.CaptureFixture[str]) -> None:
    name = "/usb/node-2-wallet-2026-01-09T00-00-00Z.backup"
    backups.verify(name, sealed(time=in_january(1)), [])
    output = capsys.readouterr().out
    assert f"{name}: a complete backup of node node-1" in output
    assert "  its header counts, not its name: node-1-wallet-2026-01-01T00-00-00Z.backup\n" in output
    backups.verify("/usb/node-1-wallet-2026-01-01T00-00-00Z.backup", sealed(time=in_january(1)), [])
    assert "its name" not in capsys.readouterr().out


def check(
    node: DeployedNode,
    engine: FakeEngine,
    folder: Path,
    rules: WalletsSettings | None = None,
    key: Key | None = None,
) -> None:
    identities = [key.secret] if key else []
    backups.check(node, volume(node, engine), LocalFolder(folder), rules or WalletsSettings(), identities)


def test_a_check_compares_wallet_and_newest_backup(
    node: DeployedNode, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = FakeEngine({WALLET: data_of(CONTENTS)})
    with pytest.raises(
        WalletError, match=r"holds no good backup of node-1: `./skyinfra wallet backup node-1 -s"
    ):
        check(node, engine, tmp_path)
    backup(node, engine, tmp_path, KEY)
    check(node, engine, tmp_path)
    output = capsys.readouterr().out
    assert "The wallet volume skycoin-node-1-wallet on host attic holds the same addresses." in output
    assert "Not verified without a key: that it can be decrypted" in output
    check(node, engine, tmp_path, key=KEY)
    assert "Not verified" not in capsys.readouterr().out
    engine.volumes[WALLET]["a.wlt"] = wallet("one", "two", "three")
    with pytest.raises(WalletError, match=r"the wallet has other addresses now \(fingerprint"):
        check(node, engine, tmp_path)
    with pytest.raises(WalletError, match=r"in the backup, a.wlt has 2 of 3 addresses") as grown:
        check(node, engine, tmp_path, key=KEY)
    assert "the wallet lacks" not in str(grown.value)
    assert str(grown.value).endswith("\nCreate another: `./skyinfra wallet backup node-1 -s test`")
    engine.volumes[WALLET] = {"b.wlt": wallet("b")}
    with pytest.raises(WalletError, match=r"the wallet lacks a.wlt \(2 addresses\)\n") as other:
        check(node, engine, tmp_path, key=KEY)
    assert "  the backup lacks b.wlt (1 address)\n" in str(other.value), "nothing of the wallet is gone"


def with_keys(*keys: str) -> bytes:
    """A collection of two addresses that has these secret keys."""
    given = [*keys, *[""] * (2 - len(keys))]
    entries = [
        {"address": address, "secret_key": key} for address, key in zip(("one", "two"), given, strict=True)
    ]
    return json.dumps({"meta": {"type": "collection"}, "entries": entries}).encode()


@pytest.mark.parametrize(
    ("now", "loss"),
    [
        pytest.param(
            wallet("one"), "in the wallet, a.wlt has 1 of 2 addresses (deterministic)", id="address"
        ),
        pytest.param(b"", "the wallet lacks a.wlt (2 addresses)", id="wallet"),
    ],
)
@pytest.mark.case(35)
def test_a_check_of_a_wallet_that_has_lost_something_advises_a_restore(
    now: bytes, loss: str, node: DeployedNode, tmp_path: Path
) -> None:
    """It advised another backup, of what was left; the newest backup still had an imported key."""
    file = backup(node, FakeEngine({WALLET: data_of(CONTENTS)}), tmp_path, KEY)
    engine = FakeEngine({WALLET: {"a.wlt": now} if now else {"b.wlt": wallet("b")}})
    with pytest.raises(WalletError) as refused:
        check(node, engine, tmp_path, key=KEY)
    again = "`./skyinfra wallet backup node-1 -s test`"
    back = f"`./skyinfra wallet restore node-1 {file} --identity KEY-FILE -s test`"
    assert f"\n  {loss}\n" in str(refused.value)
    assert str(refused.value).endswith(
        f"\nIf the wallet should still have what it lacks, restore that: {back}. Another backup ({again}) "
        "would lack it too"
    )
    with pytest.raises(WalletError) as unclear:
        check(node, engine, tmp_path)
    assert "\n  the wallet has other addresses now (fingerprint " in str(unclear.value)
    assert str(unclear.value).endswith(
        "\nFirst see which of the two lacks something: the same check with --identity KEY-FILE shows that. "
        f"What the wallet lacks comes back with {back}, and another backup ({again}) would lack it too"
    )


@pytest.mark.case(35)
def test_a_backup_of_a_wallet_that_has_lost_something_warns_once(
    node: DeployedNode, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The day's backup of what was left looked like any other; whoever keeps only the newest lost a key."""
    days = iter(f"node-1-wallet-2026-01-0{day}T00-00-00Z.backup" for day in range(1, 9))
    monkeypatch.setattr(About, "file_name", property(lambda _: next(days)))

    def said(*keys: str) -> str:
        backup(node, FakeEngine({WALLET: {"c.wlt": with_keys(*keys)}}), tmp_path, KEY)
        return capsys.readouterr().out

    one, two = "1" * 64, "2" * 64
    assert "WARNING" not in said(one) + said(one, two)
    file = tmp_path / "node-1-wallet-2026-01-02T00-00-00Z.backup"
    back = f"`./skyinfra wallet restore node-1 {file} --identity KEY-FILE -s test`"
    assert (
        f"\nWARNING: the backup before it, {file}, has what this one lacks: c.wlt has 1 of 2 secret keys. "
        "Keep that file. If the wallet should still have what it lacks, restore that: "
        f"{back}\n"
    ) in said(one)
    assert "WARNING" not in said(one) + said(one, two)
    (tmp_path / "node-1-wallet-2026-01-05T00-00-00Z.backup").unlink()
    assert "WARNING" not in said(one), "nothing can be restored from a file that is gone"


@pytest.mark.case(35)
def test_a_check_with_a_key_finds_secret_keys_that_were_lost_although_all_addresses_are_there(
    node: DeployedNode, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The fingerprints that people compare are of addresses, and were all that it compared."""
    engine = FakeEngine({WALLET: {"c.wlt": with_keys("1" * 64, "2" * 64)}})
    backup(node, engine, tmp_path, KEY)
    engine.volumes[WALLET] = {"c.wlt": with_keys("1" * 64)}
    with pytest.raises(WalletError, match=r"\n  in the wallet, c.wlt has 1 of 2 secret keys\nIf the wallet "):
        check(node, engine, tmp_path, key=KEY)
    assert "holds the same addresses" not in capsys.readouterr().out


def test_a_check_compares_a_backup_with_the_stacks_requirements(node: DeployedNode, tmp_path: Path) -> None:
    engine = FakeEngine({WALLET: data_of(CONTENTS)})
    backup(node, engine, tmp_path, KEY)
    check(
        node, engine, tmp_path, WalletsSettings.model_validate({"recipients": [KEY.public], "backup-age": 1})
    )
    with pytest.raises(WalletError) as refused:
        check(node, engine, tmp_path, WalletsSettings(recipients=[OTHER.public]))
    assert f"it is not encrypted to {OTHER.public}, a recipient of the stack" in str(refused.value)
    more = f"it is encrypted to {KEY.public}, which is not a recipient of the stack: if its owner may read "
    assert f"{more}backups, add it to skycoin:wallets.recipients" in str(refused.value)
    plain = tmp_path / "plain"
    backup(node, engine, plain)
    with pytest.raises(WalletError, match=r"it is not encrypted, although the stack has recipients"):
        check(node, engine, plain, WalletsSettings(recipients=[KEY.public]))
    [old] = plain.glob("*.tar.gz")
    old.rename(plain / "node-1-wallet-2020-01-01T00-00-00Z.tar.gz")
    with pytest.raises(WalletError, match=r"it is \d+ days old, and the stack requires one every 7 days"):
        check(node, engine, plain, WalletsSettings.model_validate({"backup-age": 7}))


# The record


@pytest.fixture
def backed_up(node: DeployedNode, tmp_path: Path) -> Path:
    return backup(node, FakeEngine({WALLET: data_of(CONTENTS)}), tmp_path, KEY)


def aged(folder: Path, **ago: float) -> None:
    """Move the time of the one record into the past."""
    [file] = folder.rglob("*.json")
    noted = json.loads(file.read_text())
    file.write_text(json.dumps({**noted, "time": (datetime.now(UTC) - timedelta(**ago)).isoformat()}))


@pytest.mark.parametrize(
    ("hours", "limit", "words", "short"),
    [
        (0.5, 1, "less than an hour old", False),
        (1.5, None, "1 hour old", False),
        (47, None, "47 hours old", False),
        (49, 3, "2 days old", False),
        (24 * 8, 7, "8 days old", True),
        (25, 1, "25 hours old", True),
        (-1, None, "in the future: check the clocks", True),
    ],
)
def test_the_age_of_the_newest_backup_is_reported_with_a_warning_if_it_is_too_old(
    hours: float, limit: int | None, words: str, short: bool, node: DeployedNode, backed_up: Path
) -> None:
    folder = backed_up.parent / "records"
    aged(folder, hours=hours)
    said, falls_short = records.newest_backup(folder, node, limit)
    assert f"backup {words}, fingerprint " in said
    assert str(backed_up) in said
    assert falls_short is short
    assert ("`./skyinfra wallet backup node-1 -s test`" in said) is short


@pytest.mark.parametrize(
    ("hours", "text"), [(0.5, "30 min"), (47, "47 h"), (49, "2 d"), (-1, "in the future")]
)
def test_a_column_has_the_short_form_of_an_age(hours: float, text: str) -> None:
    """`wallet list` had “less than an hour old” in a column, and `fleet status` had `30 min`."""
    assert records.short_age(datetime.now(UTC) - timedelta(hours=hours)) == text


def test_a_recipient_whom_the_newest_backup_lacks_is_reported(node: DeployedNode, backed_up: Path) -> None:
    """A pull request that gives the next backups to somebody else was `safe`."""
    folder = backed_up.parent / "records"
    assert records.newest_backup(folder, node, None, [KEY.public])[1] is False
    said, falls_short = records.newest_backup(folder, node, None, [KEY.public, OTHER.public])
    assert falls_short
    assert said.endswith(
        f"; the next one will also be readable by {OTHER.public}, a recipient of the stack since then"
    )
    path = folder / "test" / "node-1.json"
    noted = json.loads(path.read_text())
    del noted["recipients"]  # of an earlier version
    path.write_text(json.dumps(noted))
    assert records.newest_backup(folder, node, None, [OTHER.public])[1] is False


def test_a_missing_backup_is_reported_and_one_of_another_wallet_does_not_count(
    node: DeployedNode, backed_up: Path
) -> None:
    folder = backed_up.parent / "records"
    backed_up.unlink()
    assert records.newest_backup(folder, node, None) == (
        f"the newest known backup is gone: {backed_up}",
        True,
    )
    other = node_of("test", "node-1", [{**resource, "inputs": _renamed(resource)} for resource in RESOURCES])
    assert records.recorded(folder, other) is None
    said, falls_short = records.newest_backup(folder, other, 1)
    assert said.endswith("and the stack requires one every day")
    assert falls_short
    assert records.newest_backup(folder, other, None)[1] is False


def _renamed(resource: dict[str, object]) -> dict[str, object]:
    inputs = resource.get("inputs")
    assert inputs is None or isinstance(inputs, dict)
    return {key: "elsewhere" if value == WALLET else value for key, value in (inputs or {}).items()}


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"wallet": 1}'])
def test_a_damaged_record_is_ignored(text: str, node: DeployedNode, tmp_path: Path) -> None:
    (tmp_path / "test").mkdir()
    (tmp_path / "test" / "node-1.json").write_text(text)
    assert records.recorded(tmp_path, node) is None
    assert records.has_records(tmp_path, "me/skycoin/test")


def test_a_backup_on_another_machine_is_not_looked_for(node: DeployedNode, tmp_path: Path) -> None:
    records.remember(tmp_path, node, read("ssh://nas/wallets/x.backup", sealed()))
    said, falls_short = records.newest_backup(tmp_path, node, None)
    assert said.endswith("ssh://nas/wallets/x.backup")
    assert not falls_short


def test_an_archive_of_any_name_is_dated_by_its_files() -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        entry = tarfile.TarInfo("a.wlt")
        entry.size, entry.mtime = len(CONTENTS["a.wlt"].data), 1_600_000_000
        tar.addfile(entry, io.BytesIO(CONTENTS["a.wlt"].data))
    backup = read("mine.tar.gz", gzip.compress(buffer.getvalue()))
    assert (backup.about.node, backup.about.time.year, backup.is_encrypted) == ("", 2020, False)
