"""Previews of stacks from their files alone, read as JSON: {base: {stack: text}, heads: {stack: text}}.

This runs in a separate process, so that the caller can limit its access.
"""

import json
import sys

import pulumi

from mocks.previews import Preview
from mocks.stacks import Files, preview_of_files
from settings.reading import SettingsError


def main() -> int:
    """Read standard input, and write a line of JSON for each stack of `heads` as soon as it is known.

    A line is the preview, or {failed: reason}.
    """
    given = json.load(sys.stdin)
    for stack, text in given["heads"].items():
        print(json.dumps(_preview(stack, given["base"], text)), flush=True)
    return 0


def _preview(stack: str, base: Files, text: str) -> Preview:
    try:
        return preview_of_files(stack, base, text)
    except Exception as error:
        return {"failed": _describe(error)}


def _describe(error: Exception) -> str:
    """Sentence about why there is no preview: errors in the base, missing files, or the need of an engine."""
    if isinstance(error, SettingsError | pulumi.RunError):
        return f"The stack's file in the base has errors. {error}"
    is_told = isinstance(error, LookupError) and error.args
    # The text of any other error may contain anything that the program has read.
    return str(error.args[0]) if is_told else f"The program failed without an engine: {type(error).__name__}"


if __name__ == "__main__":
    sys.exit(main())
