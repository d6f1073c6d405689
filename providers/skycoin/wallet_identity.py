"""Check that a wallet volume is the same as before and has lost no wallet.

Two facts show it: an id in a file of the volume, and a fingerprint of its wallets (clients/fingerprint.py).
The state records both, and so does the host, in the volume of copies, in case the state is lost. A wallet
that grew is no difference.
"""

import os

from clients.errors import KeptOutError
from clients.fingerprint import NOTHING, Fingerprint, Found, digest, from_lines, lines, summary
from clients.wallet_on_host import WalletOnHost
from providers.adopting import is_adopting
from providers.base import URN, ProviderError, Values

ACCEPTED = "SKYCOIN_ACCEPT_WALLET"
"""Environment variable with the digest of a fingerprint to accept instead of the recorded one."""
IDENTITY, WALLETS, FAULT, EMPTY = "walletId", "wallets", "walletFault", "walletEmpty"
KEPT_OUT, UNRECORDED = "walletKeptOut", "walletUnrecorded"
"""Keys of the state.

IDENTITY and WALLETS are the recorded id and fingerprint of the wallet volume. FAULT says what a refresh found
wrong with the wallet, which stops later changes, and EMPTY whether the volume held no wallet then. KEPT_OUT
says why the node must keep away from the wallet: its user can't read it, or another container uses it. It
only leads to another check, because the node may get another user, or another wallet, next. A refresh sets
UNRECORDED if the volume of copies is gone, and the host's record with it.
"""


def proved(wallet: WalletOnHost, inputs: Values, known: Values | None) -> Values:
    """Check a wallet against the records, update the host's record, and return the wallet's state.

    `known` is the state, None if it does not know this volume; the host may still have a record. A
    missing volume is created at the first start; later only if the settings newly accept that its wallets are
    lost. Raises ProviderError in every other case.
    """
    if others := wallet.other_users(container_urn()):
        raise ProviderError(f"host {inputs['host']}: {others}")
    if not is_adopting():
        wallet.take_empty()
    is_new = bool(inputs.get("newWallet")) and not (known or {}).get("newWallet")
    memories = [wallet.memory()]
    if known is not None and WALLETS in known:
        of_state = (str(known[IDENTITY]), remembered(known))
        memories = [of_state, *(one for one in memories if one != of_state)]
    exists, found = wallet.exists(), None
    for identity, before in memories:
        found = wallet.look(before) if exists else None
        wrong = fault(found, identity, before) if exists or known is not None or before else ""
        if wrong and not (is_new and _is_empty(found)):
            raise ProviderError(_refusal(wallet, inputs, wrong, found, before, is_known=known is not None))
    if found is None:
        wallet.make()
    wallets = NOTHING if found is None else found.wallets
    if is_adopting():  # Nothing is written here; if the host has no record either, the next check writes one.
        identity, _ = memories[-1]
        return _state(identity, wallets) if identity else {FAULT: "", EMPTY: False}
    return _state(wallet.remember(wallets), wallets)


def unchanged(wallet: WalletOnHost, inputs: Values) -> tuple[str, Fingerprint]:
    """Check that a wallet has lost nothing since the host's record; update it and return (id, fingerprint).

    Both are empty if the host has no record. Raises ProviderError.
    """
    identity, before = wallet.memory()
    if not identity:
        return "", NOTHING
    found = wallet.look(before)
    if wrong := fault(found, identity, before):
        raise ProviderError(_refusal(wallet, inputs, wrong, found, before, is_known=True))
    if found.wallets != before:
        wallet.remember(found.wallets)
    return identity, found.wallets


def refuse_changed(wallet: WalletOnHost, identity: str, before: Fingerprint) -> None:
    """Raise ProviderError if the wallet has lost something of `before` since the new node started."""
    if identity and (wrong := fault(wallet.look(before), identity, before)):
        raise ProviderError(f"the new node has changed its wallet: the volume {wallet.volume!r} {wrong}")


def refreshed(wallet: WalletOnHost, inputs: Values, state: Values) -> Values:
    """Read a wallet and return its state. Changes nothing; the host's record only for accepted wallets."""
    try:
        seen = _looked_at(wallet, inputs, state)
    except KeptOutError as error:
        return {KEPT_OUT: f"{error}. The node was not changed."}
    return seen if wallet.has_copies() else {**seen, UNRECORDED: True}


def _looked_at(wallet: WalletOnHost, inputs: Values, state: Values) -> Values:
    exists = wallet.exists()
    if exists and not (wallet.has_image() or state.get(FAULT)):
        return {}  # The image may be in no registry any more; the wallet is read again with the next image.
    identity, before = str(state.get(IDENTITY) or ""), remembered(state)
    if WALLETS not in state and exists:
        identity, before = wallet.memory()
    found = wallet.look(before) if exists else None
    if wrong := fault(found, identity, before):
        said = _refusal(wallet, inputs, wrong, found, before, is_known=True)
        return {KEPT_OUT: said} if _kept_out(wallet, found) else {FAULT: said, EMPTY: _is_empty(found)}
    if others := wallet.other_users(container_urn()):
        return {KEPT_OUT: f"host {inputs['host']}: {others}"}
    wallets = NOTHING if found is None else found.wallets
    if found is not None and _is_accepted(found):
        identity = wallet.remember(wallets)
    return _state(identity, wallets)


def _state(identity: str, wallets: Fingerprint) -> Values:
    return {IDENTITY: identity, WALLETS: sorted(lines(wallets)), FAULT: "", EMPTY: False}


def remembered(state: Values) -> Fingerprint:
    """Fingerprint in a preflight's state; empty if version 0.1.0 wrote the state."""
    return from_lines(state.get(WALLETS) or [])


def _is_empty(found: Found | None) -> bool:
    return found is None or not (found.wallets or found.damaged or found.temporary)


def container_urn() -> str:
    """URN of the node's container, a sibling of its preflight."""
    kind, _, name = URN.get().rpartition("::")
    return f"{kind.removesuffix('Preflight')}NodeContainer::{name.removesuffix('-preflight')}-container"


def _refusal(
    wallet: WalletOnHost,
    inputs: Values,
    wrong: str,
    found: Found | None,
    before: Fingerprint,
    *,
    is_known: bool,
) -> str:
    """Explain what is wrong with a wallet, and each way to restore it."""
    stack = URN.get().removeprefix("urn:pulumi:").partition("::")[0]
    option = "" if stack == "local" else f" -s {stack}"
    name = URN.get().rpartition("::")[2]
    node = name.removesuffix("-container" if "NodeContainer::" in URN.get() else "-preflight")
    held = f" It held {summary(before)}." if before else ""
    where = f"host {inputs['host']}: the wallet volume {wallet.volume!r} {wrong}."
    if kept_out := _kept_out(wallet, found):
        return f"{where} The node was not changed. {kept_out}"
    restore = f"./skyinfra wallet restore {node} FILE{option}"
    copies = f"./skyinfra wallet copies {node}{option}"
    ways = _ways(wallet, found, restore, copies, is_known=is_known)
    for _, copy in found.unended() if is_known and found is not None else ():
        take = f"`./skyinfra wallet restore {node} --temporary {copy}{option}`"
        ways = f"Restore the temporary copy: {take}, or move it out of the volume. {ways}"
    if is_known and found is not None and not found.damaged and not _is_empty(found):
        what, there = digest(found.wallets), summary(found.wallets)
        ways += f" To accept its present wallets ({there}): `./skyinfra wallet accept {node} {what}{option}`."
    return f"{where}{held} The node was not changed. {ways}"


def _kept_out(wallet: WalletOnHost, found: Found | None) -> str:
    """Say whose files can't be read, if that is why wallets look damaged; empty otherwise."""
    damaged = () if found is None else found.damaged
    return wallet.kept_out(wallet.volume, *damaged) if damaged else ""


def _ways(wallet: WalletOnHost, found: Found | None, restore: str, copies: str, *, is_known: bool) -> str:
    """Ways to restore a wallet: a restore needs a node in the state, and an existing volume.

    `restore` and `copies` are the commands that restore a backup and that list the copies on the host.
    """
    page = "docs/wallets.md, “A wallet that is not what it was”"
    anew = "set `new-wallet: true` on the node for one `pulumi up`"
    if not is_known and _is_empty(found):
        return f"Restore a backup: {anew}, which creates an empty volume, then `{restore}` ({page})."
    if not is_known and found is not None:
        accepted = f"`{ACCEPTED}={digest(found.wallets)} pulumi up`"
        return f"To accept its present wallets: {accepted}. Only then restore a backup: `{restore}` ({page})."
    ways = f"a backup: `{restore}`, or a copy on the host (`{copies}` lists them; {page})."
    make = f"Recreate the volume, empty: `docker volume create {wallet.volume}`."
    ways = f"{make} Then restore {ways}" if found is None else f"Restore {ways}"
    if found is not None and found.damaged:
        ways += f" Or move {', '.join(found.damaged)} out of the volume."
    return f"{ways} If you accept that the wallet is lost, {anew}." if _is_empty(found) else ways


def fault(found: Found | None, identity: str, before: Fingerprint) -> str:
    """Describe what is wrong with a wallet volume; empty if it is the recorded one or has grown."""
    if found is None:
        return "is gone"
    if _is_accepted(found):
        return ""
    if before and _is_empty(found):
        return "holds no wallet"
    if faults := found.faults(before):
        return f"has changed: {'; '.join(faults)}"
    if identity and found.identity != identity:
        return "is not the same volume as before: it does not have the recorded id"
    return ""


def _is_accepted(found: Found) -> bool:
    return not found.damaged and digest(found.wallets) == os.environ.get(ACCEPTED)
