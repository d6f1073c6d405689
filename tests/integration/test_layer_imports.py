"""No package imports from a higher layer, and import-linter finds one that does (CONTRIBUTING.md)."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.projects import PROJECT
from tests.unit.test_layers import PACKAGES


def checked(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache", "--no-logo"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    for name in PACKAGES:
        shutil.copytree(
            PROJECT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "state")
        )
    shutil.copy(PROJECT / "pyproject.toml", tmp_path)
    return tmp_path


def test_a_package_imports_only_from_layers_below_its_own(copied: Path) -> None:
    found = checked(copied)
    assert found.returncode == 0, found.stdout + found.stderr
    assert "Contracts: 6 kept, 0 broken." in found.stdout


PLANTED = (
    ("components/node.py", "import settings.stack", "components is not allowed to import settings"),
    ("components/node.py", "import providers.kind", "components is not allowed to import providers"),
    ("settings/names.py", "import program.program", "settings is not allowed to import program"),
    ("clients/engine.py", "import providers.kind", "clients is not allowed to import providers"),
    ("catalogue/arch.py", "import settings.stack", "catalogue is not allowed to import settings"),
    (
        "local/machine/steps.py",
        "import local.stacks.lock",
        "local.machine is not allowed to import local.stacks",
    ),
    (
        "local/builds/base.py",
        "import local.engines.engine",
        "local.builds is not allowed to import local.engines",
    ),
    (
        "wallets/volumes/volume.py",
        "import wallets.backups.sealed",
        "wallets.volumes is not allowed to import wallets.backups",
    ),
    (
        "commands/wallet/backups.py",
        "import commands.node.removal",
        "commands.wallet is not allowed to import commands.node",
    ),
    (
        "providers/skycoin/handover.py",
        "import providers.docker.plugin",
        "providers.skycoin is not allowed to import providers.docker",
    ),
    ("settings/names.py", "import pulumi", "settings is not allowed to import pulumi"),
)
"""(file, import that it may not have, what the contract says of it)."""


def test_an_import_from_a_higher_or_the_same_layer_is_found(copied: Path) -> None:
    for file, line, _ in PLANTED:
        with (copied / file).open("a") as opened:
            opened.write(f"\n{line}\n")
    found = checked(copied)
    assert found.returncode == 1
    printed = " ".join(found.stdout.split())
    assert [shown for _, _, shown in PLANTED if shown not in printed] == []
