"""The question before something is changed or removed."""

import sys

import click


def has_agreed(question: str, otherwise: str, *, err: bool = False) -> bool:
    """Ask a person. Without a terminal, print `otherwise` and take that for a no.

    With `err`, print on standard error.
    """
    if sys.stdin.isatty():
        return click.confirm(question)
    click.echo(otherwise, err=err)
    return False
