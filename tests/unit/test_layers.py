"""The folders follow the flow of data, which the contract in pyproject.toml enforces (CONTRIBUTING.md)."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.unit.projects import PROJECT

CONTRACT = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["importlinter"]
PACKAGES = frozenset(CONTRACT["root_packages"])


def checked(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache", "--no-logo"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=60)


def named_in(contract: str) -> set[str]:
    """Packages and modules in the layers of a contract."""
    [layers] = [found["layers"] for found in CONTRACT["contracts"] if found["name"] == contract]
    return {name.strip() for layer in layers for name in layer.split("|")}


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


def test_every_package_is_in_a_layer() -> None:
    """A package that the contract does not name could import anything."""
    packages = {path.parent.name for path in PROJECT.glob("*/__init__.py")} - {"tests"}
    assert packages == PACKAGES
    assert named_in("Layers") == PACKAGES


@pytest.mark.parametrize(
    ("package", "contract"),
    [
        ("local", "Parts of a set-up"),
        ("wallets", "Parts of wallets"),
        ("commands", "Parts of the command line"),
    ],
)
def test_every_part_of_a_package_is_in_a_layer(package: str, contract: str) -> None:
    parts = {f"{package}.{path.parent.name}" for path in (PROJECT / package).glob("*/__init__.py")}
    modules = {f"{package}.{path.stem}" for path in (PROJECT / package).glob("*.py")}
    assert named_in(contract) - modules == parts
