"""The documentation's links lead somewhere, and the commands that it names exist."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from commands.__main__ import skyinfra
from tests.soak import record
from tests.unit.projects import PROJECT

FENCE = re.compile(r"^( *)```.*?^ *```$", re.M | re.S)
LINK = re.compile(r"\]\(([^)\s]+)\)")
COMMAND = re.compile(r"\./skyinfra ([^`|;#\n]+)")
TARGET = re.compile(r"(?:^|`)make ((?:[a-z][a-z0-9-]*)(?: [A-Z]+=[^\s`]+)*)", re.M)
PAGES = [
    PROJECT / name
    for name in subprocess.run(
        ["git", "ls-files", "*.md"], cwd=PROJECT, check=True, capture_output=True, text=True
    ).stdout.split()
]
LIVING = [page for page in PAGES if page.parent.name != "adr" and page.name != "CHANGELOG.md"]
"""Pages about the present; the others record the past."""


def name_of(page: Path) -> str:
    return str(page.relative_to(PROJECT))


def headings(page: Path) -> set[str]:
    """URL fragments that GitHub gives a page's headings."""
    matches = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text()), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in matches}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_of_a_page_leads_to_a_file_and_a_heading(page: Path) -> None:
    for link in LINK.findall(FENCE.sub("", page.read_text())):
        path, _, fragment = link.partition("#")
        if "://" in link:
            continue
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not fragment or fragment in headings(target), link


def commands(page: Path) -> Iterator[str]:
    text = page.read_text().replace("\\\n", " ")
    yield from (" ".join(found.split()) for found in COMMAND.findall(text))


def resolve(words: list[str]) -> tuple[click.Command, list[str]]:
    """Return the command that the first words name, and the remaining words."""
    command: click.Command = skyinfra
    while isinstance(command, click.Group) and words and re.fullmatch("[a-z][a-z-]*", words[0]):
        assert words[0] in command.commands, words[0]
        command, words = command.commands[words[0]], words[1:]
    return command, words


@pytest.mark.parametrize("page", LIVING, ids=name_of)
def test_every_command_of_a_page_exists_with_its_options(page: Path) -> None:
    for line in commands(page):
        command, words = resolve(line.split())
        known = {
            name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)
        }
        given = {word.partition("=")[0] for word in words if re.match("--?[a-z]", word)}
        assert given <= known | {"-h", "--help"}, line


@pytest.mark.parametrize("page", [page for page in LIVING if "images" not in page.parts], ids=name_of)
def test_every_target_of_make_on_a_page_exists(page: Path) -> None:
    """Pages of images are left out, as they also name targets of other projects."""
    targets = set(re.findall(r"^([a-z0-9-]+):", (PROJECT / "Makefile").read_text(), re.M))
    assert {found.split()[0] for found in TARGET.findall(page.read_text())} <= targets


def test_the_record_of_the_soak_has_every_test_of_its_folder() -> None:
    """A test that has not run yet is listed as such; `make soak` writes the page.

    Tests in tests/e2e that are marked `long` are not in it.
    """
    rows = record.recorded()
    assert {*map(record.function_of, rows)} == {*record.tests()}
    assert record.text(rows) == record.PAGE.read_text()
