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
    differ = {one.linked_into is not None for one in inside if one.differences}
    notes = (_NOTE if False in differ else "", _NOTE_LINKED if True in differ else "")
    return " ".join(filter(None, (*notes, looked_up)))


def inside_lines(inside: Sequence[Inside], vulnerabilities: Sequence[Vulnerability]) -> Iterator[str]:
    """Yield the lines of the first screen: for each image what it gains, what it loses, then its modules."""
    for one in inside:
        for gained, word in ((True, "**gains**"), (False, "loses")):
            its = [each for each in vulnerabilities if each.image == one.image and each.gained is gained]
            if its:
                said = few([_vulnerability(one, each) for each in its], "; ")
                yield f"- {one_line(f'{one.image} {word} known vulnerabilities: {said}')}"
        yield f"- {one_line(f'{one.image}: {_modules(one)}')}"


def _modules(one: Inside) -> str:
    if one.unknown:
        return f"Go modules {one.unknown}"
    said = [f"{difference.text} ({one.linked(difference)})" for difference in one.differences]
    inexact = f"{few(one.inexact)}: version unknown, as {INEXACT}" if one.inexact else ""
    return "; ".join(filter(None, (few(said, "; ") or _same(one), one.of_go, inexact)))


def _same(one: Inside) -> str:
    if one.linked_into is not None:
        return SAME_LINKED
    return f"{SAME}, but another go.sum" if one.has_other_sums else SAME


def _vulnerability(inside: Inside, one: Vulnerability) -> str:
    found = one.finding
    facts = [
        inside.linked(one.difference),
        *([f"fixed in {found.fixed}"] if one.gained and found.fixed else []),
    ]
    return f"{found.identity} in {found.module} {found.version} ({', '.join(facts)}): {found.summary}"


def module_rows(inside: Sequence[Inside]) -> Iterator[Sequence[str]]:
    """Yield the rows under MODULE_HEADS."""
    for one in inside:
        for each in one.differences:
            yield one.image, each.module, each.before or "none", each.after or "none", one.programs_of(each)


def vulnerability_rows(vulnerabilities: Sequence[Vulnerability]) -> Iterator[Sequence[str]]:
    """Yield the rows under VULNERABILITY_HEADS."""
    for one in vulnerabilities:
        what, found = "gained" if one.gained else "gone", one.finding
        module = f"{found.module} {found.version}"
        yield one.image, what, found.identity, module, found.fixed or "none", found.summary
