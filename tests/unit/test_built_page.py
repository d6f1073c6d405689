"""docs/how-it-is-built.md shows today's layers and resources."""

import os
import re

from tests.unit import built_page
from tests.unit.projects import PROJECT, up
from tests.unit.test_layers import PACKAGES

PAGE = PROJECT / "docs" / "how-it-is-built.md"


def test_the_page_follows_from_the_contracts_and_from_a_run_of_the_stack() -> None:
    text = built_page.page(up("local"))
    if os.environ.get("UPDATE_SNAPSHOTS"):
        PAGE.write_text(text)
    assert PAGE.read_text() == text, "if this is meant: UPDATE_SNAPSHOTS=1 make unit"


def test_every_folder_of_the_layers_is_in_their_picture() -> None:
    picture = "\n".join(built_page.layers_picture())
    assert all(f'{name}["{name}/"]' in picture for name in PACKAGES)
    assert set(built_page.TOLD) == set(built_page.layers())


def test_the_picture_of_resources_has_every_kind_of_the_stack_and_fits_a_page() -> None:
    lines = built_page.resources_picture(up("local"))
    kinds = {entry.type.rpartition(":")[2] for entry in up("local").registered} - {"Stack"}
    assert all(any(kind in line for line in lines) for kind in kinds)
    assert built_page.number_of_boxes(lines) <= 40


def test_an_arrow_is_left_out_only_if_others_lead_there() -> None:
    """The wallet volume waits for the checks, so the container, which waits for both, has one arrow."""
    lines = [line.strip() for line in built_page.resources_picture(up("local"))]
    box = {
        re.split("<br/>| × ", label)[0]: name.removeprefix("subgraph ")
        for name, _, label in (line.partition('["') for line in lines)
        if label
    }
    assert f"{box['Preflight']} --> {box['docker Volume']}" in lines
    assert f"{box['docker Volume']} --> {box['NodeContainer']}" in lines
    assert f"{box['Preflight']} --> {box['NodeContainer']}" not in lines
    assert f"{box['Tag']} --> {box['Preflight']}" in lines, "a node waits for the tag that it runs"
    assert f"{box['provider docker']} -.-> {box['docker Volume']}" in lines


def test_the_page_has_no_line_that_is_too_long() -> None:
    assert max(map(len, PAGE.read_text().splitlines())) <= built_page.WIDTH
