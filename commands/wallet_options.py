"""Options of the commands for backups: places, recipients and keys."""

import functools
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from clients.age import Identity, identities
from clients.deployed_nodes import DeployedNode
from commands.backend import Backend
from commands.deployed import deployed_node
from settings.ssh import ssh_fault
from wallets.backups.local_folder import default_folder, load
from wallets.errors import WalletError

Function = TypeVar("Function", bound=Callable[..., Any])


def with_ssh(function: Function) -> Function:
    """Add the option `--ssh-option`."""
    return click.option(
        "--ssh-option",
        "ssh_options",
        multiple=True,
        metavar="WORD",
        callback=_ssh_options,
        help="Option of ssh for an ssh:// address, once for each word: `--ssh-option=-i --ssh-option=KEY`. "
        "~/.ssh/config is used too.",
    )(function)


def folder_option(name: str, help_text: str) -> Callable[[Function], Function]:
    """Add an option for a folder of backups, and the ssh options to reach it."""

    def added(function: Function) -> Function:
        return click.option(
            name,
            "where",
            metavar="FOLDER",
            default=str(default_folder()),
            show_default=True,
            help=f"{help_text} A path, or ssh://USER@HOST[:PORT]/FOLDER (…/~/FOLDER: in the home folder).",
        )(with_ssh(function))

    return added


def _ssh_options(
    _context: click.Context, _option: click.Parameter, given: tuple[str, ...]
) -> tuple[str, ...]:
    if fault := ssh_fault(given):
        raise click.BadParameter(fault)
    return given


def with_identity(function: Function) -> Function:
    """Add the option for secret keys."""
    return click.option(
        "--identity",
        "keys",
        multiple=True,
        metavar="FILE",
        help="Secret key of a recipient: a file of `age-keygen`, also one with a passphrase, or an ssh key; "
        "- is standard input. It is stored nowhere.",
    )(function)


def with_recipients(function: Function) -> Function:
    """Add the options for recipients of a backup, in addition to those of the stack."""
    return recipient_options("The stack's recipients always can.")(function)


def recipient_options(others: str) -> Callable[[Function], Function]:
    """Add the options for recipients of a backup; `others` is a sentence about other recipients."""

    def added(function: Function) -> Function:
        return _with_recipient_options(function, others)

    return added


def _with_recipient_options(function: Function, others: str) -> Function:
    with_files = click.option(
        "--recipients-file",
        "recipient_files",
        type=click.Path(path_type=Path),
        multiple=True,
        metavar="FILE",
        help="File with one public key on each line, as for `age -R`.",
    )(function)
    return click.option(
        "--recipient",
        "given",
        multiple=True,
        metavar="KEY",
        help=f"Public key whose owner can read the backup: age1… or an ssh key. {others}",
    )(with_files)


def read_identities(keys: Sequence[str]) -> list[Identity]:
    """Read the secret keys in the `--identity` files. Raises AgeError; WalletError for unreadable files."""
    return [
        identity
        for key in keys
        for identity in identities(key, _key_file(key), functools.partial(_passphrase, key))
    ]


def _key_file(name: str) -> bytes:
    """Read an identity file. Raises WalletError."""
    return sys.stdin.buffer.read() if name == "-" else load(Path(name).expanduser())


def _passphrase(name: str) -> str:
    if not _on_terminal():
        raise WalletError(f"{name} has a passphrase, and there is no terminal to ask for it")
    phrase: str = click.prompt(f"Passphrase of {name}", hide_input=True, err=True)
    return phrase


def _on_terminal() -> bool:
    return sys.stdin.isatty()


def node_in(backend: Backend, stack: str, name: str) -> DeployedNode:
    """One node of a stack. Raises UserError that lists the nodes if there is no such node."""
    return deployed_node(stack, name, backend.resources(stack))
