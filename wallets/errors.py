"""The one error of this package."""


class WalletError(Exception):
    """A backup or restore was refused or failed; the message says what was found and what to do."""
