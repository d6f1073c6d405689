"""A watchdog on a host behind ssh, for the duration of a handover (docs/adr/0030).

If a board loses its connection during a handover, its old node is stopped and no command can reach it. The
watchdog starts that node again. It is a detached shell on the board, which ends on its own. Nothing is
installed, and no socket enters a container.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from catalogue.node_container import WALLET, stop_seconds
from clients.engine import engine_address
from clients.errors import ServiceError
from clients.ssh import start_detached
from providers.kind import Values
from providers.log import Warn
from providers.skycoin.chain_database import SCRIPT as CHAIN
from providers.skycoin.chain_database import mounted_volume
from providers.skycoin.handover import grace_of

SCRIPT = Path(__file__).with_name("watchdog.sh").read_text()
MARGIN = 120
"""Seconds added to grace and wait: a slow board must also create, start and confirm a container."""


def start_watchdog(place: Mapping[str, Any], old: Values, attempt: str, proxy: str, warn: Warn) -> None:
    """Make the host restore the container `old` if the new container is not confirmed in time.

    `place` has the inputs of the node's container. `proxy` is the id of the stopped proxy, or empty.

    Do nothing for a host that is not behind ssh, which can't lose its connection. If ssh can't start the
    watchdog, a warning says so.
    """
    engine = engine_address(place.get("engine"))
    if not engine.startswith("ssh://"):
        return
    grace = grace_of(place)
    seconds = stop_seconds(old, grace) + int(place.get("waitTimeout") or 0) + MARGIN
    arguments = [
        old["Name"].lstrip("/"),
        old["Id"],
        old["State"]["StartedAt"],
        attempt,
        str(seconds),
        str(grace),
        # The old node writes to this wallet volume, even if the new node gets another.
        mounted_volume(old, WALLET),
        mounted_volume(old),
        CHAIN,
        proxy,
        place["wallet"],
    ]
    try:
        start_detached(engine, place.get("sshOptions") or (), SCRIPT, arguments)
    except ServiceError as error:
        warn(
            f"host {place['host']}: no watchdog was started; if it loses its connection in the next "
            f"minutes, its node stays stopped until it reboots or the next `pulumi up`: {error}"
        )
