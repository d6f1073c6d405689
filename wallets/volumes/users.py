"""Containers on a wallet: nodes that run on it, and commands that write to it. A wallet has one writer."""

from typing import Any

from catalogue.node_container import ALIVE, GRACE, WALLET_HELPER, WALLET_READER, WALLET_WRITER
from clients.volumes import users
from wallets.errors import WalletError
from wallets.volumes.processes import has_ended
from wallets.volumes.volume import WalletVolume


class InUseError(WalletError):
    """Error for a wallet on which another container runs, or another command writes."""


def refuse_users(volume: WalletVolume) -> None:
    """Raise WalletError if another container is running on the wallet, or a command is writing to it."""
    refuse_writers(volume)
    others = sorted(name for name in running_on(volume).values() if name != volume.node.container)
    if others:
        raise WalletError(
            f"{', '.join(others)} on host {volume.node.host} uses {volume.node.wallet} too: stop it first "
            f"(`{volume.node.docker} stop -t {GRACE} {others[0]}`). Nothing was changed"
        )


def refuse_started(volume: WalletVolume, state: str) -> None:
    """Raise WalletError if a container is running on the wallet, while the node is stopped.

    `state` describes the files for the message.
    """
    if names := sorted(running_on(volume, writing=True).values()):
        raise WalletError(
            f"{', '.join(names)} on host {volume.node.host} has been started on {volume.node.wallet} in the "
            "meantime, by"
            f" an `up` or at a boot. {state}. Stop it (`{volume.node.docker} stop -t {GRACE} "
            f"{names[0]}`), and run the same command again"
        )


def refuse_others(volume: WalletVolume, container: Any) -> None:
    """Raise InUseError if another container is running on the wallet, for example after a concurrent `up`."""
    running = running_on(volume, writing=True)
    if names := sorted(name for identity, name in running.items() if identity != container.id):
        raise InUseError(
            f"{', '.join(names)} on host {volume.node.host} is now running on {volume.node.wallet}, for "
            "example after an `up`: a"
            " wallet has one writer"
        )


def running_on(volume: WalletVolume, *, writing: bool = False) -> dict[str, str]:
    """Containers that are running on the wallet, or only those that may write to it: id → name."""
    mounted = volume.ask(lambda: users(volume.client.api, volume.node.wallet, writing=writing))
    return {
        container["Id"]: container["Names"][0].lstrip("/")
        for container in mounted
        if container["State"] in ALIVE
    }


def refuse_writers(volume: WalletVolume, own: Any = None) -> None:
    """Raise InUseError if another command is writing to the volume, such as a restore on another machine."""
    if names := sorted(helper.name for helper in writers(volume, own)):
        node = volume.node
        end = f"`{node.docker} rm -f {' '.join(names)}`"
        raise InUseError(
            f"Another command, perhaps a restore on another machine, is writing to {node.wallet} on host "
            f"{node.host} through the container {', '.join(names)}. Nothing was changed. Wait until it ends; "
            f"if it was killed, remove that container ({end}). Then run the same command again"
        )


def writers(volume: WalletVolume, own: Any) -> list[Any]:
    """Other commands' containers that may be writing, also on behalf of a command that was killed."""
    return [
        helper
        for helper in helpers(volume, own)
        if helper.status in ALIVE or (WALLET_READER not in helper.labels and not command_has_ended(helper))
    ]


def helpers(volume: WalletVolume, own: Any) -> list[Any]:
    """Containers of commands on the wallet, except `own`."""
    filters = {"label": f"{WALLET_HELPER}={volume.node.wallet}"}
    containers = volume.ask(
        lambda: volume.client.containers.list(all=True, filters=filters, ignore_removed=True)
    )
    return [helper for helper in containers if own is None or helper.id != own.id]


def command_has_ended(helper: Any) -> bool:
    """True if the command of a container on the wallet has ended for certain."""
    labels = helper.labels
    return has_ended(labels.get(WALLET_WRITER) or labels.get(WALLET_READER) or "")
