"""`python -m wallets backup NODE -s STACK`, `python -m wallets restore NODE FILE -s STACK`.

On any backend, in the environment in which `pulumi` itself works. `make wallet-backup` and
`make wallet-restore` are the same for what `make` has set up.
"""

import argparse
import sys
from pathlib import Path

from wallets.backup_files import default_folder
from wallets.commands import backup, restore_copy, restore_file, volume_of
from wallets.errors import WalletError
from wallets.nodes import node_of, resources_of
from wallets.signals import interrupt_on_all


def main() -> int:
    """Run the command; exit code 1 with one sentence where it is refused."""
    given = _parser().parse_args()
    interrupt_on_all()
    try:
        node = node_of(given.stack, given.node, resources_of(given.stack))
        volume = volume_of(node)
        if given.command == "backup":
            backup(node, volume, given.into)
        elif given.copy is not None:
            restore_copy(node, volume, given.copy, given.into)
        else:
            restore_file(node, volume, given.file, given.into)
    except WalletError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; run the same command again", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m wallets", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in (("backup", "a new, dated file of a node's wallets"), ("restore", "the way back")):
        command = commands.add_parser(name, help=text)
        command.add_argument("node", help="name of the node in the stack")
        if name == "restore":
            source = command.add_mutually_exclusive_group(required=True)
            source.add_argument("file", nargs="?", type=Path, help="a file that backup has made")
            source.add_argument("--copy", help="name of a copy on the node's host instead")
        command.add_argument("-s", "--stack", required=True)
        command.add_argument(
            "--into", type=Path, default=default_folder(), help="folder of backups, default %(default)s"
        )
    return parser


if __name__ == "__main__":
    sys.exit(main())
