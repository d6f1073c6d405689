"""The version of the program, and the marker that keeps an older program from using a newer state."""

import re
import tomllib

import pytest

from catalogue.version import VERSION
from local.machine.layout import PROJECT
from mocks.engine import BUILD_PROVIDER, DOCKER_PROVIDER, PROGRAM_VERSION
from providers.kind import Change, ProviderError
from providers.skycoin.program_version import ProgramVersion
from tests.unit.projects import FILES, up


def test_pyproject_changelog_and_readme_say_the_programs_version() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    assert project["version"] == VERSION
    newest = re.search(r"^## (\d+\.\d+\.\d+)", (PROJECT / "CHANGELOG.md").read_text(), re.M)
    assert newest is not None
    assert newest[1] == VERSION
    assert f"Version {VERSION}:" in (PROJECT / "README.md").read_text()


@pytest.mark.parametrize(("before", "now"), [("0.2.0", "0.1.9"), ("0.10.0", "0.9.0"), ("1.0.0", "0.99.99")])
def test_a_state_of_a_newer_version_is_refused(before: str, now: str) -> None:
    with pytest.raises(ProviderError, match=rf"version {before} .*is version {now},.* v{before} or newer"):
        ProgramVersion().diff({"version": before}, {"version": before}, {"version": now})


def test_a_state_of_an_older_version_is_recorded_as_this_versions() -> None:
    marker = ProgramVersion()
    assert marker.diff({"version": "0.9.0"}, {}, {"version": "0.10.0"}) == Change(updates=("version",))
    assert marker.update("program", {"version": "0.9.0"}, {"version": "0.10.0"}) == {"version": "0.10.0"}
    assert marker.diff({"version": "0.1.0"}, {}, {"version": "0.1.0"}) == Change()


def test_a_refresh_keeps_the_record_and_a_destroy_touches_nothing() -> None:
    marker = ProgramVersion()
    found = marker.read("program", {"version": "0.1.0"}, {"version": "0.1.0"})
    assert found is not None
    assert found.state == {"version": "0.1.0"}
    assert marker.create({"version": "0.1.0"}) == ("program", {"version": "0.1.0"})
    marker.delete("program", {"version": "0.1.0"})


def test_unknown_inputs_are_refused() -> None:
    assert ProgramVersion().check("x", {}, {"version": "0.1.0", "colour": 1}).failures == [
        ("colour", "no such input")
    ]


@pytest.mark.parametrize("stack", FILES)
def test_no_host_and_no_builder_is_reached_before_the_version_is_checked(stack: str) -> None:
    marker = up(stack).one(PROGRAM_VERSION, "program")
    assert marker.inputs == {"version": VERSION}
    providers = [*up(stack).all_of(DOCKER_PROVIDER), *up(stack).all_of(BUILD_PROVIDER)]
    assert providers
    for provider in providers:
        assert provider.dependencies == {marker.urn}
