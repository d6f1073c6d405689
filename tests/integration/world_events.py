"""Events in a simulated world of nodes: changes of stacks, faults, and mistakes of people."""

import random
import re
from collections.abc import Callable, Mapping, Sequence

from catalogue.naming import copies_volume
from catalogue.node_container import USER
from catalogue.version_order import is_newer
from tests.integration.world import HOSTS, BrokenError, Host, World, address
from tests.integration.world_engine import OLD
from tests.integration.world_move import move
from tests.integration.world_node import DONE, Node
from tests.unit.node_engine import BAD, GOOD, NEXT, SICK, Fault

STRANGER = "stranger"
OTHER = "12000:12001"
MOST_CALLS = 60
"""Calls to an engine, among which an update's fault comes."""
NAMES = {"one": ("skycoin-one", "skycoin-uno"), "two": ("skycoin-two", "skycoin-one")}
"""Node → names of its container; the last one of `two` is a mistake while `one` has it."""


class Fleet:
    """Two nodes, each in its own stack, and the chance that decides what happens to them."""

    def __init__(
        self, world: World, seed: int, node: type[Node] = Node, most_calls: int = MOST_CALLS
    ) -> None:
        self.world, self.chance = world, random.Random(seed)  # noqa: S311 a simulation
        self.most_calls = most_calls
        self.nodes = [node(world, "one", 6420), node(world, "two", 6421)]
        for engine in world.hosts.values():
            engine.live_restore = self.chance.random() < 0.5
        self.saves = 0

    def any(self) -> Node:
        return self.chance.choice(self.nodes)

    def other(self, node: Node) -> Node:
        return next(other for other in self.nodes if other is not node)

    def host(self) -> Host:
        return self.world.hosts[self.chance.choice(HOSTS)]

    def arm(self, engine: Host, calls: int) -> None:
        """Let a fault come in half of all cases."""
        if self.chance.random() < 0.5:
            engine.arm(self.chance.randint(1, calls), self.chance.choice([*Fault]))


def begin(fleet: Fleet) -> None:
    """Deploy the nodes, and back up a first wallet of each."""
    for node in fleet.nodes:
        node.up()
        fleet.world.save(node.place, "mine.wlt", address(node.name, "first"))
        _back_up(node)


# Changes: what the operator wants.


def change(fleet: Fleet) -> str:
    """A stack's file gets another value for one setting."""
    node = fleet.any()
    key, values = fleet.chance.choice(
        [
            ("image", (GOOD, GOOD, NEXT, NEXT, BAD, SICK)),
            ("image", (GOOD, GOOD, NEXT, NEXT, BAD, SICK)),
            ("command", (["-x=1"], ["-x=2"])),
            ("memory", (512, 768)),
            ("name", NAMES[node.name]),
            ("user", (USER, OTHER)),
            ("data", (node.data, f"{node.data}-anew")),
        ]
    )
    if key not in ("name", "user") or node.container.identity:  # a node that was never made has no other
        node.wanted[key] = fleet.chance.choice(values)
    return _update(fleet, node)


def update(fleet: Fleet) -> str:
    """An `up`, with a fault at one of its calls or none."""
    return _update(fleet, fleet.any())


def _update(fleet: Fleet, node: Node) -> str:
    fleet.arm(node.engine, fleet.most_calls)
    return node.up(refresh=fleet.chance.random() < 0.5, replace=fleet.chance.random() < 0.1)


def destroy(fleet: Fleet) -> str:
    node = fleet.any()
    fleet.arm(node.engine, 12)
    return node.destroy()


def save(fleet: Fleet) -> str:
    """A node makes an address, in an existing wallet or a new one."""
    node = fleet.any()
    if not node.running:
        return "no node runs"
    [box] = node.running
    [volume] = [volume for volume in box.volumes if volume.endswith("-wallet")]
    [host] = [name for name, engine in fleet.world.hosts.items() if box.identity in engine.boxes]
    if fleet.world.hosts[host].shuts_out(volume, box.config.get("User") or USER):
        return "denied"
    fleet.saves += 1
    file = fleet.chance.choice(("mine.wlt", "ours.wlt", "new.wlt"))
    fleet.world.save((host, volume), file, address(node.name, fleet.saves, fleet.chance.random()))
    return "saved"


def back_up(fleet: Fleet) -> str:
    return _back_up(fleet.any())


def _back_up(node: Node) -> str:
    keys = node.world.keys(node.place)
    if node.lacks or not keys or node.world.torn(node.place) or node.wanted["wallet"] != node.wallet:
        return "refused"
    node.backup = node.world.files(node.place)
    return f"{len(keys)} keys"


def move_away(fleet: Fleet) -> str:
    """The operator moves a node to the other host."""
    node = fleet.any()
    if node.at is None:
        return "not deployed"
    if node.wanted["user"] != (node.preflight.inputs.get("user") or USER):
        return "refused for its user"
    [host] = {*HOSTS} - {node.at[0]}
    fleet.arm(fleet.host(), fleet.most_calls)
    return move(node, host)


def give_away(fleet: Fleet) -> str:
    """The operator gives a node's volumes to the user in the stack's file, or only some of them."""
    node, chance = fleet.any(), fleet.chance
    if chance.random() < 0.7:
        fleet.world.halt(node.boxes)
        _give(node, node.volumes)
        return node.up(refresh=chance.random() < 0.5)
    if chance.random() < 0.5:
        fleet.world.halt(node.boxes)
    _give(node, chance.sample(node.volumes, 2))
    return "half"


def _give(node: Node, volumes: Sequence[str]) -> None:
    """Run the commands that a refusal prints for these volumes, and for a container that was set aside."""
    for box in node.boxes:
        if box.policy == "always" and not box.running:
            node.world.engine_of(box).use_again(box)
    for volume in volumes:
        if volume in node.engine.volumes_there:
            node.engine.give_to(volume, node.wanted["user"])


# Mistakes, and faults of a whole host.


def others_wallet(fleet: Fleet) -> str:
    """A node's entry gets the other node's wallet volume: refused while that one has a container."""
    node = fleet.any()
    wallet = fleet.other(node).wallet
    node.wanted["wallet"] = wallet
    held = [box for box in fleet.other(node).boxes if wallet in box.volumes]
    there = [box.name for box in held if box.identity in node.engine.boxes]
    ended = _update(fleet, node)
    if there and ended in DONE:
        raise BrokenError(f"{node.name} has got {wallet}, which is that of {there}: {ended}")
    if fleet.chance.random() < 0.7:
        node.wanted["wallet"] = node.wallet
    return ended


def others_host(fleet: Fleet) -> str:
    """A node's entry gets another host, by hand: that moves no wallet, and is refused where there is one."""
    node = fleet.any()
    before = node.wanted["host"]
    [node.wanted["host"]] = {*HOSTS} - {before}
    ended = _update(fleet, node)
    if node.at not in (None, node.place) and ended in DONE:
        raise BrokenError(f"{node.name} has come to another host without its wallet: {ended}")
    if node.at is None or fleet.chance.random() < 0.7:
        node.wanted["host"] = before
    return ended


def power_cut(fleet: Fleet) -> str:
    return f"{len(fleet.host().boot())} started"


def engine_restarts(fleet: Fleet) -> str:
    return f"{len(fleet.host().restart_daemon())} runs"


def removed_by_hand(fleet: Fleet) -> str:
    engine = fleet.host()
    boxes = [*engine.boxes.values()]
    if not boxes:
        return "no container"
    engine.drop(fleet.chance.choice(boxes))
    return "removed"


def stopped_by_hand(fleet: Fleet) -> str:
    fleet.world.halt([*fleet.host().boxes.values()])
    return "stopped"


def stranger(fleet: Fleet) -> str:
    """A user runs an unrelated container on a wallet while its node is down."""
    node = fleet.any()
    engine = fleet.world.hosts[node.home]
    users = [box for box in engine.running() if node.wallet in box.volumes]
    is_there = any(box.name == STRANGER for box in engine.boxes.values())
    if users or node.wallet not in engine.volumes_there or is_there:
        return "not now"
    engine.run_stranger(STRANGER, node.wallet)
    return "runs"


def lose(fleet: Fleet) -> str:
    """Somebody does to a wallet what nobody should."""
    node, world, chance = fleet.any(), fleet.world, fleet.chance
    place = (node.home, node.wallet)
    files = world.files(place)
    how = chance.choice(
        ("one file", "all files", "older", "exchanged", "torn", "gone", "made anew", "copies")
    )
    if how == "copies":
        copies = copies_volume(node.wallet)
        world.remove(node.home, copies)
        # A refresh compares with the state's record then.
        world.recorded[place] = set(node.of_state) if node.at == place else set()
    elif how in ("gone", "made anew"):
        world.remove(*place)
        if how == "made anew":
            world.put(place, {}, USER)
    elif not files:
        return "nothing to lose"
    elif how == "older":
        world.put(place, node.backup, node.wanted["user"])
    elif how == "exchanged":
        world.put(place, {}, USER)
        world.save(place, "mine.wlt", address("somebody else's"))
    else:
        name = chance.choice(sorted(files))
        rest = {one: data for one, data in files.items() if one != name}
        world.put(place, {} if how == "all files" else rest, USER)
        if how == "torn":
            (world.hosts[node.home].folder(node.wallet) / name).write_bytes(
                files[name][: len(files[name]) // 2]
            )
    return how


# The way back.


def mend(fleet: Fleet) -> str:
    """The operator takes every mistake back, under stopped nodes, and accepts the wallets that are there."""
    for engine in fleet.world.hosts.values():
        _quieten(engine)
    for node in fleet.nodes:
        _take_back(node)
        _accept(node)
    for node in fleet.nodes:
        ended = node.up(refresh=True)
        if offered := re.search(r"wallet accept \w+ (\w+)", node.error):  # of a wallet that it had by mistake
            node.accepted = offered[1]
            ended = node.up(refresh=True)
        if ended not in DONE:
            raise BrokenError(
                f"`up` of {node.name} without a fault, on a wallet that was accepted, ended with {ended}: "
                f"{node.error}"
            )
        if (again := node.up()) != "same":
            raise BrokenError(f"the `up` of {node.name} after that one ended with {again}")
    for node in fleet.nodes:
        found = [(box.name, box.running, box.policy) for box in node.boxes]
        if found != [(node.wanted["name"], True, "unless-stopped")]:
            raise BrokenError(f"after two `up`s {node.name} has {found}")
    return "whole"


def _quieten(engine: Host) -> None:
    """Stop all containers, and remove those of strangers."""
    for box in [*engine.boxes.values()]:
        if box.name == STRANGER:
            engine.drop(box)
        else:
            engine.halt(box)


def _take_back(node: Node) -> None:
    """Give a node its own host, wallet and name back, and remove its containers that have others."""
    node.wanted |= {"host": node.home, "wallet": node.wallet}
    if node.wanted["name"] not in (own := NAMES[node.name][: 1 if node.name == "two" else 2]):
        [node.wanted["name"]] = own
    version = node.engine.chain_version(node.wanted["data"])
    node.wanted["image"] = NEXT if is_newer(version, OLD) else GOOD
    for box in node.boxes:
        if node.wallet not in box.volumes or not box.name.startswith(own):
            node.world.engine_of(box).drop(box)


def _accept(node: Node) -> None:
    """Put the backup into a wallet volume that has lost something, and accept what it holds."""
    if node.lacks or node.world.torn(node.place) or not node.world.keys(node.place):
        node.world.put(node.place, node.backup, node.wanted["user"])
    _give(node, node.volumes)
    node.accepted = node.fingerprint()


Event = Callable[[Fleet], str]

CHANGES: Mapping[Event, int] = {
    change: 12,
    update: 6,
    save: 8,
    destroy: 1,
    move_away: 2,
    give_away: 2,
    back_up: 2,
}
FAULTS: Mapping[Event, int] = {power_cut: 2, engine_restarts: 2}
"""Faults of a whole host; those of one call to an engine come within changes and mistakes."""
MISTAKES: Mapping[Event, int] = {
    others_wallet: 1,
    others_host: 1,
    removed_by_hand: 1,
    stopped_by_hand: 1,
    stranger: 1,
    lose: 1,
}
EVENTS: Mapping[Event, int] = {**CHANGES, **FAULTS, **MISTAKES, mend: 3}
"""Event → how often it comes, in proportion."""
