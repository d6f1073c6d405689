"""Times first deployments to boards, all at once and in waves, with images from the set-up's registry.

The boards are those of the end-to-end tests: network namespaces, each with an sshd and an engine of its own.
They run on this machine's processor, so each gets a small quota of it: like those of a fleet, they are slower
than the operator's machine, and one does not take time from another.
"""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from bench.ratio import Ratio, in_turn
from bench.running import pulumi
from local.machine.layout import PROJECT, Layout
from local.machine.steps import SetupError
from local.stacks.files import STACK
from local.stacks.stack import init_aside
from tests.e2e.boards import Board, end_boards, start_board

STACK_OF_BOARDS = "bench-boards"
BOARDS = 8
FIRST = 200
"""Number of the first board; the tests use lower ones."""
WAVES: Mapping[str, Any] = {"first": "bench-0", "waves": [1, 4]}
"""The rollout of docs/stacks.md: one board, four, then the rest."""
COUNT_OF_WAVES = 3
CORES = 0.15
"""Processor time of a board, in cores: together, the boards leave two fifths of two cores free."""
AT_ONCE, A_WAVE = 1.6, 1.2
"""Targets for deploying to all boards, as multiples of the time for one: at once, and for each wave."""
WIPE = (
    "docker ps -aq | xargs -r docker rm -f; docker volume ls -q | xargs -r docker volume rm -f; "
    "docker network prune -f; docker image ls -aq | xargs -r docker rmi -f"
)


def at_once(layout: Layout, env: Mapping[str, str], rounds: int) -> Ratio:
    """Compare a deployment to all boards at once with one to a single board."""
    name = f"deploy to {BOARDS} boards at once / to one"
    return _compared(layout, env, rounds, name=name, target=AT_ONCE, changes={})


def in_waves(layout: Layout, env: Mapping[str, str], rounds: int) -> Ratio:
    """Compare a deployment to all boards in waves with one to a single board."""
    name = f"deploy to {BOARDS} boards in {COUNT_OF_WAVES} waves / to one"
    target = A_WAVE * COUNT_OF_WAVES
    return _compared(layout, env, rounds, name=name, target=target, changes={"skycoin:rollout": WAVES})


def _compared(
    layout: Layout,
    env: Mapping[str, str],
    rounds: int,
    *,
    name: str,
    target: float,
    changes: Mapping[str, Any],
) -> Ratio:
    with started(layout, BOARDS) as boards, tempfile.TemporaryDirectory() as folder:
        all_boards = written(Path(folder) / "all", {**settings(boards), **changes})
        peer = written(Path(folder) / "one", settings(boards[:1]))
        with fresh_stack(layout, env, boards) as fresh:
            times = in_turn(lambda: up(env, all_boards), lambda: up(env, peer), rounds, before=fresh)
    return Ratio(name=name, unit="s", ours=times[0], peer=times[1], target=target)


def settings(boards: Sequence[Board]) -> dict[str, Any]:
    """Configuration of a stack with a node on each board, from the image that `make up` has published."""
    return {
        "skycoin:images-from": f"organization/skycoin/{STACK}",
        "skycoin:hosts": {board.name: {**board.host, "arch": "amd64"} for board in boards},
        "skycoin:nodes": {
            board.name: {"image": "skycoin", "host": board.name, "network": "none"} for board in boards
        },
    }


@contextmanager
def started(layout: Layout, count: int) -> Iterator[Sequence[Board]]:
    """Start this number of boards, and stop them in any case; stop those of a killed run first."""
    if os.geteuid() != 0:
        raise SetupError(
            "The boards of this case are network namespaces, which require root: sudo make bench."
        )
    if shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin") is None:
        raise SetupError("The boards of this case need sshd: install Debian's openssh-server.")
    end_boards(layout.state)
    try:
        yield [start_board(layout, f"bench-{number}", FIRST + number, cores=CORES) for number in range(count)]
    finally:
        end_boards(layout.state)


@contextmanager
def fresh_stack(
    layout: Layout, env: Mapping[str, str], boards: Sequence[Board]
) -> Iterator[Callable[[], None]]:
    """Yield a function that empties the boards and recreates their stack; remove the stack at the end."""

    def fresh() -> None:
        _forget(env)
        init_aside(layout, STACK_OF_BOARDS, env)
        with ThreadPoolExecutor(len(boards)) as pool:
            list(pool.map(lambda board: board.run("sh", "-c", WIPE), boards))

    try:
        yield fresh
    finally:
        _forget(env)


def _forget(env: Mapping[str, str]) -> None:
    """Remove the stack if it exists, even if a killed run has left it locked."""
    for command in (
        ("cancel", "--yes", STACK_OF_BOARDS),
        ("stack", "rm", "--yes", "--force", "--preserve-config", STACK_OF_BOARDS),
    ):
        with contextlib.suppress(SetupError):
            pulumi(env, PROJECT, *command)


def written(folder: Path, config: Mapping[str, Any]) -> Path:
    """Write this configuration of the stack into a new folder; returns the file."""
    folder.mkdir()
    file = folder / f"Pulumi.{STACK_OF_BOARDS}.yaml"
    file.write_text(yaml.safe_dump({"config": dict(config)}))
    return file


def up(env: Mapping[str, str], file: Path) -> None:
    """Deploy the stack with the configuration in this file."""
    options = ("--stack", STACK_OF_BOARDS, "--config-file", str(file))
    pulumi(env, PROJECT, "up", "--yes", "--skip-preview", *options)
