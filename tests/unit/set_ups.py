"""A checkout and a home of the tests' own; `fill` makes a set-up, also where earlier versions kept it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

MODULES = {
    "EARLIER": ("machine.layout", "state_move", "pulumi.cli"),
    "PROJECT": (
        "stacks.checkout",
        "state_move",
        "stacks.files",
        "stacks.stack",
        "stacks.setup_backup_journal",
    ),
}
STATE = json.dumps({"checkpoint": {"latest": {"resources": [{"urn": "one"}]}}})
FILES = {
    "passphrase": "secret",
    "certificates/ca.crt": "ca",
    "backend/.pulumi/stacks/skycoin/local.json": STATE,
    "registry/blob": "bytes",
    "logs/pulumi.log": "log",
}


class Home:
    """A home and checkouts in a temporary folder."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder, self._patch = folder, monkeypatch
        self.target = folder / "home" / "state" / "skycoin-infrastructure"
        monkeypatch.setenv("XDG_STATE_HOME", str(self.target.parent))
        monkeypatch.setenv("SKYCOIN_STATE", "")
        monkeypatch.setenv("SKYCOIN_CACHE", str(folder / "cache"))
        self.checkout = self.enter("checkout")

    def enter(self, name: str) -> Path:
        """Create a checkout, and use it from now on."""
        checkout = self._folder / name
        (checkout / "stacks").mkdir(parents=True, exist_ok=True)
        (checkout / "Pulumi.yaml").touch()
        for constant, modules in MODULES.items():
            path = checkout / "local" / "state" if constant == "EARLIER" else checkout
            for module in modules:
                self._patch.setattr(f"local.{module}.{constant}", path)
        self.checkout = checkout
        return checkout

    @property
    def earlier(self) -> Path:
        return self.checkout / "local" / "state"

    @property
    def stack_file(self) -> Path:
        return self.checkout / "stacks" / "Pulumi.local.yaml"

    def fill(self, state: Path) -> None:
        """Fill a folder with the files of a set-up."""
        for name, text in FILES.items():
            (state / name).parent.mkdir(parents=True, exist_ok=True)
            (state / name).write_text(text)


def texts(folder: Path) -> dict[str, str]:
    """File name → text, for the files that `fill` writes."""
    return {name: (folder / name).read_text() for name in FILES if (folder / name).exists()}


class Killed(BaseException):
    """The end of the process, as an exception."""


class Killer:
    """A means to end the process at a counted call, before or after the call is made."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._patch = monkeypatch
        self._left = -1

    def watch(self, place: str, real: Callable[..., object]) -> None:
        """Count the calls of the function at this import path."""

        def call(*given: object, **options: object) -> object:
            self._count()
            answer = real(*given, **options)
            self._count()
            return answer

        self._patch.setattr(place, call)

    def arm(self, calls: int) -> None:
        """End the process after this many counts, of which each call makes two; -1 means never."""
        self._left = calls

    def _count(self) -> None:
        if self._left == 0:
            self._left = -1
            raise Killed
        self._left -= 1 if self._left > 0 else 0
