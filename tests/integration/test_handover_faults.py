"""The handover of a node's container: every fault at every step, and how the next runs recover."""

import contextlib
import itertools

import pytest

from catalogue.naming import previous_container
from catalogue.node_container import NODE
from providers.kind import URN, ProviderError, Values
from providers.skycoin.handover import RESOURCE
from tests.integration.node_faults import ENDINGS, after_fault, call_numbers, without_state
from tests.unit.node_engine import (
    BAD,
    COPIES,
    DATA,
    NEXT,
    SICK,
    WALLET,
    EngineContainer,
    Fault,
    Killed,
    NodeEngine,
    Resource,
)
from tests.unit.test_handover import (
    INPUTS,
    NAME,
    _clock,
    assert_single_running,
    by_hand,
    deployed,
    names,
    only_container,
)

__all__ = ["_clock"]


@pytest.mark.parametrize("fault", [Fault.KILLED_BEFORE, Fault.KILLED_AFTER])
@pytest.mark.parametrize("before", [False, True], ids=["first up", "state lost"])
def test_a_node_renamed_after_a_killed_creation_leaves_no_container_of_its_former_name(
    fault: Fault, before: bool
) -> None:
    """Before, one with the policy `always` stayed, and a reboot gave the wallet two writers."""
    for at in call_numbers():
        engine = NodeEngine()
        if before:
            deployed(engine)
        resource = without_state(engine)
        engine.arm(at, fault)
        with contextlib.suppress(Killed):
            resource.up({**INPUTS, "image": NEXT})
        if engine.calls < at:
            break
        engine.disarm()
        renamed = {**INPUTS, "image": NEXT, "name": "skycoin-main"}
        resource.up(renamed, refresh=True)
        assert_single_running(engine, renamed)
        assert engine.boot() == ["skycoin-main"]
        assert engine.violations == []


def test_a_node_renamed_twice_between_killed_creations_leaves_one_container() -> None:
    for first, second in itertools.product(range(1, 60, 3), repeat=2):
        engine = NodeEngine()
        deployed(engine)
        resource = without_state(engine)
        for at, name in ((first, "skycoin-a"), (second, "skycoin-b")):
            engine.arm(at, Fault.KILLED_AFTER)
            with contextlib.suppress(Killed):
                resource.up({**INPUTS, "name": name}, refresh=True)
        engine.disarm()
        renamed = {**INPUTS, "name": "skycoin-c"}
        resource.up(renamed, refresh=True)
        assert_single_running(engine, renamed)


SCENARIOS: dict[str, tuple[Values, bool]] = {
    "update": ({**INPUTS, "image": NEXT}, False),
    "replace": (INPUTS, True),
    "rename": ({**INPUTS, "name": "skycoin-main", "image": NEXT}, False),
    "rename and replace": ({**INPUTS, "name": "skycoin-main"}, True),
    "update that fails": ({**INPUTS, "image": SICK}, False),
}
"""Name → wanted inputs, and True for a `--replace`."""


@pytest.mark.parametrize("boot", [False, True], ids=["engine restarted", "board rebooted"])
@pytest.mark.parametrize("live_restore", [False, True], ids=["", "live restore"])
@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("fault", Fault)
@pytest.mark.case(17, 39)
def test_after_a_fault_at_any_step_the_next_runs_repair_the_node(
    scenario: str, fault: Fault, live_restore: bool, boot: bool
) -> None:
    """Never two writers; in the end, exactly one running container. A destroy leaves only the volumes."""
    wanted, replace = SCENARIOS[scenario]
    for at in call_numbers():
        engine = NodeEngine(live_restore=live_restore)
        resource = after_fault(engine, at, fault, wanted, replace=replace)
        if engine.calls < at:
            break
        engine.disarm()
        started = engine.boot() if boot else engine.restart_daemon()
        assert len(started) <= 1
        good = INPUTS if wanted["image"] == SICK else wanted
        resource.up(good, refresh=True)
        assert_single_running(engine, good)
        assert resource.up(good, refresh=True) == "same"
        assert resource.up(good) == "same"
        resource.destroy()
        assert names(engine) == [], f"step {at}"
        assert engine.violations == [], f"step {at}"
        assert {WALLET, COPIES, DATA} == engine.volumes_there
    assert at > 15, "the faults were at every step"


@pytest.mark.parametrize("fault", Fault)
@pytest.mark.case(37)
def test_a_replace_that_was_interrupted_is_repaired_by_the_next_replace(fault: Fault) -> None:
    """Even without a refresh, a container that the first `up` set aside is removed in the end."""
    for at in call_numbers():
        engine = NodeEngine()
        resource = after_fault(engine, at, fault, INPUTS, replace=True)
        if engine.calls < at:
            break
        engine.disarm()
        resource.up(INPUTS, replace=True)
        assert_single_running(engine, INPUTS)
        resource.destroy()
        assert names(engine) == [], f"step {at}"


@pytest.mark.parametrize("refresh", [True, False])
@pytest.mark.parametrize("scenario", ["replace", "rename and replace"])
@pytest.mark.case(37)
def test_the_next_up_deletes_a_replaced_container_and_not_the_one_in_its_place(
    scenario: str, refresh: bool
) -> None:
    """Its host stopped answering after the new one was created. Before, the next `up` removed that one."""
    wanted, replace = SCENARIOS[scenario]
    late = 0
    for at in call_numbers():
        engine = NodeEngine()
        resource = after_fault(engine, at, Fault.DOWN, wanted, replace=replace)
        if engine.calls < at:
            break
        if not resource.pending:
            continue
        late += 1
        engine.disarm()
        engine.restart_daemon()
        resource.kind = without_state(engine).kind  # a new process of the provider
        resource.up(wanted, refresh=refresh)
        assert_single_running(engine, wanted)
    assert late > 0


@pytest.mark.parametrize("scenario", ["update", "replace", "rename"])
@pytest.mark.parametrize("fault", [Fault.FAILED, Fault.LOST])
@pytest.mark.case(37, 39)
def test_an_up_that_succeeds_leaves_the_new_node_running_though_a_call_has_failed(
    scenario: str, fault: Fault
) -> None:
    """Before, a replaced container that could not be removed took the new one with it."""
    wanted, replace = SCENARIOS[scenario]
    succeeded = 0
    for at in call_numbers():
        engine = NodeEngine()
        resource = deployed(engine)
        engine.arm(at, fault)
        with contextlib.suppress(*ENDINGS):
            resource.up(wanted, replace=replace)
            succeeded += 1
            [box] = [box for box in engine.boxes.values() if box.running]
            assert (box.name, box.config["Image"]) == (wanted["name"], wanted["image"]), f"step {at}"
        if engine.calls < at:
            break
    assert succeeded > 1, "not only the last, without a fault"


@pytest.mark.parametrize("other", ["skycoin-one", "skycoin-two"])
@pytest.mark.case(17, 36)
def test_a_node_does_not_take_over_containers_of_another_nodes_killed_handover(other: str) -> None:
    """Before, it took the other's container for its own if it had its name, and then two had one wallet."""
    for at in call_numbers():
        engine = NodeEngine()
        after_fault(engine, at, Fault.KILLED_AFTER, {**INPUTS, "image": NEXT}, replace=False)
        if engine.calls < at:
            break
        engine.disarm()
        before = [(box.identity, box.name, box.policy) for box in engine.boxes.values()]
        token = URN.set(f"urn:pulumi:other::skycoin::skycoin:index:NodeContainer::{other}-container")
        with pytest.raises(ProviderError, match="in use"):
            without_state(engine).up({**INPUTS, "name": other})
        URN.reset(token)
        assert [(box.identity, box.name, box.policy) for box in engine.boxes.values()] == before, f"step {at}"
        assert engine.violations == []
    assert at > 15, "the faults were at every step"


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.case(39)
def test_a_board_that_reboots_at_any_step_runs_a_node(scenario: str) -> None:
    """Without live restore, Docker alone starts one of the two containers.

    The exception lasts one call to the engine: between the last two changes of policies, neither starts.
    """
    wanted, replace = SCENARIOS[scenario]
    without = []
    for at in call_numbers():
        engine = NodeEngine()
        after_fault(engine, at, Fault.KILLED_AFTER, wanted, replace=replace)
        if engine.calls < at:
            break
        if not engine.boot():
            without.append(at)
    assert len(without) <= (0 if "fails" in scenario else 1)


@pytest.mark.case(17, 37)
def test_a_destroy_names_the_container_that_a_killed_replace_has_left_running() -> None:
    told = 0
    for at in call_numbers():
        engine, warned = NodeEngine(), list[str]()
        resource = after_fault(engine, at, Fault.KILLED_AFTER, INPUTS, replace=True)
        if engine.calls < at:
            break
        engine.disarm()
        was_replaced = previous_container(NAME) in names(engine)
        resource.kind = without_state(engine, warned.append).kind
        resource.destroy()
        if was_replaced and names(engine):
            told += 1
            [warning] = warned
            assert f"`docker stop -t 60 {NAME} && docker container rm {NAME}`" in warning
        else:
            assert warned == []
    assert told > 0


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("fault", Fault)
@pytest.mark.case(17)
def test_a_destroy_after_an_interrupted_handover_leaves_no_container(fault: Fault, scenario: str) -> None:
    """A refresh finds the exception: a `--replace` that was killed after its work, before it could report."""
    wanted, replace = SCENARIOS[scenario]
    left = []
    for at in call_numbers():
        engine = NodeEngine()
        resource = after_fault(engine, at, fault, wanted, replace=replace)
        if engine.calls < at:
            break
        engine.disarm()
        resource.destroy()
        assert engine.violations == [], f"step {at}"
        if names(engine):
            left.append(at)
    killed = replace and fault in (Fault.KILLED_AFTER, Fault.KILLED_BEFORE)
    assert len(left) <= 4 * killed


@pytest.mark.parametrize("fault", [Fault.KILLED_AFTER, Fault.KILLED_BEFORE])
@pytest.mark.case(37)
def test_a_refresh_adopts_a_container_that_an_interrupted_replace_left(fault: Fault) -> None:
    engine = NodeEngine()
    resource = deployed(engine)
    engine.calls = 0
    resource.up(INPUTS, replace=True)
    last = engine.calls
    engine = NodeEngine()
    resource = after_fault(engine, last - 3, fault, INPUTS, replace=True)
    engine.disarm()
    resource.up(INPUTS, refresh=True)
    assert_single_running(engine, INPUTS)
    resource.destroy()
    assert names(engine) == []


@pytest.mark.case(36)
def test_the_old_container_does_not_come_back_next_to_another_user_of_its_wallet() -> None:
    for at in call_numbers():
        engine = NodeEngine()
        resource = after_fault(engine, at, Fault.KILLED_AFTER, {**INPUTS, "image": NEXT}, replace=False)
        if engine.calls < at:
            break
        engine.disarm()
        if any(box.running for box in engine.boxes.values()):
            continue
        by_hand(engine, "by-hand")
        engine.start("by-hand")
        with contextlib.suppress(*ENDINGS):
            resource.up({**INPUTS, "image": NEXT}, refresh=True)
        assert engine.violations == [], f"step {at}"


@pytest.mark.parametrize("policy", ["no", "unless-stopped"])
@pytest.mark.case(36)
def test_a_container_of_another_stack_on_the_wallet_is_never_removed(policy: str) -> None:
    for at in call_numbers():
        engine = NodeEngine()
        resource = deployed(engine)
        by_hand(engine, "other", policy=policy, **{RESOURCE: "other/1", NODE: "urn:of-another"})
        engine.arm(at, Fault.KILLED_AFTER)
        with contextlib.suppress(*ENDINGS):
            resource.up({**INPUTS, "image": NEXT})
        if engine.calls < at:
            break
        engine.disarm()
        with contextlib.suppress(*ENDINGS):
            resource.up({**INPUTS, "image": BAD}, refresh=True)
        assert {"other", NAME} <= set(names(engine)), f"step {at}"


@pytest.mark.case(21)
def test_a_change_of_wallet_volume_is_a_handover_that_recovers_from_every_kill() -> None:
    other = "skycoin-another-wallet"
    mounts = [INPUTS["mounts"][0], {"type": "volume", "source": other, "target": "/wallet"}]
    wanted = {**INPUTS, "wallet": other, "mounts": mounts}
    for at in call_numbers():
        engine = NodeEngine(volumes_there={WALLET, COPIES, DATA, other, f"{other}-backups"})
        resource = after_fault(engine, at, Fault.KILLED_AFTER, wanted, replace=False)
        if engine.calls < at:
            break
        engine.disarm()
        resource.up(wanted, refresh=True)
        assert_single_running(engine, wanted)


@pytest.mark.parametrize("reverted", [False, True], ids=["same settings", "reverted"])
@pytest.mark.parametrize("first", ["update", "update that fails", "rename"])
@pytest.mark.case(17, 39)
def test_a_plugin_whose_pulumi_was_killed_harms_nothing_that_the_next_up_has_made(
    first: str, reverted: bool
) -> None:
    """The plugin runs to its end. Before, it took the old, healthy container of that name for its new one."""
    wanted, _ = SCENARIOS[first]
    for at in call_numbers():
        engine = NodeEngine()
        orphan = deployed(engine)
        other = Resource(orphan.kind, orphan.identity, orphan.inputs, orphan.outputs)
        then = INPUTS if reverted or wanted["image"] == SICK else wanted
        outcome: list[str] = []

        def next_up(other: Resource = other, then: Values = then, outcome: list[str] = outcome) -> None:
            with contextlib.suppress(*ENDINGS):
                outcome.append(other.up(then, refresh=True))

        engine.calls, engine.meanwhile, engine.meanwhile_at = 0, next_up, at
        with contextlib.suppress(*ENDINGS):
            orphan.up(wanted)
        if engine.meanwhile is not None:
            break
        assert engine.violations == [], f"step {at}"
        if outcome:  # a node runs, whichever of the two was the last
            assert [box.running for box in engine.boxes.values()].count(True) == 1, f"step {at}"
        other.up(then, refresh=True)
        assert_single_running(engine, then)
    assert at > 10


@pytest.mark.case(39)
@pytest.mark.parametrize("at", range(1, 60))
def test_a_new_node_that_ends_while_it_is_checked_is_not_confirmed(at: int) -> None:
    """An engine starts no container that ended before its restart policy was set: the node stayed down."""
    engine = NodeEngine()
    resource = deployed(engine)
    engine.calls, engine.meanwhile_at = 0, at
    ended = list[EngineContainer]()

    def end() -> None:
        for box in engine.boxes.values():
            if box.config["Image"] == NEXT and box.running and box.policy == "no":
                box.running, box.exit_code = False, 2
                ended.append(box)

    engine.meanwhile = end
    try:
        resource.up({**INPUTS, "image": NEXT})
    except ProviderError:
        assert_single_running(engine, INPUTS)
    else:
        assert not ended or only_container(engine).running
