"""The wallet's backup, with an engine that says what a test wants. For real: tests/e2e/test_lifecycle.py."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from docker.errors import ImageNotFound, NotFound

from providers.base import Change, ProviderError, Values
from providers.skycoin.wallet_backup import DAMAGED, EMPTIED, SCRIPT, SECONDS, WalletBackup
from providers.skycoin.wallet_backup import INPUTS as KNOWN

INPUTS: Values = {
    "host": "attic",
    "engine": "ssh://pi@attic.lan",
    "sshOptions": [],
    "image": "registry/skycoin@sha256:1",
    "wallet": "skycoin-one-wallet",
    "backups": "skycoin-one-wallet-backups",
    "newWallet": False,
    "settings": "1",
}
NAME = "2026-01-02T03-04-05Z"


@dataclass
class FakeEngine:
    """A docker client with one wallet volume; what it runs ends with `code` and says `said`."""

    volumes: set[str] = field(default_factory=lambda: {"skycoin-one-wallet"})
    code: int = 0
    said: bytes = NAME.encode()
    pulled: list[str] = field(default_factory=list)
    asked: list[Values] = field(default_factory=list)
    removed: int = 0

    @property
    def api(self) -> "FakeEngine":
        return self

    @property
    def containers(self) -> "FakeEngine":
        return self

    def inspect_image(self, image: str) -> Values:
        if image not in self.pulled:
            raise ImageNotFound(image)
        return {"Id": image}

    def pull(self, image: str, **options: Any) -> list[Values]:
        self.pulled.append(image)
        return []

    def inspect_volume(self, name: str) -> None:
        if name not in self.volumes:
            raise NotFound(name)

    def create(self, image: str, **options: Any) -> "FakeEngine":
        self.asked.append({"image": image, **options})
        return self

    def start(self) -> None:
        return None

    def wait(self, timeout: int) -> Values:
        assert timeout == SECONDS
        return {"StatusCode": self.code}

    def logs(self, tail: int) -> bytes:
        return self.said

    def remove(self, force: bool) -> None:
        self.removed += force


def backup(engine: FakeEngine) -> WalletBackup:
    return WalletBackup(lambda _: engine, lambda: datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))


def test_a_copy_is_made_by_the_nodes_image_with_the_wallet_read_only() -> None:
    engine = FakeEngine()
    identity, state = backup(engine).create(INPUTS)
    assert (identity, state) == ("attic/skycoin-one-wallet-backups", {**INPUTS, "backup": NAME})
    assert engine.asked == [
        {
            "image": INPUTS["image"],
            "command": ["sh", "-c", SCRIPT, "backup", NAME, "same-wallet"],
            "network_mode": "none",
            "read_only": True,
            "cap_drop": ["ALL"],
            "security_opt": ["no-new-privileges"],
            "volumes": {
                "skycoin-one-wallet": {"bind": "/wallet", "mode": "ro"},
                "skycoin-one-wallet-backups": {"bind": "/data", "mode": "rw"},
            },
        }
    ]
    assert engine.removed == 1


def test_a_wallet_that_is_not_there_is_not_made_by_its_backup() -> None:
    """A container that names a volume makes it: an empty wallet, silently."""
    engine = FakeEngine(volumes=set())
    assert backup(engine).update("", {}, INPUTS)["backup"] == ""
    assert engine.asked == []


def test_an_empty_wallet_has_no_copy() -> None:
    assert backup(FakeEngine(said=b"")).update("", {}, INPUTS)["backup"] == ""


def test_a_wallet_as_in_the_newest_copy_answers_with_that_copy() -> None:
    engine = FakeEngine(said=b"a warning\n2025-12-01T00-00-00Z\nanother")
    assert backup(engine).update("", {}, INPUTS)["backup"] == "2025-12-01T00-00-00Z"


def test_a_failed_copy_fails_the_step_before_the_container_is_touched() -> None:
    engine = FakeEngine(code=1, said=b"cp: can't open: Permission denied")
    with pytest.raises(ProviderError, match=r"'skycoin-one-wallet' was not backed up .*Permission denied"):
        backup(engine).update("", {}, INPUTS)
    assert engine.removed == 1


def test_an_emptied_wallet_is_refused_with_its_copy_and_the_two_ways_on() -> None:
    """C1: the step ended well, and the state's copy went from a name to nothing."""
    engine = FakeEngine(code=EMPTIED, said=NAME.encode())
    with pytest.raises(
        ProviderError, match=rf"holds no wallet, but its copy {NAME} in .* `new-wallet: true`"
    ):
        backup(engine).update("", {}, INPUTS)


def test_a_wallet_that_may_be_new_is_said_to_the_script() -> None:
    engine = FakeEngine(said=b"")
    assert backup(engine).update("", {}, {**INPUTS, "newWallet": True})["backup"] == ""
    assert engine.asked[0]["command"][-1] == "new-wallet"


def test_a_damaged_wallet_file_is_refused_by_its_name() -> None:
    engine = FakeEngine(code=DAMAGED, said=b"2020_a.wlt")
    with pytest.raises(ProviderError, match=r"2020_a\.wlt is empty, cut short or not a wallet"):
        backup(engine).update("", {}, INPUTS)


@pytest.mark.parametrize("key", KNOWN)
def test_whatever_changes_makes_a_copy_first(key: str) -> None:
    assert backup(FakeEngine()).diff({}, INPUTS, {**INPUTS, key: "other"}) == Change(updates=(key,))


def test_a_state_that_knows_no_new_wallet_is_not_changed_by_it() -> None:
    old = {key: value for key, value in INPUTS.items() if key != "newWallet"}
    assert backup(FakeEngine()).diff({}, old, INPUTS) == Change()


def test_nothing_changed_copies_nothing() -> None:
    assert backup(FakeEngine()).diff({}, INPUTS, INPUTS) == Change()


def test_refresh_and_delete_touch_no_engine() -> None:
    engine = FakeEngine()
    state = {**INPUTS, "backup": NAME}
    found = backup(engine).read("id", INPUTS, state)
    assert found is not None
    assert (found.identity, found.state, found.inputs) == ("id", state, INPUTS)
    backup(engine).delete("id", state)
    assert (engine.asked, engine.removed) == ([], 0)


def test_unknown_inputs_are_refused() -> None:
    assert backup(FakeEngine()).check("x", {}, {**INPUTS, "colour": 1}).failures == [
        ("colour", "no such input")
    ]
