"""Fingerprint of wallets in memory, equal to the one that clients/fingerprint.py computes on a host."""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from clients.fingerprint import KEYS, NO_ADDRESSES, NONE_YET, SECRET, Chain, Fingerprint, VolumeWallets
from wallets.files.contents import Contents, wallets_in
from wallets.files.parser import parsed


def printable(path: str) -> str:
    r"""Name of a wallet file as hosts print it.

    `\xNN` stands for each ASCII control character, backslash, and byte that is not part of UTF-8, so that no
    two files have the same name (wallet-fingerprint.sh).
    """
    return _UNPRINTABLE.sub(lambda match: f"\\x{ord(match[0]) & 0xFF:02x}", path)


_UNPRINTABLE = re.compile("[\x01-\x1f\\\\\x7f\udc80-\udcff]")
"""The last of these are bytes that are not UTF-8, as Python decodes them (PEP 383)."""


def fingerprint_of(contents: Contents) -> Fingerprint:
    """Fingerprint of the wallets in a backup or a copy; every one must be complete. Raises WalletError."""
    return {name: _chains(wallet) for name, wallet in _wallets(contents).items()}


def found_in(contents: Contents, before: Fingerprint) -> VolumeWallets:
    """Report on wallets as if they were in a host's volume that once had `before`; all must be complete.

    Raises WalletError.
    """
    wallets = {name: _by_chain(wallet) for name, wallet in _wallets(contents).items()}
    return VolumeWallets(
        identity="",
        wallets=fingerprint_of(contents),
        beginnings={
            (file, name, chain.count): _chain(wallets[file][name][: chain.count]).sha256
            for file, chains in before.items()
            for name, chain in chains.items()
            if name in wallets.get(file, ())
        },
    )


def _wallets(contents: Contents) -> dict[str, Mapping[str, Any]]:
    """Content of each wallet, by its printable name."""
    return {printable(path): parsed(contents[path].data) for path in wallets_in(contents)}


def _chains(wallet: Mapping[str, Any]) -> dict[str, Chain]:
    chains = {name: _chain(addresses) for name, addresses in _by_chain(wallet).items()}
    chains |= {SECRET: NO_ADDRESSES} if _spends(wallet) else {}
    if _kind(wallet) == "collection" and (
        keys := sum(bool(entry.get("secret_key")) for entry in _entries(wallet))
    ):
        chains[KEYS] = Chain(count=keys, sha256="-")
    return chains or {_kind(wallet): NONE_YET}


def _kind(wallet: Mapping[str, Any]) -> str:
    return str(wallet["meta"].get("type"))


def _by_chain(wallet: Mapping[str, Any]) -> dict[str, list[str]]:
    """Chain → its addresses."""
    kind, chains = _kind(wallet), dict[str, list[str]]()
    for chain, address in addresses_of(wallet):
        chains.setdefault(f"{kind}/{chain}" if chain else kind, []).append(address)
    return chains


def addresses_of(wallet: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield chain and address of each entry: of v0.27.1's only account, or of a later version's accounts."""
    for entry in _entries(wallet):
        if address := entry.get("address"):
            yield f"0/{entry['change']}" if entry.get("change") is not None else "", address
    for account, of_chains in enumerate(wallet.get("accounts") or ()):
        for chain, of_entries in enumerate(of_chains.get("chains") or ()):
            for entry in _entries(of_entries):
                if address := entry.get("address"):
                    yield f"{account}/{chain}", address


def _entries(holder: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    return holder.get("entries") or ()


def _chain(addresses: Sequence[str]) -> Chain:
    text = "".join(f"{address}\n" for address in addresses)
    return Chain(count=len(addresses), sha256=hashlib.sha256(text.encode()).hexdigest())


def _spends(wallet: Mapping[str, Any]) -> bool:
    """True if the wallet has its seed, encrypted or not, or any secret key."""
    meta = wallet["meta"]
    return bool(meta.get("seed") or meta.get("secrets")) or _has_keys(wallet)


def _has_keys(part: Any) -> bool:
    if isinstance(part, list):
        return any(map(_has_keys, part))
    if not isinstance(part, dict):
        return False
    own = any(isinstance(part.get(name), str) and part[name] for name in _SECRETS)
    return own or any(map(_has_keys, part.values()))


_SECRETS = ("secret_key", "secret", "private_key")
