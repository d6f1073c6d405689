"""The error of this package."""

from display.errors import UserError


class WalletError(UserError):
    """A backup or restore was refused or failed; the message contains the reason and what to do."""
