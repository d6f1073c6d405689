"""Sources as users have them: a commit of a git repository, a private one, a working copy, each layout.

The server is git's own (tests/e2e/git_server.py), and the builder itself fetches from it. A small program
stands in for Skycoin's and Skywire's, for one architecture.
"""

import os
import re
import secrets
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from clients.registry import Repository
from tests.e2e.git_server import DATE, GitServer, git, write_files
from tests.e2e.machine import Machine, Result
from tests.e2e.plugin import until
from tests.e2e.test_release_faults import found_in_layers
from tests.e2e.test_skywire import SUM, run
from tests.e2e.tiny import PROGRAM, Tiny

TOKEN = "canary-of-a-git-token"
COPY, MERGED = "copy", "merged"
"""Folders of the checkout: a working copy in the layout of Skycoin, and one of Skywire."""
WITH_MODULE = {"go.mod": "module github.com/skycoin/skycoin\n\ngo 1.14\n"}
SEMVER = "github.com/blang/semver"
WITH_VENDOR = {
    "go.mod": f"{WITH_MODULE['go.mod']}\nrequire {SEMVER} v3.5.1+incompatible\n",
    "vendor/modules.txt": f"# {SEMVER} v3.5.1+incompatible\n## explicit\n{SEMVER}\n",
    f"vendor/{SEMVER}/semver.go": "package semver // and nothing that a program could use\n",
}
"""A repository whose vendored copy of the module can't be built against."""


RUN = secrets.token_hex(8)
"""Makes each commit unique to this run: the builder fetches no commit that it already has."""


def program(word: str) -> dict[str, str]:
    """Skycoin's two programs; they print the word, their version, commit and branch."""
    programs = {f"cmd/{name}/main.go": PROGRAM.format(word=word) for name in ("skycoin", "skycoin-cli")}
    return {**programs, "docs/run": RUN}


def needing_semver(files: Mapping[str, str]) -> dict[str, str]:
    """The same programs, which also need a module."""
    needs = ('import "fmt"', f'import (\n\t"fmt"\n\n\t"{SEMVER}"\n)\n\nvar _ = semver.MustParse("1.2.3")')
    return {path: text.replace(*needs) for path, text in files.items()}


class Sources:
    """A stack with skycoin from a changing source, and skywire, which never changes."""

    def __init__(self, tiny: Tiny, public: GitServer) -> None:
        self.tiny = tiny
        self.public = public

    def up(self, secret: str | None = None, **source: str) -> Result:
        """Run `pulumi up` with this source of skycoin; `secret` is the build secret for git."""
        common = {"arches": ["amd64"], "channel": "feature", "feature": "sources"}
        given = {"version": "v1.2.3", "branch": "main", "date": DATE, **source}
        merged = {"path": MERGED, "version": "v1.3.28", "commit": "5" * 40, "date": DATE}
        images = {
            "skycoin": {**common, "gui": False, "source": given},
            "skywire": {**common, "source": merged},
        }
        changed: dict[str, Any] = {"skycoin:images": images}
        self.tiny.write({}, **changed)
        if secret is not None:
            path = ("--secret", "--path", "skycoin:build-secrets.GIT_AUTH_TOKEN")
            assert self.tiny.pulumi("config", "set", *path, secret).code == 0
        return self.tiny.up()

    def variant(self, image: str) -> dict[str, Any]:
        """Outputs of the only variant of an image."""
        variant: dict[str, Any] = self.tiny.outputs()["images"][image]["feature-sources"]["variants"]["amd64"]
        return variant

    def said(self) -> str:
        """Output of the built program."""
        return run(self.tiny.machine, self.variant("skycoin")["ref"], "skycoin-cli").stdout.strip()


@pytest.fixture(scope="module")
def first(up: Machine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Sources, str]]:
    """The stack, deployed from a repository's first commit, which has no go.mod; and that commit."""
    server = GitServer(tmp_path_factory.mktemp("git"))
    commit = server.commit("skycoin", program("one"))
    shutil.copytree(up.checkout / "tests/e2e/cgo", up.checkout / MERGED)
    shutil.copytree(up.checkout / "tests/e2e/cgo-merged", up.checkout / MERGED, dirs_exist_ok=True)
    tiny = Tiny(up, "sources")
    sources = Sources(tiny, server)
    tiny.write({})
    assert tiny.pulumi("stack", "init", "--no-select").code == 0
    result = sources.up(git=server.url("skycoin"), commit=commit)
    assert result.code == 0, result.text
    yield sources, commit
    server.close()
    tiny.remove()
    for folder in (COPY, MERGED):
        shutil.rmtree(up.checkout / folder, ignore_errors=True)


@pytest.fixture
def sources(first: tuple[Sources, str]) -> Sources:
    """The stack as the tests before left it."""
    return first[0]


def holding(root: Path, since: float, canaries: Iterable[str]) -> dict[str, list[Path]]:
    """Canary → files below a folder that have changed since then and contain it."""
    found: dict[str, list[Path]] = {canary: [] for canary in canaries}
    for parent, _, names in os.walk(root):
        for path in (Path(parent) / name for name in names):
            # A build step's network is a file that is a mount, which can't be read.
            if (
                path.is_symlink()
                or not path.is_file()
                or os.path.ismount(path)
                or path.stat().st_ctime < since
            ):
                continue
            content = path.read_bytes()
            for canary, paths in found.items():
                if canary.encode() in content:
                    paths.append(path)
    return found


def test_a_commit_of_a_git_repository_is_built_and_says_so(first: tuple[Sources, str]) -> None:
    sources, commit = first
    assert sources.said() == f"one 1.2.3 {commit} main"


def test_a_branch_that_moved_changes_nothing_until_its_commit_is_in_the_settings(
    first: tuple[Sources, str],
) -> None:
    """With the commit in the settings, only that image is rebuilt. The new commit has a go.mod of its own."""
    sources, commit = first
    moved = sources.public.commit("skycoin", {**program("two"), **WITH_MODULE})
    url = sources.public.url("skycoin")
    unmoved = sources.tiny.pulumi("preview", "--expect-no-changes")
    assert unmoved.code == 0, unmoved.text
    skywire = sources.variant("skywire")
    result = sources.up(git=url, commit=moved)
    assert result.code == 0, result.text
    assert sources.said() == f"two 1.2.3 {moved} main"
    assert moved != commit
    assert re.search(r"skycoin-amd64-image updated", result.text), result.text
    assert not re.search(r"skywire\S* (created|updated|replaced)", result.text), result.text
    assert sources.variant("skywire") == skywire


@pytest.mark.case(27)
def test_a_private_repository_is_fetched_with_a_token_that_is_stored_nowhere(
    sources: Sources, tmp_path: Path
) -> None:
    """The token is not in state, settings, logs, build arguments, layers or the builder's own files.

    The commit is not the last one of its branch, and has a folder `vendor`.
    """
    machine, private, since = sources.tiny.machine, GitServer(tmp_path, TOKEN), time.time()
    commit = private.commit("private", {**needing_semver(program("three")), **WITH_VENDOR})
    private.commit("private", program("later"))
    url = private.url("private")
    closed = sources.up(git=url, commit=commit)
    assert closed.code != 0
    assert url.removesuffix("/private.git") in closed.text, closed.text
    refused = sources.up(secret="canary-of-a-wrong-token", git=url, commit=commit)
    assert refused.code != 0
    assert 200 not in private.answers
    result = sources.up(secret=TOKEN, git=url, commit=commit)
    private.close()
    assert result.code == 0, result.text
    assert sources.said() == f"three 1.2.3 {commit} main"
    texts = closed.text + refused.text + result.text
    canaries = (TOKEN, private.login, "canary-of-a-wrong-token")
    assert not [canary for canary in canaries if canary in texts]
    for root in (
        machine.layout.state / "backend", machine.layout.logs, machine.layout.builder_root, machine.checkout
    ):  # fmt: skip
        assert holding(root, since, canaries) == {canary: [] for canary in canaries}, root


def test_a_private_repositorys_token_is_in_no_layer(
    sources: Sources, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = sources.tiny.machine
    machine.lend_login(monkeypatch)
    repository = Repository(sources.variant("skycoin")["ref"].partition("@")[0])
    assert not found_in_layers(repository, TOKEN, "feature-sources")


def test_a_repository_of_another_project_is_refused_with_a_clear_message(sources: Sources) -> None:
    """Without a folder `cmd`, the image used to be built from the Go module, under that commit's name."""
    other = sources.public.commit("other", {"README.md": "something else\n"})
    before = sources.variant("skycoin")
    result = sources.up(git=sources.public.url("other"), commit=other)
    assert result.code != 0
    assert "source: there is no folder cmd/skycoin; it must be a copy of Skycoin's repository" in result.text
    assert sources.variant("skycoin") == before


@pytest.mark.case(33)
def test_hidden_files_at_the_top_of_a_working_copy_are_not_sent_to_the_builder(sources: Sources) -> None:
    """A checkout made by a CI job has a token in .git/config, and the whole history."""
    machine, since = sources.tiny.machine, time.time()
    folder = machine.checkout / COPY
    sent = "canary-that-is-sent"
    write_files(folder, {**program("four"), "docs/page.md": sent})
    git(folder, "init", "-q", "-b", "topic")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "first")
    git(folder, "config", "http.extraheader", "canary-of-a-git-folder")
    (folder / ".env").write_text("canary-of-a-hidden-file\n")
    (folder / "link").symlink_to("docs/page.md")
    (folder / "result").symlink_to("/somewhere/else")
    stopped = sources.up(path=COPY, branch="")
    assert f"path '{COPY}': its link result leads to /somewhere/else" in stopped.text
    (folder / ".dockerignore").write_text("/result\n")
    result = sources.up(path=COPY, branch="")
    assert result.code == 0, result.text
    commit = git(folder, "rev-parse", "HEAD")
    assert sources.said() == f"four 1.2.3 {commit}-dirty topic", ".env is no part of the commit"
    hidden = ("canary-of-a-git-folder", "canary-of-a-hidden-file")
    found = holding(machine.layout.builder_root, since, (sent, *hidden))
    assert found.pop(sent), "the search finds nothing that the builder has"
    assert found == {canary: [] for canary in hidden}


VISOR = ("--volume", "merged-config:/config", "--volume", "merged-data:/data")


@pytest.fixture
def volumes(up: Machine) -> Iterator[None]:
    yield
    up.docker("volume", "rm", "--force", "merged-config", "merged-data")


@pytest.mark.usefixtures("volumes")
def test_skywires_merged_program_is_visor_command_line_and_every_app(sources: Sources) -> None:
    """Since v1.3.19, Skywire's own build makes no other program; its configurations run it as each app."""
    machine, ref = sources.tiny.machine, sources.variant("skywire")["ref"]
    listed = "ls /usr/bin/skywire* /usr/local/bin/skywire* /usr/lib/skywire/apps /usr/share/sbom"
    words = run(machine, ref, "sh", "-c", listed).stdout.split()
    assert [name for name in words if "skywire" in name] == [
        "/usr/bin/skywire", "/usr/local/bin/skywire-cli", "/usr/local/bin/skywire-visor",
        "/usr/lib/skywire/apps:", "skywire", "skywire.cdx.json",
    ]  # fmt: skip
    output = run(machine, ref, "skywire-cli", "config", "gen", "-o", "a b").stdout
    assert output == f'cli {SUM} ["config" "gen" "-o" "a b"]\n'
    assert run(machine, ref, "/usr/lib/skywire/apps/skywire", "app", "skychat").stdout == "skychat\n"
    made = run(machine, ref, "sh", "-c", "echo {} > /config/skywire-config.json", options=VISOR)
    assert made.returncode == 0, made.stderr
    hard = ("--read-only", "--cap-drop", "ALL", "--network", "none", *VISOR)
    assert machine.docker("run", "--detach", "--name", "merged", *hard, ref, "--flag").code == 0
    try:
        until(lambda: "visor" in machine.docker("logs", "merged").text, "the visor runs", seconds=60)
        assert machine.docker("stop", "--time", "30", "merged").code == 0
        assert machine.inspect("container", "merged")["State"]["ExitCode"] == 0
        lines = machine.docker("logs", "merged").text.splitlines()
    finally:
        machine.docker("rm", "--force", "merged")
    assert lines == ['visor ["-c" "/config/skywire-config.json" "--flag"]', "closed"]
