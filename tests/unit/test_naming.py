"""Tags, repositories and references: property tests of their grammar."""

import re
import string

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from catalogue.arch import ARCHES
from catalogue.naming import (
    Channel,
    address_fault,
    channel_tags,
    is_pinned,
    name_fault,
    pinned,
    possible_engine,
    repository_fault,
    split_pinned,
    tag_fault,
    variant_of,
    variant_tag,
    version_fault,
)

OCI_TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")
"""A tag by distribution-spec 1.1, "Pulling manifests"."""
OCI_NAME = re.compile(r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*")

LETTERS = string.ascii_letters + string.digits
tags = st.builds(
    str.__add__, st.sampled_from(LETTERS + "_"), st.text(alphabet=LETTERS + "_.-", min_size=0, max_size=140)
)
words = st.text(alphabet=string.ascii_lowercase + string.digits, min_size=1, max_size=8)
separators = st.sampled_from([".", "_", "__", "-", "--", "/"])
repositories = st.builds(str.join, separators, st.lists(words, min_size=1, max_size=5))
digests = st.binary(min_size=32, max_size=32).map(lambda octets: f"sha256:{octets.hex()}")
hosts = st.sampled_from(["docker.io", "registry.localhost:5443", "localhost:5000", "10.0.0.7:443"])
numbers = st.integers(min_value=0, max_value=10**6)
versions = st.builds("v{}.{}.{}".format, numbers, numbers, numbers)


@given(st.one_of(tags, st.text(max_size=140)), st.sampled_from(sorted(ARCHES)))
def test_a_valid_tag_leaves_room_for_every_suffix(tag: str, arch: str) -> None:
    if tag_fault(tag) is None:
        assert OCI_TAG.fullmatch(tag)
        assert OCI_TAG.fullmatch(variant_tag(tag, arch))
        assert len(variant_tag(tag, arch)) <= 128


@given(tags)
def test_a_tag_is_refused_for_its_length_only_if_a_suffix_would_not_fit(tag: str) -> None:
    longest = max(len(variant_tag(tag, arch)) for arch in ARCHES)
    assert (tag_fault(tag) is None) == (longest <= 128)


@pytest.mark.parametrize("tag", ["", " ", "a b", "a\n", "-a", ".a", "ä", "a/b", "a:b", "a@b", "a" * 129])
def test_a_tag_that_registries_refuse_is_refused(tag: str) -> None:
    assert tag_fault(tag)


def test_the_longest_tag_has_120_characters() -> None:
    assert tag_fault("a" * 120) is None
    assert tag_fault("a" * 121) == (
        "a tag has at most 120 characters here (128 with a variant's suffix, such as -arm32v5)"
    )


@given(tags, tags, st.sampled_from(sorted(ARCHES)), st.sampled_from(sorted(ARCHES)))
def test_two_variants_never_share_a_tag_by_accident(one: str, two: str, arch: str, other: str) -> None:
    assume((one, arch) != (two, other))
    assert variant_tag(one, arch) != variant_tag(two, other)


def test_amd64_is_suffixed_too() -> None:
    assert variant_tag("latest", "amd64") == "latest-amd64"


@given(repositories)
def test_lower_case_paths_name_repositories(repository: str) -> None:
    assert repository_fault(repository) is None


@given(st.one_of(st.text(max_size=40), st.text(alphabet="aB0._-/", max_size=12)))
def test_a_repository_is_refused_exactly_where_the_specification_does(repository: str) -> None:
    assert (repository_fault(repository) is None) == bool(OCI_NAME.fullmatch(repository))


@pytest.mark.parametrize("repository", ["", "Skycoin", "a/B", "/a", "a/", "a//b", "a b", "a:b", "-a", "a..b"])
def test_an_invalid_repository_name_is_refused(repository: str) -> None:
    assert repository_fault(repository)


def test_a_repository_of_256_characters_is_refused() -> None:
    assert repository_fault("a" * 255) is None
    assert repository_fault("a" * 256) == "a repository has at most 255 characters"


@pytest.mark.parametrize(
    "address", ["docker.io", "docker.io/skycoin", "localhost:5000", "registry.localhost:5443/a/b", "10.0.0.7"]
)
def test_hosts_ports_and_namespaces_address_registries(address: str) -> None:
    assert address_fault(address) is None


@pytest.mark.parametrize(
    "address", ["", "https://docker.io", "docker.io/A", "a b", "-a", "a:port", "a:", "a@b", "a:5000:1"]
)
def test_an_invalid_registry_address_is_refused(address: str) -> None:
    assert address_fault(address)


@given(hosts, repositories, st.one_of(st.just(""), tags), digests)
def test_a_pinned_reference_loses_its_tag_and_nothing_else(
    host: str, repository: str, tag: str, digest: str
) -> None:
    """Without a path, a host's port would look like a tag, so these references always have a repository."""
    reference = f"{host}/{repository}{':' if tag else ''}{tag}@{digest}"
    assert split_pinned(reference) == (f"{host}/{repository}", digest)
    assert pinned(reference) == f"{host}/{repository}@{digest}"
    assert pinned(pinned(reference)) == pinned(reference)
    assert is_pinned(reference)


@given(hosts, repositories, tags)
def test_a_tag_alone_is_not_pinned(host: str, repository: str, tag: str) -> None:
    reference = f"{host}/{repository}:{tag}"
    assert not is_pinned(reference)
    with pytest.raises(ValueError, match="is not pinned: a reference ends with @sha256: and 64 hex digits"):
        split_pinned(reference)


@pytest.mark.parametrize(
    "digest", ["sha256:", f"sha256:{'A' * 64}", f"sha256:{'a' * 63}", f"sha512:{'a' * 64}"]
)
def test_no_other_digest_pins(digest: str) -> None:
    assert not is_pinned(f"a/b@{digest}")


@given(versions, st.integers(min_value=0, max_value=999))
def test_a_release_has_two_moving_tags_then_two_exact_ones(version: str, revision: int) -> None:
    latest, minor, exact, upstream = channel_tags(Channel.RELEASE, version=version, revision=revision)
    assert latest == "latest"
    assert version.startswith(f"v{minor}.")
    assert upstream == f"release-v{exact}"
    assert exact == version.removeprefix("v") + (f"-r{revision}" if revision else "")
    assert all(tag_fault(tag) is None for tag in (latest, minor, exact, upstream))


@given(versions, st.lists(st.integers(min_value=0, max_value=999), min_size=2, max_size=2, unique=True))
def test_a_rebuild_of_a_version_moves_no_exact_tag(version: str, revisions: list[int]) -> None:
    """0.27.1 and release-v0.27.1 never change; latest and 0.27 do."""
    one, two = (channel_tags(Channel.RELEASE, version=version, revision=revision) for revision in revisions)
    assert one[:2] == two[:2]
    assert not set(one[2:]) & set(two[2:])


def test_the_tags_of_each_channel() -> None:
    assert channel_tags(Channel.RELEASE, version="v0.27.1") == ["latest", "0.27", "0.27.1", "release-v0.27.1"]
    assert channel_tags(Channel.RELEASE, version="v0.27.1", revision=2) == [
        "latest",
        "0.27",
        "0.27.1-r2",
        "release-v0.27.1-r2",
    ]
    assert channel_tags(Channel.DEVELOP, version="v0.27.1") == ["develop"]
    assert channel_tags(Channel.DEVELOP, commit="0123456789abcdef") == ["develop", "develop-0123456789ab"]
    assert channel_tags(Channel.FEATURE, feature="gui-2") == ["feature-gui-2"]


@given(versions)
def test_three_numbers_after_a_v_are_a_version(version: str) -> None:
    assert version_fault(version) is None


@pytest.mark.parametrize(
    "version", ["", "0.27.1", "v0.27", "v0.27.1-rc1", "v00.1.2", "v1.2.3.4", "v1.2.3\n", "latest", "V1.2.3"]
)
def test_other_texts_are_not_versions(version: str) -> None:
    assert version_fault(version) == "a version is vMAJOR.MINOR.PATCH, such as v0.27.1"


@pytest.mark.parametrize(
    ("name", "taken"),
    [
        ("ghcr.io/skycoin/skycoin", True),
        ("registry.localhost:5443/skycoin", True),
        ("registry.localhost:5443", False),
        ("registry.localhost:5443/", False),
        ("ghcr.io/Skycoin", False),
        ("ghcr.io/skycoin@sha256:0", False),
        ("", False),
    ],
)
def test_a_repositorys_full_name_has_a_host_and_a_path(name: str, taken: bool) -> None:
    assert (name_fault(name) is None) is taken


def test_the_resource_of_a_build_names_its_image_and_architecture() -> None:
    assert variant_of("skycoin-arm32v7-image") == ("skycoin", "arm32v7")
    assert variant_of("skycoindev-cli-amd64-image") == ("skycoindev-cli", "amd64")


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("", ""),
        ("unix:///var/run/docker.sock", ""),
        ("unix:///run/docker.sock", ""),
        ("unix:///other.sock", "unix:///other.sock"),
        ("ssh://pi@attic.lan:22", "attic.lan"),
        ("ssh://pi@attic.lan:022", "attic.lan"),
        ("ssh://pi@ATTIC.lan.", "attic.lan"),
        ("ssh://pi@attic.lan:2222", "attic.lan:2222"),
    ],
)
def test_an_engine_has_one_name_however_its_address_is_written(address: str, name: str) -> None:
    """A clean-up removed an image that a node on the other spelling of its engine had just pulled."""
    assert possible_engine(address) == name
