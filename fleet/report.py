"""The status of a fleet as text for people, and as JSON for programs (docs/fleet-status.md)."""

import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from clients.deployed_nodes import DeployedNode
from clients.pull import is_same
from display.columns import columns
from display.fleet import table
from display.rollback import rolled_back
from display.units import count_of, since, size
from fleet.nodes import OK, Backup, Chain, Container, Disk, State, Status

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


def text(statuses: Sequence[Status], now: datetime, width: int | None) -> str:
    """Table of all nodes, lines about those that need attention, differ or are rolled back, and counts."""
    lines = [table(PARTS, [_row(status, now) for status in statuses], width), ""]
    remarks = [remark for status in statuses for remark in _remarks(status)]
    return "\n".join([*lines, *remarks, *([""] if remarks else []), summary(statuses, now)])


def screen(statuses: Sequence[Status], now: datetime, width: int, height: int) -> str:
    """Text that fits a terminal of that size; if not all fits, nodes that need attention come first."""
    whole = text(statuses, now, width)
    if sum(len(_wrapped(line, width)) for line in whole.splitlines()) <= height:
        return whole
    ordered = sorted(statuses, key=lambda status: status.is_ok)
    end = ["", *_wrapped(summary(statuses, now), width)]
    room = max(1, height - 1 - len(end))
    shown = ordered if len(ordered) <= room else ordered[: room - 1]
    lines = columns([PARTS[0], *(_row(status, now)[: len(PARTS[0])] for status in shown)]).splitlines()
    if rest := len(ordered) - len(shown):
        lines.append(f"{rest} more nodes: all are shown without --watch")
    elif remarks := [remark for status in ordered for remark in _remarks(status)][
        : max(0, room - len(shown) - 1)
    ]:
        lines += ["", *remarks]
    return "\n".join([*(line[:width] for line in lines), *end][:height])


def _wrapped(line: str, width: int) -> list[str]:
    """Lines that a line occupies in a terminal of that width."""
    return textwrap.wrap(line, width) or [""]


def summary(statuses: Sequence[Status], now: datetime) -> str:
    """Line such as `2026-11-25 18:00:00 UTC, 4 nodes on 3 hosts: 3 synced, 1 stuck`."""
    hosts = len({status.node.deployed.host for status in statuses})
    counts = Counter(status.state for status in statuses)
    states = ", ".join(f"{counts[state]} {_plural(state, counts[state])}" for state in State if counts[state])
    nodes = f"{count_of(len(statuses), 'node')} on {count_of(hosts, 'host')}"
    return f"{now.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC, {nodes}: {states}"


def _plural(state: State, count: int) -> str:
    several = {State.NO_ANSWER: "do not answer", State.NO_PEERS: "without peers"}
    single = {State.NO_PEERS: "without peers"}
    return (single if count == 1 else several).get(state, state.value)


def _remarks(status: Status) -> list[str]:
    node = status.node.deployed
    where = node.name if node.name == node.host else node.where
    remarks = [] if status.is_ok else [f"{where}: {status.state}: {status.reason}"]
    if status.container is not None and not is_same(status.container.image, node.image):
        remarks.append(f"{where}: it runs {status.container.image}, and the stack has {node.image}")
    if node.rollback is not None:
        remarks.append(rolled_back(node.name, node.stack, node.rollback))
    return remarks


def _row(status: Status, now: datetime) -> list[str]:
    node, chain, container = status.node.deployed, status.chain, status.container
    return [
        node.name,
        node.host,
        status.state.value,
        NOTHING if chain is None else _height(chain),
        NOTHING if chain is None else str(chain.peers),
        NOTHING if chain is None else since((now - chain.last_block).total_seconds()),
        since(container.seconds) if container and container.status == "running" else NOTHING,
        NOTHING if chain is None else chain.version,
        _image(status),
        node.runs or NOTHING,
        NOTHING if container is None else str(container.restarts),
        _backup(status.node.backup, now),
        NOTHING if status.disk is None else size(status.disk.free),
        NOTHING if status.images is None else f"{status.images.count}, {size(status.images.size)}",
    ]


def _height(chain: Chain) -> str:
    is_behind = chain.highest is not None and chain.highest > chain.height
    return f"{chain.height} of {chain.highest}" if is_behind else str(chain.height)


def _image(status: Status) -> str:
    """Tag and short digest, of the running image if that is known."""
    image = status.container.image if status.container else status.node.deployed.image
    tag = status.node.tag if is_same(image, status.node.deployed.image) else ""
    digest = image.rpartition("@sha256:")[2][:DIGEST]
    return f"{tag}@{digest}" if tag else digest or NOTHING


def _backup(backup: Backup | None, now: datetime) -> str:
    if backup is None:
        return "none"
    return "gone" if backup.is_gone else since((now - backup.time).total_seconds())


def as_json(stack: str, statuses: Sequence[Status], now: datetime) -> dict[str, Any]:
    """JSON value of the whole report; docs/fleet-status.md describes each key."""
    return {
        "schema": SCHEMA,
        "stack": stack,
        "time": _time(now),
        "ok": all(status.is_ok for status in statuses),
        "nodes": [_node(status, now) for status in statuses],
    }


def _node(status: Status, now: datetime) -> dict[str, Any]:
    node = status.node.deployed
    return {
        "node": node.name,
        "host": node.host,
        "state": status.state.value,
        "ok": status.is_ok,
        "reason": status.reason,
        "runs": node.runs or None,
        "image": {"deployed": node.image or None, "tag": status.node.tag or None},
        "container": _container(node, status.container),
        "chain": _chain(status.chain, now),
        "disk": _disk(status.disk),
        "images": None
        if status.images is None
        else {"count": status.images.count, "size": status.images.size},
        "backup": _known(status.node.backup, now),
        "rollback": None if node.rollback is None else {**node.rollback},
    }


def _container(node: DeployedNode, container: Container | None) -> dict[str, Any] | None:
    if container is None:
        return None
    return {
        "name": node.container,
        "image": container.image,
        "status": container.status,
        "health": container.health or None,
        "exit_code": None if container.status == "running" else container.exit_code,
        "restarts": container.restarts,
        "seconds": container.seconds,
    }


def _chain(chain: Chain | None, now: datetime) -> dict[str, Any] | None:
    if chain is None:
        return None
    return {
        "version": chain.version,
        "height": chain.height,
        "highest": chain.highest,
        "peers": chain.peers,
        "last_block": _time(chain.last_block),
        "last_block_seconds": int((now - chain.last_block).total_seconds()),
    }


def _disk(disk: Disk | None) -> dict[str, Any] | None:
    return None if disk is None else {"free": disk.free, "total": disk.total}


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
