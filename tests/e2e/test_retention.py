"""Retention on a real registry: --delete removes exactly what the dry run prints."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from catalogue.arch import ARCHES
from clients.manifests import INDEX, MANIFEST, Manifest, sha256_of
from clients.registry import Repository
from local.machine.layout import PROJECT
from providers.skycoin.tag import Tag
from tests.e2e.faulty import Fault
from tests.e2e.hosted import Hosted
from tests.e2e.machine import Machine

DATES = {
    "feature-old": "2026-01-01",
    "feature-new": "2026-02-01",
    "develop-aaaaaaaaaaaa": "2025-01-01",
    "develop-bbbbbbbbbbbb": "2025-01-02",
    "develop": "",
    "0.27.1": "",
}
STAY = ("feature-new", "develop-bbbbbbbbbbbb", "develop", "0.27.1")


def publish(repository: Repository, tag: str, created: str) -> None:
    """Publish five tiny variants and their list, with the resource that publishes all lists."""
    variants = []
    for arch in ARCHES.values():
        config = json.dumps(
            {"os": "linux", "architecture": arch.goarch, "author": f"{tag} {arch.name}"}
        ).encode()
        repository.put_blob(sha256_of(config), io.BytesIO(config))
        descriptor = {"mediaType": "application/vnd.oci.image.config.v1+json", "size": len(config)}
        fields = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {**descriptor, "digest": sha256_of(config)},
            "layers": [],
        }
        manifest = Manifest(json.dumps(fields).encode(), MANIFEST)
        repository.put_manifest(manifest.digest, manifest)
        ref = f"{repository.name}@{manifest.digest}"
        variants.append({"arch": arch.name, "platform": arch.platform, "ref": ref})
    annotations = {"org.opencontainers.image.created": created} if created else {}
    Tag(lambda _: None).create(
        {"repository": repository.name, "tag": tag, "variants": variants, "annotations": annotations}
    )


@pytest.fixture(scope="module")
def repository(up: Machine, hosted: Hosted) -> Iterator[Repository]:
    """A repository with two builds of each kind, a moving tag and a release."""
    with pytest.MonkeyPatch.context() as patch:
        up.lend_login(patch)
        repository = Repository(f"{hosted.address}/retention")
        for tag, created in DATES.items():
            publish(repository, tag, created)
        yield repository


def retention(repository: Repository, *arguments: str) -> subprocess.CompletedProcess[str]:
    # The certificate authority is the test's, not that of a set-up that this checkout may have.
    given = ["--backend", "pulumi", "--no-stacks", *arguments]
    command = [str(PROJECT / "skyinfra"), "release", "retain", repository.name, *given]
    env = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=120)


def test_without_delete_nothing_is_removed(repository: Repository) -> None:
    before = sorted(repository.tags())
    done = retention(repository, "--keep", "1")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "stays  2026-02-01            feature-new",
        "stays  2025-01-02            develop-bbbbbbbbbbbb",
        "goes   2026-01-01            feature-old",
        "goes   2025-01-01            develop-aaaaaaaaaaaa",
        "2 builds would be removed; --delete removes them",
    ]
    assert sorted(repository.tags()) == before
    assert len(before) == len(DATES) * 6


@pytest.mark.case(13)
def test_a_registry_without_a_delete_api_is_reported(repository: Repository, hosted: Hosted) -> None:
    hosted.proxy.faults[:] = [Fault(matches="^DELETE", status=405, times=100)]
    done = retention(repository, "--keep", "1", "--delete")
    hosted.proxy.faults.clear()
    assert done.returncode == 1
    assert "This registry has no delete API" in done.stderr
    assert len(repository.tags()) == len(DATES) * 6


def test_delete_removes_the_old_builds_and_nothing_else(repository: Repository) -> None:
    done = retention(repository, "--keep", "1", "--delete")
    assert done.returncode == 0, done.stderr
    left = {tag for tag in repository.tags() if repository.digest_of(tag)}
    assert left == {name for tag in STAY for name in (tag, *(f"{tag}-{arch}" for arch in ARCHES))}
    for tag in STAY:
        listed: Any = repository.manifest(tag).fields["manifests"]
        assert all(repository.digest_of(entry["digest"]) for entry in listed)
    assert repository.manifest("develop").media_type == INDEX


def test_a_missing_repository_has_nothing_to_retire(repository: Repository) -> None:
    nowhere = Repository(repository.name.replace("retention", "nowhere"))
    done = retention(nowhere)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (
        0,
        "No build would be removed.",
    )
