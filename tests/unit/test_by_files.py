"""`skyinfra review --base`: a stack by its files alone, from commits of a repository of the test's own.

The program runs in the tests' process, unless a test asks for the one of its own that users have (`alone`).
"""

import contextlib
import functools
import io
import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import pytest

from clients import git
from commands import by_files
from commands.exit_codes import AT_RISK, FAILED, REFUSED, USAGE
from commands.previews import Previewed
from mocks.__main__ import main as mocks_main
from mocks.engine import Engine
from mocks.stacks import up as real_up
from tests.unit.front_door import Ran, Skyinfra
from tests.unit.projects import PROJECT

RELEASE, FLEET = "stacks/Pulumi.release.yaml", "stacks/Pulumi.fleet.yaml"
STACKS = ("develop", "ecr", "fleet", "release", "workspaces")
NOTHING = "\nNothing changes.\n"


@dataclass(frozen=True, slots=True)
class Repository:
    """A checkout of stacks, and the front door of its program."""

    folder: Path
    skyinfra: Skyinfra

    def git(self, *arguments: str) -> str:
        author = ("-c", "user.name=tests", "-c", "user.email=tests@localhost")
        command = ("git", "-C", str(self.folder), *author, *arguments)
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    def edit(self, file: str, old: str, new: str) -> None:
        text = (self.folder / file).read_text()
        assert old in text
        (self.folder / file).write_text(text.replace(old, new))

    def commit(self) -> str:
        self.git("add", "--all")
        self.git("commit", "-q", "-m", "A change")
        return self.git("rev-parse", "HEAD").strip()

    def review(self, stack: str, *options: str) -> Ran:
        return self.skyinfra("review", "--stack", stack, *options)


IN_ITS_OWN_PROCESS = by_files._run


@functools.cache
def _up(stack: str, files: str) -> Engine:
    return real_up(stack, json.loads(files))


def up_once(stack: str, files: Mapping[str, str]) -> Engine:
    """A first `up`, run once for the same files."""
    return _up(stack, json.dumps(dict(files), sort_keys=True))


def in_this_process(given: str) -> Previewed:
    """Answer as `python -m mocks`, without the time of its start, and of each run of the same base."""
    out, err = io.StringIO(), io.StringIO()
    with (
        patch("mocks.stacks.up", up_once),
        patch("sys.stdin", io.StringIO(given)),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        code = mocks_main()
    return Previewed(text=out.getvalue().encode(), failed=code != 0, said=err.getvalue().strip())


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, skyinfra: Skyinfra) -> Repository:
    """The committed stacks in a commit, tagged `base`; the program is this checkout's."""
    folder = tmp_path / "project"
    (folder / "stacks").mkdir(parents=True)
    for path in PROJECT.iterdir():
        if path.is_dir() and (path / "__init__.py").exists() and path.name != "tests":
            (folder / path.name).symlink_to(path)
    for path in (PROJECT / "stacks").glob("Pulumi.*.yaml"):
        if path.name.removeprefix("Pulumi.").removesuffix(".yaml") in STACKS:
            (folder / "stacks" / path.name).write_bytes(path.read_bytes())
    found = Repository(folder, skyinfra)
    found.git("init", "-q")
    (folder / ".git" / "info" / "exclude").write_text("/*\n!/stacks\n!/README.md\n!/@*\n")
    found.commit()
    found.git("tag", "base")
    monkeypatch.setattr(by_files, "PROJECT", folder)
    monkeypatch.setattr(by_files, "_run", in_this_process)
    monkeypatch.setattr(by_files, "stack_file", lambda stack: folder / "stacks" / f"Pulumi.{stack}.yaml")
    return found


@pytest.fixture
def alone(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """The program in a process of its own, as users have it."""
    monkeypatch.setattr(by_files, "_run", IN_ITS_OWN_PROCESS)


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize(
    "changed", [{}, {"head": "config: {skycoin:x: 1}"}, {"base": {"fleet": "config: {skycoin:x: 1}"}}]
)
def test_the_programs_own_process_says_what_it_says_here(
    changed: dict[str, object], repository: Repository
) -> None:
    """Most tests take the short way: for a preview, and for errors in the head and in the base."""
    base = {stack: (PROJECT / "stacks" / f"Pulumi.{stack}.yaml").read_text() for stack in STACKS}
    text = json.dumps({"stack": "fleet", "base": base, "head": base["fleet"], **changed})
    there, here = by_files._run(text), in_this_process(text)
    assert there.failed is here.failed is ("base" in changed)
    if there.failed:
        assert there == here
    else:
        assert _sorted(there) == _sorted(here)


def _sorted(previewed: Previewed) -> object:
    """The preview in one order: resources are registered by several threads."""
    found = previewed.read()
    return {**found, "steps": sorted(found["steps"], key=lambda step: str(step["urn"]))}


@pytest.mark.parametrize("stack", STACKS)
def test_a_committed_stack_that_did_not_change_has_a_page_of_nothing(
    repository: Repository, stack: str
) -> None:
    done = repository.review(stack, "--base", "base")
    assert (done.code, done.err.count("error")) == (0, 0), done.err
    assert done.out.startswith(f"## Stack {stack}, by its files alone: safe\n{NOTHING}")


def test_a_change_here_is_told_with_its_lines_and_no_digest_is_made_up(repository: Repository) -> None:
    repository.edit(RELEASE, "      channel: release\n", "      channel: release\n      revision: 2\n")
    repository.edit(RELEASE, " arm32v5,", "")
    done = repository.review("release", "--base", "base")
    assert done.code == AT_RISK
    assert done.out.startswith("## Stack release, by its files alone: TAGS LOSE ARCHITECTURES\n")
    assert "\n2 tags new to the stack, 2 tags moved.\n" in done.out
    assert "`latest` (now `not-known`), `0.27` (now `not-known`): moves; **loses arm32v5**" in done.out
    assert "Why: new (stacks/Pulumi.release.yaml:16)" in done.out
    assert (
        "\n- Settings of the file that differ, shown below or not: skycoin:images.skycoin.arches, "
        in done.out
    )
    base = repository.git("rev-parse", "base")[:12]
    assert done.out.endswith(
        f"Review: none. This page compares the stack's file of {base} with that of this folder, by the "
        "program that is checked out. No state, host or registry was asked: it does not know what is "
        "deployed.\n"
    )


def test_another_build_argument_rebuilds_and_reaches_all_tags(repository: Repository) -> None:
    repository.edit(
        RELEASE, "      channel: release\n", "      channel: release\n      build-args: {EXTRA: a}\n"
    )
    done = repository.review("release", "--base", "base")
    assert done.code == 0
    assert "\n5 variants rebuilt, 4 tags moved.\n" in done.out
    arches = "amd64, arm32v5, arm32v6, arm32v7, arm64v8"
    assert f"| {arches} | EXTRA: none → a (stacks/Pulumi.release.yaml:16) |" in done.out


def test_a_commit_is_data_and_is_not_checked_out(repository: Repository) -> None:
    """The fork's own program would print a page of its own."""
    repository.edit(FLEET, "network: mainnet}", "network: mainnet, peer-port: 6001}")
    (repository.folder / "README.md").write_text("Hello")
    head = repository.commit()
    repository.git("checkout", "-q", "base")
    done = repository.review("fleet", "--base", "base", "--head", head)
    assert done.code == 0
    assert done.out.startswith(
        "## Stack fleet, by its files alone: restarts 2 nodes, each for at most 11 min\n"
    )
    assert "- Other files that differ: README.md (1). What they do is not on this page: " in done.out
    assert "6001" not in (repository.folder / FLEET).read_text()
    assert repository.review("fleet", "--base", "base").out.count(NOTHING) == 1


def test_of_the_changed_side_only_the_stacks_own_file_is_read(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All others were, with a process of git for each."""
    read: list[tuple[str, list[str]]] = []
    real = git.files_of

    def files_of(folder: Path, commit: str, path: str) -> dict[str, str]:
        found = real(folder, commit, path)
        read.append((commit, [*found]))
        return found

    monkeypatch.setattr(by_files, "files_of", files_of)
    repository.edit(FLEET, "network: mainnet}", "network: mainnet, peer-port: 6001}")
    head = repository.commit()
    assert "restarts 2 nodes" in repository.review("fleet", "--base", "base", "--head", head).out
    assert [names for commit, names in read if commit == head] == [["Pulumi.fleet.yaml"]]


def test_a_node_that_leaves_the_file_is_refused_with_the_way_out(repository: Repository) -> None:
    repository.edit(FLEET, "    shed: {image: skycoin, host: shed, network: mainnet}\n", "")
    done = repository.review("fleet", "--base", "base")
    assert done.code == REFUSED
    assert "`./skyinfra node retire shed`, which keeps its volumes." in done.out
    assert "pulumi state unprotect" not in done.out


def test_another_volume_of_a_wallet_is_refused_with_the_way_out(repository: Repository) -> None:
    """`up` would refuse it; the page called the wallet at risk."""
    shed = "    shed: {image: skycoin, host: shed, network: mainnet"
    repository.edit(FLEET, shed, f"{shed}, wallet-volume: other")
    done = repository.review("fleet", "--base", "base")
    assert done.code == REFUSED
    assert "The wallet volume of the node shed would be replaced, and its wallet is protected." in done.out
    assert "remove the `protect` flag" not in done.out


def test_wrong_settings_are_all_told_with_their_places(repository: Repository) -> None:
    repository.edit(FLEET, "network: mainnet}", "netwrk: mainnet}")
    done = repository.review("fleet", "--base", "base")
    assert done.code == REFUSED
    assert "2 configuration errors, nothing was changed:" in done.out
    assert "stacks/Pulumi.fleet.yaml:9:" in done.out


def test_a_stack_that_the_base_does_not_have_is_new(repository: Repository) -> None:
    text = (repository.folder / FLEET).read_text()
    (repository.folder / "stacks" / "Pulumi.house.yaml").write_text(text)
    done = repository.review("house", "--base", "base")
    assert done.code == 0
    assert "- base has no file of the stack house: all of it is shown as new.\n" in done.out
    assert "2 containers new" in done.out


@pytest.mark.usefixtures("alone")
def test_nothing_of_the_environment_reaches_the_program(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[dict[str, str]] = []
    real = subprocess.run

    def run(command: list[str], **options: object) -> object:
        if "mocks" in command:
            given.append(dict(options["env"]))  # type: ignore[call-overload]
        return real(command, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hidden")
    monkeypatch.setenv("DOCKER_CONFIG", "/hidden")
    assert repository.review("release", "--base", "base").code == 0
    [env] = given
    assert env.keys() == {"PATH", "HOME", "LANG"}
    assert env["HOME"] != os.environ["HOME"]


def test_the_stack_that_publishes_is_as_in_the_base(repository: Repository) -> None:
    """A preview reads what was published, not what this change would publish."""
    repository.edit(RELEASE, "version: v0.27.1", "version: v0.27.0")
    page = repository.review("fleet", "--base", "base").out
    assert "no risk seen, and not all of it can be judged\n\nNothing rebuilt, published or restarted." in page
    assert "- Other files that differ: stacks (1). " in page
    (repository.folder / RELEASE).unlink()
    repository.commit()
    done = repository.review("fleet", "--base", "HEAD")
    assert done.code == FAILED
    assert "organization/skycoin/release, which has no file stacks/Pulumi.release.yaml." in done.out


def test_a_base_with_errors_has_no_page_of_its_change(repository: Repository) -> None:
    repository.edit(FLEET, "mainnet", "moon")
    repository.commit()
    repository.edit(FLEET, "moon", "mainnet")
    done = repository.review("fleet", "--base", "HEAD")
    assert done.code == FAILED
    assert "Nothing is known of this change. \n\n```\nThe stack's file of the base has errors." in done.out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("fleet", "--base", "nothing"), "'nothing' names no commit of the project"),
        (("fleet", "--base", "--output=x"), "'--output=x' names no commit of the project"),
        (
            ("fleet", "--base", "base", "--head", "base:stacks"),
            "'base:stacks' names no commit of the project",
        ),
        (("shed", "--base", "base"), "There is no stacks/Pulumi.shed.yaml here"),
        (("../../x", "--base", "base", "--head", "base"), "There is no stacks/Pulumi.x.yaml at base"),
    ],
)
def test_what_is_not_there_is_named(repository: Repository, options: tuple[str, ...], said: str) -> None:
    done = repository.review(*options)
    assert done.code == FAILED
    assert f"error: {said}" in done.err


def test_a_link_is_not_a_file_of_a_stack(repository: Repository) -> None:
    """It would be read here, or lead out of the project."""
    (repository.folder / FLEET).unlink()
    (repository.folder / FLEET).symlink_to("/etc/passwd")
    head = repository.commit()
    repository.git("checkout", "-q", "base")
    done = repository.review("fleet", "--base", "base", "--head", head)
    assert done.code == FAILED
    assert f"There is no stacks/Pulumi.fleet.yaml at {head}" in done.err


def test_a_file_that_is_too_long_is_not_read(repository: Repository) -> None:
    (repository.folder / FLEET).write_text("#" * (by_files.BYTES + 1))
    done = repository.review("fleet", "--base", "base")
    assert done.code == FAILED
    assert "longer than 1,000,000 bytes" in done.err


@pytest.mark.parametrize(
    "options",
    [("--head", "base"), ("--base", "base"), ("-s", "fleet", "--base", "base", "--preview", "-")],
    ids=["head alone", "no stack", "a saved preview"],
)
def test_options_that_do_not_go_together_are_refused(skyinfra: Skyinfra, options: tuple[str, ...]) -> None:
    assert skyinfra("review", *options).code == USAGE


def test_the_texts_are_read_whole(repository: Repository) -> None:
    """Empty lines at the beginning count: errors have line numbers."""
    file = repository.folder / FLEET
    file.write_text("\n\n\n" + file.read_text().replace("mainnet", "moon"))
    head = repository.commit()
    done = repository.review("fleet", "--base", "base", "--head", head)
    assert "stacks/Pulumi.fleet.yaml:12:" in done.out


HOSTILE = "@octocat ![x](https://x.invalid/y) <!-- "


def test_a_forks_text_mentions_nobody_and_is_not_a_link_picture_or_comment(repository: Repository) -> None:
    args = f"      build-args: {{EXTRA: '{HOSTILE}'}}\n"
    repository.edit(RELEASE, "      channel: release\n", f"      channel: release\n{args}")
    (repository.folder / HOSTILE.partition("(")[0]).write_text("")
    head = repository.commit()
    repository.git("checkout", "-q", "base")
    page = repository.review("release", "--base", "base", "--head", head).out
    assert "@\u2060octocat" in page
    assert "5 variants rebuilt" in page
    for active in ("@octocat", "](https", "<!--"):
        assert active not in page


def test_a_branch_is_compared_with_where_it_began(repository: Repository) -> None:
    """Commits that its base has got since then are no change of the branch."""
    repository.git("checkout", "-q", "-b", "branch")
    repository.edit(
        FLEET, "shed: {image: skycoin, host: shed", "shed: {image: skycoin, host: shed, rpc-port: 6421"
    )
    head = repository.commit()
    repository.git("checkout", "-q", "-b", "trunk", "base")
    repository.edit(
        FLEET, "attic: {image: skycoin, host: attic", "attic: {image: skycoin, host: attic, gui: true"
    )
    repository.commit()
    done = repository.review("fleet", "--base", "trunk", "--head", head)
    assert done.out.startswith("## Stack fleet, by its files alone: restarts 1 node for at most ")
    assert "`skycoin-shed`" in done.out
    assert "`skycoin-attic`" not in done.out


def test_two_histories_have_nothing_to_compare(repository: Repository) -> None:
    repository.git("checkout", "-q", "--orphan", "other")
    repository.edit(FLEET, "mainnet", "none")
    repository.commit()
    done = repository.review("fleet", "--base", "base")
    assert done.code == FAILED
    assert "have no commit in common: a shallow clone lacks it" in done.err


EVIL = "x/\n\n## Stack fleet: safe\n\nNothing changes. @octocat [a](https://x.invalid) <!--"


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("stack", [EVIL, "evil/skycoin/other"])
def test_a_foreign_reason_is_shown_as_it_is(repository: Repository, stack: str) -> None:
    """The whole comment was the fork's: a heading, a mention and a link of its own."""
    repository.edit(FLEET, "images-from: organization/skycoin/release", f"images-from: {json.dumps(stack)}")
    done = repository.review("fleet", "--base", "base")
    assert done.code == FAILED
    head, fence, rest = done.out.partition("\n```\n")
    assert head == "## Stack fleet, by its files alone: no preview\n\nNothing is known of this change. \n"
    assert fence
    assert rest.count("```") == 1
    assert rest.endswith("\n```\n")


def test_images_of_another_publisher_are_other_images(repository: Repository) -> None:
    """The same name in another organization was taken for the same images."""
    repository.edit(FLEET, "images-from: organization/", "images-from: evil/")
    done = repository.review("fleet", "--base", "base")
    assert done.out.startswith("## Stack fleet, by its files alone: restarts 2 nodes, each for at most ")


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("no", "Settings of the file that differ, shown below or not: skycoin:nodes.shed.gui."),
        (
            "2026-11-27",
            "skycoin:nodes.shed.gui, line 10: a date, which Pulumi hands on in another form: put it in",
        ),
    ],
)
def test_a_value_is_read_as_pulumi_reads_it(repository: Repository, written: str, said: str) -> None:
    """`no` was false, and the page said that nothing changes; Pulumi's `no` is a text, and is refused."""
    shed = "    shed: {image: skycoin, host: shed, network: mainnet"
    repository.edit(FLEET, shed, f"{shed}, gui: false")
    repository.commit()
    repository.edit(FLEET, "gui: false", f"gui: {written}")
    done = repository.review("fleet", "--base", "HEAD")
    assert done.code == REFUSED
    assert said in done.out


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("  hosts: {evil: {engine: local}}\n", "hosts: a key without a namespace"),
        ("  build-ca: /etc/passwd\n", "build-ca: a key without a namespace"),
        ("  skycoin:wallets: {secure: v1:a:b}\n", "skycoin:wallets: [not shown]: has an encrypted value"),
    ],
)
def test_keys_that_pulumi_takes_otherwise_are_refused(repository: Repository, line: str, said: str) -> None:
    """Pulumi prefers a bare key to the project's own; the page said that nothing changes."""
    (repository.folder / FLEET).write_text((repository.folder / FLEET).read_text() + line)
    done = repository.review("fleet", "--base", "base")
    assert done.code == REFUSED
    assert said in done.out


@pytest.mark.parametrize(
    ("line", "name"),
    [
        (
            "  skycoin:wallets: {recipients: [age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq]}\n",
            None,
        ),
        ("  docker:host: ssh://root@x.invalid\n", "docker:host"),
        ("  pulumi:disable-default-providers: []\n", "pulumi:disable-default-providers"),
        ("secretsprovider: awskms://x\n", "secretsprovider"),
        ("environment: [evil/env]\n", "environment"),
        ("encryptionsalt: v1:x\n", "encryptionsalt"),
    ],
)
def test_a_setting_that_no_resource_shows_is_named_and_never_safe(
    repository: Repository, line: str, name: str | None
) -> None:
    (repository.folder / FLEET).write_text((repository.folder / FLEET).read_text() + line)
    page = repository.review("fleet", "--base", "base").out
    assert ": safe\n" not in page
    assert NOTHING not in page
    if name is not None:
        assert f"- Settings of the file that differ, shown below or not: {name}.\n" in page


def test_another_ciphertext_is_a_difference(repository: Repository) -> None:
    secrets = "  skycoin:build-secrets:\n    token: {secure: v1:abc:one}\n"
    (repository.folder / RELEASE).write_text((repository.folder / RELEASE).read_text() + secrets)
    repository.commit()
    repository.edit(RELEASE, "v1:abc:one", "v1:abc:two")
    page = repository.review("release", "--base", "HEAD").out
    assert "differ, shown below or not: skycoin:build-secrets.token.secure." in page
    assert "abc" not in page


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("file", ["/usr/bin/git", "/etc/passwd"])
def test_no_file_of_the_machine_is_read(repository: Repository, file: str) -> None:
    """An error had the bytes of the file that a fork's `build-ca` named."""
    text = (repository.folder / FLEET).read_text()
    (repository.folder / FLEET).write_text(f"{text}  skycoin:build-ca: {file}\n")
    done = repository.review("fleet", "--base", "base")
    assert done.code == 0
    assert "Settings of the file that differ, shown below or not: skycoin:build-ca." in done.out
    assert len(done.out) < 2000


def test_a_working_copy_is_only_its_machines(repository: Repository) -> None:
    source = "source: {path: /etc, version: v1.0.0, commit: " + "1" * 40 + "}"
    text = (repository.folder / RELEASE).read_text()
    start, end = text.index("      source:"), text.index("      arches:")
    (repository.folder / RELEASE).write_text(f"{text[:start]}      {source}\n{text[end:]}")
    done = repository.review("release", "--base", "base")
    assert done.code in (FAILED, REFUSED)
    assert "root:" not in done.out


BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9)
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (BOMB, "has more than 100,000 values"),
        ("config: {skycoin:x: &a [*a]}\n", "nests its values too deep, or in themselves"),
        ("config: " + "[" * 20_000, "nests its values too deep"),
    ],
    ids=["aliases", "in itself", "deep"],
)
def test_a_file_that_keeps_a_reader_busy_is_not_read(repository: Repository, text: str, said: str) -> None:
    (repository.folder / FLEET).write_text(text)
    done = repository.review("fleet", "--base", "base")
    assert done.code == FAILED
    assert said in done.err


def test_a_file_that_is_not_utf_8_is_not_read(repository: Repository) -> None:
    (repository.folder / FLEET).write_bytes(b"# \xff @octocat\n")
    head = repository.commit()
    for options in ((), ("--head", head)):
        done = repository.review("fleet", "--base", "base", *options)
        assert done.code == FAILED
        assert "is not UTF-8" in done.err
        assert "octocat" not in done.out + done.err


def test_a_renamed_node_is_the_same_node(repository: Repository) -> None:
    repository.edit(FLEET, "    shed: {image: skycoin, ", "    barn: {renamed-from: shed, image: skycoin, ")
    done = repository.review("fleet", "--base", "base")
    assert done.code == 0
    assert done.out.startswith("## Stack fleet, by its files alone: restarts 1 node for at most 11 min\n")
    assert "name: skycoin-shed → skycoin-barn" in done.out
    assert "Volumes" not in done.out


def test_no_folder_hides_behind_others(repository: Repository) -> None:
    with (repository.folder / ".git" / "info" / "exclude").open("a") as exclude:
        exclude.write("!/images2\n")
    for name in ("images2/stacks/evil.yaml", "stacks/more.yaml", *(f"stacks/{n}.txt" for n in range(40))):
        path = repository.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    head = repository.commit()
    page = repository.review("fleet", "--base", "base", "--head", head).out
    assert "- Other files that differ: images2 (1), stacks (41). " in page


def test_a_page_by_files_has_no_details(skyinfra: Skyinfra, tmp_path: Path) -> None:
    done = skyinfra("review", "-s", "fleet", "--base", "HEAD", "--details", str(tmp_path / "x.json"))
    assert done.code == USAGE
