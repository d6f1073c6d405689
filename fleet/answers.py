"""Parse the answers of a node and its engine into values.

An unexpected form is an error; its meaning is never guessed.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from catalogue.node_container import API, DATA, OFFLINE
from clients.foreign import MALFORMED, count, line, word
from display.errors import UserError
from fleet.nodes import Chain, Container, Disk

WGET_SECONDS = 8
_CUT = "---"
"""Line between two answers; no line of the node's JSON equals it."""
# Not `wget -T`: the one in Debian's busybox 1.35 crashes (segmentation fault) with it.
QUESTIONS = "\n".join(
    [
        f"for path in health blockchain/progress; do timeout {WGET_SECONDS} wget -q -O - "
        f"{API}/$path 2>&1; echo; echo {_CUT}; done",
        f"df -Pk {DATA} 2>&1 | tail -n 1",
    ]
)
"""Script for a node's container; it needs only programs of the node's image, and nothing on the host."""
_MALFORMED = (*MALFORMED, OSError)


class AnswerError(UserError):
    """Raised if a node did not answer, or answered in a form other than that of v0.27.1.

    The message is one printable line.
    """

    def __init__(self, message: str) -> None:
        super().__init__(line(message))


def chain_and_disk(text: str) -> tuple[Chain | AnswerError, Disk | None]:
    """Parse the output of QUESTIONS. An error in the node's answers is returned; an unknown disk is None."""
    parts = [part.strip() for part in f"\n{text}".split(f"\n{_CUT}\n")]
    if len(parts) != 3:
        return AnswerError(_last_line(text) or "it printed nothing"), None
    try:
        return _chain(parts[0], parts[1]), _disk(parts[2])
    except AnswerError as error:
        return error, _disk(parts[2])


def _chain(health: str, progress: str) -> Chain:
    report, heights = _json("health", health), _json("blockchain/progress", progress)
    try:
        head = report["blockchain"]["head"]
        return Chain(
            version=word(report["version"]["version"]),
            height=count(head["seq"]),
            highest=_plausible_height([count(peer["height"]) for peer in heights["peers"]]),
            peers=count(report["open_connections"]),
            last_block=datetime.fromtimestamp(int(head["timestamp"]), UTC),
        )
    except _MALFORMED as error:
        raise AnswerError(f"its API does not answer in the form of v0.27.1: {error!r}") from None


def _plausible_height(heights: list[int]) -> int | None:
    """Second-highest of the peers' heights, because a single peer may report any number; or the only one."""
    return sorted(heights)[-2:][0] if heights else None


def _json(path: str, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        answer = _last_line(text) or f"nothing in {WGET_SECONDS} s"
        raise AnswerError(f"/api/v1/{path} answers: {answer}") from None


def _disk(printed: str) -> Disk | None:
    """Parse a line of `df -Pk`: device, size, used, available, share, mount point."""
    try:
        _, total, _, free, *_ = printed.split()
        return Disk(free=count(int(free) * 1024), total=count(int(total) * 1024))
    except ValueError:
        return None


def container_of(inspection: Mapping[str, Any], now: datetime) -> Container:
    """Parse an engine's inspection; `now` is the time by its host's clock. Raises AnswerError."""
    try:
        state, config = inspection["State"], inspection["Config"]
        since = state["StartedAt"] if state["Running"] else state.get("FinishedAt") or state["StartedAt"]
        return Container(
            identity=word(inspection["Id"]),
            image=word(config["Image"]),
            status=word(state["Status"]),
            health=word((state.get("Health") or {}).get("Status") or ""),
            exit_code=count(state.get("ExitCode") or 0, least=-1),
            restarts=count(inspection.get("RestartCount") or 0),
            seconds=max(0, int((now - time_of(since)).total_seconds())),
            is_offline=OFFLINE in (config.get("Cmd") or ()),
        )
    except _MALFORMED as error:
        raise AnswerError(f"its engine does not answer in Docker's form: {error!r}") from None


def time_of(text: str) -> datetime:
    """Parse a time as Docker writes it, with nanoseconds. Raises ValueError."""
    time = datetime.fromisoformat(text)
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _last_line(text: str) -> str:
    return text.strip().rpartition("\n")[2].strip()
