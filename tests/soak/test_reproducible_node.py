"""The node from two builders and two checkouts: five manifests and their list have equal digests."""

from collections.abc import Iterator

import pytest

from catalogue.arch import ARCHES
from tests.e2e.builders import Builder, second_builder
from tests.e2e.machine import Machine
from tests.e2e.test_reproducible import elsewhere, published, stack

RELEASE = {"channel": "release", "gui": True}


@pytest.fixture
def other_builder(up: Machine) -> Iterator[Builder]:
    """A second BuildKit with empty caches."""
    with second_builder(up) as builder:
        yield builder


def test_the_node_has_equal_digests_from_two_clean_builders(up: Machine, other_builder: Builder) -> None:
    """The first is from `make up`; the second compiles everything, under another user's shell settings."""
    node = up.settings()["skycoin:images"]["skycoin"]
    first = up.outputs()["images"]["skycoin"]
    with stack(
        elsewhere(up), "node-again", image={**node, **RELEASE, "repository": "skycoin/again"},
        **{"skycoin:builder": other_builder.name},
    ) as again:  # fmt: skip
        second = published(again)
    assert second.keys() == first.keys()
    for tag, entry in second.items():
        assert entry["digest"] == first[tag]["digest"], tag
        found = {arch: variant["digest"] for arch, variant in entry["variants"].items()}
        assert found == {arch: variant["digest"] for arch, variant in first[tag]["variants"].items()}
        assert sorted(found) == sorted(ARCHES)
