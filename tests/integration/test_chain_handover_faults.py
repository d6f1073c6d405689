"""The chain database in a handover: every fault at every step, and what the next runs do with it."""

import contextlib

import pytest

from catalogue.naming import previous_container
from providers.kind import Values
from tests.integration.node_faults import ENDINGS, after_fault, call_numbers
from tests.unit.node_engine import GOOD, NEXT, SICK, Fault, NodeEngine
from tests.unit.test_chain_handover import NEW, OLD, OTHER, Node, engine_of_versions, mounts_of
from tests.unit.test_handover import (
    INPUTS,
    NAME,
    _clock,
    assert_single_running,
    health,
    only_container,
)

__all__ = ["_clock"]


@pytest.mark.parametrize("boot", [False, True], ids=["engine restarted", "board rebooted"])
@pytest.mark.parametrize("image", [NEXT, SICK])
@pytest.mark.parametrize("fault", Fault)
@pytest.mark.case(6, 17, 39)
def test_after_a_fault_at_any_step_the_next_up_runs_on_a_database_that_it_can_read(
    fault: Fault, image: str, boot: bool
) -> None:
    for at in call_numbers():
        engine = engine_of_versions()
        resource = after_fault(engine, at, fault, {**INPUTS, "image": image}, replace=False)
        if engine.calls < at:
            break
        engine.disarm()
        started = engine.boot() if boot else engine.restart_daemon()
        assert len(started) <= 1
        good = {**INPUTS, "image": NEXT if image == NEXT else GOOD}
        # Two runs, because the first may report that the one before had not ended.
        with contextlib.suppress(*ENDINGS):
            resource.up(good, refresh=True)
        resource.up(good, refresh=True)
        assert_single_running(engine, good)
        assert engine.chain == (NEW if image == NEXT else OLD), f"step {at}"
        assert engine.violations == [], f"step {at}"
    assert at > 15, "the faults were at every step"


@pytest.mark.parametrize("fault", [Fault.FAILED, Fault.DOWN])
def test_a_copy_that_can_not_be_removed_does_not_fail_a_confirmed_update(fault: Fault) -> None:
    """Neither an update fails, nor a `--replace`, whose error would lose the new container's id."""
    for replace in (False, True):
        engine = engine_of_versions()
        calls = _calls_until_forgotten(replace)
        resource = after_fault(engine, calls, fault, {**INPUTS, "image": NEXT}, replace=replace)
        assert (engine.chain, engine.chain_copy) == (NEW, OLD)
        engine.disarm()
        resource.up({**INPUTS, "image": NEXT}, refresh=True)
        assert_single_running(engine, {**INPUTS, "image": NEXT})
        assert resource.outputs["image"] == NEXT


def _calls_until_forgotten(replace: bool) -> int:
    """Number of the call that removes the copy."""
    engine = engine_of_versions()
    seen: list[int] = []
    tend = engine.tend

    def counted(action: str) -> str:
        seen.append(engine.calls)
        return tend(action)

    engine.tend = counted  # type: ignore[method-assign]
    after_fault(engine, 0, Fault.FAILED, {**INPUTS, "image": NEXT}, replace=replace)
    return seen[-1]


@pytest.mark.parametrize("fault", Fault)
@pytest.mark.case(6, 17, 39)
def test_a_second_failure_after_any_fault_leaves_the_old_version_and_its_database(
    fault: Fault,
) -> None:
    """When an undo fails, the message says to run `up`; before, that run removed the only copy first."""
    for at in call_numbers():
        engine = engine_of_versions()
        resource = after_fault(engine, at, fault, {**INPUTS, "image": SICK}, replace=False)
        if engine.calls < at:
            break
        engine.disarm()
        engine.restart_daemon()
        for _ in range(3):
            with contextlib.suppress(*ENDINGS):
                resource.up({**INPUTS, "image": SICK}, refresh=True)
        assert (engine.chain, only_container(engine).running) == (OLD, True), f"step {at}"
        assert engine.violations == [], f"step {at}"
    assert at > 15, "the faults were at every step"


@pytest.mark.parametrize("image", [NEXT, SICK])
def test_a_destroy_after_a_killed_upgrade_puts_no_copy_back_while_the_node_runs(image: str) -> None:
    """A board that rebooted meanwhile has started the old container, which a handover renames."""
    running = 0
    for at in call_numbers():
        engine = engine_of_versions()
        resource = after_fault(engine, at, Fault.KILLED_AFTER, {**INPUTS, "image": image}, replace=False)
        if engine.calls < at:
            break
        engine.disarm()
        running += previous_container(NAME) in engine.boot()
        resource.destroy()
        assert engine.boxes == {}, f"step {at}"
        assert engine.violations == [], f"step {at}"
    assert running > 2, "the old one ran at some steps"


def test_after_a_killed_upgrade_a_preview_of_the_old_version_is_not_refused() -> None:
    """`up` undoes the upgrade first, and then finds the database as the older version wrote it."""
    for at in call_numbers():
        engine = engine_of_versions()
        resource = after_fault(engine, at, Fault.KILLED_AFTER, {**INPUTS, "image": SICK}, replace=False)
        if engine.calls < at:
            break
        engine.disarm()
        found = resource.kind.read(resource.identity, resource.inputs, resource.outputs)
        if found is not None and previous_container(NAME) in [box.name for box in engine.boxes.values()]:
            resource.kind.planned({**INPUTS, "image": GOOD}, found.state)
    assert at > 15, "the kills were at every step"


@pytest.mark.parametrize("change", [{"image": GOOD}, {"mounts": mounts_of(OTHER)}], ids=["image", "volume"])
def test_a_leftover_copy_is_not_used_to_undo_a_killed_change(change: Values) -> None:
    """Before, a change without a look at the old volume was undone by putting weeks-old blocks there."""
    undone = 0
    for at in call_numbers():
        engine = NodeEngine(versions={NEXT: NEW}, volumes_there={*NodeEngine().volumes_there, OTHER})
        engine.answers = {GOOD: health(OLD, 100), NEXT: health(NEW, 100)}
        node = Node(engine)
        node.up(NEXT)
        engine.chain_copy = OLD
        engine.arm(at, Fault.KILLED_AFTER)
        with contextlib.suppress(*ENDINGS):
            node.up(**{"image": NEXT, **change})
        if engine.calls < at:
            break
        engine.disarm()
        found = found_by_put_back(engine)
        node.resource.up({**INPUTS, "image": NEXT}, refresh=True)
        assert {*found} <= {None}, f"step {at}"
        assert only_container(engine).running, f"step {at}"
        undone += len(found)
    assert undone > 2, "some of the kills left something to undo"


def found_by_put_back(engine: NodeEngine) -> list[str | None]:
    """List the copy of the chain database (or None) that the script finds at each `put-back` from now on."""
    found, tend = list[str | None](), engine.tend

    def watched(action: str) -> str:
        if action == "put-back":
            found.append(engine.chain_copy)
        return tend(action)

    engine.tend = watched  # type: ignore[method-assign]
    return found
