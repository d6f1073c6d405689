"""Files written for somebody: never over what this command did not write, or what was edited since."""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from workspaces.model import WorkspaceError

COMMENTS = {".json": "//", ".yaml": "#"}
"""Beginning of a line that the reader skips."""
MAKERS = ("skyinfra workspace files", "python -m workspaces")
"""Command that signs a file, and those that signed in earlier versions."""


def signed(path: Path, body: str) -> str:
    """The text with a first line by which it is known again, as long as nobody edits it."""
    return _signed_by(MAKERS[0], path, body)


def _signed_by(maker: str, path: Path, body: str) -> str:
    return f"{COMMENTS[path.suffix]} Made by `{maker}`, {_digest(body)}\n{body}"


def is_own(path: Path, text: str) -> bool:
    """True where `text` is what was written there."""
    body = text.partition("\n")[2]
    return any(text == _signed_by(maker, path, body) for maker in MAKERS)


def _digest(body: str) -> str:
    return hashlib.sha256(body.encode()).hexdigest()[:16]


def write_all(folder: Path, bodies: Mapping[str, str]) -> list[Path]:
    """Write every file, or none of them; the files that were not so before.

    Raises WorkspaceError that names all files which are somebody else's, or where it can't write.
    """
    wanted = {folder / name: signed(Path(name), body) for name, body in bodies.items()}
    foreign = [str(path) for path in wanted if _is_taken(folder, path)]
    if foreign:
        raise WorkspaceError(
            f"{', '.join(foreign)}: not made here, or edited since; nothing was written. Move it away, "
            "choose another folder, or print the text and take what you want of it (--print)"
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
    # Beside its place and renamed: an interrupted run leaves no half file.
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_text(text)
    _give(partial, folder)
    partial.rename(path)


def _between(folder: Path, path: Path) -> list[Path]:
    """Folders from the one below `folder` to the one that holds `path`."""
    return [folder / parent for parent in reversed(path.relative_to(folder).parents[:-1])]


def _give(path: Path, folder: Path) -> None:
    """Root, who may be somebody by sudo, leaves nothing of its own in another's folder."""
    if os.geteuid() == 0:
        owner = folder.stat()
        os.chown(path, owner.st_uid, owner.st_gid)


def _is_taken(folder: Path, path: Path) -> bool:
    """A link or file on the way to it, a folder in its place, or a file with another's text."""
    if any(one.is_symlink() for one in (*_between(folder, path), path)):
        return True
    if any(one.exists() and not one.is_dir() for one in _between(folder, path)):
        return True
    if path.exists() and not path.is_file():
        return True
    return path.exists() and not is_own(path, path.read_text(errors="replace"))
