"""One changing command at a time in a set-up: the second one is refused before it touches anything."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from local import checkout, passphrase_rotation, setup_backup_journal
from local.layout import LOCK, Layout, as_owner
from local.steps import SetupError


@contextmanager
def exclusive(layout: Layout, command: str) -> Iterator[None]:
    """Hold the set-up's lock. Raises SetupError that names the command or the checkout that has it.

    The kernel gives the lock back when its process ends, however it ends. A restore of the set-up that was
    killed is finished first, or a rotation of the passphrase. The files of the machine's own stacks are kept
    in the state folder at the end, and are put back first where the checkout lacks them.
    """
    with as_owner(layout):
        checkout.refuse_others(layout)
        opened = (layout.state / LOCK).open("a+")
    with opened as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise SetupError(
                f"{file.read().strip() or 'another make'} is at work in {layout.state}. Nothing was changed: "
                "wait for it to end, then run this again."
            ) from None
        file.truncate(0)
        file.write(f"`{command}`, process {os.getpid()} since {datetime.now(UTC):%H:%M:%S} UTC,")
        file.flush()
        setup_backup_journal.settle(layout)
        passphrase_rotation.settle(layout)
        checkout.put_stack_files_back(layout)
        try:
            yield
        finally:
            checkout.keep_stack_files(layout)
            file.truncate(0)
