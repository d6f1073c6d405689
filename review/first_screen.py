"""The first screen of a page: possible losses, containers that stop and for how long, and tags that move.

It has at most LIMIT characters, and the limit of the whole page never cuts it. A list that is too long here
is shortened with a note, and is complete in the details.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from display.markdown import fence, few, one_line, wrapped
from display.units import duration
from review.causes import GONE_CONTAINER
from review.changes import Changes
from review.inside_words import inside_lines, inside_note
from review.options import ENGINE, SHOWN, UNHOOKED, WAY
from review.restarts import Restart
from review.risk import risk_of
from review.summary import summary
from review.tag_words import architectures, change_of
from review.text_budget import fit_lines, length, shares
from review.values import short_digest

LIMIT = 4000
_LINE = 600
"""Maximum number of characters in a line; a longer one is complete in the details."""
_NAMES = 200
"""Number of characters that the names in a line may have, however long the rest of the line is."""
WHY = ". Why: "
INCOMPLETE = (
    "Not checked: the protection, order, providers and hooks of unchanged resources, which this preview "
    "omits. Run it with `--show-sames`."
)
NOTHING_LOST = "Nothing: no wallet, volume or published tag is lost, and none loses its protection."
NOT_CHECKED = "could not be checked: it raised an error at"
REFUSED_NOTE = "Below are the changes `up` would make without this error, as far as the preview got."
REFUSED_FIRST = "The preview stopped at this error before it reached any change."
PULLS = "A host pulls the new image, and a node's wallet is copied, while the old container runs."
STAYS = "A node's wallet is copied while the old container runs."
FAILS = "If the new container fails, the old one is started again."


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """One section of the first screen."""

    title: str
    lines: Sequence[str]
    note: str = ""
    """Sentences after the lines."""
    is_output: bool = False
    """True for the output of a program, shown unchanged."""

    def render(self, lines: Sequence[str]) -> list[str]:
        """Render the section with only these of its lines.

        Markdown needs an empty line before and after a list.
        """
        body = fence(lines) if self.is_output else lines
        blocks = [[f"### {self.title}"], body, [self.note] if self.note else []]
        return [line for block in blocks if block for line in (*block, "")]


@dataclass(frozen=True, kw_only=True, slots=True)
class FirstScreen:
    """Text of the first screen, and the sections whose lines did not all fit."""

    text: str
    cut: tuple[Part, ...] = field(default=())


def first_screen(changes: Changes, stack: str, backups: Iterable[Sequence[str]] = ()) -> FirstScreen:
    """Compose the first screen.

    `backups` are (node, description of its newest backup); the description of a problem is bold.
    """
    head = [f"## Stack {stack}: {risk_of(changes).line}", "", *_counts(changes)]
    parts = [part for part in _parts(changes, backups) if part.lines or part.note]
    frame = length(head) + sum(length(part.render([""])) for part in parts)
    needs = [length(part.lines) for part in parts]
    lines, cut = head, []
    for part, budget in zip(parts, shares(needs, LIMIT - frame), strict=True):
        shown = fit_lines([*map(_shortened, part.lines)], budget, _left_out)
        lines += part.render(shown)
        if shown != [*part.lines]:
            cut.append(part)
    return FirstScreen(text="\n".join(lines).strip() + "\n", cut=tuple(cut))


def _shortened(line: str) -> str:
    """Cut a line that is too long: its names rather than its reasons."""
    names, why, reasons = line.partition(WHY)
    return _cut(_cut(names, max(_NAMES, _LINE - len(why + reasons))) + why + reasons, _LINE)


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else f"{text[: room - 1]}…"


def _named(names: Sequence[str]) -> str:
    """Name a few containers, or one of them, so that the rest of the line has space."""
    if len(names) == 1 or len(few(names)) <= _NAMES:
        return _cut(few(names), _NAMES)
    return f"{_cut(names[0], _NAMES)} and {len(names) - 1} more"


def _left_out(count: int) -> str:
    return f"- … and {count} more, in the details below"


def _counts(changes: Changes) -> list[str]:
    if changes.faults:
        return []
    counts = summary(changes)
    return [f"{counts[0].upper()}{counts[1:]}.", ""]


def _parts(changes: Changes, backups: Iterable[Sequence[str]]) -> Iterator[Part]:
    yield Part(
        title="`pulumi up` would stop with this, and change nothing",
        lines=[part for fault in changes.faults for line in fault.splitlines() for part in wrapped(line)],
        note=_refused_note(changes),
        is_output=True,
    )
    yield Part(
        title="What can't be judged here",
        lines=[f"- {one_line(difference)}" for difference in changes.unjudged],
    )
    yield Part(title="What can be lost", lines=[*_lost(changes)], note=_lost_note(changes))
    yield Part(title="Broken rules", lines=[*_broken(changes)])
    yield Part(title="What is opened", lines=[*_opened(changes.restarts)])
    stops = [*_stops([restart for restart in changes.restarts if restart.stops])]
    yield Part(title="What stops, and for how long", lines=stops, note=_replaced_note(changes))
    yield Part(title="What is built, and why", lines=[*_built(changes)])
    yield Part(
        title="Inside images",
        lines=[*inside_lines(changes.inside, changes.vulnerabilities)],
        note=inside_note(changes.inside, changes.looked_up),
    )
    yield Part(title="Published tags", lines=[*_tags(changes)])
    yield Part(title="Volumes", lines=[*_volumes(changes)])
    yield Part(title="Warnings", lines=[*_warnings(changes, backups)])


def _refused_note(changes: Changes) -> str:
    if not changes.faults:
        return ""
    return REFUSED_FIRST if summary(changes) == "nothing changes" else REFUSED_NOTE


def _broken(changes: Changes) -> Iterator[str]:
    """Combine resources that break a rule in the same way."""
    for broken in changes.broken:
        together: dict[str, list[str]] = {}
        for name, how in broken.breaches:
            together.setdefault(how, []).append(name)
        breaches = "; ".join(
            f"{few(names)}{': each' * (len(names) > 1)} {how}" for how, names in together.items()
        )
        if breaches:
            yield f"- **{broken.rule.name}**: {one_line(breaches)}. {broken.rule.reason} {broken.rule.remedy}"
        if broken.error:
            yield f"- **{broken.rule.name}**: {one_line(f'{NOT_CHECKED} {broken.error}')}"


def _lost(changes: Changes) -> Iterator[str]:
    for loss in changes.options.losses:
        yield f"- {loss.text}"
    together: dict[tuple[str, str], list[str]] = {}
    for tag in changes.publications:
        if tag.lost:
            together.setdefault((tag.repository, ", ".join(tag.lost)), []).append(f"`{tag.tag}`")
    for (repository, arches), tags in together.items():
        yield (
            f"- In `{repository}`, {arches} would be gone from {few(tags)}: "
            "machines of that architecture can't pull them any more. The old digests stay."
        )


def _lost_note(changes: Changes) -> str:
    if not changes.options.complete:
        return INCOMPLETE
    lost = changes.options.losses or any(tag.lost for tag in changes.publications)
    silent = lost or changes.faults or changes.unjudged or summary(changes) == "nothing changes"
    return "" if silent else NOTHING_LOST


def _opened(restarts: Iterable[Restart]) -> Iterator[str]:
    """Say what others could do from now on, in few lines that are never cut at their end."""
    together: dict[tuple[str, str], dict[str, list[str]]] = {}
    for restart in restarts:
        word = "new " if restart.op == "create" and GONE_CONTAINER not in restart.why else ""
        for opened in restart.opens:
            hows = together.setdefault((word, opened.what), {})
            hows.setdefault(opened.how, []).append(restart.description)
    for (word, what), hows in together.items():
        names = _named([name for names in hows.values() for name in names])
        start, end = f"- {word}{names}: ", f" (**{what}**)"
        yield f"{start}{_cut(one_line(few([*hows], '; ')), _LINE - len(start + end))}{end}"


def _gone(restarts: Iterable[Restart]) -> Iterator[str]:
    together: dict[tuple[str, ...], list[str]] = {}
    for restart in restarts:
        if GONE_CONTAINER in restart.why:
            together.setdefault(restart.why[1:], []).append(restart.description)
    for differences, names in together.items():
        other = one_line(f", with other settings: {'; '.join(differences)}") if differences else ""
        yield f"- {_named(names)}: {GONE_CONTAINER}, and would be created again{other}"


def _stops(restarts: Sequence[Restart]) -> Iterator[str]:
    """Combine containers with the same change into one line."""
    together: dict[tuple[str, str], list[str]] = {}
    for restart in restarts:
        container = (
            f"{restart.description} ({_last(restart)})"
            if restart.is_node and restart.op == "replace"
            else restart.description
        )
        together.setdefault((_how_long(restart), "; ".join(restart.why)), []).append(container)
    for (until, why), names in together.items():
        yield f"- {until}: {few(names)}{one_line(f'{WHY}{why}') if why else ''}"


def _replaced_note(changes: Changes) -> str:
    replaced = [restart for restart in changes.restarts if restart.op == "replace" and restart.is_node]
    return f"{PULLS if any(restart.pulls for restart in replaced) else STAYS} {FAILS}" if replaced else ""


def _how_long(restart: Restart) -> str:
    if restart.op == "delete":
        return "For good"
    return "For an unknown time" if restart.bound is None else f"At most {restart.bound}"


def _last(restart: Restart) -> str:
    return f"last replacement: {'unknown' if restart.last is None else duration(restart.last)}"


def _built(changes: Changes) -> Iterator[str]:
    for rebuild in changes.rebuilds:
        yield f"- {rebuild.image} for {', '.join(rebuild.arches)}: {one_line('; '.join(rebuild.why))}"


def _tags(changes: Changes) -> Iterator[str]:
    together: dict[tuple[str, str], list[str]] = {}
    for tag in changes.publications:
        why = f". Why: {one_line('; '.join(tag.why))}" if tag.why else ""
        change = "; ".join([change_of(tag), *architectures(tag)]) + why
        today = f" (now `{short_digest(tag.before)}`)" if tag.before else ""
        together.setdefault((tag.repository, change), []).append(f"`{tag.tag}`{today}")
    for (repository, change), tags in together.items():
        yield f"- `{repository}`: {few(tags)}: {change}"
    if changes.withdrawn:
        names = few([f"`{reference}`" for reference in changes.withdrawn])
        yield f"- No longer in the stack, kept in the registry: {names}"


def _volumes(changes: Changes) -> Iterator[str]:
    for volume in changes.volumes:
        if volume.op == "delete":
            copies = f", and its copies in `{volume.copies}`," if volume.is_wallet else ""
            yield f"- Kept: {volume.description}{copies} leaves the stack, and stays on its host"
        elif volume.op == "create":
            yield f"- New: {volume.description}, empty unless the host has a volume of that name"
        else:
            yield f"- Changed in place: {volume.description}"


def _warnings(changes: Changes, backups: Iterable[Sequence[str]]) -> Iterator[str]:
    yield from _gone(changes.restarts)
    for name, change in changes.options.changes:
        if change.startswith((ENGINE, WAY)):
            yield f"- host {name}: {one_line(change)}"
        elif change.startswith(SHOWN):
            yield f"- {name} {one_line(change)}: states, logs and pages may show it"
        elif change.startswith(UNHOOKED):
            yield f"- {name} {one_line(change)}: whatever it checks or does is left out from now on"
    for warning in changes.warnings:
        yield f"- {one_line(warning)}"
    for node, word in backups:
        if word.startswith("**"):
            yield f"- newest backup of {node}: {word}"
