"""`skyinfra fleet`: all hosts of a stack at once."""

import click


@click.group()
def fleet() -> None:
    """Check the hosts of a stack, see what runs on them."""
