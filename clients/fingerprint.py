"""Fingerprints of wallets: what shows that a volume still holds what it held, without an address of it.

They are made on the host, by `wallet-fingerprint.sh` in a node's image: only file names, counts and hashes
leave it. A wallet is known by its chains, each by how many addresses it has and a hash over them, so that
one that grew is told from one that changed. Whether it is encrypted makes no difference.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias

SCRIPT = Path(__file__).with_name("wallet-fingerprint.sh").read_text()
"""Run by the shell of a node's image, in the folder of wallets."""

SECRET = "secret"  # noqa: S105 a name
"""Chain of a wallet that holds its seed or its secret keys: without it, nothing can be spent."""
DIGITS = 16
"""Hexadecimal digits of a digest that a person compares."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Chain:
    """Addresses of one chain of a wallet, in the order of its file, to which a node only ever appends."""

    count: int
    sha256: str
    """Hexadecimal SHA-256 of the addresses, each with a newline behind it."""


NO_ADDRESSES = Chain(count=1, sha256="-")
"""Value of the chain SECRET, of which no hash is made."""
NONE_YET = Chain(count=0, sha256="-")
"""Value of the one chain of a wallet that has neither an address nor a secret."""

Fingerprint: TypeAlias = Mapping[str, Mapping[str, Chain]]
"""File of a wallet → chain → its addresses.

Chains: `deterministic`, `collection` and `xpub` have the name of the wallet's type; `bip44/0/1` is the
second chain of the first account; `secret` is SECRET.
"""

NOTHING: Fingerprint = MappingProxyType({})


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """Wallets of a volume as they are."""

    identity: str
    """Id of the volume, empty where it has none."""
    wallets: Fingerprint
    damaged: Sequence[str] = ()
    """Files that are wallets by their names, and not whole."""
    beginnings: Mapping[tuple[str, str, int], str] = field(default_factory=dict)
    """(file, chain, count) that were asked for → hash of the first `count` addresses."""

    def lost(self, before: Fingerprint) -> list[str]:
        """Say what is no longer there of `before`, a sentence part each; nothing where it is all there."""
        moved = {tuple(sorted(chains.items())) for chains in map(_plain, self.wallets.values())}
        return [
            text
            for file, chains in sorted(before.items())
            if tuple(sorted(_plain(chains).items())) not in moved
            for text in self._lost_of(file, chains)
        ]

    def _lost_of(self, file: str, before: Mapping[str, Chain]) -> Iterator[str]:
        """Of one wallet; one that has another name now, and is otherwise the same, was found already."""
        if file in self.damaged:
            yield f"{file} is empty, cut short, or can't be read"
            return
        if file not in self.wallets:
            yield f"{file} ({_size(before)}) is gone"
            return
        now = self.wallets[file]
        for name, chain in sorted(before.items()):
            there = now.get(name)
            if chain == NONE_YET:
                continue
            if name == SECRET:
                if there is None:
                    yield f"{file} has lost its seed or secret keys"
            elif there is None or there.count < chain.count:
                yield f"{file} has {there.count if there else 0} of {_counted(chain.count)} ({name})"
            elif there != chain and self.beginnings.get((file, name, chain.count)) != chain.sha256:
                yield f"{file} holds other addresses than before ({name})"


def _plain(chains: Mapping[str, Chain]) -> dict[str, tuple[int, str]]:
    return {name: (chain.count, chain.sha256) for name, chain in chains.items()}


def _size(chains: Mapping[str, Chain]) -> str:
    return _counted(sum(chain.count for name, chain in chains.items() if name != SECRET))


def _counted(addresses: int) -> str:
    return f"{addresses} address{'' if addresses == 1 else 'es'}"


def summary(wallets: Fingerprint) -> str:
    """Count of wallets and addresses, in words: `2 wallets with 5 addresses`."""
    addresses = sum(
        chain.count for chains in wallets.values() for name, chain in chains.items() if name != SECRET
    )
    return f"{len(wallets)} wallet{'' if len(wallets) == 1 else 's'} with {_counted(addresses)}"


def digest(wallets: Fingerprint) -> str:
    """What a person compares: 16 hexadecimal digits over all wallets of a volume and their names."""
    text = "".join(f"{line}\n" for line in sorted(lines(wallets)))
    return hashlib.sha256(text.encode()).hexdigest()[:DIGITS]


def lines(wallets: Fingerprint) -> Iterator[str]:
    """A fingerprint as text: a line for each chain, its words with tabs between them."""
    for file, chains in wallets.items():
        for name, chain in chains.items():
            yield f"{file}\t{name}\t{chain.count}\t{chain.sha256}"


def from_lines(text: Sequence[str]) -> Fingerprint:
    """Read what `lines` wrote. Raises ValueError where it is something else."""
    found: dict[str, dict[str, Chain]] = {}
    for line in text:
        file, name, count, sha256 = line.split("\t")
        found.setdefault(file, {})[name] = Chain(count=int(count), sha256=sha256)
    return found


def asked(before: Fingerprint) -> list[str]:
    """Arguments of the script: the beginnings that show whether each chain of `before` is still there."""
    return [
        f"{file}\t{name.partition('/')[2] or '-'}\t{chain.count}"
        for file, chains in before.items()
        for name, chain in chains.items()
        if name != SECRET and chain != NONE_YET
    ]


def read(printed: str) -> Found:
    """Wallets that the script printed. Raises ValueError where it printed something else."""
    said = [line.split("\t") for line in printed.splitlines() if line]
    of = {kind: [words for first, *words in said if first == kind] for kind in _KINDS}
    if len(said) != sum(map(len, of.values())):
        raise ValueError(f"unexpected line: {printed[:200]!r}")
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
    for number, kind in types.items():
        if not wallets[files[number]]:
            wallets[files[number]][kind] = NONE_YET
    return Found(
        identity=of["id"][0][0] if of["id"] else "",
        wallets=wallets,
        damaged=sorted(
            [file for (file,) in of["damaged"]] + [files[number] for number in files if number not in types]
        ),
        beginnings={
            (files[number], _name(types[number], chain), int(count)): sha256.split()[0]
            for number, chain, count, sha256 in of["first"]
            if number in types
        },
    )


_KINDS = ("id", "damaged", "file", "type", "secret", "count", "all", "first")


def _name(kind: str, chain: str) -> str:
    return kind if chain == "-" else f"{kind}/{chain}"
