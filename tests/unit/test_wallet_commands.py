"""`skyinfra wallet`: command lines, timer units, and what `up` and the review page say about backups."""

import json
import os
import re
import shlex
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from clients.age import Identity
from clients.deployed_nodes import DeployedNode, node_of
from clients.fingerprint import digest
from commands.wallet.backups import KEPT
from local import __main__ as local_main
from local.machine.layout import Layout, read_layout
from settings.wallets import WalletsSettings
from tests.unit.command_line import Skyinfra
from tests.unit.test_wallet_backups import CONTENTS, KEY, OTHER, PUBLIC_OF_IT, WITH_PASSPHRASE, sealed, wallet
from tests.unit.test_wallets import BACKUPS, COPY, RESOURCES, WALLET, FakeEngine, volume
from wallets.backups.folder import BackupFolder
from wallets.backups.format import read
from wallets.backups.records import remember
from wallets.backups.schedule import Scheduler, timer
from wallets.files.archives import pack
from wallets.files.contents import File
from wallets.files.fingerprint import fingerprint_of

NAME = "node-1-wallet-2026-01-02T00-00-00Z.backup"


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    """Configuration of the stack that every command finds; its state has one node."""
    config: dict[str, Any] = {}
    monkeypatch.setenv("SKYCOIN_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    (tmp_path / "pulumi").write_text("#!/bin/sh\n")
    (tmp_path / "pulumi").chmod(0o755)
    for module in ("backups", "restore"):
        monkeypatch.setattr(f"commands.wallet.{module}.stack_config", lambda _: config)
    monkeypatch.setattr("commands.review.pages.stack_config", lambda _: config)
    monkeypatch.setattr("commands.backend.stack_resources", lambda _: RESOURCES)
    monkeypatch.setattr("commands.wallet.backups.engine_of", lambda _: None)
    monkeypatch.setattr("commands.wallet.backups.volume_of", lambda _: None)
    return config


def test_a_node_that_only_the_file_has_is_not_unknown(
    stack: dict[str, Any], skyinfra: Skyinfra, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was “not a node of the stack”, although the user had just written it into its file."""
    monkeypatch.setattr("commands.deployed.listed_nodes", lambda _: {"web": {}})
    ran = skyinfra("wallet", "backup", "web", "-s", "test", "--plain")
    assert ran.code == 1
    assert (
        "web is in stacks/Pulumi.test.yaml, but is not deployed yet: run `up`, which creates it." in ran.err
    )
    ran = skyinfra("wallet", "backup", "wbe", "-s", "test", "--plain")
    assert "'wbe' is not a node of the stack test; its nodes are: node-1" in ran.err


def test_a_backup_is_encrypted_to_all_recipients_and_recorded_for_this_backend(
    stack: dict[str, Any], skyinfra: Skyinfra, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made: list[Any] = []
    monkeypatch.setattr("commands.wallet.backups.backup", lambda *given: made.append(given[2:]))
    stack["skycoin:wallets"] = {"recipients": [KEY.public]}
    ran = skyinfra("wallet", "backup", "node-1", "-s", "test", "--to", "/x/y", "--recipient", OTHER.public)
    assert ran.code == 0, ran.err
    [(folder, recipients, records)] = made
    assert folder.address("n") == "/x/y/n"
    assert recipients == [KEY.public, OTHER.public]
    assert records == tmp_path / "cache" / "skycoin-infrastructure" / "backups"


def fingerprint(wallet_file: bytes) -> str:
    return digest(fingerprint_of({"a.wlt": File(data=wallet_file)}))


def test_the_copies_on_the_host_are_listed_oldest_first_and_compared_with_the_wallet(
    stack: dict[str, Any], skyinfra: Skyinfra, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = wallet("A"), wallet("A", "B")
    older = "2020-01-01T00-00-00Z"
    copies = {f"{COPY}/a.wlt": second, f"{older}/a.wlt": first, f"{older}-new-wallet/x": b""}
    engine = FakeEngine({WALLET: {"a.wlt": second}, BACKUPS: copies})
    monkeypatch.setattr("commands.wallet.copies.volume_of", lambda node: volume(node, engine))
    ran = skyinfra("wallet", "copies", "node-1", "-s", "test")
    assert ran.code == 0
    lines = [re.split(r"\s{2,}", line) for line in ran.out.splitlines()]
    assert lines == [
        ["COPY (UTC)", "WALLETS", "FINGERPRINT", "COMPARED WITH NOW"],
        [older, "1 wallet with 1 address", fingerprint(first), "different"],
        [COPY, "1 wallet with 2 addresses", fingerprint(second), "the same wallets"],
    ]
    assert f"\n2 copies of {WALLET} on host " in ran.err
    assert engine.noted == ["remove"] * 2, "containers that read the wallet, and all copies"


def test_copies_are_listed_if_the_wallet_volume_is_gone(
    stack: dict[str, Any], skyinfra: Skyinfra, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = FakeEngine({BACKUPS: {f"{COPY}/a.wlt": wallet("A")}})
    monkeypatch.setattr("commands.wallet.copies.volume_of", lambda node: volume(node, engine))
    ran = skyinfra("wallet", "copies", "node-1", "-s", "test")
    assert (ran.code, ran.out.splitlines()[1].split()[0]) == (0, COPY)
    assert f"Not compared with the wallets as they are now: there is no volume '{WALLET}'" in ran.err
    assert f"\n1 copy of {WALLET} on host " in ran.err


def test_no_copies_are_no_table(
    stack: dict[str, Any], skyinfra: Skyinfra, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "commands.wallet.copies.volume_of", lambda node: volume(node, FakeEngine({WALLET: {}}))
    )
    ran = skyinfra("wallet", "copies", "node-1", "-s", "test")
    assert (ran.code, ran.out) == (0, "")
    assert f"\n0 copies of {WALLET} on host " in ran.err


def test_a_backup_without_recipients_is_refused_before_the_wallet_is_read(
    stack: dict[str, Any], skyinfra: Skyinfra
) -> None:
    ran = skyinfra("wallet", "backup", "node-1", "-s", "test")
    assert ran.code == 1
    assert "error: no recipient is given for backups of node-1, so none was created." in ran.err


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        ("--ssh-option=-oProxyCommand=x", "'-oProxyCommand=x' is not allowed"),
        ("--ssh-option=-v", "'-v' is not allowed or has no value"),
    ],
)
def test_an_ssh_option_that_could_run_a_program_or_skip_the_hosts_key_is_refused(
    option: str, expected: str, skyinfra: Skyinfra
) -> None:
    ran = skyinfra("wallet", "list", option)
    assert ran.code == 2
    assert expected in " ".join(ran.err.split())


def test_list_shows_each_file_and_what_was_not_verified_without_a_key(
    skyinfra: Skyinfra, tmp_path: Path
) -> None:
    (tmp_path / NAME).write_bytes(sealed(time=datetime(2026, 1, 2, tzinfo=UTC)))
    (tmp_path / "node-2-wallet-2026-01-01T00-00-00Z.tar.gz").write_bytes(pack(CONTENTS))
    (tmp_path / "node-1-wallet-2026-01-03T00-00-00Z.backup").write_bytes(sealed()[:-1])
    ran = skyinfra("wallet", "list", "--from", str(tmp_path))
    assert ran.code == 0
    lines = ran.out.splitlines()
    assert lines[0].split()[:2] == ["FILE", "NODE"]
    assert [line.split()[0][:6] for line in lines[1:4]] == ["node-1", "node-1", "node-2"]
    assert lines[1].endswith("  complete")
    assert "is not a complete backup: it was truncated or changed" in lines[2]
    assert lines[3].endswith("  complete, not encrypted")
    assert lines[-1].startswith("Not verified without a key, for encrypted backups: that it can be")
    assert "node-2" not in skyinfra("wallet", "list", "node-1", "--from", str(tmp_path)).out
    assert skyinfra("wallet", "list", "node-3", "--from", str(tmp_path)).out == (
        f"{tmp_path} has no backups of node-3.\n"
    )
    none = skyinfra("wallet", "list", "--from", "none")
    assert none.code == 1
    assert "/none: `./skyinfra wallet backup NODE` creates it with a first backup" in none.err


def test_verify_reads_a_key_from_a_file_or_from_standard_input(skyinfra: Skyinfra, tmp_path: Path) -> None:
    file, key = tmp_path / NAME, tmp_path / "key"
    file.write_bytes(sealed())
    key.write_bytes(KEY.file)
    for given in (str(key), "-"):
        ran = skyinfra("wallet", "verify", str(file), "--identity", given, given=KEY.file)
        assert ran.code == 0, ran.err
        assert "decrypted: its wallets are intact, and its header matches its content" in ran.out
    wrong = skyinfra("wallet", "verify", str(file), "--identity", "-", given=OTHER.file)
    assert (wrong.code, "none of the given identities is one of theirs" in wrong.err) == (1, True)
    assert "not verified without a key" in skyinfra("wallet", "verify", str(file)).out
    assert skyinfra("wallet", "verify", str(tmp_path / "none")).code == 1


def test_the_passphrase_of_a_key_is_asked_for_only_on_a_terminal(
    skyinfra: Skyinfra, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, key = tmp_path / NAME, tmp_path / "key"
    file.write_bytes(sealed(recipients=[PUBLIC_OF_IT]))
    key.write_text(WITH_PASSPHRASE)
    refused = skyinfra("wallet", "verify", str(file), "--identity", str(key))
    assert refused.err == f"error: {key} has a passphrase, and there is no terminal to ask for it\n"
    asked: list[str] = []

    def prompt(text: str, *, hide_input: bool, err: bool) -> str:
        assert hide_input
        assert err
        asked.append(text)
        return "right"

    monkeypatch.setattr("commands.wallet_options.click.prompt", prompt)
    monkeypatch.setattr("commands.wallet_options._on_terminal", lambda: True)
    assert skyinfra("wallet", "verify", str(file), "--identity", str(key)).code == 0
    assert asked == [f"Passphrase of {key}"]


def test_check_and_drill_are_given_the_stacks_rules_and_the_keys(
    stack: dict[str, Any], skyinfra: Skyinfra, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "key").write_bytes(KEY.file)
    seen: list[Any] = []

    def check(
        _: object, __: object, folder: BackupFolder, rules: WalletsSettings, keys: Sequence[Identity]
    ) -> None:
        seen.append(("check", folder.address("n"), rules.backup_age, len(keys)))

    def drill(node: DeployedNode, _: object, folder: BackupFolder, keys: Sequence[Identity]) -> None:
        seen.append(("drill", folder.address("n"), node.name, len(keys)))

    monkeypatch.setattr("commands.wallet.backups.check", check)
    monkeypatch.setattr("commands.wallet.backups.drill", drill)
    stack["skycoin:wallets"] = {"backup-age": 3}
    for command in ("check", "drill"):
        options = ("--from", "/x", "--identity", str(tmp_path / "key"))
        assert skyinfra("wallet", command, "node-1", "-s", "test", *options).code == 0
    assert seen == [("check", "/x/n", 3, 1), ("drill", "/x/n", "node-1", 1)]


def test_a_stack_with_other_errors_is_still_backed_up(stack: dict[str, Any], skyinfra: Skyinfra) -> None:
    stack |= {"skycoin:nodes": "nonsense", "skycoin:wallets": {"recipients": ["me"], "backup-age": 0}}
    ran = skyinfra("wallet", "backup", "node-1", "-s", "test")
    assert ran.code == 1
    assert "skycoin:wallets.recipients[0]" in ran.err
    assert "skycoin:wallets.backup-age: 0: must be a whole number of days from 1 to 3650" in ran.err
    assert "nonsense" not in ran.err


# Timers


@pytest.mark.parametrize("scheduler", list(Scheduler))
def test_a_printed_unit_has_the_complete_command_line_and_creates_no_backup(
    scheduler: Scheduler, stack: dict[str, Any], skyinfra: Skyinfra, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("commands.wallet.backups.backup", pytest.fail)
    options = ("--to", "ssh://nas/~/w", "--ssh-option=-i", "--ssh-option=/k", "--recipient", OTHER.public)
    ran = skyinfra(
        "wallet", "backup", "node-1", "-s", "me/skycoin/test", *options, "--print", scheduler.value
    )
    assert ran.code == 0, ran.err
    words = shlex.split(ran.out.replace("$(", " ").replace(")", " "), comments=True)
    at = next(number for number, word in enumerate(words) if word.endswith("/skyinfra"))
    assert [word.rstrip('"') for word in words[at + 1 : at + 16]] == [
        *("wallet", "backup", "node-1", "--stack", "me/skycoin/test", "--backend", "auto"),
        *("--to", "ssh://nas/~/w", "--ssh-option=-i", "--ssh-option=/k", "--recipient", OTHER.public),
        *("--wait", "60"),
    ]
    assert "skycoin-wallet-backup-test-node-1" in ran.out
    assert "PASSPHRASE" not in ran.out


def test_a_printed_unit_keeps_each_variable_that_places_a_set_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """With another XDG_CACHE_HOME, records of scheduled backups went where `up` did not look."""
    asked = set[str]()

    class Recorded(dict[str, str]):
        def get(self, name: str, *default: Any) -> Any:
            asked.add(name)
            return super().get(name, *default)

    monkeypatch.setattr("os.environ", Recorded(os.environ))
    read_layout()
    assert {"XDG_CACHE_HOME", "SKYCOIN_STATE"} <= asked
    assert asked - {"HOME"} <= {*KEPT}


def test_a_printed_unit_reaches_the_bucket_of_a_backend_and_has_no_secret_of_it(
    stack: dict[str, Any], skyinfra: Skyinfra, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "given")
    ran = skyinfra("wallet", "backup", "node-1", "-s", "test", "--print", "cron")
    assert ran.code == 0, ran.err
    assert " AWS_PROFILE=given AWS_REGION=given " in ran.out
    assert "SECRET" not in ran.out
    assert "TOKEN" not in ran.out


@pytest.mark.parametrize("url", ["postgres://me:secret@db/x", "postgres://db/x?user=me&password=secret"])
def test_a_backend_url_with_a_login_is_refused_and_not_printed(
    stack: dict[str, Any], skyinfra: Skyinfra, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("PULUMI_BACKEND_URL", url)
    ran = skyinfra("wallet", "backup", "node-1", "-s", "test", "--print", "cron")
    assert ran.code == 1
    assert "error: PULUMI_BACKEND_URL holds a login" in ran.err
    assert "secret" not in ran.out + ran.err


ODD = """it's 100% "odd" $HOME \\ here"""


def test_a_systemd_unit_escapes_the_characters_that_systemd_interprets() -> None:
    text = timer(Scheduler.SYSTEMD, "name", "/a 100%", ["run", ODD], {"V": ODD})
    assert "WorkingDirectory=/a 100%%\n" in text
    assert """ExecStart="run" "it's 100%% \\"odd\\" $$HOME \\\\ here"\n""" in text
    assert """Environment="V=it's 100%% \\"odd\\" $HOME \\\\ here"\n""" in text


# What `up` and the review page say


@pytest.fixture
def node() -> DeployedNode:
    return node_of("test", "node-1", RESOURCES)


def record(folder: Path, node: DeployedNode, days: int) -> None:
    remember(folder, node, read("ssh://nas/w/x.backup", sealed()))
    [file] = folder.rglob("*.json")
    time = datetime.now(UTC) - timedelta(days=days, minutes=1)
    file.write_text(json.dumps({**json.loads(file.read_text()), "time": time.isoformat()}))


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (
            None,
            "  WARNING: no backup is known here (`./skyinfra wallet backup node-1`), and the stack requires",
        ),
        (1, "  backup 24 hours old, fingerprint "),
        (9, "  WARNING: backup 9 days old, fingerprint "),
    ],
)
def test_up_says_the_age_of_each_nodes_newest_backup_and_warns(
    days: int | None,
    expected: str,
    layout: Layout,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    node = node_of("local", "node-1", RESOURCES)
    if days is not None:
        record(layout.backup_records, node, days=days)
    outputs = {"host": "attic", "image": "i", "wallet_volume": "w", "rpc": "r"}
    config = {"skycoin:wallets": {"backup-age": 7}, "skycoin:hosts": {"attic": {"engine": "ssh://a@b"}}}
    monkeypatch.setattr(local_main, "stack_config", lambda: config)
    monkeypatch.setattr(local_main, "resources", lambda *_: RESOURCES)
    monkeypatch.setattr(local_main, "stack_outputs", lambda *_: {"nodes": {"node-1": outputs}})
    monkeypatch.setattr(local_main, "set_up", lambda _: {})
    monkeypatch.setattr(local_main, "bring_up", lambda *_, after: after() or 0)
    assert local_main.up(layout, None) == 0  # type: ignore[arg-type]
    line = capsys.readouterr().out.splitlines()[-1]
    assert line.startswith(expected)
