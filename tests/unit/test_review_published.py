"""Tags that the state does not know, and what their registries say about them."""

from collections.abc import Mapping
from typing import Any

import pytest
from pulumi.runtime.rpc import UNKNOWN

from clients.errors import SilentRegistryError
from clients.manifests import INDEX, Manifest
from clients.registry import Repository
from review.changes import read_changes
from review.markdown import page
from review.published import with_presence
from tests.unit.previews import complete
from tests.unit.registry import Registries
from tests.unit.test_review import TAG, step, tag

HUB = "docker.io/skycoin/skycoin"
NOT_KNOWN = "its present architectures are unknown"


@pytest.fixture
def registries() -> Registries:
    """Docker Hub with `latest` and `0.27.1`."""
    made = Registries()
    for name in ("latest", "0.27.1"):
        made(HUB).manifests[name] = Manifest(b"{}", INDEX)
    return made


def shown(registries: Registries, *steps: Mapping[str, Any]) -> list[str]:
    return page(with_presence(read_changes(complete(*steps)), registries), "release").splitlines()


def test_a_tag_that_exists_is_not_new(registries: Registries) -> None:
    """Before, all tags were new on the page of a state that had never published."""
    lines = shown(
        registries,
        tag("0.27.1", "create", immutable=True),
        tag("latest", "create"),
        tag("0.27", "create"),
        tag("develop", "update"),
    )
    assert lines[0] == "## Stack release: safe"
    assert lines[2] == "1 tag new, 1 tag moved, 2 tags in the registry but not in the state."
    for name, said in {
        "0.27.1": f"exists and stays; refused if its content would differ; {NOT_KNOWN}",
        "latest": f"exists; moves if its content differs; {NOT_KNOWN}",
        "0.27": "new",
        "develop": "moves",
    }.items():
        why = "" if said == "moves" else "new"
        assert f"| `{HUB}:{name}` |  | {said} | amd64, arm32v7 | {why} |" in lines


def test_a_registry_that_does_not_answer_is_reported_and_its_tags_are_unknown(registries: Registries) -> None:
    registries(HUB).down = True
    lines = shown(registries, tag("latest", "create"), tag("0.27.1", "create", immutable=True))
    assert lines[2] == "2 tags whose registry could not be asked."
    assert f"- registry {HUB}: 503. Which of its tags exist is unknown." in lines
    said = "unknown: its registry could not be asked"
    assert f"| `{HUB}:latest` |  | {said} | amd64, arm32v7 | new |" in lines
    exact = f"| `{HUB}:0.27.1` |  | {said}; refused if it exists with other content | amd64, arm32v7 | new |"
    assert exact in lines


def test_tags_of_the_state_are_not_asked_for(registries: Registries) -> None:
    """A refresh has already asked the registry for them."""
    registries(HUB).down = True
    assert shown(registries, tag("latest", "update"))[2] == "1 tag moved."


@pytest.mark.parametrize(
    "other", [{"repository": HUB}, {"tag": "latest"}], ids=lambda other: next(iter(other))
)
def test_a_tag_that_moves_to_another_place_is_looked_up_there(
    registries: Registries, other: Mapping[str, str]
) -> None:
    """Before, the page showed the digest and architectures of the former place as those of the new one."""
    old = {"repository": "a.example/skycoin", "tag": "latest"} if "repository" in other else {"tag": "former"}
    variants = [
        {"arch": arch, "ref": f"a.example/skycoin@sha256:{'1' * 64}"} for arch in ("amd64", "arm64v8")
    ]
    before = {"repository": HUB, **old, "variants": variants}
    moved = step(
        "replace", TAG, "skycoin-hub-tag", before, {**before, **other, "variants": variants[:1]}, (*other,)
    )
    digest = f"sha256:{'2' * 64}"
    moved["oldState"]["outputs"] = {"digest": digest, "points": {before["tag"]: digest}}
    lines = shown(registries, moved)
    assert lines[2] == "1 tag in the registry but not in the state."
    assert not [line for line in lines if "222222222222" in line or "**loses" in line]
    [row] = [line for line in lines if line.startswith(f"| `{HUB}:latest` | ")]
    assert f" |  | exists; moves if its content differs; {NOT_KNOWN} | amd64 | " in row


def test_a_tag_that_is_replaced_in_its_place_is_that_of_the_state(registries: Registries) -> None:
    registries(HUB).down = True
    own = {"repository": HUB, "tag": "latest", "variants": [{"arch": "amd64"}]}
    for new in (own, {**own, "repository": UNKNOWN}):
        assert (
            shown(registries, step("replace", TAG, "skycoin-hub-latest-tag", own, new))[2] == "1 tag moved."
        )


def test_a_registry_that_the_stack_would_run_can_not_be_asked_yet(registries: Registries) -> None:
    fresh = step("create", TAG, "own-latest-tag", None, {"repository": UNKNOWN, "tag": "latest"})
    assert shown(registries, fresh)[2] == "1 tag new."


def test_a_registry_that_can_not_be_reached_is_silent() -> None:
    """Other errors of a registry need a person, so they fail a refresh."""
    with pytest.raises(SilentRegistryError, match=r"registry 127\.0\.0\.1:1 \(x\): "):
        Repository("127.0.0.1:1/x").digest_of("latest")
