"""Which feature builds are removed, on a registry in memory. On a real one: tests/e2e/test_retention.py."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogue.arch import ARCHES
from clients.errors import RegistryError
from clients.manifests import INDEX, Manifest
from release.retention import CREATED, builds, kind_of, plan
from tests.unit.registry import Repository


def publish(repository: Repository, tag: str, created: str = "2026-01-01", program: str = "") -> str:
    """Publish a list of five variants with suffixed tags; return its digest."""
    children = {}
    for arch in ARCHES:
        ref = repository.add_image({"architecture": arch}, {"program": f"{program or tag} {arch}".encode()})
        children[arch] = repository.manifest(ref.partition("@")[2])
        repository.put_manifest(f"{tag}-{arch}", children[arch])
    fields = {"manifests": [{"digest": child.digest} for child in children.values()]}
    annotated = {**fields, "annotations": {CREATED: created}} if created else fields
    manifest = Manifest(json.dumps(annotated).encode(), INDEX)
    repository.put_manifest(tag, manifest)
    return manifest.digest


@pytest.fixture
def repository() -> Repository:
    return Repository("registry.example/skycoin/skycoin")


def test_the_newest_stay_by_the_date_of_their_source(repository: Repository) -> None:
    for name, created in {"b": "2026-01-01", "c": "2026-03-01", "a": "2026-02-01"}.items():
        publish(repository, f"feature-{name}", created)
    found = plan(repository, 2)
    assert [build.tag for build in found.kept_builds] == ["feature-c", "feature-a"]
    assert [build.tag for build in found.removed_builds] == ["feature-b"]
    assert list(found.remove) == list(found.removed_builds[0].digests)
    assert len(found.remove) == 6


def test_develop_builds_and_features_are_counted_apart(repository: Repository) -> None:
    for name, created in {"feature-a": "2026-01-02", "feature-b": "2026-01-01"}.items():
        publish(repository, name, created)
    for name, created in {"a": "2020-01-01", "b": "2020-01-02", "c": "2020-01-03"}.items():
        publish(repository, f"develop-{name * 12}", created)
    publish(repository, "develop", "2020-01-03", program="develop-cccccccccccc")
    found = plan(repository, 1)
    assert [build.tag for build in found.kept_builds] == ["feature-a", "develop-cccccccccccc"]
    assert [build.tag for build in found.removed_builds] == [
        "feature-b",
        "develop-bbbbbbbbbbbb",
        "develop-aaaaaaaaaaaa",
    ]


def test_the_build_that_develop_points_to_stays_however_old_it_is(repository: Repository) -> None:
    """Somebody may have set the branch back to an older commit."""
    publish(repository, "develop-aaaaaaaaaaaa", "2020-01-01")
    publish(repository, "develop-bbbbbbbbbbbb", "2020-01-02")
    publish(repository, "develop", "2020-01-01", program="develop-aaaaaaaaaaaa")
    found = plan(repository, 0)
    assert [build.tag for build in found.kept_builds] == ["develop-aaaaaaaaaaaa"]
    assert [build.tag for build in found.removed_builds] == ["develop-bbbbbbbbbbbb"]


@pytest.mark.parametrize(
    "tag",
    [
        "develop",
        "develop-arm64v8",
        "develop-nightly",
        "develop-13141d8",
        "feature-",
        "feature-x-amd64",
        "latest",
    ],
)
def test_a_tag_that_only_looks_like_a_build_is_not_treated_as_one(tag: str) -> None:
    assert kind_of(tag) is None


def test_the_variants_of_a_deployed_list_without_a_tag_stay(repository: Repository) -> None:
    """Before, a board that loses its disk could pull the list that its stack names, but not its image."""
    deployed = publish(repository, "feature-a", "2020-01-01")
    later = publish(repository, "feature-a", "2020-01-02")
    assert deployed != later, "a list with the same variants has taken its tag"
    absent = f"sha256:{'0' * 64}"
    found = plan(repository, 0, [absent, deployed])
    needed = {entry["digest"] for entry in repository.manifest(deployed).fields["manifests"]}
    assert len(needed) == 5
    assert not needed & {*found.remove}
    assert [build.tag for build in plan(repository, 0, [absent]).removed_builds] == ["feature-a"]


def test_a_list_whose_entry_is_no_digest_is_refused(repository: Repository) -> None:
    """A publisher of feature builds could have named `latest` there, for retention to remove."""
    publish(repository, "latest")
    for name in ("latest", "../../other/manifests/latest", "sha256:a/../b", ""):
        fields = {"manifests": [{"digest": name}], "annotations": {CREATED: "2020-01-01"}}
        repository.put_manifest("feature-a", Manifest(json.dumps(fields).encode(), INDEX))
        with pytest.raises(RegistryError, match="is not a manifest"):
            plan(repository, 0)


def test_a_build_without_a_date_is_never_removed_and_not_counted(repository: Repository) -> None:
    """Before, it was the first to go, though it may be the newest."""
    publish(repository, "feature-new", "")
    for year in ("1998", "1999"):
        publish(repository, f"feature-of-{year}", f"{year}-01-01")
    found = plan(repository, 1)
    assert [build.tag for build in found.kept_builds] == ["feature-of-1999", "feature-new"]
    assert [build.tag for build in found.removed_builds] == ["feature-of-1998"]
    assert repository.digest_of("feature-new") not in found.remove


def test_a_build_whose_list_has_null_for_entries_is_a_build_without_variants(repository: Repository) -> None:
    """It ended the command with a TypeError."""
    repository.put_manifest("feature-null", Manifest(b'{"manifests": null}', INDEX))
    [build] = builds(repository, ["feature-null"])
    assert build.digests == (repository.digest_of("feature-null"),)


def test_releases_and_moving_tags_are_never_candidates(repository: Repository) -> None:
    """A release stays forever, and an unknown tag must not be removed."""
    for tag in ("0.27.1", "latest", "develop", "release-v0.27.1", "my-feature-x"):
        publish(repository, tag)
    found = plan(repository, 0)
    assert (found.removed_builds, found.untag, found.remove) == ((), (), ())


def test_a_list_that_a_live_tag_points_to_stays(repository: Repository) -> None:
    """A feature that is released unchanged has the same children, and here even the same list."""
    publish(repository, "feature-x", program="the same")
    publish(repository, "0.28.0", program="the same")
    found = plan(repository, 0)
    assert [build.tag for build in found.removed_builds] == ["feature-x"]
    assert found.remove == ()
    assert set(found.untag) == {"feature-x", *(f"feature-x-{arch}" for arch in ARCHES)}


@pytest.mark.parametrize("runs", ["list", "variant", "variant of a list that is gone"])
def test_a_build_that_a_stack_runs_stays(repository: Repository, runs: str) -> None:
    """Without its build, a board that loses its disk could not pull its image again."""
    listed = publish(repository, "feature-old", "2026-01-01")
    variant = repository.digest_of("feature-old-arm32v7")
    publish(repository, "feature-older", "2025-01-01")
    if runs == "variant of a list that is gone":
        repository.remove(listed)
    assert variant is not None
    found = plan(repository, 0, {listed} if runs == "list" else {variant, "sha256:" + "0" * 64})
    assert [build.tag for build in found.kept_builds] == ["feature-old"]
    assert [build.tag for build in found.removed_builds] == ["feature-older"]
    assert variant not in found.remove


def test_a_list_that_a_live_list_lists_keeps_its_variants(repository: Repository) -> None:
    """The inner list stayed, but its variants were removed, and `stable` could not be pulled any more."""
    inner = publish(repository, "feature-a", "2026-01-01")
    entry = {"digest": inner, "mediaType": INDEX}
    repository.put_manifest("stable", Manifest(json.dumps({"manifests": [entry]}).encode(), INDEX))
    found = plan(repository, 0)
    assert [build.tag for build in found.removed_builds] == ["feature-a"]
    assert found.remove == ()
    assert "feature-a" in found.untag


def test_a_list_is_removed_if_only_its_children_are_shared(repository: Repository) -> None:
    listed = publish(repository, "feature-x", "2026-01-01", program="the same")
    publish(repository, "0.28.0", "2026-02-01", program="the same")
    found = plan(repository, 0)
    assert found.remove == (listed,)
    assert set(found.untag) == {f"feature-x-{arch}" for arch in ARCHES}


def test_a_variants_tag_that_was_moved_by_hand_is_removed_with_its_build(repository: Repository) -> None:
    publish(repository, "feature-x")
    other = repository.manifest(repository.add_image({}, {"other": b"x"}).partition("@")[2])
    repository.put_manifest("feature-x-arm64v8", other)
    found = plan(repository, 0)
    assert other.digest in found.remove


def test_a_feature_tag_that_is_not_a_list_is_one_build(repository: Repository) -> None:
    ref = repository.add_image({}, {})
    repository.put_manifest("feature-hand", repository.manifest(ref.partition("@")[2]))
    assert [build.digests for build in builds(repository, repository.tags())] == [(ref.partition("@")[2],)]


@pytest.mark.parametrize("removed", range(7))
def test_an_interrupted_removal_is_finished_by_the_next(repository: Repository, removed: int) -> None:
    publish(repository, "feature-new", "2026-02-01")
    publish(repository, "feature-old", "2026-01-01")
    for reference in plan(repository, 1).remove[:removed]:
        repository.remove(reference)
    again = plan(repository, 1)
    assert [build.tag for build in again.kept_builds] == ["feature-new"]
    for reference in (*again.untag, *again.remove):
        repository.remove(reference)
    assert not [tag for tag in repository.tags() if tag.startswith("feature-old")]
    assert plan(repository, 1).removed_builds == ()


@given(
    features=st.dictionaries(st.sampled_from("abcdef"), st.sampled_from(["", "2025", "2026"]), max_size=6),
    shared=st.sampled_from("abcdefg"),
    keep=st.integers(0, 7),
)
def test_every_live_list_stays_complete_whatever_is_removed(
    features: dict[str, str], shared: str, keep: int
) -> None:
    repository = Repository("registry.example/skycoin/skycoin")
    for name, created in features.items():
        publish(repository, f"feature-{name}", created, program=name)
    publish(repository, "0.27.1", program=shared)
    found = plan(repository, keep)
    undated = [*features.values()].count("")
    assert len(found.kept_builds) == undated + min(keep, len(features) - undated)
    for reference in (*found.untag, *found.remove):
        repository.remove(reference)
    for tag in ["0.27.1", *(build.tag for build in found.kept_builds)]:
        for entry in repository.manifest(tag).fields["manifests"]:
            assert repository.digest_of(entry["digest"]) == entry["digest"]
    assert not [tag for tag in repository.tags() if tag in {build.tag for build in found.removed_builds}]
