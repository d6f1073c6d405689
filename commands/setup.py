"""`skyinfra setup`: what the set-up of `make up` has made for itself."""

import click

from commands.options import examples
from local.layout import read_layout
from local.rotation import Key, rotate

SAYS = {
    Key.PASSPHRASE: "All states and stacks' files are encrypted with the new {state}/passphrase. "
    "Copies that were made before are opened by the former one alone.",
    Key.LOGIN: "The local registry takes the new login alone, which is in {state}/docker/config.json. "
    "Whoever has copied the former one must copy this.",
    Key.CA: "The local registry has a new certificate, of the authority {state}/certificates/ca.crt. "
    "Whoever has copied the former one must copy this.",
}
"""Last line of a rotation."""


@click.group()
def setup() -> None:
    """Change the keys of the set-up that `make up` made."""


@setup.command(
    "rotate",
    short_help="Make a key anew; nodes run on.",
    epilog=examples(
        "./skyinfra setup rotate login",
        "./skyinfra setup rotate passphrase",
        "./skyinfra setup rotate ca",
    ),
)
@click.argument("key", metavar="KEY", type=click.Choice([key.value for key in Key]))
def rotate_key(key: str) -> None:
    r"""Make KEY anew: passphrase, login or ca. Nodes and workspaces run on, and no image is built.

    \b
    passphrase  of the secrets in Pulumi's states and in the stacks' files
    login       of the local registry, which is started anew
    ca          authority and certificate of the local registry; registry and builder are started anew

    A run that was interrupted is finished, or undone, by the same command or the next `make up`.
    """
    layout = read_layout()
    rotate(layout, Key(key))
    click.echo(SAYS[Key(key)].format(state=layout.state))
