"""Local folders of a build: their content as one hash and file by file, and what in them shouldn't be there.

docker-build hashes them with the excludes of the image's own context, which begin with `*`: it sees no
change in a working copy (tried with 0.0.22). So the program hashes them, and hands the hash over as a
build argument: another one builds again. A Dockerfile may use it in its build stages only: in the final
stage it would be in the history, and a digest would change with a file that reaches no layer.
"""

import hashlib
import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TypeAlias

from catalogue.go_modules import GO_MOD, Modules, required
from catalogue.images import DOCKERIGNORE, NAMED_CONTEXTS, PROJECT, SOURCE

MEGABYTE = 1_000_000
LARGE = 200
"""MB of a working copy, from which on it is worth a word: every variant's build is sent all of it."""
RECORDED = 200
"""Files of one folder that are recorded each; more are recorded by their folders."""
DIGITS = 12
"""Hexadecimal digits of a recorded hash: it names what differs, and decides nothing."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f`]")
_SECRET = re.compile(r"\.env(\..+)?|id_(rsa|ecdsa|ed25519)|.+\.(pem|key|p12|pfx|kdbx|wlt)|\.netrc|\.npmrc")


Contents: TypeAlias = Mapping[str, Mapping[str, str]]
"""Named context → its files' paths, relative to it → hash of content and executable bit."""


def read_contexts(sources: Mapping[str, str]) -> Contents:
    """Hash the files of all named contexts that are local folders; times and owners are not in it."""
    folders = {name: PROJECT / location for name, location in sorted(sources.items())}
    return {name: _hashes(folder, files_of(folder)) for name, folder in folders.items() if folder.is_dir()}


def contexts_argument(contents: Contents) -> dict[str, str]:
    """The build argument for named contexts: SHA-256 over all of them; none where there are none."""
    seen = hashlib.sha256()
    for name, files in contents.items():
        seen.update(f"{name}\0".encode())
        for path, digest in files.items():
            seen.update(f"{path}\0{digest}\0".encode(errors="surrogateescape"))
    return {NAMED_CONTEXTS: seen.hexdigest()} if contents else {}


def recorded_files(
    context: str, dockerfile: str, sources: Mapping[str, str], contents: Contents
) -> dict[str, str]:
    """Path of each file that a build is sent → short hash, for the state: a review names what differs.

    The project's files are called by their paths in it, others by the name of their context. One that may
    be a secret is left out: a short secret can be guessed from its hash.
    """
    own = _hashes(PROJECT / context, _sent(PROJECT / context))
    recorded = {**_summary(PurePosixPath(context), own), **_file(dockerfile)}
    for name, files in contents.items():
        location = sources[name]
        recorded |= _summary(PurePosixPath(location if location.startswith("./") else name), files)
    return recorded


def required_modules(context: str, sources: Mapping[str, str]) -> Modules:
    """Modules by an image's own go.mod; none where it has none, or where a source may have others."""
    go_mod = PROJECT / context / GO_MOD
    return required(go_mod.read_text()) if SOURCE not in sources and go_mod.is_file() else {}


def _file(path: str) -> dict[str, str]:
    there = PROJECT / path
    return {_readable(PurePosixPath(path)): _short(_content_hash(there))} if there.is_file() else {}


def _sent(folder: Path) -> Iterator[Path]:
    """Files of an image's own folder that its .dockerignore, which begins with `*`, lets through."""
    ignored = folder / DOCKERIGNORE
    lines = ignored.read_text().split() if ignored.exists() else []
    let_through = [PurePosixPath(line[1:]) for line in lines if line.startswith("!")]
    for path in files_of(folder):
        own = PurePosixPath(path.relative_to(folder))
        if "*" not in lines or any(own.is_relative_to(one) for one in let_through):
            yield path


def _hashes(folder: Path, files: Iterable[Path]) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): _content_hash(path) for path in files}


def _summary(folder: PurePosixPath, files: Mapping[str, str]) -> dict[str, str]:
    """Each file; where they are too many, folders two levels deep, or one, or all of it as one entry."""
    files = {
        path: digest for path, digest in files.items() if not _SECRET.fullmatch(PurePosixPath(path).name)
    }
    if len(files) <= RECORDED:
        return {_readable(folder / path): _short(digest) for path, digest in files.items()}
    for levels in (2, 1):
        found = _together(files, partial(_pattern, levels=levels))
        if len(found) <= RECORDED:
            break
    else:
        found = _together(files, lambda _: "**")
    return {_readable(folder / pattern): digest for pattern, digest in found.items()}


def _together(files: Mapping[str, str], pattern: Callable[[str], str]) -> dict[str, str]:
    together: dict[str, list[str]] = {}
    for path, digest in files.items():
        together.setdefault(pattern(path), []).append(f"{path}\0{digest}")
    return {one: _short("\0".join(lines)) for one, lines in together.items()}


def _pattern(path: str, levels: int) -> str:
    """`a/b/**` for all below a folder at the last level, `a/*` for the files of one above it."""
    folders = PurePosixPath(path).parts[:-1]
    return "/".join([*folders[:levels], "**" if len(folders) >= levels else "*"])


def _short(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()[:DIGITS]


def _readable(path: PurePosixPath) -> str:
    """A path that a state and a page can have: in UTF-8, on one line, and without Markdown's code marks."""
    return _CONTROL.sub("?", str(path).encode(errors="surrogateescape").decode(errors="replace"))


def files_of(folder: Path) -> Iterator[Path]:
    """Files and links below a folder that a builder is sent, sorted; sockets and pipes are no content.

    What is hidden at the top is not sent (the Dockerfiles copy `/[^.]*`), a repository's `.git` above all.
    """
    for parent, folders, files in os.walk(folder):
        if Path(parent) == folder:
            folders[:] = [name for name in folders if not name.startswith(".")]
        folders.sort()
        links = [name for name in folders if (Path(parent) / name).is_symlink()]
        for name in sorted([*files, *links]):
            path = Path(parent) / name
            # A .dockerignore says what else is not sent.
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
    """What a builder is sent with a working copy, and most likely shouldn't be. A .dockerignore ends it."""
    if (folder / DOCKERIGNORE).exists():
        return
    sizes = {path: path.lstat().st_size for path in files_of(folder)}
    total = sum(sizes.values()) / MEGABYTE
    remedy = "name what is no source in a .dockerignore there"
    if total > LARGE:
        largest = max(sizes, key=lambda path: sizes[path])
        yield (
            f"{total:.0f} MB, of which {largest.relative_to(folder)} has {sizes[largest] / MEGABYTE:.0f}: "
            f"the builder is sent all of it; {remedy}"
        )
    if secrets := [path for path in sizes if _SECRET.fullmatch(path.name)]:
        names = ", ".join(str(path.relative_to(folder)) for path in secrets[:3])
        more = f" and {len(secrets) - 3} more" if len(secrets) > 3 else ""
        yield f"{names}{more}: may be secret, and the builder is sent it (no image gets it); {remedy}"
