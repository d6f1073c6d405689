"""From `pulumi preview --json` to what it means: images rebuilt, tags moved, nodes restarted, volumes.

The preview's form: pulumi/pulumi `pkg/display/json.go`, PreviewDigest. Nothing here looks at the world.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from pulumi.runtime.rpc import UNKNOWN

from catalogue.arch import ARCHES
from catalogue.node_container import HANDED_OVER
from display.errors import UserError
from review.options import BUILD, TAG, VOLUME, Options, read_options
from review.portable import without_trace

CONTAINER = "docker:index/container:Container"
NODE_CONTAINER = "skycoin:index:NodeContainer"

CONTAINERS = (CONTAINER, NODE_CONTAINER)
RETIRED = ("skycoin:index:WalletBackup",)
"""Types of version 0.1.0 that only leave the state: nothing in the world goes with them."""
AFTERMATH = "an unhandled error occurred: program exited"
"""Said by the engine after each error that the program itself reported."""

QUIET = ("same", "read", "refresh", "discard")
"""Operations that change nothing."""
AFTERMATHS = ("delete-replaced", "discard-replaced", "remove-pending-replace")
"""The second half of a replacement, of this run or of one that was interrupted."""


class PreviewError(UserError):
    """The input is no preview; the message says what it should be."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One resource of a preview that changes."""

    op: str
    """`create`, `update`, `replace`, `delete` …"""
    urn: str
    old: Mapping[str, Any] = field(default_factory=dict)
    """Inputs in the state; empty for a new resource."""
    new: Mapping[str, Any] = field(default_factory=dict)
    """Inputs that are wanted; empty for one that goes."""
    reasons: tuple[str, ...] = ()
    """Paths of the properties that differ."""
    retained: bool = False
    """True where a deletion only forgets it."""

    @property
    def type(self) -> str:
        """Token of the resource, without its parents'."""
        return self.urn.split("::")[2].rpartition("$")[2]

    @property
    def parents(self) -> str:
        """Tokens of the components that it is in, joined by `$`."""
        return self.urn.split("::")[2].rpartition("$")[0]

    @property
    def name(self) -> str:
        """Logical name."""
        return self.urn.rpartition("::")[2]


@dataclass(frozen=True, kw_only=True, slots=True)
class Rebuild:
    """Variants of one image that would be built for the same reasons."""

    image: str
    arches: tuple[str, ...]
    """In the order of the Arch table."""
    why: tuple[str, ...]


class Presence(StrEnum):
    """Knowledge of a tag that would be written."""

    STATE = "in the state"
    UNASKED = "not in the state; its registry was not asked"
    ABSENT = "not in its registry"
    THERE = "in its registry, though not in the state"
    UNKNOWN = "its registry could not be asked"


@dataclass(frozen=True, kw_only=True, slots=True)
class Publication:
    """A tag that would be written."""

    repository: str
    tag: str
    immutable: bool
    presence: Presence
    variants: tuple[str, ...]

    @property
    def reference(self) -> str:
        """Repository and tag."""
        return f"{self.repository}:{self.tag}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Restart:
    """A container that would be made, replaced or removed."""

    container: str
    op: str
    why: tuple[str, ...]
    has_wallet: bool
    """Whether it is a node's."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Changes:
    """Everything that a reviewer wants to know of one preview, in the order of the program."""

    rebuilds: tuple[Rebuild, ...]
    publications: tuple[Publication, ...]
    withdrawn: tuple[str, ...]
    """References that the stack would no longer answer for; they stay in the registry."""
    restarts: tuple[Restart, ...]
    volumes: tuple[Step, ...]
    """Volumes that would be touched."""
    others: Mapping[str, int]
    """Operation → count of all further resources."""
    faults: tuple[str, ...]
    """Errors of the preview, each once: with one, `pulumi up` would do nothing."""
    warnings: tuple[str, ...] = ()
    """Warnings of the program and of its hosts' checks, each once."""
    options: Options = field(default_factory=Options)
    """Protection, order, providers and hooks, of unchanged resources too."""


def read_changes(preview: Any) -> Changes:
    """Raises PreviewError where `preview` is not what `pulumi preview --json` prints."""
    if not isinstance(preview, dict) or not (preview.keys() & {"steps", "diagnostics"}):
        raise PreviewError("it has no steps")
    steps = list(_steps(preview.get("steps") or ()))
    return Changes(
        rebuilds=_rebuilds(step for step in steps if step.type == BUILD and step.op != "delete"),
        publications=tuple(_publication(step) for step in steps if step.type == TAG and step.op != "delete"),
        withdrawn=tuple(_reference(step.old) for step in steps if step.type == TAG and step.op == "delete"),
        restarts=tuple(_restart(step) for step in steps if step.type in CONTAINERS),
        volumes=tuple(step for step in steps if step.type == VOLUME),
        others=_counted(
            step for step in steps if step.type not in (BUILD, TAG, *CONTAINERS, VOLUME, *RETIRED)
        ),
        faults=tuple(dict.fromkeys(_faults(preview.get("diagnostics") or ()))),
        warnings=tuple(dict.fromkeys(_warnings(preview.get("diagnostics") or ()))),
        options=read_options(preview),
    )


def _steps(found: Iterable[Mapping[str, Any]]) -> Iterator[Step]:
    """A replacement comes as several steps for one resource: the first that is seen says it all."""
    seen: set[str] = set()
    for entry in found:
        if entry["op"] in (*QUIET, *AFTERMATHS) or entry["urn"] in seen:
            continue
        seen.add(entry["urn"])
        paths = entry.get("detailedDiff") or dict.fromkeys(entry.get("diffReasons") or ())
        yield Step(
            op="replace" if "replace" in entry["op"] else entry["op"],
            urn=entry["urn"],
            old=(entry.get("oldState") or {}).get("inputs") or {},
            new=(entry.get("newState") or {}).get("inputs") or {},
            reasons=tuple(paths),
            retained=(entry.get("oldState") or {}).get("retainOnDelete") is True,
        )


def _rebuilds(steps: Iterable[Step]) -> tuple[Rebuild, ...]:
    together: dict[tuple[str, tuple[str, ...]], set[str]] = {}
    for step in steps:
        image, _, arch = step.name.removesuffix("-image").rpartition("-")
        together.setdefault((image, tuple(_why(step))), set()).add(arch)
    return tuple(
        Rebuild(image=image, arches=tuple(arch for arch in ARCHES if arch in arches), why=why)
        for (image, why), arches in together.items()
    )


def _why(step: Step) -> Iterator[str]:
    if step.op == "create":
        yield "new"
        return
    for path in step.reasons:
        if path == "contextHash":
            yield "files of its folder"
        elif path.startswith("buildArgs"):
            name = path.removeprefix("buildArgs").strip('.["]')
            arguments = [values.get("buildArgs") or {} for values in (step.old, step.new)]
            for key in [name] if name else sorted(arguments[0].keys() | arguments[1].keys()):
                before, after = (one.get(key) for one in arguments)
                if before != after:
                    yield f"{key}: {_short(before)} → {_short(after)}"
        else:
            yield path


def _publication(step: Step) -> Publication:
    return Publication(
        repository=str(step.new.get("repository")),
        tag=str(step.new.get("tag")),
        immutable=step.new.get("immutable") is True,
        presence=_presence(step),
        variants=tuple(variant["arch"] for variant in step.new.get("variants") or ()),
    )


def _presence(step: Step) -> Presence:
    if step.op != "create":
        return Presence.STATE
    # A registry that the stack itself would run can't be asked yet.
    return Presence.ABSENT if step.new.get("repository") in (None, UNKNOWN) else Presence.UNASKED


def _reference(inputs: Mapping[str, Any]) -> str:
    return f"{inputs.get('repository')}:{inputs.get('tag')}"


def _restart(step: Step) -> Restart:
    name = str((step.new or step.old).get("name") or step.name)
    has_wallet = step.parents.endswith("skycoin:index:Node")
    handed_over = (
        step.type == NODE_CONTAINER and step.op == "update" and _keys(step) & {*HANDED_OVER, "handover"}
    )
    op = "replace" if handed_over else step.op
    return Restart(container=name, op=op, why=tuple(_differences(step)), has_wallet=has_wallet)


def _keys(step: Step) -> set[str]:
    """Inputs that a step changes, without what is below them: `command[1]` is `command`."""
    return {path.partition("[")[0].partition(".")[0] for path in step.reasons}


def _differences(step: Step) -> Iterator[str]:
    for path in step.reasons:
        before, after = (values.get(path) for values in (step.old, step.new))
        if isinstance(before, list) and isinstance(after, list):
            gone = [str(one) for one in before if one not in after and isinstance(one, str)]
            come = [str(one) for one in after if one not in before and isinstance(one, str)]
            yield f"{path}: {' '.join(gone) or 'none'} → {' '.join(come) or 'none'}" if gone + come else path
        elif isinstance(after, str | int | bool) and before is not None:
            yield f"{path}: {_short(before)} → {_short(after)}"
        else:
            yield path


def _faults(diagnostics: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for entry in diagnostics:
        message = str(entry["message"]).strip().removeprefix("error: ").removeprefix("Preview failed: ")
        if entry.get("severity") == "error" and not message.startswith(AFTERMATH):
            yield without_trace(message)


def _warnings(diagnostics: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for entry in diagnostics:
        if entry.get("severity") == "warning":
            yield without_trace(str(entry["message"]).strip().removeprefix("warning: "))


def _counted(steps: Iterable[Step]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for step in steps:
        counts[step.op] = counts.get(step.op, 0) + 1
    return counts


def _short(value: object) -> str:
    """A value for a table's cell; digests by their first digits."""
    if value == UNKNOWN:  # such as a digest
        return "what would be built"
    text = str(value) if value not in (None, "") else "none"
    name, at, digest = text.rpartition("@sha256:")
    if at:
        return f"{name.rpartition('/')[2]}@{digest[:12]}"
    return text if len(text) <= 40 else f"{text[:37]}…"
