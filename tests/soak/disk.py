"""A disk for a node's volumes that can lose power while the node writes."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.plugin import until

OUTER, INNER = 1_000_000_000, 200_000_000
"""Bytes of the two file systems, in sparse files."""
USER = 10000
"""User and group of a node."""


def run(*command: str | Path) -> str:
    """Run a command, which must succeed; return its output."""
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, f"{command}: {done.stdout}"
    return done.stdout


def unmount(place: Path) -> None:
    """Unmount what is mounted at a place; a container that has just ended may still hold it."""
    if os.path.ismount(place):
        command = ["umount", str(place)]
        until(lambda: subprocess.run(command, check=False, capture_output=True).returncode == 0, f"{place}")


class Disk:
    """An ext4 file system in a file, mounted as Debian mounts it, with a folder for each volume.

    The file lies on a second file system. While that one is frozen, nothing reaches the file, and the first
    one is neither synced nor stopped: a copy made then has what a power cut at that moment leaves, and no
    more. A disk's own cache, which can lose more, is not simulated.
    """

    def __init__(self, folder: Path, places: Mapping[str, Path]) -> None:
        """Prepare a disk in `folder`; `places` maps names to the folders of volumes."""
        self._outer, self._shelf = folder / "outer", folder / "shelf"
        self._file, self._root = self._shelf / "disk", folder / "root"
        self._copy = folder / "copy"
        self._places = places

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Lay the disk, with a copy of their content, over the volumes, and put it back at the end.

        No container may run on them at either moment.
        """
        self._shelf.mkdir()
        self._root.mkdir()
        try:
            self._make(self._outer, OUTER)
            run("mount", "-o", "loop", self._outer, self._shelf)
            self._make(self._file, INNER)
            run("mount", "-o", "loop", self._file, self._root)
            for name, place in self._places.items():
                run("cp", "-a", place, self._root / name)
            unmount(self._root)
            self.on()
            yield
            self._put_back()
        finally:
            self.off()
            if os.path.ismount(self._shelf):
                # A namespace that was made in the meantime may still have an earlier disk mounted.
                run("umount", "--lazy", self._shelf)
            self._outer.unlink(missing_ok=True)

    def _put_back(self) -> None:
        for place in self._places.values():
            unmount(place)
        for name, place in self._places.items():
            run("find", place, "-mindepth", "1", "-delete")
            run("cp", "-a", f"{self._root / name}/.", place)

    @staticmethod
    def _make(file: Path, size: int) -> None:
        with file.open("wb") as opened:
            opened.truncate(size)
        run("mkfs.ext4", "-q", file)

    def on(self) -> None:
        """Mount the disk, whose journal then replays, and its folders over the volumes."""
        run("mount", "-o", "loop", self._file, self._root)
        assert "data=writeback" not in run("findmnt", "-n", "-o", "OPTIONS", self._root)
        for name, place in self._places.items():
            run("mount", "--bind", self._root / name, place)

    def off(self) -> None:
        """Unmount it, which writes everything."""
        for place in (*self._places.values(), self._root):
            unmount(place)

    def sync(self) -> None:
        """Write everything that the node has written so far."""
        run("sync", "-f", self._root)

    def cut(self) -> None:
        """Copy the disk as a power cut would leave it now; the node goes on."""
        run("fsfreeze", "-f", self._shelf)
        try:
            run("cp", "--reflink=never", "--sparse=always", self._file, self._copy)
        finally:
            run("fsfreeze", "-u", self._shelf)

    def replace(self) -> None:
        """Let that copy take the disk's place; its file system is whole once its journal was replayed."""
        self.off()
        assert "needs_recovery" in run("dumpe2fs", "-h", self._copy), "it was not unmounted"
        self._file.unlink()
        # Under another name: a namespace that was made in the meantime still has the old one mounted.
        self._file = self._shelf / f"{self._file.name}+"
        run("cp", "--sparse=always", self._copy, self._file)
        self._copy.unlink()
        run("mount", "-o", "loop", self._file, self._root)
        unmount(self._root)
        run("e2fsck", "-f", "-n", self._file)
        self.on()


@contextmanager
def small(place: Path, folder: Path, size: int, *, keep: bool, journal: bool = False) -> Iterator[Path]:
    """Lay a file system of `size` bytes over a volume; with `keep`, it has the volume's content.

    Yields the path of a file that fills it, and can be removed. With a journal, which needs 4 MB, blocks that
    become free are not used again at once.
    """
    file = folder / "small"
    with file.open("wb") as opened:
        opened.truncate(size)
    run("mkfs.ext4", "-q", "-m", "0", "-O", "has_journal" if journal else "^has_journal", file)
    aside = folder / "aside"
    run("cp", "-a", place, aside)
    run("mount", "-o", "loop", file, place)
    try:
        if keep:
            run("cp", "-a", f"{aside}/.", place)
        if not keep:
            # An earlier run of the node would have made this folder; without it, the entry point ends first.
            (place / ".skycoin").mkdir(mode=0o700)
        run("chown", "-R", f"{USER}:{USER}", place)
        yield place / "filler"
    finally:
        unmount(place)
        shutil.rmtree(aside)
        file.unlink()


def fill(filler: Path, free: int) -> None:
    """Fill a file system until `free` bytes are left, rounded to a block."""
    left = os.statvfs(filler.parent)
    blocks = left.f_bfree - free // left.f_bsize
    if free == 0:
        blocks = left.f_bfree + 1
    with filler.open("wb", buffering=0) as file:
        try:
            for _ in range(blocks):
                file.write(b"\xff" * left.f_bsize)
        except OSError:  # it is full
            pass
