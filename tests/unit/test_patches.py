"""Patches of an image's Go module: which images get them, what names them, and what the build does."""

import json
import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from catalogue.images import CATALOGUE, PROJECT
from components.contexts import recorded_files
from mocks.engine import BUILD, TAG
from program.images import PATCHES
from tests.unit.engine import Engine
from tests.unit.projects import run_program, up
from tests.unit.yaml_like import changed

IMAGE = CATALOGUE["skycoin"]
FOLDER = PROJECT / "images" / "skycoin" / "patches"
COMMIT = "13141d81aaa5fa3c653522f6d462dfc851c962f2"


def labels(source: Mapping[str, str]) -> Mapping[str, str]:
    """Labels of an image from this source."""
    engine = run_program(Engine(), changed({"images.skycoin.source": source}))
    found: Mapping[str, str] = engine.one(BUILD, "skycoin-amd64-image").inputs["labels"]
    return found


def test_only_the_node_is_patched() -> None:
    assert {name: entry.patches for name, entry in CATALOGUE.items() if entry.patches} == {
        "skycoin": ("wallet-saves.patch",)
    }


def test_a_patched_image_and_its_lists_say_so() -> None:
    engine = up("local")
    assert {image.inputs["labels"][PATCHES] for image in engine.all_of(BUILD)} == {"wallet-saves.patch"}
    assert {tag.inputs["annotations"][PATCHES] for tag in engine.all_of(TAG)} == {"wallet-saves.patch"}


def test_the_image_of_a_source_of_ones_own_is_not_said_to_be_patched(tmp_path: Path) -> None:
    """Its build leaves it as it is."""
    version = {"version": "v0.27.1", "commit": COMMIT}
    module = {"module": IMAGE.module, **version}
    git = {"git": "https://github.com/skycoin/skycoin.git", **version}
    (tmp_path / "cmd").mkdir()
    path = {"path": str(tmp_path), "version": "v0.27.1"}
    assert [PATCHES in labels(source) for source in (module, git, path)] == [True, False, False]


def test_a_review_shows_which_patch_differs() -> None:
    files = recorded_files(IMAGE.context, IMAGE.dockerfile, {}, {})
    assert {path for path in files if "patches" in path} == {"images/skycoin/patches/wallet-saves.patch"}


@pytest.mark.parametrize("file", sorted(FOLDER.iterdir()), ids=lambda file: file.name)
def test_a_patch_says_why_and_for_which_version(file: Path) -> None:
    """A raised version needs another look at each patch, even if it still applies."""
    assert file.suffix == ".patch", "the build applies no other"
    why, _, diff = file.read_text().partition("\n--- a/")
    assert diff
    assert "docs/adr/0055-patched-saves.md" in why
    for folder in ("images/skycoin", "tests/judge"):
        [version] = re.findall(rf"{IMAGE.module} (v\S+)", (PROJECT / folder / "go.mod").read_text())
        assert f"For {IMAGE.module} {version}." in why


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
