"""Confirmation before something is changed or removed."""

import sys

import click


def has_agreed(question: str, otherwise: str, *, err: bool = False) -> bool:
    """Ask for confirmation. Without a terminal, print `otherwise` and assume the answer no.

    With `err`, `otherwise` is printed on standard error.
    """
    if sys.stdin.isatty():
        return click.confirm(question)
    click.echo(otherwise, err=err)
    return False
