"""Write files without overwriting foreign files, or own files that were edited."""

import hashlib
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
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
    """Write all files; return those that changed.

    Raises WorkspaceError, with nothing written, if foreign files are in the way, and names all of them; also
    if a file can't be written, and says what was.
    """
    wanted = {folder / name: signed(Path(name), body) for name, body in bodies.items()}
    try:
        with as_owner_of(folder):
            return _write_all(folder, wanted)
    except OSError as error:
        raise WorkspaceError(f"{folder} can't be written: {error}") from None


@contextmanager
def as_owner_of(folder: Path) -> Iterator[None]:
    """Have root, for example through sudo, act with the permissions of the folder's owner.

    So what is written belongs to that owner, who can't gain root's privileges by planting a link meanwhile.
    """
    owner = folder.stat()
    if os.geteuid() != 0 or owner.st_uid == 0:
        yield
        return
    groups, group = os.getgroups(), os.getegid()
    os.setgroups([])
    os.setegid(owner.st_gid)
    os.seteuid(owner.st_uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(group)
        os.setgroups(groups)


def _write_all(folder: Path, wanted: Mapping[Path, str]) -> list[Path]:
    foreign = [str(path) for path in wanted if _is_taken(folder, path)]
    if foreign:
        raise WorkspaceError(
            f"{', '.join(foreign)}: not written by this command, or edited since; nothing was written. "
            "Move it away, choose another folder, or print the files (--print)"
        )
    changed = [path for path, text in wanted.items() if not path.exists() or path.read_text() != text]
    _write({path: wanted[path] for path in changed}, folder)
    return changed


def _write(texts: Mapping[Path, str], folder: Path) -> None:
    """Write all files next to their places, then rename them, so that a failure leaves no part of them."""
    # The names can't be guessed, and `x` opens only a new file: a link planted there would lead into another
    # file.
    partials = {path: path.with_name(f".{path.name}.{secrets.token_hex(8)}") for path in texts}
    renamed: list[str] = []
    try:
        for path, text in texts.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            with partials[path].open("x") as file:
                file.write(text)
        for path, partial in partials.items():
            partial.rename(path)
            renamed.append(str(path))
    except OSError as error:
        left = f"only this was written: {', '.join(renamed)}" if renamed else "nothing was written"
        raise WorkspaceError(f"{folder} can't be written: {error}; {left}") from None
    finally:
        for partial in partials.values():
            with suppress(OSError):
                partial.unlink()


def _between(folder: Path, path: Path) -> list[Path]:
    """Folders between `folder` and `path`, outermost first."""
    return [folder / parent for parent in reversed(path.relative_to(folder).parents[:-1])]


def _is_taken(folder: Path, path: Path) -> bool:
    """True if the path is occupied: by a link or file on the way, a folder, or a file with other content."""
    if any(parent.is_symlink() for parent in (*_between(folder, path), path)):
        return True
    if any(parent.exists() and not parent.is_dir() for parent in _between(folder, path)):
        return True
    if path.exists() and not path.is_file():
        return True
    return path.exists() and not is_own(path, path.read_text(errors="replace"))
