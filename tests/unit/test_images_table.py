"""`make images`: the catalogue as a table, from the outputs of the real program."""

from catalogue.arch import ARCHES
from catalogue.images import CATALOGUE
from catalogue.workspaces import WORKSPACES
from commands.images import images_table
from tests.unit.projects import up


def test_every_variant_has_a_line_in_the_tables_order() -> None:
    engine = up("local")
    head, *lines = images_table(engine.exports()["images"], {}).splitlines()
    assert head.split() == [
        "IMAGE", "VARIANT", "PLATFORM", "LAYERS", "TO", "DOWNLOAD", "UNPACKED", "DIGEST",
    ]  # fmt: skip
    mine = [line.split() for line in lines if line.startswith("skycoin ")]
    assert [cells[1] for cells in mine] == list(ARCHES)
    for cells in mine:
        digest = engine.digest(f"skycoin-{cells[1]}-image")
        assert cells[2:] == [ARCHES[cells[1]].platform, "3", "13.0", "MB", "37.0", "MB", digest]


def test_an_image_that_the_stack_does_not_build_is_listed_too() -> None:
    lines = images_table({}, {}).splitlines()
    names = [*CATALOGUE, *(entry.repository.partition("/")[2] for entry in WORKSPACES.values())]
    assert [line.split("  ")[0].strip() for line in lines[1:]] == names
    assert all(line.endswith("not in this stack") for line in lines[1:])


def test_an_image_that_only_the_file_has_is_not_published_yet() -> None:
    """It was “not in this stack”."""
    lines = images_table({}, {}, {"skycoin", "cli"}).splitlines()
    unpublished = [line.split("  ")[0] for line in lines if line.endswith("not published yet")]
    assert unpublished == ["skycoin", "skycoindev-cli"]


def test_a_workspace_and_its_sibling_have_separate_lines() -> None:
    """`dind` is another name of the tag `develop-dind`, and has no lines."""
    lines = images_table({}, up("workspaces").exports()["workspaces"]).splitlines()
    cells = [line.split()[:2] for line in lines if line.startswith("skycoindev-cli")]
    tags = ["develop", "develop-dind"]
    assert cells == [[f"skycoindev-cli:{tag}", arch] for tag in tags for arch in ("amd64", "arm64v8")]
