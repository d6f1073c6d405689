"""The base class of all errors with a message for users."""


class UserError(Exception):
    """Raised if a request was refused or failed; the message gives the reason and the remedy.

    A command prints only the message. Any other exception is a bug in the program.
    """
