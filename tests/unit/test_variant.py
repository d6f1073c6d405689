"""One image for one architecture: exactly one docker-build Image, with every input that matters."""

import csv
from dataclasses import replace
from typing import Any

import pulumi
import pytest

from catalogue.arch import ARCHES
from catalogue.builds import EXPORT
from components.variant import Variant, VariantArgs
from mocks.engine import BUILD, VERIFICATION
from mocks.wire import UNKNOWN, Secret
from tests.unit.engine import Engine
from tests.unit.samples import BASE, BUILD_BASE, REPOSITORY, on_builder, variant_args

VARIANT = "skycoin:index:Variant"


def _built(engine: Engine, args: VariantArgs) -> dict[str, Any]:
    engine.run(lambda: Variant("skycoin-x", args, on_builder()))
    return engine.one(BUILD, "skycoin-x-image").inputs


def test_a_variant_is_one_build_under_one_component(engine: Engine) -> None:
    engine.run(lambda: Variant("skycoin-arm32v7", variant_args(), on_builder()))
    variant = engine.one(VARIANT, "skycoin-arm32v7")
    image = engine.one(BUILD, "skycoin-arm32v7-image")
    proof = engine.one(VERIFICATION, "skycoin-arm32v7-verification")
    assert engine.children(variant) == [(BUILD, image.name), (VERIFICATION, proof.name)]
    assert engine.names() == [
        f"{BUILD} skycoin-arm32v7-image",
        "pulumi:providers:docker-build builder",
        f"{VARIANT} skycoin-arm32v7",
        f"{VERIFICATION} skycoin-arm32v7-verification",
    ]
    assert image.retain_on_delete, "docker-build's delete removes the manifest with every tag on it"
    assert not image.protect
    assert image.version == "0.0.22"


@pytest.mark.parametrize(
    ("value", "row"),
    [
        ("0.27.1", "annotation.a=0.27.1"),
        ("busybox (debian)", "annotation.a=busybox (debian)"),
        ('one, two "three"', 'annotation.a=one, two "three"'),
        ("x=y", "annotation.a=x=y"),
    ],
)
def test_labels_are_annotations_of_the_manifest_whatever_is_in_them(
    engine: Engine, value: str, row: str
) -> None:
    """docker-build reads the exporter's settings as one row of CSV."""

    def program() -> None:
        labels: dict[str, pulumi.Input[str]] = {"b": pulumi.Output.from_input("2"), "a": value}
        Variant("v", replace(variant_args(), labels=labels), on_builder())

    engine.run(program)
    [export] = engine.one(BUILD, "v-image").inputs["exports"]
    assert next(csv.reader([export["raw"]])) == [*EXPORT.split(","), row, "annotation.b=2"]


def test_the_inputs_of_a_build_are_these_and_no_others(engine: Engine) -> None:
    assert _built(engine, variant_args("arm32v7")) == {
        "context": {"location": "./images/skycoin", "named": {}},
        "dockerfile": {"location": "./images/skycoin/Dockerfile"},
        "platforms": ["linux/arm/v7"],
        "buildArgs": {
            "IMAGE_FROM": BASE,
            "BUILD_FROM": BUILD_BASE,
            "GOARCH": "arm",
            "GOARM": "7",
            "CC": "arm-linux-gnueabihf-gcc",
            "DEBIAN_PORT": "armhf",
        },
        "labels": {},
        "tags": [REPOSITORY],
        "exports": [
            {"raw": "type=image,push=true,push-by-digest=true,oci-mediatypes=true,rewrite-timestamp=true"}
        ],
        "push": False,
        "buildOnPreview": False,
    }


@pytest.mark.case(45)
def test_a_variant_is_pushed_by_digest_without_a_tag(engine: Engine) -> None:
    """The variant's suffixed tag used to be public before its content was verified."""
    inputs = _built(engine, variant_args("arm32v7"))
    [name], [export] = inputs["tags"], inputs["exports"]
    assert name == REPOSITORY, "BuildKit refuses to push a tag by digest, so this is a repository alone"
    assert {"push=true", "push-by-digest=true"} <= {*next(csv.reader([export["raw"]]))}


@pytest.mark.parametrize("name", ARCHES)
def test_a_build_cross_compiles_for_its_own_architecture(engine: Engine, name: str) -> None:
    arch, inputs = ARCHES[name], _built(engine, variant_args(name))
    given = inputs["buildArgs"]
    assert inputs["platforms"] == [arch.platform], "one platform a build: many are a list without variants"
    assert (given["GOARCH"], given["GOARM"]) == (arch.goarch, arch.goarm)
    assert (given["CC"], given["DEBIAN_PORT"]) == (arch.cc, arch.debian_port)


def test_further_build_arguments_join_the_variants_own(engine: Engine) -> None:
    args = replace(variant_args(), build_args={"VERSION": "0.27.1", "GOARM": "5", "IMAGE_FROM": "elsewhere"})
    given = _built(engine, args)["buildArgs"]
    assert given["VERSION"] == "0.27.1"
    assert (given["GOARM"], given["IMAGE_FROM"]) == ("7", BASE), "an image can't lie about its architecture"


def test_labels_and_sources_reach_the_build(engine: Engine) -> None:
    args = replace(variant_args(), labels={"a.b": "c"}, sources={"source": "../skycoin"})
    inputs = _built(engine, args)
    assert inputs["labels"] == {"a.b": "c"}
    assert inputs["context"]["named"] == {"source": {"location": "../skycoin"}}


def test_a_builder_is_named_only_if_one_is_given(engine: Engine) -> None:
    assert "builder" not in _built(engine, variant_args())
    assert _built(Engine(), replace(variant_args(), builder="b"))["builder"] == {"name": "b"}


def test_build_secrets_are_secret_and_rebuild_nothing(engine: Engine) -> None:
    args = replace(variant_args(), secrets={"token": "s3cret", "build-ca": "PEM"})
    inputs = _built(engine, args)
    assert inputs["secrets"] == {"token": Secret("s3cret"), "build-ca": Secret("PEM")}
    assert inputs["ignoreSecretsInDiffCalculation"] == ["build-ca", "token"]
    rest = {key: value for key, value in inputs.items() if key != "secrets"}
    assert "s3cret" not in repr(rest), "a secret in a build argument stays in the image's history"


def test_without_secrets_none_are_mentioned(engine: Engine) -> None:
    inputs = _built(engine, variant_args())
    assert not {"secrets", "ignoreSecretsInDiffCalculation"} & inputs.keys()


def test_a_pushed_variant_is_verified_by_digest_platform_and_labels(engine: Engine) -> None:
    args = replace(variant_args(), labels={"a.b": "c"})
    engine.run(lambda: Variant("v", args, on_builder()))
    assert engine.one(VERIFICATION, "v-verification").inputs == {
        "ref": f"{REPOSITORY}@{engine.digest('v-image')}",
        "platform": "linux/arm/v7",
        "labels": {"a.b": "c"},
    }


def test_a_variant_answers_with_its_digest_not_its_tag(engine: Engine) -> None:
    engine.run(lambda: Variant("v", variant_args(), on_builder()))
    digest = engine.digest("v-image")
    assert engine.outputs_of(VARIANT, "v") == {
        "ref": f"{REPOSITORY}@{digest}",
        "digest": digest,
        "platform": "linux/arm/v7",
        "size": 13_000_000,
        "unpacked": 37_000_000,
        "layers": 3,
    }


@pytest.mark.parametrize("bare", [REPOSITORY, ""])
def test_a_preview_that_would_build_does_not_know_the_digest(bare: str) -> None:
    """In a preview, docker-build returns the bare name; splitting it at `@` used to crash."""
    preview = Engine(preview=True, bare=bare)
    preview.run(lambda: Variant("v", variant_args(), on_builder()))
    assert preview.outputs_of(VARIANT, "v") == {
        "ref": UNKNOWN,
        "digest": UNKNOWN,
        "platform": "linux/arm/v7",
        "size": UNKNOWN,
        "unpacked": UNKNOWN,
        "layers": UNKNOWN,
    }


def test_a_preview_of_a_built_variant_knows_the_digest() -> None:
    preview = Engine(preview=True, unchanged=True)
    preview.run(lambda: Variant("v", variant_args(), on_builder()))
    assert preview.outputs_of(VARIANT, "v")["digest"] == preview.digest("v-image")


def test_repository_base_and_secrets_of_a_variant_may_be_outputs(engine: Engine) -> None:
    def program() -> None:
        args = replace(
            variant_args(),
            repository=pulumi.Output.from_input(REPOSITORY),
            base=pulumi.Output.from_input(BASE),
            secrets={"token": pulumi.Output.from_input("s3cret")},
        )
        Variant("v", args, on_builder())

    engine.run(program)
    inputs = engine.one(BUILD, "v-image").inputs
    assert inputs["tags"] == [REPOSITORY]
    assert inputs["buildArgs"]["IMAGE_FROM"] == BASE
    assert inputs["secrets"] == {"token": Secret("s3cret")}
