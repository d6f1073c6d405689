"""Go modules that images would gain, lose or get in another version.

The contents of an image are unknown before its build. Its go.mod, and that of a source in a folder, have the
versions that would be linked; these are compared with the versions recorded in the state. The programs are
those of the published image.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from catalogue.bases import OFFICIAL_BUILD_BASE, OFFICIAL_GO
from catalogue.go_modules import (
    GO_MOD,
    GO_SUM,
    NOT_KNOWN,
    STANDARD_LIBRARY,
    Difference,
    Finding,
    Modules,
    differences,
)
from catalogue.images import PROJECT, SOURCE
from catalogue.naming import variant_of
from catalogue.urns import type_of
from components.contexts import recorded_files, required_modules
from components.image import FILES, REQUIRED
from components.variant import MODULES
from review.images import Images
from review.steps import Step

VERIFICATION = "skycoin:index:Verification"
OF_GIT = "unknown before the build: only the builder reads its git repository"
OF_FOLDER = (
    "unknown before the build: a go.mod is missing or a link, or that of its source does not name all "
    "modules (Go before 1.17, or a go.work)"
)
EARLIER = "unknown: the state is of an earlier version, or has no modules of this source"
SAVED = "unknown: the preview does not show which files it was created from"
PROGRAMS_NOT_KNOWN, NOT_YET_KNOWN = "unknown", "unknown before the build"
GO_UNKNOWN = "Go itself changes or is new, and its version is unknown before the build"


@dataclass(frozen=True, kw_only=True, slots=True)
class Vulnerability:
    """A known vulnerability that an image gains or loses through the version of a module."""

    image: str
    difference: Difference
    gained: bool
    finding: Finding


@dataclass(frozen=True, kw_only=True, slots=True)
class Inside:
    """The modules of one image that would be built, or that containers would change to."""

    image: str
    differences: tuple[Difference, ...] = ()
    programs: Mapping[str, Modules] | None = None
    """Modules of each published program; None if the state does not have them."""
    linked_into: Mapping[Difference, Sequence[str]] | None = None
    """Programs of each difference between two published images; None for an image that would be built."""
    unknown: str = ""
    """Reason why the modules are unknown; otherwise empty."""
    of_go: str = ""
    """Reason why the version of Go itself is unknown; otherwise empty."""
    inexact: tuple[str, ...] = ()
    """Modules whose new version can't be read from a go.mod, for example because a folder replaces them."""
    sizes: tuple[str, ...] = ()
    """Sizes and layers that differ between two published images, each with its architectures."""
    has_other_sums: bool = False
    """True if the go.sum differs from the recorded one."""

    def linked(self, difference: Difference) -> str:
        """Programs that a module is linked into, as a phrase for a sentence."""
        programs = self.programs_of(difference)
        return (
            f"in which programs is {programs}"
            if programs in (PROGRAMS_NOT_KNOWN, NOT_YET_KNOWN)
            else programs
        )

    def programs_of(self, difference: Difference) -> str:
        """Programs that a module is linked into."""
        if self.linked_into is not None:
            return ", ".join(self.linked_into[difference])
        if not difference.before:
            return NOT_YET_KNOWN
        if self.programs is None:
            return PROGRAMS_NOT_KNOWN
        return (
            ", ".join(name for name, modules in self.programs.items() if difference.module in modules)
            or "in no program"
        )


def read_inside(
    preview: Mapping[str, Any], images: Images, builds: Sequence[Step], *, has_files: bool
) -> tuple[Inside, ...]:
    """Compare each image that would be built with its state, in the program's order."""
    if not builds:
        return ()
    proofs = [*_proofs(preview, images)]
    read = (
        _read(
            image,
            step,
            images,
            [modules for urn, modules in proofs if urn == images.around(step.urn)],
            has_files,
        )
        for image, step in by_image(builds).items()
    )
    return tuple(contents for contents in read if contents is not None)


def by_image(builds: Iterable[Step]) -> dict[str, Step]:
    """Choose for each image the build that shows most of its old state, in the program's order.

    This is the first changed variant; without any, the first unchanged one, then the first new one, which has
    no old state.
    """
    chosen: dict[str, Step] = {}
    for step in builds:
        image, _ = variant_of(step.name)
        if image not in chosen or _TELLS_LESS.get(step.op, 0) < _TELLS_LESS.get(chosen[image].op, 0):
            chosen[image] = step
    return chosen


_TELLS_LESS = {"same": 1, "create": 2}


def _proofs(preview: Mapping[str, Any], images: Images) -> Iterator[tuple[str, Any]]:
    """Yield the URN of an image and the modules in the verification of one of its variants."""
    for step in preview.get("steps") or ():
        if type_of(step["urn"]) == VERIFICATION and step.get("oldState"):
            report = (step["oldState"].get("outputs") or {}).get("report") or {}
            yield images.around(step["urn"]), report.get(MODULES)


def _read(
    image: str, step: Step, images: Images, proofs: Sequence[Mapping[str, Modules] | None], has_files: bool
) -> Inside | None:
    """Compare one image; None for an image without Go modules."""
    context = step.new.get("context") or {}
    folder, named = str(context.get("location")), context.get("named") or {}
    sources = {name: str(source.get("location")) for name, source in named.items()}
    if "#" in sources.get(SOURCE, ""):
        return Inside(image=image, unknown=OF_GIT)
    if SOURCE not in sources and not _is_file(PROJECT / folder / GO_MOD):
        return None
    if not has_files:
        return Inside(image=image, unknown=SAVED)
    if (wanted := required_modules(folder, sources)) is None:
        return Inside(image=image, unknown=OF_FOLDER)
    urn = images.around(step.urn)
    recorded: Modules | None = images.output(urn, REQUIRED)
    if not recorded and (images.existed(urn) or step.op != "create"):
        return Inside(image=image, unknown=EARLIER)
    programs = _programs(proofs)
    changed = [*differences(recorded or {}, wanted)]
    go, of_go = go_of(step, proofs)
    return Inside(
        image=image,
        differences=(*differences(*go), *changed),
        programs=programs,
        of_go=of_go,
        inexact=tuple(sorted(module for module, version in wanted.items() if version == NOT_KNOWN)),
        has_other_sums=SOURCE not in sources and _has_other_sums(folder, images.output(urn, FILES) or {}),
    )


def _has_other_sums(folder: str, recorded: Mapping[str, str]) -> bool:
    path = str(PurePosixPath(folder) / GO_SUM)
    return path in recorded and recorded_files(folder, "", {}, {}).get(path) != recorded[path]


def _is_file(path: Path) -> bool:
    """True if a path is a file; False for an invalid path, because a saved preview is untrusted."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _programs(proofs: Sequence[Mapping[str, Modules] | None]) -> Mapping[str, Modules] | None:
    """Programs of all variants together; None if those of a variant are unknown, or no SBOM names any."""
    together: dict[str, dict[str, str]] = {}
    for modules in proofs:
        if modules is None:
            return None
        for program, linked in modules.items():
            together[program] = {**together.get(program, {}), **linked}
    return together or None


def go_of(step: Step, proofs: Sequence[Mapping[str, Modules] | None]) -> tuple[tuple[Modules, Modules], str]:
    """Go's standard library (before, after) by the build stages' image, and the reason if it is unknown.

    All are empty if that image stays the same; both versions are empty if they are unknown.
    """
    was, would = ((inputs.get("buildArgs") or {}).get("BUILD_FROM") for inputs in (step.old, step.new))
    if was == would:
        return ({}, {}), ""
    programs = [program for modules in proofs for program in (modules or {}).values()]
    linked = {program[STANDARD_LIBRARY] for program in programs if STANDARD_LIBRARY in program}
    is_known = step.op == "create" or (len(linked) == 1 and None not in proofs)
    if would != OFFICIAL_BUILD_BASE or not is_known:
        return ({}, {}), GO_UNKNOWN
    before = {} if step.op == "create" else {STANDARD_LIBRARY: linked.pop()}
    return (before, {STANDARD_LIBRARY: OFFICIAL_GO}), ""
