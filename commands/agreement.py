"""Confirmation before something is changed or removed."""

import sys

import click


def proceeds(*, yes: bool) -> bool:
    """Ask whether to proceed, unless `yes`. If the answer is no, print that nothing was changed."""
    if yes or has_agreed("Proceed?", "There is no terminal to ask: `--yes` proceeds.", err=True):
        return True
    click.echo("Nothing was changed.", err=True)
    return False


def has_agreed(question: str, otherwise: str, *, err: bool = False) -> bool:
    """Ask for confirmation. Without a terminal, print `otherwise` and assume the answer no.

    With `err`, `otherwise` is printed on standard error.
    """
    if sys.stdin.isatty():
        return click.confirm(question)
    click.echo(otherwise, err=err)
    return False
