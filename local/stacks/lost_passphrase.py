"""Errors about the passphrase of a set-up's stacks, which pulumi reports without saying what to do."""

import contextlib
import os
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO

from local.machine.steps import SetupError

FILE = "PULUMI_CONFIG_PASSPHRASE_FILE"
_WRONG = "incorrect passphrase"
_REMEDY = "restore it from a copy. Nothing else decrypts them."


def refuse_lost(path: Path) -> None:
    """Raise SetupError for a missing or empty passphrase.

    A new one would open none of the stacks, and an empty one would leave a new stack unprotected.
    """
    found = path.read_text().strip() if path.exists() else None
    if not found:
        problem = "missing" if found is None else "empty"
        raise SetupError(
            f"{path} is {problem}, but this set-up's stacks are encrypted with its passphrase: {_REMEDY}"
        )


def refuse_without(env: Mapping[str, str]) -> None:
    """Raise SetupError if `env` names a passphrase file that is lost; without that variable, do nothing."""
    if FILE in env:
        refuse_lost(Path(env[FILE]))


def remedy(said: str, env: Mapping[str, str]) -> list[str]:
    """Sentences to print after an error of pulumi; none if it was not about the set-up's passphrase."""
    if FILE not in env or _WRONG not in said:
        return []
    return [f"{env[FILE]} is not the passphrase of this set-up's stacks: {_REMEDY}"]


@contextlib.contextmanager
def errors_with_remedy(env: Mapping[str, str]) -> Iterator[IO[bytes]]:
    """A standard error for pulumi: it is passed on as it comes, and the remedy is added at its end."""
    said = list[bytes]()
    read_end, write_end = os.pipe()

    def pass_on() -> None:
        with os.fdopen(read_end, "rb") as errors:
            for line in errors:
                said.append(line)
                print(line.decode(errors="replace"), end="", file=sys.stderr, flush=True)

    thread = threading.Thread(target=pass_on)
    thread.start()
    try:
        with os.fdopen(write_end, "wb") as errors:
            yield errors
    finally:
        thread.join()
        for line in remedy(b"".join(said).decode(errors="replace"), env):
            print(line, file=sys.stderr, flush=True)
