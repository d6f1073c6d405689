"""Write files without overwriting foreign files, or own files that were edited."""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from workspaces.model import WorkspaceError

COMMENTS = {".json": "//", ".yaml": "#"}
"""Comment prefix of a file type."""
MAKERS = ("skyinfra workspace files", "python -m workspaces")
"""Commands named in a file's first line: the present one, and those of earlier versions."""


def signed(path: Path, body: str) -> str:
    """Text with a first line that identifies it until it is edited."""
    return _signed_by(MAKERS[0], path, body)


def _signed_by(maker: str, path: Path, body: str) -> str:
    return f"{COMMENTS[path.suffix]} Made by `{maker}`, {_digest(body)}\n{body}"


def is_own(path: Path, text: str) -> bool:
    """True if `text` is unchanged since it was written there."""
    body = text.partition("\n")[2]
    return any(text == _signed_by(maker, path, body) for maker in MAKERS)


def _digest(body: str) -> str:
    return hashlib.sha256(body.encode()).hexdigest()[:16]


def write_all(folder: Path, bodies: Mapping[str, str]) -> list[Path]:
    """Write every file or none; returns the files that changed.

    Raises WorkspaceError that names all foreign files, or if it can't write.
    """
    wanted = {folder / name: signed(Path(name), body) for name, body in bodies.items()}
    foreign = [str(path) for path in wanted if _is_taken(folder, path)]
    if foreign:
        raise WorkspaceError(
            f"{', '.join(foreign)}: not written by this command, or edited since; nothing was written. "
            "Move it away, choose another folder, or print the files (--print)"
        )
    try:
        changed = [path for path, text in wanted.items() if not path.exists() or path.read_text() != text]
        for path in changed:
            _write(folder, path, wanted[path])
    except OSError as error:
        raise WorkspaceError(f"{folder} can't be written: {error}") from None
    return changed


def _write(folder: Path, path: Path, text: str) -> None:
    for parent in _between(folder, path):
        if not parent.exists():
            parent.mkdir()
            _give(parent, folder)
    # Written next to its place and renamed, so that an interrupted run leaves no partial file.
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_text(text)
    _give(partial, folder)
    partial.rename(path)


def _between(folder: Path, path: Path) -> list[Path]:
    """Folders between `folder` and `path`, outermost first."""
    return [folder / parent for parent in reversed(path.relative_to(folder).parents[:-1])]


def _give(path: Path, folder: Path) -> None:
    """Give a path the owner of `folder`: root, for example through sudo, leaves no files of root there."""
    if os.geteuid() == 0:
        owner = folder.stat()
        os.chown(path, owner.st_uid, owner.st_gid)


def _is_taken(folder: Path, path: Path) -> bool:
    """True if the path is occupied: by a link or file on the way, a folder, or a file with other content."""
    if any(parent.is_symlink() for parent in (*_between(folder, path), path)):
        return True
    if any(parent.exists() and not parent.is_dir() for parent in _between(folder, path)):
        return True
    if path.exists() and not path.is_file():
        return True
    return path.exists() and not is_own(path, path.read_text(errors="replace"))
