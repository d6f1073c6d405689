"""A wrong clock of this machine, in 1970 or far in the future, at each place that reads it.

A host's wrong clock: test_host_facts.py, test_host_checks.py and test_fleet_status.py.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from clients import private_folder
from clients.deployed_nodes import DeployedNode
from clients.private_folder import PREFIX, PrivateFolder
from local.machine.layout import PROJECT
from tests.unit.test_wallet_backups import CONTENTS, KEY, backup, check, data_of
from tests.unit.test_wallets import WALLET, FakeEngine, node
from wallets.backups import format as backup_format
from wallets.backups import records
from wallets.backups.listing import newest
from wallets.backups.local_folder import LocalFolder
from wallets.errors import WalletError

__all__ = ["node"]

LONG_AGO = datetime(1970, 1, 1, 0, 5, tzinfo=UTC)
FAR_AHEAD = datetime(2099, 6, 1, tzinfo=UTC)
WRONG = pytest.mark.parametrize("wrong", [LONG_AGO, FAR_AHEAD], ids=["1970", "2099"])
READS_CLOCK = re.compile(
    r"\btime\.time\(|\btime_ns\(|datetime\.now\(|\.today\(|utcnow\(|gmtime\(\)|localtime\(\)"
)
PLACES = {
    "clients/host_checks.py": "test_fleet_check.py, with both times in the finding",
    "clients/host_facts.py": "test_host_facts.py",
    "clients/private_folder.py": "here",
    "commands/fleet/status.py": "here: ages of backups; times of a node are of its host's clock",
    "commands/node/rollback.py": "only written into the stack's file, for people",
    "local/pulumi/command.py": "only written into a log",
    "local/registry/certificates.py": "here",
    "local/stacks/lock.py": "only in the message for a second command",
    "local/stacks/setup_backup_format.py": "only in a file's name and header; no file is overwritten",
    "providers/skycoin/node_container.py": "test_copy_wallet.py: copies are named by it",
    "providers/skycoin/preflight.py": "test_copy_wallet.py: copies are named by it",
    "wallets/backups/format.py": "here",
    "wallets/backups/local_folder.py": "here",
    "wallets/backups/records.py": "here",
}
"""Modules that read this machine's clock, and where a wrong one is tried or why it changes nothing."""

Sets = Callable[[datetime | None], None]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Sets:
    """Sets this machine's clock for the modules below; None for the right time."""
    at: list[datetime | None] = [None]

    class Clock(datetime):
        @classmethod
        def now(cls, _: object = None) -> datetime:  # type: ignore[override]  # always UTC here
            return at[0] or datetime.now(UTC)

    monkeypatch.setattr(backup_format, "datetime", Clock)
    monkeypatch.setattr(records, "datetime", Clock)
    seconds = SimpleNamespace(time=lambda: Clock.now().timestamp())
    for module in ("local.registry.certificates", "wallets.backups.local_folder", "clients.private_folder"):
        monkeypatch.setattr(f"{module}.time", seconds)
    return lambda now: at.__setitem__(0, now)


def test_every_place_that_reads_the_clock_is_known() -> None:
    """Durations and time limits use a clock that nobody can set."""
    folders = [path for path in PROJECT.iterdir() if path.is_dir() and path.name not in ("tests", "bench")]
    files = [file for folder in folders if not folder.name.startswith(".") for file in folder.rglob("*.py")]
    found = {str(file.relative_to(PROJECT)) for file in files if READS_CLOCK.search(file.read_text())}
    assert found == PLACES.keys()


@pytest.mark.case(32)
def test_a_backup_dated_far_ahead_stays_the_newest_until_a_check_says_what_to_do(
    node: DeployedNode, tmp_path: Path, clock: Sets
) -> None:
    """The check told people to create another, which was never the newest."""
    engine = FakeEngine({WALLET: data_of(CONTENTS)})
    clock(FAR_AHEAD)
    future = backup(node, engine, tmp_path, KEY)
    assert future.name == "node-1-wallet-2099-06-01T00-00-00Z.backup"
    clock(None)
    right = backup(node, engine, tmp_path, KEY)
    assert newest(LocalFolder(tmp_path), node).name == str(future)
    with pytest.raises(WalletError) as refused:
        check(node, engine, tmp_path)
    assert str(refused.value) == (
        f"{future}:\n  it is in the future: check the clocks\nIf this machine's clock is right, move that "
        "file to another folder. Create another: `./skyinfra wallet backup node-1 -s test`"
    )
    (tmp_path / "elsewhere").mkdir()
    future.rename(tmp_path / "elsewhere" / future.name)
    check(node, engine, tmp_path)
    assert newest(LocalFolder(tmp_path), node).name == str(right)


@pytest.mark.case(32)
def test_a_backup_dated_1970_hides_no_newer_one_and_is_reported_as_old(
    node: DeployedNode, tmp_path: Path, clock: Sets
) -> None:
    engine = FakeEngine({WALLET: data_of(CONTENTS)})
    right = backup(node, engine, tmp_path, KEY)
    clock(LONG_AGO)
    old = backup(node, engine, tmp_path, KEY)
    assert old.name == "node-1-wallet-1970-01-01T00-05-00Z.backup"
    said, falls_short = records.newest_backup(tmp_path / "records", node, 7)
    assert not falls_short, "the clock that made it still says so"
    clock(None)
    said, falls_short = records.newest_backup(tmp_path / "records", node, 7)
    assert re.search(r"backup \d{5} days old", said)
    assert falls_short
    assert newest(LocalFolder(tmp_path), node).name == str(right)
    clock(LONG_AGO)
    with pytest.raises(WalletError, match="already exists; backups are never overwritten"):
        backup(node, engine, tmp_path, KEY)


@pytest.mark.case(32)
@WRONG
def test_what_a_killed_run_left_is_removed_only_once_it_is_old_by_the_clock(
    node: DeployedNode, tmp_path: Path, clock: Sets, wrong: datetime
) -> None:
    """A partial file of a running backup has no lock; one with a clock in 1970 is younger than nothing."""
    partial = tmp_path / ".node-1-wallet-x.backup.1.partial"
    partial.touch()
    clock(wrong)
    backup(node, FakeEngine({WALLET: data_of(CONTENTS)}), tmp_path, KEY)
    assert partial.exists() is (wrong == LONG_AGO)


@pytest.mark.case(32)
def test_a_clock_far_ahead_removes_no_private_folder_that_is_in_use(
    tmp_path: Path, clock: Sets, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    used = PrivateFolder()
    clock(FAR_AHEAD)
    private_folder._remove_abandoned.cache_clear()
    other = PrivateFolder()
    assert len(list(tmp_path.glob(f"{PREFIX}*"))) == 2
    other.close()
    used.close()
