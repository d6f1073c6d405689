"""Volumes that are retained, new or changed, by name and host; lost ones are in options.py."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from catalogue.naming import copies_volume
from review.options import NODE, VOLUME
from review.steps import Step


@dataclass(frozen=True, kw_only=True, slots=True)
class Volume:
    """One volume that a preview touches."""

    name: str
    host: str
    is_wallet: bool
    op: str

    @property
    def description(self) -> str:
        """Name of the volume in messages."""
        return f"{'wallet ' if self.is_wallet else ''}volume `{self.name}` on host {self.host or 'unknown'}"

    @property
    def copies(self) -> str:
        """Name of the volume with the copies of a wallet."""
        return copies_volume(self.name)


def touched_volumes(steps: Iterable[Step], known: Collection[str]) -> Iterator[Volume]:
    """Yield volumes that are created, changed in place, or retained when they leave the stack.

    A volume that is in the state (`known`) but would be created is lost, so it is left out.
    """
    for step in steps:
        if step.type != VOLUME or step.op == "replace" or (step.op == "delete" and not step.retained):
            continue
        if step.op == "create" and step.urn in known:
            continue
        yield Volume(
            name=str((step.new or step.old).get("name") or step.name),
            host=step.provider,
            is_wallet=step.parents.endswith(NODE) and step.name.endswith("-wallet"),
            op=step.op,
        )
