"""The question before something is removed."""

import sys

import click


def has_agreed(question: str, otherwise: str) -> bool:
    """Ask a person; where nobody is at a terminal say `otherwise`, and take it for a no."""
    if sys.stdin.isatty():
        return click.confirm(question)
    click.echo(otherwise)
    return False
