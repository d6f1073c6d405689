"""The script that reads and copies the chain database, in a real shell."""

import os
import subprocess
import tempfile
from pathlib import Path

import pytest

from providers.skycoin.chain_database import SCRIPT
from tests.unit.bolt import BRANCH, LEAF, bucket, database, file, meta, page, root

MEBIBYTE = 1024 * 1024


COPY, PARTIAL = "data.db.before-upgrade", "data.db.before-upgrade.partial"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Folder of the database, in place of that in the volume."""
    made = tmp_path / "data" / ".skycoin"
    made.mkdir(parents=True)
    return made


def tend(folder: Path, action: str) -> str:
    """Output of the script under this machine's shell; in the node's image: tests/e2e."""
    script = SCRIPT.replace("/data/", f"{folder.parent}/")
    command = ["sh", "-c", script, "chain-database", action]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def version(folder: Path, content: bytes) -> str:
    (folder / "data.db").write_bytes(content)
    return tend(folder, "look").split()[0]


@pytest.mark.parametrize("size", [4096, 16384, 65536])
def test_the_version_is_read_whatever_the_size_of_a_page(folder: Path, size: int) -> None:
    """The page size is that of the kernel on which the node first ran: 16 KiB on a Raspberry Pi 5."""
    assert version(folder, database("0.27.1", size)) == "0.27.1"


def test_a_version_may_have_words_and_builds(folder: Path) -> None:
    assert version(folder, database("0.28.0-rc.1+build.5")) == "0.28.0-rc.1+build.5"


def test_the_later_of_two_transactions_counts(folder: Path) -> None:
    """Bolt writes its two meta pages in turn; what the earlier one names is of an earlier version."""
    pages = b"", root(3, "0.26.0"), root(4, "0.27.1")
    for newest in (0, 1):
        metas = [meta(4096, 0, 4 - newest, 9 - newest), meta(4096, 1, 3 + newest, 8 + newest)]
        assert version(folder, file(4096, *metas, *pages)) == "0.27.1"


def test_buckets_on_more_than_one_page_are_found_by_their_branch(folder: Path) -> None:
    leads = [
        (key, number.to_bytes(8, "little"), 0) for key, number in ((b"a", 4), (b"db", 5), (b"unspent", 6))
    ]
    leaves = page(4, LEAF, [(b"a", b"1", 0)]), root(5, "0.27.1"), page(6, LEAF, [(b"unspent", b"1", 0)])
    metas = meta(4096, 0, 3, 2), meta(4096, 1, 3, 1)
    assert version(folder, file(4096, *metas, b"", page(3, BRANCH, leads), *leaves)) == "0.27.1"


def test_a_bucket_with_a_separate_page_is_read(folder: Path) -> None:
    own = page(4, LEAF, [(b"other", b"1", 0), (b"version", b"0.27.1", 0)])
    buckets = page(3, LEAF, [(b"db_meta", bucket(4), 1)])
    metas = meta(4096, 0, 3, 2), meta(4096, 1, 3, 1)
    assert version(folder, file(4096, *metas, b"", buckets, own)) == "0.27.1"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no database",
        b"\0" * 40960,
        file(4096, meta(4096, 0, 3, 2), meta(4096, 1, 3, 1), b"", page(3, LEAF, [(b"blocks", b"1", 0)])),
        file(4096, meta(4096, 0, 3, 2), meta(4096, 1, 3, 1), b"", page(3, LEAF, [])),
        database("0.27.1")[:12288],
        file(4096, meta(4096, 0, 3, 2, magic=1), meta(4096, 1, 3, 1, magic=1), b"", root(3, "0.27.1")),
        file(4096, meta(4096, 0, 3, 2), meta(4096, 1, 3, 1), b"", page(3, BRANCH, [(b"a", b"\3", 0)])),
    ],
    ids=["empty", "text", "zeros", "no version", "no bucket", "cut short", "other magic", "a loop"],
)
def test_a_file_without_a_version_is_reported_as_such(folder: Path, content: bytes) -> None:
    assert version(folder, content) == "-"


def test_the_databases_size_and_the_free_space_are_in_kibibytes(folder: Path) -> None:
    (folder / "data.db").write_bytes(database("0.27.1"))
    _, size, free = tend(folder, "look").split()
    assert int(size) == 16
    asked = subprocess.run(["df", "-Pk", folder], capture_output=True, text=True, check=True)
    assert abs(int(free) - int(asked.stdout.splitlines()[1].split()[3])) < 1024 * 1024


def test_every_action_prints_nothing_for_a_volume_without_a_database(folder: Path) -> None:
    for action in ("look", "begin", "put-back", "forget"):
        assert tend(folder, action) == ""
    folder.rmdir()
    assert tend(folder, "look") == ""


def code(folder: Path, action: str) -> int:
    """Exit code of the script, run as a user other than root."""
    user = ("setpriv", "--reuid=10000", "--regid=10000", "--clear-groups") if os.geteuid() == 0 else ()
    script = SCRIPT.replace("/data/", f"{folder.parent}/")
    return subprocess.run([*user, "sh", "-c", script, "chain-database", action], check=False).returncode


@pytest.mark.case(30)
def test_a_database_that_the_nodes_user_can_not_use_is_refused_and_not_ignored() -> None:
    """Before, a chain that root had copied there counted as no database, and the new node exited at start."""
    with tempfile.TemporaryDirectory() as temporary:
        volume = Path(temporary) / "data"
        (volume / ".skycoin").mkdir(parents=True)
        (volume / ".skycoin" / "data.db").write_bytes(database("0.27.1"))
        for path, mode in ((Path(temporary), 0o755), (volume, 0o777), (volume / ".skycoin", 0o777)):
            path.chmod(mode)
        (volume / ".skycoin" / "data.db").chmod(0o666)
        (volume / ".skycoin" / "peers.json").touch()
        (volume / ".skycoin" / "peers.json").chmod(0o666)
        assert [code(volume / ".skycoin", action) for action in ("look", "begin")] == [0, 0]
        for path, mode, codes in (
            (volume / ".skycoin" / "data.db", 0, (77, 77)),
            (volume / ".skycoin" / "data.db", 0o444, (77, 77)),
            (volume / ".skycoin" / "peers.json", 0o444, (77, 77)),
            (volume / ".skycoin" / "peers.json", 0, (77, 77)),
            (volume / ".skycoin", 0o444, (77, 77)),
            (volume, 0o444, (77, 77)),
        ):
            before = path.stat().st_mode
            path.chmod(mode)
            assert tuple(code(volume / ".skycoin", action) for action in ("look", "begin")) == codes, path
            assert code(volume / ".skycoin", "forget") in (0, 1), "the way back asks for nothing more"
            if path.is_dir():
                assert code(volume / ".skycoin", "put-back") == 77, path
            path.chmod(before)
        (volume / ".skycoin" / "data.db").unlink()
        (volume / ".skycoin" / "peers.json").chmod(0)
        assert code(volume / ".skycoin", "look") == 77, "without a database too"
        (volume / ".skycoin" / "peers.json").unlink()
        (volume / ".skycoin").rmdir()
        assert code(volume / ".skycoin", "put-back") == 0
        volume.chmod(0o555)
        assert [code(volume / ".skycoin", action) for action in ("look", "begin")] == [0, 77]
        volume.chmod(0o777)


def test_a_copy_replaces_the_database_that_the_newer_version_has_written(folder: Path) -> None:
    (folder / "data.db").write_bytes(database("0.27.1"))
    tend(folder, "keep")
    assert sorted(path.name for path in folder.iterdir()) == ["data.db", COPY]
    assert (folder / COPY).stat().st_mode & 0o777 == 0o600
    (folder / "data.db").write_bytes(database("0.28.0"))
    tend(folder, "put-back")
    assert [path.name for path in folder.iterdir()] == ["data.db"]
    assert (folder / "data.db").read_bytes() == database("0.27.1")
    tend(folder, "put-back")
    assert (folder / "data.db").read_bytes() == database("0.27.1")


@pytest.mark.parametrize("size", [0, 1, 8 * MEBIBYTE, 20 * MEBIBYTE + 1])
def test_a_copy_of_any_size_is_complete_and_prints_its_progress(folder: Path, size: int) -> None:
    content = os.urandom(size)
    (folder / "data.db").write_bytes(content)
    (folder / PARTIAL).write_bytes(b"longer than the database, of a copy that was killed")
    printed = tend(folder, "keep").splitlines()
    assert (folder / COPY).read_bytes() == content
    assert printed == [f"{8 * (piece + 1)} MiB" for piece in range(size // (8 * MEBIBYTE) + 1)]
    assert not (folder / PARTIAL).exists()


def test_a_copy_without_enough_space_fails_and_leaves_no_copy(folder: Path) -> None:
    (folder / "data.db").write_bytes(database("0.27.1"))
    (folder / PARTIAL).symlink_to("/dev/full")
    script = SCRIPT.replace("/data/", f"{folder.parent}/")
    command = ["sh", "-c", script, "chain-database", "keep"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "No space left on device" in done.stdout
    assert [path.name for path in folder.iterdir()] == ["data.db"]


def test_a_copy_fails_if_its_partial_file_is_removed_in_the_meantime(folder: Path) -> None:
    """Otherwise, the copy's next pieces would begin in the middle of a new file of the same name."""
    os.mkfifo(folder / "data.db")
    script = SCRIPT.replace("/data/", f"{folder.parent}/")
    command = ["sh", "-c", script, "chain-database", "keep"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as copying:
        with (folder / "data.db").open("wb") as source:
            tend(folder, "put-back")
            source.write(b"content")
        copying.communicate()
    assert copying.returncode == 1
    assert [path.name for path in folder.iterdir()] == ["data.db"]


def test_an_incomplete_copy_does_not_count_as_a_copy(folder: Path) -> None:
    """Before, a partial read ended the copy. If put back, the part would have been the whole database."""
    (folder / "data.db").write_bytes(os.urandom(20 * MEBIBYTE))
    dd = folder.parent / "dd"
    dd.write_text('#!/bin/sh\nhead -c 1000 data.db\necho "0+1 records in" >&2\n')
    dd.chmod(0o755)
    script = SCRIPT.replace("/data/", f"{folder.parent}/")
    command = ["sh", "-c", script, "chain-database", "keep"]
    env = {**os.environ, "PATH": f"{dd.parent}:{os.environ['PATH']}"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
    said = "8 MiB\nthe copy has 1000 of the database's 20971520 bytes, and is removed\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, said, "")
    assert [path.name for path in folder.iterdir()] == ["data.db"]


def test_a_partial_copy_is_never_put_back(folder: Path) -> None:
    (folder / "data.db").write_bytes(database("0.27.1"))
    (folder / PARTIAL).write_bytes(b"half")
    tend(folder, "put-back")
    assert [path.name for path in folder.iterdir()] == ["data.db"]
    assert (folder / "data.db").read_bytes() == database("0.27.1")


@pytest.mark.parametrize("action", ["forget", "begin"])
def test_an_unneeded_copy_is_removed(folder: Path, action: str) -> None:
    for name in ("data.db", COPY, PARTIAL):
        (folder / name).write_bytes(database("0.28.0"))
    said = tend(folder, action)
    assert [path.name for path in folder.iterdir()] == ["data.db"]
    assert said.startswith("0.28.0 16 ") is (action == "begin")


def test_reading_a_database_changes_no_file(folder: Path) -> None:
    for name in ("data.db", COPY, PARTIAL):
        (folder / name).write_bytes(database("0.28.0"))

    def seen() -> dict[Path, tuple[int, ...]]:
        # Without the time of the last access, which `look` changes once a second has passed.
        stats = {path: path.stat() for path in folder.iterdir()}
        return {path: (one.st_ino, one.st_mode, one.st_size, one.st_ctime_ns) for path, one in stats.items()}

    before = seen()
    tend(folder, "look")
    assert seen() == before
