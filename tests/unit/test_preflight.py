"""The preflight's decisions, with an engine that says what a test wants. The real one: tests/e2e."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from docker.errors import ImageNotFound, NotFound

from clients.errors import ServiceError
from providers.base import Change, ProviderError, Values
from providers.skycoin.preflight import RUNS, Preflight

INPUTS: Values = {
    "host": "attic",
    "engine": "ssh://pi@attic.lan",
    "sshOptions": [],
    "image": "registry/skycoin@sha256:1",
    "platform": "linux/arm64/v8",
    "emulation": "refused",
    "probe": ["skycoin-cli", "version"],
    "wallet": "skycoin-one-wallet",
    "newWallet": False,
}


@dataclass
class Container:
    """A probe that ends with a code and says something."""

    code: int
    said: bytes
    removed: bool = False

    def start(self) -> None:
        return None

    def wait(self, timeout: int) -> Values:
        return {"StatusCode": self.code, "Timeout": timeout}

    def logs(self, tail: int) -> bytes:
        return self.said[: tail * 80]

    def remove(self, force: bool) -> None:
        self.removed = force


@dataclass
class FakeEngine:
    """As much of a docker client as the preflight uses."""

    machine: str = "aarch64"
    volumes: set[str] = field(default_factory=set)
    probe: Container = field(default_factory=lambda: Container(0, b"ok"))
    asked: list[Values] = field(default_factory=list)
    pulled: list[Values] | None = None
    """What a pull says; None: the image is there."""

    @property
    def api(self) -> "FakeEngine":
        return self

    @property
    def containers(self) -> "FakeEngine":
        return self

    def info(self) -> Values:
        return {"Architecture": self.machine}

    def version(self) -> Values:
        return {"Version": "20.10.24"}

    def inspect_image(self, image: str) -> Values:
        if self.pulled is not None:
            raise ImageNotFound(image)
        return {"Id": image}

    def pull(self, image: str, **options: Any) -> list[Values]:
        return self.pulled or []

    def create(self, image: str, **options: Any) -> Container:
        self.asked.append({"image": image, **options})
        return self.probe

    def create_volume(self, name: str) -> None:
        self.volumes.add(name)

    def inspect_volume(self, name: str) -> Values:
        if name not in self.volumes:
            raise NotFound(name)
        return {"CreatedAt": "2026-01-01T00:00:00Z"}


def preflight(engine: FakeEngine) -> Preflight:
    return Preflight(lambda _: engine)


def test_first_time_the_wallet_volume_is_made_and_remembered() -> None:
    engine = FakeEngine()
    identity, state = preflight(engine).create(INPUTS)
    assert identity == "attic/skycoin-one-wallet"
    assert engine.volumes == {"skycoin-one-wallet"}
    assert (state["runs"], state["walletPresent"]) == ("native", True)
    assert engine.probe.removed


def test_probe_gets_no_network_no_rights_and_no_volume() -> None:
    engine = FakeEngine()
    preflight(engine).create(INPUTS)
    [asked] = engine.asked
    assert asked == {
        "image": INPUTS["image"],
        "command": INPUTS["probe"],
        "network_mode": "none",
        "read_only": True,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
    }


@pytest.mark.parametrize(
    ("machine", "platform", "native"),
    [
        ("x86_64", "linux/amd64", True),
        ("x86_64", "linux/arm/v7", False),
        ("aarch64", "linux/arm/v6", True),
        ("armv7l", "linux/arm64/v8", False),
        ("armv6l", "linux/arm/v7", False),
        ("armv6l", "linux/arm/v6", True),
        ("riscv64", "linux/amd64", False),
        ("x86_64", None, True),
    ],
)
def test_foreign_variants_are_refused_unless_emulation_is_allowed(
    machine: str, platform: str | None, native: bool
) -> None:
    inputs = {**INPUTS, "platform": platform}
    _, state = preflight(FakeEngine(machine)).create({**inputs, "emulation": "allowed"})
    assert state["runs"] == ("native" if native else "emulated")
    if native:
        assert preflight(FakeEngine(machine)).create(inputs)
        return
    engine = FakeEngine(machine)
    with pytest.raises(ProviderError, match=f"host attic is {machine} and does not run {platform}"):
        preflight(engine).create(inputs)
    assert not engine.volumes, "nothing is made on a host that fails"
    assert not engine.asked


def test_every_arm_processor_runs_what_older_ones_run() -> None:
    assert set(RUNS["armv6l"]) < set(RUNS["armv7l"]) < set(RUNS["aarch64"])


def test_missing_binfmt_is_explained() -> None:
    engine = FakeEngine("x86_64", probe=Container(1, b"exec format error"))
    with pytest.raises(ProviderError, match="install qemu-user-static"):
        preflight(engine).create({**INPUTS, "emulation": "allowed"})
    assert engine.probe.removed


def test_a_wallet_found_gone_stops_the_preview_until_it_may_be_new() -> None:
    engine = FakeEngine()
    _, state = preflight(engine).create(INPUTS)
    engine.volumes.clear()
    found = preflight(engine).read("attic", INPUTS, state)
    assert found is not None
    assert found.state["walletPresent"] is False
    with pytest.raises(ProviderError, match="'skycoin-one-wallet' on host attic is gone"):
        preflight(engine).diff(found.state, INPUTS, INPUTS)
    allowed = {**INPUTS, "newWallet": True}
    assert preflight(engine).diff(found.state, INPUTS, allowed) == Change(updates=("newWallet", "wallet"))


def test_an_update_never_makes_a_wallet_that_was_there() -> None:
    engine = FakeEngine()
    _, state = preflight(engine).create(INPUTS)
    engine.volumes.clear()
    upgrade = {**INPUTS, "image": "registry/skycoin@sha256:2"}
    with pytest.raises(ProviderError, match="is gone"):
        preflight(engine).update("attic", state, upgrade)
    assert not engine.volumes
    assert preflight(engine).update("attic", state, {**upgrade, "newWallet": True})["walletPresent"]


def test_a_node_does_not_move_to_another_engine_without_its_wallet() -> None:
    """The volume would be made empty there, and the container stay where it is."""
    moved = {**INPUTS, "host": "shed", "engine": "ssh://pi@shed.lan"}
    with pytest.raises(ProviderError, match=r"moved from ssh://pi@attic\.lan to ssh://pi@shed\.lan"):
        preflight(FakeEngine()).diff({"walletPresent": True}, INPUTS, moved)
    with pytest.raises(ProviderError, match="this machine's engine"):
        preflight(FakeEngine()).diff({"walletPresent": True}, INPUTS, {**INPUTS, "engine": None})


def test_a_pull_that_ends_in_the_middle_says_why() -> None:
    """The engine answers 200, and the error is a line of the answer."""
    engine = FakeEngine(pulled=[{"status": "Pulling"}, {"error": "unexpected EOF"}])
    with pytest.raises(ServiceError, match="sha256:1 can't be pulled: unexpected EOF"):
        preflight(engine).create(INPUTS)
    assert not engine.volumes


@pytest.mark.parametrize("engine", ["ssh://admin@attic.lan", "ssh://pi@attic.lan:22"])
def test_another_login_on_the_same_host_is_no_move(engine: str) -> None:
    """The wallet is looked for with it before anything else is done."""
    change = preflight(FakeEngine()).diff({"walletPresent": True}, INPUTS, {**INPUTS, "engine": engine})
    assert change == Change(updates=("engine",))
    with pytest.raises(ProviderError, match="is gone"):
        preflight(FakeEngine()).update("attic", INPUTS, {**INPUTS, "engine": engine})


def test_a_move_is_refused_even_where_the_wallet_may_be_new() -> None:
    """Otherwise the outputs name the new host while the container stays on the old one."""
    moved = {**INPUTS, "engine": "ssh://pi@shed.lan", "wallet": "other", "newWallet": True}
    with pytest.raises(ProviderError, match="neither its container nor the wallet volume"):
        preflight(FakeEngine()).diff({"walletPresent": True}, INPUTS, moved)


def test_an_update_proves_the_host_before_it_makes_a_volume() -> None:
    engine = FakeEngine("x86_64")
    with pytest.raises(ProviderError, match="does not run"):
        preflight(engine).update("attic", INPUTS, {**INPUTS, "wallet": "another"})
    assert not engine.volumes


def test_nothing_changed_is_no_change_and_an_unknown_image_is_one() -> None:
    assert preflight(FakeEngine()).diff({"walletPresent": True}, INPUTS, INPUTS) == Change()
    changed = preflight(FakeEngine()).diff({}, INPUTS, {**INPUTS, "image": "unknown"})
    assert changed == Change(updates=("image",))


def test_deleting_the_proof_touches_no_volume() -> None:
    engine = FakeEngine(volumes={"skycoin-one-wallet"})
    preflight(engine).delete("attic", INPUTS)
    assert engine.volumes == {"skycoin-one-wallet"}


def test_unknown_inputs_are_refused() -> None:
    assert preflight(FakeEngine()).check("x", {}, {**INPUTS, "colour": 1}).failures == [
        ("colour", "no such input")
    ]
