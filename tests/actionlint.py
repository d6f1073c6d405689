"""Run actionlint on the given workflows; like the tools of `make up`, it is built from a pinned Go module."""

import subprocess
import sys
from dataclasses import replace

from local.machine.layout import read_layout
from local.machine.tools import Tool, ensure_tool, find_go

ACTIONLINT = Tool(folder="tests/tools/actionlint", package="github.com/rhysd/actionlint/cmd/actionlint")


def main() -> None:
    """Run actionlint and exit with its code. Logs go into the cache, because a lint creates no set-up."""
    layout = read_layout()
    layout = replace(layout, state=layout.cache / "lint")
    program = ensure_tool(layout, find_go(layout), ACTIONLINT)
    sys.exit(subprocess.run([program, *sys.argv[1:]], check=False).returncode)


if __name__ == "__main__":
    main()
