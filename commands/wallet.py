"""`skyinfra wallet`: backups of a node's wallets, their proof and their way back."""

import functools
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from clients.age import Identity, identities
from clients.fingerprint import digest, summary
from commands.backend import BACKEND_URL, Backend, Choice
from commands.exit_codes import FAILED
from commands.options import chosen, examples, with_stack
from display.columns import columns
from local.layout import PROJECT
from local.pulumi_run import pulumi
from local.stack import copied_stack_file, is_own, stack_config
from providers.skycoin.wallet_identity import ACCEPTED, FAULT
from settings.ssh import ssh_fault
from wallets.backup_files import default_folder, load
from wallets.backup_format import read
from wallets.backup_places import SSH, load_file, place
from wallets.commands import (
    UNPROVED,
    Restoring,
    backup,
    check,
    drill,
    engine_of,
    look,
    restore_copy,
    restore_file,
    restore_temporary,
    verify,
    volume_of,
)
from wallets.errors import WalletError
from wallets.listing import rows
from wallets.nodes import DeployedNode, node_of
from wallets.policy import recipients_of, refuse_unclear, rules_of
from wallets.schedule import Scheduler, timer

Function = TypeVar("Function", bound=Callable[..., Any])


@click.group()
def wallet() -> None:
    """Back up, verify, restore and accept the wallets of a node."""


def _with_ssh(function: Function) -> Function:
    """Add the option for ssh's own."""
    return click.option(
        "--ssh-option",
        "ssh_options",
        multiple=True,
        metavar="WORD",
        callback=_ssh_options,
        help="Option of ssh for an ssh:// address, once for each word: `--ssh-option=-i --ssh-option=KEY`. "
        "~/.ssh/config counts too.",
    )(function)


def _folder_option(name: str, help_text: str) -> Callable[[Function], Function]:
    """Add an option for a folder of backups, and the ssh options to reach it by."""

    def added(function: Function) -> Function:
        return click.option(
            name,
            "where",
            metavar="FOLDER",
            default=str(default_folder()),
            show_default=True,
            help=f"{help_text} A path, or ssh://USER@HOST[:PORT]/FOLDER (…/~/FOLDER: in the home folder).",
        )(_with_ssh(function))

    return added


def _ssh_options(
    _context: click.Context, _option: click.Parameter, given: tuple[str, ...]
) -> tuple[str, ...]:
    if fault := ssh_fault(given):
        raise click.BadParameter(fault)
    return given


def _with_identity(function: Function) -> Function:
    """Add the option for secret keys."""
    return click.option(
        "--identity",
        "keys",
        multiple=True,
        metavar="FILE",
        help="Secret key of a recipient: a file of `age-keygen`, also one with a passphrase, or an ssh key; "
        "- is standard input. It is stored nowhere.",
    )(function)


def _with_recipients(function: Function) -> Function:
    """Add the options that say who can read what is written."""
    with_files = click.option(
        "--recipients-file",
        "recipient_files",
        type=click.Path(path_type=Path),
        multiple=True,
        metavar="FILE",
        help="File with a public key a line, as `age -R` takes it.",
    )(function)
    return click.option(
        "--recipient",
        "given",
        multiple=True,
        metavar="KEY",
        help="Public key that can read the backup: age1… or of ssh. Those of the stack always can.",
    )(with_files)


def _identities(keys: Sequence[str]) -> list[Identity]:
    """Secret keys of the files. Raises AgeError."""
    return [
        identity
        for key in keys
        for identity in identities(key, _key_file(key), functools.partial(_passphrase, key))
    ]


def _key_file(name: str) -> bytes:
    """Text of an identity file. Raises WalletError."""
    return sys.stdin.buffer.read() if name == "-" else load(Path(name).expanduser())


def _passphrase(name: str) -> str:
    if not _on_terminal():
        raise WalletError(f"{name} has a passphrase, and there is no terminal to ask for it")
    phrase: str = click.prompt(f"Passphrase of {name}", hide_input=True, err=True)
    return phrase


def _on_terminal() -> bool:
    return sys.stdin.isatty()


def _node(backend: Backend, stack: str, name: str) -> DeployedNode:
    return node_of(stack, name, backend.resources(stack))


@wallet.command(
    "backup",
    short_help="Write the wallets of a node into a new, encrypted file.",
    epilog=examples(
        "./skyinfra wallet backup node-1",
        "./skyinfra wallet backup attic -s fleet --to ssh://me@nas.lan/~/wallets",
        "./skyinfra wallet backup attic -s fleet --print systemd",
    ),
)
@click.argument("node")
@with_stack
@_folder_option("--to", "Place for the backup.")
@_with_recipients
@click.option("--plain", is_flag=True, help="Don't encrypt: whoever has the file can read it.")
@click.option(
    "--print",
    "scheduler",
    type=click.Choice([one.value for one in Scheduler]),
    help="Print a unit that does this every day, and make no backup.",
)
def backup_wallet(
    node: str,
    stack: str | None,
    backend: Choice,
    where: str,
    ssh_options: Sequence[str],
    given: Sequence[str],
    recipient_files: Sequence[Path],
    plain: bool,
    scheduler: str | None,
) -> None:
    """Write the wallets of NODE into a new file, encrypted to the recipients that the stack names.

    The file is dated and never overwrites another. The node may run. Neither its host nor this machine
    can read the file; it says itself how it is read without this program.
    """
    found, name = chosen(stack, backend)
    if scheduler:
        context = click.get_current_context()
        click.echo(_unit(Scheduler(scheduler), node, name, backend, context), nl=False)
        return
    recipients = recipients_of(rules_of(stack_config(name)), given, recipient_files)
    with found.changing(name, "wallet backup"):
        deployed = _node(found, name, node)
        refuse_unclear(deployed, recipients, plain=plain)
        backup(deployed, volume_of(deployed), place(where, ssh_options), recipients, found.backup_records)


KEPT = ("PATH", "SKYCOIN_STATE", "SKYCOIN_CACHE", "PULUMI_HOME", "DOCKER_HOST", BACKEND_URL)
"""Variables that a timer's command needs where they are set here; none of them holds a secret."""


def _unit(scheduler: Scheduler, node: str, stack: str, backend: Choice, context: click.Context) -> str:
    """Text of a timer for a command line without `--print`."""
    options = context.params
    command = [str(PROJECT / "skyinfra"), "wallet", "backup", node, "--stack", stack]
    command += ["--backend", backend.value, "--to", _absolute(options["where"])]
    command += [f"--ssh-option={one}" for one in options["ssh_options"]]
    command += [word for one in options["given"] for word in ("--recipient", one)]
    command += [
        word for one in options["recipient_files"] for word in ("--recipients-file", str(one.absolute()))
    ]
    command += ["--plain"] if options["plain"] else []
    env = {key: value for key in KEPT if (value := os.environ.get(key))}
    if "@" in env.get(BACKEND_URL, ""):
        raise WalletError(
            f"{BACKEND_URL} holds a login, which would be in the unit in clear: log in with `pulumi login`"
        )
    name = f"skycoin-wallet-backup-{stack.rpartition('/')[2]}-{node}"
    return timer(scheduler, name, str(PROJECT), command, env)


def _absolute(where: str) -> str:
    return where if where.startswith(SSH) else str(Path(where).expanduser().absolute())


@wallet.command(
    "list",
    short_help="List backups in a folder.",
    epilog=examples(
        "./skyinfra wallet list", "./skyinfra wallet list attic --from ssh://me@nas.lan/~/wallets"
    ),
)
@click.argument("node", required=False)
@_folder_option("--from", "Place of the backups.")
def list_backups(node: str | None, where: str, ssh_options: Sequence[str]) -> None:
    """List the backups in a folder, those of NODE alone where it is given. Needs no key.

    Reads each file whole: one that is cut short, changed or no backup says so.
    """
    found = list(rows(place(where, ssh_options), node))
    click.echo(
        columns(found) if len(found) > 1 else f"{where} holds no backups{f' of {node}' if node else ''}."
    )
    if len(found) > 1:
        click.echo(f"\nNot proved without a key, of those that are encrypted: {UNPROVED}.")


@wallet.command(
    "verify",
    short_help="Prove one backup file, with or without a key.",
    epilog=examples(
        "./skyinfra wallet verify ~/skycoin-wallets/node-1-wallet-2026-11-25T18-00-00Z.backup",
        "./skyinfra wallet verify FILE --identity wallet-key.txt",
    ),
)
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@_with_identity
@_with_ssh
def verify_backup(files: Sequence[str], keys: Sequence[str], ssh_options: Sequence[str]) -> None:
    """Prove that each FILE is a whole backup, and with a key that its wallets are what it says.

    FILE is a path or an ssh:// address. Says what it could not prove without a key.
    """
    opened = _identities(keys)
    for file in files:
        verify(file, load_file(file, ssh_options), opened)


@wallet.command(
    "check",
    short_help="Hold the newest backup against the wallet and the stack.",
    epilog=examples(
        "./skyinfra wallet check node-1", "./skyinfra wallet check attic -s fleet --from /media/usb/wallets"
    ),
)
@click.argument("node")
@with_stack
@_folder_option("--from", "Place of the backups.")
@_with_identity
def check_backup(
    node: str,
    stack: str | None,
    backend: Choice,
    where: str,
    ssh_options: Sequence[str],
    keys: Sequence[str],
) -> None:
    """Compare the newest good backup of NODE with its wallet now, and with what the stack asks for.

    Exit code 1 where it is too old, has other recipients, or lacks addresses. The node may run.
    """
    found, name = chosen(stack, backend)
    rules, opened = rules_of(stack_config(name)), _identities(keys)
    with found.changing(name, "wallet check"):
        deployed = _node(found, name, node)
        check(deployed, volume_of(deployed), place(where, ssh_options), rules, opened)


@wallet.command(
    "drill",
    short_help="Restore the newest backup on trial; leaves nothing.",
    epilog=examples("./skyinfra wallet drill node-1 --identity wallet-key.txt"),
)
@click.argument("node")
@with_stack
@_folder_option("--from", "Place of the backups.")
@_with_identity
def drill_backup(
    node: str,
    stack: str | None,
    backend: Choice,
    where: str,
    ssh_options: Sequence[str],
    keys: Sequence[str],
) -> None:
    """Restore the newest good backup of NODE into a throw-away volume and start a node over it.

    That node has no network, and must find the same addresses. It runs on the host of NODE, whose wallet
    has no part in it. Container and volume are removed, also where the drill fails.
    """
    found, name = chosen(stack, backend)
    opened = _identities(keys)
    with found.changing(name, "wallet drill"):
        deployed = _node(found, name, node)
        drill(deployed, engine_of(deployed), place(where, ssh_options), opened)


@wallet.command(
    "restore",
    short_help="Put the wallets of a backup or a copy back.",
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
    help="Name of a copy on the node's host, instead of FILE. An unknown name prints the list of copies.",
)
@click.option(
    "--temporary",
    metavar="FILE",
    default="",
    help="Name of a temporary copy beside the wallet, which a save that did not end has left.",
)
@with_stack
@_with_identity
@_folder_option("--to", "Place for a backup of the current wallets, made before the restore.")
@_with_recipients
@click.option("--other-node", is_flag=True, help="Restore a backup of another node.")
@click.option("--older", is_flag=True, help="Restore over addresses that the backup lacks.")
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
    """Put the wallets of a backup, or of a copy on the host, back into the volume of NODE.

    The node is stopped meanwhile. Backs up the volume's current contents first, encrypted where recipients
    are known. Wallets that are not in the backup stay. FILE is a path or an ssh:// address.
    """
    if [bool(file), bool(copy), bool(temporary)].count(True) != 1:
        raise click.UsageError(
            "give one source: FILE, --copy TIME for a copy on the node's host, or --temporary FILE for one "
            "beside the wallet"
        )
    found, name = chosen(stack, backend)
    restoring = Restoring(
        place=place(where, ssh_options),
        recipients=recipients_of(rules_of(stack_config(name)), given, recipient_files),
        other_node=other_node,
        older=older,
    )
    opened = _identities(keys)
    with found.changing(name, "wallet restore"):
        deployed = _node(found, name, node)
        volume = volume_of(deployed)
        if copy:
            restore_copy(deployed, volume, copy, restoring)
        elif temporary:
            restore_temporary(deployed, volume, temporary, restoring)
        else:
            given_file = read(file, load_file(file, ssh_options))
            restore_file(deployed, volume, given_file, opened, restoring)
        # These wallets are what the next `up` must find.
        return _record(found, name, deployed, digest(look(deployed)))


@wallet.command(
    "accept",
    short_help="Accept what a node's wallets have become.",
    epilog=examples("./skyinfra wallet accept node-1", "./skyinfra wallet accept node-1 3f2a9c01d4e5b6a7"),
)
@click.argument("node")
@click.argument("fingerprint", default="")
@with_stack
def accept_wallet(node: str, fingerprint: str, stack: str | None, backend: Choice) -> int:
    """Record the wallets of NODE as they are now, where they have FINGERPRINT.

    `up` refuses a wallet volume that has lost a wallet, that is older than it was, or that is another one.
    Without FINGERPRINT, this shows what the volume holds, and changes nothing.
    """
    found, name = chosen(stack, backend)
    with found.changing(name, "wallet accept"):
        deployed = _node(found, name, node)
        wallets = look(deployed)
        there = digest(wallets)
        if fingerprint == there:
            return _record(found, name, deployed, there)
        for file, chains in sorted(wallets.items()):
            click.echo(f"  {file}: {summary({file: chains}).partition(' with ')[2]}")
        click.echo(f"{deployed.wallet} on host {deployed.host} has the fingerprint {there}")
        if fingerprint:
            click.echo(f"It is not {fingerprint}: nothing was recorded.", err=True)
            return FAILED
        return 0


def _record(backend: Backend, stack: str, deployed: DeployedNode, fingerprint: str) -> int:
    """Let the stack's state and the host remember the wallets that have this fingerprint; the exit code."""
    env = {**backend.env, ACCEPTED: fingerprint}
    with copied_stack_file(stack) as options:
        own = [] if is_own(stack) else options
        target = ["refresh", "--yes", "--skip-preview", "--target", deployed.preflight, "--stack", stack]
        if pulumi([*target, *own], env, backend.update_log):
            again = f"`./skyinfra wallet accept {deployed.name} {fingerprint}{deployed.stack_option}`"
            click.echo(f"The fingerprint {fingerprint} was not recorded. Do it with {again}.", err=True)
            return FAILED
    after = next(one for one in backend.resources(stack) if one["urn"] == deployed.preflight)
    if said := after.get("outputs", {}).get(FAULT):
        click.echo(f"Not recorded: {said}", err=True)
        return FAILED
    click.echo(
        f"The stack {stack} remembers the wallets of {deployed.name} with the fingerprint {fingerprint}."
    )
    return 0
