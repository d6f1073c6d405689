"""Rules over published repositories: each one of a stack has one owner."""

from collections.abc import Iterator

from settings.names import places
from settings.stack import StackSettings


def published_faults(settings: StackSettings) -> Iterator[str]:
    """Yield errors for registries and repositories of two entries: each would overwrite the other's tags."""
    names: dict[str, str] = {}
    for name, registry in settings.registries.items():
        if (first := names.setdefault(registry.root, name)) != name:
            yield f"skycoin:registries.{name}: {registry.root} is the address of {first} too; keep one"
    owners: dict[tuple[str, str], str] = {}
    for place in places(settings):
        if (owner := owners.setdefault((place.registry, place.repository), place.key)) != place.key:
            yield (
                f"skycoin:{place.key}: {place.repository!r} in {place.registry} is the repository of {owner} "
                "too, and each would overwrite the other's tags: give it another one"
            )
