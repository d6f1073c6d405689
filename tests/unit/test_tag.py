"""Tags in a preview, when written, and when moved by somebody else; on registries in memory."""

import copy
import json
import re
from dataclasses import dataclass, field, replace
from typing import IO, Any

import pytest

from catalogue.arch import ARCHES
from clients.errors import RegistryError
from clients.manifests import INDEX, Manifest
from providers.kind import UNKNOWN, Change, ProviderError, Values
from providers.skycoin.tag import Tag
from tests.unit.registry import Registries, Repository

HUB, LOCAL = "docker.io/skycoin/skycoin", "registry.localhost:5443/skycoin/skycoin"


def configuration(platform: str) -> Values:
    """Platform as BuildKit writes it: arm64 without its variant."""
    keys = ("os", "architecture", "variant")
    return dict(zip(keys, platform.removesuffix("/v8").split("/"), strict=False))


@dataclass
class World:
    """Two registries, the resource kind Tag, and its warnings."""

    registries: Registries = field(default_factory=Registries)
    warnings: list[str] = field(default_factory=list)

    @property
    def kind(self) -> Tag:
        return Tag(self.warnings.append, self.registries)

    @property
    def hub(self) -> Repository:
        return self.registries(HUB)

    def variants(self, program: str = "one", at: str = HUB) -> list[Values]:
        """All five variants, each with its own program on top of a shared layer."""
        return [
            {
                "arch": arch.name,
                "platform": arch.platform,
                "ref": self.registries(at).add_image(
                    configuration(arch.platform),
                    {"shared": b"x"},
                    {"usr/bin/skycoin": f"{program}{arch}".encode()},
                ),
            }
            for arch in ARCHES.values()
        ]

    def inputs(self, **changed: Any) -> Values:
        given = {
            "repository": HUB,
            "tag": "0.27.1",
            "variants": changed.pop("variants", None) or self.variants(),
            "annotations": {"org.opencontainers.image.version": "0.27.1"},
            "immutable": True,
            "optional": False,
        }
        return {**given, **changed}


@pytest.fixture
def world() -> World:
    return World()


def test_a_tag_lists_its_variants_in_order(world: World) -> None:
    inputs = world.inputs()
    identity, state = world.kind.create(inputs)
    assert identity == f"{HUB}:0.27.1"
    listed = world.hub.manifest("0.27.1")
    assert (listed.media_type, listed.digest) == (INDEX, state["digest"])
    fields = listed.fields
    assert fields["annotations"] == {"org.opencontainers.image.version": "0.27.1"}
    assert [entry["platform"] for entry in fields["manifests"]] == [
        {"os": "linux", "architecture": "amd64"},
        {"os": "linux", "architecture": "arm", "variant": "v5"},
        {"os": "linux", "architecture": "arm", "variant": "v6"},
        {"os": "linux", "architecture": "arm", "variant": "v7"},
        {"os": "linux", "architecture": "arm64"},
    ]
    for entry, variant in zip(fields["manifests"], inputs["variants"], strict=True):
        assert variant["ref"] == f"{HUB}@{entry['digest']}"
        assert entry["size"] == len(world.hub.manifest(entry["digest"]).content)


def test_the_lists_tag_is_written_last(world: World) -> None:
    """A tag resolves to a complete list, or to the previous one."""
    world.kind.create(world.inputs())
    assert world.hub.log == [*(f"0.27.1-{arch}" for arch in ARCHES), "0.27.1"]


def beside(tag: str, repository: str = HUB, **changed: bool) -> Values:
    return {"repository": repository, "tag": tag, "immutable": True, "optional": False, **changed}


def suffixed(tag: str) -> list[str]:
    return [f"{tag}-{arch}" for arch in ARCHES]


def test_the_variants_tags_of_all_exact_tags_are_written_before_any_list(world: World) -> None:
    """Tags in another repository are written by their own resource."""
    exact = world.inputs(beside=[beside("release-v0.27.1"), beside("0.27.1", LOCAL)])
    world.kind.create(exact)
    assert world.hub.log == [*suffixed("0.27.1"), *suffixed("release-v0.27.1"), "0.27.1"]
    assert world.registries(LOCAL).log == []
    world.kind.create({**exact, "tag": "release-v0.27.1", "beside": [beside("0.27.1")]})
    assert world.hub.log[11:] == ["release-v0.27.1"], "the second of them writes its list alone"


@pytest.mark.parametrize("taken", ["0.27.1-arm64v8", "0.27.1"])
@pytest.mark.parametrize("where", [HUB, LOCAL])
def test_no_tag_is_written_if_another_exact_tag_has_other_content(
    world: World, taken: str, where: str
) -> None:
    """Before, if the second of two exact names was refused, the first was already written, and stayed."""
    other = world.registries(where)
    ref = other.add_image(configuration("linux/arm64/v8"), {"somebody": b"else"})
    other.put_manifest(taken, other.manifest(ref.partition("@")[2]))
    inputs = world.inputs(tag="release-v0.27.1", beside=[beside("0.27.1", where)])
    world.hub.log.clear()
    with pytest.raises(ProviderError, match=rf"{where}:{taken} is published as {ref.partition('@')[2]}"):
        world.kind.create(inputs)
    assert world.hub.log == []


def test_a_release_fails_if_another_of_its_registries_is_down_and_not_optional(world: World) -> None:
    inputs = world.inputs(beside=[beside("0.27.1", LOCAL)])
    world.registries(LOCAL).down = True
    with pytest.raises(RegistryError, match=LOCAL):
        world.kind.create(inputs)
    assert world.hub.log == []
    world.kind.create({**inputs, "beside": [beside("0.27.1", LOCAL, optional=True)]})
    assert world.hub.log == [*suffixed("0.27.1"), "0.27.1"]


def test_the_variants_tags_of_all_moving_tags_move_before_any_list(world: World) -> None:
    inputs = world.inputs(tag="latest", immutable=False, beside=[beside("0.27", immutable=False)])
    _, state = world.kind.create(inputs)
    world.hub.log.clear()
    world.kind.update("id", state, {**inputs, "variants": world.variants("two")})
    assert world.hub.log == [*suffixed("latest"), *suffixed("0.27"), "latest"]


def test_another_list_of_tags_next_to_it_does_not_change_a_tag(world: World) -> None:
    """Version 0.1.0 recorded no `beside`, and another registry of the stack adds to it."""
    inputs = world.inputs()
    _, state = world.kind.create(inputs)
    assert world.kind.diff(state, inputs, {**inputs, "beside": [beside("release-v0.27.1")]}) == Change()


def test_no_list_has_an_entry_whose_media_type_only_the_registry_states(world: World) -> None:
    inputs = world.inputs()
    _, digest = inputs["variants"][1]["ref"].split("@")
    world.hub.manifests[digest] = replace(world.hub.manifests[digest], media_type="application/json")
    with pytest.raises(
        ProviderError, match=f"{digest} is not listed: the registry serves it with the Content"
    ):
        world.kind.create(inputs)
    assert world.hub.log == []


def test_equal_variants_give_equal_digests_and_no_second_write(world: World) -> None:
    first = world.kind.create(world.inputs())[1]
    written = list(world.hub.log)
    assert world.kind.create(world.inputs())[1] == first
    assert world.hub.log == written, "what is there is not sent again"
    elsewhere = World()
    assert elsewhere.kind.create(elsewhere.inputs())[1]["digest"] == first["digest"]


def test_an_exact_tag_with_other_content_is_refused_before_anything_is_written(world: World) -> None:
    """On a second machine, or after a loss of the state, only the registry knows of the release."""
    world.kind.create(world.inputs())
    before, written = dict(world.hub.manifests), list(world.hub.log)
    other = world.inputs(variants=world.variants("two"))
    with pytest.raises(
        ProviderError, match=r"0\.27\.1 is published as sha256:\w+.*increase the image's `revision:`"
    ):
        world.kind.create(other)
    assert world.hub.log == written
    assert {tag: world.hub.manifests[tag].digest for tag in before} == {
        t: m.digest for t, m in before.items()
    }


def test_a_new_exact_tag_that_already_exists_is_refused_at_preview(world: World) -> None:
    world.kind.create(world.inputs())
    assert world.kind.check("t", {}, world.inputs()).failures == [], "the same content may be published again"
    [(key, reason)] = world.kind.check("t", {}, world.inputs(variants=world.variants("two"))).failures
    assert key == "tag"
    assert "An exact release tag never changes: increase the image's `revision:`" in reason


@pytest.mark.parametrize("listed", [True, False])
def test_a_variants_tag_with_other_content_is_refused_at_preview(world: World, listed: bool) -> None:
    """Only `up` refused it, and then named the list's tag with the digest of the variant's."""
    inputs = world.inputs()
    if listed:
        world.kind.create(inputs)
    ref = world.hub.add_image(configuration("linux/arm/v7"), {"somebody": b"else"})
    theirs = world.hub.manifest(ref.partition("@")[2])
    world.hub.put_manifest("0.27.1-arm32v7", theirs)
    [(key, reason)] = world.kind.check("t", {}, inputs).failures
    assert key == "tag"
    assert reason.startswith(f"{HUB}:0.27.1-arm32v7 is published as {theirs.digest}, and `up` would give it")
    with pytest.raises(ProviderError, match="^" + re.escape(reason)):
        world.kind.create(inputs)


def test_a_preview_of_a_new_release_asks_for_its_tags_and_reads_no_image(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs, asked = world.inputs(), list[str]()
    monkeypatch.setattr(Repository, "digest_of", lambda _, tag: asked.append(tag))
    monkeypatch.delattr(Repository, "manifest")
    assert world.kind.check("t", {}, inputs).failures == []
    assert sorted(asked) == sorted(["0.27.1", *suffixed("0.27.1")])
    asked.clear()
    unknown = [{**variant, "ref": UNKNOWN} for variant in inputs["variants"]]
    assert world.kind.check("t", {}, {**inputs, "variants": unknown}).failures == []
    assert asked == ["0.27.1"]


@pytest.mark.parametrize(("version", "refused"), [("0.27.1", False), ("0.27.2", True)])
def test_before_a_build_an_existing_exact_tag_is_recognized_by_its_annotations(
    world: World, version: str, refused: bool
) -> None:
    """Equal inputs give equal digests, so content with equal annotations may turn out to be the same."""
    world.kind.create(world.inputs())
    unknown = [{**variant, "ref": UNKNOWN} for variant in world.variants()]
    news = world.inputs(variants=unknown, annotations={"org.opencontainers.image.version": version})
    assert bool(world.kind.check("t", {}, news).failures) == refused


def test_before_a_build_other_platforms_are_other_content(world: World) -> None:
    world.kind.create(world.inputs())
    fewer = [{**variant, "ref": UNKNOWN} for variant in world.variants()[:4]]
    assert len(world.kind.check("t", {}, world.inputs(variants=fewer)).failures) == 1


@pytest.mark.parametrize("known", [True, False])
def test_a_published_list_without_platforms_is_other_content(world: World, known: bool) -> None:
    """A platform that was null ended the preview with an AttributeError."""
    entry = {"digest": world.variants()[0]["ref"].partition("@")[2], "platform": None}
    world.hub.put_manifest("0.27.1", Manifest(json.dumps({"manifests": [entry]}).encode(), INDEX))
    variants = [variant if known else {**variant, "ref": UNKNOWN} for variant in world.variants()]
    [(_, reason)] = world.kind.check("t", {}, world.inputs(variants=variants)).failures
    assert "0.27.1 is published as" in reason


def test_a_list_says_the_platforms_of_its_images_configurations(world: World) -> None:
    """Before, the list said arm64/v8 and the configuration arm64, which `crane validate` reported."""
    world.kind.create(world.inputs())
    for entry in world.hub.manifest("0.27.1").fields["manifests"]:
        said = world.hub.config(world.hub.manifest(entry["digest"]))
        assert entry["platform"] == {key: said[key] for key in entry["platform"]}
        assert "variant" in entry["platform"] or "variant" not in said


def as_published_by_0_1_0(world: World) -> str:
    """Publish the exact tag with the variant v8 in its list; return its digest."""
    world.kind.create(world.inputs())
    fields = copy.deepcopy(world.hub.manifest("0.27.1").fields)
    fields["manifests"][-1]["platform"]["variant"] = "v8"
    earlier = Manifest(json.dumps(fields, indent=2).encode(), INDEX)
    world.hub.put_manifest("0.27.1", earlier)
    return earlier.digest


def test_a_release_keeps_the_list_that_an_earlier_version_published(world: World) -> None:
    earlier = as_published_by_0_1_0(world)
    inputs = world.inputs()
    assert world.kind.check("t", {}, inputs).failures == []
    assert world.kind.create(inputs)[1]["digest"] == earlier
    unknown = [{**variant, "ref": UNKNOWN} for variant in inputs["variants"]]
    assert world.kind.check("t", {}, world.inputs(variants=unknown)).failures == []
    assert world.hub.manifest("0.27.1").digest == earlier
    with pytest.raises(ProviderError, match="is published as"):
        world.kind.create(world.inputs(variants=world.variants("two")))


def test_a_moving_tag_moves_from_an_earlier_versions_list(world: World) -> None:
    earlier = as_published_by_0_1_0(world)
    world.kind.create(world.inputs(immutable=False))
    assert world.hub.manifest("0.27.1").digest != earlier


def test_a_tag_that_was_published_in_the_meantime_is_not_overwritten(world: World) -> None:
    """Copying blobs to a remote registry takes minutes, so the tag is checked again before it is written."""
    inputs, other = world.inputs(variants=world.variants(at=LOCAL)), world.variants("two")
    put_blob, theirs = world.hub.put_blob, world.hub.manifest(other[0]["ref"].partition("@")[2])

    def meanwhile(digest: str, file: IO[bytes]) -> None:
        world.hub.manifests["0.27.1"] = theirs
        put_blob(digest, file)

    world.hub.put_blob = meanwhile  # type: ignore[method-assign] # one that takes its time
    with pytest.raises(ProviderError, match="is published as"):
        world.kind.create(inputs)
    assert world.hub.manifest("0.27.1") == theirs


def test_a_tag_is_not_imported(world: World) -> None:
    with pytest.raises(ProviderError, match=r"a tag can.t be imported: run `pulumi up`"):
        world.kind.read("id", {}, {})


def test_a_registry_that_cannot_be_asked_stops_no_preview(world: World) -> None:
    """A pull request's preview has no credentials; `up` asks again before it writes."""
    inputs = world.inputs()
    world.hub.down = True
    kind = world.kind
    for _ in range(2):
        assert kind.check("t", {}, inputs).failures == []
    assert world.warnings == [f"registry {HUB}: 503. Which of its tags exist is unknown."]
    with pytest.raises(RegistryError):
        world.kind.create(inputs)


@pytest.mark.parametrize("immutable", [True, False])
def test_other_content_under_a_tag_of_the_state_is_noticed(world: World, immutable: bool) -> None:
    """A preview refuses an exact tag and moves a moving one, even if the digest isn't known yet."""
    inputs = world.inputs(immutable=immutable)
    _, state = world.kind.create(inputs)
    assert world.kind.diff(state, inputs, inputs) == Change()
    for variants in (world.variants("two"), [{**v, "ref": UNKNOWN} for v in inputs["variants"]]):
        news = {**inputs, "variants": variants}
        if not immutable:
            assert world.kind.diff(state, inputs, news) == Change(updates=("variants",))
            continue
        with pytest.raises(ProviderError, match=r"next -rN tag and updates the moving tags"):
            world.kind.diff(state, inputs, news)


def test_the_same_variants_built_elsewhere_are_not_other_content(world: World) -> None:
    """With another registry first, the references differ, but not the digests."""
    inputs = world.inputs()
    _, state = world.kind.create(inputs)
    news = {**inputs, "variants": world.variants(at=LOCAL)}
    assert world.kind.diff(state, inputs, news) == Change(updates=("variants",))
    assert world.kind.update("id", state, news)["digest"] == state["digest"]


def test_a_moving_tag_moves_with_its_variants(world: World) -> None:
    inputs = world.inputs(tag="latest", immutable=False)
    _, state = world.kind.create(inputs)
    news = {**inputs, "variants": world.variants("two")}
    after = world.kind.update("id", state, news)
    assert after["digest"] != state["digest"]
    assert world.hub.digest_of("latest") == after["digest"]
    assert world.hub.digest_of("latest-arm32v7") == news["variants"][3]["ref"].partition("@")[2]


def test_another_repository_or_name_is_another_tag(world: World) -> None:
    inputs = world.inputs()
    _, state = world.kind.create(inputs)
    assert world.kind.diff(state, inputs, {**inputs, "tag": "0.27.2"}) == Change(replaces=("tag",))
    assert world.kind.diff(state, inputs, {**inputs, "repository": LOCAL}) == Change(replaces=("repository",))


def test_a_registry_that_is_replaced_does_not_replace_what_is_published_there(world: World) -> None:
    """While Pulumi finds out what a replaced registry of the stack affects, its address is unknown."""
    inputs = world.inputs()
    _, state = world.kind.create(inputs)
    asked = {**inputs, "repository": UNKNOWN}
    assert world.kind.diff(state, inputs, asked) == Change(updates=("repository",))


def _refreshed(world: World, inputs: Values, state: Values) -> Values:
    found = world.kind.read("id", inputs, state)
    assert found is not None
    return found.state


def test_a_moved_develop_tag_is_shown_and_pointed_back(world: World) -> None:
    inputs = world.inputs(tag="develop", immutable=False)
    _, state = world.kind.create(inputs)
    assert _refreshed(world, inputs, state) == state
    child = world.hub.manifest(inputs["variants"][0]["ref"].partition("@")[2])
    world.hub.put_manifest("develop", child)
    seen = _refreshed(world, inputs, state)
    assert seen["points"]["develop"] == child.digest
    assert world.kind.diff(seen, inputs, inputs) == Change(updates=("points",))
    assert world.kind.update("id", seen, inputs) == state
    assert world.hub.digest_of("develop") == state["digest"]


def test_a_moved_release_is_refused_and_not_overwritten(world: World) -> None:
    inputs = world.inputs()
    _, state = world.kind.create(inputs)
    child = world.hub.manifest(inputs["variants"][0]["ref"].partition("@")[2])
    world.hub.put_manifest("0.27.1", child)
    seen = _refreshed(world, inputs, state)
    with pytest.raises(
        ProviderError, match=f"a published release was moved by someone else: 0.27.1 points to {child.digest}"
    ):
        world.kind.diff(seen, inputs, inputs)
    with pytest.raises(ProviderError, match="is published as"):
        world.kind.update("id", seen, inputs)


def test_a_removed_release_tag_comes_back_with_its_own_content(world: World) -> None:
    inputs = world.inputs()
    _, state = world.kind.create(inputs)
    for tag in ("0.27.1", "0.27.1-arm64v8"):
        del world.hub.manifests[tag]
    seen = _refreshed(world, inputs, state)
    assert seen["points"]["0.27.1"] == seen["points"]["0.27.1-arm64v8"] == ""
    assert world.kind.diff(seen, inputs, inputs) == Change(updates=("points",))
    assert world.kind.update("id", seen, inputs) == state


def test_another_registry_gets_the_same_digests_and_only_missing_blobs(world: World) -> None:
    variants = world.variants(at=LOCAL)
    _, state = world.kind.create(world.inputs(variants=variants))
    for variant in variants:
        digest = variant["ref"].partition("@")[2]
        assert world.hub.manifest(digest).content == world.registries(LOCAL).manifest(digest).content
    blobs = [entry for entry in world.hub.log if entry in world.hub.blobs]
    assert len(blobs) == len(set(blobs)), "the layer that all share is sent once"
    assert set(blobs) == set(world.registries(LOCAL).blobs)
    assert (
        world.kind.create(world.inputs(repository=LOCAL, variants=variants))[1]["digest"] == state["digest"]
    )


def test_an_optional_registry_that_fails_is_a_warning_and_tried_again(world: World) -> None:
    inputs = world.inputs(optional=True, variants=world.variants(at=LOCAL))
    world.hub.down = True
    _, state = world.kind.create(inputs)
    assert (state["digest"], state["points"]) == ("", {})
    assert world.warnings == [
        f"{HUB}:0.27.1 is skipped, because its optional registry failed: {state['failure']}"
    ]
    assert _refreshed(world, inputs, state) == state
    assert world.kind.diff(state, inputs, inputs) == Change(updates=("failure",))
    world.hub.down = False
    after = world.kind.update("id", state, inputs)
    assert after["failure"] == ""
    assert world.hub.digest_of("0.27.1") == after["digest"]
    assert world.kind.diff(after, inputs, inputs) == Change()


@pytest.mark.parametrize("optional", [True, False])
def test_a_refresh_of_a_registry_that_is_down_keeps_the_state(world: World, optional: bool) -> None:
    inputs = world.inputs(optional=optional)
    _, state = world.kind.create(inputs)
    world.hub.down = True
    if optional:
        assert _refreshed(world, inputs, state) == state
        assert len(world.warnings) == 1
        return
    with pytest.raises(RegistryError, match=HUB):
        world.kind.read("id", inputs, state)


def test_nothing_that_is_published_is_removed(world: World) -> None:
    _, state = world.kind.create(world.inputs())
    before = dict(world.hub.manifests)
    world.kind.delete("id", state)
    assert world.hub.manifests == before


def test_an_unknown_input_is_a_fault(world: World) -> None:
    checked = world.kind.check("t", {"tag": "x"}, {**world.inputs(), "tags": 1, "__internal": "x"})
    assert checked.failures == [("tags", "no such input")]
