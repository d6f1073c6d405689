"""`skyinfra setup rotate`: new keys of a set-up."""

import click

from commands.options import examples
from local.machine.layout import read_layout
from local.rotation import Key, rotate

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


@click.command(
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
