"""What holds for every run of every program here: checked by `Engine.run`, so no test can forget it."""

from collections import Counter
from typing import TYPE_CHECKING

from tests.unit.wire import Secret

if TYPE_CHECKING:
    from tests.unit.engine import Engine, Registered

STACK = "pulumi:pulumi:Stack"


def check_invariants(engine: "Engine") -> None:
    """Raises AssertionError that names the resource and the rule."""
    _urns_are_unique(engine)
    _everything_has_a_component_or_the_stack_as_parent(engine)
    _components_register_outputs_once(engine)
    for entry in engine.registered:
        if entry.type.startswith(("docker:", "docker-build:", "aws:")):
            _provider_is_explicit(engine, entry)
        if entry.type.startswith("docker-build:"):
            assert entry.retain_on_delete, f"{entry.name}: a removed image would be deleted in the registry"
            _secrets_are_secret(entry)
        if entry.type == "skycoin:index:Tag":
            assert entry.retain_on_delete, f"{entry.name}: the preview would say that a tag is deleted"
        if entry.type == "docker:index/volume:Volume":
            _volume_is_kept(entry)
        if entry.type == "aws:ecr/repository:Repository":
            _repository_is_kept(entry)
        assert not entry.deleted_with, f"{entry.name}: goes with {entry.deleted_with}"
        assert entry.inputs.get("removeVolumes") is not True, f"{entry.name}: removes its volumes"


def _urns_are_unique(engine: "Engine") -> None:
    twice = [urn for urn, count in Counter(entry.urn for entry in engine.registered).items() if count > 1]
    assert not twice, f"the engine refuses duplicate URNs: {twice}"


def _everything_has_a_component_or_the_stack_as_parent(engine: "Engine") -> None:
    parents = {entry.urn for entry in engine.registered if not entry.custom}
    for entry in engine.registered:
        if entry.type != STACK:
            assert entry.parent in parents, f"{entry.name} hangs under {entry.parent or 'nothing'}"


def _components_register_outputs_once(engine: "Engine") -> None:
    for entry in engine.registered:
        if not entry.custom:
            found = [outputs for urn, outputs in engine.outputs if urn == entry.urn]
            assert len(found) == 1, f"{entry.name} registered outputs {len(found)} times"
            assert found[0] or entry.type == STACK, f"{entry.name} registered no outputs"


def _provider_is_explicit(engine: "Engine", entry: "Registered") -> None:
    package = entry.type.partition(":")[0]
    providers = {one.urn for one in engine.registered if one.type == f"pulumi:providers:{package}"}
    assert entry.provider in providers, f"{entry.name} has no explicit {package} provider"


def _volume_is_kept(entry: "Registered") -> None:
    assert entry.retain_on_delete, f"{entry.name}: a volume is never deleted"
    if entry.name.endswith("-wallet"):
        assert entry.protect, f"{entry.name}: a wallet is protected"
    assert not entry.replace_on_changes, f"{entry.name}: an empty one would take its place"
    assert not entry.delete_before_replace, f"{entry.name}: would be deleted first"


def _repository_is_kept(entry: "Registered") -> None:
    assert entry.protect, f"{entry.name}: a repository holds releases"
    assert entry.retain_on_delete, f"{entry.name}: a repository is never deleted"
    assert entry.inputs.get("forceDelete") is False, f"{entry.name}: would be deleted with its images"
    assert not entry.replace_on_changes, f"{entry.name}: an empty one would take its place"


def _secrets_are_secret(entry: "Registered") -> None:
    for name, value in (entry.inputs.get("secrets") or {}).items():
        assert isinstance(value, Secret), f"{entry.name}: build secret {name} is plain"
