"""Rules over published repositories: each one of a stack has one owner."""

from collections.abc import Iterator

from catalogue.registries import RegistryKind
from settings.names import PublishedRepository, created_repository, published_repositories
from settings.stack import StackSettings


def published_faults(settings: StackSettings) -> Iterator[str]:
    """Yield errors for registries and repositories of two entries: each would overwrite the other's tags.

    Two repositories that are created must also have different names in the state.
    """
    names: dict[str, str] = {}
    for name, registry in settings.registries.items():
        if (same := names.setdefault(registry.root, name)) != name:
            yield f"skycoin:registries.{name}: {registry.root} is the address of {same} too; keep one"
    owners: dict[str, str] = {}
    created: dict[str, PublishedRepository] = {}
    for each in published_repositories(settings):
        place = f"{settings.registries[each.registry].root}/{each.repository}"
        if (owner := owners.setdefault(place, each.key)) != each.key:
            yield (
                f"skycoin:{each.key}: {each.repository!r} in {each.registry} is the repository of {owner} "
                "too, and each would overwrite the other's tags: choose another repository"
            )
        if settings.registries[each.registry].kind is not RegistryKind.ECR:
            continue
        state_name = created_repository(each.registry, each.repository)
        first = created.setdefault(state_name, each)
        if (first.registry, first.repository) != (each.registry, each.repository):
            yield (
                f"skycoin:{each.key}: {each.repository!r} in {each.registry} would be {state_name!r} in the "
                f"state, as {first.repository!r} of {first.key} in {first.registry} is: choose another "
                "repository"
            )
