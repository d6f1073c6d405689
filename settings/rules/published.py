"""Rules over published repositories: each one of a stack has one owner."""

from collections.abc import Iterator

from settings.names import published_repositories
from settings.stack import StackSettings


def published_faults(settings: StackSettings) -> Iterator[str]:
    """Yield errors for registries and repositories of two entries: each would overwrite the other's tags."""
    names: dict[str, str] = {}
    for name, registry in settings.registries.items():
        if (first := names.setdefault(registry.root, name)) != name:
            yield f"skycoin:registries.{name}: {registry.root} is the address of {first} too; keep one"
    owners: dict[str, str] = {}
    for each in published_repositories(settings):
        place = f"{settings.registries[each.registry].root}/{each.repository}"
        if (owner := owners.setdefault(place, each.key)) != each.key:
            yield (
                f"skycoin:{each.key}: {each.repository!r} in {each.registry} is the repository of {owner} "
                "too, and each would overwrite the other's tags: give it another one"
            )
