"""Pinned versions of this checkout, and the table of newer ones."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from catalogue.builds import DOCKER_BUILD_VERSION
from catalogue.go_modules import tool_modules
from commands.release import pins as release_pins
from commands.release.pins import pins
from local.machine.layout import PROJECT
from release.pins import Pin, base_pins, go_pins, image_pins, python_pins, rows

GO_MOD = """module example.com/tools

go 1.26.0

tool (
\texample.com/server/v2/cmd/server
\texample.com/server/v2/cmd/client
)

require (
\texample.com/other v1.0.0 // indirect
\texample.com/server v1.9.0 // indirect
\texample.com/server/v2 v2.1.0 // indirect
)
"""


def test_a_go_mod_stands_for_the_modules_of_its_tools() -> None:
    assert tool_modules(GO_MOD) == {"example.com/server/v2": "2.1.0"}
    assert tool_modules("module a\n\nrequire example.com/data v0.3.0\n") == {"example.com/data": "0.3.0"}
    assert tool_modules("module a\n\ntool example.com/nowhere/cmd/x\n") == {}


def written(project: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(text)
    return project


def test_a_file_with_pins_may_have_comments_in_any_encoding(tmp_path: Path) -> None:
    """Before, such a comment was an internal error that did not name the file."""
    texts = {
        "images/server/go.mod": GO_MOD,
        "images/page/Dockerfile": "ARG A_VERSION=1\n",
        "requirements.in": "a==1\n",
    }
    project = written(tmp_path, texts)
    for name, text in texts.items():
        (project / name).write_bytes(b"# // caf\xe9\n" + text.encode())
    assert len([*go_pins(project), *python_pins(project), *image_pins(project)]) == 3


def test_each_kind_of_file_gives_its_pins_and_what_they_rebuild(tmp_path: Path) -> None:
    project = written(
        tmp_path,
        {
            "images/server/go.mod": GO_MOD,
            "images/server/tools/go.mod": GO_MOD,
            "local/tools/client/go.mod": GO_MOD,
            "requirements.in": "# why\n\nclick==8.5.1\nmoto[ecr,s3]==5.2.5\nwheel==1 ; extra\n",
            "images/page/Dockerfile": "ARG IMAGE_FROM\nARG CODE_SERVER_VERSION=4.139.1\nRUN true\n",
            "images/page/node.txt": "# Node\nnodejs==24.19.0 \\\n    --hash=sha256:ab\n",
        },
    )
    server = "example.com/server/v2"
    assert [*go_pins(project)] == [
        Pin(name=server, version="2.1.0", place="images/server/go.mod", rebuilds="server"),
        Pin(name=server, version="2.1.0", place="images/server/tools/go.mod", rebuilds="server"),
        Pin(name=server, version="2.1.0", place="local/tools/client/go.mod", rebuilds="no image"),
    ]
    assert [(pin.name, pin.version) for pin in python_pins(project)] == [
        ("click", "8.5.1"),
        ("moto", "5.2.5"),
        ("wheel", "1"),
    ]
    assert [*image_pins(project)] == [
        Pin(name="code-server", version="4.139.1", place="images/page/Dockerfile", rebuilds="page"),
        Pin(name="nodejs", version="24.19.0", place="images/page/node.txt", rebuilds="page"),
    ]


def test_the_pins_of_this_checkout_name_the_images_that_they_rebuild() -> None:
    shipped = {pin.name: pin.rebuilds for pin in go_pins(PROJECT)}
    assert shipped["github.com/skycoin/skycoin"] == "skycoin"
    assert shipped["github.com/go-delve/delve"] == "skycoindev-cli"
    assert shipped["github.com/CycloneDX/cyclonedx-go"] == "images with Go programs"
    assert shipped["github.com/moby/buildkit"] == "no image"
    bases = [*base_pins()]
    assert [base.name.partition(":")[0] for base in bases] == [
        "docker.io/library/golang",
        "docker.io/library/busybox",
        "Go of that base",
    ]
    assert {base.rebuilds for base in bases} == {"every image"}


@pytest.mark.case(48)
def test_a_row_names_the_newer_version_or_says_that_it_is_unknown() -> None:
    pin = Pin(name="a", version="1.0.0", place="a/go.mod", rebuilds="a")
    for newest, said in (("1.0.0", "–"), ("1.0.1", "1.0.1"), (None, "unknown")):
        assert rows({pin: newest}) == [("a", "1.0.0", said, "a/go.mod", "a")]


def test_docker_build_has_one_version_as_sdk_and_as_plugin() -> None:
    """The program names the plugin's version, and Pulumi installs the plugin of each SDK that it finds."""
    pinned = {pin.name: pin.version for pin in (*python_pins(PROJECT), *go_pins(PROJECT))}
    versions = {pinned[name] for name in ("pulumi-docker-build", "github.com/pulumi/pulumi-docker-build")}
    assert versions == {DOCKER_BUILD_VERSION}


MODULES = """{"Path": "github.com/moby/buildkit", "Version": "v0.31.1", "Update": {"Version": "v0.34.2"}}
{"Path": "github.com/containernetworking/plugins", "Version": "v1.9.1"}
{"Path": "github.com/skycoin/skycoin", "Version": "v0.27.1", "Error": {"Err": "403 Forbidden"}}
"""


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> dict[str, str | None]:
    """Fake answers of Go and pip, by the last word of the command or by its folder."""
    said: dict[str, str | None] = {
        "go": "go 1.26.9 1.26.10 1.26.12 1.27.4 1.26rc1",
        "buildkit": MODULES,
        "json": json.dumps(
            [{"name": "types_pyyaml", "version": "6.0.1"}, {"name": "click", "version": "8.5.1"}]
        ),
        "--outdated": json.dumps([{"name": "types_pyyaml", "latest_version": "6.0.2"}]),
    }

    def output(argv: Sequence[str], **_: Any) -> str | None:
        key = Path(argv[2]).name if argv[1] == "-C" else argv[-1]
        return said.get(key)

    monkeypatch.setattr(release_pins, "output", output)
    monkeypatch.setattr(release_pins, "find_go", lambda _layout: "/go")
    monkeypatch.setattr(release_pins, "GO_VERSION", "1.26.11")
    return said


def table(*options: str) -> dict[str, str]:
    """First column → column NEWER."""
    done = CliRunner().invoke(pins, options, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    head, *lines = done.output.splitlines()
    start, end = head.index("NEWER"), head.index("IN  ")
    return {line.split("  ")[0]: line[start:end].strip() for line in lines}


def test_newer_versions_are_those_of_gos_proxy_and_pypi(answers: dict[str, str | None]) -> None:
    found = table()
    assert found["Go"] == "1.26.12", "the newest of the pinned minor version"
    assert found["github.com/moby/buildkit"] == "0.34.2"
    assert found["github.com/containernetworking/plugins"] == "–"
    assert found["types-PyYAML"] == "6.0.2", "PyPI takes - _ and . for the same"
    assert found["click"] == "–"
    for unknown in (
        "github.com/skycoin/skycoin",
        "pulumi",
        "code-server",
        "docker.io/library/busybox:1.37.0",
    ):
        assert found[unknown] == "unknown"


def test_on_request_only_outdated_pins_are_listed(answers: dict[str, str | None]) -> None:
    assert {*table("--newer")} == {"Go", "github.com/moby/buildkit", "types-PyYAML"}


def test_registries_that_do_not_answer_leave_all_versions_unknown(answers: dict[str, str | None]) -> None:
    answers.clear()
    assert {*table().values()} == {"unknown"}
    done = CliRunner().invoke(pins, ["--newer"])
    none = r"No newer version is known: 0 pins are up to date, and \d{2} could not be asked for\.\n"
    assert re.fullmatch(none, done.output), "silent registries looked like good news"
