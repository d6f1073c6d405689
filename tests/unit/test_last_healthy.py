"""A node's last healthy image, on its container and in its state, however its handovers end."""

import contextlib
from types import SimpleNamespace
from typing import Any

import pytest

from catalogue.node_container import LAST_HEALTHY
from providers.kind import ProviderError, Values
from providers.skycoin import handover
from providers.skycoin.last_healthy import last_healthy_label
from tests.unit.node_engine import BAD, GOOD, NEXT, SICK, Fault, Killed, NodeEngine, Resource
from tests.unit.test_handover import INPUTS, NAME, deployed, only_container

THIRD = f"registry.example/skycoin@sha256:{'e' * 64}"


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter(range(10**9))
    clock = SimpleNamespace(monotonic=lambda: float(next(now)), sleep=lambda _: None)
    monkeypatch.setattr(handover, "time", clock)


def engine_with(*images: str) -> NodeEngine:
    engine = NodeEngine()
    engine.images_there |= set(images)
    return engine


def known(engine: NodeEngine, resource: Resource) -> str | None:
    """Return the last healthy image; the label and the state agree, with and without a refresh."""
    on_host: str | None = only_container(engine).config["Labels"].get(LAST_HEALTHY)
    assert resource.outputs.get("lastHealthy") == on_host
    assert resource.up(resource.inputs, refresh=True) == "same"
    assert resource.outputs.get("lastHealthy") == on_host
    return on_host


def test_a_first_container_has_no_last_healthy_image_and_no_key_for_it_in_the_state() -> None:
    engine = NodeEngine()
    resource = deployed(engine)
    assert known(engine, resource) is None
    assert "lastHealthy" not in resource.outputs, "a state of an earlier version has no difference"
    assert resource.up({**INPUTS, "command": ["-log-level=debug"]}) == "update"
    assert known(engine, resource) is None


def test_an_upgrade_records_the_previous_image_and_other_changes_keep_it() -> None:
    engine = NodeEngine()
    resource = deployed(engine)
    resource.up({**INPUTS, "image": NEXT})
    assert known(engine, resource) == GOOD
    resource.up({**INPUTS, "image": NEXT, "command": ["-log-level=debug"]})
    assert known(engine, resource) == GOOD
    resource.up({**INPUTS, "image": NEXT}, replace=True)
    assert known(engine, resource) == GOOD


@pytest.mark.parametrize("image", [BAD, SICK])
def test_a_failed_upgrade_keeps_the_last_healthy_image(image: str) -> None:
    engine = NodeEngine()
    resource = deployed(engine)
    resource.up({**INPUTS, "image": NEXT})
    with pytest.raises(ProviderError, match="was restored unchanged"):
        resource.up({**INPUTS, "image": image})
    resource.inputs = {**INPUTS, "image": NEXT}
    assert known(engine, resource) == GOOD


def test_a_handover_killed_at_any_call_keeps_the_last_healthy_image() -> None:
    killed = True
    at = 0
    while killed:
        engine, at = NodeEngine(), at + 1
        resource = deployed(engine)
        engine.arm(at, Fault.KILLED_BEFORE)
        with contextlib.suppress(Killed):
            resource.up({**INPUTS, "image": NEXT})
        killed = resource.inputs == INPUTS
        engine.disarm()
        resource.up({**INPUTS, "image": NEXT}, refresh=True)
        assert known(engine, resource) == GOOD, f"killed before call {at}"
    assert at > 10


def test_a_rollback_records_the_healthy_image_that_it_left_and_so_does_the_next_upgrade() -> None:
    engine = NodeEngine()
    resource = deployed(engine)
    resource.up({**INPUTS, "image": NEXT})
    resource.up(INPUTS)
    assert known(engine, resource) == NEXT
    resource.up({**INPUTS, "image": NEXT})
    assert known(engine, resource) == GOOD


def test_a_rollback_from_an_unhealthy_image_leaves_no_last_healthy_image() -> None:
    engine = NodeEngine()
    resource = deployed(engine)
    resource.up({**INPUTS, "image": NEXT})
    engine.ailing.add(NEXT)
    resource.up(INPUTS)
    assert known(engine, resource) is None, "neither the one that fails nor its own"


def test_an_unhealthy_image_does_not_become_the_last_healthy_image() -> None:
    engine = engine_with(THIRD)
    resource = deployed(engine)
    resource.up({**INPUTS, "image": NEXT})
    engine.ailing.add(NEXT)
    resource.up({**INPUTS, "image": THIRD})
    assert known(engine, resource) == GOOD


def test_a_stopped_node_counts_as_healthy_and_a_crashed_node_does_not() -> None:
    engine = engine_with(THIRD)
    resource = deployed(engine)
    engine.stop(NAME, timeout=60)
    resource.up({**INPUTS, "image": NEXT})
    assert known(engine, resource) == GOOD
    box = only_container(engine)
    box.running, box.exit_code = False, 2
    resource.up({**INPUTS, "image": THIRD})
    assert known(engine, resource) == GOOD


def test_a_missing_container_keeps_the_last_healthy_image_of_the_state() -> None:
    engine = engine_with(THIRD)
    resource = deployed(engine)
    resource.up({**INPUTS, "image": NEXT})
    engine.boxes.clear()
    resource.up({**INPUTS, "image": THIRD})
    assert known(engine, resource) == GOOD
    engine.boxes.clear()
    resource.up(INPUTS)
    assert known(engine, resource) is None, "its own is none to go back to"


def test_the_last_healthy_image_is_read_from_the_host_if_the_state_is_lost() -> None:
    engine = NodeEngine()
    resource = deployed(engine)
    resource.up({**INPUTS, "image": NEXT})
    found = Resource(resource.kind)
    found.up({**INPUTS, "image": NEXT, "command": ["-log-level=debug"]})
    assert known(engine, found) == GOOD


def test_a_container_without_the_label_clears_the_last_healthy_image_in_the_state() -> None:
    engine = NodeEngine()
    resource = deployed(engine)
    resource.up({**INPUTS, "image": NEXT})
    del only_container(engine).config["Labels"][LAST_HEALTHY]
    assert resource.up(resource.inputs, refresh=True) == "same"
    assert known(engine, resource) is None


def old(image: str, **state: Any) -> Values:
    """A container of this image, as its engine shows it."""
    running = {"Running": True, "ExitCode": 0, "Health": {"Status": "healthy"}}
    return {
        "Config": {"Image": image, "Labels": {LAST_HEALTHY: THIRD}},
        "HostConfig": {"RestartPolicy": {"Name": state.pop("policy", "unless-stopped")}},
        "RestartCount": state.pop("restarts", 0),
        "State": {**running, **state},
    }


@pytest.mark.parametrize(
    ("found", "image"),
    [
        (old(GOOD), GOOD),
        (old(GOOD, Health={"Status": "starting"}), GOOD),
        (old(GOOD, Health={"Status": "starting"}, restarts=1), THIRD),
        (old(GOOD, restarts=1), GOOD),
        (old(GOOD, Health={"Status": "unhealthy"}), THIRD),
        (old(GOOD, Health=None), GOOD),
        (old(GOOD, policy="no"), THIRD),
        (old(GOOD, policy="always"), GOOD),
        (old(GOOD, Running=False, Health={"Status": "unhealthy"}), GOOD),
        (old(GOOD, Running=False, ExitCode=137), THIRD),
        (old("skycoin:by-hand"), THIRD),
    ],
)
def test_the_last_healthy_image_is_the_replaced_one_only_if_that_was_healthy(
    found: Values, image: str
) -> None:
    assert last_healthy_label(found, {"image": GOOD}, NEXT) == {LAST_HEALTHY: image}


def test_the_label_has_the_public_name_of_an_image_that_came_through_ssh() -> None:
    digest = GOOD.partition("@")[2]
    there = old(f"127.0.0.1:40123/skycoin@{digest}")
    assert last_healthy_label(there, {"image": GOOD}, NEXT) == {LAST_HEALTHY: GOOD}
    assert last_healthy_label(there, {}, NEXT) == {LAST_HEALTHY: GOOD}, (
        "without a state, by the new one's repository"
    )
