"""The error of this package."""

from display.errors import UserError


class WalletError(UserError):
    """A backup or restore was refused or failed; the message says what was found and what to do."""
