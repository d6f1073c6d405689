"""Everything that the soak's machine has published, checked by others: crane, and OCI's own schemas."""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from catalogue.workspaces import WORKSPACES
from clients.manifests import sha256_of
from local.machine.layout import PROJECT
from local.machine.tools import CRANE, ensure_tool, find_go, go_environment
from tests.e2e.images import Repository, repositories
from tests.e2e.machine import Machine, Result
from tests.e2e.test_catalogue import catalogue

__all__ = ["catalogue"]

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
EXPECTED = {"base/build", "base/busybox", "skycoin/exporter", "skycoin/registry", "skycoin/skycoin"}
"""Repositories that must exist, at least."""
WORKSPACES_TESTS = "test_workspaces.py"
"""File of the tests that run before and publish every workspace."""


@dataclass(frozen=True, slots=True)
class Published:
    """A tag of the machine's registry."""

    repository: Repository
    tag: str
    manifest: Any
    digest: str

    @property
    def name(self) -> str:
        return f"{self.repository.name}:{self.tag}"


@pytest.fixture(scope="module")
def published(up: Machine, catalogue: Result) -> list[Published]:
    """One tag for each list, and for each image that is in no list."""
    assert catalogue.code == 0, catalogue.text
    found: dict[tuple[str, str], Published] = {}
    for name in repositories(up.layout):
        repository = Repository(up.layout, name)
        for tag in repository.tags():
            content = repository.content(f"manifests/{tag}")
            one = Published(repository, tag, json.loads(content), sha256_of(content))
            found.setdefault((name, one.digest), one)
    listed = {
        (name, child["digest"])
        for (name, _), one in found.items()
        for child in one.manifest.get("manifests", ())
    }
    return [one for key, one in found.items() if key not in listed]


def test_all_kinds_of_images_are_there(published: list[Published], request: pytest.FixtureRequest) -> None:
    """Otherwise, an image that is not published would pass unnoticed."""
    expected = set(EXPECTED)
    if WORKSPACES_TESTS in {item.path.name for item in request.session.items}:
        expected |= {f"skycoin/skycoindev-{name}" for name in WORKSPACES}
    assert {image.repository.name for image in published} >= expected
    assert INDEX in {image.manifest["mediaType"] for image in published}


def test_crane_finds_each_list_and_image_valid(up: Machine, published: list[Published]) -> None:
    """Every layer is downloaded; digests, sizes, diff ids and both statements of the platform are checked."""
    crane = str(ensure_tool(up.layout, find_go(up.layout), CRANE))
    environment = up.environment()
    failed = []
    for image in published:
        said = up.run(crane, "validate", "--remote", f"{up.layout.registry}/{image.name}", env=environment)
        if said.code != 0:
            failed.append(said.text)
    assert failed == []


def documents(one: Published) -> Iterator[dict[str, str]]:
    """The published list of a tag, each of its images, and their configurations."""
    repository, pending = one.repository, [(one.name, f"manifests/{one.digest}", one.manifest["mediaType"])]
    while pending:
        name, path, media_type = pending.pop()
        content = repository.content(path).decode()
        yield {"Name": f"{name} {path}", "MediaType": media_type, "Content": content}
        if media_type == INDEX:
            children = json.loads(content)["manifests"]
            pending += [(name, f"manifests/{child['digest']}", child["mediaType"]) for child in children]
        elif media_type == MANIFEST:
            config = json.loads(content)["config"]
            pending.append((name, f"blobs/{config['digest']}", config["mediaType"]))


def test_each_document_holds_by_the_schemas_of_the_image_specification(
    up: Machine, published: list[Published]
) -> None:
    every = {document["Name"]: document for image in published for document in documents(image)}
    assert {document["MediaType"] for document in every.values()} == {INDEX, MANIFEST, CONFIG}
    done = subprocess.run(
        [find_go(up.layout), "run", "."],
        cwd=PROJECT / "tests" / "soak" / "imagespec",
        env={
            **go_environment(up.layout),
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": str(up.layout.state),
        },
        input=json.dumps(list(every.values())),
        text=True,
        capture_output=True,
        timeout=600,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
