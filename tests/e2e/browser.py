"""Debian's Chromium, headless, driven over a pipe by the DevTools protocol."""

import base64
import itertools
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from local.machine.layout import Layout
from local.machine.packages import ensure_packages
from tests.e2e.plugin import until

FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--window-size=1280,800", "--remote-debugging-pipe", "about:blank"),
)


class Page:
    """A page of a running browser."""

    def __init__(self, to: IO[bytes], said: IO[bytes]) -> None:
        self._to, self._said, self._numbers = to, said, itertools.count(1)
        self._session: str | None = None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]

    def call(self, method: str, **parameters: Any) -> Any:
        """Call a method of the protocol, and return its result."""
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        self._to.write(json.dumps(message).encode() + b"\0")
        self._to.flush()
        # Events may arrive in between; nothing here waits for them.
        while (answer := self._next()).get("id") != number:
            pass
        assert "error" not in answer, answer
        return answer["result"]

    def _next(self) -> dict[str, Any]:
        text = bytearray()
        while (byte := self._said.read(1)) != b"\0":
            assert byte, "the browser ended"
            text += byte
        found: dict[str, Any] = json.loads(text)
        return found

    def value(self, script: str) -> Any:
        """Evaluate a script in the page, and return its value."""
        return self.call("Runtime.evaluate", expression=script, returnByValue=True)["result"].get("value")

    def shows(self, script: str, what: str, *, seconds: float = 60) -> None:
        """Wait until a script evaluates to true in the page."""
        until(lambda: self.value(script) is True, what, seconds=seconds)

    def click(self, selector: str, text: str, *, seconds: float = 60) -> None:
        """Wait for the first such element that contains this text and is not disabled, and click on it."""
        element = with_text(f":is({selector}):not(:disabled)", text)
        self.shows(f"{element} !== undefined", f"{text!r} on the page", seconds=seconds)
        self.value(f"{element}.click()")

    def enter(self, selector: str, text: str) -> None:
        """Type into an element."""
        self.value(f"document.querySelector('{selector}').focus()")
        self.call("Input.insertText", text=text)

    def picture(self, path: Path) -> None:
        """Save a screenshot of the page as a PNG file."""
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))


def with_text(selector: str, text: str) -> str:
    """Script that returns the first such element that contains this text."""
    return f"[...document.querySelectorAll('{selector}')].find(one => one.innerText.includes('{text}'))"


@contextmanager
def browser(layout: Layout, profile: Path) -> Iterator[Page]:
    """Run a browser with this folder as its profile, and stop it afterwards."""
    ensure_packages(layout, "the browser test", ["chromium"])
    # The protocol fixes the file descriptors: the browser reads from 3 and writes to 4.
    there, to = os.pipe()
    said, back = os.pipe()
    command = [shutil.which("chromium") or "chromium", f"--user-data-dir={profile}", *FLAGS]
    script = f'exec 3<&{there} 4>&{back}; exec "$@"'
    process = subprocess.Popen(
        ["bash", "-c", script, "bash", *command],
        pass_fds=(there, back),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(there)
    os.close(back)
    try:
        with os.fdopen(to, "wb") as sending, os.fdopen(said, "rb") as reading:
            yield Page(sending, reading)
    finally:
        process.terminate()
        process.wait(timeout=30)
