"""Moves wallets to another host: writes, verifies and records them on it.

The originals are not changed. The wallets pass through this program's memory, over its connections to both
engines, and are stored on no disk in between.
"""

import functools
from typing import Any

from docker.errors import NotFound

from catalogue.node_container import NODE, WALLET
from clients.deployed_nodes import DeployedNode
from clients.engine import engine_address
from clients.engine_form import in_form
from clients.fingerprint import Fingerprint, digest
from clients.pull import ensure_image
from clients.volumes import users
from display.command_lines import skyinfra
from wallets.asking import ask
from wallets.errors import WalletError
from wallets.files.contents import (
    Contents,
    File,
    damaged,
    refuse_damaged,
    refuse_interrupted,
    wallets_in,
    without_links,
    without_staged,
)
from wallets.files.fingerprint import fingerprint_of, found_in
from wallets.files.losses import lost
from wallets.volumes.of_node import engine_of, fingerprint_on_host, on_host, volume_of
from wallets.volumes.users import refuse_users
from wallets.volumes.volume import COPIES
from wallets.volumes.writing import put, remove_leftovers


def wallets_of(node: DeployedNode) -> dict[str, File]:
    """All files of a node's wallet volume, with complete wallets; there may be none. Raises WalletError."""
    contents, place = volume_of(node).read(), f"the wallet volume {node.wallet} on host {node.host}"
    refuse_interrupted(place, contents)
    refuse_damaged(place, contents)
    return without_links(contents)


def left_behind(node: DeployedNode, carried: Contents) -> list[str]:
    """Paths of files in a node's wallet volume that are not among the copied ones. Raises WalletError."""
    return unexpected_files(without_links(volume_of(node).read()), carried)


def refuse_less(source: str, contents: Contents, known: Fingerprint, way: str) -> None:
    """Raise WalletError, with the next steps, if wallets lack something that the stack's state records."""
    if gone := found_in(contents, known).lost(known):
        raise WalletError(
            f"{source} lacks something that the state has recorded: {'; '.join(gone)}. "
            f"Nothing was changed. {way}"
        )


def is_running(node: DeployedNode) -> bool:
    """True if the node's container runs on its host. Raises WalletError."""
    container = _container(node)
    return container is not None and container.status == "running"


def _container(node: DeployedNode) -> Any:
    try:
        return ask(node.host, lambda: engine_of(node).containers.get(node.container))
    except NotFound:
        return None


def unrecorded_container(node: DeployedNode) -> str:
    """Describe a container of a node whose state has none, with what to do; empty if its host has none.

    An `up` that was killed while it created the container leaves one, which a move or a removal of the node
    would forget. Raises WalletError if the host can't be asked.
    """
    if node.container is not None:
        return ""
    mounted = ask(node.host, lambda: users(engine_of(node).api, node.wallet))
    nodes = (container for container in mounted if NODE in (container.get("Labels") or {}))
    names = " ".join(sorted(container["Names"][0].lstrip("/") for container in nodes))
    if not names:
        return ""
    return (
        f"host {node.host} has {names}, a node's container on {node.wallet} that the state of {node.stack} "
        "lacks, as after an `up` that was killed. Nothing was changed. Run `up` first, which takes it over; "
        f"or remove it (`{node.docker} rm {names}`; volumes stay)"
    )


def refuse_one_engine(source: DeployedNode, target: DeployedNode) -> None:
    """Raise WalletError if both hosts of a move are the same engine, at two addresses."""
    identity, name, folder = _identity(source)
    # Machines with copies of one memory card share the id, but should not share the name. Two engines of one
    # machine share both if they are older than Docker 23, but never the folder of their data.
    if (identity, name, folder) != _identity(target):
        return
    addresses = [f"host {node.host} ({engine_address(node.engine)})" for node in (source, target)]
    raise WalletError(
        f"{' and '.join(addresses)} are the same engine (ID {identity}, Name {name} in `docker info`), which "
        f"already has the wallet volume {source.wallet}. Nothing was changed. To let the stack reach it as "
        f"host {target.host}: `{skyinfra(source.stack, 'node retire', source.name)}`, which keeps the "
        f"volumes; then write the node's entry again, with `host: {target.host}`, and run `up`. If they are "
        "two machines with copies of one disk, give one of them another host name, and run the same command "
        "again"
    )


def _identity(node: DeployedNode) -> tuple[str, str, str]:
    """Id of a host's engine, the name of its machine, and the folder of its data. Raises WalletError."""
    form = dict.fromkeys(("ID", "Name", "DockerRootDir"), str)
    info = ask(node.host, lambda: in_form("what it says about itself", form, engine_of(node).info))
    return info["ID"], info["Name"], info["DockerRootDir"]


def refuse_taken(target: DeployedNode, contents: Contents) -> None:
    """Raise WalletError if the host already has the node's container, or other files in its wallet volume.

    Files from an interrupted run of the same move don't count.
    """
    if _container(target) is not None:
        raise WalletError(
            f"host {target.host} already has a container {target.container}. Nothing was changed. If nothing "
            f"needs that container, remove it, which keeps its volumes: `{target.docker} stop -t 60 "
            f"{target.container} && {target.docker} rm {target.container}`"
        )
    volume = volume_of(target)
    if volume.exists(target.wallet):
        refuse_users(volume)
        _refuse_strangers(target, without_staged(volume.read()), contents)


def _refuse_strangers(target: DeployedNode, present: Contents, contents: Contents) -> None:
    strange = unexpected_files(present, contents)
    if not strange:
        return
    # Only complete wallets can be compared here.
    whole = {*wallets_in(present)} - {*damaged(present)}
    if all(path in whole and path in contents for path in strange) and not lost(
        present, {**present, **contents}
    ):
        known = "The new wallets have all of its addresses"
    else:
        known = "Back it up before you do anything else with it"
    raise WalletError(
        f"the volume {target.wallet} on host {target.host} is not empty: it has {', '.join(strange)}. "
        f"Nothing was changed. {known}. Once you don't need it any more: `{target.docker} volume rm "
        f"{target.wallet}`"
    )


def unexpected_files(present: Contents, contents: Contents) -> list[str]:
    """Paths of a volume's files that are not among the new ones."""
    return sorted(path for path, file in present.items() if not _is_in(contents, path, file.data))


def _is_in(contents: Contents, path: str, data: bytes) -> bool:
    return path in contents and contents[path].data == data


def pull_image(target: DeployedNode) -> None:
    """Pull the node's image on the new host before the node is stopped on the old one. Raises WalletError."""
    ask(target.host, lambda: ensure_image(engine_of(target), target.image, target.host_inputs))


def refuse_unusable(target: DeployedNode, contents: Contents) -> None:
    """Raise WalletError if the node's user can't use its volumes on the new host.

    It is also raised if that host has recorded more than the new wallets have.

    Missing and empty volumes are usable: they get that user as their owner, or will get it. Needs the image.
    """
    try:
        _refuse_kept_out(target)
        _refuse_more(target, contents)
    except WalletError as error:
        raise WalletError(f"{str(error).removesuffix('.')}. Nothing was changed.") from error


def _refuse_kept_out(target: DeployedNode) -> None:
    known, volume = on_host(target), volume_of(target)
    ask(target.host, known.take_empty)
    # The host's record is read, and replaced; copies of other users stay, and are in nobody's way.
    for name, place, files in (target.wallet, WALLET, ()), (target.copies_volume, COPIES, ("", ".identity")):
        if not volume.exists(name):
            continue
        with volume.mounted(name, place, "rw"):
            pass  # Docker gives an empty volume to the image's user
        if kept_out := ask(
            target.host, functools.partial(known.kept_out, name, *files, is_to_write=not files)
        ):
            raise WalletError(f"host {target.host}: {name}: {kept_out}")


def _refuse_more(target: DeployedNode, contents: Contents) -> None:
    """Raise WalletError if the host's record has more than the new wallets have."""
    _, before = ask(target.host, on_host(target).recorded)
    if gone := found_in(contents, before).lost(before):
        raise WalletError(
            f"host {target.host} has recorded more in {target.wallet} than the new wallets have: "
            f"{'; '.join(gone)}. Restore that wallet first, or move `.identity` out of the volume "
            f"{target.copies_volume} on that host"
        )


def copy_wallets(target: DeployedNode, contents: Contents) -> Fingerprint:
    """Put wallets into a node's volume on its host, record them on it, and return their fingerprint.

    The volume is created if it is missing. Every byte is read back, and the fingerprint is computed on the
    host. Raises WalletError.
    """
    _refuse_more(target, contents)
    known, volume = on_host(target), volume_of(target)
    volume.make()
    ask(target.host, known.take_empty)
    present = volume.read()
    if all(_is_in(present, path, file.data) for path, file in contents.items()):
        remove_leftovers(volume)
    else:
        put(volume, contents, without_staged(present))
    written = fingerprint_on_host(target)
    if written != fingerprint_of(contents):
        raise WalletError(
            f"{target.wallet} on host {target.host} has the fingerprint {digest(written)}, but the received "
            f"files have {digest(fingerprint_of(contents))}"
        )
    ask(target.host, lambda: known.record(written))
    return written


def mark_as_copy(source: DeployedNode, carried: Fingerprint) -> None:
    """Make the old host refuse to run a node on its old copy of the wallets. Raises WalletError."""
    ask(source.host, lambda: on_host(source).record_as_copy(carried))
