"""After its registry is collected and its host cleaned, the set-up of `make up` has nothing to change."""

import json
from collections.abc import Iterator

import pytest

from catalogue.exit_codes import FAILED
from clients.manifests import Manifest
from clients.registry import Repository
from tests.e2e.machine import Machine

NOTHING = "No host has an older image of this program."


@pytest.fixture
def repository(up: Machine) -> Iterator[Repository]:
    with pytest.MonkeyPatch.context() as patch:
        up.lend_login(patch)
        yield Repository(f"{up.layout.registry}/skycoin/skycoin")


def older(repository: Repository) -> Manifest:
    """Push a variant without a tag, as every rebuild leaves one."""
    now = repository.manifest("latest-amd64")
    fields = {**now.fields, "annotations": {"of": "an earlier build"}}
    made = Manifest(json.dumps(fields).encode(), now.media_type)
    repository.put_manifest(made.digest, made)
    return made


def test_a_collected_registry_has_all_that_the_stack_needs(up: Machine, repository: Repository) -> None:
    gone, tags = older(repository).digest, sorted(repository.tags())
    node = up.inspect("container", "skycoin-node-1")["Id"]
    shown = up.skyinfra("setup", "collect")
    assert shown.code == FAILED, shown.text
    assert "Nothing was removed: --yes removes them." in shown.text
    assert repository.digest_of(gone) == gone
    ran = up.skyinfra("setup", "collect", "--yes")
    assert ran.code == 0, ran.text
    assert "were freed." in ran.text
    assert repository.digest_of(gone) is None
    assert sorted(repository.tags()) == tags
    cleaned = up.skyinfra("fleet", "clean", "--yes")
    assert (cleaned.code, cleaned.text.splitlines()[-1]) == (0, NOTHING), cleaned.text
    unchanged = up.pulumi("preview", "--refresh", "--expect-no-changes", "--run-program", "--stack", "local")
    assert unchanged.code == 0, unchanged.text
    assert up.inspect("container", "skycoin-node-1")["Id"] == node
    again = up.skyinfra("setup", "collect", "--yes")
    assert again.text.splitlines()[-1] == "Everything in the local registry is needed.", again.text
