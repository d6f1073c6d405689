"""Build contexts that are local folders: their hashes, in total and per file, and warnings on their content.

docker-build hashes named contexts with the excludes of the image's own context, which begin with `*`, so it
sees no change in a working copy (tried with 0.0.22). The program therefore hashes them itself and passes the
hash as a build argument: a new value causes a rebuild. A Dockerfile may use that argument in its build stages
only. In the final stage it would enter the history, and the digest would change with files that reach no
layer.
"""

import hashlib
import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TypeAlias

from catalogue.go_modules import GO_MOD, GO_WORK, NOT_KNOWN, Modules, names_all, required
from catalogue.images import CATALOGUE, DOCKERIGNORE, NAMED_CONTEXTS, PROJECT, SOURCE

MEGABYTE = 1_000_000
LARGE = 200
"""Size in MB above which a working copy causes a warning: it is uploaded once per variant."""
RECORDED = 200
"""Maximum number of files recorded one by one per folder; if there are more, subfolders are recorded."""
DIGITS = 12
"""Hexadecimal digits of a recorded hash. It only shows reviewers which file differs."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f`]")
_SECRET = re.compile(r"\.env(\..+)?|id_(rsa|ecdsa|ed25519)|.+\.(pem|key|p12|pfx|kdbx|wlt)|\.netrc|\.npmrc")


Contents: TypeAlias = Mapping[str, Mapping[str, str]]
"""Context name → path relative to the context → hash of the file's content and executable bit."""


def read_contexts(sources: Mapping[str, str]) -> Contents:
    """Hash the files of all named contexts that are local folders, without times and owners."""
    folders = {name: PROJECT / location for name, location in sorted(sources.items())}
    return {name: _hashes(folder, files_of(folder)) for name, folder in folders.items() if folder.is_dir()}


def contexts_argument(contents: Contents) -> dict[str, str]:
    """Build argument with a SHA-256 over all named contexts; empty if there are none."""
    total = hashlib.sha256()
    for name, files in contents.items():
        total.update(f"{name}\0".encode())
        for path, digest in files.items():
            total.update(f"{path}\0{digest}\0".encode(errors="surrogateescape"))
    return {NAMED_CONTEXTS: total.hexdigest()} if contents else {}


def recorded_files(
    context: str, dockerfile: str, sources: Mapping[str, str], contents: Contents
) -> dict[str, str]:
    """Short hash of each file sent to the builder, by path, for the state: a review shows which ones differ.

    A folder with more than RECORDED files has hashes of its subfolders instead. The project's own files have
    paths relative to the project; other paths start with the name of their context. Files that may be secrets
    are left out, because a short secret can be guessed from its hash.
    """
    own = _hashes(PROJECT / context, _sent_files(PROJECT / context))
    recorded = {**_summary(PurePosixPath(context), own), **_file_entry(dockerfile)}
    for name, files in contents.items():
        location = sources[name]
        recorded |= _summary(PurePosixPath(location if location.startswith("./") else name), files)
    return recorded


def required_modules(context: str, sources: Mapping[str, str]) -> Modules | None:
    """Modules that an image's build uses, from its own go.mod and that of a source in a folder.

    None if these files do not determine them: there is no go.mod, the source is in git, its go.mod is older
    than Go 1.17, or a source that is built by its own go.mod has a go.work too.
    """
    own = _go_mod(PROJECT / context)
    if SOURCE not in sources:
        return None if own is None else required(own)
    folder = PROJECT / sources[SOURCE]
    source = _go_mod(folder)
    if source is None or not names_all(source):
        return None
    if own is not None:
        # The build replaces the image's module by the source (images/skycoin/Dockerfile).
        return {**required(own, source), _module_of(context): NOT_KNOWN}
    return None if os.path.lexists(folder / GO_WORK) else required(source)


def _go_mod(folder: Path) -> str | None:
    """Text of a folder's go.mod; None if there is none, or if it is a link."""
    path = folder / GO_MOD
    if not path.is_file() or path.is_symlink():
        return None
    return path.read_text(encoding="utf-8", errors="replace")


def _module_of(context: str) -> str:
    """Go module of the image that is built in a context."""
    return next(entry.module for entry in CATALOGUE.values() if entry.context == context)


def _file_entry(path: str) -> dict[str, str]:
    file = PROJECT / path
    return {_readable(PurePosixPath(path)): _short(_content_hash(file))} if file.is_file() else {}


def _sent_files(folder: Path) -> Iterator[Path]:
    """Yield the files of an image's own folder that its .dockerignore (which begins with `*`) allows."""
    ignored = folder / DOCKERIGNORE
    lines = ignored.read_text(errors="replace").split() if ignored.exists() else []
    allowed_paths = [PurePosixPath(line[1:]) for line in lines if line.startswith("!")]
    for path in files_of(folder):
        own = PurePosixPath(path.relative_to(folder))
        if "*" not in lines or any(own.is_relative_to(allowed) for allowed in allowed_paths):
            yield path


def _hashes(folder: Path, files: Iterable[Path]) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): _content_hash(path) for path in files}


def _summary(folder: PurePosixPath, files: Mapping[str, str]) -> dict[str, str]:
    """Record each file; if there are too many, folders two levels deep, then one, then one entry for all."""
    files = {
        path: digest for path, digest in files.items() if not _SECRET.fullmatch(PurePosixPath(path).name)
    }
    if len(files) <= RECORDED:
        return {_readable(folder / path): _short(digest) for path, digest in files.items()}
    for levels in (2, 1):
        summary = _grouped(files, partial(_pattern, levels=levels))
        if len(summary) <= RECORDED:
            break
    else:
        summary = _grouped(files, lambda _: "**")
    return {_readable(folder / pattern): digest for pattern, digest in summary.items()}


def _grouped(files: Mapping[str, str], pattern: Callable[[str], str]) -> dict[str, str]:
    together: dict[str, list[str]] = {}
    for path, digest in files.items():
        together.setdefault(pattern(path), []).append(f"{path}\0{digest}")
    return {entry: _short("\0".join(lines)) for entry, lines in together.items()}


def _pattern(path: str, levels: int) -> str:
    """Pattern for a path: `a/b/**` for everything below the last level, `a/*` for files directly in `a`."""
    folders = PurePosixPath(path).parts[:-1]
    return "/".join([*folders[:levels], "**" if len(folders) >= levels else "*"])


def _short(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()[:DIGITS]


def _readable(path: PurePosixPath) -> str:
    """Path that is safe in a state and on a Markdown page: UTF-8, on one line, without backticks."""
    return _CONTROL.sub("?", str(path).encode(errors="surrogateescape").decode(errors="replace"))


def files_of(folder: Path) -> Iterator[Path]:
    """Yield the files and links below a folder that may be sent to the builder, sorted.

    Sockets and pipes are skipped, and so are hidden entries at the top level except the .dockerignore, above
    all `.git`: the Dockerfiles copy `/[^.]*`.
    """
    for parent, folders, files in os.walk(folder):
        if Path(parent) == folder:
            folders[:] = [name for name in folders if not name.startswith(".")]
        folders.sort()
        links = [name for name in folders if (Path(parent) / name).is_symlink()]
        for name in sorted([*files, *links]):
            path = Path(parent) / name
            # The .dockerignore counts, because it excludes further files.
            if path.parent == folder and name.startswith(".") and name != DOCKERIGNORE:
                continue
            if stat.S_ISREG(path.lstat().st_mode) or path.is_symlink():
                yield path


def _content_hash(path: Path) -> str:
    if path.is_symlink():
        return f"-> {path.readlink()}"
    mode = "x" if path.stat().st_mode & stat.S_IXUSR else "-"
    with path.open("rb") as file:
        return mode + hashlib.file_digest(file, "sha256").hexdigest()


def context_warnings(folder: Path) -> Iterator[str]:
    """Warn of content of a working copy that probably should not be sent, unless it has a .dockerignore."""
    if (folder / DOCKERIGNORE).exists():
        return
    sizes = {path: path.lstat().st_size for path in files_of(folder)}
    total = sum(sizes.values()) / MEGABYTE
    remedy = "list the files that are not sources in a .dockerignore in that folder"
    if total > LARGE:
        largest = max(sizes, key=lambda path: sizes[path])
        yield (
            f"{total:.0f} MB, of which {largest.relative_to(folder)} has {sizes[largest] / MEGABYTE:.0f}: "
            f"all of it is sent to the builder; {remedy}"
        )
    if secrets := [path for path in sizes if _SECRET.fullmatch(path.name)]:
        names = ", ".join(str(path.relative_to(folder)) for path in secrets[:3])
        more = f" and {len(secrets) - 3} more" if len(secrets) > 3 else ""
        yield f"{names}{more}: may be secret, and is sent to the builder (no image gets it); {remedy}"
