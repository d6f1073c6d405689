"""Preview of a stack from its files alone, which are read as JSON: {stack, base: {stack: text}, head: text}.

This runs in a process of its own, so that the caller can limit its access.
"""

import json
import sys

import pulumi

from mocks.stacks import preview_of_files
from settings.reading import SettingsError


def main() -> int:
    """Read standard input, and write the preview to standard output.

    Returns 0, or 1 with the reason on standard error if there is no preview.
    """
    given = json.load(sys.stdin)
    try:
        preview = preview_of_files(given["stack"], given["base"], given["head"])
    except Exception as error:
        print(_said(error), file=sys.stderr)
        return 1
    json.dump(preview, sys.stdout)
    return 0


def _said(error: Exception) -> str:
    """Sentence that says why there is no preview: the base has errors, or the program needs an engine."""
    if isinstance(error, SettingsError | pulumi.RunError):
        return f"The stack's file of the base has errors. {error}"
    is_told = isinstance(error, LookupError) and error.args
    # The text of any other error may contain anything that the program has read.
    return str(error.args[0]) if is_told else f"The program failed without an engine: {type(error).__name__}"


if __name__ == "__main__":
    sys.exit(main())
