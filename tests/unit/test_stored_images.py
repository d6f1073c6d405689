"""Which images of a host belong to this program, and which of them may be removed."""

from typing import Any

import pytest
from docker.errors import APIError
from hypothesis import given
from hypothesis import strategies as st

from catalogue.node_container import LAST_HEALTHY
from catalogue.titles import TITLE, TITLES
from clients.stored_images import (
    StoredImage,
    own_images,
    remove_image,
    repositories_of,
    surplus_images,
)
from tests.unit.image_store import REPOSITORY, ImageStore, ref

FORWARDED = "127.0.0.1:5443/skycoin/skycoin"
LOCAL = "registry.localhost:5443/skycoin/skycoin"


@pytest.fixture
def store() -> ImageStore:
    return ImageStore()


def surplus(store: ImageStore, *kept: str, leaving: str = "") -> list[str]:
    return [image.identity for image in surplus_images(store, {REPOSITORY}, kept, leaving)]


def test_an_image_that_nothing_needs_may_be_removed(store: ImageStore) -> None:
    store.add("old", ref("a"))
    assert surplus_images(store, {REPOSITORY}, ()) == [
        StoredImage(identity="old", names=(ref("a"),), version="0.27.1", size=27_000_000)
    ]


def test_an_image_that_a_running_or_stopped_container_uses_is_kept(store: ImageStore) -> None:
    for letter in "abc":
        store.add(letter, ref(letter))
    store.use("b", "running")
    store.use("c", "stopped")
    assert surplus(store) == ["a"]


def test_the_last_healthy_image_of_every_node_of_the_host_stays(store: ImageStore) -> None:
    """This holds for a node of any stack, and for any name of the image on its engine."""
    for letter in "abcd":
        store.add(letter, ref(letter))
    store.use("d", "skycoin-one", **{LAST_HEALTHY: ref("b")})
    store.use("d", "skycoin-two", **{LAST_HEALTHY: ref("c", "127.0.0.1:5443/skycoin/skycoin")})
    assert surplus(store) == ["a"]


def test_a_container_that_is_about_to_be_removed_keeps_no_image(store: ImageStore) -> None:
    for letter in "ab":
        store.add(letter, ref(letter))
    store.use("b", "skycoin-one", **{LAST_HEALTHY: ref("a")})
    assert surplus(store, leaving="id-of-skycoin-one") == ["a", "b"]
    assert surplus(store, ref("b"), leaving="id-of-skycoin-one") == ["a"]


def test_an_image_that_the_caller_keeps_is_recognized_by_its_digest(store: ImageStore) -> None:
    for letter in "ab":
        store.add(letter, ref(letter))
    assert surplus(store, ref("a", "elsewhere.example/skycoin"), "not-pinned:1", "") == ["b"]


def test_an_image_that_another_image_is_built_from_stays(store: ImageStore) -> None:
    """A user may have built an image on it; the engine would then only remove its name, not its layers."""
    store.add("base", ref("a"))
    store.add("child", tags=("mine:1",), ParentId="base")
    assert surplus(store) == []


@pytest.mark.parametrize(
    ("names", "more"),
    [
        ((), {}),
        ((), {"RepoDigests": ["<none>@<none>"]}),
        ((), {"tags": ("mine:latest",)}),
        ((ref("a"),), {"tags": (f"{REPOSITORY}:kept-by-me",)}),
        ((ref("a"),), {"tags": ("mine:latest",)}),
        ((ref("a"), ref("a", "elsewhere.example/mine")), {}),
        ((ref("a", "registry.example/skycoin/exporter"),), {}),
        ((ref("a", "registry.example/skycoin/skycoin2"),), {}),
        ((ref("a", FORWARDED),), {}),
        ((ref("a"),), {"Labels": None}),
        ((ref("a"),), {"Labels": {TITLE: "Debian"}}),
        ((ref("a"),), {"Labels": {"org.opencontainers.image.version": "0.27.1"}}),
    ],
)
def test_an_image_not_known_to_be_of_this_program_is_not_counted_or_removed(
    store: ImageStore, names: tuple[str, ...], more: dict[str, Any]
) -> None:
    store.add("somebody's", *names, **more)
    assert surplus(store) == []
    assert own_images(store, {REPOSITORY}) == []


def test_an_engines_placeholder_for_no_tag_is_not_a_tag(store: ImageStore) -> None:
    store.add("old", ref("a"), tags=("<none>:<none>",))
    assert surplus(store) == ["old"]


def test_an_image_is_unneeded_in_containerds_store_too_which_lists_digests_among_the_tags(
    store: ImageStore,
) -> None:
    """Docker 29 answers like this. Before, its older images stayed for ever."""
    store.add("old", ref("a"), tags=(ref("a"),))
    assert surplus(store) == ["old"]


def test_an_image_that_was_tagged_in_containerds_store_stays_with_its_first_name(store: ImageStore) -> None:
    """Docker 29 then lists the digest under the tag's repository only, and the pulled name among the tags."""
    store.add("kept", ref("a", "kept"), tags=(ref("a"), "kept:by-me"))
    store.add("elsewhere", ref("b", "kept"), tags=(ref("b"),))
    assert surplus(store) == []


@pytest.mark.parametrize("wanted", [LOCAL, FORWARDED, "127.0.0.1:40123/skycoin/skycoin"])
def test_an_image_that_came_through_ssh_is_known_by_whichever_port_it_had(
    store: ImageStore, wanted: str
) -> None:
    """sshd chooses another port if the registry's is taken on the host."""
    store.add("came", ref("a", FORWARDED))
    store.add("other", ref("b", "127.0.0.1:5443/mine/skycoin"))
    store.add("far", ref("c"))
    assert [image.identity for image in own_images(store, {wanted, "ghcr.io/skycoin/wallet"})] == ["came"]


def test_every_image_of_the_catalogue_has_a_title_that_is_known() -> None:
    assert len(TITLES) == 13
    assert "Skycoin workspace for PySkycoin, with a Docker engine" in TITLES


def test_all_images_of_this_program_are_counted_those_in_use_too(store: ImageStore) -> None:
    store.add("b", ref("b"), Size=5)
    store.add("a", ref("a"), Size=3)
    store.use("b")
    assert [(image.identity, image.size) for image in own_images(store, {REPOSITORY})] == [("a", 3), ("b", 5)]


def test_an_image_is_removed_by_each_of_its_digests(store: ImageStore) -> None:
    other = "ghcr.io/skycoin/skycoin"
    store.add("old", ref("a"), ref("a", other))
    [image] = surplus_images(store, {REPOSITORY, other}, ())
    remove_image(store, image)
    assert store.removed == ["old"]


def test_an_image_that_got_a_tag_in_the_meantime_stays(store: ImageStore) -> None:
    store.add("old", ref("a"))
    [image] = surplus_images(store, {REPOSITORY}, ())
    store.stored["old"]["RepoTags"] = [f"{REPOSITORY}:mine"]
    remove_image(store, image)
    assert store.removed == []
    assert store.stored["old"]["RepoTags"] == [f"{REPOSITORY}:mine"]


def test_an_image_that_a_container_uses_in_the_meantime_stays_and_is_reported(store: ImageStore) -> None:
    store.add("old", ref("a"))
    [image] = surplus_images(store, {REPOSITORY}, ())
    store.use("old", "by-hand")
    with pytest.raises(APIError, match="using its referenced image"):
        remove_image(store, image)
    assert store.stored["old"]["RepoDigests"] == [ref("a")]


def test_an_image_that_was_removed_in_the_meantime_is_not_an_error(store: ImageStore) -> None:
    store.add("old", ref("a"))
    [image] = surplus_images(store, {REPOSITORY}, ())
    store.stored.clear()
    remove_image(store, image)


def test_only_repositories_pinned_by_digest_are_found() -> None:
    given = [ref("a"), ref("b"), ref("a", "ghcr.io/skycoin/skycoin"), None, "", "debian:12", 7]
    assert repositories_of(given) == {REPOSITORY, "ghcr.io/skycoin/skycoin"}


@given(
    used=st.sets(st.sampled_from("abcdef")),
    healthy=st.sets(st.sampled_from("abcdef")),
    tagged=st.sets(st.sampled_from("abcdef")),
)
def test_images_in_use_healthy_or_tagged_are_kept(
    used: set[str], healthy: set[str], tagged: set[str]
) -> None:
    store = ImageStore()
    for letter in "abcdef":
        store.add(letter, ref(letter), tags=(f"{REPOSITORY}:{letter}",) if letter in tagged else ())
    for letter in sorted(used):
        store.use(letter, f"user-of-{letter}")
    for letter in sorted(healthy):
        store.use("another", f"after-{letter}", **{LAST_HEALTHY: ref(letter)})
    assert surplus(store) == sorted({*"abcdef"} - used - healthy - tagged)
