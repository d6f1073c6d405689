"""Containers that may write to the wallets of a source: they are stopped before the final reading.

A container that is removed when it stops (`--rm`) is never stopped here, because its files and anonymous
volumes would be removed too.
"""

import functools
import posixpath
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

from docker.errors import NotFound

from catalogue.node_container import stop_seconds
from wallets.adoption.mounts import is_below, writes
from wallets.adoption.source import Source, is_same_container
from wallets.asking import ask
from wallets.errors import WalletError


def users_of(source: Source) -> Sequence[Any]:
    """Running containers that may write to the wallets: the source, and others with the same mounts."""
    own, mounts = source.container(), source.mounts()
    running = ask(source.node.host, lambda: source.client.containers.list(ignore_removed=True))
    return [
        container for container in running if is_same_container(container, own) or writes(container, mounts)
    ]


def stop_command(source: Source, users: Sequence[Any]) -> str:
    """Command that stops the containers that may write to the wallets."""
    names = " ".join(sorted(container.name for container in users))
    return f"{source.node.docker} stop -t {max(stop_seconds(container.attrs) for container in users)} {names}"


def refuse_source_users(source: Source) -> None:
    """Raise WalletError if a running container may write to the wallets."""
    if users := users_of(source):
        raise WalletError(
            f"{source.where} is running or in use. Stop it: `{stop_command(source, users)}`. Nothing was "
            "changed"
        )


def refuse_users_of_a_copy(source: Source) -> None:
    """Raise WalletError if a container is running on the wallets after they were copied."""
    if users := users_of(source):
        running = " and ".join(sorted(container.name for container in users))
        raise WalletError(
            f"the wallets of {source.where} were copied into {source.node.wallet}, and {running} is running "
            "on them again: two nodes would use one wallet. Nothing was recorded. Make sure that nothing "
            f"starts it (a restart policy, compose, systemd), then `{stop_command(source, users)}`, and "
            f"`{source.again(source.origin)}`"
        )


@contextmanager
def stopped(source: Source, users: Sequence[Any]) -> Iterator[Callable[[], None]]:
    """Stop the containers that may write to the wallets; yield a function that keeps them stopped.

    They are started again if the body ends before it has called that function.
    """
    with ExitStack() as back:
        for container in users:
            back.callback(_start, source, container)
            with suppress(NotFound):
                ask(
                    source.node.host, functools.partial(container.stop, timeout=stop_seconds(container.attrs))
                )
        yield functools.partial(_stay, source, users, back)


def _stay(source: Source, users: Sequence[Any], back: ExitStack) -> None:
    back.pop_all()
    if names := " and ".join(sorted(container.name for container in users)):
        stay = "stays" if len(users) == 1 else "stay"
        print(f"{names} on host {source.node.host} {stay} stopped from now on.")


def _start(source: Source, container: Any) -> None:
    where = f"{container.name} on host {source.node.host}"
    try:
        ask(source.node.host, container.start)
    except (NotFound, WalletError) as error:
        way = f"`{source.node.docker} start {container.name}`"
        print(f"{where} could not be started again ({error}). Start it with {way}", file=sys.stderr)
    else:
        print(f"{where} is started again.", file=sys.stderr)


def refuse_removal(source: Source, users: Sequence[Any], folder: str) -> None:
    """Raise WalletError, with a way to keep the wallets, if stopping would remove their storage."""
    own = source.container()
    for container in users:
        if container.attrs["HostConfig"]["AutoRemove"]:
            raise WalletError(
                f"{container.name} on host {source.node.host} was created with `--rm`: when it stops, the "
                "engine removes it and its anonymous volumes that no other container uses. Nothing was "
                f"changed. {_way(source, container, own, folder)}"
            )


def _way(source: Source, container: Any, own: Any, folder: str) -> str:
    """Steps to take before a `--rm` container stops; `own` is None if the source is a volume."""
    docker, name = source.node.docker, container.name
    stop = f"{docker} stop -t {stop_seconds(container.attrs)} {name}"
    if own is not None and not is_same_container(container, own):
        return f"{source.name} keeps its mounts: `{stop}`, then `{source.again(source.origin)}`"
    create, image = f"{docker} create --name {name}-kept", f"{container.attrs['Image']} true"
    if own is None or any(is_below(folder, mount["Destination"]) for mount in own.attrs["Mounts"]):
        origin = source.origin if own is None else f"{name}-kept:{folder}"
        return (
            f"A container that never starts keeps the volumes: `{create} --volumes-from {name} {image} "
            f"&& {stop}`, then `{source.again(origin)}`"
        )
    again = source.again(f"{name}-kept:/{posixpath.basename(folder)}")
    copy = f"{docker} cp {name}:{folder} - | {docker} cp - {name}-kept:/"
    return (
        f"{folder} is not in a volume: copy it while the container runs, and create no address or wallet "
        f"there afterwards: `{create} {image} && {copy}`. Then `{again}`, which "
        f"refuses an incomplete copy (repeat it: `{copy}`), and only after that `{stop}`"
    )
