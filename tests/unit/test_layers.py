"""The folders follow the flow of data, which the contract in pyproject.toml enforces (CONTRIBUTING.md)."""

import tomllib

import pytest

from tests.unit.projects import PROJECT

CONTRACT = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["importlinter"]
PACKAGES = frozenset(CONTRACT["root_packages"])


def named_in(contract: str) -> set[str]:
    """Packages and modules in the layers of a contract."""
    [layers] = [found["layers"] for found in CONTRACT["contracts"] if found["name"] == contract]
    return {name.strip() for layer in layers for name in layer.split("|")}


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
