"""Causes of a build, of a written tag, or of a container's restart, in a form that a reader can verify.

The inputs of a build name its arguments, but not the files that changed. For those, the state has a short
hash of each file (components/contexts.py), which is compared with the files in the checkout.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from pulumi.runtime.rpc import UNKNOWN

from catalogue.images import NAMED_CONTEXTS, SOURCE
from catalogue.urns import name_of, type_of
from components.contexts import read_contexts, recorded_files
from components.image import FILES
from display.markdown import few
from review.images import Images
from review.restarts import Restart, restart
from review.setting_lines import SettingLines, entry
from review.steps import Step, in_state
from review.values import difference, short

STACK_REFERENCE = "pulumi:pulumi:StackReference"
UNCHANGED = "rebuilt though nothing changed: no argument, setting or recorded file differs"
UNRECORDED = "no recorded file differs; files that may be secrets by their names are not recorded"
EARLIER = "unknown which ones: the state is of an earlier version"
SAVED = "unknown which ones: this is a saved preview"
WORDS = {"points": "it was moved outside this stack", "failure": "its registry did not accept it last time"}
"""Output of a tag that its plugin compares → meaning of a difference."""
DESCRIBED = ("buildArgs", "contextHash", "context")
"""Inputs of a build that are described separately here."""
FOLLOWERS = ("labels", "exports")
"""Inputs that follow from others; reported as a cause only if no argument, file or source is one."""
GONE_CONTAINER = "gone from its host"
_COMMIT = 12

Files = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Checkout:
    """Sources of a preview that are on this machine."""

    settings: SettingLines = field(default_factory=SettingLines)
    has_files: bool = False
    """True if the build contexts here are those of the preview."""


@dataclass(frozen=True, slots=True)
class Cause:
    """A reason why a variant would be built."""

    text: str
    files: tuple[str, ...] = ()
    """All files that differ, to be named after `text`; a page names only a few."""

    def describe(self, limit: int | None) -> str:
        """Describe the reason, with at most `limit` files; None names all."""
        return f"{self.text} {few(self.files, limit=limit)}" if self.files else self.text


class Causes:
    """Causes in one preview."""

    def __init__(self, preview: Mapping[str, Any], checkout: Checkout) -> None:
        self._lines, self._has_files = checkout.settings, checkout.has_files
        steps = preview.get("steps") or ()
        states = {step["urn"]: step.get("newState") or step.get("oldState") or {} for step in steps}
        self.images = Images(steps)
        stacks = (state for urn, state in states.items() if type_of(urn) == STACK_REFERENCE)
        self._upstream = next((str((state.get("inputs") or {}).get("name")) for state in stacks), "")
        self._in_state = in_state(preview)
        self._files_now = cache(_files_now)

    def of_build(self, step: Step, image: str) -> Iterator[Cause]:
        """Yield reasons why a variant would be built."""
        if step.op == "create":
            place = self._lines.near(*entry(image), "arches")
            yield Cause("gone from its registry" if step.urn in self._in_state else _with_place("new", place))
        else:
            yield from list(self._of_update(step, image)) or [Cause(UNCHANGED)]

    def of_tag(self, step: Step) -> Iterator[str]:
        """Yield reasons why a tag would be written."""
        urn = self.images.around(step.urn)
        image = name_of(urn)
        if step.op == "create":
            keys = entry(image)
            asked = [self._lines.exact(*keys, key) for key in ("revision", "feature")]
            yield _with_place("new", next(filter(None, asked), "") or self._lines.near(*keys))
        else:
            yield from self._of_variants(step, image, built=urn in self.images.built)
            for path in _changed_inputs(step):
                if path not in ("variants", "annotations"):
                    yield WORDS.get(path) or difference(path, step.old.get(path), step.new.get(path))

    def _of_variants(self, step: Step, image: str, *, built: bool) -> Iterator[str]:
        before, after = map(_variants, (step.old, step.new))
        if UNKNOWN in after.values():
            yield f"image {image} is rebuilt" if built else "its variants are verified again"
        if before.keys() != after.keys() and before and after:
            yield _with_place("other architectures", self._lines.near(*entry(image), "arches"))
        if any(after.get(arch) not in (None, UNKNOWN, ref) for arch, ref in before.items()):
            yield "a variant has another image"

    def of_container(self, step: Step) -> Restart:
        """Read a container's restart; add who published a node's new image, or that the container is gone.

        A container that is gone is compared with the inputs that it had.
        """
        if step.op == "create" and step.urn in self._in_state:
            change = restart(step.over(self._in_state[step.urn]))
            change = replace(change, why=(GONE_CONTAINER, *change.why))
        else:
            change = restart(step)
        if not (self._upstream and change.is_node):
            return change
        place = self._lines.exact("images-from")
        publisher = f" (published by {', '.join(part for part in (self._upstream, place) if part)})"
        return replace(
            change, why=tuple(f"{why}{publisher}" if why.startswith("image: ") else why for why in change.why)
        )

    def _of_update(self, step: Step, image: str) -> Iterator[Cause]:
        arguments = [*map(Cause, self._arguments(step, image))]
        yield from arguments
        heads = _changed_inputs(step)
        files = [*self._files(step, hashed="contextHash" in heads)]
        yield from files
        source = [*map(Cause, self._source(step, image))] if "context" in heads else []
        yield from source
        explained = arguments or files or source
        for path in heads:
            was, would = step.old.get(path), step.new.get(path)
            if path not in DESCRIBED and not (path in FOLLOWERS and (explained or was == would)):
                # Without values, because they contain the architecture: each variant would get its own row.
                yield Cause(path if isinstance(was, list) else difference(path, was, would))

    def _arguments(self, step: Step, image: str) -> Iterator[str]:
        before, after = (inputs.get("buildArgs") or {} for inputs in (step.old, step.new))
        for name in sorted({*before, *after} - {NAMED_CONTEXTS}):
            was, would = before.get(name), after.get(name)
            if was != would:
                built = name == "IMAGE_FROM" and would == UNKNOWN
                setting = self._lines.argument(image, name, gone=would is None)
                yield f"{name}: {short(was)} → {short(would)}{' (its base is rebuilt)' if built else setting}"

    def _files(self, step: Step, *, hashed: bool) -> Iterator[Cause]:
        contexts = [(inputs.get("buildArgs") or {}).get(NAMED_CONTEXTS) for inputs in (step.old, step.new)]
        if not hashed and contexts[0] == contexts[1]:
            return
        recorded = self.images.output(self.images.around(step.urn), FILES)
        if not self._has_files or recorded is None:
            where = "its folder" if hashed else "its named contexts"
            yield Cause(f"files of {where} ({EARLIER if self._has_files else SAVED})")
            return
        now = self._files_now(*_folders(step))
        paths = sorted(path for path in {*recorded, *now} if recorded.get(path) != now.get(path))
        if not paths and contexts[0] != contexts[1]:
            yield Cause(UNRECORDED)
        if paths:
            named = tuple(_named(path, recorded, now) for path in paths)
            yield Cause(f"file{'s' * (len(paths) > 1)}", named)

    def _source(self, step: Step, image: str) -> Iterator[str]:
        before, after = map(_source, (step.old, step.new))
        if before != after:
            place = self._lines.near(*entry(image), "source")
            yield _with_place(f"source: {before or 'none'} → {after or 'none'}", place)


def _with_place(word: str, place: str) -> str:
    return f"{word} ({place})" if place else word


def _changed_inputs(step: Step) -> list[str]:
    """Inputs that differ, by their top-level names, each once."""
    return [*dict.fromkeys(path.partition("[")[0].partition(".")[0] for path in step.reasons)]


def _variants(inputs: Mapping[str, Any]) -> dict[str, object]:
    """Architecture → its image."""
    return {
        variant["arch"]: variant.get("ref")
        for variant in inputs.get("variants") or ()
        if isinstance(variant, dict)
    }


def _folders(step: Step) -> tuple[str, str, tuple[tuple[str, str], ...]]:
    """Context, Dockerfile and named contexts of a build."""
    context = step.new.get("context") or {}
    named = {name: str(source.get("location")) for name, source in (context.get("named") or {}).items()}
    dockerfile = (step.new.get("dockerfile") or {}).get("location")
    return str(context.get("location")), str(dockerfile), tuple(sorted(named.items()))


def _files_now(context: str, dockerfile: str, named: tuple[tuple[str, str], ...]) -> Files:
    sources = dict(named)
    return recorded_files(context, dockerfile, sources, read_contexts(sources))


def _named(path: str, before: Files, after: Files) -> str:
    if path not in before:
        return f"`{path}` (new)"
    return f"`{path}`" if path in after else f"`{path}` (gone)"


def _source(inputs: Mapping[str, Any]) -> str:
    """Short name of a build's source; empty if it has none.

    This is its folder, or the last part of its repository and the first digits of its commit.
    """
    location = ((inputs.get("context") or {}).get("named") or {}).get(SOURCE, {}).get("location", "")
    repository, _, commit = str(location).partition("#")
    return f"{repository.rpartition('/')[2]}#{commit[:_COMMIT]}" if commit else repository
