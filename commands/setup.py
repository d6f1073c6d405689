"""`skyinfra setup`: commands for the keys, backups and registry of the set-up that `make up` created."""

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import unquote

import click

from catalogue.exit_codes import FAILED
from commands.agreement import has_agreed
from commands.backend import Choice, enter_set_up
from commands.options import examples
from commands.wallet_options import read_identities, recipient_options, with_identity, with_ssh
from display.columns import columns
from display.units import size
from local import setup_adopt, setup_backup
from local.machine.layout import Layout, read_layout
from local.machine.steps import SetupError
from local.registry.contents import Garbage
from local.registry_collection import collect
from local.rotation import Key, rotate
from local.stacks.files import STACK
from local.stacks.setup_backup_format import SUFFIX, About
from wallets.backups.folder import backup_folder, load_file
from wallets.backups.policy import given_recipients
from wallets.backups.ssh_folder import SSH

LAST_MESSAGES = {
    Key.PASSPHRASE: "All states and stacks' files are encrypted with the new {state}/passphrase. "
    "Only the old one opens copies that were made before.",
    Key.LOGIN: "The local registry accepts only the new login, which is in {state}/docker/config.json. "
    "If you have copied the old one somewhere, replace it there.",
    Key.GUI: "Each node with a web interface has a new password: `./skyinfra node password NODE` shows it. "
    "Browsers that have the old one ask for the new one.",
    Key.CA: "The local registry has a new certificate, of the authority {state}/certificates/ca.crt. "
    "If you have copied the old one somewhere, replace it there.",
}
"""Last message of each rotation."""

NO_RECIPIENT = (
    "no recipient was given who can read the backup, so none was written. Create a key once, on another "
    "machine: `age-keygen -o setup-key.txt` (package age). Anyone who has it and a backup controls every "
    "node. Give the public key that it prints: --recipient age1…. The recipients of wallets are not used"
)
NOT_INCLUDED = (
    "Not included: wallets (`./skyinfra wallet backup`), ssh keys and known hosts, and what is built again "
    "(images, tools)."
)


@click.group()
def setup() -> None:
    """Back up, restore, adopt or clean up a set-up; change its keys."""


@setup.command(
    "rotate",
    short_help="Replace a key; nodes keep running.",
    epilog="\b\nKeys:\n"
    "  passphrase  of the secrets in Pulumi's states and in the stacks' files\n"
    "  login       of the local registry, which is restarted\n"
    "  ca          authority and certificate of the local registry; it and the builder are restarted\n"
    "  gui         password of each node's web interface, on its host\n\n"
    + examples(
        "./skyinfra setup rotate login",
        "./skyinfra setup rotate passphrase",
        "./skyinfra setup rotate ca",
        "./skyinfra setup rotate gui",
    ),
)
@click.argument("key", metavar="KEY", type=click.Choice([key.value for key in Key]))
def rotate_key(key: str) -> None:
    """Replace KEY with a new one: passphrase, login, ca or gui. Nodes and workspaces keep running.

    A run that was interrupted is finished, or undone, by the same command or the next `make up`.
    """
    layout = read_layout()
    rotate(layout, Key(key))
    click.echo(LAST_MESSAGES[Key(key)].format(state=layout.state))


@setup.command(
    "collect",
    short_help="Remove unneeded images from the local registry.",
    epilog=examples("./skyinfra setup collect", "./skyinfra setup collect --yes"),
)
@click.option("--yes", is_flag=True, help="Remove them without asking.")
def collect_registry(yes: bool) -> int:
    """Remove unneeded images from the local registry, after showing them.

    Images that a tag, a list, a state or a stack's file names are needed. Without --yes or your answer,
    nothing is removed. The registry is stopped for some seconds; nodes keep running. Refused while another
    command or pulumi is running. A run that was interrupted is finished by the same command.
    """
    enter_set_up(layout := read_layout(), Choice.SET_UP)  # for the registry's authority and login
    shown = False

    def agreed(garbage: Garbage) -> bool:
        nonlocal shown
        shown = True
        click.echo(
            f"{_garbage(garbage)}\nImages that are published, running, or were healthy before are kept."
        )
        return yes or has_agreed("Remove them?", "Nothing was removed: --yes removes them.")

    if (gone := collect(layout, agreed)) is not None:
        click.echo(f"{size(gone.size)} were freed.")
        return 0
    if shown:
        return FAILED
    click.echo("Everything in the local registry is needed.")
    return 0


def _garbage(garbage: Garbage) -> str:
    """Table of the repositories that would lose manifests, and a sentence with the total."""
    going = Counter(manifest.repository for manifest in garbage.manifests)
    rows = [[name, str(count), str(garbage.kept_counts[name])] for name, count in sorted(going.items())]
    listed = [columns([["REPOSITORY", "REMOVE", "KEEP"], *rows]), ""] if rows else []
    total = f"{len(garbage.manifests)} manifests would be removed, which frees {size(garbage.size)}."
    return "\n".join([*listed, total])


@setup.command(
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
    """Function that writes bytes into a command's FILE or, if that is a folder, into a named file there."""
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


@setup.command(
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


@setup.command(
    "adopt",
    short_help="Take over running nodes without a backup; changes nothing on hosts.",
    epilog=examples("./skyinfra setup adopt", "./skyinfra setup adopt -s fleet"),
)
@click.option("-s", "--stack", metavar="NAME", default=STACK, show_default=True, help="Name of the stack.")
@click.option("--publish", "publishes", is_flag=True, help="Also publish images outside this machine.")
def adopt_stack(stack: str, publishes: bool) -> int:
    """Write a new state for a stack whose state is lost, from its file and the containers on its hosts.

    No container, volume or network is created, replaced, changed or removed, and nodes keep running. Images
    are built if the stack builds any, and published in the local registry; a stack with other registries is
    refused without --publish, because its tags, moving ones too, are written without a preview. Resources
    missing on a host are skipped and listed; a node that differs from the file is taken over as it runs, and
    the next preview shows the difference. Lost secrets are listed.
    """
    return FAILED if setup_adopt.adopt(read_layout(), stack, publishes=publishes) else 0
