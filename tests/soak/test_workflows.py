"""Every step that a workflow of GitHub runs, by act on this machine; actions and `gh` are stand-ins."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.layout import PROJECT
from local.tools import Tool, ensure_tool, find_go
from tests.e2e.machine import Machine, Result, clean_environment

ACT = Tool(folder="tests/tools/act", package="github.com/nektos/act")
WORKFLOWS = PROJECT / ".github" / "workflows"
ACTIONS = {
    "actions/checkout": 'git clone -q "$PROJECT" . && cp "$STACK_FILE" stacks; echo "$BIN" >>"$GITHUB_PATH"',
    "actions/setup-python": 'python3 -m venv "$PYTHON" && echo "$PYTHON/bin" >>"$GITHUB_PATH"',
    "pulumi/actions": 'echo "$TOOLS" | tr ":" "\\n" >>"$GITHUB_PATH"',
    "actions/upload-artifact": 'mkdir -p "$ARTIFACTS" && cp -a "$WITH_PATH" "$ARTIFACTS/$WITH_NAME"',
    "actions/download-artifact": 'mkdir "$WITH_PATH" && cp -a "$ARTIFACTS"/*/. "$WITH_PATH"',
}
"""Work of each action, as far as the workflows need it."""
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
import os, pathlib, sys
if "/pulls?" in "".join(sys.argv):
    print(7 if (os.environ["COMMIT"], os.environ["FROM"]) == ("c1", "fork/skycoin") else "")
for one in sys.argv:
    if one.startswith("body=@"):
        print(pathlib.Path(one.removeprefix("body=@")).read_text(), file=open(sys.argv[0] + ".posted", "a"))
"""


def _event(source: str) -> dict[str, object]:
    """Event of a pull request, and of the end of its run."""
    head = {"repo": {"full_name": source}}
    request = {"number": 7, "head": head, "base": {"sha": "0" * 40}}
    run = {"id": 1, "event": "pull_request", "head_sha": "c1", "head_branch": "x"}
    run["head_repository"] = {"full_name": source}
    return {"pull_request": request, "workflow_run": run, "repository": {"full_name": "me/skycoin"}}


class Forge:
    """A runner for one test, with the set-up's Pulumi, state and engine."""

    def __init__(self, up: Machine, folder: Path) -> None:
        self._folder = folder
        self._up = up
        self._act = ensure_tool(up.layout, find_go(up.layout), ACT)
        gh = folder / "bin" / "gh"
        gh.parent.mkdir()
        gh.write_text(GH)
        gh.chmod(0o755)
        self._posted = gh.with_name("gh.posted")

    def run(self, event: str, workflow: str, *, source: str = "me/skycoin") -> Result:
        """One run for a branch of a repository, and the log of all its jobs."""
        machine = self._up.environment()
        here = {*os.environ["PATH"].split(":"), str(PROJECT / ".venv" / "bin")}
        tools = [one for one in machine.pop("PATH").split(":") if one not in here]
        backend = machine.pop("PULUMI_BACKEND_URL")
        passphrase = Path(machine.pop("PULUMI_CONFIG_PASSPHRASE_FILE")).read_text().strip()
        env = {
            **machine,
            "ARTIFACTS": str(self._folder / "artifacts"),
            "BIN": str(self._folder / "bin"),
            "PROJECT": str(PROJECT),
            "PYTHON": str(self._folder / "python"),
            "STACK_FILE": str(self._up.stack_file),
            "TOOLS": ":".join(tools),
            "VENV": str(PROJECT / ".venv"),
        }
        (self._folder / "env").write_text("".join(f"{name}={value}\n" for name, value in env.items()))
        (self._folder / "event.json").write_text(json.dumps(_event(source)))
        (self._folder / "secrets").write_text(f"PULUMI_CONFIG_PASSPHRASE={passphrase}\n")
        argv = [str(self._act), event, "--workflows", str(WORKFLOWS / workflow)]
        argv += ["--eventpath", str(self._folder / "event.json"), "--env-file", str(self._folder / "env")]
        argv += ["--secret-file", str(self._folder / "secrets"), "--platform", "ubuntu-24.04=-self-hosted"]
        argv += ["--var", 'REVIEW_STACKS=["local"]', "--var", f"PULUMI_BACKEND_URL={backend}"]
        clean = clean_environment()
        path = f"{self._folder / 'bin'}:{clean['PATH']}"
        done = subprocess.run(
            [*argv, *self._actions(workflow)],
            cwd=PROJECT,
            env={**clean, "PATH": path, "GITHUB_REPOSITORY": "me/skycoin"},
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
        """Comments, one after the other."""
        return self._posted.read_text()

    def _actions(self, workflow: str) -> Iterator[str]:
        for used in sorted(set(re.findall(r"uses: (\S+)", (WORKFLOWS / workflow).read_text()))):
            folder = self._folder / "actions" / used.replace("/", "-")
            if not folder.exists():
                folder.mkdir(parents=True)
                (folder / "action.yml").write_text(ACTION % json.dumps(ACTIONS[used.partition("@")[0]]))
                for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "a stand-in"]):
                    name = ["-c", "user.name=tests", "-c", "user.email=tests@localhost"]
                    subprocess.run(["git", *name, *command], cwd=folder, check=True)
            yield from ("--local-repository", f"{used}={folder}")


@pytest.fixture
def forge(up: Machine, tmp_path: Path) -> Forge:
    return Forge(up, tmp_path)


def test_a_pull_requests_page_is_its_comment(forge: Forge) -> None:
    result = forge.run("pull_request", "review.yml")
    assert result.code == 0, result.text
    assert forge.posted.startswith("<!-- skyinfra review local -->\n## Stack local: safe")
    assert "`./skyinfra apply -s local --review HASH`" in forge.posted, "something lies in the checkout"


def test_a_forks_page_is_posted_by_another_run_as_text(forge: Forge) -> None:
    forge.run("pull_request", "review.yml", source="fork/skycoin")
    result = forge.run("workflow_run", "fork.yml", source="fork/skycoin")
    assert result.code == 0, result.text
    head = "<!-- skyinfra review local -->\n## Stack local, said by a fork's own code\n"
    assert forge.posted.startswith(head)
    assert "\n    ## Stack local: " in forge.posted


def test_drift_fails_and_a_stack_that_is_as_it_was_does_not(forge: Forge, up: Machine) -> None:
    result = forge.run("workflow_dispatch", "drift.yml")
    assert result.code == 0, result.text
    before = up.settings()
    changed = {**before["skycoin:nodes"]["node-1"], "args": ["-log-level=debug"]}
    up.change({**before, "skycoin:nodes": {**before["skycoin:nodes"], "node-1": changed}})
    try:
        result = forge.run("workflow_dispatch", "drift.yml")
    finally:
        up.change(before)
    assert result.code != 0
    assert "error: the stack local differs from its program or from the world." in result.text


def test_linters_and_unit_tests_pass_as_a_workflow(forge: Forge) -> None:
    result = forge.run("push", "test.yml")
    assert result.code == 0, result.text
