"""The status of a fleet as text for people, and as JSON for programs (docs/fleet-status.md)."""

import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from clients.pull import is_same
from display.columns import columns
from display.fleet import table
from display.rollback import rolled_back
from display.units import since, size
from fleet.nodes import OK, Backup, Chain, Container, Disk, FleetNode, State, Status

SCHEMA = 1
"""Version of the JSON. It grows when a key is removed or changes its meaning, not for a new key."""
PARTS = (
    ("NODE", "HOST", "STATE", "HEIGHT", "PEERS", "LAST BLOCK", "UP"),
    ("VERSION", "IMAGE", "RUNS", "RESTARTS"),
    ("BACKUP", "DISK FREE", "IMAGES"),
)
NOTHING = "–"
DIGEST = 12
"""Digits of a digest that are shown; docker shows as many."""
STYLES: Mapping[State, str] = {
    state: "yellow" if state in (State.SYNCING, State.STARTING) else "green" if state in OK else "bold red"
    for state in State
}
"""Colour of each state in a terminal."""


def text(found: Sequence[Status], now: datetime, width: int | None) -> str:
    """Table of all nodes, a line for each that needs attention or differs from its deployment, and counts."""
    lines = [table(PARTS, [_row(one, now) for one in found], width), ""]
    remarks = [remark for one in found for remark in _remarks(one)]
    return "\n".join([*lines, *remarks, *([""] if remarks else []), summary(found, now)])


def screen(found: Sequence[Status], now: datetime, width: int, height: int) -> str:
    """Text that fits a terminal of that size; if not all fits, nodes that need attention come first."""
    whole = text(found, now, width)
    if sum(len(_wrapped(line, width)) for line in whole.splitlines()) <= height:
        return whole
    ordered = sorted(found, key=lambda one: one.is_ok)
    end = ["", *_wrapped(summary(found, now), width)]
    room = max(1, height - 1 - len(end))
    shown = ordered if len(ordered) <= room else ordered[: room - 1]
    lines = columns([PARTS[0], *(_row(one, now)[: len(PARTS[0])] for one in shown)]).splitlines()
    if rest := len(ordered) - len(shown):
        lines.append(f"{rest} more nodes: all are shown without --watch")
    elif remarks := [remark for one in ordered for remark in _remarks(one)][: max(0, room - len(shown) - 1)]:
        lines += ["", *remarks]
    return "\n".join([*(line[:width] for line in lines), *end][:height])


def _wrapped(line: str, width: int) -> list[str]:
    """Lines that a line occupies in a terminal of that width."""
    return textwrap.wrap(line, width) or [""]


def summary(found: Sequence[Status], now: datetime) -> str:
    """Line such as `4 nodes on 3 hosts: 3 synced, 1 stuck`."""
    hosts = len({one.node.host for one in found})
    counts = Counter(one.state for one in found)
    states = ", ".join(f"{counts[state]} {_plural(state, counts[state])}" for state in State if counts[state])
    nodes = f"{len(found)} node{'' if len(found) == 1 else 's'} on {hosts} host{'' if hosts == 1 else 's'}"
    return f"{now.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC, {nodes}: {states}"


def _plural(state: State, count: int) -> str:
    several = {State.NO_ANSWER: "do not answer", State.NO_PEERS: "without peers"}
    one = {State.NO_PEERS: "without peers"}
    return (one if count == 1 else several).get(state, state.value)


def _remarks(one: Status) -> list[str]:
    node = one.node
    where = node.name if node.name == node.host else f"{node.name} on host {node.host}"
    remarks = [] if one.is_ok else [f"{where}: {one.state}: {one.reason}"]
    if one.container is not None and not is_same(one.container.image, node.image):
        remarks.append(f"{where}: it runs {one.container.image}, and the stack has {node.image}")
    if node.rollback is not None:
        remarks.append(rolled_back(node.name, node.stack, node.rollback))
    return remarks


def _row(one: Status, now: datetime) -> list[str]:
    chain, container = one.chain, one.container
    return [
        one.node.name,
        one.node.host,
        one.state.value,
        NOTHING if chain is None else _height(chain),
        NOTHING if chain is None else str(chain.peers),
        NOTHING if chain is None else since((now - chain.last_block).total_seconds()),
        since(container.seconds) if container and container.status == "running" else NOTHING,
        NOTHING if chain is None else chain.version,
        _image(one),
        one.node.runs or NOTHING,
        NOTHING if container is None else str(container.restarts),
        _backup(one.node.backup, now),
        NOTHING if one.disk is None else size(one.disk.free),
        NOTHING if one.images is None else f"{one.images.count}, {size(one.images.size)}",
    ]


def _height(chain: Chain) -> str:
    is_behind = chain.highest is not None and chain.highest > chain.height
    return f"{chain.height} of {chain.highest}" if is_behind else str(chain.height)


def _image(one: Status) -> str:
    """Tag and short digest, of the running image if that is known."""
    image = one.container.image if one.container else one.node.image
    tag = one.node.tag if is_same(image, one.node.image) else ""
    digest = image.rpartition("@sha256:")[2][:DIGEST]
    return f"{tag}@{digest}" if tag else digest


def _backup(backup: Backup | None, now: datetime) -> str:
    if backup is None:
        return "none"
    return "gone" if backup.is_gone else since((now - backup.time).total_seconds())


def as_json(stack: str, found: Sequence[Status], now: datetime) -> dict[str, Any]:
    """JSON value of the whole report; docs/fleet-status.md describes each key."""
    return {
        "schema": SCHEMA,
        "stack": stack,
        "time": _time(now),
        "ok": all(one.is_ok for one in found),
        "nodes": [_node(one, now) for one in found],
    }


def _node(one: Status, now: datetime) -> dict[str, Any]:
    node = one.node
    return {
        "node": node.name,
        "host": node.host,
        "state": one.state.value,
        "ok": one.is_ok,
        "reason": one.reason,
        "runs": node.runs or None,
        "image": {"deployed": node.image, "tag": node.tag or None},
        "container": _container(node, one.container),
        "chain": _chain(one.chain, now),
        "disk": _disk(one.disk),
        "images": None if one.images is None else {"count": one.images.count, "size": one.images.size},
        "backup": _known(node.backup, now),
        "rollback": None if node.rollback is None else {**node.rollback},
    }


def _container(node: FleetNode, found: Container | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "name": node.container,
        "image": found.image,
        "status": found.status,
        "health": found.health or None,
        "exit_code": None if found.status == "running" else found.exit_code,
        "restarts": found.restarts,
        "seconds": found.seconds,
    }


def _chain(found: Chain | None, now: datetime) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "version": found.version,
        "height": found.height,
        "highest": found.highest,
        "peers": found.peers,
        "last_block": _time(found.last_block),
        "last_block_seconds": int((now - found.last_block).total_seconds()),
    }


def _disk(found: Disk | None) -> dict[str, Any] | None:
    return None if found is None else {"free": found.free, "total": found.total}


def _known(backup: Backup | None, now: datetime) -> dict[str, Any] | None:
    if backup is None:
        return None
    return {
        "time": _time(backup.time),
        "seconds": int((now - backup.time).total_seconds()),
        "file": backup.file,
        "gone": backup.is_gone,
    }


def _time(time: datetime) -> str:
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
