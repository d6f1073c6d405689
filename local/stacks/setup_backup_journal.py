"""Puts all files of a restored set-up in place, or none of them.

They are first written into a folder next to their final places, which is then renamed. From then on that
folder serves as a journal, and the next command that finds it finishes the restore. A run that is killed
before that restores nothing.
"""

import itertools
import os
import secrets
import shutil
from pathlib import Path

from local.machine.layout import PROJECT, Layout
from local.stacks.setup_backup_format import PASSPHRASE, STACKS, STATE
from wallets.backups.local_folder import fill, sync
from wallets.files.contents import Contents

_NAME = "setup-restore"


def is_unfinished(layout: Layout) -> bool:
    """True if a restore was killed while it was putting files in place."""
    return _journal(layout).exists()


def halves(layout: Layout) -> list[Path]:
    """Folders of running restores, and of those killed before any file was in place."""
    return sorted(layout.state.glob(f"{_NAME}.*.part")) if layout.state.is_dir() else []


def restore(layout: Layout, contents: Contents) -> None:
    """Put the files of a backup in place. The set-up's lock must be held, and no set-up may exist.

    Raises OSError if they can't be written: nothing is restored or, once the journal is complete, the restore
    is unfinished.
    """
    part = _part(layout)
    try:
        part.mkdir(mode=0o700)
        for path, file in contents.items():
            target = part / path
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _write(target, file.data, file.mode)
        for folder in [part, *(path for path in part.rglob("*") if path.is_dir())]:
            sync(folder)
        part.rename(_journal(layout))
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    sync(layout.state)
    settle(layout)


def settle(layout: Layout) -> None:
    """Finish a restore that was killed while putting files in place; remove the leftovers of others."""
    journal = _journal(layout)
    if journal.exists():
        _finish(layout, journal)
        journal.rename(_part(layout))
    for part in halves(layout):
        shutil.rmtree(part, ignore_errors=True)


def _journal(layout: Layout) -> Path:
    return layout.state / _NAME


def _part(layout: Layout) -> Path:
    """Temporary name of the journal's folder, so that a partly removed folder is never the journal."""
    return layout.state / f"{_NAME}.{secrets.token_hex(4)}.part"


def _finish(layout: Layout, journal: Path) -> None:
    """Move the files to their places, the passphrase last: it completes the set-up."""
    for source in _files(journal / STACKS):
        _put_stack_file(source, PROJECT / "stacks" / source.name)
    folders = {layout.state}
    passphrase = journal / STATE / PASSPHRASE
    for source in [path for path in _files(journal / STATE) if path != passphrase]:
        target = layout.state / source.relative_to(journal / STATE)
        target.parent.mkdir(parents=True, exist_ok=True)
        folders.add(target.parent)
        source.rename(target)
    for folder in folders:
        sync(folder)
    if passphrase.exists():
        passphrase.rename(layout.state / PASSPHRASE)
        sync(layout.state)


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _put_stack_file(source: Path, target: Path) -> None:
    """Copy a stack's file, since the checkout may be on another disk.

    An existing file is never overwritten.
    """
    data = source.read_bytes()
    if target.exists() and target.read_bytes() != data:
        existing, target = target, _beside(target, data)
        print(f"{existing} already exists and differs. The backup's is {target}: take what you need.")
    if not target.exists():
        aside = target.with_name(f".{target.name}.restoring")
        aside.unlink(missing_ok=True)
        _write(aside, data, source.stat().st_mode & 0o777)
        aside.rename(target)
        sync(target.parent)
    source.unlink()


def _beside(existing: Path, data: bytes) -> Path:
    """Path next to an existing file that is free, or has these data since an interrupted restore."""
    suffixes = itertools.chain([""], (f"-{number}" for number in itertools.count(2)))
    places = (existing.with_name(f"{existing.name}.restored{suffix}") for suffix in suffixes)
    return next(place for place in places if not place.exists() or place.read_bytes() == data)


def _write(path: Path, data: bytes, mode: int) -> None:
    """Write a new file, readable by its owner at least, and wait until it is on disk."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        fill(file.fileno(), data)
    path.chmod(mode | 0o600)
