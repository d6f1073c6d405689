"""`skyinfra node move`: the move of a node and its wallet to another host."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import click

from catalogue.naming import engine_name, pinned, split_pinned
from catalogue.ssh_options import way_of
from catalogue.stack_outputs import StackOutputs
from clients.deployed_nodes import DeployedNode, nodes_of
from clients.engine import engine_address
from clients.silent_engines import Address
from commands.backend import Backend, Choice
from commands.deployed import deployed_node
from commands.node.moving import Move, refuse_unfit
from commands.node.origin import Origin, in_state
from commands.options import chosen, examples, with_stack
from commands.wallet_options import read_identities, with_identity, with_ssh
from display.errors import UserError
from fleet.wanted import settings_of
from local.stacks.files import config_in, stack_text
from local.stacks.missing_nodes import file_name, listed_nodes
from local.stacks.node_entry import with_host
from settings.names import container_name, pull_from, repository_of, volume_names
from settings.stack import StackSettings
from wallets.backups.folder import load_file
from wallets.backups.format import read


@click.command(
    short_help="Move a node and its wallet to another host.",
    epilog=examples(
        "./skyinfra node move attic --to shed -s fleet",
        "./skyinfra node move attic --to shed -s fleet --from-backup FILE --identity wallet-key.txt",
    ),
)
@click.argument("name", metavar="NODE")
@click.option("--to", "host", metavar="HOST", required=True, help="Host of the stack's file to move to.")
@click.option(
    "--from-backup",
    "file",
    metavar="FILE",
    help="Backup to take the wallets from if the node's host is dead. A path or an ssh:// address.",
)
@with_identity
@with_ssh
@click.option(
    "--older",
    is_flag=True,
    help="Accept a backup that lacks wallets or addresses that the state has recorded.",
)
@click.option("--yes", is_flag=True, help="Proceed without asking.")
@with_stack
def move(
    name: str,
    host: str,
    file: str | None,
    keys: Sequence[str],
    ssh_options: Sequence[str],
    older: bool,
    yes: bool,
    stack: str | None,
    backend: Choice,
) -> int:
    """Stop NODE, copy its wallets to HOST, and start the node there.

    HOST must answer, and so must the node's old host; only if that one is lost, --from-backup takes the
    wallets from a backup. The wallets are compared byte by byte before the old container is removed; the old
    volumes stay. The command writes the new `host:` into the stack's file. The chain is downloaded again.
    After an interruption, run it again: it finishes the move, or says that `up` does.
    """
    selected, stack_name = chosen(stack, backend)
    known = read_identities(keys)
    given = read(file, load_file(file, ssh_options)) if file else None
    with selected.changing(stack_name, "node move"):
        resources = selected.resources(stack_name)
        _refuse_unknown(stack_name, name, host, resources)
        source, remembers = in_state(stack_name, name, resources)
        before = stack_text(stack_name)
        text = with_host(before, str(file_name(stack_name)), name, host)
        settings = settings_of(config_in(stack_name, text))
        _refuse_another_user(source, settings)
        target = _target(selected, source, host, settings)
        listed = _listed(source.host, settings)
        origin = Origin(source, remembers, given, known, older=older, listed=listed)
        refuse_unfit(settings, host)
        return Move(selected, source, target, origin, before, text).run(yes=yes)


def _refuse_unknown(stack: str, name: str, host: str, resources: Sequence[Mapping[str, Any]]) -> None:
    """Raise UserError if the state has no such node."""
    entry = listed_nodes(stack).get(name)
    if name not in nodes_of(stack, resources) and isinstance(entry, dict) and entry.get("host") == host:
        raise UserError(
            f"{name} is not in the state of {stack}, and {file_name(stack)} has it on {host}: `up` creates "
            "it there, and refuses a wallet other than the recorded one. Nothing was changed."
        )
    deployed_node(stack, name, resources)


def _refuse_another_user(source: DeployedNode, settings: StackSettings) -> None:
    """Raise UserError if the file gives the node another user than the one who owns its wallets."""
    wanted = settings.nodes[source.name].user
    if wanted != source.user:
        raise UserError(
            f"{source.name} has the user {source.user} in the state of {source.stack}, but {wanted} in "
            f"{file_name(source.stack)}: a move keeps the user, who owns the wallets. Write `user: "
            f'"{source.user}"` there, and change the user when the node has moved; or change it first '
            "(docs/wallets.md, “Another user”). Nothing was changed."
        )


def _listed(host: str, settings: StackSettings) -> list[Address]:
    """Address of a host in the stack's file; empty if the file no longer has it."""
    known = settings.hosts.get(host)
    return [Address(engine_address(known.address), tuple(known.ssh_options))] if known else []


def _target(backend: Backend, source: DeployedNode, host: str, settings: StackSettings) -> DeployedNode:
    """Node as it will be on its new host. Raises UserError if it is already there, or no image fits."""
    wanted, entry = settings.hosts[host], settings.nodes[source.name]
    names = [engine_name(address or "") for address in (wanted.address, source.engine)]
    is_same = names[0] == names[1] and way_of(wanted.ssh_options) == way_of(source.ssh_options)
    if host == source.host or is_same:
        raise UserError(
            f"{source.where}: its volumes are already on {host}; run `up` to finish the move. If the host "
            "has another engine now, give that one another host name in skycoin:hosts. Nothing was changed."
        )
    return replace(
        source,
        host=host,
        engine=wanted.address,
        ssh_options=wanted.ssh_options,
        image=_image(backend, source, host, settings),
        pull_from=_pulled_from(source, host, settings),
        container=container_name(source.name, entry.image),
        wallet=volume_names(source.name, entry)[1],
    )


def _image(backend: Backend, source: DeployedNode, host: str, settings: StackSettings) -> str:
    """Node's image for the variant of the new host. Raises UserError."""
    variant, before = settings.hosts[host].variant, settings.hosts.get(source.host)
    if before is not None and before.variant == variant:
        return source.image
    publisher = settings.images_from or source.stack
    image = _same_image(variant, source.image, backend.outputs(publisher))
    if image is None:
        raise UserError(
            f"{source.name}: the outputs of the stack {publisher} do not have its image {source.image} for "
            f"{variant or 'all architectures'}. Bring that stack up first. Nothing was changed."
        )
    return image


def _same_image(variant: str | None, image: str, outputs: StackOutputs) -> str | None:
    """Reference of the same image (`repo@sha256:…`) for another architecture; None if it is unknown.

    `outputs` are those of the stack that publishes it. `variant` None means the manifest list.
    """
    digest = split_pinned(image)[1]
    for tags in (outputs.get("images") or {}).values():
        for entry in tags.values():
            variants = {name: str(published["ref"]) for name, published in entry["variants"].items()}
            whole = pinned(entry["ref"])
            if digest in {split_pinned(reference)[1] for reference in (whole, *variants.values())}:
                return whole if variant is None else variants.get(variant)
    return None


def _pulled_from(source: DeployedNode, host: str, settings: StackSettings) -> str | None:
    """Repository that the new host pulls the node's image from; None means the one in the image's name."""
    registry = pull_from(host, settings)
    if registry is None:
        return None
    name = settings.nodes[source.name].image
    source_registry = settings.registries[registry]
    return f"{source_registry.root}/{repository_of(name, settings.images[name], source_registry)}"
