"""`./skyinfra node move` in a simulated world: the real move, and a pulumi that updates the world's node."""

import contextlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import pytest

from commands.backend import Backend
from commands.node import moving, removal
from commands.node.origin import Origin, in_state
from display.errors import UserError
from tests.integration.world import BrokenError
from tests.integration.world_node import DONE, Node
from tests.unit.node_engine import Killed
from wallets.errors import WalletError

FAILED = 255
"""Exit code of a pulumi that fails."""


@dataclass(frozen=True)
class _Stack:
    """The backend with the stack of one node, and its pulumi."""

    node: Node
    env: Mapping[str, str]
    update_log: None = None

    def resources(self, _: str) -> list[dict[str, Any]]:
        node, stack = self.node, f"urn:pulumi:of-{self.node.name}::skycoin"
        owner = f"{stack}::skycoin:index:Node::{node.name}"
        volume = "docker:index/volume:Volume"
        made: list[dict[str, Any]] = [{"urn": owner, "type": "skycoin:index:Node"}]
        if node.preflight.identity:
            made.append(
                {
                    "urn": f"{stack}::skycoin:index:Node${volume}::{node.name}-wallet",
                    "type": volume,
                    "parent": owner,
                    "inputs": {"name": node.preflight.inputs["wallet"]},
                    "protect": True,
                }
            )
        parts = {"Preflight": node.preflight, "NodeContainer": node.container}
        return [
            *made,
            *(
                {
                    "urn": node.urn(kind),
                    "type": f"skycoin:index:{kind}",
                    "parent": owner,
                    "inputs": part.inputs,
                    "outputs": part.outputs,
                }
                for kind, part in parts.items()
                if part.identity
            ),
        ]

    def pulumi(self, command: Sequence[str], *_: object) -> int:
        if command[0] == "destroy":
            return 0 if self.node.destroy() == "destroyed" else FAILED
        if command[0] == "up":
            return 0 if self.node.up() in DONE else FAILED
        return 0

    def write(self, _stack: str, text: str, _before: str) -> None:
        """Write the new host, after the wallet was recorded there."""
        self.node.wanted["host"] = text
        self.node.world.recorded[self.node.place] = self.node.world.keys(self.node.place)


def move(node: Node, host: str) -> str:
    """Move a deployed node; returns how it ended."""
    world, came_from = node.world, node.at
    assert came_from is not None
    before, carried, said = world.kept, world.keys(came_from), io.StringIO()
    world.left.discard((host, node.wanted["wallet"]))
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            code = _run(node, host)
    except (UserError, WalletError, Killed) as error:
        node.error, code = f"{error}", type(error).__name__
    finally:
        for engine in world.hosts.values():
            engine.disarm()
    world.said += said.getvalue() + node.error
    world.judge(before)
    if code != "0":
        return code
    if lacks := carried - world.keys(node.place):
        raise BrokenError(f"a move has left {sorted(lacks)} behind")
    world.left.add(came_from)
    return "moved"


def _run(node: Node, host: str) -> str:
    backend = _Stack(node, {})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("wallets.volumes.of_node.connect", lambda place: node.world.hosts[place["host"]].client)
        patch.setattr("wallets.volumes.volume.PAUSE", 0)
        patch.setattr(moving, "temporary_stack_file", lambda *_: contextlib.nullcontext([]))
        patch.setattr(moving, "refuse_edited", lambda *_: None)
        patch.setattr(moving, "write_stack_file", backend.write)
        for module in (moving, removal):
            patch.setattr(module, "pulumi", backend.pulumi)
        source, remembers = in_state(f"of-{node.name}", node.name, backend.resources(""))
        target = replace(
            source,
            host=host,
            engine=f"ssh://pi@{host}.lan",
            container=node.wanted["name"],
            wallet=node.wanted["wallet"],
        )
        origin = Origin(source, remembers, None, (), older=False)
        run = moving.Move(cast("Backend", backend), source, target, origin, source.host, host)
        return str(run.run(yes=True))
