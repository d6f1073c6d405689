"""Rules over what is published where: in a stack, every place has one owner."""

from collections.abc import Iterator

from stacks.catalogue import CATALOGUE
from stacks.names import (
    base_registry,
    base_repository,
    built_bases,
    registries_of,
    repository_of,
    workspace_repository,
)
from stacks.settings import StackSettings
from stacks.workspaces import BASE_REPOSITORY, WORKSPACES

Place = tuple[str, str, str]
"""(key in the YAML, name of a registry, repository under it)."""


def published_faults(settings: StackSettings) -> Iterator[str]:
    """Faults of registries and repositories that two entries write to: each would undo the other's tags."""
    names: dict[str, str] = {}
    for name, registry in settings.registries.items():
        if (other := names.setdefault(registry.root, name)) != name:
            yield f"skycoin:registries.{name}: {registry.root} is the address of {other} too; keep one"
    owners: dict[tuple[str, str], str] = {}
    for key, name, repository in (*_fixed(settings), *_chosen(settings)):
        if (owner := owners.setdefault((name, repository), key)) != key:
            yield (
                f"skycoin:{key}: {repository!r} in {name} is the repository of {owner} too, and each would "
                "overwrite the other's tags: give it one of its own"
            )


def _fixed(settings: StackSettings) -> Iterator[Place]:
    """Workspaces and bases: their repositories are no setting."""
    for name, workspace in settings.workspaces.items():
        names = [one for one in registries_of(workspace, settings) if one in settings.registries]
        for one in names if name in WORKSPACES else ():
            registry = settings.registries[one]
            yield f"workspaces.{name}", one, workspace_repository(WORKSPACES[name].repository, registry)
            yield "workspaces", one, workspace_repository(BASE_REPOSITORY, registry)
    if (first := base_registry(settings)) is not None:
        for base in built_bases(settings):
            yield f"bases ({base})", first, base_repository(base)


def _chosen(settings: StackSettings) -> Iterator[Place]:
    for name, image in settings.images.items():
        names = [one for one in registries_of(image, settings) if one in settings.registries]
        for one in names if name in CATALOGUE else ():
            yield f"images.{name}.repository", one, repository_of(name, image, settings.registries[one])
