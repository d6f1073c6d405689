"""The base class of all errors with a message for users."""


class UserError(Exception):
    """A request was refused or failed; the message says what was found and what to do.

    A command prints only the message. Any other exception is a bug in the program.
    """
