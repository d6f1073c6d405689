"""Text of a page about images' Go modules and the known vulnerabilities of their versions."""

from collections.abc import Iterator, Sequence

from catalogue.go_modules import INEXACT
from display.markdown import few, one_line
from review.inside import Inside, Vulnerability

MODULE_HEADS = ("image", "module", "now", "then", "programs")
VULNERABILITY_HEADS = ("image", "what happens", "id", "module", "fixed in", "what it is")
SAME, SAME_LINKED = "the same Go modules, by its go.mod", "the same Go modules in each program"
_NOTE = (
    "These are the versions of each image's go.mod. What a new program links of them, its size and its "
    "layers are unknown before the build."
)
_NOTE_LINKED = (
    "If both images are published, these are the versions that their programs link, by their SBOMs."
)


def inside_note(inside: Sequence[Inside], looked_up: str) -> str:
    """Sentences after the lines: the source of the versions, and the database that was consulted."""
    differ = {image.linked_into is not None for image in inside if image.differences}
    notes = (_NOTE if False in differ else "", _NOTE_LINKED if True in differ else "")
    return " ".join(filter(None, (*notes, looked_up)))


def inside_lines(inside: Sequence[Inside], vulnerabilities: Sequence[Vulnerability]) -> Iterator[str]:
    """Yield the lines of the first screen: for each image what it gains, what it loses, then its modules."""
    for image in inside:
        for gained, word in ((True, "**gains**"), (False, "loses")):
            changed = [
                vulnerability
                for vulnerability in vulnerabilities
                if vulnerability.image == image.image and vulnerability.gained is gained
            ]
            if changed:
                vulnerabilities_ = few(
                    [_vulnerability(image, vulnerability) for vulnerability in changed], "; "
                )
                yield f"- {one_line(f'{image.image} {word} known vulnerabilities: {vulnerabilities_}')}"
        yield f"- {one_line(f'{image.image}: {_modules(image)}')}"


def _modules(image: Inside) -> str:
    if image.unknown:
        return f"Go modules {image.unknown}"
    modules = [f"{difference.text} ({image.linked(difference)})" for difference in image.differences]
    inexact = f"{few(image.inexact)}: version unknown, as {INEXACT}" if image.inexact else ""
    return "; ".join(filter(None, (few(modules, "; ") or _same(image), image.of_go, inexact)))


def _same(image: Inside) -> str:
    if image.linked_into is not None:
        return SAME_LINKED
    return f"{SAME}, but another go.sum" if image.has_other_sums else SAME


def _vulnerability(inside: Inside, vulnerability: Vulnerability) -> str:
    finding = vulnerability.finding
    facts = [
        inside.linked(vulnerability.difference),
        *([f"fixed in {finding.fixed}"] if vulnerability.gained and finding.fixed else []),
    ]
    return f"{finding.identity} in {finding.module} {finding.version} ({', '.join(facts)}): {finding.summary}"


def module_rows(inside: Sequence[Inside]) -> Iterator[Sequence[str]]:
    """Yield the rows under MODULE_HEADS."""
    for image in inside:
        for difference in image.differences:
            yield (
                image.image,
                difference.module,
                difference.before or "none",
                difference.after or "none",
                image.programs_of(difference),
            )


def vulnerability_rows(vulnerabilities: Sequence[Vulnerability]) -> Iterator[Sequence[str]]:
    """Yield the rows under VULNERABILITY_HEADS."""
    for vulnerability in vulnerabilities:
        change, finding = "gained" if vulnerability.gained else "gone", vulnerability.finding
        module = f"{finding.module} {finding.version}"
        yield vulnerability.image, change, finding.identity, module, finding.fixed or "none", finding.summary
