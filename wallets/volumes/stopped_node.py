"""A node that is stopped while its wallet is read or written, and started again."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from docker.errors import NotFound

from catalogue.node_container import ALIVE, stop_seconds
from clients.signals import uninterrupted
from wallets.errors import PartialError, WalletError
from wallets.volumes.users import InUseError, refuse_others, refuse_users, refuse_writers
from wallets.volumes.volume import WalletVolume


@contextmanager
def node_stopped(volume: WalletVolume) -> Iterator[bool]:
    """Stop the node during the body, and start it again if it was running; yield whether it was.

    It stays stopped if the body writes only a part of its wallet. Raises WalletError if another container is
    running on its wallet.
    """
    partial = None
    with node_leaving(volume) as container:
        try:
            yield container is not None
        except PartialError as error:
            partial = error
    if partial is not None:
        stopped = f"\n{volume.node.where} was stopped, and was not started again" if container else ""
        raise PartialError(f"{partial}{stopped}") from partial
    _bring_back(volume, container)


@contextmanager
def node_leaving(volume: WalletVolume) -> Iterator[Any]:
    """Stop the node; it is started again only if it was running and the body fails.

    Yields its container, None if it was not running. Raises WalletError if another container is running
    on its wallet.
    """
    container = _running(volume)
    try:
        _stop(volume, container)
        yield container
    except BaseException as error:
        _bring_back(volume, container, error)
        raise


def _running(volume: WalletVolume) -> Any:
    """The node's container if it is running, else None.

    Raises WalletError if another container is running on the wallet.
    """
    refuse_users(volume)
    container = _container(volume)
    return container if container is not None and container.status in ALIVE else None


def _container(volume: WalletVolume) -> Any:
    if volume.node.container is None:
        return None
    try:
        return volume.ask(lambda: volume.client.containers.get(volume.node.container))
    except NotFound:
        return None


def _stop(volume: WalletVolume, container: Any) -> None:
    if container is not None:
        volume.ask(lambda: container.stop(timeout=stop_seconds(container.attrs)))


def _bring_back(volume: WalletVolume, container: Any, after: BaseException | None = None) -> None:
    """Start the stopped node. Raises WalletError, which includes `after`, if it does not start."""
    if container is None:
        return
    with uninterrupted():
        try:
            if after is not None:
                # A stop whose response was lost may still be in progress and would stop the container
                # again.
                _stop(volume, container)
            refuse_others(volume, container)
            refuse_writers(volume)
            volume.ask(container.start)
            try:
                # Two containers that start at the same moment do not see each other before that.
                refuse_others(volume, container)
            except InUseError:
                _stop(volume, container)
                raise
        except NotFound:
            return  # another command has removed it
        except WalletError as error:
            node = volume.node
            message = str(after or "").strip()
            reasons = message if str(error) in message else "\n".join(filter(None, (message, str(error))))
            by_hand = "" if isinstance(error, InUseError) else f"`{node.docker} start {node.container}`, or "
            raise WalletError(
                f"{reasons}\n{node.where} was stopped, and was not started again: run {by_hand}`up`"
            ) from error
