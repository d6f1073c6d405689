"""Every step of GitHub's workflows, run by act on this machine; actions and `gh` are stand-ins."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.machine.layout import PROJECT
from local.machine.tools import Tool, ensure_tool, find_go
from tests.e2e.machine import Machine, Result, clean_environment

REQUEST = "refs/pull/7/head"
ACT = Tool(folder="tests/tools/act", package="github.com/nektos/act")
WORKFLOWS = PROJECT / ".github" / "workflows"
ACTIONS = {
    "actions/checkout": 'git clone -q "$CHECKOUT" . && echo "$BIN" >>"$GITHUB_PATH"',
    "actions/setup-python": 'python3 -m venv "$PYTHON" && echo "$PYTHON/bin" >>"$GITHUB_PATH"',
    "pulumi/actions": 'echo "$TOOLS" | tr ":" "\\n" >>"$GITHUB_PATH"',
    "actions/upload-artifact": 'mkdir -p "$ARTIFACTS" && cp -a "$WITH_PATH" "$ARTIFACTS/$WITH_NAME"',
    "actions/download-artifact": 'mkdir "$WITH_PATH" && cp -a "$ARTIFACTS"/*/. "$WITH_PATH"',
}
"""Script for each action, as far as the workflows need it. Act itself checks out the event's commit: a copy
of the folder that it is started in.
"""
ACTION = """\
name: a stand-in
inputs:
  name: {default: ""}
  path: {default: ""}
runs:
  using: composite
  steps:
    - shell: sh
      env:
        WITH_NAME: ${{ inputs.name }}
        WITH_PATH: ${{ inputs.path }}
      run: %s
"""
GH = """\
#!/usr/bin/env python3
import pathlib, sys
for one in sys.argv:
    if one.startswith("body=@"):
        print(pathlib.Path(one.removeprefix("body=@")).read_text(), file=open(sys.argv[0] + ".posted", "a"))
"""


def _event(base: str, head: str, source: str) -> dict[str, object]:
    """Event of a pull request."""
    request = {"number": 7, "head": {"sha": head, "repo": {"full_name": source}}, "base": {"sha": base}}
    return {"pull_request": request, "repository": {"full_name": "me/skycoin"}}


class Forge:
    """A runner for one test, with the set-up's Pulumi, state and engine."""

    def __init__(self, up: Machine, folder: Path) -> None:
        self._folder = folder
        self._up = up
        self._act = ensure_tool(up.layout, find_go(up.layout), ACT)
        self.checkout, self._bin = folder / "checkout", folder / "bin"
        self.check_out()
        gh = self._bin / "gh"
        gh.parent.mkdir()
        gh.write_text(GH)
        gh.chmod(0o755)
        self._posted = gh.with_name("gh.posted")

    def run(self, event: str, workflow: str, *, source: str = "me/skycoin") -> Result:
        """Run a workflow for a branch of a repository; return the log of all its jobs."""
        machine = self._up.environment()
        here = {*os.environ["PATH"].split(":"), str(PROJECT / ".venv" / "bin")}
        tools = [folder for folder in machine.pop("PATH").split(":") if folder not in here]
        backend = machine.pop("PULUMI_BACKEND_URL")
        passphrase = Path(machine.pop("PULUMI_CONFIG_PASSPHRASE_FILE")).read_text().strip()
        env = {
            **machine,
            "ARTIFACTS": str(self._folder / "artifacts"),
            "BIN": str(self._bin),
            "CHECKOUT": str(self.checkout),
            "GITHUB_REPOSITORY": "me/skycoin",
            "PYTHON": str(self._folder / "python"),
            "TOOLS": ":".join(tools),
            "VENV": str(PROJECT / ".venv"),
        }
        (self._folder / "env").write_text("".join(f"{name}={value}\n" for name, value in env.items()))
        (self._folder / "event.json").write_text(
            json.dumps(_event(self.commit("HEAD"), self.commit(REQUEST), source))
        )
        (self._folder / "secrets").write_text(f"PULUMI_CONFIG_PASSPHRASE={passphrase}\n")
        argv = [str(self._act), event, "--workflows", str(WORKFLOWS / workflow)]
        argv += ["--eventpath", str(self._folder / "event.json"), "--env-file", str(self._folder / "env")]
        argv += ["--secret-file", str(self._folder / "secrets"), "--platform", "ubuntu-24.04=-self-hosted"]
        argv += ["--var", 'REVIEW_STACKS=["local"]', "--var", f"PULUMI_BACKEND_URL={backend}"]
        done = subprocess.run(
            [*argv, *self._actions(workflow)],
            cwd=self.checkout,
            env=clean_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert passphrase not in done.stdout
        return Result(done.returncode, done.stdout)

    @property
    def posted(self) -> str:
        """Posted comments, one after the other."""
        return self._posted.read_text() if self._posted.exists() else ""

    def commit(self, revision: str) -> str:
        """Id of a commit in the checkout."""
        return _git(self.checkout, "rev-parse", revision).strip()

    def check_out(self) -> None:
        """Clone the project, and commit the machine's stack: act copies no file that git ignores.

        The pull request has the same commit.
        """
        shutil.rmtree(self.checkout, ignore_errors=True)
        _git(self._folder, "clone", "-q", str(PROJECT), str(self.checkout))
        file = self.checkout / "stacks" / self._up.stack_file.name
        file.write_text(self._up.stack_file.read_text().replace("../state/", f"{self._up.layout.state}/"))
        _git(self.checkout, "add", "--force", "stacks")
        _git(self.checkout, "commit", "-q", "-m", "The machine's stack")
        _git(self.checkout, "update-ref", REQUEST, "HEAD")

    def request(self, old: str, new: str) -> None:
        """Commit a change of the machine's stack to the pull request alone."""
        file = self.checkout / "stacks" / self._up.stack_file.name
        assert old in file.read_text()
        file.write_text(file.read_text().replace(old, new))
        _git(self.checkout, "commit", "-q", "-a", "-m", "A change")
        _git(self.checkout, "update-ref", REQUEST, "HEAD")
        _git(self.checkout, "reset", "-q", "--hard", "HEAD~1")

    def _actions(self, workflow: str) -> Iterator[str]:
        for used in sorted(set(re.findall(r"uses: (\S+)", (WORKFLOWS / workflow).read_text()))):
            folder = self._folder / "actions" / used.replace("/", "-")
            if not folder.exists():
                folder.mkdir(parents=True)
                (folder / "action.yml").write_text(ACTION % json.dumps(ACTIONS[used.partition("@")[0]]))
                for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "a stand-in"]):
                    _git(folder, *command)
            yield from ("--local-repository", f"{used}={folder}")


def _git(folder: Path, *arguments: str) -> str:
    author = ("-c", "user.name=tests", "-c", "user.email=tests@localhost")
    command = ["git", *author, *arguments]
    return subprocess.run(command, cwd=folder, check=True, stdout=subprocess.PIPE, text=True).stdout


@pytest.fixture
def forge(up: Machine, tmp_path: Path) -> Forge:
    return Forge(up, tmp_path)


def test_a_pull_requests_page_is_its_comment(forge: Forge) -> None:
    result = forge.run("pull_request", "review.yml")
    assert result.code == 0, result.text
    assert forge.posted.startswith("<!-- skyinfra review local -->\n## Stack local: safe"), result.text
    assert "`./skyinfra apply -s local --review HASH`" in forge.posted, "something lies in the checkout"


def test_a_forks_page_is_created_from_its_files_alone(forge: Forge) -> None:
    forge.request(
        "      channel: release\n", "      channel: release\n      build-args: {EXTRA: '@octocat'}\n"
    )
    result = forge.run("pull_request_target", "fork.yml", source="fork/skycoin")
    assert result.code == 0, result.text
    head = "<!-- skyinfra review all -->\n## Stacks of a fork, by their files alone\n"
    assert forge.posted.startswith(head), result.text
    assert "\n    ## Stack local, by its files alone: restarts 1 node for at most 6 min\n" in forge.posted
    assert "\n    5 variants rebuilt, 4 tags moved, 1 container replaced.\n" in forge.posted
    assert "\n    - skycoin for amd64, arm32v5, arm32v6, arm32v7, arm64v8: EXTRA: none → @" in forge.posted


def test_drift_fails_and_an_unchanged_stack_does_not(forge: Forge, up: Machine) -> None:
    result = forge.run("workflow_dispatch", "drift.yml")
    assert result.code == 0, result.text
    before = up.settings()
    changed = {**before["skycoin:nodes"]["node-1"], "args": ["-log-level=debug"]}
    up.change({**before, "skycoin:nodes": {**before["skycoin:nodes"], "node-1": changed}})
    forge.check_out()
    try:
        result = forge.run("workflow_dispatch", "drift.yml")
    finally:
        up.change(before)
    assert result.code != 0
    assert "error: the stack local differs from its program or from the world." in result.text


def test_linters_unit_and_integration_tests_pass_as_a_workflow(forge: Forge) -> None:
    # No forge has the stack of a machine.
    _git(forge.checkout, "rm", "-q", "stacks/Pulumi.local.yaml")
    _git(forge.checkout, "commit", "-q", "-m", "The project")
    result = forge.run("push", "test.yml")
    assert result.code == 0, result.text
