"""The law of upgrades: rules for `pulumi preview --json --show-sames` over a state of an earlier version.

An upgrade replaces, deletes or renames no wallet, data or registry volume, network, built image or published
manifest, and none of them loses its protection. It replaces exactly the containers that CHANGELOG.md lists.
A rename appears as a deletion and a creation, or as a replacement.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Any

from catalogue.node_container import HANDED_OVER
from mocks.engine import BUILD, CONTAINER, NETWORK, NODE_CONTAINER, PREFLIGHT, TAG, VOLUME

KEPT = frozenset({VOLUME, NETWORK, TAG, BUILD})
"""Types that an upgrade keeps. It may add tags and images, and volumes and networks of new components."""
PLACES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {PREFLIGHT: ("wallet",), NODE_CONTAINER: ("wallet", "backups")}
)
"""Inputs of other types that name a volume, which the resource's plugin would create."""
HARMLESS = frozenset({"same", "update"})
LISTED = "Containers that an upgrade from an earlier version replaces:"
"""Line in a section of CHANGELOG.md that precedes a list of containers, as globs of COMPONENT/NAME."""

Preview = Mapping[str, Any]
State = Mapping[str, Any]


def offences(state: State, preview: Preview, listed: Collection[str]) -> list[str]:
    """Return a message for each place where a preview over a deployment breaks the law.

    `listed` holds globs over COMPONENT/NAME of containers, such as `Node/*`.
    """
    found = (
        _missing(state, preview),
        _broken(state, preview),
        _moved(preview),
        _replaced(state, preview, listed),
    )
    return [offence for part in found for offence in part]


def _missing(state: State, preview: Preview) -> Iterator[str]:
    """Yield kept resources that the preview does not mention: the engine stopped before it reached them."""
    seen = {step["oldState"]["urn"] for step in preview.get("steps", []) if step.get("oldState")}
    for resource in state["resources"]:
        if resource["type"] in KEPT and resource["urn"] not in seen:
            yield f"{_named(resource)} is in the state, and the preview does not reach it"


def _broken(state: State, preview: Preview) -> Iterator[str]:
    steps = preview.get("steps", [])
    # A new component of a known type may be a renamed one, so only those of other types count as new.
    before = [*state["resources"], *(step["oldState"] for step in steps if step.get("oldState"))]
    known = {resource["type"] for resource in before}
    fresh = [step["newState"] for step in steps if step["op"] == "create"]
    made = {resource["urn"] for resource in fresh if resource["type"] not in known}
    for step in steps:
        old, new, operation = step.get("oldState"), step.get("newState"), step["op"]
        one = new or old
        if one["type"] not in KEPT:
            continue
        if operation == "create" and one["type"] in (VOLUME, NETWORK) and one.get("parent") not in made:
            yield f"{_named(one)} is new: a volume or network of another name takes the place of one that was"
        elif operation not in {*HARMLESS, "create"}:
            yield f"{_named(one)}: {operation}"
        elif old and new:
            for option in ("protect", "retainOnDelete"):
                if old.get(option) and not new.get(option):
                    yield f"{_named(one)} loses {option}"


def _moved(preview: Preview) -> Iterator[str]:
    for step in preview.get("steps", []):
        old, new = step.get("oldState"), step.get("newState")
        for key in PLACES.get(old["type"], ()) if old and new else ():
            before, after = (state["inputs"].get(key) for state in (old, new))
            if before != after:
                yield f"{_named(new)}: {key} {before} becomes {after}"


def _replaced(state: State, preview: Preview, listed: Collection[str]) -> Iterator[str]:
    there = {
        _place(resource) for resource in state["resources"] if resource["type"] in (CONTAINER, NODE_CONTAINER)
    }
    expected = {name for name in there if any(fnmatchcase(name, glob) for glob in listed)}
    gone = {_place(step["oldState"]) for step in preview.get("steps", []) if _replaces(step)}
    for name in sorted(gone - expected):
        yield f"container {name} is replaced, and CHANGELOG.md does not list it"
    for name in sorted(expected - gone):
        yield f"container {name} is not replaced, and CHANGELOG.md lists it"


def _replaces(step: Mapping[str, Any]) -> bool:
    """True if a step replaces a container; for a node, every update does, except one of its limits."""
    old, new = step.get("oldState") or {}, step.get("newState") or {}
    if old.get("type") not in (CONTAINER, NODE_CONTAINER):
        return False
    if new.get("type") != NODE_CONTAINER or step["op"] not in HARMLESS:
        return step["op"] not in HARMLESS
    return any(
        path.partition("[")[0].partition(".")[0] in {*HANDED_OVER, "handover"}
        for path in step.get("detailedDiff") or ()
    )


def listed_replacements(changelog: str, version: str) -> list[str]:
    """Return globs of the containers that versions newer than this one list as replaced.

    Raises ValueError if the version has no section, or if a newer one lacks the list.
    """
    newer, heading, _ = changelog.partition(f"\n## {version} ")
    if not heading:
        raise ValueError(f"CHANGELOG.md has no section of version {version}")
    found = []
    for section in newer.split("\n## ")[1:]:
        _, words, rest = section.partition(LISTED)
        if not words:
            raise ValueError(f"CHANGELOG.md, {section.splitlines()[0]}: the line {LISTED!r} is missing")
        found += re.findall(r"^- `([^`]+)`", rest.partition("\n### ")[0], re.MULTILINE)
    return found


def summary(preview: Preview) -> str:
    """List every step and every message, one per line."""
    steps = [
        f"{step['op']:20} {step['urn']} {' '.join(step.get('diffReasons') or [])}".rstrip()
        for step in preview.get("steps", [])
    ]
    return "\n".join(
        [*steps, *(diagnostic.get("message", "") for diagnostic in preview.get("diagnostics", []))]
    )


def _name(resource: Mapping[str, Any]) -> str:
    return str(resource["urn"]).rpartition("::")[2]


def _place(resource: Mapping[str, Any]) -> str:
    """COMPONENT/NAME of a resource, from its URN, which lists the parents' types before its own."""
    types = str(resource["urn"]).split("::")[2].split("$")
    return "/".join([*(token.rpartition(":")[2] for token in types[-2:-1]), _name(resource)])


def _named(resource: Mapping[str, Any]) -> str:
    return f"{resource['type']} {_name(resource)}"
