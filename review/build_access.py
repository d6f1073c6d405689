"""Access of builds: a build pushes a digest without a name, and reaches nothing outside itself."""

import csv
from collections.abc import Iterator, Mapping

from pulumi.runtime.rpc import UNKNOWN

from catalogue.builds import EXPORT
from review.options import BUILD
from review.rules import HIDDEN, UNJUDGED, Resource, secret_inputs

ALLOWED = frozenset(
    [
        "buildArgs",
        "buildOnPreview",
        "builder",
        "context",
        "dockerfile",
        "exports",
        "ignoreSecretsInDiffCalculation",
        "labels",
        "noCache",
        "platforms",
        "pull",
        "secrets",
        "tags",
        "target",
    ]
)
"""Inputs of a build that reach nothing outside it, or that are checked here or by another rule."""
FRONTEND = "BUILDKIT_SYNTAX"
"""Build argument that names another frontend: the image that reads the Dockerfile."""
HARMLESS: tuple[object, ...] = (None, False, "", "default", [], {})
"""Values with which any other input grants nothing."""


def reaches_out(resource: Resource) -> str:
    """Describe how a build does more than push a digest; empty for a build that does not."""
    return next(_ways(resource), "") if resource.type == BUILD else ""


def _ways(build: Resource) -> Iterator[str]:
    yield from secret_inputs(build, "tags", "exports")
    arguments = build.inputs.get("buildArgs") or ()
    if arguments == HIDDEN:
        yield UNJUDGED.format("buildArgs")
    elif FRONTEND in arguments:
        yield f"has the build argument {FRONTEND}"
    tags = build.inputs.get("tags")
    for tag in tags if isinstance(tags, list) else ():
        if tag != UNKNOWN and (":" in str(tag).rpartition("/")[2] or "@" in str(tag)):
            yield f"has the tag {tag}"
    exports = build.inputs.get("exports")
    for export in exports if isinstance(exports, list) else ():
        yield from (f"exports {how}" for how in _exports(export))
    for key, value in build.inputs.items():
        if key not in ALLOWED and value not in HARMLESS:
            yield f"has {key} {value}" if isinstance(value, str) else f"has {key}"


def _exports(export: object) -> Iterator[str]:
    """Describe an export that is not a push by digest."""
    given = {key: value for key, value in export.items() if value} if isinstance(export, Mapping) else {}
    raw = given.pop("raw", None)
    yield from given
    if raw is None and not given:
        yield "something other than a digest"
    if isinstance(raw, str) and raw != UNKNOWN:
        [fields] = csv.reader([raw]) if raw else [[]]
        wanted = EXPORT.split(",")
        yield from (field for field in fields if field not in wanted and not field.startswith("annotation."))
        yield from (f"without {field}" for field in wanted if field not in fields)
