"""Counts of the changes of a preview, in one line."""

from collections.abc import Iterator

from display.units import count_of
from review.changes import Changes
from review.steps import done
from review.tag_words import WORDS


def summary(changes: Changes) -> str:
    """Count in one line variants, tags, containers (new, replaced, gone) and resources with other options."""
    counts = [f"{count_of(count, noun)} {what}" for count, noun, what in _counts(changes) if count]
    rest = (changes.others, changes.volumes, changes.withdrawn, changes.restarts)
    if counts:
        return ", ".join(counts)
    nothing = not any(rest) and not changes.options.losses and not changes.unjudged
    return "nothing changes" if nothing else "nothing rebuilt, published or restarted"


def _counts(changes: Changes) -> Iterator[tuple[int, str, str]]:
    yield sum(len(rebuild.arches) for rebuild in changes.rebuilds), "variant", "rebuilt"
    words = [WORDS[tag.presence][2] for tag in changes.publications]
    yield from ((words.count(word), "tag", word) for _, _, word in WORDS.values())
    for op in ("replace", "create", "delete"):
        yield sum(restart.op == op for restart in changes.restarts), "container", done(op)
    yield len({name for name, _ in changes.options.changes}), "resource", "with other options"
