"""The question before something is changed or removed."""

import sys

import click


def has_agreed(question: str, otherwise: str, *, err: bool = False) -> bool:
    """Ask a person; where nobody is at a terminal say `otherwise`, and take it for a no.

    `err` says it on standard error.
    """
    if sys.stdin.isatty():
        return click.confirm(question)
    click.echo(otherwise, err=err)
    return False
