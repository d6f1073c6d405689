"""Folders outside the project that builds read: only their hashes cover them, no commit of the project."""

from collections.abc import Mapping
from typing import Any

from catalogue.images import NAMED_CONTEXTS, PROJECT
from components.contexts import contexts_argument, read_contexts
from review.options import BUILD
from review.steps import Step, changing_steps


def changed_copies(preview: Mapping[str, Any]) -> list[str]:
    """List the working copies of a preview's builds whose content is no longer that of the preview."""
    builds = [step for step in changing_steps(preview.get("steps") or ()) if step.type == BUILD and step.new]
    # The variants of an image read the same folders.
    read = dict.fromkeys((tuple(_named(build).items()), _recorded(build)) for build in builds)
    changed = [dict(named) for named, recorded in read if recorded and _now(dict(named)) != recorded]
    return sorted({location for named in changed for location in named.values() if _is_outside(location)})


def _named(build: Step) -> dict[str, str]:
    """Name → location of the named contexts of a build."""
    named = (build.new.get("context") or {}).get("named") or {}
    return {name: str(context["location"]) for name, context in named.items()}


def _recorded(build: Step) -> str:
    return str((build.new.get("buildArgs") or {}).get(NAMED_CONTEXTS) or "")


def _now(named: Mapping[str, str]) -> str:
    try:
        return contexts_argument(read_contexts(named)).get(NAMED_CONTEXTS, "")
    except OSError:  # such as a file that is removed at this moment
        return ""


def _is_outside(location: str) -> bool:
    """True for a folder that the project's tree does not cover, even if the folder is gone."""
    return "://" not in location and not (PROJECT / location).resolve().is_relative_to(PROJECT)
