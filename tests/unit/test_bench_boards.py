"""Removal of the control groups of boards with a slow processor; `python -m bench` uses such boards."""

from pathlib import Path

import pytest

from tests.e2e import boards


def test_control_groups_that_are_mounted_under_several_names_are_removed_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With cgroup v1, `cpu` and `cpuacct` are links to `cpu,cpuacct`: the second removal failed."""
    monkeypatch.setattr(boards, "CGROUPS", tmp_path)
    for folder in ("cpu,cpuacct/skyboard3/system", "memory/skyboard3/containers", "memory/other"):
        (tmp_path / folder).mkdir(parents=True)
    for name in ("cpu", "cpuacct"):
        (tmp_path / name).symlink_to("cpu,cpuacct")
    for group in boards._groups(3):
        group.rmdir()
    assert list(tmp_path.rglob("skyboard3")) == []
    assert (tmp_path / "memory" / "other").is_dir()
