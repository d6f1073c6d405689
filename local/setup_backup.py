"""`skyinfra setup backup` and `restore`: all that a new machine needs for the same nodes (docs/adr/0029)."""

import platform
from collections.abc import Callable, Sequence
from pathlib import Path

from catalogue.version import VERSION
from clients.age import Identity
from local.machine.layout import LOCK, PROJECT, Layout, as_owner
from local.machine.steps import SetupError
from local.stacks import setup_backup_journal
from local.stacks.files import is_own, stack_file
from local.stacks.lock import exclusive
from local.stacks.setup_backup_format import (
    FOLDERS,
    PASSPHRASE,
    SINGLE,
    STACKS,
    STATE,
    About,
    about,
    facts_of,
    is_kept,
    open_backup,
    read,
    seal,
)
from local.stacks.states import all_stacks, deployment, require_unlocked, state_file
from wallets.files.contents import Contents, File

PORT = "SKYCOIN_REGISTRY_PORT"


def back_up(
    layout: Layout, recipients: Sequence[str], keep: Callable[[str, bytes], str]
) -> tuple[str, About]:
    """Seal everything that the set-up can't create again; return the result of `keep` and the facts.

    Raises UserError, without a backup, if nothing is set up, or if a command or pulumi is running.
    """
    with as_owner(layout):
        is_there = (layout.state / PASSPHRASE).exists() or setup_backup_journal.is_unfinished(layout)
    if not is_there:
        raise SetupError(f"Nothing is set up in {layout.state}: there is nothing to back up.")
    with exclusive(layout, "skyinfra setup backup"):
        _refuse_at_work(layout)
        contents = _contents(layout)
        _refuse_at_work(layout)
        if _contents(layout) != contents:
            raise SetupError("pulumi changed a stack during the backup. No backup was made: run this again.")
    machine = platform.node() or "unknown"
    facts = about(layout, contents, machine=machine, version=VERSION, recipients=recipients)
    data = seal(facts, contents)
    read("the backup", data)
    return keep(facts.file_name, data), facts


def verify(name: str, data: bytes, identities: Sequence[Identity]) -> tuple[About, bool]:
    """Facts in a backup, and whether they and its files were verified with a key.

    Raises UserError if it is not a complete backup or, with a key, if a restore would refuse its files.
    """
    file = read(name, data)
    if identities:
        open_backup(file, identities)
    return facts_of(file), bool(identities)


def restore(layout: Layout, name: str, data: bytes, identities: Sequence[Identity]) -> About | None:
    """Restore a set-up from a backup; return its facts, or None if this finished an interrupted restore.

    Raises UserError, with nothing restored, if a set-up exists or the backup can't be restored here. If
    files can't be written, the message says whether the restore is unfinished.
    """
    with as_owner(layout):
        if setup_backup_journal.is_unfinished(layout):
            with exclusive(layout, "skyinfra setup restore"):
                return None
        file = read(name, data)
        facts = facts_of(file)
        _refuse_another_port(layout, facts)
        _refuse_held(layout)
        contents = open_backup(file, identities)
        _refuse_other_files(contents)
        try:
            layout.state.mkdir(mode=0o700, parents=True, exist_ok=True)
            with exclusive(layout, "skyinfra setup restore"):
                _refuse_held(layout)
                layout.state.chmod(0o700)  # a folder that was there already may be open to others
                setup_backup_journal.restore(layout, contents)
        except PermissionError:
            raise
        except OSError as error:
            raise SetupError(
                f"{error.filename or layout.state} can't be written: {error.strerror}. {_outcome(layout)}"
            ) from None
    return facts


def differences(layout: Layout, facts: About) -> list[str]:
    """Settings of the backed-up set-up that differ here, as assignments."""
    pairs = (("SKYCOIN_MODE", facts.mode, layout.mode), ("SKYCOIN_ENGINE", facts.engine, layout.engine))
    return [f"{variable}={backed_up}" for variable, backed_up, current in pairs if backed_up != current]


def _refuse_at_work(layout: Layout) -> None:
    for stack in all_stacks(layout):
        require_unlocked(layout, stack)
        deployment(state_file(layout, stack))  # raises the error for a damaged one


def _contents(layout: Layout) -> dict[str, File]:
    paths = [layout.state / name for name in SINGLE]
    for name in FOLDERS:
        below = layout.state / name
        paths += [path for path in below.rglob("*") if is_kept(str(path.relative_to(layout.state)))]
    files = {f"{STATE}{path.relative_to(layout.state)}": _file(path) for path in paths if path.is_file()}
    stacks = {stack_file(stack) for stack in all_stacks(layout)}
    stacks |= {path for path in (PROJECT / "stacks").glob("Pulumi.*.yaml") if is_own(_stack(path))}
    return files | {f"{STACKS}{path.name}": _file(path) for path in stacks if path.is_file()}


def _stack(file: Path) -> str:
    return file.name.removeprefix("Pulumi.").removesuffix(".yaml")


def _file(path: Path) -> File:
    seen = path.stat()
    return File(data=path.read_bytes(), mode=seen.st_mode & 0o777, modified=int(seen.st_mtime))


def _refuse_another_port(layout: Layout, facts: About) -> None:
    if facts.registry_port != layout.registry_port:
        raise SetupError(
            f"The backup's set-up has its registry at port {facts.registry_port}, which is part of every "
            f"image's name, but here {PORT} is {layout.registry_port}: all its nodes would be replaced. Set "
            f"{PORT}={facts.registry_port}. Nothing was restored."
        )


def _refuse_held(layout: Layout) -> None:
    """Raise SetupError if the state folder contains anything except what a killed restore has left."""
    parts = {path.name for path in setup_backup_journal.halves(layout)}
    names = sorted(path.name for path in layout.state.iterdir()) if layout.state.is_dir() else []
    if held := [name for name in names if name != LOCK and name not in parts]:
        more = f" and {len(held) - 5} more" if len(held) > 5 else ""
        raise SetupError(
            f"{layout.state} is not empty: it contains {', '.join(held[:5])}{more}. A set-up is "
            "restored only into a new folder: set SKYCOIN_STATE to one, or move these files away. "
            "Nothing was restored."
        )


def _refuse_other_files(contents: Contents) -> None:
    """Raise SetupError if a stack's file exists with different content than the backup's."""
    others = [
        f"stacks/{path.removeprefix(STACKS)}"
        for path, file in contents.items()
        if path.startswith(STACKS)
        if (existing := PROJECT / "stacks" / path.removeprefix(STACKS)).exists()
        if existing.read_bytes() != file.data
    ]
    if others:
        raise SetupError(
            f"{', '.join(others)}: already exists with different content than the backup's, from which the "
            "nodes were created. Move it away, run this again, and compare them then. Nothing was restored."
        )


def _outcome(layout: Layout) -> str:
    if setup_backup_journal.is_unfinished(layout):
        return "The restore is not finished: free some disk space, then run this again."
    return "Nothing was restored."
