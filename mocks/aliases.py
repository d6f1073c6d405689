"""Former URNs of a resource, from its own aliases and those of its parents.

They are computed as in Pulumi's engine (pulumi/pulumi, `pkg/resource/deploy/step_generator.go`,
generateAliases): if a parent was renamed, a child whose name begins with the parent's name had a former name
that began with the parent's former name.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from catalogue.urns import name_of


@dataclass(frozen=True, slots=True)
class FormerIdentity:
    """Former identity of a resource: with another name or type, or under another parent."""

    urn: str
    name: str


def formers(
    entry: Any, entries: Mapping[str, Any], make_urn: Callable[[str, str, str], str]
) -> Iterator[FormerIdentity]:
    """Yield the present identity of a resource, then its former ones; `entries` are all resources by URN."""
    parent = entries.get(entry.parent)
    parents = [*formers(parent, entries, make_urn)] if parent else [FormerIdentity(entry.parent, "")]
    own = parent.name if parent else ""
    for above in parents:
        begins = parent and entry.name.startswith(own)
        name = f"{above.name}{entry.name.removeprefix(own)}" if begins else entry.name
        yield FormerIdentity(make_urn(above.urn, entry.type, name), name)
        for alias in entry.aliases:
            if alias.startswith("urn:"):
                yield FormerIdentity(alias, name_of(alias))
            elif ":" in alias:
                yield FormerIdentity(make_urn(above.urn, alias, name), name)
            else:
                yield FormerIdentity(make_urn(above.urn, entry.type, alias), alias)


def former_in(entry: Any, entries: Mapping[str, Any], state: Mapping[str, Any], make_urn: Any) -> Any:
    """Find a resource in a state, by its present URN or a former one; None if it has none of them."""
    return next(
        (state[former.urn] for former in formers(entry, entries, make_urn) if former.urn in state), None
    )
