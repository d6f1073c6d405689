"""`skyinfra wallet`: copies, backup, restore, adoption and acceptance of a node's wallets."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from clients.deployed_nodes import DeployedNode, node_of, nodes_of
from clients.fingerprint import Fingerprint, digest, summary
from commands.agreement import proceeds
from commands.backend import Backend, Choice
from commands.exit_codes import FAILED
from commands.options import chosen, examples, with_stack
from commands.wallet.backups import backup_wallet, check_backup, drill_backup, list_backups, verify_backup
from commands.wallet_options import folder_option, node_in, read_identities, with_identity, with_recipients
from display.columns import columns
from display.units import count_of
from local.pulumi.command import pulumi
from local.stacks.files import copied_stack_file, is_own, stack_config
from providers.skycoin.wallet_identity import ACCEPTED, FAULT, KEPT_OUT, remembered
from wallets.adoption.owner import refuse_managed, refuse_moved
from wallets.adoption.reading import read_folder, wallets_of
from wallets.adoption.source import Source
from wallets.adoption.users import refuse_removal, stop_command, stopped, users_of
from wallets.adoption.writing import adopt, refuse_occupied
from wallets.backups.folder import backup_folder, load_file
from wallets.backups.format import read
from wallets.backups.policy import recipients_of, rules_of
from wallets.backups.restore import Restoring, restore_copy, restore_file, restore_temporary
from wallets.errors import WalletError
from wallets.files.contents import Contents
from wallets.files.fingerprint import fingerprint_of
from wallets.moving import refuse_less
from wallets.volumes.of_node import fingerprint_on_host, volume_of

HEADS = ("copy (UTC)", "wallets", "fingerprint", "compared with now")
"""Heads of the table of copies."""


@click.group()
def wallet() -> None:
    """Back up, verify, restore, adopt and accept wallets."""


for command in (backup_wallet, list_backups, verify_backup, check_backup, drill_backup):
    wallet.add_command(command)


@wallet.command(
    "copies",
    short_help="List the copies of a node's wallet on its host.",
    epilog=examples("./skyinfra wallet copies node-1"),
)
@click.argument("node")
@with_stack
def list_copies(node: str, stack: str | None, backend: Choice) -> int:
    """List the copies that were made on the host of NODE before changes, oldest first.

    It compares each with the wallets as they are now. `wallet restore NODE --copy TIME` goes back to one.
    """
    selected, name = chosen(stack, backend)
    deployed = node_in(selected, name, node)
    volume = volume_of(deployed)
    try:
        now = digest(fingerprint_of(volume.read()))
    except WalletError as error:
        click.echo(f"Not compared with the wallets as they are now: {error}.", err=True)
        now = ""
    rows = [_row(copy, fingerprint_of(files), now) for copy, files in volume.all_copies()]
    if rows:
        click.echo(columns([HEADS, *rows]))
    count = count_of(len(rows), "copy", "copies")
    click.echo(f"{count} of {deployed.wallet} on host {deployed.host}, in {deployed.backups}", err=True)
    return 0


def _row(copy: str, wallets: Fingerprint, now: str) -> Sequence[str]:
    """Row of a copy; `now` is the fingerprint of the wallets as they are, or empty if it is unknown."""
    compared = "" if not now else "the same wallets" if digest(wallets) == now else "different"
    return copy, summary(wallets), digest(wallets), compared


@wallet.command(
    "restore",
    short_help="Restore the wallets from a backup or a copy.",
    epilog=examples(
        "./skyinfra wallet restore node-1 FILE --identity wallet-key.txt",
        "./skyinfra wallet restore node-1 ~/skycoin-wallets/node-1-wallet-2026-11-25T18-00-00Z.tar.gz",
        "./skyinfra wallet restore node-1 --copy 2026-11-25T18-00-00Z",
        "./skyinfra wallet restore node-1 --temporary mine.wlt.tmp.f370973e",
    ),
)
@click.argument("node")
@click.argument("file", default="")
@click.option(
    "--copy",
    metavar="TIME",
    default="",
    help="Name of a copy on the node's host, instead of FILE; `wallet copies NODE` lists them.",
)
@click.option(
    "--temporary",
    metavar="FILE",
    default="",
    help="Name of a temporary copy next to the wallet, left by an interrupted save.",
)
@with_stack
@with_identity
@folder_option("--to", "Place for a backup of the current wallets, made before the restore.")
@with_recipients
@click.option("--other-node", is_flag=True, help="Restore a backup of another node.")
@click.option("--older", is_flag=True, help="Accept the loss of addresses that the backup lacks.")
def restore_wallet(
    node: str,
    file: str,
    copy: str,
    temporary: str,
    stack: str | None,
    backend: Choice,
    keys: Sequence[str],
    where: str,
    ssh_options: Sequence[str],
    given: Sequence[str],
    recipient_files: Sequence[Path],
    other_node: bool,
    older: bool,
) -> int:
    """Restore the wallets from a backup, or from a copy on the host, into the volume of NODE.

    The node is stopped in the meantime. Backs up the volume's current contents first, encrypted if recipients
    are known. Wallets that are not in the backup stay. FILE is a path or an ssh:// address.
    """
    if [bool(file), bool(copy), bool(temporary)].count(True) != 1:
        raise click.UsageError(
            "give one source: FILE, --copy TIME for a copy on the node's host, or --temporary FILE for one "
            "next to the wallet"
        )
    selected, name = chosen(stack, backend)
    restoring = Restoring(
        folder=backup_folder(where, ssh_options),
        recipients=recipients_of(rules_of(stack_config(name)), given, recipient_files),
        other_node=other_node,
        older=older,
    )
    known = read_identities(keys)
    with selected.changing(name, "wallet restore"):
        deployed = node_in(selected, name, node)
        restoring = replace(restoring, recorded=remembered(_outputs(selected, name, deployed)))
        volume = volume_of(deployed)
        if copy:
            restored = restore_copy(deployed, volume, copy, restoring)
        elif temporary:
            restored = restore_temporary(deployed, volume, temporary, restoring)
        else:
            given_file = read(file, load_file(file, ssh_options))
            restored = restore_file(deployed, volume, given_file, known, restoring)
        # The next `up` must find these wallets.
        return _record(selected, name, deployed, digest(fingerprint_on_host(deployed, restored)))


@wallet.command(
    "accept",
    short_help="Accept a node's wallets as they are now.",
    epilog=examples("./skyinfra wallet accept node-1", "./skyinfra wallet accept node-1 3f2a9c01d4e5b6a7"),
)
@click.argument("node")
@click.argument("fingerprint", default="")
@with_stack
def accept_wallet(node: str, fingerprint: str, stack: str | None, backend: Choice) -> int:
    """Record the wallets of NODE as they are now, if they have FINGERPRINT.

    `up` refuses a wallet volume that has lost a wallet, that is older than it was, or that is another
    volume. Without FINGERPRINT, this shows the contents of the volume, and changes nothing.
    """
    selected, name = chosen(stack, backend)
    with selected.changing(name, "wallet accept"):
        deployed = node_in(selected, name, node)
        wallets = fingerprint_on_host(deployed)
        current = digest(wallets)
        if fingerprint == current:
            return _record(selected, name, deployed, current)
        for file, chains in sorted(wallets.items()):
            click.echo(f"  {file}: {summary({file: chains}).partition(' with ')[2]}")
        click.echo(f"{deployed.wallet} on host {deployed.host} has the fingerprint {current}")
        if fingerprint:
            click.echo(f"It is not {fingerprint}: nothing was recorded.", err=True)
            return FAILED
        return 0


@wallet.command(
    "adopt",
    short_help="Take over the wallets of a plain `docker run`.",
    epilog=examples(
        "./skyinfra wallet adopt node-1 --from old-skycoin",
        "./skyinfra wallet adopt node-1 --from old-volume:/.skycoin/wallets",
    ),
)
@click.argument("node")
@click.option(
    "--from",
    "origin",
    metavar="CONTAINER|VOLUME[:FOLDER]",
    required=True,
    help="Container or volume on the node's host. FOLDER default: of a container /wallet or "
    "/root/.skycoin/wallets, whichever has wallets; of a volume its top.",
)
@click.option("--yes", is_flag=True, help="Without asking, stop the containers that use the wallets.")
@with_stack
def adopt_wallet(node: str, origin: str, yes: bool, stack: str | None, backend: Choice) -> int:
    """Copy the wallets of a container or a volume into the empty wallet volume of NODE.

    A wallet may have only one writer: the command asks before it stops containers that use these wallets,
    and starts them again if nothing was copied. NODE is stopped in the meantime, and its stack records the
    wallets. The originals are not changed.
    """
    selected, name = chosen(stack, backend)
    with selected.changing(name, "wallet adopt"):
        resources = selected.resources(name)
        deployed = node_of(name, node, resources)
        source, volume = Source(deployed, *_named(origin)), volume_of(deployed)
        state = _outputs(selected, name, deployed)
        nodes = nodes_of(name, resources).values()
        refuse_managed(source, [other for other in nodes if other.name != deployed.name])
        refuse_moved(source)
        folder, first = read_folder(source)
        _refuse_loss(source, first, state)
        refuse_occupied(deployed, volume, first)
        users = users_of(source)
        refuse_removal(source, users, folder)
        click.echo(f"{source.where}: {summary(fingerprint_of(first))}")
        if users and not _is_agreed(source, users, yes=yes):
            return FAILED
        with stopped(source, users) as stay:
            contents = wallets_of(source)
            _refuse_loss(source, contents, state)
            adopt(source, volume, contents, stay)
        return _adopted(selected, source, contents)


def _refuse_loss(source: Source, contents: Contents, state: dict[str, Any]) -> None:
    """Raise WalletError if the wallets lack any that the node's stack has recorded."""
    way = f"First: `{source.node.wallet_command('accept')}`"
    refuse_less(source.where, contents, remembered(state), way)


def _adopted(backend: Backend, source: Source, contents: Contents) -> int:
    """Report the copied wallets, and record them in the stack; returns the exit code."""
    deployed, wallets = source.node, fingerprint_of(contents)
    click.echo(f"{deployed.wallet} on host {deployed.host}: {summary(wallets)}, from {source.where}")
    if fingerprint_on_host(deployed) != wallets:
        click.echo("The node has changed them in the meantime: nothing was recorded.", err=True)
        return FAILED
    click.echo(
        f"{source.where} keeps its files, but its wallets are only a copy now: no node may use them again. "
        f"Once `skycoin-cli listWallets` in {deployed.name} lists them, and you have a backup, remove it by "
        "hand."
    )
    return _record(backend, deployed.stack, deployed, digest(wallets))


def _named(origin: str) -> tuple[str, str]:
    name, _, folder = origin.partition(":")
    return name, folder


def _is_agreed(source: Source, users: Sequence[Any], *, yes: bool) -> bool:
    """Ask for permission to stop the containers that use the adopted wallets."""
    command = stop_command(source, users)
    click.echo(
        f"Wallets of {source.where} may still be written to, but a wallet may have only one writer. "
        f"This stops the containers: `{command}`"
    )
    return proceeds(yes=yes)


def _outputs(backend: Backend, stack: str, deployed: DeployedNode) -> dict[str, Any]:
    """Outputs of the node's preflight in the state."""
    resources = backend.resources(stack)
    preflight = next(resource for resource in resources if resource["urn"] == deployed.preflight)
    return preflight.get("outputs") or {}


def _record(backend: Backend, stack: str, deployed: DeployedNode, fingerprint: str) -> int:
    """Record the wallets with this fingerprint in the state and on the host; returns the exit code."""
    env = {**backend.env, ACCEPTED: fingerprint}
    with copied_stack_file(stack) as options:
        own = [] if is_own(stack) else options
        target = ["refresh", "--yes", "--skip-preview", "--target", deployed.preflight, "--stack", stack]
        if pulumi([*target, *own], env, backend.update_log):
            again = f"`{deployed.wallet_command('accept', fingerprint)}`"
            click.echo(f"The fingerprint {fingerprint} was not recorded. Record it with {again}.", err=True)
            return FAILED
    outputs = _outputs(backend, stack, deployed)
    if problem := outputs.get(KEPT_OUT) or outputs.get(FAULT):
        click.echo(f"Not recorded: {problem}", err=True)
        return FAILED
    click.echo(
        f"The stack {stack} has recorded the wallets of {deployed.name} with the fingerprint {fingerprint}."
    )
    return 0
