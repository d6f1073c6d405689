"""A graph in Mermaid, which forges render; if it is too large, one box counts the rest."""

from review.graph import Graph

BOXES = 50
"""Maximum number of boxes in a graph, including the one for the rest."""
_LABEL = 60
_QUOTED = str.maketrans('"`\n<>#&%$\\', "'' ‹›＃＆％＄＼")
"""Signs of quotes, HTML, entities, directives, formulas, line breaks → signs that mean nothing to Mermaid."""


def mermaid(graph: Graph) -> list[str]:
    """Lines of boxes and edges; empty if a graph would show no more than a list."""
    if not graph.edges:
        return []
    shown = len(graph.boxes) if len(graph.boxes) <= BOXES else BOXES - 1
    lines = [f'  b{number}["{_label(label)}"]' for number, label in enumerate(graph.boxes[:shown])]
    edges = dict.fromkeys((cause, min(effect, shown)) for cause, effect in graph.edges if cause < shown)
    if shown < len(graph.boxes):
        lines.append(f'  b{shown}["and {len(graph.boxes) - shown} more"]')
    return lines + [f"  b{cause} --> b{effect}" for cause, effect in edges]


def _label(text: str) -> str:
    plain = text.translate(_QUOTED)
    return plain if len(plain) <= _LABEL else f"{plain[: _LABEL - 1]}…"
