"""The script that patches a module before it is built, in a real shell."""

import json
import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from catalogue.images import PROJECT
from tests.unit.test_patches import COMMIT, IMAGE


class Step:
    """The build's step that puts the sources in their place, with a fake module and a fake `go`."""

    def __init__(self, root: Path, module: Mapping[str, str], patch: str) -> None:
        """Lay out its files: the module in Go's cache, where nobody may write, and a patch."""
        self.root = root
        cached, patches, programs = root / "cached", root / "patches", root / "programs"
        for folder in (cached, patches, programs):
            folder.mkdir()
        for name, text in module.items():
            (cached / name).write_text(text)
            (cached / name).chmod(0o400)
        (patches / "fault.patch").write_text(patch)
        (programs / "go").write_text(
            f'#!/bin/sh\n[ "$2" = edit ] || exec cat "{root}/answer"\necho "$*" >> "{root}/ran"\n'
        )
        for wrapper in ("with-build-ca", "retry"):
            (programs / wrapper).write_text('#!/bin/sh\nexec "$@"\n')
        for program in programs.iterdir():
            program.chmod(0o755)
        self.answer(COMMIT)

    def answer(self, commit: str) -> None:
        """Have the module proxy say that this is the commit of the version."""
        answer = {"Dir": str(self.root / "cached"), "Origin": {"Hash": commit}}
        (self.root / "answer").write_text(json.dumps(answer, indent="\t"))

    def run(self) -> subprocess.CompletedProcess[str]:
        """Run it."""
        text = (PROJECT / "images" / "skycoin" / "Dockerfile").read_text().replace("\\\n", "")
        [script] = re.findall(r"^RUN (?:--mount=\S+\s+)*(refuse\(\).*)", text, re.M)
        own = re.sub(r"/(sources?|patches|tmp)\b", rf"{self.root}/\1", script).replace("sleep 1", ":")
        (self.root / "tmp").mkdir(exist_ok=True)
        values = {"NAMED_CONTEXTS": "hash", "VERSION": "0.27.1", "COMMIT": COMMIT}
        env = {**os.environ, **values, "PATH": f"{self.root}/programs:{os.environ['PATH']}"}
        return subprocess.run(["sh", "-c", own], env=env, capture_output=True, text=True, check=False)


DIFF = "Why.\n\n--- a/main.go\n+++ b/main.go\n@@ -1 +1 @@\n-faulty\n+mended\n"


def test_the_build_copies_the_module_and_applies_each_patch(tmp_path: Path) -> None:
    step = Step(tmp_path, {"main.go": "faulty\n"}, DIFF)
    done = step.run()
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "source" / "main.go").read_text() == "mended\n"
    assert (tmp_path / "source" / "go.mod").read_text() == f"module {IMAGE.module}\n"
    assert (tmp_path / "cached" / "main.go").read_text() == "faulty\n", "other builds use Go's cache too"
    assert (tmp_path / "ran").read_text() == f"mod edit -replace {IMAGE.module}={tmp_path}/source\n"


def test_a_patch_that_does_not_apply_stops_the_build_with_a_sentence(tmp_path: Path) -> None:
    """A raised version may cause that; an image without the patch must not get its label."""
    done = Step(tmp_path, {"main.go": "mended otherwise\n"}, DIFF).run()
    assert done.returncode != 0
    assert done.stderr.replace(f"skycoin{tmp_path}", "skycoin").splitlines()[-1] == (
        "images/skycoin/patches/fault.patch does not apply to v0.27.1: adapt it, as CONTRIBUTING.md says"
    )


def test_a_commit_that_is_not_the_versions_stops_the_build(tmp_path: Path) -> None:
    step = Step(tmp_path, {"main.go": "faulty\n"}, DIFF)
    step.answer("0" * 40)
    done = step.run()
    assert done.returncode != 0
    assert done.stderr == f"commit: {COMMIT} is not the commit of v0.27.1, which is {'0' * 40}\n"


def test_a_source_of_ones_own_is_built_as_it_is(tmp_path: Path) -> None:
    """Without patches in their folder, its SBOM names none."""
    step = Step(tmp_path, {}, DIFF)
    for program in ("skycoin", "skycoin-cli"):
        (tmp_path / "sources" / "hash" / "cmd" / program).mkdir(parents=True)
    (tmp_path / "sources" / "hash" / "main.go").write_text("faulty\n")
    done = step.run()
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "source" / "main.go").read_text() == "faulty\n"
    assert not (tmp_path / "patches").exists()
