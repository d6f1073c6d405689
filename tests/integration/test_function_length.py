"""CONTRIBUTING.md, “Code”: no function of the program is too long to be read at once."""

import ast
import subprocess
from collections.abc import Iterator

from catalogue.images import PROJECT

LONGEST = 40
"""Lines of a function's body, without its docstring."""


def functions() -> Iterator[tuple[str, list[ast.stmt]]]:
    """Yield place and body of each function; the docstring is not part of the body."""
    listed = ["git", "ls-files", "*.py", ":!tests"]
    files = subprocess.run(listed, cwd=PROJECT, check=True, capture_output=True, text=True).stdout
    for file in files.splitlines():
        for function in ast.walk(ast.parse((PROJECT / file).read_text())):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                body = function.body[1:] if ast.get_docstring(function) else function.body
                yield f"{file}:{function.lineno} {function.name}", body


def test_a_function_has_at_most_40_lines_unless_it_is_one_call() -> None:
    lengths = {
        place: (body[-1].end_lineno or 0) - body[0].lineno + 1 for place, body in functions() if len(body) > 1
    }
    assert len(lengths) > 1000
    assert {place: lines for place, lines in lengths.items() if lines > LONGEST} == {}
