"""VS Code's page of an opened workspace, in a real browser: it asks for the password and shows the folder."""

import os
import shutil
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.browser import Page, browser
from tests.e2e.machine import Machine
from tests.e2e.workspaces import GID, PROJECTS, UID, project

NAME = "skycoin-workspace-vscode"
PORT = 16493
URL = f"http://127.0.0.1:{PORT}"
PICTURE = os.environ.get("SKYCOIN_PICTURE")
"""File for a picture of the page, to look at."""


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    made = project("page")
    (made / "main.go").write_text('package main\n\nfunc main() {\n\tprintln("hello, Skycoin")\n}\n')
    os.chown(made / "main.go", UID, GID)
    yield made
    shutil.rmtree(PROJECTS)


@pytest.fixture(scope="module")
def opened(machine: Machine, folder: Path) -> Iterator[Any]:
    """Output of opening the workspace vscode."""
    # The port is the tests' own: `make workspace` sets its own keys, and leaves the rest of the file.
    example = (machine.checkout / "stacks" / "workspace.example.yaml").read_text()
    setting = f"  skycoin:workspaces: {{vscode: {{open: {{port: {PORT}}}}}}}\n"
    (machine.checkout / "stacks" / "Pulumi.workspace-vscode.yaml").write_text(example + setting)
    person = {"SUDO_UID": str(UID), "SUDO_GID": str(GID)}
    result = machine.run("make", "workspace", "NAME=vscode", f"FOLDER={folder}", env=person)
    assert result.code == 0, result.text
    assert f"  {URL}/?folder=/work   the password: docker exec" in result.text
    yield result.text
    assert machine.make("destroy", "STACK=workspace-vscode").code == 0
    assert machine.docker("volume", "rm", f"{NAME}-home").code == 0


def config(machine: Machine) -> str:
    """Mode, owner and content of the page's settings, which hold the password."""
    path = "/home/developer/.config/code-server/config.yaml"
    result = machine.docker("exec", NAME, "sh", "-c", f"stat -c %a:%u {path} && cat {path}")
    assert result.code == 0, result.text
    return result.text


@pytest.mark.usefixtures("opened")
def test_the_page_is_on_loopback_and_asks_for_a_password(machine: Machine) -> None:
    bindings = machine.inspect("container", NAME)["HostConfig"]["PortBindings"]
    assert bindings == {"8080/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(PORT)}]}
    with urllib.request.urlopen(f"{URL}/?folder=/work", timeout=30) as answer:
        assert "/login" in answer.url
        assert b'name="password"' in answer.read()


def test_the_password_is_private_and_nowhere_but_in_the_home(machine: Machine, opened: str) -> None:
    """The password is not in the state, nor in the container's settings, logs or processes."""
    text = config(machine)
    assert text.startswith(f"600:{UID}\n")
    password = text.partition("password: ")[2].split()[0]
    assert len(password) > 40
    state = machine.layout.state / "backend" / ".pulumi"
    for path in (path for path in state.rglob("*") if path.is_file()):
        assert password not in path.read_text(errors="replace"), path
    seen = machine.docker(
        "exec", NAME, "sh", "-c", "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null"
    )
    for text in (opened, machine.docker("inspect", NAME).text, machine.docker("logs", NAME).text, seen.text):
        assert password not in text


def test_the_folder_is_edited_in_a_real_browser(machine: Machine, opened: str, tmp_path: Path) -> None:
    assert URL in opened
    password = config(machine).partition("password: ")[2].split()[0]
    with browser(machine.layout, tmp_path / "profile") as page:
        page.call("Page.navigate", url=f"{URL}/?folder=/work")
        page.shows("document.querySelector('input[name=password]') !== null", "the page asks for a password")
        page.value(f"document.querySelector('input[name=password]').value = '{password}'")
        page.value("document.querySelector('form').submit()")
        sees_the_folder(page)
        page.picture(Path(PICTURE) if PICTURE else tmp_path / "page.png")


def sees_the_folder(page: Page) -> None:
    """Wait until the workbench's explorer lists the file in the folder."""
    page.shows("document.querySelector('.monaco-workbench') !== null", "the workbench", seconds=120)
    page.shows("document.body.innerText.includes('main.go')", "the explorer lists main.go", seconds=120)
