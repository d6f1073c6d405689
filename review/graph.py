"""A graph of changes: images, the tags that contain them, containers that run them, and lost volumes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from catalogue.naming import variant_of
from review.options import BUILD, TAG, VOLUME
from review.restarts import CONTAINERS, restart
from review.steps import Step, done


@dataclass(frozen=True, slots=True)
class Graph:
    """Boxes, and edges as (index of the cause, index of the effect)."""

    boxes: tuple[str, ...] = ()
    """Labels of the boxes."""
    edges: tuple[tuple[int, int], ...] = ()


def read_graph(steps: Sequence[Step], preview: Mapping[str, Any]) -> Graph:
    """Build the graph of a preview; edges lead through resources that do not change.

    Variants of one image share a box, and so do tags of one repository.
    """
    boxes: dict[tuple[str, str], list[Step]] = {}
    for kind in (_image, _tags, _container, _volume):
        for step in steps:
            if (key := kind(step)) is not None:
                boxes.setdefault(key, []).append(step)
    place = {step.urn: number for number, members in enumerate(boxes.values()) for step in members}
    waits = dict(_waits(preview))
    edges = {
        (cause, place[urn]) for urn in place for cause in _causes(urn, place, waits) if cause != place[urn]
    }
    return Graph(tuple(_label(*key, members) for key, members in boxes.items()), tuple(sorted(edges)))


def _image(step: Step) -> tuple[str, str] | None:
    if step.type != BUILD or step.op == "delete":
        return None
    return "image", variant_of(step.name)[0]


def _tags(step: Step) -> tuple[str, str] | None:
    return ("tags", str(step.new.get("repository"))) if step.type == TAG and step.new else None


def _container(step: Step) -> tuple[str, str] | None:
    return ("container", step.urn) if step.type in CONTAINERS else None


def _volume(step: Step) -> tuple[str, str] | None:
    lost = step.op == "replace" or (step.op == "delete" and not step.retained)
    return ("volume", step.urn) if step.type == VOLUME and lost else None


def _label(kind: str, name: str, steps: Sequence[Step]) -> str:
    [first, *rest] = steps
    if kind == "image":
        return f"image {name}: {len(steps)} variant{'s' * bool(rest)}"
    if kind == "tags":
        return f"{name}: {len(steps)} tag{'s' * bool(rest)}"
    if kind == "volume":
        return f"volume {first.old.get('name') or first.name}: {done(first.op)}, DATA LOST"
    container = restart(first)
    where = f" on {container.host}" if container.host else ""
    return f"{container.container}{where}: {done(container.op)}"


def _waits(preview: Mapping[str, Any]) -> Iterator[tuple[str, Sequence[str]]]:
    """Yield (resource, its dependencies): those after the change or, for a deleted resource, before it."""
    for step in preview.get("steps") or ():
        state = step.get("newState") or step.get("oldState") or {}
        yield step["urn"], state.get("dependencies") or ()


def _causes(urn: str, place: Mapping[str, int], waits: Mapping[str, Sequence[str]]) -> set[int]:
    """Indexes of the nearest boxes that a resource depends on."""
    causes, seen, left = set[int](), {urn}, [urn]
    while left:
        fresh = {*waits.get(left.pop(), ())} - seen
        seen |= fresh
        causes |= {place[cause] for cause in fresh & place.keys()}
        left += fresh - place.keys()
    return causes
