"""`pulumi preview --json -s STACK | python -m review STACK`: the preview as a page for a pull request."""

import argparse
import json
import sys

from review.changes import PreviewError, read_changes
from review.markdown import page


def main() -> int:
    """Read a preview, print the page. Exit code 1: no preview was given, or it was refused."""
    parser = argparse.ArgumentParser(prog="python -m review", description=__doc__)
    parser.add_argument("stack", help="name for the page's title")
    given = parser.parse_args()
    try:
        changes = read_changes(json.load(sys.stdin))
    except (PreviewError, ValueError, KeyError, TypeError) as error:
        print(f"no preview: {error}; give it what `pulumi preview --json` prints", file=sys.stderr)
        return 1
    print(page(changes, given.stack), end="")
    return 1 if changes.faults else 0


if __name__ == "__main__":
    sys.exit(main())
