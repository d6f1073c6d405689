"""`skyinfra review --base`: a stack by its files alone, from commits of a temporary repository.

The program runs in the tests' process; the fixture `alone` runs it in its own process, as users do.
"""

import contextlib
import io
import json
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from catalogue.exit_codes import AT_RISK, FAILED, REFUSED, USAGE
from catalogue.go_modules import INEXACT
from clients import git
from commands import known_vulnerabilities
from commands.review import by_files, mock_previews, untrusted_yaml
from mocks.__main__ import main as mocks_main
from release.vulnerabilities import by_module
from review.markdown import LIMIT
from tests.unit.command_line import Ran, Skyinfra
from tests.unit.previews import complete
from tests.unit.projects import PROJECT
from tests.unit.test_vulnerabilities import entry

RELEASE, FLEET = "stacks/Pulumi.release.yaml", "stacks/Pulumi.fleet.yaml"
STACKS = ("develop", "ecr", "fleet", "release", "workspaces")
NOTHING = "\nNothing changes.\n"


@dataclass(frozen=True, slots=True)
class Repository:
    """A checkout with stacks, and the `skyinfra` command to review them."""

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


IN_ITS_OWN_PROCESS = mock_previews._run


def in_this_process(given: str) -> tuple[list[str], str]:
    """Answer like `python -m mocks`, without the time that a process takes to start."""
    out = io.StringIO()
    with patch("sys.stdin", io.StringIO(given)), contextlib.redirect_stdout(out):
        assert mocks_main() == 0
    return out.getvalue().splitlines(), ""


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, skyinfra: Skyinfra) -> Repository:
    """A repository whose tag `base` has the committed stacks; the program is that of this checkout."""
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
    monkeypatch.setattr(mock_previews, "_run", in_this_process)
    monkeypatch.setattr(by_files, "stack_file", lambda stack: folder / "stacks" / f"Pulumi.{stack}.yaml")
    return found


@pytest.fixture
def alone(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the program in a separate process, as users do."""
    monkeypatch.setattr(mock_previews, "_run", IN_ITS_OWN_PROCESS)


@pytest.mark.usefixtures("alone")
def test_the_programs_own_process_gives_the_same_answers_as_this_one() -> None:
    """The own process of the program gives equal answers: for a preview, and for errors in head or base."""
    base = {stack: (PROJECT / "stacks" / f"Pulumi.{stack}.yaml").read_text() for stack in STACKS}
    wrong = "config: {skycoin:x: 1}"
    heads = {"fleet": base["fleet"], "release": wrong, "ecr": base["ecr"]}
    text = json.dumps({"base": {**base, "ecr": wrong}, "heads": heads})
    there, here = ([*map(_sorted, run(text)[0])] for run in (mock_previews._run, in_this_process))
    assert there == here
    assert [[*row] for row in here] == [
        ["steps", "changeSummary", "published"],
        ["steps", "diagnostics"],
        ["failed"],
    ]


def _sorted(line: str) -> Any:
    """The preview in a fixed order; several threads register its resources in any order."""
    parsed = json.loads(line)
    if "steps" in parsed:
        parsed["steps"].sort(key=lambda step: str(step["urn"]))
    return parsed


@pytest.mark.parametrize("stack", STACKS)
def test_an_unchanged_committed_stack_has_a_page_without_changes(repository: Repository, stack: str) -> None:
    done = repository.review(stack, "--base", "base")
    assert (done.code, done.err.count("error")) == (0, 0), done.err
    assert done.out.startswith(f"## Stack {stack}, by its files alone: safe\n{NOTHING}")


def test_a_page_by_files_names_the_changed_lines_and_invents_no_digest(repository: Repository) -> None:
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
        f"Review: none. This page compares the stack's file of {base} with that of this folder, with the "
        "checked-out program. No state, host or registry was asked, so it does not show what is "
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
    """A program in a fork's commit, if it ran, could print any page."""
    repository.edit(FLEET, "network: mainnet}", "network: mainnet, peer-port: 6001}")
    (repository.folder / "README.md").write_text("Hello")
    head = repository.commit()
    repository.git("checkout", "-q", "base")
    done = repository.review("fleet", "--base", "base", "--head", head)
    assert done.code == 0
    assert done.out.startswith(
        "## Stack fleet, by its files alone: restarts 2 nodes, each for at most 11 min\n"
    )
    assert "- Other files that differ: README.md (1). Their effect is not on this page: " in done.out
    assert "6001" not in (repository.folder / FLEET).read_text()
    assert repository.review("fleet", "--base", "base").out.count(NOTHING) == 1


def test_of_the_changed_side_only_the_stacks_own_file_is_read(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before, the files of all stacks were read, each by a separate git process."""
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


def test_removing_a_node_from_the_file_is_refused_with_the_remedy(repository: Repository) -> None:
    repository.edit(FLEET, "    shed: {image: skycoin, host: shed, network: mainnet}\n", "")
    done = repository.review("fleet", "--base", "base")
    assert done.code == REFUSED
    assert "`./skyinfra node retire shed -s fleet`, which keeps its volumes." in done.out
    assert "pulumi state unprotect" not in done.out


def test_another_volume_for_a_wallet_is_refused_with_the_remedy(repository: Repository) -> None:
    """`up` would refuse the other volume; before, the page reported a wallet at risk."""
    shed = "    shed: {image: skycoin, host: shed, network: mainnet"
    repository.edit(FLEET, shed, f"{shed}, wallet-volume: other")
    done = repository.review("fleet", "--base", "base")
    assert done.code == REFUSED
    assert "The wallet volume of the node shed would be replaced, and its wallet is protected." in done.out
    assert "remove the `protect` flag" not in done.out


def test_all_configuration_errors_are_reported_with_their_places(repository: Repository) -> None:
    repository.edit(FLEET, "network: mainnet}", "netwrk: mainnet}")
    done = repository.review("fleet", "--base", "base")
    assert done.code == REFUSED
    assert "2 configuration errors, nothing was changed:" in done.out
    assert re.findall(r"- skycoin:nodes\.(\S+): unknown key .*\n    (\S+)", done.out) == [
        ("attic.netwrk", "stacks/Pulumi.fleet.yaml:9:42"),
        ("shed.netwrk", "stacks/Pulumi.fleet.yaml:10:40"),
    ]


def test_a_stack_that_the_base_does_not_have_is_new(repository: Repository) -> None:
    text = (repository.folder / FLEET).read_text()
    (repository.folder / "stacks" / "Pulumi.house.yaml").write_text(text)
    done = repository.review("house", "--base", "base")
    assert done.code == 0
    assert "- base has no file of the stack house: all of it is shown as new.\n" in done.out
    assert "2 containers new" in done.out


@pytest.mark.usefixtures("alone")
def test_no_variable_of_the_environment_reaches_the_program(
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
    assert (
        "no risk seen, but not all changes can be judged\n\nNothing rebuilt, published or restarted." in page
    )
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
    assert "Nothing is known about this change. \n\n```\nThe stack's file in the base has errors." in done.out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("fleet", "--base", "nothing"), "'nothing' is not a commit of this clone"),
        (("fleet", "--base", "--output=x"), "'--output=x' is not a commit of this clone"),
        (
            ("fleet", "--base", "base", "--head", "base:stacks"),
            "'base:stacks' is not a commit of this clone",
        ),
        (("shed", "--base", "base"), "There is no stacks/Pulumi.shed.yaml here"),
        (("../../x", "--base", "base", "--head", "base"), "There is no stacks/Pulumi.x.yaml at base"),
    ],
)
def test_an_unknown_stack_or_revision_is_reported(
    repository: Repository, options: tuple[str, ...], said: str
) -> None:
    done = repository.review(*options)
    assert done.code == FAILED
    assert f"error: {said}" in done.err


def test_a_link_is_not_a_file_of_a_stack(repository: Repository) -> None:
    """Following the link would read a file of this machine, perhaps outside the project."""
    (repository.folder / FLEET).unlink()
    (repository.folder / FLEET).symlink_to("/etc/passwd")
    head = repository.commit()
    repository.git("checkout", "-q", "base")
    done = repository.review("fleet", "--base", "base", "--head", head)
    assert done.code == FAILED
    assert f"There is no stacks/Pulumi.fleet.yaml at {head}" in done.err


def test_a_file_that_is_too_long_is_not_read(repository: Repository) -> None:
    (repository.folder / FLEET).write_text("#" * (untrusted_yaml.BYTES + 1))
    done = repository.review("fleet", "--base", "base")
    assert done.code == FAILED
    assert "longer than 1,000,000 bytes" in done.err


@pytest.mark.parametrize(
    "options",
    [("--head", "base"), ("-s", "fleet", "--base", "base", "--preview", "-")],
    ids=["head alone", "a saved preview"],
)
def test_options_that_do_not_go_together_are_refused(skyinfra: Skyinfra, options: tuple[str, ...]) -> None:
    assert skyinfra("review", *options).code == USAGE


def test_leading_empty_lines_of_a_file_count_in_line_numbers(repository: Repository) -> None:
    """Leading empty lines count, because errors have line numbers."""
    file = repository.folder / FLEET
    file.write_text("\n\n\n" + file.read_text().replace("mainnet", "moon"))
    head = repository.commit()
    done = repository.review("fleet", "--base", "base", "--head", head)
    assert "stacks/Pulumi.fleet.yaml:12:" in done.out


HOSTILE = "@octocat ![x](https://x.invalid/y) <!-- "


def test_text_of_a_fork_creates_no_mention_link_picture_or_comment(repository: Repository) -> None:
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


COMMANDS = "\x1b]52;c;YmFk\x07\x9b2J\u202e"


def test_text_of_a_fork_commands_no_terminal(repository: Repository, tmp_path: Path) -> None:
    """Before, a key, a value or a file's name could fill the reader's clipboard, or clear what was above."""
    whole = tmp_path / "whole.md"
    (repository.folder / f"@{COMMANDS}").write_text("")
    heads = [repository.commit()]
    args = (
        f"      build-args: {{EXTRA: {json.dumps(f'@{COMMANDS}')}}}\n  {json.dumps(f'other:{COMMANDS}')}: 1\n"
    )
    repository.edit(RELEASE, "      channel: release\n", f"      channel: release\n{args}")
    heads.append(repository.commit())
    repository.edit(RELEASE, "channel: release", f"channel: {json.dumps(COMMANDS)}")
    heads.append(repository.commit())
    for head in heads:
        whole.write_text("")
        done = repository.skyinfra("review", "--base", "base", "--head", head, "--whole", str(whole))
        for text in (done.out, done.err, whole.read_bytes().decode()):
            assert text.replace("\n", "").replace("\u2060", "").isprintable()
        assert "@?]52;c;YmFk??2J? (1)" in done.out
    shown = repository.review("release", "--base", "base", "--head", heads[1]).out
    assert "EXTRA: none → @?]52;c;YmFk??2J?" in shown
    assert "shown below or not: skycoin:images.skycoin.build-args, other:?]52;c;YmFk??2J?." in shown
    failed = repository.review("release", "--base", "base", "--head", heads[2])
    assert failed.code == REFUSED
    assert (failed.out + failed.err).replace("\n", "").replace("\u2060", "").isprintable()


def test_a_branch_is_compared_with_the_commit_where_it_began(repository: Repository) -> None:
    """Commits that the base has received since then are not changes of the branch."""
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


def test_revisions_without_a_common_commit_are_refused(repository: Repository) -> None:
    repository.git("checkout", "-q", "--orphan", "other")
    repository.edit(FLEET, "mainnet", "none")
    repository.commit()
    done = repository.review("fleet", "--base", "base")
    assert done.code == FAILED
    assert "have no commit in common: a shallow clone lacks it" in done.err


def test_one_run_has_a_page_of_each_stack_that_differs_the_worst_first(repository: Repository) -> None:
    """The other stacks are listed as unchanged. Before, each stack needed its own run."""
    repository.edit(RELEASE, "      channel: release\n", "      channel: release\n      revision: 2\n")
    repository.edit(FLEET, "mainnet", "moon")
    repository.edit("stacks/Pulumi.workspaces.yaml", "config:", "config: [")
    head = repository.commit()
    repository.git("checkout", "-q", "base")
    done = repository.skyinfra("review", "--base", "base", "--head", head)
    assert done.code == REFUSED
    assert _titles(done) == ["fleet: refused", "workspaces: refused", f"release: {UNJUDGED}"]
    assert "the file is not valid YAML of a stack: " in done.out
    assert done.out.endswith("\n\nStacks that do not differ: develop, ecr.\n")
    assert "- Other files that differ" not in done.out, "they have pages of their own"
    assert "preview of the stacks fleet, release, workspaces, by their files alone" in done.err


UNJUDGED = "no risk seen, but not all changes can be judged"


def _titles(done: Ran) -> list[str]:
    """Headings of the pages, without the words that all of them have."""
    heads = [line for line in done.out.splitlines() if line.startswith("## ")]
    return [head.removeprefix("## Stack ").replace(", by its files alone", "") for head in heads]


def test_a_stack_in_only_one_revision_has_a_page_that_says_so(repository: Repository) -> None:
    (repository.folder / "stacks" / "Pulumi.house.yaml").write_text((repository.folder / FLEET).read_text())
    (repository.folder / FLEET).unlink()
    for where, options in (("here", ()), ("at HEAD", ("--head", "HEAD"))):
        if options:
            repository.commit()
        done = repository.skyinfra("review", "--base", "base", *options)
        assert done.code == FAILED
        assert _titles(done) == ["fleet: no preview", f"house: {UNJUDGED}"]
        assert f"There is no {FLEET} {where}, and base has it. Without the file no `pulumi up`" in done.out
        assert "- base has no file of the stack house: all of it is shown as new.\n" in done.out


def test_an_unreadable_stack_does_not_hide_the_others(repository: Repository) -> None:
    (repository.folder / FLEET).write_text("#" * (untrusted_yaml.BYTES + 1))
    repository.edit(RELEASE, "      channel: release\n", "      channel: release\n      revision: 2\n")
    done = repository.skyinfra("review", "--base", "base")
    assert (done.code, _titles(done)) == (FAILED, ["fleet: no preview", f"release: {UNJUDGED}"])
    assert "longer than 1,000,000 bytes" in done.out


def test_a_stack_that_ends_or_blocks_the_program_does_not_hide_the_others(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    for file in (FLEET, RELEASE):
        (repository.folder / file).write_text((repository.folder / file).read_text() + "# more\n")
    repository.edit("stacks/Pulumi.develop.yaml", "branch: develop", "branch: other")

    def run(given: str) -> tuple[list[str], str]:
        asked = json.loads(given)
        heads = dict(asked["heads"])
        before = heads.keys() - {"fleet", "release"} if "fleet" in heads else set()
        alone = {name: text for name, text in heads.items() if name in before}
        return in_this_process(json.dumps({**asked, "heads": alone}))[0], "It did not end."

    monkeypatch.setattr(mock_previews, "_run", run)
    done = repository.skyinfra("review", "--base", "base")
    assert done.code == FAILED
    assert _titles(done) == ["fleet: no preview", "release: no preview", f"develop: {UNJUDGED}"]
    assert done.out.count("It did not end.") == 2


@pytest.mark.usefixtures("alone")
def test_pages_finished_before_the_timeout_are_printed(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    slow = tmp_path / "slow"
    slow.write_text(f"#!/bin/sh\necho '{json.dumps(complete())}'\nprintf '{{'\nsleep 60\n")
    slow.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(slow))
    monkeypatch.setattr(mock_previews, "SECONDS", 1)
    for file in (FLEET, RELEASE):
        (repository.folder / file).write_text((repository.folder / file).read_text() + "# more\n")
    done = repository.skyinfra("review", "--base", "base")
    assert (done.code, _titles(done)) == (FAILED, ["release: no preview", f"fleet: {UNJUDGED}"])
    assert "The program did not end within 1 s with this file." in done.out


def test_if_no_stack_file_differs_the_other_changes_are_listed(repository: Repository) -> None:
    """Before, a file with only another modification time was reported as different."""
    file = repository.folder / FLEET
    os.utime(file, (1, 1))
    same = "Stacks that do not differ: develop, ecr, fleet, release, workspaces.\n"
    done = repository.skyinfra("review", "--base", "base")
    assert (done.code, done.out) == (0, same)
    (repository.folder / "README.md").write_text("Hello")
    repository.commit()
    done = repository.skyinfra("review", "--base", "base")
    assert done.code == 0
    assert done.out.startswith(f"{same}\nOther files that differ: README.md (1). Their effect is not on this")


def test_a_stack_whose_publisher_differs_is_reported_to_follow(repository: Repository) -> None:
    """Before, the page did not say that the nodes of a fleet get what the change would publish."""
    repository.edit(RELEASE, "      channel: release\n", "      channel: release\n      revision: 2\n")
    follows = (
        "fleet takes its images from release, which differs too: the first `up` of fleet after that of "
        "release uses the images that release would publish.\n"
    )
    assert repository.skyinfra("review", "--base", "base").out.endswith(
        f"Stacks that do not differ: develop, ecr, fleet, workspaces.\n\n{follows}"
    )
    assert f"\n- {follows}" in repository.review("fleet", "--base", "base").out


def test_a_file_that_is_not_named_like_a_stack_gets_no_heading(repository: Repository) -> None:
    (repository.folder / "stacks" / "Pulumi.x\n\n## Stack fleet: safe\n.yaml").write_text("config: {}\n")
    head = repository.commit()
    done = repository.skyinfra("review", "--base", "base", "--head", head)
    assert _titles(done) == []
    assert "Other files that differ: stacks (1)." in done.out


def test_more_stacks_than_fit_in_one_run_are_refused(repository: Repository) -> None:
    text = (repository.folder / "stacks" / "Pulumi.develop.yaml").read_text()
    for number in range(by_files.MOST + 1):
        (repository.folder / "stacks" / f"Pulumi.house-{number}.yaml").write_text(text)
    done = repository.skyinfra("review", "--base", "base")
    assert done.code == FAILED
    assert "13 stacks differ, but only 12 fit here: choose one with `--stack`." in done.err
    (repository.folder / "stacks" / "Pulumi.house-0.yaml").unlink()
    whole = repository.folder / "@whole.md"
    done = repository.skyinfra("review", "--base", "base", "--whole", str(whole))
    assert done.code == 0
    assert len(done.out) <= LIMIT
    assert whole.read_text().count("## Stack house-") == by_files.MOST


GO = "images/skycoin/go.mod"


@pytest.fixture
def with_go_mod(repository: Repository) -> Repository:
    """The repository, whose tag `base` also has the go.mod of an image."""
    with (repository.folder / ".git" / "info" / "exclude").open("a") as exclude:
        exclude.write("!/images\n")
    (repository.folder / GO).parent.mkdir(parents=True)
    (repository.folder / GO).write_text("go 1.26\nrequire golang.org/x/crypto v0.59.0\n")
    repository.commit()
    repository.git("tag", "--force", "base")
    return repository


def _inside(done: Ran) -> list[str]:
    """Lines of all sections “Inside images”, without their notes."""
    sections = done.out.split("### Inside images\n\n")[1:]
    return [line for section in sections for line in section.partition("\n\n")[0].splitlines()]


@pytest.mark.parametrize(
    ("publisher", "said"),
    [
        ("ecr", "the same Go modules, by its go.mod"),
        ("develop", "Go modules unknown: only a build reads its git repository"),
    ],
)
def test_modules_of_another_publishers_images_are_listed_or_the_reason_is_given(
    with_go_mod: Repository, publisher: str, said: str
) -> None:
    """Before, the page did not mention these modules, but the page of a preview did."""
    with_go_mod.edit(
        FLEET, "images-from: organization/skycoin/release", f"images-from: me/skycoin/{publisher}"
    )
    done = with_go_mod.review("fleet", "--base", "base")
    assert _inside(done) == [f"- skycoin (from me/skycoin/{publisher}): {said}"]


def test_modules_of_a_digest_in_the_file_are_unknown(with_go_mod: Repository) -> None:
    rollback = f"rollback: {{digest: 'sha256:{'a' * 64}', reason: slow, date: '2026-11-27T00:00:00Z'}}"
    shed = "    shed: {image: skycoin, host: shed, network: mainnet"
    with_go_mod.edit(FLEET, shed, f"{shed}, {rollback}")
    done = with_go_mod.review("fleet", "--base", "base")
    assert _inside(done) == [
        "- skycoin (from organization/skycoin/release): Go modules unknown: the stack's file names an "
        "image by its digest, and no file describes it"
    ]


def test_modules_are_those_of_the_go_mod_in_both_revisions(
    with_go_mod: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before, modules were unknown even with both files in git; with only such a change, no page was made."""
    known = [entry("GO-2025-1", "golang.org/x/crypto", {"introduced": "0"}, {"fixed": "0.58.0"})]
    monkeypatch.setattr(known_vulnerabilities, "read_known", lambda _: (by_module(known), "2026-11-05"))
    with_go_mod.edit(GO, "v0.59.0", "v0.57.0")
    head = with_go_mod.commit()
    for options in ((), ("--head", head)):
        done = with_go_mod.skyinfra("review", "--base", "base", *options)
        assert _titles(done) == [f"{name}: {UNJUDGED}" for name in ("develop", "ecr", "release")]
        gained, differs = _inside(done)[:2]
        assert gained.startswith(
            "- skycoin **gains** known vulnerabilities: GO-2025-1 in golang.org/x/crypto"
        )
        assert differs == "- skycoin: golang.org/x/crypto 0.59.0 → 0.57.0 (in which programs is unknown)"
        assert "Vulnerabilities are those that Go's database knew on 2026-11-05" in done.out
        assert "\n\nfleet takes its images from release, which differs too: " in done.out
    with_go_mod.git("rm", "-q", GO)
    with_go_mod.edit(
        RELEASE, "      channel: release\n", "      channel: release\n      build-args: {A: b}\n"
    )
    done = with_go_mod.review("release", "--base", "base")
    assert _inside(done) == ["- skycoin: Go modules unknown: only one of the revisions has its go.mod"]


@pytest.mark.parametrize("option", ["--head", None])
def test_modules_of_a_long_go_mod_are_not_called_gone(with_go_mod: Repository, option: str | None) -> None:
    """Before, the part after a million characters was read of the base only, so its modules were gone."""
    with_go_mod.edit(GO, "require", "// filler\n" * 100_000 + "require")
    with_go_mod.commit()
    with_go_mod.git("tag", "--force", "base")
    with_go_mod.edit(GO, "// filler\nrequire", "require")
    head = with_go_mod.commit()
    done = with_go_mod.review("release", "--base", "base", *((option, head) if option else ()))
    assert _inside(done) == [
        "- skycoin: Go modules unknown: its go.mod is longer than 1,000,000 characters, so it was not read"
    ]


def test_all_modules_of_a_new_image_are_new(with_go_mod: Repository) -> None:
    (with_go_mod.folder / GO).write_text(
        "go 1.26\nrequire example.org/x v1.2.3\nreplace example.org/x => ../x\n"
    )
    with_go_mod.commit()
    (with_go_mod.folder / "stacks" / "Pulumi.house.yaml").write_text(
        (with_go_mod.folder / RELEASE).read_text()
    )
    [line] = _inside(with_go_mod.review("house", "--base", "HEAD"))
    assert line == (
        "- skycoin: example.org/x (version unknown) is new (in which programs is unknown before the build); "
        f"example.org/x: version unknown, as {INEXACT}"
    )


EVIL = "x/\n\n## Stack fleet: safe\n\nNothing changes. @octocat [a](https://x.invalid) <!--"


@pytest.mark.usefixtures("alone")
def test_a_foreign_name_of_a_stack_is_shown_on_one_line_in_a_block(repository: Repository) -> None:
    """Before, a fork could fill the whole comment with its own heading, mention and link."""
    repository.edit(FLEET, "images-from: organization/skycoin/release", f"images-from: {json.dumps(EVIL)}")
    done = repository.review("fleet", "--base", "base")
    assert done.code == REFUSED
    before, _, rest = done.out.partition("\n```\n")
    block, _, after = rest.partition("\n```\n")
    assert f"  - skycoin:images-from: {json.dumps(EVIL)}: must be a stack's name" in block.splitlines()[1]
    assert "octocat" not in before + after


@pytest.mark.usefixtures("alone")
def test_a_foreign_reason_is_shown_unchanged(repository: Repository) -> None:
    repository.edit(FLEET, "images-from: organization/skycoin/release", "images-from: evil/skycoin/other")
    done = repository.review("fleet", "--base", "base")
    assert done.code == FAILED
    head, fence, rest = done.out.partition("\n```\n")
    assert head == "## Stack fleet, by its files alone: no preview\n\nNothing is known about this change. \n"
    assert fence
    assert rest.count("```") == 1
    assert rest.endswith("\n```\n")


def test_images_of_another_publisher_are_other_images(repository: Repository) -> None:
    """Before, the same name in another organization was taken for the same images."""
    repository.edit(FLEET, "images-from: organization/", "images-from: evil/")
    done = repository.review("fleet", "--base", "base")
    assert done.out.startswith("## Stack fleet, by its files alone: restarts 2 nodes, each for at most ")


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("no", "Settings of the file that differ, shown below or not: skycoin:nodes.shed.gui."),
        (
            "2026-11-27",
            "skycoin:nodes.shed.gui, line 10: a date, which Pulumi passes on in another form: put it in",
        ),
    ],
)
def test_a_value_is_read_as_pulumi_reads_it(repository: Repository, written: str, expected: str) -> None:
    """Pulumi reads `no` as a text, which is refused; before, it was false, and the page showed no change."""
    shed = "    shed: {image: skycoin, host: shed, network: mainnet"
    repository.edit(FLEET, shed, f"{shed}, gui: false")
    repository.commit()
    repository.edit(FLEET, "gui: false", f"gui: {written}")
    done = repository.review("fleet", "--base", "HEAD")
    assert done.code == REFUSED
    assert expected in done.out


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("  hosts: {evil: {engine: local}}\n", "hosts: a key without a namespace"),
        ("  build-ca: /etc/passwd\n", "build-ca: a key without a namespace"),
        ("  skycoin:wallets: {secure: v1:a:b}\n", "skycoin:wallets: [not shown]: has an encrypted value"),
    ],
)
def test_keys_that_pulumi_reads_differently_are_refused(
    repository: Repository, line: str, expected: str
) -> None:
    """Pulumi prefers a key without a namespace to the project's own; before, the page showed no change."""
    (repository.folder / FLEET).write_text((repository.folder / FLEET).read_text() + line)
    done = repository.review("fleet", "--base", "base")
    assert done.code == REFUSED
    assert expected in done.out


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
def test_a_setting_that_no_resource_shows_is_reported_and_never_safe(
    repository: Repository, line: str, name: str | None
) -> None:
    (repository.folder / FLEET).write_text((repository.folder / FLEET).read_text() + line)
    page = repository.review("fleet", "--base", "base").out
    assert ": safe\n" not in page
    assert NOTHING not in page
    if name is not None:
        assert f"- Settings of the file that differ, shown below or not: {name}.\n" in page


@pytest.mark.parametrize(("number", "said"), [(33, "3 more places"), (31, "1 more place")])
def test_further_places_are_counted(repository: Repository, number: int, said: str) -> None:
    """Before, those after the thirtieth were left out without a word."""
    for one in range(number):
        (repository.folder / f"@{one:02}").write_text("")
    repository.commit()
    page = repository.review("fleet", "--base", "base").out
    assert f" and in {said}. Their effect is not on this page" in page


def test_another_ciphertext_is_a_difference(repository: Repository) -> None:
    secrets = "  skycoin:build-secrets:\n    token: {secure: v1:nonce:sealed-one}\n"
    (repository.folder / RELEASE).write_text((repository.folder / RELEASE).read_text() + secrets)
    repository.commit()
    repository.edit(RELEASE, "v1:nonce:sealed-one", "v1:nonce:sealed-two")
    page = repository.review("release", "--base", "HEAD").out
    assert "differ, shown below or not: skycoin:build-secrets.token.secure." in page
    assert "sealed" not in page
    assert "nonce" not in page


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("file", ["/usr/bin/git", "/etc/passwd"])
def test_no_file_of_the_machine_is_read(repository: Repository, file: str) -> None:
    """Before, an error quoted the bytes of the file that a fork's `build-ca` named."""
    text = (repository.folder / FLEET).read_text()
    (repository.folder / FLEET).write_text(f"{text}  skycoin:build-ca: {file}\n")
    done = repository.review("fleet", "--base", "base")
    assert done.code == 0
    assert "Settings of the file that differ, shown below or not: skycoin:build-ca." in done.out
    assert len(done.out) < 2000


def test_a_working_copy_that_a_stack_names_is_not_read(repository: Repository) -> None:
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
    ("text", "expected"),
    [
        (BOMB, "has more than 100,000 values"),
        ("config: {skycoin:x: &a [*a]}\n", "nests its values too deeply, or recursively"),
        ("config: " + "[" * 20_000, "nests its values too deep"),
    ],
    ids=["aliases", "in itself", "deep"],
)
def test_a_file_that_keeps_a_reader_busy_is_not_read(
    repository: Repository, text: str, expected: str
) -> None:
    (repository.folder / FLEET).write_text(text)
    done = repository.review("fleet", "--base", "base")
    assert done.code == FAILED
    assert expected in done.err


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


def test_every_folder_with_changed_files_is_listed(repository: Repository) -> None:
    with (repository.folder / ".git" / "info" / "exclude").open("a") as exclude:
        exclude.write("!/images2\n")
    for name in ("images2/stacks/evil.yaml", "stacks/more.yaml", *(f"stacks/{n}.txt" for n in range(40))):
        path = repository.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    head = repository.commit()
    page = repository.review("fleet", "--base", "base", "--head", head).out
    assert "- Other files that differ: images2 (1), stacks (41). " in page


def test_a_name_of_a_file_that_is_not_utf_8_is_on_every_page(repository: Repository, tmp_path: Path) -> None:
    """Before, a fork with such a file had no page at all: `--whole` ended in an internal error."""
    with (repository.folder / ".git" / "info" / "exclude").open("a") as exclude:
        exclude.write("!/geldb*\n")
    for name in (b"geldb\xf6rse", b"geldb\xf6rse<!--\n# @octocat"):
        (repository.folder / os.fsdecode(name)).write_text("x")
    whole = tmp_path / "whole.md"
    names = "Other files that differ: geldb\ufffdrse (1), geldb\ufffdrse&lt;!-- # @\u2060octocat (1). "
    first = repository.commit()
    repository.edit(RELEASE, "      channel: release\n", "      channel: release\n      revision: 2\n")
    second = repository.commit()
    for head in (first, second):
        done = repository.skyinfra("review", "--base", "base", "--head", head, "--whole", str(whole))
        assert done.code == 0, done.err
        assert names in done.out
        assert names in whole.read_text()


def test_a_page_by_files_refuses_the_option_details(skyinfra: Skyinfra, tmp_path: Path) -> None:
    done = skyinfra("review", "-s", "fleet", "--base", "HEAD", "--details", str(tmp_path / "x.json"))
    assert done.code == USAGE
