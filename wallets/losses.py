"""What one set of wallets has and another lacks."""

from clients.fingerprint import Fingerprint
from clients.fingerprint import lost as lost_of
from wallets.contents import Contents, damaged, wallets_in
from wallets.errors import WalletError
from wallets.fingerprint import fingerprint_of


def lost(before: Contents, now: Contents) -> list[str]:
    """Say what `now` lacks of the whole wallets of `before`; one that grew is whole. Raises WalletError."""
    return lost_of(fingerprint_of_whole(before), fingerprint_of_whole(now))


def fingerprint_of_whole(contents: Contents) -> Fingerprint:
    """Fingerprint of the wallets that are whole: nothing is known of one that is torn. Raises WalletError."""
    torn = damaged(contents)
    try:
        return fingerprint_of({path: file for path, file in contents.items() if path not in torn})
    except (AttributeError, LookupError, TypeError, ValueError):
        names = ", ".join(wallets_in(contents))
        raise WalletError(f"{names}: one has no entries as a node writes them") from None
