"""A registry creates no resources: it only gives addresses."""

import pulumi
import pytest

from catalogue.registries import RegistryKind
from components.registry import Registry, RegistryArgs, Repository
from tests.unit.engine import Engine

REGISTRY = "skycoin:index:Registry"


@pytest.mark.parametrize("kind", RegistryKind)
def test_a_registry_is_a_component_without_children(engine: Engine, kind: RegistryKind) -> None:
    engine.run(lambda: Registry("hub", RegistryArgs(kind=kind, address="docker.io/skycoin")))
    assert engine.names() == [f"{REGISTRY} hub"]
    assert engine.outputs_of(REGISTRY, "hub") == {"kind": kind.value, "address": "docker.io/skycoin"}


def test_a_repository_is_a_path_under_the_address(engine: Engine) -> None:
    def program() -> None:
        args = RegistryArgs(kind=RegistryKind.LOCAL, address=pulumi.Output.from_input("localhost:5000"))
        pulumi.export("repository", Registry("local", args).repository("skycoin/skycoin").address)

    engine.run(program)
    assert engine.exports() == {"repository": "localhost:5000/skycoin/skycoin"}


@pytest.mark.parametrize("kind", RegistryKind)
def test_exact_tags_move_in_a_local_registry_only(engine: Engine, kind: RegistryKind) -> None:
    args = RegistryArgs(kind=kind, address="docker.io/skycoin", optional=True)
    found: list[Repository] = []
    engine.run(lambda: found.append(Registry("hub", args).repository("node")))
    assert found[0].exact_tags_move == (kind is RegistryKind.LOCAL)
    assert (found[0].registry, found[0].optional) == ("hub", True)


def test_a_created_repository_returns_its_own_address(engine: Engine) -> None:
    """Pushes to a created repository wait for it (tests/unit/test_ecr.py); others are only paths."""

    def program() -> None:
        made = {"skycoin/skycoin": pulumi.Output.from_input("made.example/skycoin/skycoin")}
        args = RegistryArgs(kind=RegistryKind.ECR, address="registry.example", created=made)
        registry = Registry("amazon", args)
        pulumi.export("made", registry.repository("skycoin/skycoin").address)
        pulumi.export("other", registry.repository("skycoin/other").address)

    engine.run(program)
    assert engine.exports() == {
        "made": "made.example/skycoin/skycoin",
        "other": "registry.example/skycoin/other",
    }
