"""Losses between two sets of wallets: everything that the newer one lacks."""

from collections.abc import Iterator
from contextlib import contextmanager

from clients.fingerprint import Fingerprint
from wallets.errors import WalletError
from wallets.files.contents import Contents, damaged, wallets_in
from wallets.files.fingerprint import fingerprint_of, found_in, printable


def lost(before: Contents, now: Contents) -> list[str]:
    """List what `now` lacks of the complete wallets in `before`; growth is not a loss.

    Raises WalletError.
    """
    known = fingerprint_of_whole(before)
    with _readable(now):
        return found_in(_whole(now), known).lost(known)


def lost_of_record(recorded: Fingerprint, now: Contents) -> list[str]:
    """List what `now` lacks of wallets that are recorded; one that is damaged in `now` is left out.

    Raises WalletError.
    """
    torn = {printable(path) for path in damaged(now)}
    known = {file: chains for file, chains in recorded.items() if file not in torn}
    with _readable(now):
        return found_in(_whole(now), known).lost(known)


def fingerprint_of_whole(contents: Contents) -> Fingerprint:
    """Fingerprint of the complete wallets; nothing is known about a damaged one. Raises WalletError."""
    with _readable(contents):
        return fingerprint_of(_whole(contents))


def _whole(contents: Contents) -> Contents:
    torn = damaged(contents)
    return {path: file for path, file in contents.items() if path not in torn}


@contextmanager
def _readable(contents: Contents) -> Iterator[None]:
    """Raise WalletError if the body reads a wallet of an unknown form."""
    try:
        yield
    except (AttributeError, LookupError, TypeError, ValueError):
        names = ", ".join(wallets_in(contents))
        raise WalletError(f"{names}: one wallet has entries in an unknown form") from None
