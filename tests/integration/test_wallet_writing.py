"""The script that moves restored files into a wallet volume: all of them, or none."""

import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from catalogue.node_container import WALLET as PLACE
from clients.deployed_nodes import DeployedNode
from tests.unit.test_wallets import TEXT, WALLET, FakeEngine, keep, node, restore_file, volume
from wallets.errors import PartialError
from wallets.files.archives import pack
from wallets.files.contents import STAGING, File
from wallets.volumes.volume import WalletVolume
from wallets.volumes.writing import MOVE, PARTIAL

__all__ = ["node"]

SOMEBODY = 65534
"""A user who owns nothing here."""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A wallet volume as a folder that every user may enter."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        wallet = Path(name) / "wallet"
        wallet.mkdir()
        yield wallet


def files(folder: Path) -> dict[str, str]:
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_text() for path in paths}


def lay(folder: Path, contents: Mapping[str, str], *, shared: bool) -> None:
    """Write files, for a user who owns nothing here if `shared`."""
    for name, text in contents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o777 if shared else 0o755)


def moved(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the script as somebody who is not root."""
    script = MOVE.replace("/tmp/", f"{folder.parent}/").replace(PLACE, str(folder))
    folder.parent.chmod(0o777)
    who: dict[str, Any] = {} if os.geteuid() else {"user": SOMEBODY, "group": SOMEBODY, "extra_groups": []}
    return subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=False, **who)


def test_all_files_are_moved_into_place(folder: Path) -> None:
    lay(folder, {"a.wlt": "old", "old/b.wlt": "old", "kept.wlt": "kept"}, shared=True)
    lay(folder / STAGING, {"a.wlt": "new", "old/b.wlt": "new", "more/c.wlt": "new"}, shared=True)
    done = moved(folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert files(folder) == {"a.wlt": "new", "old/b.wlt": "new", "more/c.wlt": "new", "kept.wlt": "kept"}


@pytest.mark.case(38)
def test_no_file_is_moved_if_a_folder_belongs_to_somebody_else(folder: Path) -> None:
    """Before, the others were moved, and the node started with a mixture of old and new wallets."""
    lay(folder, {"a.wlt": "old"}, shared=True)
    lay(folder / STAGING, {"a.wlt": "new", "old/b.wlt": "new", "z.wlt": "new"}, shared=True)
    lay(folder / "old", {"b.wlt": "old"}, shared=False)
    before = files(folder)
    done = moved(folder)
    assert (done.returncode, files(folder)) == (1, before)
    assert "the node's user can't replace these: ./old/b.wlt" in done.stdout


@pytest.mark.case(38)
@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives a file to another user")
def test_no_file_is_moved_if_the_sticky_bit_protects_one_of_another_user(folder: Path) -> None:
    lay(folder, {"a.wlt": "old", "b.wlt": "old"}, shared=True)
    lay(folder / STAGING, {"a.wlt": "new", "b.wlt": "new"}, shared=True)
    os.chown(folder / "a.wlt", SOMEBODY, SOMEBODY)
    folder.chmod(0o1777)
    before = files(folder)
    done = moved(folder)
    assert (done.returncode, files(folder)) == (1, before)
    assert "the node's user can't replace these: ./b.wlt" in done.stdout


@pytest.mark.case(38)
def test_a_node_does_not_start_on_a_restore_that_was_only_partly_moved(
    node: DeployedNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, run = FakeEngine({WALLET: {"a.wlt": TEXT}}), WalletVolume.run

    def fails(self: WalletVolume, command: list[str]) -> tuple[int, str]:
        return (PARTIAL, "Input/output error") if command[-1] == MOVE else run(self, command)

    monkeypatch.setattr(WalletVolume, "run", fails)
    file = keep(tmp_path, "b", pack({"a.wlt": File(data=TEXT), "b.wlt": File(data=TEXT)}))
    with pytest.raises(PartialError, match=r"(?s)only some of the files .+ was stopped, and was not started"):
        restore_file(node, volume(node, engine), file, tmp_path / "kept")
    assert "stop skycoin-node-1" in engine.noted
    assert "start skycoin-node-1" not in engine.noted
    assert any(path.startswith(STAGING) for path in engine.volumes[WALLET])
