"""The handover of a node to another user: every fault at every step."""

import contextlib
from collections.abc import Callable

import pytest

from catalogue.node_container import USER
from providers.kind import ProviderError
from tests.integration.node_faults import ENDINGS, call_numbers
from tests.integration.test_another_user import OTHER, WANTED, _no_pauses, stopped
from tests.unit import node_engine
from tests.unit.node_engine import Fault, NodeEngine, Resource
from tests.unit.test_handover import NAME, assert_single_running, deployed, only_container

__all__ = ["_no_pauses"]


@pytest.mark.parametrize("boot", [False, True], ids=["engine restarted", "board rebooted"])
@pytest.mark.parametrize("live_restore", [False, True], ids=["", "live restore"])
@pytest.mark.parametrize("fault", Fault)
@pytest.mark.case(17, 30, 39)
def test_no_container_that_can_not_read_its_wallet_starts_at_any_step(
    fault: Fault, live_restore: bool, boot: bool
) -> None:
    for at in call_numbers():
        engine, node = stopped(live_restore=live_restore)
        engine.arm(at, fault)
        with contextlib.suppress(*ENDINGS):
            node.up(WANTED)
        done = engine.calls < at
        engine.disarm()
        engine.boot() if boot else engine.restart_daemon()
        node.up(WANTED, refresh=True)
        assert_single_running(engine, WANTED)
        assert only_container(engine).config["User"] == OTHER
        if done:
            break


def killed_where(meets: Callable[[NodeEngine], bool], *, boot: bool) -> tuple[NodeEngine, Resource]:
    """A node of the images' user whose handover was killed at a step that leaves what `meets` accepts."""
    for at in call_numbers():
        engine = NodeEngine()
        node = deployed(engine, user=USER)
        engine.arm(at, Fault.KILLED_AFTER)
        with contextlib.suppress(*ENDINGS):
            node.up({**WANTED, "user": USER, "image": node_engine.NEXT})
        engine.disarm()
        if boot:
            engine.boot()
        if meets(engine):
            return engine, node
    raise AssertionError("no step leaves that")


@pytest.mark.case(17, 30)
def test_a_container_that_was_set_aside_and_runs_is_not_replaced_by_one_of_another_user() -> None:
    """The handover was killed after it had renamed the old container; then the board rebooted."""
    engine, node = killed_where(
        lambda one: [(box.name, box.running) for box in one.boxes.values()] == [(f"{NAME}-previous", True)],
        boot=True,
    )
    with pytest.raises(ProviderError, match=f"docker stop -t 60 {NAME}-previous"):
        node.up(WANTED, refresh=True)
    assert only_container(engine).running


@pytest.mark.case(17, 30)
def test_a_container_that_an_engine_would_start_again_is_not_replaced_by_one_of_another_user() -> None:
    """The handover was killed just after it had set the old container's restart policy to `always`."""
    engine, node = killed_where(
        lambda one: [(box.name, box.policy) for box in one.boxes.values()] == [(NAME, "always")], boot=False
    )
    engine.stop(NAME, 60)
    engine.owner = OTHER
    with pytest.raises(ProviderError, match=f"docker update --restart unless-stopped {NAME} && docker stop"):
        node.up({**WANTED, "image": node_engine.BAD}, refresh=True)
    assert not only_container(engine).running
    assert engine.violations == []
