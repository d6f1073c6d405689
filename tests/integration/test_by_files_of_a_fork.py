"""`skyinfra review --base --head` as the workflow `fork` runs it: in a real clone, on a fork's commit.

The program of the base reads the fork's stack files; nothing else of the fork is run or checked out.
"""

import contextlib
import os
import resource
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from catalogue.exit_codes import FAILED
from tests.e2e.machine import copy_checkout
from tests.unit.projects import PROJECT

FLEET, DEVELOP, RELEASE = (f"stacks/Pulumi.{name}.yaml" for name in ("fleet", "develop", "release"))
SAFE = "## Stack fleet, by its files alone: safe"
PYTHON = f"""\
import os
with open({{mark!r}}, "a") as file:
    file.write(__file__ + "\\n")
print({SAFE!r}, flush=True)
os._exit(0)
"""
SHELL = f"#!/bin/sh\necho \"$0 $*\" >>'{{mark}}'\necho '{SAFE}'\n"
MODULES = (
    "__main__.py",
    "commands/__init__.py",
    "commands/__main__.py",
    "mocks/__init__.py",
    "mocks/__main__.py",
    "program/__init__.py",
    "review/own_rules.py",
    "settings/__init__.py",
    "sitecustomize.py",
    "stacks/__init__.py",
    "yaml.py",
)
COMMANDS = (
    ("core", "fsmonitor"),
    ("core", "hooksPath"),
    ("core", "pager"),
    ("core", "sshCommand"),
    ("diff", "external"),
    ("diff.evil", "command"),
    ("diff.evil", "textconv"),
    ("filter.evil", "clean"),
    ("filter.evil", "process"),
    ("filter.evil", "smudge"),
)
"""Sections and keys of git config whose values are commands, or a folder of commands."""


@dataclass(frozen=True, slots=True)
class Clone:
    """A clone of the project with the base checked out, and next to it the file that a fork's code writes."""

    folder: Path

    @property
    def mark(self) -> Path:
        return self.folder.with_name("mark")

    def git(self, *arguments: str) -> str:
        author = ("-c", "user.name=tests", "-c", "user.email=tests@localhost")
        command = ("git", "-C", str(self.folder), *author, *arguments)
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    def review(self, *options: str) -> subprocess.CompletedProcess[str]:
        """Review with the program of the clone, in a process of its own."""
        path = f"{PROJECT / '.venv' / 'bin'}:{os.environ['PATH']}"
        home = self.folder.with_name("home")
        home.mkdir(exist_ok=True)
        return subprocess.run(
            ["./skyinfra", "review", "--base", "base", *options],
            cwd=self.folder,
            env={"PATH": path, "HOME": str(home), "LANG": "C.UTF-8"},
            capture_output=True,
            text=True,
            check=False,
        )

    def write(self, name: str, text: str, *, runs: bool = False) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("{mark}", str(self.mark)).replace("{mark!r}", repr(str(self.mark))))
        if runs:
            path.chmod(0o755)

    def edit(self, name: str, old: str, new: str) -> None:
        text = (self.folder / name).read_text()
        assert old in text
        (self.folder / name).write_text(text.replace(old, new))

    def commit(self, branch: str) -> str:
        """Commit everything on a new branch, and check the base out again."""
        self.git("checkout", "-q", "-b", branch)
        self.git("add", "--all", "--force")
        self.git("commit", "-q", "-m", branch)
        head = self.git("rev-parse", "HEAD")
        self.git("checkout", "-q", "base")
        return head


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    copy_checkout(tmp_path / "clone")
    made = Clone(tmp_path / "clone")
    made.git("tag", "base")
    return made


def change_stacks(clone: Clone) -> None:
    """Write what the fork really changes: a port of its nodes, and an image from a working copy."""
    clone.edit(FLEET, "network: mainnet}", "network: mainnet, peer-port: 6001}")
    lines = (clone.folder / DEVELOP).read_text().splitlines(keepends=True)
    first = lines.index("      source:\n") + 1
    lines[first : first + 5] = ["        path: ../bare\n", "        version: v0.27.1\n"]
    (clone.folder / DEVELOP).write_text("".join(lines))


def bare_repository(clone: Clone, folder: str) -> None:
    """Write a folder that git takes for a bare repository, whose config names commands."""
    clone.write(f"{folder}/HEAD", "ref: refs/heads/main\n")
    clone.write(f"{folder}/objects/none", "")
    clone.write(f"{folder}/refs/none", "")
    clone.write(f"{folder}/cmd/x/main.go", "package main\n")
    sections = [f"[{section.replace('.', ' ', 1)}]\n{key} = {clone.mark}.sh\n" for section, key in COMMANDS]
    own = [
        line.replace("[filter evil]", '[filter "evil"]').replace("[diff evil]", '[diff "evil"]')
        for line in sections
    ]
    clone.write(f"{folder}/config", "[core]\nbare = true\nrepositoryformatversion = 0\n" + "".join(own))
    clone.write(f"{folder}/hooks/post-index-change", SHELL, runs=True)


def test_a_hostile_fork_runs_nothing_and_changes_no_word_of_its_page(clone: Clone) -> None:
    """Its program, its packages, its git attributes and its working copies would each print `safe`."""
    change_stacks(clone)
    honest = clone.commit("honest")
    clone.write("../mark.sh", SHELL, runs=True)
    change_stacks(clone)
    for module in MODULES:
        clone.write(module, PYTHON)
    for script in ("skyinfra", "python3", "git", "pulumi", ".venv/bin/python"):
        if not (clone.folder / script).is_dir():
            clone.write(script, SHELL, runs=True)
    clone.write(".gitattributes", "* filter=evil diff=evil\n*.yaml filter=evil diff=evil text eol=crlf\n")
    clone.write("stacks/.gitattributes", "* filter=evil diff=evil\n")
    bare_repository(clone, "bare")
    bare_repository(clone, "images/skycoin")
    hostile = clone.commit("hostile")
    clone.git("checkout", "-q", hostile)
    assert clone.review().stdout.startswith(SAFE), "the fork's own program says that it is safe"
    clone.git("checkout", "-q", "base")
    clone.mark.unlink()
    bare_repository(clone, "../bare")
    # The worst clone: its own config names commands, as that of Git LFS does.
    for section, key in COMMANDS:
        clone.git("config", f"{section}.{key}", f"{clone.mark}.sh")
    assert (clone.folder / "__main__.py").read_text() == (PROJECT / "__main__.py").read_text()
    assert not clone.mark.exists()

    there, here = (clone.review("--head", head) for head in (honest, hostile))
    assert not clone.mark.exists(), clone.mark.read_text()
    assert (there.returncode, here.returncode) == (FAILED, FAILED), here.stderr
    titles = [line for line in here.stdout.splitlines() if line.startswith("## ")]
    assert titles == [
        "## Stack develop, by its files alone: no preview",
        "## Stack fleet, by its files alone: restarts 2 nodes, each for at most 11 min",
    ]
    assert "The image skycoin is built from a working copy, which only its machine has." in here.stdout
    assert SAFE not in here.stdout
    shown, true = (
        _without_other_files(done.stdout, head) for done, head in ((here, hostile), (there, honest))
    )
    assert shown == true
    assert "- Other files that differ: " in here.stdout, "what was not read is named"
    with contextlib.suppress(subprocess.CalledProcessError):
        clone.git("checkout", "-q", hostile)
    assert clone.mark.exists(), "a checkout of the fork would have run its commands"


def _without_other_files(page: str, head: str) -> list[str]:
    lines = page.replace(head[:12], "HEAD").splitlines()
    return [line for line in lines if not line.startswith("- Other files that differ: ")]


SECONDS = 10


def test_all_pages_of_a_fork_take_no_ten_seconds(clone: Clone) -> None:
    """All committed stacks differ, and each is read in both revisions. It took 4 s on one core."""
    stacks = sorted(clone.folder.glob("stacks/Pulumi.*.yaml"))
    for stack in stacks:
        stack.write_text(stack.read_text() + "# more\n")
    clone.edit(RELEASE, "      channel: release\n", "      channel: release\n      revision: 2\n")
    clone.edit(FLEET, "network: mainnet}", "network: mainnet, peer-port: 6001}")
    head = clone.commit("changed")
    looks = [_seconds_and_pages(clone, head) for _ in range(2)]
    assert [pages for _, pages in looks] == [len(stacks)] * 2
    # Other work on the machine makes a measurement longer, never shorter.
    assert min(seconds for seconds, _ in looks) < SECONDS


def _seconds_and_pages(clone: Clone, head: str) -> tuple[float, int]:
    """CPU seconds of the review's processes, and the number of its pages."""
    began = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = clone.review("--head", head)
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, done.stderr
    used = ended.ru_utime + ended.ru_stime - began.ru_utime - began.ru_stime
    return used, done.stdout.count("\n## Stack ") + done.stdout.startswith("## Stack ")
