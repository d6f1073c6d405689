"""The collapsed details of a page: changes as tables, and a graph, within the remaining space."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from display.markdown import fence, plain, table
from display.units import count_of, duration
from review.changes import Changes
from review.first_screen import Part
from review.inside_words import MODULE_HEADS, VULNERABILITY_HEADS, module_rows, vulnerability_rows
from review.mermaid import mermaid
from review.steps import done
from review.tag_words import architectures, change_of
from review.text_budget import fit_lines, length, shares
from review.values import short_digest


@dataclass(frozen=True, kw_only=True, slots=True)
class Fold:
    """One collapsed section: lines that may be cut, between lines that may not."""

    title: str
    head: Sequence[str]
    lines: Sequence[str]
    tail: Sequence[str] = ()

    def render(self, lines: Sequence[str], note: Sequence[str] = ()) -> list[str]:
        """Render the section with these lines, and a note at its end; forges require the empty lines."""
        opened = [f"<details><summary>{self.title}</summary>", ""]
        return [*opened, *self.head, *lines, *self.tail, "", *note, "</details>", ""]


def details(
    changes: Changes, cut: Iterable[Part], backups: Iterable[Sequence[str]], limit: int, rest: str
) -> str:
    """Render all sections in `limit` characters; a cut section counts the missing lines, then adds `rest`."""
    folds = [*map(_complete_list, cut), *(fold for fold in _folds(changes, backups) if fold.lines)]
    frame = sum(length(fold.render((), (_left_out(len(fold.lines), rest), ""))) for fold in folds)
    budgets = shares([length(fold.lines) for fold in folds], max(0, limit - frame))
    return "\n".join(
        line for fold, budget in zip(folds, budgets, strict=True) for line in _cut(fold, budget, rest)
    )


def _cut(fold: Fold, budget: int, rest: str) -> list[str]:
    """Cut a section's lines to `budget` characters. The note after them is not included in `budget`."""
    if length(fold.lines) <= budget:
        return fold.render(fold.lines)
    note_of = partial(_left_out, rest=rest)
    *lines, note = fit_lines(fold.lines, budget + length([note_of(len(fold.lines))]), note_of)
    return fold.render(lines, (note, ""))


def _left_out(count: int, rest: str) -> str:
    lines = count_of(count, "more line")
    return f"**Cut here: {lines}. A review has at most 60,000 characters; {rest}.**"


def _complete_list(part: Part) -> Fold:
    """Complete list of a first-screen section that did not fit there."""
    if part.is_output:
        opening, *_, closing = fence(part.lines)
        return Fold(title="Complete error", head=(opening,), lines=part.lines, tail=(closing,))
    return Fold(title=f"{part.title}: all {len(part.lines)}", head=(), lines=part.lines)


def _folds(changes: Changes, backups: Iterable[Sequence[str]]) -> Iterator[Fold]:
    graph = mermaid(changes.graph)
    yield Fold(title="Graph of what changes", head=("```mermaid", "graph LR"), lines=graph, tail=("```",))
    yield _table("Broken rules", ("rule", "resource", "how"), _breaches(changes))
    yield _table("Rebuilt", ("image", "variants", "why"), _rebuilds(changes))
    yield _table("Known vulnerabilities", VULNERABILITY_HEADS, vulnerability_rows(changes.vulnerabilities))
    yield _table("Go modules", MODULE_HEADS, module_rows(changes.inside))
    yield _table("Published", ("tag", "now", "what happens", "variants", "why"), _publications(changes))
    heads = ("container", "host", "what happens", "last replacement", "why")
    yield _table("Nodes and what belongs to them", heads, _restarts(changes))
    yield _table("Options", ("resource", "what changes"), changes.options.changes)
    yield _table("Backups of wallets", ("node", "newest known to this machine"), backups)
    yield _others(changes)


def _others(changes: Changes) -> Fold:
    """Count the other resources; the title has their number, not that of the lines."""
    counts = [(done(op), str(count)) for op, count in sorted(changes.others.items())]
    fold = _table("", ("what happens", "how many"), counts)
    number = sum(changes.others.values())
    return replace(fold, title=f"Other resources (verifications, networks, providers …): {number}")


def _table(title: str, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Fold:
    first, second, *lines = table(heads, ([plain(cell) for cell in row] for row in rows))
    return Fold(title=_counted(title, lines), head=(first, second), lines=lines)


def _counted(title: str, lines: Sequence[str]) -> str:
    return f"{title}: {len(lines)}"


def _breaches(changes: Changes) -> Iterator[Sequence[str]]:
    for broken in changes.broken:
        yield from ((broken.rule.name, name, how) for name, how in broken.breaches)


def _rebuilds(changes: Changes) -> Iterator[Sequence[str]]:
    for rebuild in changes.rebuilds:
        yield rebuild.image, ", ".join(rebuild.arches), "; ".join(rebuild.why)


def _publications(changes: Changes) -> Iterator[Sequence[str]]:
    for tag in changes.publications:
        change = "; ".join([change_of(tag), *architectures(tag)])
        yield (
            f"`{tag.reference}`",
            short_digest(tag.before),
            change,
            ", ".join(tag.variants),
            "; ".join(tag.why),
        )


def _restarts(changes: Changes) -> Iterator[Sequence[str]]:
    for restart in changes.restarts:
        change = done(restart.op) if restart.bound is None else f"{done(restart.op)}, at most {restart.bound}"
        last = "" if restart.last is None else duration(restart.last)
        why = restart.why or map(str, restart.opens)
        yield restart.container, restart.host, change, last, "; ".join(why)
