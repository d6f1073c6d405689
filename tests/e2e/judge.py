"""The node's own wallet parser, in a small Go program that reads many files at once (tests/judge)."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from catalogue.images import CATALOGUE
from clients.fingerprint import SCRIPT, read
from local.machine.layout import PROJECT
from local.machine.tools import find_go, go_environment
from tests.crash_outcomes import Judged, Verdict
from tests.e2e.layouts import layout_in

NODE = CATALOGUE["skycoin"]
PASSWORD = "secret"
SECONDS = 600


@dataclass(frozen=True, slots=True)
class Judge:
    """The compiled program."""

    program: Path

    def load(self, files: Iterable[Path]) -> list[Verdict]:
        """Have the node's parser read each file."""
        asked = "".join(f"{file}\n" for file in files)
        lines = self._run("load", PASSWORD, given=asked).splitlines()
        return [
            Verdict(
                answer.get("error", ""), tuple(answer["addresses"]), answer["keys"], answer.get("next", "")
            )
            for answer in map(json.loads, lines)
        ]

    def save(self, file: Path, folder: Path, *before: str) -> None:
        """Save a wallet into a folder with the node's code; `before` is a command to run it under."""
        self._run("save", str(file), str(folder), before=before)

    def address(
        self, folder: Path, *before: str, other: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Add one more address to `mine.wlt` in a folder, as the node's API does it; `before` as above.

        Another program moves the file `other` to the wallet's place while the node has it loaded.
        """
        command = [*before, str(self.program), "address", str(folder), *([str(other)] if other else [])]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS)

    def passwords(self) -> int:
        """Encrypt and decrypt four times in all, one after another; return the most memory used, in KiB."""
        return int(self._run("passwords"))

    def _run(self, *words: str, given: str = "", before: Iterable[str] = ()) -> str:
        command = [*before, str(self.program), *words]
        done = subprocess.run(
            command, input=given, capture_output=True, text=True, check=False, timeout=SECONDS
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


def published_source(folder: Path) -> Path:
    """Copy of the node's source as it is published."""
    layout = layout_in(folder, 0)
    go, env = find_go(layout), {**os.environ, **go_environment(layout)}
    place = PROJECT / NODE.context
    _run([go, "mod", "download", NODE.module], place, env)
    module = _run([go, "list", "-m", "-f", "{{.Dir}}", NODE.module], place, env).strip()
    _run(["cp", "-r", "--no-preserve=mode", module, str(folder / "node")], folder, env)
    return folder / "node"


def build_judge(folder: Path, *, patched: bool = False) -> Judge:
    """Build the judge with the Go toolchain and the caches that all set-ups share.

    The node's own code is that of the module; if `patched`, with the patches that the image `skycoin` has.
    """
    layout = layout_in(folder, 0)
    go, env = find_go(layout), {**os.environ, **go_environment(layout)}
    sources, program = PROJECT / "tests" / "judge", folder / "judge"
    if patched:
        # Go refuses an overlay in its module cache.
        sources = shutil.copytree(sources, folder / "sources")
        node = published_source(folder)
        for name in NODE.patches:
            _run(["git", "apply", str(PROJECT / NODE.context / "patches" / name)], node, env)
        (node / "go.mod").write_text(f"module {NODE.module}\n")
        _run([go, "mod", "edit", "-replace", f"{NODE.module}={node}"], sources, env)
    _run([go, "build", "-o", str(program), "."], sources, env)
    return Judge(program)


def _run(command: Sequence[str], folder: Path, env: Mapping[str, str]) -> str:
    done = subprocess.run(
        command, cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=SECONDS
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def judged(judge: Judge, contents: Iterable[bytes], folder: Path) -> Judged:
    """Judge each content by the node's parser, and by the script with which the program inspects a volume."""
    distinct = sorted(set(contents))
    for number, content in enumerate(distinct):
        (folder / f"{number}.wlt").write_bytes(content)
    verdicts = judge.load(folder / f"{number}.wlt" for number in range(len(distinct)))
    command = ["sh", "-c", SCRIPT, "fingerprint"]
    looked = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True, timeout=SECONDS)
    assert looked.stderr == ""
    seen = read(looked.stdout).wallets
    return Judged(
        node=dict(zip(distinct, verdicts, strict=True)),
        program={
            content: seen[name]
            for number, content in enumerate(distinct)
            if (name := f"{number}.wlt") in seen
        },
    )
