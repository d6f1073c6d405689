"""Simulation of changes to a stack, failures, and human mistakes, in an order set by a seed (world.py)."""

import random
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.unit.node_engine import BAD, COPIES, GOOD, NEXT, SICK, WALLET, Box, Fault
from tests.unit.test_handover import _clock
from tests.unit.world import DONE, NAMES, BrokenError, World, address

__all__ = ["_clock"]

STEPS, SEEDS = 60, range(4)
STRANGER = "stranger"
MOST_CALLS = 60
"""Highest number of the engine call at which an update may fail."""


def change(world: World, chance: random.Random) -> str:
    """Change one setting in the stack's file, and run `up`."""
    key, values = chance.choice(
        [
            ("image", (GOOD, GOOD, NEXT, NEXT, BAD, SICK)),
            ("command", (["-x=1"], ["-x=2"])),
            ("memory", (512, 768)),
            ("name", NAMES),
        ]
    )
    if key != "name" or world.container.identity:  # a node that was never created can't be renamed
        world.wanted[key] = chance.choice(values)
    return update(world, chance)


def update(world: World, chance: random.Random) -> str:
    """Run `up`, with a failure at one of its engine calls, or none."""
    if chance.random() < 0.5:
        world.engine.arm(chance.randint(1, MOST_CALLS), chance.choice([*Fault]))
    return world.up(refresh=chance.random() < 0.5, replace=chance.random() < 0.1)


def destroy(world: World, chance: random.Random) -> str:
    if chance.random() < 0.5:
        world.engine.arm(chance.randint(1, 12), chance.choice([*Fault]))
    return world.destroy()


def save(world: World, chance: random.Random) -> str:
    """Let the node create an address, in an existing wallet or a new one."""
    if not world.runs:
        return "no node runs"
    world.saves += 1
    world.save(chance.choice(("mine.wlt", "ours.wlt", "new.wlt")), address(world.saves, chance.random()))
    return "saved"


def power_cut(world: World, _: random.Random) -> str:
    return f"{len(world.engine.boot())} started"


def engine_restarts(world: World, _: random.Random) -> str:
    return f"{len(world.engine.restart_daemon())} runs"


def removed_by_hand(world: World, chance: random.Random) -> str:
    if not world.engine.boxes:
        return "no container"
    del world.engine.boxes[chance.choice([*world.engine.boxes])]
    return "removed"


def stopped_by_hand(world: World, _: random.Random) -> str:
    for box in world.engine.boxes.values():
        box.running, box.stopped_by_hand = False, True
    return "stopped"


def stranger(world: World, _: random.Random) -> str:
    """Run an operator's own container on the wallet while the node is down."""
    if world.runs or WALLET not in world.engine.volumes_there:
        return "not now"
    mounts = [{"Type": "volume", "Source": WALLET, "Target": "/wallet"}]
    host = {"RestartPolicy": {"Name": "no"}, "Mounts": mounts}
    world.engine.boxes[STRANGER] = Box(STRANGER, STRANGER, {"Image": GOOD, "HostConfig": host}, running=True)
    return "runs"


def back_up(world: World, _: random.Random) -> str:
    if world.lacks or world.torn or not world.keys:
        return "refused"
    world.backup = world.files
    return f"{len(world.keys)} keys"


def lose(world: World, chance: random.Random) -> str:
    """Damage the volume, as a human mistake would."""
    files = world.files
    how = chance.choice(
        ("one file", "all files", "older", "exchanged", "torn", "gone", "made anew", "copies", "copies")
    )
    if how == "copies":
        world.remove(COPIES)
        if chance.random() < 0.5:
            how = f"copies, {lose(world, chance)}"
    elif how in ("gone", "made anew"):
        world.remove(WALLET)
        if how == "made anew":
            world.put({})
    elif not files:
        return "nothing to lose"
    elif how == "older":
        world.put(world.backup)
    elif how == "exchanged":
        world.put({})
        world.save("mine.wlt", address("somebody else's"))
    else:
        name = chance.choice(sorted(files))
        world.put({} if how == "all files" else {k: v for k, v in files.items() if k != name})
        if how == "torn":
            (world.engine.folder(WALLET) / name).write_bytes(files[name][: len(files[name]) // 2])
    return how


def mend(world: World, _: random.Random) -> str:
    """Let the operator stop the node, restore a damaged wallet from the backup, accept it, and run `up`."""
    world.engine.boxes.pop(STRANGER, None)
    stopped_by_hand(world, _)
    if world.lacks or world.torn or WALLET not in world.engine.volumes_there:
        world.put(world.backup)
    world.accepted = world.fingerprint()
    world.wanted["image"] = GOOD
    ended = world.up(refresh=True)
    if ended not in DONE:
        raise BrokenError(
            f"`up` without a fault, on a wallet that was accepted, ended with {ended}: {world.error}"
        )
    if (again := world.up()) != "same":
        raise BrokenError(f"the `up` after that one ended with {again}")
    [*names] = [(box.name, box.running, box.policy) for box in world.engine.boxes.values()]
    if names != [(world.wanted["name"], True, "unless-stopped")]:
        raise BrokenError(f"after two `up`s there are {names}")
    return ended


EVENTS: Mapping[Callable[[World, random.Random], str], int] = {
    change: 10,
    update: 6,
    save: 8,
    destroy: 1,
    power_cut: 2,
    engine_restarts: 2,
    removed_by_hand: 1,
    stopped_by_hand: 1,
    stranger: 1,
    back_up: 2,
    lose: 1,
    mend: 3,
}
"""Event → its relative frequency."""


def simulate(root: Path, seed: int, steps: int) -> Counter[str]:
    """Run events at random; return counts of their outcomes. BrokenError names the seed and all events."""
    world, chance = World(root), random.Random(seed)  # noqa: S311 a simulation
    world.engine.live_restore = chance.random() < 0.5
    told = list[str]()
    counts = Counter[str]()
    world.up()
    world.save("mine.wlt", address("first"))
    back_up(world, chance)
    for event in (*chance.choices([*EVENTS], [*EVENTS.values()], k=steps), mend):
        told.append(event.__name__)
        try:
            ended = event(world, chance)
        except BrokenError as error:
            told.append(f"{error}")
            raise BrokenError(f"seed {seed}, {steps} steps: {', '.join(told)}") from error
        told[-1] += f" ({ended})"
        counts[f"{event.__name__}: {ended}"] += 1
    return counts


@pytest.mark.case(35, 37, 39)
@pytest.mark.parametrize("seed", SEEDS)
def test_no_order_of_changes_faults_and_mistakes_loses_keys_of_a_wallet(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No wallet gets two writers, no empty one takes its place, and no seed leaves it.

    A failure names its seed: `pytest -k "keys_of_a_wallet[SEED]"` repeats it, for any seed in SEEDS.
    """
    monkeypatch.setattr("clients.wallet_on_host.PAUSE", 0)
    counts = simulate(tmp_path, seed, STEPS)
    assert sum(counts.values()) == STEPS + 1
