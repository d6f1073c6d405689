"""The workspaces that `make test` does not build, each with its Docker engine, in use.

The client libraries' own sources can't be downloaded here; small libraries of the same kind stand in.
"""

import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from catalogue.workspaces import PYTHONS, WORKSPACES
from tests.e2e.machine import Machine
from tests.e2e.plugin import until
from tests.e2e.workspaces import GID, UID, Workspace, load_busybox, open_workspace, publish, started

LIMITS = {name: 1300 if name == "vscode" else 1050 for name in WORKSPACES}
DIND_LIMIT = 1300
"""Limit in MB for all files, on amd64."""
EMULATED = tuple(name for name in WORKSPACES if name != "vscode")
"""Built for arm64 too. For vscode, npm would compile native modules under emulation, which is not tried."""
BUILD_SECONDS = 3 * 3600

GO_LIBRARY = """\
package main

import "C"

//export SKY_answer
func SKY_answer() C.int { return 42 }

func main() {}
"""
SWIG = """\
%module sky
%{ extern int SKY_answer(void); %}
extern int SKY_answer(void);
"""
PYTHON_BUILD = """\
set -e
go build -buildmode=c-archive -o libsky.a sky.go
swig -python sky.i
gcc -shared -fPIC $(python -c 'import sysconfig; print("-I" + sysconfig.get_config_var("INCLUDEPY"))') \\
    -o _sky.so sky_wrap.c libsky.a -lpthread
python -c 'import sky; print(sky.SKY_answer())'
"""
C_PROGRAM = """\
set -e
uname -m
echo 'int main(void) { return 42; }' > made.c
gcc -o made made.c
./made || echo $?
go version
"""
C_SHARP = """\
using System;
using System.Runtime.InteropServices;

class Program {
    [DllImport("sky")] static extern int SKY_answer();
    static void Main() { Console.WriteLine(SKY_answer()); }
}
"""
C_SHARP_BUILD = """\
set -e
go build -buildmode=c-shared -o libsky.so sky.go
mcs program.cs
LD_LIBRARY_PATH=. mono program.exe
"""


@pytest.fixture(scope="module")
def workspaces(up: Machine) -> Iterator[Mapping[str, Any]]:
    """All workspaces, published; the stack is restored afterwards."""
    before = up.settings()
    yield publish(
        up, {name: {"arches": ["amd64"], "dind": True} for name in WORKSPACES}, timeout=BUILD_SECONDS
    )
    up.change(before)
    result = up.make("up")
    assert result.code == 0, result.text


def write(workspace: Workspace, **files: str) -> None:
    """Write files of the person; in the names, `_` stands for the dot."""
    for name, text in files.items():
        path = workspace.folder / name.replace("_", ".")
        path.write_text(text)
        os.chown(path, UID, GID)


@pytest.mark.parametrize("name", WORKSPACES)
def test_sizes_are_those_of_the_readme_and_within_their_limits(
    up: Machine, workspaces: Mapping[str, Any], name: str
) -> None:
    workspace = open_workspace(up, workspaces[name], f"size-{name}")
    text = (up.checkout / WORKSPACES[name].context / "README.md").read_text()
    for tag, limit in (("develop", LIMITS[name]), ("develop-dind", DIND_LIMIT)):
        matches = re.findall(rf"`{tag}` ([0-9]+) MB", text)
        size = workspace.unpacked(tag)
        assert len(matches) == 1, f"{tag}: {size:.0f} MB"
        assert abs(size - float(matches[0])) < 0.05 * size, f"{tag}: {size:.0f} MB"
        assert size <= limit


@pytest.mark.parametrize("name", WORKSPACES)
def test_docker_works_inside_every_sibling(up: Machine, workspaces: Mapping[str, Any], name: str) -> None:
    workspace = open_workspace(up, workspaces[name], f"dind-{name}")
    with started(workspace, "develop-dind", f"soak-{name}") as container:
        imported = load_busybox(up, container)
        assert imported.code == 0, imported.text
        run = ("docker", "run", "--rm", "--network", "none", "inside/busybox:1", "echo", "hello")
        said = up.docker("exec", "--user", f"{UID}:{GID}", container, *run)
        assert said.text.strip() == "hello", said.text


def test_mono_compiles_and_calls_a_library_of_go(up: Machine, workspaces: Mapping[str, Any]) -> None:
    workspace = open_workspace(up, workspaces["dotnet"], "dotnet")
    write(workspace, sky_go=GO_LIBRARY, program_cs=C_SHARP)
    result = workspace.as_person("develop", "sh", "-c", C_SHARP_BUILD)
    assert result.text.splitlines()[-1] == "42", result.text


def test_the_editors_page_asks_for_its_password(up: Machine, workspaces: Mapping[str, Any]) -> None:
    workspace, name = open_workspace(up, workspaces["vscode"], "vscode"), "soak-page"
    mount = f"type=bind,source={workspace.folder},target=/work"
    options = ("--network", "none", "--user", f"{UID}:{GID}", "--mount", mount)
    result = up.docker("run", "--detach", "--name", name, *options, workspace.ref("develop"))
    try:
        assert result.code == 0, result.text
        url = "http://127.0.0.1:8080/"
        ask = ("exec", name, "curl", "--silent", "--location", "--write-out", "%{url_effective}", url)
        until(lambda: up.docker(*ask).code == 0, "the page answers", seconds=60)
        assert "/login" in up.docker(*ask).text.splitlines()[-1]
        made = up.docker("exec", name, "stat", "-c", "%u", "/home/developer/.config/code-server/config.yaml")
        assert made.text.strip() == str(UID)
    finally:
        up.docker("rm", "--force", name)


@pytest.fixture(scope="module")
def arm64(up: Machine, workspaces: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The workspaces of EMULATED for arm64, without nested engines."""
    assert workspaces
    before = up.settings()
    yield publish(up, {name: {"arches": ["arm64v8"]} for name in EMULATED}, timeout=BUILD_SECONDS)
    up.change(before)


@pytest.mark.parametrize("name", EMULATED)
def test_an_arm64_workspace_compiles_and_belongs_to_the_person(
    up: Machine, arm64: Mapping[str, Any], name: str
) -> None:
    """The workspace runs under emulation, as its build did."""
    # Referenced by variant, since the engine looks for its own platform in a list.
    tags = {tag: entry["variants"]["arm64v8"] for tag, entry in arm64[name].items()}
    workspace = open_workspace(up, tags, f"arm64-{name}")
    lines = workspace.as_person("develop", "sh", "-c", C_PROGRAM).text.splitlines()
    assert lines[-3:-1] == ["aarch64", "42"], lines
    assert lines[-1].endswith(" linux/arm64"), lines
    assert (workspace.folder / "made").stat().st_uid == UID


@pytest.mark.parametrize("version", PYTHONS)
def test_a_python_workspace_wraps_a_library_of_go(up: Machine, version: str) -> None:
    before = up.settings()
    try:
        tags = publish(up, {"python": {"arches": ["amd64"], "python": version}}, timeout=BUILD_SECONDS)[
            "python"
        ]
        [tag] = tags
        assert tag == ("develop" if version == "3.11" else f"develop-py{version}")
        workspace = open_workspace(up, tags, f"python-{version}")
        write(workspace, sky_go=GO_LIBRARY, sky_i=SWIG)
        assert f"Python {version}." in workspace.as_person(tag, "python", "--version").text
        assert workspace.as_person(tag, "python", "-m", "pip", "--version").code == 0
        result = workspace.as_person(tag, "sh", "-c", PYTHON_BUILD)
        assert result.text.splitlines()[-1] == "42", result.text
        make = "virtualenv --quiet -p python2.7" if version == "2.7" else "python -m venv"
        script = f"{make} env && env/bin/python -c 'import sys; print(sys.prefix)' && env/bin/pip --version"
        made = workspace.as_person(tag, "sh", "-c", script)
        assert made.text.splitlines()[-2] == "/work/env", made.text
        matches = re.findall(
            rf"`{tag}` ([0-9]+) MB", (up.checkout / "images/skycoindev-python/README.md").read_text()
        )
        size = workspace.unpacked(tag)
        assert len(matches) == 1, f"{tag}: {size:.0f} MB"
        assert abs(size - float(matches[0])) < 0.05 * size, f"{tag}: {size:.0f} MB"
    finally:
        up.change(before)
