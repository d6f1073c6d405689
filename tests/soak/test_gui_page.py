"""The wallet page of a node with `gui: true`, in a real browser; docs/pictures/gui.png shows it."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.e2e.browser import Page, browser
from tests.e2e.machine import Machine
from tests.e2e.test_hosts import login_of
from tests.e2e.test_wallet_identity import SEED

PORT = 16494
AT = f"127.0.0.1:{PORT}"
URL = f"http://{AT}"
LABEL = "Savings"
PICTURE = os.environ.get("SKYCOIN_PICTURE")
"""File for a picture of the page, to look at."""


@pytest.fixture
def node(up: Machine) -> Iterator[None]:
    """The stack with a node that serves its page; restored afterwards."""
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
    user, password = login_of(up, "page")
    address = made_wallet((user, password))
    with browser(up.layout, tmp_path / "profile") as page:
        page.call("Page.navigate", url=f"http://{user}:{password}@{AT}/")
        choose_english(page)
        page.shows(f"document.body.innerText.includes('{LABEL}')", "the wallet by its label")
        page.value(f"{with_text('.-record, .-label', LABEL)}.click()")
        page.shows(f"document.body.innerText.includes('{address}')", "its first address")
        page.picture(Path(PICTURE) if PICTURE else tmp_path / "page.png")


def made_wallet(login: tuple[str, str]) -> str:
    """Create a wallet as the page does; return its first address."""
    token = requests.get(f"{URL}/api/v1/csrf", auth=login, timeout=30).json()["csrf_token"]
    fields = {"type": "deterministic", "seed": SEED, "label": LABEL}
    made = requests.post(
        f"{URL}/api/v1/wallet/create",
        data=fields,
        auth=login,
        headers={"X-CSRF-Token": token, "Origin": URL},
        timeout=60,
    )
    return str(made.json()["entries"][0]["address"])


def choose_english(page: Page) -> None:
    """Answer the page's first question, which is for a language."""
    english = with_text("button", "English")
    page.shows(f"{english} !== undefined", "the page asks for a language")
    page.value(f"{english}.click()")


def with_text(selector: str, text: str) -> str:
    """Script that returns the first such element that contains this text."""
    return f"[...document.querySelectorAll('{selector}')].find(one => one.innerText.includes('{text}'))"
