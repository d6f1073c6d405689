"""The command `skyinfra`: its help, its exit codes, and the Pulumi that it chooses."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import click
import pytest

from catalogue import exit_codes
from clients.errors import ServiceError
from clients.fingerprint import NOTHING, Chain, digest, lines
from commands import backend
from commands.__main__ import skyinfra as group
from commands.backend import BACKEND_URL, Backend, Choice, choose
from display.errors import UserError
from local.machine.layout import EARLIER, Layout
from local.machine.steps import BusyError, SetupError
from local.pulumi.cli import backend_url, last_engine
from local.stacks.lock import exclusive
from providers.skycoin.wallet_identity import ACCEPTED
from release.record import RecordError
from review.complete import PreviewError
from settings.names import workspace_container
from tests.unit.command_line import Skyinfra
from tests.unit.projects import PROJECT
from tests.unit.registry import Repository
from tests.unit.test_retention import publish
from tests.unit.test_wallets import RESOURCES, TEXT
from tests.unit.wallet_engine import WalletEngine, wallet
from wallets.errors import WalletError
from wallets.files.archives import pack
from wallets.files.contents import File
from wallets.files.fingerprint import fingerprint_of
from wallets.volumes.of_node import fingerprint_on_host
from workspaces.model import WorkspaceError

MINE = {"mine.wlt": {"deterministic": Chain(count=3, sha256="a" * 64)}}
HERE = "file:///set-up/backend"


def commands(given: click.Command, *path: str) -> Iterator[tuple[str, ...]]:
    if isinstance(given, click.Group):
        for name, command in given.commands.items():
            yield from commands(command, *path, name)
    else:
        yield path


@pytest.fixture
def pulumi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Log of the only `pulumi` on PATH: each call's arguments. The program prints $ANSWER."""
    program = tmp_path / "bin" / "pulumi"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\necho "$@" >> "${0%/*}/asked"\nprintf %s "$ANSWER"\nexit "${CODE:-0}"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    return program.with_name("asked")


ALL = sorted(commands(group))


def test_skyinfra_has_these_commands() -> None:
    assert ALL == [
        ("apply",),
        ("fleet", "check"),
        ("fleet", "clean"),
        ("fleet", "status"),
        ("fleet", "up"),
        ("images",),
        ("node", "lift-rollback"),
        ("node", "move"),
        ("node", "password"),
        ("node", "retire"),
        ("node", "rollback"),
        ("release", "audit"),
        ("release", "pin-plugins"),
        ("release", "pins"),
        ("release", "record"),
        ("release", "retain"),
        ("review",),
        ("setup", "adopt"),
        ("setup", "backup"),
        ("setup", "collect"),
        ("setup", "restore"),
        ("setup", "rotate"),
        ("setup", "verify"),
        ("wallet", "accept"),
        ("wallet", "adopt"),
        ("wallet", "backup"),
        ("wallet", "check"),
        ("wallet", "copies"),
        ("wallet", "drill"),
        ("wallet", "list"),
        ("wallet", "restore"),
        ("wallet", "verify"),
        ("workspace", "files"),
        ("workspace", "open"),
        ("workspace", "stop"),
    ]


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_every_command_explains_itself_with_examples_that_it_would_take(
    path: tuple[str, ...], skyinfra: Skyinfra
) -> None:
    shown = skyinfra(*path, "--help")
    assert shown.code == 0
    assert shown.err == ""
    text = shown.out
    assert "\\b" not in text, "a list whose lines click would join"
    examples = [line.strip() for line in text.partition("Examples:\n")[2].splitlines() if line.strip()]
    assert examples
    for example in examples:
        line = example.rpartition(" | ")[2].partition(" > ")[0].split()
        assert line[: 1 + len(path)] == ["./skyinfra", *path]
        command: click.Command = group
        for name in path:
            assert isinstance(command, click.Group)
            command = command.commands[name]
        command.make_context("example", line[1 + len(path) :], resilient_parsing=False)


@pytest.mark.parametrize("path", sorted({path[:-1] for path in ALL}), ids=" ".join)
def test_no_line_of_a_list_of_commands_is_cut_off(path: tuple[str, ...], skyinfra: Skyinfra) -> None:
    listed = skyinfra(*path, "--help").out.partition("Commands:\n")[2].partition("\n\n")[0]
    assert listed
    assert "..." not in listed


def test_the_help_lists_the_exit_codes(skyinfra: Skyinfra) -> None:
    codes = {value for name, value in vars(exit_codes).items() if name.isupper()}
    text = skyinfra("--help").out.partition("Exit codes:\n")[2]
    assert {int(line.split()[0]) for line in text.splitlines()} == codes | {0}


@pytest.mark.parametrize(
    "error", [SetupError, WalletError, ServiceError, RecordError, PreviewError, WorkspaceError]
)
def test_an_error_for_the_user_is_one_message_and_code_1(
    error: type[UserError], skyinfra: Skyinfra, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Choice) -> None:
        raise error("the reason")

    monkeypatch.setattr("commands.options.choose", fail)
    ran = skyinfra("images")
    assert (ran.code, ran.out, ran.err) == (exit_codes.FAILED, "", "error: the reason\n")


def test_an_internal_error_is_one_message_with_the_path_of_its_traceback(
    skyinfra: Skyinfra, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fail(_: Choice) -> None:
        raise RuntimeError("odd")

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("commands.options.choose", fail)
    ran = skyinfra("images")
    [file] = tmp_path.glob("skyinfra-*.log")
    assert ran.code == exit_codes.INTERNAL
    assert (
        ran.err
        == f"error: internal error (a bug in skyinfra): RuntimeError('odd'). Please report it with {file}\n"
    )
    assert "Traceback" in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600


def test_an_internal_error_does_not_show_the_text_that_could_not_be_read(
    skyinfra: Skyinfra, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Such as a file with a password, which Python's own form of the error has in it."""
    secret = "hunter2 \udcff".encode(errors="surrogateescape")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("commands.options.choose", lambda _: secret.decode())
    ran = skyinfra("images")
    assert "UnicodeDecodeError(\"'utf-8' codec can't decode byte 0xff in position 8" in ran.err
    [file] = tmp_path.glob("skyinfra-*.log")
    assert "hunter2" not in ran.err + file.read_text()


def test_an_interrupt_is_code_130(skyinfra: Skyinfra, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: Choice) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("commands.options.choose", interrupted)
    ran = skyinfra("images")
    assert ran.code == exit_codes.INTERRUPTED
    assert ran.err.strip() == "error: interrupted", (
        "not every command may simply be repeated, such as `apply`"
    )


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (("nothing",), "No such command 'nothing'"),
        (("wallet", "backup"), "Missing argument 'NODE'"),
        (("wallet", "restore", "node-1"), "give one source: FILE, --copy TIME"),
        (("wallet", "restore", "node-1", "", "--copy", ""), "give one source: FILE, --copy TIME"),
        (("wallet", "restore", "node-1", "a.tar.gz", "--copy", "b"), "give one source: FILE, --copy TIME"),
        (("workspace", "open", "java"), "'java' is not one of 'cli', 'python', 'dotnet', 'vscode'"),
        (("workspace", "open", ""), "'' is not one of 'cli', 'python', 'dotnet', 'vscode'"),
        (
            ("workspace", "open", "cli", "--engine", "unix:///run/other.sock"),
            "'unix:///run/other.sock' is not ssh://USER@HOST or ssh://USER@HOST:PORT. Another engine of this",
        ),
        (("workspace", "open", "cli", "--engine", "ssh://me@shed:0"), "'ssh://me@shed:0' is not ssh://USER@"),
        (("workspace", "files"), "Missing argument 'NAME...'"),
        (("release", "retain", "r.example/a", "--keep", "-1"), "-1 is not in the range x>=0"),
        (("release", "retain", "skycoin"), "'skycoin' is not HOST[:PORT]/PATH"),
        (("release", "retain", "https://r.example/a"), "'https://r.example/a' is not HOST[:PORT]/PATH"),
        (("release", "retain", "r.example/a:latest"), "'r.example/a:latest' is not HOST[:PORT]/PATH"),
        (("images", "--backend", "moon"), "'moon' is not one of 'auto', 'set-up', 'pulumi'"),
    ],
)
def test_an_invalid_command_line_is_code_2(
    line: tuple[str, ...], expected: str, skyinfra: Skyinfra, layout: Layout
) -> None:
    ran = skyinfra(*line)
    assert ran.code == exit_codes.USAGE
    assert expected in " ".join(ran.err.split())
    assert not layout.state.exists()


def test_the_set_up_is_found_and_named(
    set_up: Layout, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """From then on, docker and pulumi use the set-up; an empty passphrase does not hide the set-up's."""
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "")
    found = choose(Choice.AUTO)
    assert found.layout == set_up
    assert found.stack(None) == "local"
    assert found.stack(None, "workspace-cli") == "workspace-cli"
    assert found.stack("fleet") == "fleet"
    assert os.environ["DOCKER_HOST"] == "unix:///set-up.sock"
    assert "PULUMI_CONFIG_PASSPHRASE" not in os.environ
    stopped = f"• stacks of the set-up in {set_up.state}, whose services are stopped: `make up` starts them\n"
    assert capsys.readouterr().err == stopped
    monkeypatch.setattr("commands.backend.running_pid", lambda *_: 1)
    choose(Choice.AUTO)
    assert capsys.readouterr().err == f"• stacks of the set-up in {set_up.state}\n"


@pytest.mark.parametrize("wait", [0, 30])
def test_a_command_waits_for_another_one_to_end_as_long_as_it_is_asked_to(
    set_up: Layout, monkeypatch: pytest.MonkeyPatch, wait: int
) -> None:
    """A scheduled backup would fail that day if `make up` was running."""
    with ExitStack() as another:
        another.enter_context(exclusive(set_up, "make up"))
        monkeypatch.setattr("commands.backend.time.sleep", lambda _: another.close())
        with ExitStack() as command:
            if not wait:
                with pytest.raises(BusyError, match=r"`make up`, process .+ is running"):
                    command.enter_context(Backend(layout=set_up, env={}).changing("local", "x", wait))
            else:
                command.enter_context(Backend(layout=set_up, env={}).changing("local", "x", wait))
                with pytest.raises(BusyError, match=r"`skyinfra x`, process .+ is running"):
                    another.enter_context(exclusive(set_up, "make up"))
    with exclusive(set_up, "make up"):
        pass


@pytest.mark.parametrize(
    ("url", "choice", "own"),
    [
        ("", Choice.AUTO, True),
        (HERE, Choice.AUTO, True),
        (backend_url(EARLIER), Choice.AUTO, True),
        ("s3://states", Choice.AUTO, False),
        ("s3://states", Choice.SET_UP, True),
        (HERE, Choice.PULUMI, False),
    ],
)
def test_another_backend_of_the_environment_wins_over_the_set_up(
    url: str, choice: Choice, own: bool, set_up: Layout, pulumi: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A shell from before the set-up moved has the former URL, which means the set-up too."""
    here = backend_url(set_up.state)
    given = url.replace(HERE, here)
    monkeypatch.setenv(BACKEND_URL, given)
    found = choose(choice)
    assert (found.layout is not None) is own
    assert os.environ[BACKEND_URL] == (here if own else given)


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


def test_without_a_set_up_and_without_pulumi_one_message_is_printed(
    layout: Layout, monkeypatch: pytest.MonkeyPatch, skyinfra: Skyinfra, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    ran = skyinfra("review", "-s", "release")
    assert ran.code == exit_codes.FAILED
    assert ran.err == (
        f"error: Nothing is set up in {layout.state}, and there is no pulumi on PATH: run `make up`, or "
        "install Pulumi and log in with `pulumi login`.\n"
    )


@pytest.mark.parametrize(
    ("arguments", "asked"),
    [(("--backend", "pulumi"), "--backend pulumi"), ((), "PULUMI_BACKEND_URL=s3://states")],
)
def test_a_pulumi_that_is_asked_for_but_missing_is_reported_although_there_is_a_set_up(
    arguments: tuple[str, ...],
    asked: str,
    set_up: Layout,
    monkeypatch: pytest.MonkeyPatch,
    skyinfra: Skyinfra,
    tmp_path: Path,
) -> None:
    """Before, the message was that nothing is set up."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv(BACKEND_URL, "s3://states")
    ran = skyinfra("images", *arguments)
    assert ran.code == exit_codes.FAILED
    assert ran.err == (
        f"error: {asked} requires an installed Pulumi, and there is none on PATH: install it, or give "
        "`--backend set-up`, which uses the set-up in"
        f" {set_up.state}.\n"
    )


@pytest.mark.parametrize("method", ["exists", "read_text", "open"])
def test_a_set_up_of_another_user_is_reported(
    method: str, set_up: Layout, monkeypatch: pytest.MonkeyPatch, skyinfra: Skyinfra
) -> None:
    """Before, the message was that nothing is set up, or the command ended with an internal error."""
    real = getattr(Path, method)

    def refused(path: Path, *given: object, **named: object) -> object:
        if path.parent == set_up.state:
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, *given, **named)

    monkeypatch.setattr(Path, method, refused)
    ran = skyinfra("wallet", "backup", "node-1")
    assert ran.code == exit_codes.FAILED
    assert ran.err.splitlines()[-1] == (
        f"error: {set_up.state} belongs to another user: run this as that user, or with sudo."
    )


@pytest.mark.parametrize("text", ["{", "[]", ""])
def test_a_damaged_file_of_a_set_up_is_reported_with_the_remedy(
    text: str, set_up: Layout, skyinfra: Skyinfra
) -> None:
    file = set_up.state / "environment.json"
    file.write_text(text)
    ran = skyinfra("images")
    assert ran.code == exit_codes.FAILED
    assert ran.err == f"error: {file} is damaged: run `make up`, which writes it again.\n"
    assert last_engine(set_up) is None, "and `make up` gets past it"


def test_retention_uses_the_set_ups_authority_and_logins(
    set_up: Layout, monkeypatch: pytest.MonkeyPatch, skyinfra: Skyinfra
) -> None:
    """Before, the set-up's registry was not trusted, and the logins kept in the set-up were not used."""
    trusted: list[str | None] = []

    def made(name: str) -> Repository:
        trusted.append(os.environ.get("SSL_CERT_FILE"))
        return Repository(name)

    monkeypatch.setattr("commands.release.retain.Repository", made)
    monkeypatch.setenv("SSL_CERT_FILE", "")
    asked = ("release", "retain", "r.example:5443/a/b", "--no-stacks")
    assert skyinfra(*asked, "--backend", "pulumi").code == 0
    assert skyinfra(*asked).code == 0
    assert trusted == ["", str(set_up.trust)]


def test_retention_without_a_set_up_or_a_pulumi_reports_that_running_images_are_unknown(
    layout: Layout, monkeypatch: pytest.MonkeyPatch, skyinfra: Skyinfra, tmp_path: Path
) -> None:
    """Before, the command removed images that boards run."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("commands.release.retain.Repository", Repository)
    refused = skyinfra("release", "retain", "r.example/a", "--delete")
    assert refused.code == exit_codes.FAILED
    assert (
        "The images that stacks run are unknown, so nothing was removed; --no-stacks decides by"
        in refused.err
    )
    ran = skyinfra("release", "retain", "r.example/a", "--no-stacks")
    assert (ran.code, ran.out) == (0, "No build would be removed.\n")


def test_retention_needs_the_host_of_the_registry(skyinfra: Skyinfra) -> None:
    """The repository's first folder was asked as a host: an error of HTTPSConnection."""
    ran = skyinfra("release", "retain", "skycoin/skycoin", "--no-stacks")
    assert ran.code == 2
    said = " ".join(ran.err.split())
    assert "'skycoin/skycoin' does not begin with its registry's host, as in ghcr.io/skycoin/skycoin." in said


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


def test_a_file_that_cannot_be_written_is_reported(
    layout: Layout, monkeypatch: pytest.MonkeyPatch, skyinfra: Skyinfra
) -> None:
    def fail(_: Choice) -> None:
        raise FileNotFoundError(2, "No such file or directory", "/a/b")

    monkeypatch.setattr("commands.options.choose", fail)
    ran = skyinfra("images")
    assert (ran.code, ran.err) == (exit_codes.FAILED, "error: /a/b: No such file or directory\n")


def test_an_error_of_the_system_is_not_called_one_of_the_output(
    layout: Layout, monkeypatch: pytest.MonkeyPatch, skyinfra: Skyinfra
) -> None:
    """ "standard output: Too many open files" named the wrong thing, and hid where it happened."""

    def fail(_: Choice) -> None:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr("commands.options.choose", fail)
    ran = skyinfra("images")
    assert ran.code == exit_codes.FAILED
    assert ran.err.startswith("error: Too many open files (where: ")
    log = Path(ran.err.removeprefix("error: Too many open files (where: ").removesuffix(")\n"))
    assert "in fail" in log.read_text()
    log.unlink()


def test_a_name_that_is_not_utf_8_is_printed_escaped(
    layout: Layout, monkeypatch: pytest.MonkeyPatch, skyinfra: Skyinfra
) -> None:
    """Before, such a name among the kept files ended a finished restore with an internal error."""

    def said(_: Choice) -> None:
        print("Kept: geldb\udcf6rse.wlt")
        raise UserError("No")

    monkeypatch.setattr("commands.options.choose", said)
    ran = skyinfra("images")
    assert (ran.out, ran.err) == ("Kept: geldb\\udcf6rse.wlt\n", "error: No\n")


def test_a_command_of_a_set_up_waits_for_no_other_that_changes_it(set_up: Layout, skyinfra: Skyinfra) -> None:
    with exclusive(set_up, "make up"):
        ran = skyinfra("wallet", "backup", "node-1")
    assert ran.code == exit_codes.FAILED
    assert "error: `make up`, process" in ran.err
    assert "Nothing was changed" in ran.err


@pytest.mark.parametrize(
    ("outcome", "code", "out", "last"),
    [
        ("stopped", 0, "skycoin-workspace-cli: stopped\n", "• container skycoin-workspace-cli"),
        ("not reached: no", 1, "", "error: skycoin-workspace-cli was not stopped: not reached: no"),
    ],
)
def test_a_stop_prints_only_success_on_standard_output(
    outcome: str,
    code: int,
    out: str,
    last: str,
    set_up: Layout,
    skyinfra: Skyinfra,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("commands.backend.resources", lambda *_: [])
    monkeypatch.setattr("commands.workspace.stop.containers", lambda _: [(workspace_container("cli"), {})])
    monkeypatch.setattr("commands.workspace.stop.stop_container", lambda *_: outcome)
    ran = skyinfra("workspace", "stop", "cli")
    assert (ran.code, ran.out, ran.err.splitlines()[-1]) == (code, out, last)


def test_a_workspace_that_is_refused_leaves_no_state_folder(layout: Layout, skyinfra: Skyinfra) -> None:
    ran = skyinfra("workspace", "open", "cli", "--folder", "/etc")
    assert ran.code == exit_codes.FAILED
    assert "/etc is not opened" in ran.err
    assert not layout.state.exists()


def test_a_workspace_on_another_machine_is_opened_over_a_folder_there(
    layout: Layout, skyinfra: Skyinfra, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []

    def behind_ssh(*given: object) -> str:
        asked.append(given)
        return "a place"

    monkeypatch.setattr("commands.workspace.open.behind_ssh", behind_ssh)
    monkeypatch.setattr("commands.workspace.open.claim_state", lambda _: None)

    def opened(_: Layout, name: str, place: object, *, dind: bool) -> int:
        asked.append((name, place, dind))
        return 0

    monkeypatch.setattr("commands.workspace.open.open_workspace", opened)
    layout.state.mkdir(parents=True)
    engine = ("--engine", "ssh://me@shed.lan", "--ssh-option=-i", "--ssh-option=key")
    ran = skyinfra("workspace", "open", "cli", "--folder", "/srv/project", "--dind", *engine)
    assert (ran.code, asked) == (
        0,
        [("ssh://me@shed.lan", ("-i", "key"), "/srv/project"), ("cli", "a place", True)],
    )


@pytest.mark.parametrize("source", [("", "--copy", "t"), ("a.tar.gz", "--copy", "")])
def test_an_empty_restore_source_counts_as_none(
    source: tuple[str, ...], set_up: Layout, skyinfra: Skyinfra, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before, an unset variable of make, which is passed as an empty text, was taken for a file."""
    asked: list[object] = []
    monkeypatch.setattr("commands.backend.resources", lambda *_: RESOURCES)
    monkeypatch.setattr("commands.wallet.restore.volume_of", lambda _: None)
    monkeypatch.setattr("commands.wallet.restore.restore_copy", lambda *given: asked.append(given[2]))
    monkeypatch.setattr("commands.wallet.restore.load_file", lambda *_: pack({"a.wlt": File(data=TEXT)}))
    monkeypatch.setattr("commands.wallet.restore.restore_file", lambda *given: asked.append(given[2].name))
    monkeypatch.setattr("commands.wallet.restore.fingerprint_on_host", lambda *_: NOTHING)
    monkeypatch.setattr("commands.wallet.recording.pulumi", lambda *_: 0)
    assert skyinfra("wallet", "restore", "node-1", *source).code == 0
    assert asked == [source[2] or source[0]]


@pytest.fixture
def recorded(set_up: Layout, monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, ...]]:
    """Calls of pulumi: (arguments, accepted fingerprint). The set-up has one node, with one wallet."""
    calls: list[tuple[object, ...]] = []
    monkeypatch.setattr("commands.backend.resources", lambda *_: RESOURCES)
    for command in ("accept", "restore"):
        monkeypatch.setattr(f"commands.wallet.{command}.fingerprint_on_host", lambda *_: MINE)
    monkeypatch.setattr(
        "commands.wallet.recording.pulumi", lambda *given: calls.append((given[0], given[1][ACCEPTED]))
    )
    return calls


def test_wallet_accept_shows_the_fingerprint_and_records_only_that_fingerprint(
    recorded: list[tuple[object, ...]], skyinfra: Skyinfra
) -> None:
    shown = skyinfra("wallet", "accept", "node-1")
    assert (shown.code, recorded) == (0, [])
    assert (
        f"mine.wlt: 3 addresses\nskycoin-node-1-wallet on host attic has the fingerprint {digest(MINE)}"
        in (shown.out)
    )
    other = skyinfra("wallet", "accept", "node-1", "0123456789abcdef")
    assert (other.code, recorded) == (exit_codes.FAILED, [])
    assert "It is not 0123456789abcdef: nothing was recorded." in other.err
    assert skyinfra("wallet", "accept", "node-1", digest(MINE), "--stack", "local").code == 0
    [preflight] = [
        resource["urn"] for resource in RESOURCES if resource["urn"].endswith("::node-1-preflight")
    ]
    target = ["refresh", "--yes", "--skip-preview", "--target", preflight, "--stack", "local"]
    assert recorded == [(target, digest(MINE))]


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


def test_a_restore_that_was_not_recorded_says_how_to_record_it(
    recorded: list[tuple[object, ...]], skyinfra: Skyinfra, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("commands.wallet.recording.pulumi", lambda *_: 255)
    monkeypatch.setattr("commands.wallet.restore.volume_of", lambda _: None)
    monkeypatch.setattr("commands.wallet.restore.load_file", lambda *_: pack({"a.wlt": File(data=TEXT)}))
    monkeypatch.setattr("commands.wallet.restore.restore_file", lambda *_: None)
    failed = skyinfra("wallet", "restore", "node-1", "a.tar.gz")
    assert failed.code == exit_codes.FAILED
    assert f"was not recorded. Record it with `./skyinfra wallet accept node-1 {digest(MINE)}`." in failed.err


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
        "skycoin-node-1-wallet on host attic has lost something since then: a.wlt has 2 of 3 addresses "
        "(deterministic). Nothing was recorded" in ran.err
    )


@pytest.mark.parametrize("key", ["walletFault", "walletKeptOut"])
def test_a_wallet_that_the_refresh_refuses_is_reported_as_not_recorded(
    recorded: list[tuple[object, ...]], skyinfra: Skyinfra, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    after = [{**resource, "outputs": {key: "a wallet has one writer"}} for resource in RESOURCES]
    monkeypatch.setattr("commands.backend.resources", lambda *_: after)
    refused = skyinfra("wallet", "accept", "node-1", digest(MINE))
    assert (refused.code, len(recorded)) == (exit_codes.FAILED, 1)
    assert "Not recorded: a wallet has one writer" in refused.err


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
