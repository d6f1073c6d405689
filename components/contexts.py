"""Local named contexts of a build: their content as one hash, and what is in them that shouldn't be.

docker-build hashes them with the excludes of the image's own context, which begin with `*`: it sees no
change in a working copy (tried with 0.0.22). So the program hashes them, and hands the hash over as a
build argument: another one builds again. A Dockerfile may use it in its build stages only: in the final
stage it would be in the history, and a digest would change with a file that reaches no layer.
"""

import hashlib
import os
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from catalogue.images import DOCKERIGNORE, NAMED_CONTEXTS

MEGABYTE = 1_000_000
LARGE = 200
"""MB of a working copy, from which on it is worth a word: every variant's build is sent all of it."""
_SECRET = re.compile(r"\.env(\..+)?|id_(rsa|ecdsa|ed25519)|.+\.(pem|key|p12|pfx|kdbx|wlt)|\.netrc|\.npmrc")


def contexts_argument(sources: Mapping[str, str]) -> dict[str, str]:
    """The build argument for named contexts; none where no local folder is among them.

    SHA-256 over names, modes' executable bit and contents; times and owners are not in it.
    """
    folders = {name: Path(location) for name, location in sources.items() if Path(location).is_dir()}
    seen = hashlib.sha256()
    for name, folder in sorted(folders.items()):
        seen.update(f"{name}\0".encode())
        for path in files_of(folder):
            line = f"{path.relative_to(folder).as_posix()}\0{_content_hash(path)}\0"
            seen.update(line.encode(errors="surrogateescape"))
    return {NAMED_CONTEXTS: seen.hexdigest()} if folders else {}


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
