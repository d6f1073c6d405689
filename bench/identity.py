"""Times the check of an unchanged node's wallet in an `up`, on this machine's engine and over ssh.

It is the plugin's own check. Over ssh, the limit includes the time of one more login: reading the wallets in
the node's container ends the connection, so the next request to the host logs in again.
"""

import subprocess
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from bench.boards import STACK_OF_BOARDS, fresh_stack, settings, started, up, written
from bench.ratio import Ratio, seconds
from clients.engine import connect
from clients.pulumi import deployment
from clients.ssh import ssh_command
from clients.wallet_on_host import WalletOnHost
from local.machine.layout import Layout
from local.machine.steps import SetupError
from local.stacks.files import STACK
from providers.skycoin.wallet_identity import IDENTITY, refreshed

LIMIT = 0.2
"""Seconds that the check may add for each node to an `up` that changes nothing."""
PREFLIGHT = "skycoin:index:Preflight"


def local(_: Layout, env: Mapping[str, str], rounds: int) -> Ratio:
    """Compare the check on this machine's engine with its limit."""
    return _checked("on this machine", _preflights(STACK, env), rounds, lambda: None)


def over_ssh(layout: Layout, env: Mapping[str, str], rounds: int) -> Ratio:
    """Compare the check of a node on a board with its limit and a login."""
    with started(layout, 1) as boards, tempfile.TemporaryDirectory() as folder:
        file = written(Path(folder) / "one", settings(boards))
        with fresh_stack(layout, env, boards) as fresh:
            fresh()
            up(env, file)
            command = ssh_command(boards[0].engine, boards[0].ssh_options, "true")
            preflights = _preflights(STACK_OF_BOARDS, env)
            return _checked("over ssh", preflights, rounds, lambda: subprocess.run(command, check=True))


def _checked(
    where: str, preflights: Iterable[Mapping[str, Any]], rounds: int, login: Callable[[], object]
) -> Ratio:
    """Time the check of the first of these nodes, `rounds` times, without the first, which connects."""
    preflight = next(iter(preflights), None)
    if preflight is None:
        raise SetupError("no node has a wallet with an id yet: run `make up` first, then again.")
    inputs, state = preflight["inputs"], preflight["outputs"]

    def check() -> None:
        wallet = WalletOnHost(connect(inputs), inputs, inputs["container"])
        found = refreshed(wallet, inputs, state)
        if found.get(IDENTITY) != state[IDENTITY]:
            raise SetupError(f"the wallet of {inputs['container']} was not read: {found}")

    times = [seconds(check) for _ in range(rounds + 1)][1:]
    limits = [LIMIT + seconds(login) for _ in range(rounds)]
    name = f"check of an unchanged wallet, {where} / its limit"
    return Ratio(name=name, unit="s", ours=times, peer=limits, target=1.0)


def _preflights(stack: str, env: Mapping[str, str]) -> Iterable[Mapping[str, Any]]:
    resources = deployment(stack, env).get("resources") or []
    return (entry for entry in resources if entry["type"] == PREFLIGHT and entry["outputs"].get(IDENTITY))
