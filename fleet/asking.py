"""Ask one host for the status of its engine and its nodes, over one connection.

A node's API is published on its host's loopback only, so requests run inside its own container. Nothing on
the host is changed, and nothing needs to be installed there.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

from docker.errors import APIError, DockerException, NotFound
from requests.exceptions import ConnectionError as RequestsConnectionError
from requests.exceptions import RequestException, Timeout

from clients.engine import Engine
from clients.errors import FormError, ServiceError, message_of
from clients.foreign import MALFORMED, line
from clients.stored_images import own_images
from fleet.answers import QUESTIONS, AnswerError, chain_and_disk, container_of, time_of
from fleet.nodes import Chain, Container, Disk, FleetNode, Images, State, Status

REQUEST_SECONDS = 20
"""Time limit of one request, in seconds."""
GROWTH_SECONDS = 300
"""Seconds without a new block after which a node is stuck if it lacks blocks.

A node without peers has the same time to find its first one.

A node asks its peers for blocks every minute (BlocksRequestRate in src/daemon/daemon.go of v0.27.1).
"""
LOG_LINES = 2000
ADDED = b"Added new block"
"""Message of v0.27.1 for each new block (src/daemon/messages.go); every log level includes it."""
PAUSE = 3.0
"""Seconds until a node that seems stuck is asked again."""

_Answer = TypeVar("_Answer")


class StatusError(ServiceError):
    """A host did not answer; the message contains only the reason, as one printable line."""

    def __init__(self, reason: str) -> None:
        super().__init__(line(reason))


class HostConnection:
    """Connection to one engine, opened for the first question and again after a failure."""

    def __init__(self, engine: str | None, ssh_options: Sequence[str]) -> None:
        self._address = engine
        self._options = ssh_options
        self._client: Any = None

    def statuses(self, nodes: Sequence[FleetNode]) -> list[Status]:
        """Ask for the status of the host's nodes. Raises StatusError."""
        try:
            return statuses(self._connected(), nodes)
        except FormError as error:
            self.close()
            raise StatusError(str(error)) from error
        except (StatusError, APIError) as error:
            self.close()
            if isinstance(error, StatusError):
                raise
            raise StatusError(f"its engine refuses: {message_of(error)}") from error

    def close(self) -> None:
        """Close the connection."""
        if self._client is not None:
            self._client.close()
        self._client = None

    def _connected(self) -> Any:
        if self._client is None:
            engine = Engine()
            engine.configure({"host": self._address, "sshOpts": self._options})
            self._client = _of_host(engine.client)
            self._client.api.timeout = REQUEST_SECONDS
        return self._client


def statuses(client: Any, nodes: Sequence[FleetNode], pause: float = PAUSE) -> list[Status]:
    """Ask an engine for its state and that of its nodes. Raises StatusError."""
    now = _of_host(lambda: time_of(client.api.info()["SystemTime"]))
    collected = [_status(client, node, now, pause) for node in nodes]
    # A stopped node can't report the free space of a disk that it shares with another node.
    disk = next((status.disk for status in collected if status.disk), None)
    images = _images(client, frozenset().union(*(node.repositories for node in nodes)))
    return [replace(status, disk=status.disk or disk, images=images) for status in collected]


def _images(client: Any, repositories: frozenset[str]) -> Images | None:
    """Images of this program on the host; None if its engine can't list them."""
    try:
        images = _of_host(lambda: own_images(client.api, repositories))
    except (APIError, FormError):
        return None
    return Images(count=len(images), size=sum(image.size for image in images))


def _status(client: Any, node: FleetNode, now: datetime, pause: float) -> Status:
    try:
        container = container_of(_of_host(lambda: client.api.inspect_container(node.deployed.container)), now)
    except NotFound:
        reason = f"its host has no container {node.deployed.container}: the next `up` creates it again"
        return Status(node=node, state=State.MISSING, reason=reason)
    except (AnswerError, FormError) as error:
        return Status(node=node, state=State.UNHEALTHY, reason=str(error))
    if container.status != "running":
        return _at_rest(node, container)
    chain, disk = _ask(client, container)
    if isinstance(chain, AnswerError):
        return _not_answering(node, container, disk, str(chain))
    state, reason = _assess(client, node, container, chain, now, pause)
    return Status(node=node, state=state, reason=reason, container=container, chain=chain, disk=disk)


def _at_rest(node: FleetNode, container: Container) -> Status:
    if container.status == "restarting":
        state, reason = State.RESTARTING, f"it keeps exiting, with exit code {container.exit_code}"
    elif container.status == "exited":
        state, reason = State.STOPPED, f"it ended with exit code {container.exit_code}"
    else:
        state, reason = State.STOPPED, f"its container is {container.status}"
    return Status(node=node, state=state, reason=f"{reason}: {_logs(node)}", container=container)


def _logs(node: FleetNode) -> str:
    return _command(node, "logs --tail 50")


def _command(node: FleetNode, command: str) -> str:
    """Docker command for the node's container, quoted."""
    return f"`{node.deployed.docker} {command} {node.deployed.container}`"


def _not_answering(node: FleetNode, container: Container, disk: Disk | None, problem: str) -> Status:
    state = State.STARTING if container.health == "starting" else State.UNHEALTHY
    reason = "" if state is State.STARTING else f"{problem}: {_logs(node)}"
    return Status(node=node, state=state, reason=reason, container=container, disk=disk)


def _assess(
    client: Any, node: FleetNode, container: Container, chain: Chain, now: datetime, pause: float
) -> tuple[State, str]:
    """State of a node that answers, and the reason if it needs attention."""
    if container.health == "unhealthy":
        return State.UNHEALTHY, f"its health check fails: {_command(node, 'inspect')}"
    if container.is_offline:
        return State.OFFLINE, ""
    is_young = container.seconds < GROWTH_SECONDS
    if chain.highest is None:
        reason = "it has no peer: its host may not reach the network, or its port may be closed"
        return (State.STARTING, "") if is_young else (State.NO_PEERS, reason)
    if chain.height >= chain.highest:
        return State.SYNCED, ""
    if is_young or _adds_blocks(client, container, now) or _has_grown(client, container, chain, pause):
        return State.SYNCING, ""
    lacks = f"it has block {chain.height} of {chain.highest} and added none in {GROWTH_SECONDS // 60} min"
    return State.STUCK, f"{lacks}: {_logs(node)}"


def _has_grown(client: Any, container: Container, chain: Chain, pause: float) -> bool:
    """True if a node adds a block within a pause: it only lacked one that had just been published."""
    time.sleep(pause)
    later, _ = _ask(client, container)
    return isinstance(later, Chain) and later.height > chain.height


def _adds_blocks(client: Any, container: Container, now: datetime) -> bool:
    """True if the node's log has a recently added block. Times in the log are of the host's clock."""
    since = int(now.timestamp()) - GROWTH_SECONDS
    text: bytes = _of_host(lambda: client.api.logs(container.identity, since=since, tail=LOG_LINES))
    return ADDED in text


def _ask(client: Any, container: Container) -> tuple[Chain | AnswerError, Disk | None]:
    """Answers of a node's API, requested in its own container."""

    def run() -> bytes:
        begun = client.api.exec_create(container.identity, ["sh", "-c", QUESTIONS])
        printed: bytes = client.api.exec_start(begun["Id"])
        return printed

    try:
        return chain_and_disk(_of_host(run).decode(errors="replace"))
    except NotFound as error:  # it has ended in the meantime
        return AnswerError(str(error.explanation)), None
    except APIError as error:
        return AnswerError(f"its container starts no program: {message_of(error)}"), None


def _of_host(question: Callable[[], _Answer]) -> _Answer:
    """Answer of an engine.

    Raises docker's errors if it refuses, FormError for another form, and StatusError if it does not answer.
    """
    try:
        return question()
    except (APIError, FormError):
        raise
    except ServiceError as error:
        reason = str(error).partition("\n")[0]
        raise StatusError(reason.partition(": ")[2] or reason) from error
    except Timeout as error:
        raise StatusError(f"it stopped answering: nothing in {REQUEST_SECONDS} s") from error
    except RequestsConnectionError as error:
        raise StatusError("it stopped answering: the connection was cut") from error
    except (DockerException, RequestException, OSError) as error:
        raise StatusError(f"it stopped answering: {error}") from error
    except MALFORMED as error:
        raise StatusError(f"its engine does not answer in Docker's form: {error!r}") from error
