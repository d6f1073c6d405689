"""A lock for commands that change a set-up: a second one is refused before it changes anything."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from local.machine.layout import LOCK, Layout, as_owner
from local.machine.steps import BusyError
from local.stacks import checkout, passphrase_rotation, setup_backup_journal


@contextmanager
def exclusive(layout: Layout, command: str) -> Iterator[None]:
    """Hold the set-up's lock. Raises BusyError, which names the command, if another command holds it.

    Raises SetupError if the set-up belongs to another checkout.

    The kernel releases the lock when its process ends, for whatever reason. Before the body, a killed restore
    of the set-up or a killed rotation of the passphrase is finished, and missing files of the machine's own
    stacks are restored in the checkout. After it, these files are copied into the state folder.
    """
    with as_owner(layout):
        checkout.refuse_others(layout)
        opened = (layout.state / LOCK).open("a+")
    with opened as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise BusyError(
                f"{file.read().strip() or 'another make'} is running in {layout.state}. Nothing was changed: "
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
