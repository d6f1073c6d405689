"""Patches of an image's Go module: which images get them, and what names them."""

import re
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
        "skycoin": ("wallet-memory.patch", "wallet-saves.patch")
    }


def test_a_patched_image_and_its_lists_say_so() -> None:
    engine = up("local")
    names = {"wallet-memory.patch wallet-saves.patch"}
    assert {image.inputs["labels"][PATCHES] for image in engine.all_of(BUILD)} == names
    assert {tag.inputs["annotations"][PATCHES] for tag in engine.all_of(TAG)} == names


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
    assert {path for path in files if "patches" in path} == {
        f"images/skycoin/patches/{name}" for name in IMAGE.patches
    }


@pytest.mark.parametrize("file", sorted(FOLDER.iterdir()), ids=lambda file: file.name)
def test_a_patch_says_why_and_for_which_version(file: Path) -> None:
    """A raised version needs another look at each patch, even if it still applies."""
    assert file.suffix == ".patch", "the build applies no other"
    why, _, diff = file.read_text().partition("\n--- a/")
    assert diff
    [decision] = re.findall(r"^(docs/adr/\d{4}-\S+\.md) has the figures\.$", why, re.M)
    assert (PROJECT / decision).is_file()
    for folder in ("images/skycoin", "tests/judge"):
        [version] = re.findall(rf"{IMAGE.module} (v\S+)", (PROJECT / folder / "go.mod").read_text())
        assert f"For {IMAGE.module} {version}." in why
