"""The base of all errors that are written for a person."""


class UserError(Exception):
    """A request was refused or failed; the message says what was found and what to do.

    A command prints the message alone. Any other exception is a fault of the program.
    """
