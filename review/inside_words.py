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
    differ = {contents.linked_into is not None for contents in inside if contents.differences}
    notes = (_NOTE if False in differ else "", _NOTE_LINKED if True in differ else "")
    return " ".join(filter(None, (*notes, looked_up)))


def inside_lines(inside: Sequence[Inside], vulnerabilities: Sequence[Vulnerability]) -> Iterator[str]:
    """Yield lines of the first screen: for each image, what it gains and loses, its modules and its sizes."""
    for contents in inside:
        for gained, word in ((True, "**gains**"), (False, "loses")):
            changed = [
                vulnerability
                for vulnerability in vulnerabilities
                if vulnerability.image == contents.image and vulnerability.gained is gained
            ]
            if changed:
                described = few([_vulnerability(contents, vulnerability) for vulnerability in changed], "; ")
                yield f"- {one_line(f'{contents.image} {word} known vulnerabilities: {described}')}"
        yield f"- {one_line(f'{contents.image}: {_modules(contents)}')}"
        if sizes := few(contents.sizes, "; "):
            yield f"- {one_line(f'{contents.image}: {sizes}')}"


def _modules(contents: Inside) -> str:
    if contents.unknown:
        return f"Go modules {contents.unknown}"
    modules = [f"{difference.text} ({contents.linked(difference)})" for difference in contents.differences]
    inexact = f"{few(contents.inexact)}: version unknown, as {INEXACT}" if contents.inexact else ""
    return "; ".join(filter(None, (few(modules, "; ") or _same(contents), contents.of_go, inexact)))


def _same(contents: Inside) -> str:
    if contents.linked_into is not None:
        return SAME_LINKED
    return f"{SAME}, but another go.sum" if contents.has_other_sums else SAME


def _vulnerability(inside: Inside, vulnerability: Vulnerability) -> str:
    finding = vulnerability.finding
    facts = [
        inside.linked(vulnerability.difference),
        *([f"fixed in {finding.fixed}"] if vulnerability.gained and finding.fixed else []),
    ]
    return f"{finding.identity} in {finding.module} {finding.version} ({', '.join(facts)}): {finding.summary}"


def module_rows(inside: Sequence[Inside]) -> Iterator[Sequence[str]]:
    """Yield the rows under MODULE_HEADS."""
    for contents in inside:
        for difference in contents.differences:
            yield (
                contents.image,
                difference.module,
                difference.before or "none",
                difference.after or "none",
                contents.programs_of(difference),
            )


def vulnerability_rows(vulnerabilities: Sequence[Vulnerability]) -> Iterator[Sequence[str]]:
    """Yield the rows under VULNERABILITY_HEADS."""
    for vulnerability in vulnerabilities:
        change, finding = "gained" if vulnerability.gained else "gone", vulnerability.finding
        module = f"{finding.module} {finding.version}"
        yield vulnerability.image, change, finding.identity, module, finding.fixed or "none", finding.summary
