"""One tag over the digests of its variants: exactly one docker-build Index."""

import pulumi

from components.manifest_list import ManifestList, ManifestListArgs
from components.variant import Variant
from tests.unit.engine import BUILD, INDEX, Engine
from tests.unit.samples import REPOSITORY, on_builder, variant_args
from tests.unit.wire import UNKNOWN

LIST = "skycoin:index:ManifestList"
ONE, TWO = (f"{REPOSITORY}@sha256:{digit * 64}" for digit in "12")


def _program() -> None:
    args = ManifestListArgs(repository=REPOSITORY, tag="0.27.1", variants=[TWO, ONE])
    ManifestList("skycoin-0.27.1", args, on_builder())


def test_a_list_is_one_index_under_one_component(engine: Engine) -> None:
    engine.run(_program)
    index = engine.one(INDEX, "skycoin-0.27.1-index")
    assert engine.children(engine.one(LIST, "skycoin-0.27.1")) == [(INDEX, "skycoin-0.27.1-index")]
    assert index.inputs == {"tag": f"{REPOSITORY}:0.27.1", "sources": [TWO, ONE], "push": True}
    assert index.retain_on_delete, "a tag that users pull is not deleted with a stack"


def test_the_order_of_variants_is_the_callers(engine: Engine) -> None:
    """Clients take the first entry that fits: the table's order is part of the list's digest."""
    engine.run(_program)
    assert engine.one(INDEX, "skycoin-0.27.1-index").inputs["sources"] == [TWO, ONE]


def test_a_list_answers_with_tag_and_digest(engine: Engine) -> None:
    engine.run(_program)
    digest = engine.digest("skycoin-0.27.1-index")
    assert engine.outputs_of(LIST, "skycoin-0.27.1") == {
        "ref": f"{REPOSITORY}:0.27.1@{digest}",
        "digest": digest,
    }


def _with_a_variant() -> None:
    options = on_builder()
    variant = Variant("v", variant_args(), options)
    ManifestList("l", ManifestListArgs(repository=REPOSITORY, tag="latest", variants=[variant.ref]), options)


def test_a_list_is_written_after_its_variants_were_pushed(engine: Engine) -> None:
    engine.run(_with_a_variant)
    index = engine.one(INDEX, "l-index")
    assert engine.one(BUILD, "v-image").urn in index.dependencies, "a list over a missing variant is torn"
    assert index.inputs["sources"] == [f"{REPOSITORY}@{engine.digest('v-image')}"]


def test_in_a_first_preview_neither_variants_nor_list_have_a_digest(first_preview: Engine) -> None:
    first_preview.run(_with_a_variant)
    assert first_preview.one(INDEX, "l-index").inputs["sources"] == [UNKNOWN]
    assert first_preview.outputs_of(LIST, "l") == {"ref": UNKNOWN, "digest": UNKNOWN}


def test_a_repository_may_be_an_output(engine: Engine) -> None:
    def program() -> None:
        repository = pulumi.Output.concat("a", "/", "b")
        ManifestList("l", ManifestListArgs(repository=repository, tag="latest", variants=[ONE]), on_builder())

    engine.run(program)
    assert engine.one(INDEX, "l-index").inputs["tag"] == "a/b:latest"
