"""A preview's changes as a page of Markdown: what a pull request's comment shows."""

from collections.abc import Iterable, Iterator, Sequence

from display.markdown import table
from review.changes import Changes, Presence
from review.portable import without_places

ICONS = {"create": "new", "update": "changed in place", "replace": "replaced", "delete": "removed"}
WORDS = {
    Presence.ABSENT: ("new", "new, then never changes", "new"),
    Presence.UNASKED: (
        "new to the stack; its registry was not asked",
        "new to the stack, then never changes; its registry was not asked",
        "new to the stack",
    ),
    Presence.STATE: ("moves", "moves, then never changes", "moved"),
    Presence.THERE: (
        "exists, moves where its content differs",
        "exists, and stays; refused where its content would differ",
        "that the state does not know in their registry",
    ),
    Presence.UNKNOWN: (
        "not known: its registry could not be asked",
        "not known: its registry could not be asked; refused where it exists with other content",
        "not known",
    ),
}
"""Presence → words for a moving tag, for an exact one, and for a count of them."""
INCOMPLETE = (
    "Not known: what becomes of the protection, order, providers and hooks of unchanged resources. The "
    "preview leaves them out: make it with `--show-sames`."
)


def page(changes: Changes, stack: str, backups: Iterable[Sequence[str]] = ()) -> str:
    """The whole page, without paths of one machine; the first line says it all.

    `backups` are (node, word on its newest backup).
    """
    parts = [f"## Stack {stack}: {summary(changes)}"]
    if changes.faults:
        faults = "\n\n".join(changes.faults)
        parts.append(f"**`pulumi up` would stop with this, and change nothing:**\n\n```\n{faults}\n```")
    if changes.options.losses:
        losses = (f"- {loss.text}" for loss in changes.options.losses)
        parts.append("\n".join(["**Look twice: what is kept could be lost.**", "", *losses]))
    if changes.warnings:
        lines = (f"- {' '.join(warning.split())}" for warning in changes.warnings)
        parts.append("\n".join(["### Warnings", "", *lines]))
    parts += [
        _section("Volumes", ("volume", "what happens"), _volumes(changes)),
        _section("Rebuilt", ("image", "variants", "why"), _rebuilds(changes)),
        _section("Published", ("tag", "what happens", "variants"), _publications(changes)),
        _section("Nodes and what belongs to them", ("container", "what happens", "why"), _restarts(changes)),
        _section("Options", ("resource", "what changes"), changes.options.changes),
    ]
    if not changes.options.complete:
        parts.append(INCOMPLETE)
    if new := [f"`{step.name}`" for step in changes.volumes if step.op == "create"]:
        parts.append(f"New volumes, empty where the host has none of that name: {', '.join(new)}.")
    replaced = any(one.op == "replace" and one.has_wallet for one in changes.restarts)
    if replaced and not changes.volumes and not changes.options.losses:
        parts.append("No volume is touched; a node's wallet is copied before its container is replaced.")
    if changes.withdrawn:
        names = ", ".join(f"`{reference}`" for reference in changes.withdrawn)
        parts.append(f"No longer in the stack, kept in the registry: {names}.")
    if changes.others:
        counts = ", ".join(f"{count} {ICONS.get(op, op)}" for op, count in sorted(changes.others.items()))
        parts.append(f"Other resources (proofs, networks, providers …): {counts}.")
    parts.append(_section("Backups of wallets", ("node", "newest known to this machine"), backups))
    return without_places("\n\n".join(part for part in parts if part)) + "\n"


def summary(changes: Changes) -> str:
    """One line: what could be lost, then counts of what is rebuilt, published and restarted."""
    if changes.faults:
        return "refused"
    counts = (
        (sum(len(one.arches) for one in changes.rebuilds), "variant", "rebuilt"),
        *((count, "tag", word) for word, count in _counted(changes).items()),
        (sum(one.op == "replace" for one in changes.restarts), "container", "replaced"),
        (sum(one.op == "create" for one in changes.restarts), "container", "new"),
        (sum(one.op == "delete" for one in changes.restarts), "container", "removed"),
    )
    said = _risks(changes)
    said += [f"{n} {noun}{'' if n == 1 else 's'} {what}" for n, noun, what in counts if n]
    rest = (changes.others, changes.volumes, changes.withdrawn, changes.restarts, changes.options.changes)
    nothing = not said and not any(rest)
    return ", ".join(said) or ("nothing changes" if nothing else "nothing rebuilt, published or restarted")


def _counted(changes: Changes) -> dict[str, int]:
    """{what becomes of tags: how many}, in the order of WORDS."""
    found = [WORDS[one.presence][2] for one in changes.publications]
    return {word: found.count(word) for _, _, word in WORDS.values()}


def _risks(changes: Changes) -> list[str]:
    if any(loss.wallet for loss in changes.options.losses):
        return ["WALLET AT RISK"]
    return ["DATA AT RISK"] if changes.options.losses else []


def _volumes(changes: Changes) -> Iterator[Sequence[str]]:
    """Volumes that are touched and not lost; new ones have a line of their own."""
    for step in changes.volumes:
        name = f"`{(step.old or step.new).get('name') or step.name}`"
        if step.op == "update":
            yield (name, ICONS["update"])
        if step.op == "delete" and step.retained:
            yield (name, "leaves the stack, and stays on its host")


def _section(title: str, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    body = list(rows)
    if not body:
        return ""
    return "\n".join([f"### {title}", "", *table(heads, body)])


def _rebuilds(changes: Changes) -> Iterator[Sequence[str]]:
    for one in changes.rebuilds:
        yield (one.image, ", ".join(one.arches), "; ".join(one.why))


def _publications(changes: Changes) -> Iterator[Sequence[str]]:
    for one in changes.publications:
        moving, exact, _ = WORDS[one.presence]
        yield (f"`{one.reference}`", exact if one.immutable else moving, ", ".join(one.variants))


def _restarts(changes: Changes) -> Iterator[Sequence[str]]:
    for one in changes.restarts:
        yield (one.container, ICONS.get(one.op, one.op), "; ".join(one.why))
