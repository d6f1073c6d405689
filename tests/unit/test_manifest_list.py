"""A manifest list: one tag over its variants' digests, as exactly one Tag of this project's provider."""

from dataclasses import replace

import pulumi

from components.manifest_list import ManifestList, ManifestListArgs
from components.tag import Child
from components.variant import Variant
from mocks.engine import TAG, VERIFICATION
from mocks.wire import UNKNOWN
from tests.unit.engine import Engine
from tests.unit.samples import REPOSITORY, on_builder, place, variant_args

LIST = "skycoin:index:ManifestList"
CHILDREN = [
    Child(arch=arch, platform=f"linux/{arch}", ref=f"{REPOSITORY}@sha256:{digit * 64}")
    for arch, digit in (("two", "2"), ("one", "1"))
]
ARGS = ManifestListArgs(repository=place(), tag="0.27.1", variants=CHILDREN)


def test_a_list_is_one_tag_under_one_component(engine: Engine) -> None:
    engine.run(lambda: ManifestList("skycoin-0.27.1", ARGS))
    tag = engine.one(TAG, "skycoin-0.27.1-tag")
    assert engine.children(engine.one(LIST, "skycoin-0.27.1")) == [(TAG, "skycoin-0.27.1-tag")]
    assert tag.inputs == {
        "repository": REPOSITORY,
        "tag": "0.27.1",
        "variants": [
            {"arch": child.arch, "platform": child.platform, "ref": child.ref} for child in CHILDREN
        ],
        "annotations": {},
        "immutable": False,
        "optional": False,
        "beside": [],
    }
    assert tag.retain_on_delete, "a tag that users pull is not deleted with a stack"


def test_variants_stay_in_the_callers_order(engine: Engine) -> None:
    """Clients take the first matching entry, and the order is part of the list's digest."""
    engine.run(lambda: ManifestList("l", ARGS))
    assert [variant["arch"] for variant in engine.one(TAG, "l-tag").inputs["variants"]] == ["two", "one"]


def test_registry_options_and_annotations_of_a_list_reach_its_tag(engine: Engine) -> None:
    args = replace(ARGS, repository=place("hub", optional=True), immutable=True, annotations={"a": "b"})
    engine.run(lambda: ManifestList("l", args))
    inputs = engine.one(TAG, "l-tag").inputs
    assert inputs["repository"] == "hub.example/skycoin/skycoin"
    assert (inputs["immutable"], inputs["optional"], inputs["annotations"]) == (True, True, {"a": "b"})


def test_a_list_answers_with_tag_and_digest(engine: Engine) -> None:
    engine.run(lambda: ManifestList("skycoin-0.27.1", ARGS))
    digest = engine.digest("skycoin-0.27.1-tag")
    assert engine.outputs_of(LIST, "skycoin-0.27.1") == {
        "ref": f"{REPOSITORY}:0.27.1@{digest}",
        "digest": digest,
    }


def test_a_list_that_an_optional_registry_left_out_has_no_reference() -> None:
    engine = Engine(left_out={"l-tag"})
    engine.run(lambda: ManifestList("l", ARGS))
    assert engine.outputs_of(LIST, "l") == {"ref": "", "digest": ""}


def test_a_list_comes_after_what_it_is_told_to_wait_for(engine: Engine) -> None:
    """A refused exact tag must leave every moving tag where it was."""

    def program() -> None:
        first = ManifestList("first", ARGS)
        ManifestList("second", replace(ARGS, tag="latest", after=[first]))

    engine.run(program)
    assert engine.one(TAG, "first-tag").urn in engine.one(TAG, "second-tag").dependencies


def _with_a_variant() -> None:
    variant = Variant("v", variant_args(), on_builder())
    child = Child(arch="arm32v7", platform=variant.platform, ref=variant.ref)
    ManifestList("l", replace(ARGS, variants=[child]))


def test_a_list_is_written_after_its_variants_were_verified(engine: Engine) -> None:
    engine.run(_with_a_variant)
    tag = engine.one(TAG, "l-tag")
    proof = engine.one(VERIFICATION, "v-verification")
    assert proof.urn in tag.dependencies, "a list over anything else may be torn"
    assert tag.inputs["variants"][0]["ref"] == f"{REPOSITORY}@{engine.digest('v-image')}"


def test_in_a_first_preview_neither_variants_nor_list_have_a_digest(first_preview: Engine) -> None:
    first_preview.run(_with_a_variant)
    assert first_preview.one(TAG, "l-tag").inputs["variants"][0]["ref"] == UNKNOWN
    assert first_preview.outputs_of(LIST, "l") == {"ref": UNKNOWN, "digest": UNKNOWN}


def test_a_repository_may_be_an_output(engine: Engine) -> None:
    def program() -> None:
        repository = replace(place(), address=pulumi.Output.concat("a", "/", "b"))
        ManifestList("l", replace(ARGS, repository=repository))

    engine.run(program)
    assert engine.one(TAG, "l-tag").inputs["repository"] == "a/b"
