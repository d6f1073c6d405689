"""A checkout and a home of the tests' own, with a set-up in the place of earlier versions or in none."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

MODULES = {
    "EARLIER": ("layout", "state_move", "pulumi_cli"),
    "PROJECT": ("checkout", "state_move", "stack", "setup_backup_journal"),
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
    """Places of the tests' own."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder, self._patch = folder, monkeypatch
        self.target = folder / "home" / "state" / "skycoin-infrastructure"
        monkeypatch.setenv("XDG_STATE_HOME", str(self.target.parent))
        monkeypatch.setenv("SKYCOIN_STATE", "")
        monkeypatch.setenv("SKYCOIN_CACHE", str(folder / "cache"))
        self.checkout = self.enter("checkout")

    def enter(self, name: str) -> Path:
        """Be in a checkout from now on."""
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
        """Make a set-up in a folder."""
        for name, text in FILES.items():
            (state / name).parent.mkdir(parents=True, exist_ok=True)
            (state / name).write_text(text)


def texts(folder: Path) -> dict[str, str]:
    """Name → text of the files that a set-up was made of."""
    return {name: (folder / name).read_text() for name in FILES if (folder / name).exists()}


class Killed(BaseException):
    """The end of the process."""


class Killer:
    """Ends the process at one of the calls that it counts, before or after that is made."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._patch = monkeypatch
        self._left = -1

    def watch(self, place: str, real: Callable[..., object]) -> None:
        """Count the calls of what is at a place."""

        def call(*given: object, **options: object) -> object:
            self._count()
            answer = real(*given, **options)
            self._count()
            return answer

        self._patch.setattr(place, call)

    def arm(self, calls: int) -> None:
        """End it after so many counts; with -1 never."""
        self._left = calls

    def _count(self) -> None:
        if self._left == 0:
            self._left = -1
            raise Killed
        self._left -= 1 if self._left > 0 else 0
