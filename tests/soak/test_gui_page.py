"""The wallet's page of a node with `gui: true`, in a real browser: docs/pictures/gui.png is taken from it."""

import json
import os
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.browser import Page, browser
from tests.e2e.machine import Machine
from tests.e2e.test_wallet_identity import SEED

PORT = 16494
URL = f"http://127.0.0.1:{PORT}"
LABEL = "Savings"
PICTURE = os.environ.get("SKYCOIN_PICTURE")
"""File for the page's picture, for whoever wants to look at it."""


@pytest.fixture
def node(up: Machine) -> Iterator[None]:
    """The stack with a node that serves its page; afterwards as it was."""
    before = up.settings()
    page = {"image": "skycoin", "host": "here", "rpc-port": PORT, "gui": True}
    up.change({**before, "skycoin:nodes": {**before["skycoin:nodes"], "page": page}})
    result = up.make("up")
    assert result.code == 0, result.text
    yield
    assert up.make("retire", "NODE=page").code == 0
    up.change(before)


@pytest.mark.usefixtures("node")
def test_a_wallet_is_seen_on_the_page(up: Machine, tmp_path: Path) -> None:
    address = made_wallet()
    with browser(up.layout, tmp_path / "profile") as page:
        page.call("Page.navigate", url=URL)
        choose_english(page)
        page.shows(f"document.body.innerText.includes('{LABEL}')", "the wallet by its label")
        page.value(f"{with_text('.-record, .-label', LABEL)}.click()")
        page.shows(f"document.body.innerText.includes('{address}')", "its first address")
        page.picture(Path(PICTURE) if PICTURE else tmp_path / "page.png")


def made_wallet() -> str:
    """Make a wallet as the page does; its first address."""
    with urllib.request.urlopen(f"{URL}/api/v1/csrf", timeout=30) as answer:
        token = json.load(answer)["csrf_token"]
    fields = {"type": "deterministic", "seed": SEED, "label": LABEL}
    request = urllib.request.Request(
        f"{URL}/api/v1/wallet/create",
        data=urllib.parse.urlencode(fields).encode(),
        headers={"X-CSRF-Token": token},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return str(json.load(answer)["entries"][0]["address"])


def choose_english(page: Page) -> None:
    """Answer the question that the page begins with."""
    english = with_text("button", "English")
    page.shows(f"{english} !== undefined", "the page asks for a language")
    page.value(f"{english}.click()")


def with_text(selector: str, text: str) -> str:
    """Script whose value is the first such element that has this text."""
    return f"[...document.querySelectorAll('{selector}')].find(one => one.innerText.includes('{text}'))"
