"""Every function that looks like a test is collected; another project lost 44 tests in misnamed files."""

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cases import parsed

TESTS = Path(__file__).resolve().parents[1]
Function = ast.FunctionDef | ast.AsyncFunctionDef


def _lost(file: Path) -> Iterator[str]:
    """Yield the tests of a file that pytest would not run, each with the reason."""
    named = file.name.startswith("test_")
    places: list[tuple[str, ast.AST]] = [("", parsed(file))]
    collected: list[str] = []
    while places:
        where, place = places.pop()
        for node in ast.iter_child_nodes(place):
            if isinstance(node, ast.ClassDef):
                places.append((f"{where}{node.name}.", node))
            elif isinstance(node, Function):
                if node.name.startswith("test_"):
                    collected.append(f"{where}{node.name}")
                inner = [
                    child for child in ast.walk(node) if isinstance(child, Function) and child is not node
                ]
                yield from (
                    f"{child.name}: inside {node.name}" for child in inner if child.name.startswith("test_")
                )
            else:
                places.append((where, node))
    for name, count in Counter(collected).items():
        if not named:
            yield f"{name}: {file.name} does not begin with test_"
        if any(not part.startswith("Test") for part in name.split(".")[:-1]):
            yield f"{name}: its class does not begin with Test"
        if count > 1:
            yield f"{name}: defined {count} times, only the last one runs"


def test_every_test_of_this_tree_is_collected() -> None:
    lost = [
        f"{file.relative_to(TESTS)}: {lost}" for file in sorted(TESTS.rglob("*.py")) for lost in _lost(file)
    ]
    assert not lost, "\n".join(lost)


@pytest.mark.parametrize(
    ("name", "text", "lost"),
    [
        ("test_a.py", "def test_x(): ...", []),
        ("test_a.py", "class TestA:\n    def test_x(self): ...", []),
        ("helper.py", "def check_x(): ...", []),
        ("helper.py", "def test_x(): ...", ["test_x: helper.py does not begin with test_"]),
        ("a_test.py", "async def test_x(): ...", ["test_x: a_test.py does not begin with test_"]),
        (
            "test_a.py",
            "class Cases:\n    def test_x(self): ...",
            ["Cases.test_x: its class does not begin with Test"],
        ),
        ("test_a.py", "def outer():\n    def test_x(): ...", ["test_x: inside outer"]),
        (
            "test_a.py",
            "def test_x(): ...\ndef test_x(): ...",
            ["test_x: defined 2 times, only the last one runs"],
        ),
        ("b.py", "if True:\n    def test_x(): ...", ["test_x: b.py does not begin with test_"]),
    ],
)
def test_a_lost_test_is_found(tmp_path: Path, name: str, text: str, lost: list[str]) -> None:
    (tmp_path / name).write_text(text)
    assert list(_lost(tmp_path / name)) == lost


def test_this_run_collected_this_file(request: pytest.FixtureRequest) -> None:
    """The rule above is about names; this test has pytest's own word that one of them is collected."""
    assert request.node.nodeid.endswith("test_collected.py::test_this_run_collected_this_file")
