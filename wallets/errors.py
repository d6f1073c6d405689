"""The error of this package."""

from display.errors import UserError


class WalletError(UserError):
    """A request about a node's wallets was refused or failed; the message says why and what to do."""
