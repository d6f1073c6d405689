"""The graphs of review pages, as mermaid reads and draws them in a real browser."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from local.machine.layout import PROJECT
from review.graph import Graph
from review.mermaid import BOXES, mermaid
from tests.e2e.browser import Page, browser
from tests.e2e.layouts import layout_in
from tests.e2e.tools import mermaid_script

FENCED = re.compile(r"^```mermaid\n(.*?)^```$", re.MULTILINE | re.DOTALL)
GRAPHS = {
    file.stem: graph
    for file in sorted((PROJECT / "docs" / "examples").glob("*.md"))
    for graph in FENCED.findall(file.read_text())
}
"""Page of docs/examples → its graph; no page has two."""
COUNT = 9
BROKEN = {
    "an open bracket": 'graph LR\n  b0["image"\n  b1["tag"]\n  b0 --> b1\n',
    "an arrow to nothing": 'graph LR\n  b0["image"]\n  b0 -->\n',
    "a quote in a label": 'graph LR\n  b0["an "image" again"]\n',
}
HOSTILE = (
    'a "quoted" name',
    "<img src=x onerror=alert(1)>",
    "#quot;] --> b1",
    "`code` %%{init: {}}%%",
    "end",
    "two\nlines; click b0 call alert()",
    "1. one",
    "- two",
    "**three** _four_ $$x$$",
    "&lt;b&gt; &amp;",
    r"C:\new\table",
)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """An empty page with mermaid."""
    folder = tmp_path_factory.mktemp("graphs")
    layout = layout_in(folder, 15446)
    script = mermaid_script(layout)
    with browser(layout, folder / "profile") as opened:
        opened.value(script.read_text())
        opened.value("mermaid.initialize({startOnLoad: false})")
        yield opened


def promised(page: Page, script: str) -> Any:
    """Value of a promise in the page."""
    done = page.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
    assert "exceptionDetails" not in done, done
    return done["result"].get("value")


def fault(page: Page, graph: str) -> str:
    """Mermaid's message about a graph; empty if it can read it."""
    return str(promised(page, f"mermaid.parse({json.dumps(graph)}).then(() => '', fault => `${{fault}}`)"))


def drawn(page: Page, graph: str) -> tuple[list[str], int]:
    """Texts of the boxes in the picture of a graph, in their order, and the number of its arrows."""
    script = f"""mermaid.render("drawn", {json.dumps(graph)}).then(({{svg}}) => {{
        document.body.innerHTML = svg
        const boxes = [...document.querySelectorAll("svg#drawn g.node")]
        const number = box => Number(box.id.match(/-b(\\d+)-/)[1])
        boxes.sort((one, other) => number(one) - number(other))
        const arrows = document.querySelectorAll("svg#drawn .edgePaths path").length
        return [boxes.map(box => box.textContent.trim()), arrows]
    }})"""
    texts, arrows = promised(page, script)
    return texts, arrows


def boxes_of(graph: str) -> list[str]:
    return re.findall(r'^  b\d+\["(.*)"\]$', graph, re.MULTILINE)


def test_mermaid_reads_the_graph_of_each_example(page: Page) -> None:
    assert len(GRAPHS) == COUNT
    assert {name: said for name, graph in GRAPHS.items() if (said := fault(page, graph))} == {}


@pytest.mark.parametrize("graph", BROKEN.values(), ids=BROKEN)
def test_mermaid_refuses_a_broken_graph(page: Page, graph: str) -> None:
    assert "Parse error on line" in fault(page, graph)


def test_the_picture_has_each_box_and_arrow(page: Page) -> None:
    for graph in GRAPHS.values():
        texts, arrows = drawn(page, graph)
        assert len(texts) >= 2
        assert texts == boxes_of(graph)
        assert arrows == graph.count(" --> ")


def test_a_name_can_neither_break_nor_change_the_picture(page: Page) -> None:
    """Each name is one box with its text, though it has signs of mermaid or of HTML."""
    edges = tuple((number, number + 1) for number in range(len(HOSTILE) - 1))
    graph = "\n".join(["graph LR", *mermaid(Graph(boxes=HOSTILE, edges=edges))])
    texts, arrows = drawn(page, graph)
    assert texts == boxes_of(graph)
    assert (len(texts), arrows) == (len(HOSTILE), len(edges))
    assert page.value("document.querySelectorAll('img, svg#drawn a').length") == 0


def test_the_largest_graph_is_drawn(page: Page) -> None:
    names = tuple(f"skycoin-node-{number} on attic-{number}: replaced" for number in range(200))
    edges = tuple((0, number) for number in range(1, len(names)))
    texts, arrows = drawn(page, "\n".join(["graph LR", *mermaid(Graph(boxes=names, edges=edges))]))
    assert (len(texts), texts[-1], arrows) == (BOXES, f"and {201 - BOXES} more", BOXES - 1)
