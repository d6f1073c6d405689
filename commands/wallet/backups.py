"""`skyinfra wallet backup`, `list`, `verify`, `check` and `drill`: backups of wallets and their checks."""

import os
from collections.abc import Sequence
from pathlib import Path

import click

from commands.backend import BACKEND_URL, Choice, has_login
from commands.options import chosen, examples, with_stack
from commands.wallet_options import (
    folder_option,
    node_in,
    read_identities,
    with_identity,
    with_recipients,
    with_ssh,
)
from display.columns import columns
from display.errors import UserError
from local.machine.layout import PROJECT
from local.stacks.files import stack_config
from wallets.backups.backup import UNVERIFIED, backup, check, drill, verify
from wallets.backups.folder import backup_folder, load_file
from wallets.backups.listing import rows
from wallets.backups.policy import recipients_of, refuse_unclear, rules_of
from wallets.backups.schedule import Scheduler, timer
from wallets.backups.ssh_folder import SSH
from wallets.errors import WalletError
from wallets.volumes.of_node import engine_of, volume_of


@click.command(
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
@folder_option("--to", "Place for the backup.")
@with_recipients
@click.option("--plain", is_flag=True, help="Don't encrypt: anyone who has the file can read it.")
@click.option(
    "--print",
    "scheduler",
    type=click.Choice([kind.value for kind in Scheduler]),
    help="Print a crontab line or a systemd timer for this backup every day, instead of making it now.",
)
@click.option(
    "--wait",
    metavar="MINUTES",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Wait this long for another command, such as `make up`, to end.",
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
    wait: int,
) -> None:
    """Write the wallets of NODE into a new file, encrypted to the recipients that the stack names.

    The file is dated and never overwrites another. The node may run. Unless --plain is given, neither its
    host nor this machine can read the file; its first lines say how to read it without this program.
    """
    selected, name = chosen(stack, backend)
    if scheduler:
        context = click.get_current_context()
        click.echo(_unit(Scheduler(scheduler), node, name, backend, context), nl=False)
        return
    recipients = recipients_of(rules_of(stack_config(name)), given, recipient_files)
    with selected.changing(name, "wallet backup", wait=60 * wait):
        deployed = node_in(selected, name, node)
        refuse_unclear(deployed, recipients, plain=plain)
        backup(
            deployed,
            volume_of(deployed),
            backup_folder(where, ssh_options),
            recipients,
            selected.backup_records,
        )


SCHEDULED_WAIT = 60
"""Minutes that a scheduled backup waits for another command: more than a first `make up` takes."""
KEPT = (
    *("PATH", "SKYCOIN_STATE", "XDG_STATE_HOME", "SKYCOIN_CACHE", "XDG_CACHE_HOME"),
    *("SKYCOIN_BUILDER_ROOT", "SKYCOIN_REGISTRY_PORT", "SKYCOIN_ENGINE", "SKYCOIN_MODE"),
    *("PULUMI_HOME", "DOCKER_HOST", BACKEND_URL, "SSL_CERT_FILE", "AWS_CA_BUNDLE"),
    *("AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"),
    *("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"),
    *("AWS_REQUEST_CHECKSUM_CALCULATION", "AWS_RESPONSE_CHECKSUM_VALIDATION"),
)
"""Variables that a timer's command needs if they are set here; none of them holds a secret.

A set-up's folders, Pulumi's backend, and how a backend in a bucket is reached.
"""


def _unit(scheduler: Scheduler, node: str, stack: str, backend: Choice, context: click.Context) -> str:
    """Text of a timer for the same command line without `--print`. Raises WalletError."""
    options = context.params
    command = [str(PROJECT / "skyinfra"), "wallet", "backup", node, "--stack", stack]
    command += ["--backend", backend.value, "--to", _absolute(options["where"])]
    command += [f"--ssh-option={option}" for option in options["ssh_options"]]
    command += [word for recipient in options["given"] for word in ("--recipient", recipient)]
    command += [
        word for file in options["recipient_files"] for word in ("--recipients-file", str(file.absolute()))
    ]
    command += ["--plain"] if options["plain"] else []
    command += ["--wait", str(options["wait"] or SCHEDULED_WAIT)]
    env = {key: value for key in KEPT if (value := os.environ.get(key))}
    if has_login(env.get(BACKEND_URL, "")):
        raise WalletError(f"{BACKEND_URL} holds a login, readable in the unit: log in with `pulumi login`")
    name = f"skycoin-wallet-backup-{stack.rpartition('/')[2]}-{node}"
    return timer(scheduler, name, str(PROJECT), command, env)


def _absolute(where: str) -> str:
    return where if where.startswith(SSH) else str(Path(where).expanduser().absolute())


@click.command(
    "list",
    short_help="List backups in a folder.",
    epilog=examples(
        "./skyinfra wallet list", "./skyinfra wallet list attic --from ssh://me@nas.lan/~/wallets"
    ),
)
@click.argument("node", required=False)
@folder_option("--from", "Place of the backups.")
def list_backups(node: str | None, where: str, ssh_options: Sequence[str]) -> None:
    """List the backups in a folder, or only those of NODE. Needs no key.

    Reads each file completely, and reports which are truncated, changed or not backups.
    """
    table_rows = list(rows(backup_folder(where, ssh_options), node))
    click.echo(
        columns(table_rows)
        if len(table_rows) > 1
        else f"{where} has no backups{f' of {node}' if node else ''}."
    )
    if len(table_rows) > 1:
        click.echo(f"\nNot verified without a key, for encrypted backups: {UNVERIFIED}.")


@click.command(
    "verify",
    short_help="Check backup files, with or without a key.",
    epilog=examples(
        "./skyinfra wallet verify ~/skycoin-wallets/node-1-wallet-2026-11-25T18-00-00Z.backup",
        "./skyinfra wallet verify FILE --identity wallet-key.txt",
    ),
)
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@with_identity
@with_ssh
def verify_backup(files: Sequence[str], keys: Sequence[str], ssh_options: Sequence[str]) -> None:
    """Check that each FILE is a complete backup and, with a key, that it has the wallets that it names.

    FILE is a path or an ssh:// address. Reports what it could not check without a key.
    """
    known, faults = read_identities(keys), []
    for file in files:
        try:
            verify(file, load_file(file, ssh_options), known)
        except UserError as error:
            faults.append(str(error))
    if faults:
        raise UserError("\n".join(faults))


@click.command(
    "check",
    short_help="Compare the newest backup with the wallet and the stack.",
    epilog=examples(
        "./skyinfra wallet check node-1", "./skyinfra wallet check attic -s fleet --from /media/usb/wallets"
    ),
)
@click.argument("node")
@with_stack
@folder_option("--from", "Place of the backups.")
@with_identity
def check_backup(
    node: str,
    stack: str | None,
    backend: Choice,
    where: str,
    ssh_options: Sequence[str],
    keys: Sequence[str],
) -> None:
    """Compare the newest good backup of NODE with its current wallet, and with the stack's rules.

    The exit code is 1 if the backup is too old, has other recipients, or lacks addresses. The node may run.
    """
    selected, name = chosen(stack, backend)
    rules, known = rules_of(stack_config(name)), read_identities(keys)
    with selected.changing(name, "wallet check"):
        deployed = node_in(selected, name, node)
        check(deployed, volume_of(deployed), backup_folder(where, ssh_options), rules, known)


@click.command(
    "drill",
    short_help="Try to restore the newest backup; leaves nothing behind.",
    epilog=examples("./skyinfra wallet drill node-1 --identity wallet-key.txt"),
)
@click.argument("node")
@with_stack
@folder_option("--from", "Place of the backups.")
@with_identity
def drill_backup(
    node: str,
    stack: str | None,
    backend: Choice,
    where: str,
    ssh_options: Sequence[str],
    keys: Sequence[str],
) -> None:
    """Restore the newest good backup of NODE into a throw-away volume and start a node over it.

    That node has no network, and must find the same addresses. It runs on the host of NODE, and does not
    touch the wallet of NODE. Container and volume are removed, even if the drill fails.
    """
    selected, name = chosen(stack, backend)
    known = read_identities(keys)
    with selected.changing(name, "wallet drill"):
        deployed = node_in(selected, name, node)
        drill(deployed, engine_of(deployed), backup_folder(where, ssh_options), known)
