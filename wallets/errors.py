"""The errors of this package."""

from display.errors import UserError


class WalletError(UserError):
    """A request about a node's wallets was refused or failed; the message says why and what to do."""


class PartialError(WalletError):
    """Only a part of the files could be written: a node must not start before all of them are."""
