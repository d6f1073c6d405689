"""One image: a variant for each architecture, a list for each tag, and nothing else."""

from dataclasses import replace
from typing import Any

import pulumi
import pytest

from catalogue.arch import ARCHES
from components.contexts import recorded_files, required_modules
from components.image import Image
from mocks.engine import BUILD, MODULES, PROOF, REPORT, TAG, VERIFICATION
from mocks.wire import UNKNOWN, Secret
from tests.unit.engine import Engine
from tests.unit.samples import BUILD_BASE, REPOSITORY, image_args, on_builder, place

IMAGE = "skycoin:index:Image"
VARIANT = "skycoin:index:Variant"
LIST = "skycoin:index:ManifestList"
TAGS = ["latest", "0.27", "0.27.1", "release-v0.27.1"]


def test_five_architectures_and_four_tags_are_five_builds_and_four_lists(engine: Engine) -> None:
    engine.run(lambda: Image("skycoin", image_args(list(ARCHES), TAGS), on_builder()))
    assert engine.children(engine.one(IMAGE, "skycoin")) == sorted(
        [(VARIANT, f"skycoin-{arch}") for arch in ARCHES] + [(LIST, f"skycoin-local-{tag}") for tag in TAGS]
    )
    assert [entry.name for entry in engine.all_of(BUILD)] == [f"skycoin-{arch}-image" for arch in ARCHES]
    assert len(engine.all_of(VERIFICATION)) == 5
    assert len(engine.all_of(TAG)) == 4


def test_every_list_has_every_variant_in_the_tables_order(engine: Engine) -> None:
    engine.run(lambda: Image("skycoin", image_args(["arm64v8", "amd64", "arm32v5"], TAGS), on_builder()))
    wanted = [
        f"{REPOSITORY}@{engine.digest(f'skycoin-{arch}-image')}" for arch in ("amd64", "arm32v5", "arm64v8")
    ]
    lists = [[variant["ref"] for variant in tag.inputs["variants"]] for tag in engine.all_of(TAG)]
    assert lists == [wanted] * len(TAGS)


def test_a_variant_is_built_on_its_own_base_into_the_first_repository(engine: Engine) -> None:
    engine.run(lambda: Image("skycoin", image_args(tags=TAGS), on_builder()))
    for arch in ("amd64", "arm32v6"):
        inputs = engine.one(BUILD, f"skycoin-{arch}-image").inputs
        assert inputs["buildArgs"]["IMAGE_FROM"] == f"base/{arch}@sha256:{'b' * 64}"
        assert inputs["buildArgs"]["BUILD_FROM"] == BUILD_BASE
        assert inputs["tags"] == [REPOSITORY]
        assert inputs["context"]["location"] == "./images/skycoin"


def test_the_arguments_of_an_image_reach_each_variant(engine: Engine) -> None:
    args = replace(
        image_args(),
        build_args={"VERSION": "0.27.1", "COMMIT": "abc"},
        labels={"org.opencontainers.image.version": "0.27.1"},
        sources={"source": "../skycoin"},
        secrets={"build-ca": "PEM"},
        builder="skycoin-local",
    )
    engine.run(lambda: Image("skycoin", args, on_builder()))
    assert len(engine.all_of(BUILD)) == 2
    for image in engine.all_of(BUILD):
        assert image.inputs["buildArgs"].items() >= {"VERSION": "0.27.1", "COMMIT": "abc"}.items()
        assert image.inputs["labels"] == {"org.opencontainers.image.version": "0.27.1"}
        assert image.inputs["context"]["named"] == {"source": {"location": "../skycoin"}}
        assert image.inputs["secrets"] == {"build-ca": Secret("PEM")}
        assert image.inputs["builder"] == {"name": "skycoin-local"}


def test_the_base_is_in_the_labels_by_name_and_digest(engine: Engine) -> None:
    engine.run(lambda: Image("skycoin", replace(image_args(), base_name="busybox (official)"), on_builder()))
    assert engine.one(BUILD, "skycoin-amd64-image").inputs["labels"] == {
        "org.opencontainers.image.base.name": "busybox (official)",
        "org.opencontainers.image.base.digest": f"sha256:{'b' * 64}",
    }


def test_a_label_of_one_variant_is_not_in_another(engine: Engine) -> None:
    """Before, the caller's mapping was filled in place, so all variants had the base label of the last."""
    labels = {"a": "b"}
    args = replace(
        image_args(),
        base_name="busybox",
        labels=labels,
        bases={"amd64": f"a@sha256:{'1' * 64}", "arm32v6": f"a@sha256:{'2' * 64}"},
    )
    engine.run(lambda: Image("skycoin", args, on_builder()))
    digests = [
        image.inputs["labels"]["org.opencontainers.image.base.digest"] for image in engine.all_of(BUILD)
    ]
    assert digests == [f"sha256:{'1' * 64}", f"sha256:{'2' * 64}"]
    assert labels == {"a": "b"}


def test_an_image_answers_by_tag_then_architecture(engine: Engine) -> None:
    engine.run(lambda: Image("skycoin", image_args(tags=["latest", "0.27.1"]), on_builder()))
    variants = {
        arch: {
            "ref": f"{REPOSITORY}@{engine.digest(f'skycoin-{arch}-image')}",
            "digest": engine.digest(f"skycoin-{arch}-image"),
            "platform": ARCHES[arch].platform,
            "size": 13_000_000,
            "unpacked": 37_000_000,
            "layers": 3,
        }
        for arch in ("amd64", "arm32v6")
    }
    assert engine.outputs_of(IMAGE, "skycoin") == {
        "tags": {
            tag: {
                "ref": f"{REPOSITORY}:{tag}@{engine.digest(f'skycoin-local-{tag}-tag')}",
                "digest": engine.digest(f"skycoin-local-{tag}-tag"),
                "variants": variants,
                "registries": {"local": f"{REPOSITORY}:{tag}@{engine.digest(f'skycoin-local-{tag}-tag')}"},
            }
            for tag in ("latest", "0.27.1")
        },
        "files": recorded_files("./images/skycoin", "./images/skycoin/Dockerfile", {}, {}),
        "required": required_modules("./images/skycoin", {}),
    }


def test_in_a_first_preview_an_image_is_unknown(first_preview: Engine) -> None:
    first_preview.run(lambda: Image("skycoin", image_args(tags=TAGS), on_builder()))
    assert first_preview.outputs_of(IMAGE, "skycoin")["tags"] is UNKNOWN
    for tag in first_preview.all_of(TAG):
        assert [variant["ref"] for variant in tag.inputs["variants"]] == [UNKNOWN, UNKNOWN]


def test_further_registries_get_the_same_variants_under_the_same_tags(engine: Engine) -> None:
    """Each variant is built once, whatever the number of registries."""
    args = replace(image_args(tags=TAGS), repositories=[place(), place("hub", optional=True)])
    engine.run(lambda: Image("skycoin", args, on_builder()))
    assert len(engine.all_of(BUILD)) == 2
    tags = {tag.name: tag.inputs for tag in engine.all_of(TAG)}
    assert tags.keys() == {f"skycoin-{registry}-{tag}-tag" for registry in ("local", "hub") for tag in TAGS}
    local, hub = tags["skycoin-local-latest-tag"], tags["skycoin-hub-latest-tag"]
    assert hub["variants"] == local["variants"]
    assert (local["repository"], hub["repository"]) == (REPOSITORY, "hub.example/skycoin/skycoin")
    assert (local["optional"], hub["optional"]) == (False, True)


def test_exact_tags_are_immutable_except_in_a_registry_whose_tags_all_move(engine: Engine) -> None:
    args = replace(
        image_args(tags=TAGS),
        exact_tags=TAGS[2:],
        repositories=[place(), place("hub", exact_tags_move=False)],
    )
    engine.run(lambda: Image("skycoin", args, on_builder()))
    immutable = {tag.name for tag in engine.all_of(TAG) if tag.inputs["immutable"]}
    assert immutable == {"skycoin-hub-0.27.1-tag", "skycoin-hub-release-v0.27.1-tag"}


def test_tags_come_one_after_the_other_exact_ones_first(engine: Engine) -> None:
    """A tag also writes the suffixed tags of the others, and a registry may refuse a second write."""
    args = replace(image_args(tags=TAGS), exact_tags=TAGS[2:])
    engine.run(lambda: Image("skycoin", args, on_builder()))
    order = [engine.one(TAG, f"skycoin-local-{tag}-tag") for tag in (*TAGS[2:], *TAGS[:2])]
    urns = {tag.urn for tag in order}
    waits_for = [tag.dependencies & urns for tag in order]
    exact = {tag.urn for tag in order[:2]}
    assert waits_for == [set(), {order[0].urn}, exact, exact | {order[2].urn}]


def test_every_tag_waits_for_the_verification_of_all_variants(engine: Engine) -> None:
    args = replace(image_args(tags=TAGS), exact_tags=TAGS[2:], repositories=[place(), place("hub")])
    engine.run(lambda: Image("skycoin", args, on_builder()))
    proofs = {proof.urn for proof in engine.all_of(VERIFICATION)}
    assert len(proofs) == 2
    for tag in engine.all_of(TAG):
        assert proofs <= tag.dependencies, tag.name


def test_an_exact_tag_gets_all_other_exact_tags_and_a_moving_tag_those_of_its_registry(
    engine: Engine,
) -> None:
    places = [place("mirror", optional=True), place("hub", exact_tags_move=False)]
    args = replace(image_args(tags=TAGS), exact_tags=TAGS[2:], repositories=places)
    engine.run(lambda: Image("skycoin", args, on_builder()))

    def beside(registry: str, tag: str, immutable: bool) -> dict[str, object]:
        repository = f"{registry}.example/skycoin/skycoin"
        is_optional = registry == "mirror"
        return {"repository": repository, "tag": tag, "immutable": immutable, "optional": is_optional}

    assert engine.one(TAG, "skycoin-hub-0.27.1-tag").inputs["beside"] == [
        beside("mirror", "0.27.1", immutable=False),
        beside("mirror", "release-v0.27.1", immutable=False),
        beside("hub", "release-v0.27.1", immutable=True),
    ]
    assert engine.one(TAG, "skycoin-hub-latest-tag").inputs["beside"] == [
        beside("hub", "0.27", immutable=False)
    ]


def test_moving_tags_wait_for_the_exact_tags_of_every_registry(engine: Engine) -> None:
    """If one registry refuses a release, nothing moves in another."""
    args = replace(image_args(tags=TAGS), exact_tags=TAGS[2:], repositories=[place(), place("hub")])
    engine.run(lambda: Image("skycoin", args, on_builder()))
    names = [f"skycoin-{registry}-{tag}-tag" for registry in ("local", "hub") for tag in TAGS[2:]]
    exact = {engine.one(TAG, name).urn for name in names}
    assert len(exact) == 4
    for registry in ("local", "hub"):
        assert exact <= engine.one(TAG, f"skycoin-{registry}-latest-tag").dependencies


def test_labels_are_annotations_of_the_lists_too(engine: Engine) -> None:
    args = replace(image_args(), labels={"org.opencontainers.image.version": "0.27.1"})
    engine.run(lambda: Image("skycoin", args, on_builder()))
    assert engine.all_of(TAG)[0].inputs["annotations"] == {"org.opencontainers.image.version": "0.27.1"}


def test_an_image_on_a_base_that_is_not_built_yet_waits_for_it(first_preview: Engine) -> None:
    def program() -> None:
        options = on_builder()
        base = Image("base", image_args(["amd64"]), options)
        Image("top", replace(image_args(["amd64"]), bases={"amd64": base.variants["amd64"].ref}), options)

    first_preview.run(program)
    assert first_preview.one(BUILD, "top-amd64-image").inputs["buildArgs"]["IMAGE_FROM"] == UNKNOWN
    engine = Engine()
    engine.run(program)
    top = engine.one(BUILD, "top-amd64-image")
    assert top.inputs["buildArgs"]["IMAGE_FROM"] == f"{REPOSITORY}@{engine.digest('base-amd64-image')}"
    assert engine.one(VERIFICATION, "base-amd64-verification").urn in top.dependencies


def test_an_architecture_without_a_base_is_an_error_before_any_build(engine: Engine) -> None:
    args = replace(image_args(), bases={"amd64": BUILD_BASE})
    with pytest.raises(KeyError, match="arm32v6"):
        engine.run(lambda: Image("skycoin", args, on_builder()))


def test_modules_are_an_output_and_no_part_of_the_reports(engine: Engine) -> None:
    image = run_image(engine)
    assert image == {
        "reports": dict.fromkeys(("amd64", "arm32v6"), REPORT),
        "modules": [{"program": "skycoin", "variants": ["amd64", "arm32v6"], "modules": MODULES["skycoin"]}],
    }


def test_a_preview_of_a_variant_that_an_earlier_version_verified_knows_all_outputs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An earlier version recorded no modules; an output that the state lacks would be unknown in previews."""
    monkeypatch.delitem(PROOF, "modules")
    image = run_image(Engine(preview=True, unchanged=True))
    assert image == {"reports": dict.fromkeys(("amd64", "arm32v6"), REPORT), "modules": []}


def run_image(engine: Engine) -> Any:
    """The program's outputs for an image."""

    def program() -> None:
        image = Image("skycoin", image_args(), on_builder())
        pulumi.export("reports", image.reports)
        pulumi.export("modules", image.modules)

    engine.run(program)
    return engine.exports()
