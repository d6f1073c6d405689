"""`skyinfra setup backup`, `verify` and `restore`: backups of a set-up."""

from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import unquote

import click

from commands.options import examples
from commands.wallet_options import read_identities, recipient_options, with_identity, with_ssh
from display.units import count_of
from local import setup_backup
from local.machine.layout import Layout, read_layout
from local.machine.steps import SetupError
from local.stacks.setup_backup_format import SUFFIX, About
from wallets.backups.backup import UNVERIFIED
from wallets.backups.folder import backup_folder, load_file
from wallets.backups.policy import given_recipients
from wallets.backups.ssh_folder import SSH

NO_RECIPIENT = (
    "no recipient was given who can read the backup, so no backup was written. Create a key once, on another "
    "machine: `age-keygen -o setup-key.txt` (package age). Anyone who has it and a backup controls every "
    "node. Give the public key that it prints: --recipient age1…. The recipients of wallets are not used"
)


NOT_INCLUDED = (
    "Not included: wallets (`./skyinfra wallet backup`), ssh keys and known hosts, and what is built again "
    "(images, tools)."
)


@click.command(
    "backup",
    short_help="Back up the set-up into a new, encrypted file.",
    epilog=examples(
        "./skyinfra setup backup /media/usb/ --recipient age1…",
        "./skyinfra setup backup ssh://me@nas.lan/~/skycoin --recipients-file keys.txt",
    ),
)
@click.argument("file")
@recipient_options("The recipients of the stacks' wallets can't.")
@with_ssh
def backup_setup(
    file: str, given: Sequence[str], recipient_files: Sequence[Path], ssh_options: Sequence[str]
) -> None:
    """Write the set-up into the new FILE, encrypted: states and files of its stacks, passphrase, CA, logins.

    FILE is a path, a folder in which the file gets a dated name, or an ssh:// address of either (that of a
    file ends with .setup-backup). An existing file is never overwritten. Nodes keep running. Refused while
    another command or pulumi is running. The file's first lines say how to read it without this program.
    """
    recipients = given_recipients(given, recipient_files)
    if not recipients:
        raise SetupError(NO_RECIPIENT)
    layout = read_layout()
    address, facts = setup_backup.back_up(layout, recipients, _keeper(file, ssh_options))
    click.echo(f"{address}: the set-up in {layout.state}, {_stacks(facts)}, {facts.files} files")
    click.echo(f"Encrypted to {', '.join(recipients)}. Keep it away from this machine.")
    click.echo(NOT_INCLUDED)


def _keeper(file: str, ssh_options: Sequence[str]) -> Callable[[str, bytes], str]:
    """Function that writes a backup as FILE or, if FILE is a folder, into it under a default name."""
    if file.startswith(SSH):
        folder, _, name = file.rpartition("/") if file.endswith(SUFFIX) else (file, "", "")
        return lambda dated, data: backup_folder(folder, ssh_options).keep(unquote(name) or dated, data)
    path = Path(file).expanduser().absolute()
    if path.is_dir() or file.endswith("/"):
        return backup_folder(str(path), ()).keep
    if path.exists():
        raise SetupError(f"{path} already exists; backups are never overwritten: give another name.")
    return lambda _, data: backup_folder(str(path.parent), ()).keep(path.name, data)


def _stacks(facts: About) -> str:
    return f"stacks: {facts.stacks}" if facts.stacks else "no stack"


@click.command(
    "verify",
    short_help="Check a backup of a set-up, with or without a key.",
    epilog=examples(
        "./skyinfra setup verify skycoin-setup-2026-11-26T09-00-00Z.setup-backup",
        "./skyinfra setup verify FILE --identity setup-key.txt",
    ),
)
@click.argument("file")
@with_identity
@with_ssh
def verify_setup(file: str, keys: Sequence[str], ssh_options: Sequence[str]) -> None:
    """Check that FILE is a complete backup of a set-up and, with a key, that a restore would accept it.

    FILE is a path or an ssh:// address. Changes nothing, and needs no set-up.
    """
    known = read_identities(keys)
    facts, is_open = setup_backup.verify(file, load_file(file, ssh_options), known)
    click.echo(f"{file}: a complete backup of the set-up of {facts.machine}")
    click.echo(
        f"  created {facts.time:%Y-%m-%d %H:%M:%S} UTC, {_stacks(facts)}, {count_of(facts.files, 'file')}"
    )
    click.echo(f"  encrypted to {', '.join(facts.recipients)}")
    click.echo(
        "  decrypted: its files are intact, and a restore would accept them"
        if is_open
        else f"  not verified without a key: {UNVERIFIED} (`--identity FILE`)"
    )


@click.command(
    "restore",
    short_help="Restore a set-up from a backup, into an empty state folder.",
    epilog=examples(
        "./skyinfra setup restore skycoin-setup-2026-11-26T09-00-00Z.setup-backup --identity setup-key.txt",
        "./skyinfra setup restore ssh://me@nas.lan/~/skycoin/FILE --identity ~/.ssh/id_ed25519",
    ),
)
@click.argument("file")
@with_identity
@with_ssh
def restore_setup(file: str, keys: Sequence[str], ssh_options: Sequence[str]) -> None:
    """Restore the set-up in FILE into the empty state folder, completely or not at all. Then run `make up`.

    FILE is a path or an ssh:// address. Refused if the state folder is not empty, or a stack's file exists
    with different content. Nodes are not touched. A restore that was interrupted is finished or restarted
    by the same command.
    """
    layout = read_layout()
    facts = setup_backup.restore(layout, file, load_file(file, ssh_options), read_identities(keys))
    if facts is None:
        click.echo(f"A restore into {layout.state} was interrupted; it is now finished.\nNow run `make up`.")
        return
    click.echo(
        f"{layout.state}: the set-up of {facts.machine}, as it was at {facts.time:%Y-%m-%d %H:%M:%S} UTC, "
        f"{_stacks(facts)}"
    )
    click.echo(_next(layout, facts))


def _next(layout: Layout, facts: About) -> str:
    """Instructions for the steps after a restore."""
    command = " ".join([*setup_backup.differences(layout, facts), "make up"])
    return (
        f"Now run `{command}`: it creates the rest and continues with the same nodes. Never manage "
        "these nodes from the backed-up machine again. Your ssh keys and known hosts are not in a backup: "
        "restore them first. Check other stacks with `make preview STACK=NAME` before you change them."
    )
