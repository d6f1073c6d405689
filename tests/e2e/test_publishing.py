"""The node published in two registries at once, one of them behind a login and a faulty proxy.

The program, Pulumi's CLI, the builder and both registries are real. Each test starts from what the ones
before it published, as a release engineer would.
"""

import base64
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from catalogue.arch import ARCHES
from clients.manifests import Manifest
from clients.registry import Repository
from tests.e2e.contents import unpacked
from tests.e2e.faulty import Fault
from tests.e2e.hosted import PASSWORD, USER, Hosted
from tests.e2e.machine import Machine, Result

EXACT, MOVING = ["0.27.1", "release-v0.27.1"], ["latest", "0.27"]
PATH = "skycoin/skycoin"


@pytest.fixture(scope="module")
def settings(up: Machine, hosted: Hosted) -> Iterator[dict[str, Any]]:
    """The settings with two registries; the stack is restored afterwards."""
    before = up.settings()
    registries = {**before["skycoin:registries"], "hosted": {"kind": "oci", "address": hosted.address}}
    wanted = with_image(before, registries=["local", "hosted"])
    yield {**wanted, "skycoin:registries": registries}
    hosted.login()
    hosted.proxy.faults.clear()
    up.change(before)
    result = up.make("up")
    assert result.code == 0, result.text


@pytest.fixture(scope="module")
def published(up: Machine, hosted: Hosted, settings: dict[str, Any]) -> Result:
    """Result of the first publish, during which the upload of a blob is cut."""
    hosted.proxy.faults.append(Fault(matches=r"^PUT .*/blobs/uploads/", cut_upload=1_000_000))
    up.change(settings)
    result = up.pulumi("up", "--yes", "--stack", "local")
    assert result.code == 0, result.text
    assert hosted.proxy.faults[0].times == 0, "nothing was cut"
    return result


@pytest.fixture(scope="module")
def released(up: Machine, published: Result) -> dict[str, str | None]:
    """Digest of each exact tag right after the first publish."""
    assert published.code == 0
    with pytest.MonkeyPatch.context() as patch:
        up.lend_login(patch)
        repository = Repository(f"{up.layout.registry}/{PATH}")
        return {tag: repository.digest_of(tag) for tag in EXACT}


@pytest.fixture
def repositories(up: Machine, hosted: Hosted, monkeypatch: pytest.MonkeyPatch) -> tuple[Repository, ...]:
    """(local, hosted) repositories, read by the test itself."""
    up.lend_login(monkeypatch)
    return Repository(f"{up.layout.registry}/{PATH}"), Repository(f"{hosted.address}/{PATH}")


def with_image(settings: dict[str, Any], **changed: Any) -> dict[str, Any]:
    image = {**settings["skycoin:images"]["skycoin"], **changed}
    return {**settings, "skycoin:images": {"skycoin": image}}


def rebuilt(settings: dict[str, Any], **changed: Any) -> dict[str, Any]:
    """Settings for other content from the same sources: the number of layers changes."""
    layers = settings["skycoin:images"]["skycoin"].get("layers", 2)
    return with_image(settings, layers=3 - layers, **changed)


@pytest.mark.usefixtures("released")
@pytest.mark.parametrize("tag", [*MOVING, *EXACT])
def test_both_registries_have_the_same_list_by_digest(
    repositories: tuple[Repository, Repository], tag: str
) -> None:
    local, hosted = repositories
    assert hosted.digest_of(tag) == local.digest_of(tag) is not None
    children = [entry["digest"] for entry in hosted.manifest(tag).fields["manifests"]]
    assert [hosted.digest_of(f"{tag}-{arch}") for arch in ARCHES] == children
    for child in children:
        fields = hosted.manifest(child).fields
        assert all(hosted.has_blob(blob["digest"]) for blob in [fields["config"], *fields["layers"]])


@pytest.mark.usefixtures("published")
def test_the_outputs_name_both_registries_and_every_size(up: Machine, hosted: Hosted) -> None:
    latest = up.outputs()["images"]["skycoin"]["latest"]
    digest = latest["digest"]
    assert latest["registries"] == {
        "local": f"{up.layout.registry}/{PATH}:latest@{digest}",
        "hosted": f"{hosted.address}/{PATH}:latest@{digest}",
    }
    for variant in latest["variants"].values():
        assert 8_000_000 < variant["size"] < variant["unpacked"] < 45_000_000


@pytest.mark.usefixtures("published")
def test_a_second_publish_sends_nothing(up: Machine, hosted: Hosted) -> None:
    """Measured by the requests that reach the registry."""
    hosted.proxy.requests.clear()
    result = up.pulumi("up", "--yes", "--stack", "local")
    assert result.code == 0, result.text
    # The plugin of the run that test_public_names.py kills may go on writing for a minute.
    asked = [request for request in hosted.proxy.requests if " /v2/tiny/" not in request]
    assert asked == [], "an unchanged stack asks no registry"
    assert not re.search(r"\d+ (created|updated|replaced|deleted)", result.text)


@pytest.mark.usefixtures("published")
def test_no_password_in_state_logs_history_labels_or_blobs(up: Machine, hosted: Hosted) -> None:
    """The canary is in the docker config alone."""
    login = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    config = up.layout.docker_config / "config.json"
    assert login in config.read_text(), "the canary is not where the search starts from"
    found = [
        path
        for root in (up.layout.state, up.checkout)
        for path in root.rglob("*")
        if path.is_file()
        and path != config
        and ".git" not in path.parts
        # An engine's folders hold sockets and mounts; its images come from the registries.
        and not {"engine", "boards"} & set(path.parts)
        and any(canary in unpacked(path) for canary in (PASSWORD.encode(), login.encode()))
    ]
    assert found == []


def test_other_content_under_an_exact_tag_is_refused_at_preview(
    up: Machine, published: Result, settings: dict[str, Any], repositories: tuple[Repository, Repository]
) -> None:
    assert published.code == 0
    before = {tag: repositories[1].digest_of(tag) for tag in [*EXACT, *MOVING]}
    up.change(rebuilt(settings))
    for command in (("preview",), ("up", "--yes")):
        result = up.pulumi(*command, "--stack", "local")
        assert result.code != 0
        assert "An exact release tag never changes: increase the image's `revision:`" in result.text
        assert "Traceback" not in result.text
    assert {tag: repositories[1].digest_of(tag) for tag in before} == before


@pytest.mark.case(11)
def test_four_of_five_variants_move_no_list(
    up: Machine, hosted: Hosted, settings: dict[str, Any], repositories: tuple[Repository, Repository]
) -> None:
    """One variant fails: the old tags still serve, no new one exists, and the next run converges."""
    before = repositories[1].digest_of("latest")
    up.change(rebuilt(settings, revision=1))
    missing = r"^PUT .*/manifests/0\.27\.1-r1-arm64v8"
    hosted.proxy.faults[:] = [Fault(matches=missing, status=500, times=100)]
    result = up.pulumi("up", "--yes", "--skip-preview", "--stack", "local")
    assert result.code != 0
    assert f"registry {hosted.address}" in result.text
    assert repositories[1].digest_of("0.27.1-r1") is None
    assert repositories[1].digest_of("latest") == before, "the moving tag did not wait for the exact one"
    hosted.proxy.faults.clear()
    result = up.pulumi("up", "--yes", "--skip-preview", "--stack", "local")
    assert result.code == 0, result.text


def test_a_revision_moves_the_moving_tags_and_leaves_the_release(
    up: Machine, repositories: tuple[Repository, Repository]
) -> None:
    local, hosted = repositories
    moved = hosted.digest_of("0.27.1-r1")
    assert moved is not None
    assert [hosted.digest_of(tag) for tag in ("release-v0.27.1-r1", *MOVING)] == [moved] * 3
    assert len({hosted.digest_of(tag) for tag in EXACT}) == 1
    assert hosted.digest_of("0.27.1") not in (moved, None), "the first release is not there any more"
    assert up.outputs()["images"]["skycoin"]["latest"]["digest"] == moved == local.digest_of("latest")


@pytest.mark.case(14)
def test_a_release_moved_by_hand_is_shown_and_not_overwritten(
    up: Machine, repositories: tuple[Repository, Repository]
) -> None:
    hosted = repositories[1]
    whole = hosted.manifest("0.27.1-r1")
    hosted.put_manifest("0.27.1-r1", hosted.manifest("0.27.1"))
    result = up.pulumi("preview", "--refresh", "--run-program", "--stack", "local")
    assert result.code != 0
    assert "a published release was moved by someone else: 0.27.1-r1 points to sha256:" in result.text
    hosted.put_manifest("0.27.1-r1", whole)
    result = up.pulumi("preview", "--refresh", "--expect-no-changes", "--run-program", "--stack", "local")
    assert result.code == 0, result.text


@pytest.mark.case(14)
def test_a_moving_tag_moved_by_hand_is_shown_and_pointed_back(
    up: Machine, repositories: tuple[Repository, Repository]
) -> None:
    """Nodes keep their digest in the meantime."""
    hosted = repositories[1]
    right, node = hosted.digest_of("latest"), up.inspect("container", "skycoin-node-1")["Id"]
    hosted.put_manifest("latest", hosted.manifest("0.27.1"))
    shown = up.pulumi("preview", "--refresh", "--diff", "--run-program", "--stack", "local")
    pattern = r"~ skycoin:index:Tag: \(update\)[^~+]*skycoin-hosted-latest-tag"
    assert re.search(pattern, shown.text), shown.text
    repaired = up.pulumi("up", "--yes", "--refresh", "--run-program", "--stack", "local")
    assert repaired.code == 0, repaired.text
    assert hosted.digest_of("latest") == right
    assert up.inspect("container", "skycoin-node-1")["Id"] == node


def test_an_optional_registry_that_is_down_stops_nothing(
    up: Machine, hosted: Hosted, settings: dict[str, Any], repositories: tuple[Repository, Repository]
) -> None:
    registries = settings["skycoin:registries"]
    optional = {**registries, "hosted": {**registries["hosted"], "optional": True}}
    wanted = rebuilt({**settings, "skycoin:registries": optional}, revision=2)
    hosted.proxy.faults[:] = [Fault(matches="^PUT ", status=503, times=10_000)]
    up.change(wanted)
    result = up.pulumi("up", "--yes", "--skip-preview", "--stack", "local")
    assert result.code == 0, result.text
    assert "is skipped, because its optional registry failed" in result.text
    tags = up.outputs()["images"]["skycoin"]
    assert tags["0.27.1-r2"]["registries"]["hosted"] == ""
    assert repositories[0].digest_of("0.27.1-r2") == tags["0.27.1-r2"]["digest"]
    hosted.proxy.faults.clear()
    again = up.pulumi("up", "--yes", "--skip-preview", "--stack", "local")
    assert again.code == 0, again.text
    assert repositories[1].digest_of("0.27.1-r2") == tags["0.27.1-r2"]["digest"]


@pytest.mark.case(12)
def test_wrong_credentials_at_a_push_are_reported_and_the_next_up_converges(
    up: Machine, hosted: Hosted, settings: dict[str, Any], repositories: tuple[Repository, Repository]
) -> None:
    up.change(rebuilt(settings, revision=3))
    hosted.login("wrong-password")
    result = up.pulumi("up", "--yes", "--skip-preview", "--stack", "local")
    hosted.login()
    assert result.code != 0
    assert f"registry {hosted.address} ({PATH})" in result.text
    assert f"`docker login {hosted.address}`" in result.text
    assert "wrong-password" not in result.text
    assert repositories[1].digest_of("0.27.1-r3") is None
    again = up.pulumi("up", "--yes", "--skip-preview", "--stack", "local")
    assert again.code == 0, again.text
    assert repositories[1].digest_of("0.27.1-r3") == repositories[0].digest_of("0.27.1-r3") is not None


@pytest.mark.case(12)
def test_wrong_credentials_at_a_refresh_are_reported_and_the_state_is_kept(
    up: Machine, hosted: Hosted
) -> None:
    before = up.pulumi("stack", "export", "--stack", "local").text
    hosted.login("wrong-password")
    result = up.pulumi("refresh", "--yes", "--run-program", "--stack", "local")
    hosted.login()
    assert result.code != 0
    assert f"registry {hosted.address} ({PATH}): HEAD: 401" in result.text
    assert "wrong-password" not in result.text
    after = up.pulumi("stack", "export", "--stack", "local").text
    assert _outputs_by_urn(after) == _outputs_by_urn(before)


def _outputs_by_urn(exported: str) -> dict[str, Any]:
    return {
        resource["urn"]: resource.get("outputs")
        for resource in json.loads(exported)["deployment"]["resources"]
    }


def test_every_published_release_is_unchanged_and_complete(
    released: dict[str, str | None], repositories: tuple[Repository, Repository]
) -> None:
    """After replaced images, revisions and failed runs, every release is complete in both registries."""
    for repository in repositories:
        assert {tag: repository.digest_of(tag) for tag in EXACT} == released
        for tag in [*EXACT, "0.27.1-r1", "release-v0.27.1-r1"]:
            entries = repository.manifest(tag).fields["manifests"]
            assert len(entries) == len(ARCHES)
            for entry in entries:
                child: Manifest = repository.manifest(entry["digest"])
                blobs = [child.fields["config"], *child.fields["layers"]]
                assert all(repository.has_blob(blob["digest"]) for blob in blobs)
