"""Preview of a stack by its files alone, from {stack, base: {stack: text}, head: text}, in JSON.

A process of its own, so that whoever starts it decides what it can reach.
"""

import json
import sys

import pulumi

from mocks.stacks import preview_of_files
from settings.reading import SettingsError


def main() -> int:
    """Read standard input, write standard output; 1 and the reason on standard error without a preview."""
    given = json.load(sys.stdin)
    try:
        preview = preview_of_files(given["stack"], given["base"], given["head"])
    except Exception as error:
        print(_said(error), file=sys.stderr)
        return 1
    json.dump(preview, sys.stdout)
    return 0


def _said(error: Exception) -> str:
    """Sentence on why there is no preview: the base is wrong, or the program needs an engine."""
    if isinstance(error, SettingsError | pulumi.RunError):
        return f"The stack's file of the base has errors. {error}"
    is_told = isinstance(error, LookupError) and error.args
    # An error of another kind may hold anything that the program has read.
    return str(error.args[0]) if is_told else f"The program failed without an engine: {type(error).__name__}"


if __name__ == "__main__":
    sys.exit(main())
