"""The copy of a wallet, with a fake engine. With a real one: tests/e2e/test_lifecycle.py."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from docker.errors import ImageNotFound, NotFound

from clients.fingerprint import SCRIPT as FINGERPRINT
from providers.kind import URN, Change, ProviderError, ReadResult, Values
from providers.skycoin import wallet_copy
from providers.skycoin.retired import Retired
from providers.skycoin.wallet_copy import DAMAGED, EMPTIED, SAME_SECOND, SCRIPT, SECONDS, copy_wallet

INPUTS: Values = {
    "host": "attic",
    "engine": "ssh://pi@attic.lan",
    "sshOptions": [],
    "wallet": "skycoin-one-wallet",
    "backups": "skycoin-one-wallet-backups",
    "newWallet": False,
}
IMAGE = "registry/skycoin@sha256:1"
NAME = "2026-01-02T03-04-05Z"
ONE = "urn:pulumi:fleet::skycoin::skycoin:index:Node$skycoin:index:NodeContainer::one-container"


@dataclass
class FakeEngine:
    """A docker client with one wallet volume; its containers exit with `code` and print `said`."""

    volumes: set[str] = field(default_factory=lambda: {"skycoin-one-wallet"})
    code: int = 0
    said: bytes = NAME.encode()
    pulled: list[str] = field(default_factory=list)
    asked: list[Values] = field(default_factory=list)
    removed: int = 0
    leftovers: list[str] = field(default_factory=list)
    runs: list[Values] = field(default_factory=list)
    """Running container that each look finds; afterwards none runs."""

    @property
    def api(self) -> "FakeEngine":
        return self

    @property
    def containers(self) -> "FakeEngine":
        return self

    def __call__(self, *, filters: Values, all: bool = False) -> list[Values]:  # noqa: A002 docker-py's name
        assert filters["label"] == "skycoin.copy=skycoin-one-wallet"
        if filters["status"] == ["running"]:
            return [self.runs.pop(0)] if self.runs else []
        assert (filters["status"], all) == (["created", "exited", "dead"], True)
        return [{"Id": name} for name in self.leftovers]

    def remove_container(self, name: str, v: bool, force: bool) -> None:
        assert not v
        assert not force, "one that is at work is left to end"
        self.leftovers.remove(name)

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

    def create_volume(self, name: str) -> None:
        self.volumes.add(name)

    def create(self, image: str, **options: Any) -> "FakeEngine":
        self.asked.append({"image": image, **options})
        return self

    def start(self) -> None:
        return None

    def wait(self, timeout: int) -> Values:
        assert timeout in (SECONDS, 120), "a copy; a run that gives a volume away"
        return {"StatusCode": self.code}

    def logs(self, tail: int) -> bytes:
        return self.said

    def remove(self, force: bool) -> None:
        self.removed += force


def copied(engine: FakeEngine, **inputs: Any) -> str:
    return copy_wallet(engine, {**INPUTS, **inputs}, IMAGE, datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))


def test_a_copy_is_made_by_the_nodes_image_with_the_wallet_mounted_read_only() -> None:
    engine = FakeEngine()
    assert copied(engine) == NAME
    assert engine.asked == [
        {
            "image": IMAGE,
            "command": ["sh", "-c", SCRIPT, "backup", NAME, "same-wallet", FINGERPRINT, "20"],
            "network_mode": "none",
            "read_only": True,
            "cap_drop": ["ALL"],
            "security_opt": ["no-new-privileges"],
            "mem_limit": "256m",
            "pids_limit": 128,
            "name": "skycoin-one-wallet-copying",
            "labels": {"skycoin.copy": "skycoin-one-wallet"},
            "volumes": {
                "skycoin-one-wallet": {"bind": "/wallet", "mode": "ro"},
                "skycoin-one-wallet-backups": {"bind": "/data", "mode": "rw"},
            },
        }
    ]
    assert engine.removed == 1


def test_a_copy_does_not_create_a_missing_wallet_volume() -> None:
    """Docker silently creates the volumes that a container mounts, so there would be an empty wallet."""
    engine = FakeEngine(volumes=set())
    assert copied(engine) == ""
    assert engine.asked == []


@pytest.mark.case(38)
def test_a_copy_that_a_killed_run_has_left_running_is_awaited(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before, both wrote into one folder, and the first to end gave the other's part of a copy a name."""
    monkeypatch.setattr(wallet_copy, "PAUSE", 0)
    running = {"Id": "1", "Names": ["/skycoin-one-wallet-copying"]}
    engine = FakeEngine(runs=[running, running], leftovers=["1"])
    assert copied(engine) == NAME
    assert (engine.runs, engine.leftovers) == ([], [])
    engine = FakeEngine(runs=[{"Id": "2", "Names": ["/a-copy-of-the-chain"]}, running])
    assert copied(engine) == NAME
    assert engine.runs == [running], "only a copy of the wallet is awaited"


def test_containers_of_killed_copies_are_removed_before_the_next_copy() -> None:
    """Before, a killed copy's container stayed forever, under a random name."""
    engine = FakeEngine(leftovers=["one", "two"])
    assert copied(engine) == NAME
    assert engine.leftovers == []


def test_a_second_copy_in_one_second_gets_the_name_of_the_next() -> None:
    """The wallet may have grown between the copy by the preflight and the one before the handover."""

    @dataclass
    class TwiceInASecond(FakeEngine):
        def create(self, image: str, **options: Any) -> FakeEngine:
            super().create(image, **options)
            self.code = SAME_SECOND if NAME in options["command"] else 0
            self.said = options["command"][4].encode()
            return self

    assert copied(TwiceInASecond()) == "2026-01-02T03-04-06Z"


def test_an_image_that_asks_for_another_name_without_end_is_refused() -> None:
    """Before, a container was made for each second from now on, until Python's stack was full."""

    @dataclass
    class EverySecond(FakeEngine):
        def create(self, image: str, **options: Any) -> FakeEngine:
            assert len(self.asked) < 100
            return super().create(image, **options)

    with pytest.raises(ProviderError, match="was not copied to"):
        copied(EverySecond(code=SAME_SECOND, said=b""))


def test_an_empty_wallet_has_no_copy() -> None:
    assert copied(FakeEngine(said=b"")) == ""


def test_a_wallet_as_in_the_newest_copy_answers_with_that_copy() -> None:
    engine = FakeEngine(said=b"a warning\n2025-12-01T00-00-00Z\nanother")
    assert copied(engine) == "2025-12-01T00-00-00Z"


def test_a_failed_copy_fails_the_step_before_the_container_is_touched() -> None:
    engine = FakeEngine(code=1, said=b"cp: can't open: Permission denied")
    with pytest.raises(ProviderError, match=r"'skycoin-one-wallet' was not copied .*Permission denied"):
        copied(engine)
    assert engine.removed == 1


def test_an_emptied_wallet_is_refused_with_its_copy_and_the_two_ways_on() -> None:
    """Before, the step succeeded, and the state then named no copy."""
    engine = FakeEngine(code=EMPTIED, said=NAME.encode())
    URN.set(ONE)
    with pytest.raises(ProviderError, match=rf"holds no wallet, but its copy {NAME} in ") as refused:
        copied(engine)
    assert f"`./skyinfra wallet restore one --copy {NAME} -s fleet`" in str(refused.value)
    assert "or, if you accept that the wallet is lost, set `new-wallet: true` on" in str(refused.value)


def test_new_wallet_is_passed_to_the_script() -> None:
    engine = FakeEngine(said=b"")
    assert copied(engine, newWallet=True) == ""
    assert engine.asked[0]["command"][5] == "new-wallet"


def test_a_damaged_wallet_file_is_refused_with_its_name() -> None:
    engine = FakeEngine(code=DAMAGED, said=b"2020_a.wlt")
    URN.set(ONE)
    with pytest.raises(ProviderError, match=r"2020_a\.wlt is empty, truncated or not a wallet") as refused:
        copied(engine)
    assert "Restore a copy (`./skyinfra wallet copies one -s fleet` lists them)" in str(refused.value)


def test_the_resource_of_version_0_1_0_only_leaves_the_state() -> None:
    """Its copies stay; the program neither inspects them nor creates such a resource again."""
    kind = Retired()
    kind.delete("id", {"backup": NAME})
    assert kind.diff({}, {"a": 1}, {"a": 2}) == Change()
    assert kind.read("id", {}, {"backup": NAME}) == ReadResult(
        identity="id", state={"backup": NAME}, inputs={}
    )
    assert kind.update("id", {"backup": NAME}, {}) == {"backup": NAME}
    assert kind.check("x", {}, {}).failures
    with pytest.raises(ProviderError, match="this program no longer creates it"):
        kind.create({})
