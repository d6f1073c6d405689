"""`skyinfra`: the group of all commands, and the handling of their errors."""

import os
import signal

if __name__ == "__main__" and signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
    # The imports take up to a second, in which an interrupt would print a traceback. `main` handles it later.
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))

import errno
import io
import sys
import tempfile
import traceback
from collections.abc import Sequence

import click

from catalogue.exit_codes import FAILED, INTERNAL, INTERRUPTED
from catalogue.version import VERSION
from clients.signals import interrupt_on_all
from commands.fleet.group import fleet
from commands.images import images
from commands.node.group import node
from commands.options import examples
from commands.release.group import release
from commands.review.apply import apply
from commands.review.review import review
from commands.setup.group import setup
from commands.wallet.group import wallet
from commands.workspace.group import workspace
from display.errors import UserError
from display.printable import printable


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=examples(
        "./skyinfra review -s release                   print the page of a pull request",
        "./skyinfra wallet backup node-1                back up a node's wallets into a dated file",
        "./skyinfra workspace open cli --folder ~/src   open a development workspace over that folder",
    )
    + "\n\n\b\nExit codes:\n"
    "  0   done\n"
    "  1   refused or failed; the message says why\n"
    "  2   wrong usage: an unknown command or option, or a value that is not allowed\n"
    "  3   review, fleet check: `pulumi up` would be refused\n"
    "  4   fleet: a part needs attention, or was not done\n"
    "  5   review: a wallet, a volume or something published could be lost, or a rule is broken\n"
    "  6   apply: not what was approved; nothing was changed\n"
    "  70  internal error (a bug in skyinfra)\n"
    "  130 interrupted",
)
@click.version_option(VERSION, prog_name="skyinfra")
def skyinfra() -> None:
    """Do what `pulumi` has no command for: reviews, releases, nodes, wallets, workspaces and fleets.

    Works with the set-up of `make up` and, except for `setup` and `workspace open`, with stacks on any other
    Pulumi backend.
    """


for command in (review, apply, release, wallet, workspace, node, fleet, images, setup):
    skyinfra.add_command(command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return its exit code. An error is a message on standard error, never a traceback."""
    interrupt_on_all()
    _open_closed()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # like stderr: a file's name may be no text
    try:
        if sys.stdout is None:  # as after `>&-`: what the command says of its changes would be lost
            raise UserError("standard output is closed: nothing was done")
        code = skyinfra.main(arguments, prog_name="skyinfra", standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except UserError as error:
        return _failed(str(error), FAILED)
    except (KeyboardInterrupt, click.Abort):
        return _failed("interrupted", INTERRUPTED)
    except OSError as error:
        return _failed_outside(error)
    except Exception as error:
        return _failed(_fault(error), INTERNAL)
    return code if isinstance(code, int) else 0


def _open_closed() -> None:
    """Open the null device as a closed standard input or error.

    Otherwise Python prints messages on standard output, and the next file gets the number of the closed one.
    """
    if sys.stdin is None:
        sys.stdin = os.fdopen(os.open(os.devnull, os.O_RDONLY))
    if sys.stderr is None:
        sys.stderr = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")


_OF_OUTPUT = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF})
"""Errors of a write to an open file (write(2)); any other error without a file's name is the system's own."""


def _failed_outside(error: OSError) -> int:
    """Report what could not be read or written; return the exit code (INTERNAL without a reason)."""
    if isinstance(error, BrokenPipeError):
        sys.stderr.close()  # the reader of the pipe, such as `head`, has ended
        return FAILED
    if error.strerror is None:
        return _failed(_fault(error), INTERNAL)
    if error.filename is not None:
        return _failed(f"{error.filename}: {error.strerror}", FAILED)
    if error.errno not in _OF_OUTPUT:
        return _failed(f"{error.strerror} (where: {_logged(error)})", FAILED)
    # Writing the rest of the output would fail again when Python exits.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return _failed(f"standard output: {error.strerror}", FAILED)


def _failed(message: str, code: int) -> int:
    if sys.stdout is not None:
        sys.stdout.flush()
    print(f"error: {printable(message)}", file=sys.stderr)
    return code


def _logged(error: Exception) -> str:
    """Name of a new file with the error's traceback."""
    with tempfile.NamedTemporaryFile("w", prefix="skyinfra-", suffix=".log", delete=False) as file:
        traceback.print_exception(error, file=file)
    return file.name


def _fault(error: Exception) -> str:
    file = _logged(error)
    # `repr` of a decoding error contains all that was to be decoded, such as a password.
    shown = f"{type(error).__name__}({str(error)!r})"
    return f"internal error (a bug in skyinfra): {shown}. Please report it with {file}"


if __name__ == "__main__":
    sys.exit(main())
