"""Fingerprints of wallets: they show that a volume still has its wallets, without revealing an address.

`wallet-fingerprint.sh` computes them on the host, in a container of a node's image: only the volume's id and
the names, types, counts and hashes of its wallets leave the host. Each chain of a wallet is represented by
its number of addresses and a hash over them, which distinguishes a wallet that grew from one that changed.
Encryption affects only KEYS.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias

from display.units import count_of

SCRIPT = Path(__file__).with_name("wallet-fingerprint.sh").read_text()
"""Shell script, run in a container of a node's image, in the folder of wallets."""

SECRET = "secret"  # noqa: S105 a name
"""Chain that stands for a wallet's seed or secret keys, without which nothing can be spent."""
KEYS = "keys"
"""Chain whose count is that of the readable secret keys of a collection, which no seed brings back.

A wallet that is encrypted has none. Digests leave it out, so that backups of earlier versions keep theirs.
"""
TORN = "empty, truncated or unreadable"
_TEMPORARY = re.compile(r"(.*wlt)\.tmp\.([0-9a-f]{8})")
DIGITS = 16
"""Hexadecimal digits of a digest for people to compare."""


def saved_by(copy: str) -> tuple[str, str]:
    """(file, first digits of the copy's SHA-256) of the temporary copy that a node writes while saving.

    Both are empty for any other name (`src/util/file/file.go` of v0.27.1, SaveBinary).
    """
    match = _TEMPORARY.fullmatch(copy)
    return (match[1], match[2]) if match else ("", "")


@dataclass(frozen=True, kw_only=True, slots=True)
class Chain:
    """Addresses of one chain of a wallet, in the order of its file; a node only ever appends to it."""

    count: int
    sha256: str
    """Hexadecimal SHA-256 of the addresses, each followed by a newline."""


NO_ADDRESSES = Chain(count=1, sha256="-")
"""Value of the chain SECRET, which, like KEYS, is never hashed."""
NONE_YET = Chain(count=0, sha256="-")
"""Value of the only chain in a wallet that has neither an address nor a secret."""

Fingerprint: TypeAlias = Mapping[str, Mapping[str, Chain]]
"""Wallet file → chain → its addresses.

Chains: `deterministic`, `collection` and `xpub` are named after the wallet's type; `bip44/0/1` is the second
chain of the first account; `secret` is SECRET, `keys` is KEYS.
"""

GONE = " is gone"
"""End of the description of a wallet that is lost as a whole."""

NOTHING: Fingerprint = MappingProxyType({})


@dataclass(frozen=True, kw_only=True, slots=True)
class VolumeWallets:
    """Wallets found in a volume."""

    identity: str
    """Id of the volume; empty if it has none."""
    wallets: Fingerprint
    damaged: Sequence[str] = ()
    """Files that have the names of wallets but are incomplete."""
    beginnings: Mapping[tuple[str, str, int], str] = field(default_factory=dict)
    """(file, chain, count) as requested → hash of the first `count` addresses."""
    temporary: Fingerprint = field(default_factory=dict)
    """Complete temporary copies that interrupted saves left behind, by their own file names."""

    def unfinished_saves(self) -> list[tuple[str, str]]:
        """(file, temporary copy) of each file that is missing, incomplete or has fewer addresses than a copy.

        Of several copies, the one with the most addresses counts.
        """
        best: dict[str, str] = {}
        for copy, chains in sorted(self.temporary.items(), key=lambda entry: (addresses(entry[1]), entry[0])):
            file, _ = saved_by(copy)
            if file not in self.wallets or addresses(chains) > addresses(self.wallets[file]):
                best[file] = copy
        return sorted(best.items())

    def faults(self, before: Fingerprint) -> list[str]:
        """Describe everything of `before` that is lost, any incomplete wallet, and any interrupted save."""
        torn = [f"{file} is {TORN}" for file in self.damaged if file not in before]
        return [*self.lost(before), *torn, *self._describe_unfinished()]

    def _describe_unfinished(self) -> Iterator[str]:
        for file, copy in self.unfinished_saves():
            condition = _count_text(addresses(self.wallets[file])) if file in self.wallets else "incomplete"
            condition = condition if file in self.wallets or file in self.damaged else "missing"
            verb = "has" if file in self.wallets else "is"
            yield (
                f"a save of {file} was interrupted: the file {verb} {condition}, and the temporary copy "
                f"{copy} next to it is complete, with {_count_text(addresses(self.temporary[copy]))}"
            )

    def lost(self, before: Fingerprint) -> list[str]:
        """Describe everything of `before` that is missing now, as parts of a sentence."""
        new_wallets = [chains for file, chains in self.wallets.items() if file not in before]
        losses: list[str] = []
        for file, chains in sorted(before.items()):
            # A wallet that was only renamed is not lost. Wallets without addresses all look alike.
            renamed = next((wallet for wallet in new_wallets if _is_same(chains, wallet)), None)
            if file not in self.wallets and file not in self.damaged and renamed and addresses(chains):
                new_wallets.remove(renamed)
                continue
            losses += self._lost_of(file, chains)
        return losses

    def _lost_of(self, file: str, before: Mapping[str, Chain]) -> Iterator[str]:
        """Describe the losses of one wallet."""
        if file in self.damaged:
            yield f"{file} is {TORN}"
            return
        if file not in self.wallets:
            yield f"{file} ({_count_text(addresses(before))}){GONE}"
            return
        chains = self.wallets[file]
        for name, chain in sorted(before.items()):
            current = chains.get(name)
            if chain == NONE_YET:
                continue
            if name == SECRET:
                if current is None:
                    yield f"{file} has lost its seed or secret keys"
            elif name == KEYS:
                yield from _lost_keys(file, chain, current)
            elif current is None or current.count < chain.count:
                yield f"{file} has {current.count if current else 0} of {_count_text(chain.count)} ({name})"
            elif current != chain and self.beginnings.get((file, name, chain.count)) != chain.sha256:
                yield f"{file} has other addresses than before ({name})"


def _lost_keys(file: str, before: Chain, now: Chain | None) -> Iterator[str]:
    """Describe lost secret keys; without KEYS the wallet is encrypted, or has lost what SECRET stands for."""
    if now is not None and now.count < before.count:
        yield f"{file} has {now.count} of {count_of(before.count, 'secret key')}"


def addresses(chains: Mapping[str, Chain]) -> int:
    """Number of addresses in the chains of a wallet."""
    return sum(chain.count for name, chain in chains.items() if name not in (SECRET, KEYS))


def _is_same(before: Mapping[str, Chain], now: Mapping[str, Chain]) -> bool:
    """True for a wallet that has the same addresses, and no fewer secret keys."""
    if KEYS in before and KEYS in now and now[KEYS].count < before[KEYS].count:
        return False
    return _without_keys(before) == _without_keys(now)


def _without_keys(chains: Mapping[str, Chain]) -> dict[str, Chain]:
    return {name: chain for name, chain in chains.items() if name != KEYS}


def _count_text(addresses: int) -> str:
    return count_of(addresses, "address", "addresses")


def summary(wallets: Fingerprint) -> str:
    """Summary such as `2 wallets with 5 addresses`."""
    total = sum(map(addresses, wallets.values()))
    return f"{count_of(len(wallets), 'wallet')} with {_count_text(total)}"


def digest(wallets: Fingerprint) -> str:
    """Digest for people to compare: 16 hexadecimal digits over a volume's wallets and their names."""
    hashed = {file: _without_keys(chains) for file, chains in wallets.items()}
    text = "".join(f"{line}\n" for line in sorted(lines(hashed)))
    return hashlib.sha256(text.encode()).hexdigest()[:DIGITS]


def lines(wallets: Fingerprint) -> Iterator[str]:
    """Write a fingerprint as text: one line per chain, with fields separated by tabs."""
    for file, chains in wallets.items():
        for name, chain in chains.items():
            yield f"{file}\t{name}\t{chain.count}\t{chain.sha256}"


def from_lines(text: Sequence[str]) -> Fingerprint:
    """Parse the text that `lines` wrote. Raises ValueError for any other text."""
    wallets: dict[str, dict[str, Chain]] = {}
    for line in text:
        file, name, count, sha256 = line.split("\t")
        wallets.setdefault(file, {})[name] = Chain(count=int(count), sha256=sha256)
    return wallets


def script_arguments(before: Fingerprint) -> list[str]:
    """Arguments of the script: for each chain with addresses in `before`, how many of them to hash."""
    return [
        f"{file}\t{name.partition('/')[2] or '-'}\t{chain.count}"
        for file, chains in before.items()
        for name, chain in chains.items()
        if name not in (SECRET, KEYS) and chain != NONE_YET
    ]


def read(printed: str) -> VolumeWallets:
    """Parse the output of the script. Raises ValueError or LookupError if it is incomplete or malformed."""
    rows = [line.split("\t") for line in printed.split("\n") if line]
    if rows[-1:] != [["end"]]:
        raise ValueError(f"its output was cut off: {printed[-200:]!r}")
    of = {kind: [words for first, *words in rows if first == kind] for kind in _KINDS}
    files = dict(of["file"])
    types = dict(of["type"])
    sums = {(number, chain): sha256.split()[0] for number, chain, sha256 in of["all"]}
    wallets: dict[str, dict[str, Chain]] = {files[number]: {} for number in types}
    for number, chain, count in of["count"]:
        wallets[files[number]][_name(types[number], chain)] = Chain(
            count=int(count), sha256=sums[number, chain]
        )
    for (number,) in of["secret"]:
        wallets[files[number]][SECRET] = NO_ADDRESSES
    for number, count in of["keys"]:
        wallets[files[number]][KEYS] = Chain(count=int(count), sha256="-")
    for number, kind in types.items():
        if not wallets[files[number]]:
            wallets[files[number]][kind] = NONE_YET
    return VolumeWallets(
        identity=of["id"][0][0] if of["id"] else "",
        wallets={file: chains for file, chains in wallets.items() if not saved_by(file)[0]},
        temporary={file: chains for file, chains in wallets.items() if saved_by(file)[0]},
        damaged=sorted(
            [file for (file,) in of["damaged"]]
            + [file for number, file in files.items() if number not in types and not saved_by(file)[0]]
        ),
        beginnings={
            (files[number], _name(types[number], chain), int(count)): sha256.split()[0]
            for number, chain, count, sha256 in of["first"]
            if number in types
        },
    )


_KINDS = ("end", "id", "damaged", "file", "type", "secret", "keys", "count", "all", "first")


def _name(kind: str, chain: str) -> str:
    return kind if chain == "-" else f"{kind}/{chain}"
