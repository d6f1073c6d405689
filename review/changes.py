"""Changes in `pulumi preview --json`: images rebuilt, tags moved, nodes restarted and volumes touched.

Everything comes from the preview, except causes, which also read the checkout.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from catalogue.arch import ARCHES
from catalogue.naming import variant_of
from display.markdown import FEW
from display.protected_wallets import remedied
from review.causes import Cause, Causes, Checkout
from review.complete import PreviewError, refuse_missing_steps, refuse_unknown_steps
from review.graph import Graph, read_graph
from review.inside import Inside, Vulnerability, read_inside
from review.options import BUILD, TAG, VOLUME, Options, read_options
from review.portable import without_trace
from review.publications import Publication, publication, reference
from review.restarts import CONTAINERS, Restart
from review.rules import Broken
from review.steps import Step, changing_steps, in_state
from review.volumes import Volume, touched_volumes

RETIRED = ("skycoin:index:WalletBackup",)
"""Types of version 0.1.0 that only leave the state; nothing outside the state is deleted with them."""
AFTERMATH = "an unhandled error occurred: program exited"
"""Start of the engine's message after each error that the program itself has reported."""
ENDED = "preview failed"
"""The engine's message after each error of a resource."""
OTHER = "an unknown architecture"


@dataclass(frozen=True, kw_only=True, slots=True)
class Rebuild:
    """Variants of one image that would be built for the same reasons."""

    image: str
    arches: tuple[str, ...]
    """Architectures, in the order of ARCHES; OTHER comes last."""
    causes: tuple[Cause, ...]

    names_all: bool = False
    """True if a cause names every file, however many differ."""

    @property
    def why(self) -> tuple[str, ...]:
        """Descriptions of the causes."""
        return tuple(cause.describe(None if self.names_all else FEW) for cause in self.causes)


@dataclass(frozen=True, kw_only=True, slots=True)
class Changes:
    """All changes of one preview that concern a reviewer."""

    rebuilds: tuple[Rebuild, ...]
    publications: tuple[Publication, ...]
    withdrawn: tuple[str, ...]
    """References of tags that the stack would no longer manage; they stay in the registry."""
    restarts: tuple[Restart, ...]
    """Containers: first those that would be removed, then the others, each sorted by name."""
    volumes: tuple[Volume, ...]
    """Volumes that would change without being lost."""
    others: Mapping[str, int]
    """Operation → number of the other changing resources that it applies to."""
    faults: tuple[str, ...]
    """Errors of the preview, each once; with an error, `pulumi up` would do nothing."""
    warnings: tuple[str, ...] = ()
    """Warnings of the program and of its checks of hosts, each once."""
    options: Options = field(default_factory=Options)
    """Changes of protection, order, providers and hooks, also of otherwise unchanged resources."""
    graph: Graph = field(default_factory=Graph)
    """Graph of the changing resources only."""
    unjudged: tuple[str, ...] = ()
    """Sentences about differences of unknown effect: with one, the page does not call the change safe."""
    broken: tuple[Broken, ...] = ()
    """Rules that the wanted resources break, or that could not be checked (review/promises.py)."""
    inside: tuple[Inside, ...] = ()
    """Go modules of images that would be built, or that containers would change to."""
    vulnerabilities: tuple[Vulnerability, ...] = ()
    """Known vulnerabilities that these images gain or lose."""
    looked_up: str = ""
    """Sentence about the database of known vulnerabilities; empty if no module differs."""


def read_changes(preview: Any, checkout: Checkout | None = None, *, shows_sames: bool = False) -> Changes:
    """Read a preview. Raises PreviewError if `preview` is not the complete output of `pulumi preview --json`.

    With `shows_sames`, it must have the steps of unchanged resources (`--show-sames`) too.
    """
    if not isinstance(preview, dict) or not (preview.keys() & {"steps", "diagnostics"}):
        raise PreviewError("it has no steps")
    faults = tuple(dict.fromkeys(_faults(preview.get("diagnostics") or ())))
    refuse_unknown_steps(preview)
    if not faults:
        refuse_missing_steps(preview, shows_sames=shows_sames)
    steps = list(changing_steps(preview.get("steps") or ()))
    here = checkout or Checkout()
    causes = Causes(preview, here)
    builds = [step for step in steps if step.type == BUILD and step.op != "delete"]
    return Changes(
        rebuilds=_rebuilds(builds, causes),
        publications=tuple(
            publication(step, tuple(causes.of_tag(step)))
            for step in steps
            if step.type == TAG and step.op != "delete"
        ),
        withdrawn=tuple(reference(step) for step in steps if step.type == TAG and step.op == "delete"),
        # The engine's order of nodes on several hosts differs from run to run.
        restarts=tuple(
            causes.of_container(step)
            for step in sorted(steps, key=lambda step: (step.op != "delete", step.name))
            if step.type in CONTAINERS
        ),
        volumes=tuple(touched_volumes(steps, in_state(preview))),
        others=_counted(
            step for step in steps if step.type not in (BUILD, TAG, *CONTAINERS, VOLUME, *RETIRED)
        ),
        faults=faults,
        warnings=tuple(dict.fromkeys(_warnings(preview.get("diagnostics") or ()))),
        options=read_options(preview),
        graph=read_graph(steps, preview),
        inside=read_inside(preview, causes.images, builds, has_files=here.has_files),
    )


def _rebuilds(steps: Iterable[Step], causes: Causes) -> tuple[Rebuild, ...]:
    """Combine builds of one image with the same reasons. No build is left out, whatever its name is."""
    together: dict[tuple[str, tuple[Cause, ...]], list[str]] = {}
    for step in steps:
        image, arch = variant_of(step.name)
        if arch not in ARCHES:
            image, arch = step.name, OTHER
        together.setdefault((image, tuple(causes.of_build(step, image))), []).append(arch)
    order = [*ARCHES, OTHER]
    return tuple(
        Rebuild(image=image, arches=tuple(sorted(arches, key=order.index)), causes=why)
        for (image, why), arches in together.items()
    )


def _faults(diagnostics: Iterable[Mapping[str, Any]]) -> Sequence[str]:
    """Errors, without those that follow from another error. ENDED stays if there is no other error."""
    errors = [*_errors(diagnostics)]
    return [error for error in errors if error != ENDED] or errors


def _errors(diagnostics: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for entry in diagnostics:
        message = str(entry["message"]).strip().removeprefix("error: ").removeprefix("Preview failed: ")
        if entry.get("severity") == "error" and not message.startswith(AFTERMATH):
            yield without_trace(remedied(message))


def _warnings(diagnostics: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for entry in diagnostics:
        if entry.get("severity") == "warning":
            yield without_trace(str(entry["message"]).strip().removeprefix("warning: "))


def _counted(steps: Iterable[Step]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for step in steps:
        counts[step.op] = counts.get(step.op, 0) + 1
    return counts
