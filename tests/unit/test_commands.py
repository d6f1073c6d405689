"""The command `skyinfra`: its help, its exit codes, and the Pulumi that it chooses."""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import click
import pytest

from catalogue import exit_codes
from clients.errors import ServiceError
from clients.fingerprint import NOTHING, Chain, digest
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
from tests.unit.registry import Repository
from tests.unit.test_wallets import RESOURCES, TEXT
from wallets.errors import WalletError
from wallets.files.archives import pack
from wallets.files.contents import File
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


@pytest.mark.parametrize("key", ["walletFault", "walletKeptOut"])
def test_a_wallet_that_the_refresh_refuses_is_reported_as_not_recorded(
    recorded: list[tuple[object, ...]], skyinfra: Skyinfra, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    after = [{**resource, "outputs": {key: "a wallet has one writer"}} for resource in RESOURCES]
    monkeypatch.setattr("commands.backend.resources", lambda *_: after)
    refused = skyinfra("wallet", "accept", "node-1", digest(MINE))
    assert (refused.code, len(recorded)) == (exit_codes.FAILED, 1)
    assert "Not recorded: a wallet has one writer" in refused.err
