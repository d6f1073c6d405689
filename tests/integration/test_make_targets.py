"""Commands that start processes: make's targets, pulumi and git."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from catalogue import exit_codes
from clients.fingerprint import lines
from commands import backend
from commands.backend import Choice, choose
from local.machine.layout import Layout
from tests.unit.command_line import Skyinfra
from tests.unit.projects import PROJECT
from tests.unit.registry import Repository
from tests.unit.test_commands import pulumi, recorded
from tests.unit.test_retention import publish
from tests.unit.test_wallets import RESOURCES, TEXT
from tests.unit.wallet_engine import WalletEngine, wallet
from wallets.files.archives import pack
from wallets.files.contents import File
from wallets.files.fingerprint import fingerprint_of
from wallets.volumes.of_node import fingerprint_on_host

__all__ = ["pulumi", "recorded"]


@pytest.mark.parametrize(
    ("credentials", "shown"),
    [
        ('{"current": "https://api.pulumi.com"}', "https://api.pulumi.com"),
        ('{"current": "postgres://me:secret@db.lan/states"}', "postgres://db.lan/states"),
        ('{"current": "postgres://me:s@cret@db.lan/states"}', "postgres://db.lan/states"),
        (
            '{"current": "postgres://db/x?user=me&password=secret&a=1"}',
            "postgres://db/x?user=me&password=…&a=1",
        ),
        ("{}", "(`pulumi login` has not been run)"),
        (None, "(`pulumi login` has not been run)"),
    ],
)
def test_an_installed_pulumi_is_named_by_its_backend(
    credentials: str | None,
    shown: str,
    layout: Layout,
    pulumi: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    home = Path(os.environ["PULUMI_HOME"])
    if credentials is not None:
        home.mkdir()
        (home / "credentials.json").write_text(credentials)
    found = choose(Choice.AUTO)
    assert found == backend.Backend(layout=None, env={})
    assert capsys.readouterr().err == f"• stacks of Pulumi's backend {shown}\n"
    monkeypatch.setenv("ANSWER", "mine\n")
    assert found.stack(None) == "mine"
    assert pulumi.read_text() == f"-C {PROJECT} --non-interactive stack --show-name\n"


def test_an_error_without_a_selected_stack_names_the_option(
    layout: Layout, pulumi: Path, monkeypatch: pytest.MonkeyPatch, skyinfra: Skyinfra
) -> None:
    monkeypatch.setenv("CODE", "255")
    ran = skyinfra("images")
    assert ran.code == exit_codes.FAILED
    assert "error: no stack is selected: give one with --stack NAME" in ran.err


@pytest.mark.parametrize("where", ["state of the set-up", "state of Pulumi", "file of a stack"])
def test_retention_keeps_what_any_stack_runs_or_names(
    where: str,
    set_up: Layout,
    pulumi: Path,
    monkeypatch: pytest.MonkeyPatch,
    skyinfra: Skyinfra,
    tmp_path: Path,
) -> None:
    """The named one of three old builds stays, on both kinds of backend."""
    repository = Repository("r.example/a")
    named = {name: publish(repository, f"feature-{name}", "2025-01-01") for name in ("a", "b", "c")}["b"]
    monkeypatch.setattr("commands.release.retain.Repository", lambda _: repository)
    monkeypatch.setattr("local.registry_collection.PROJECT", tmp_path)
    state = {"deployment": {"resources": [{"outputs": {"image": f"r.example/a@{named}"}}]}}
    asked = ["release", "retain", "r.example/a", "--keep", "0"]
    if where == "state of the set-up":
        folder = set_up.state / "backend" / ".pulumi" / "stacks" / "skycoin"
        folder.mkdir(parents=True)
        (folder / "fleet.json").write_text(json.dumps(state))
    elif where == "state of Pulumi":
        pulumi.with_name("pulumi").write_text(
            f"#!/bin/sh\ncase $* in *'stack ls'*) echo '[{{\"name\": \"fleet\"}}]';;\n"
            f"*'stack export --stack fleet'*) echo '{json.dumps(state)}';; esac\n"
        )
        asked += ["--backend", "pulumi"]
    else:
        (tmp_path / "stacks").mkdir()
        (tmp_path / "stacks" / "Pulumi.fleet.yaml").write_text(f"digest: {named}\n")
    ran = skyinfra(*asked)
    assert ran.code == 0, ran.err
    assert [line.split()[0] + line.split()[-1] for line in ran.out.splitlines()[:-1]] == [
        "staysfeature-b",
        "goesfeature-c",
        "goesfeature-a",
    ]


def test_outputs_come_from_pulumi_and_its_failure_is_reported(
    layout: Layout, pulumi: Path, monkeypatch: pytest.MonkeyPatch, skyinfra: Skyinfra
) -> None:
    monkeypatch.setenv("ANSWER", json.dumps({"images": {}}))
    ran = skyinfra("images", "-s", "mine")
    assert ran.code == 0
    assert "skycoin" in ran.out
    assert pulumi.read_text() == f"-C {PROJECT} --non-interactive stack output --json --stack mine\n"
    monkeypatch.setenv("ANSWER", "")
    failed = skyinfra("images", "-s", "mine")
    assert failed.code == exit_codes.FAILED
    assert "`pulumi stack output --json --stack mine` failed: it ended with exit code 0" in failed.err
    monkeypatch.setenv("ANSWER", "{}")
    monkeypatch.setenv("CODE", "255")
    assert skyinfra("images", "-s", "mine").code == exit_codes.FAILED, "half an answer is none"


def test_outputs_of_another_form_are_one_error_message(
    layout: Layout, pulumi: Path, monkeypatch: pytest.MonkeyPatch, skyinfra: Skyinfra
) -> None:
    said = "error: these are not the outputs of a stack of this program\n"
    for line, odd in (
        (("images",), {"images": ["x"]}),
        (("images",), {"workspaces": {"cli": {"a": 1}}}),
        (("release", "record"), {"images": {"skycoin": {}}}),
        (("release", "record"), {"images": ["skycoin"]}),
        (("workspace", "files", "cli", "--print"), {"workspaces": {"cli": "x"}}),
        (("workspace", "files", "cli", "--print"), {"workspaces": {"cli": {"a": {"ref": "b"}}}}),
    ):
        monkeypatch.setenv("ANSWER", json.dumps(odd))
        ran = skyinfra(*line, "-s", "mine")
        assert (ran.code, ran.out) == (exit_codes.FAILED, ""), (line, odd)
        assert ran.err.endswith(said)
    monkeypatch.setenv("ANSWER", "[]")
    assert skyinfra("images", "-s", "mine").err.endswith(said)


def test_wallet_accept_shows_what_differs_from_the_record_and_the_next_step(
    recorded: list[tuple[object, ...]], skyinfra: Skyinfra, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It showed the fingerprint alone, and that of an empty volume too."""
    engine, volume = WalletEngine(tmp_path), "skycoin-node-1-wallet"
    engine.put(volume, a=wallet("A"), b=wallet("B", "C"))
    monkeypatch.setattr("wallets.volumes.of_node.connect", lambda _: engine)
    monkeypatch.setattr("commands.wallet.accept.fingerprint_on_host", fingerprint_on_host)

    def state_of(**files: str) -> None:
        known = fingerprint_of({f"{name}.wlt": File(data=text.encode()) for name, text in files.items()})
        after = [{**resource, "outputs": {"wallets": list(lines(known))}} for resource in RESOURCES]
        monkeypatch.setattr("commands.backend.resources", lambda *_: after)

    state_of(b=wallet("B"), gone=wallet("D"))
    ran = skyinfra("wallet", "accept", "node-1")
    assert ran.code == 0
    command = re.search(r"has the fingerprint (.*)\n", ran.out)
    assert command is not None
    assert ran.out.endswith(
        "The stack local has recorded 2 wallets with 2 addresses. Since then: gone.wlt (1 address) is gone; "
        "a.wlt is new; b.wlt has more addresses.\n"
        f"To record them: `./skyinfra wallet accept node-1 {command[1]}`\n"
    )
    state_of(a=wallet("A"), b=wallet("B", "C"))
    same = "has recorded 2 wallets with 3 addresses: the same.\nTo record them:"
    assert same in skyinfra("wallet", "accept", "node-1").out
    for name in "ab":
        (engine.folder(volume) / f"{name}.wlt").unlink()
    ran = skyinfra("wallet", "accept", "node-1")
    assert ran.out == (
        f"{volume} on host attic has no wallet\n"
        "The stack local has recorded 2 wallets with 3 addresses. Since then: a.wlt (1 address) "
        "is gone; b.wlt (2 addresses) is gone.\n"
    )
    state_of()
    assert skyinfra("wallet", "accept", "node-1").out.endswith("The stack local has recorded no wallet.\n")


def test_a_wallet_that_has_lost_something_since_its_restore_is_not_recorded(
    recorded: list[tuple[object, ...]], skyinfra: Skyinfra, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Its loss was accepted, so that no `up` would have noticed it."""
    engine = WalletEngine(tmp_path)
    engine.put("skycoin-node-1-wallet", a=wallet("A", "B"))
    monkeypatch.setattr("wallets.volumes.of_node.connect", lambda _: engine)
    monkeypatch.setattr("commands.wallet.restore.fingerprint_on_host", fingerprint_on_host)
    monkeypatch.setattr("commands.wallet.restore.volume_of", lambda _: None)
    monkeypatch.setattr("commands.wallet.restore.load_file", lambda *_: pack({"a.wlt": File(data=TEXT)}))
    restored: list[str] = []
    monkeypatch.setattr(
        "commands.wallet.restore.restore_file",
        lambda *_: fingerprint_of({"a.wlt": File(data=wallet(*restored).encode())}),
    )
    restored[:] = ["A"]  # the node has derived another address since
    assert skyinfra("wallet", "restore", "node-1", "a.tar.gz").code == 0
    restored[:] = ["A", "B", "C"]
    ran = skyinfra("wallet", "restore", "node-1", "a.tar.gz")
    assert (ran.code, len(recorded)) == (exit_codes.FAILED, 1)
    assert (
        "skycoin-node-1-wallet on host attic has lost something since the restore: a.wlt has 2 of 3 "
        "addresses (deterministic). Nothing was recorded" in ran.err
    )


@pytest.mark.parametrize(
    ("variables", "options"),
    [
        (["COPY=t"], '--copy "t" --stack local'),
        (["FILE=a b"], '"a b"  --stack local'),
        (["COPY=t", "OLDER=1"], '--copy "t" --stack local --older'),
        (["COPY=t", "OLDER=0"], '--copy "t" --stack local'),
    ],
)
def test_a_make_target_uses_the_set_up_and_passes_only_the_given_options(
    variables: list[str], options: str
) -> None:
    command = ["make", "--dry-run", "--no-print-directory", "wallet-restore", "NODE=node-1", *variables]
    # `make unit` and `make coverage` run these tests, and would pass their own options on.
    env = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    done = subprocess.run(command, cwd=PROJECT, env=env, capture_output=True, text=True, check=True)
    last = done.stdout.splitlines()[-1]
    assert last.startswith("SKYINFRA_BACKEND=set-up ")
    assert " ".join(last.split()).endswith(" ".join(f'-m commands wallet restore "node-1" {options}'.split()))


def test_workspace_files_are_for_the_folder_that_is_given_and_never_for_the_checkout() -> None:
    for given, option in (((), ""), (("FOLDER=/srv/a b",), ' --into "/srv/a b"')):
        last = commands_of("workspace-files", "NAME=cli", *given)[-1]
        assert last.rstrip().endswith(f'-m commands workspace files "cli"{option}')


def test_coverage_runs_the_unit_tests_with_their_coverage_which_unit_leaves_out() -> None:
    """Coverage more than doubled the time of `make unit` on Python 3.11: 228 s in place of 85 s."""
    unit, coverage = commands_of("unit")[-1], commands_of("coverage")[-1]
    assert "-m pytest tests/unit " in unit
    assert "--cov" not in unit
    assert coverage.startswith(f"{unit} --cov=catalogue ")
    assert "--cov-fail-under=100" in coverage
    assert coverage in commands_of("test")
    assert unit not in commands_of("test")


def commands_of(target: str, *variables: str) -> list[str]:
    """Commands that a target would run."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    command = ["make", "--dry-run", "--no-print-directory", target, *variables]
    done = subprocess.run(command, cwd=PROJECT, env=env, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    ("target", "missing"),
    [(target, "NODE=name") for target in ("retire", "wallet-backup", "wallet-restore")]
    + [(target, "NAME=workspace") for target in ("workspace", "workspace-files", "workspace-stop")],
)
def test_a_make_target_says_which_name_is_missing(target: str, missing: str) -> None:
    """It passed an empty name on: “'' is not a node of the stack local”."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS", "N"))}
    command = ["make", "--dry-run", "--no-print-directory", target]
    done = subprocess.run(command, cwd=PROJECT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert f"give {missing}: `make {target} N" in done.stderr


def test_fleet_up_skips_dead_hosts_on_any_backend_and_returns_code_4(
    skyinfra: Skyinfra, layout: Layout, pulumi: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The committed fleet, with a script as `ssh`: one board answers, the other refuses the connection."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("ANSWER", '{"deployment": {}}')
    ssh = pulumi.with_name("ssh")
    answers = r"case $* in *attic.lan*) printf 'HTTP/1.1 200 OK\r\n\r\nOK'; exit;; esac"
    ssh.write_text(f"#!/bin/sh\ncat > /dev/null\n{answers}\necho 'Connection refused' >&2\nexit 255\n")
    ssh.chmod(0o755)
    ran = skyinfra("fleet", "up", "-s", "fleet", "--backend", "pulumi")
    asked = pulumi.read_text().splitlines()
    [up] = [line for line in asked if line.startswith("up ")]
    assert "--refresh --continue-on-error --exclude-dependents" in up
    assert "--stack fleet" in up
    refused = "skipped: ssh://pi@shed.lan does not answer: Connection refused"
    assert [line.split(maxsplit=2) for line in ran.out.splitlines() if line.startswith("shed ")] == [
        ["shed", "shed", refused]
    ]
    assert "`./skyinfra fleet up -s fleet` catches up" in ran.out
    assert ran.code == exit_codes.PART
