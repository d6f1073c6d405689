"""Identity of a wallet volume: that it is the same one, and holds what it held.

Two things show it: an id, in a file of the volume, and a fingerprint of its wallets (clients/fingerprint.py).
The state remembers both. So does the host, in the volume of copies, for a state that is lost. A wallet that
grew is no difference.
"""

import os

from clients.fingerprint import NOTHING, Fingerprint, Found, digest, from_lines, lines, summary
from clients.wallet_on_host import WalletOnHost
from providers.base import URN, ProviderError, Values

ACCEPTED = "SKYCOIN_ACCEPT_WALLET"
"""Environment variable with the digest of a fingerprint that is accepted in place of the remembered one."""
IDENTITY, WALLETS, FAULT, EMPTY = "walletId", "wallets", "walletFault", "walletEmpty"
"""Keys of the state: the wallet volume's id and the lines of its fingerprint, as they are remembered; what a
refresh found wrong with it; and whether it held no wallet then."""


def adopted(wallet: WalletOnHost, inputs: Values) -> Values:
    """State of a wallet that this resource has not known; its host may know it."""
    return proved(wallet, inputs, *wallet.memory(), is_known=False)


def proved(
    wallet: WalletOnHost, inputs: Values, identity: str, before: Fingerprint, *, is_known: bool
) -> Values:
    """State of a wallet that is what is remembered, and which the host remembers now too.

    A volume is made where there was none, and anew where the settings accept that its wallets are lost.
    Raises ProviderError for everything else. `is_known` says that the state has seen the volume.
    """
    if others := wallet.other_users(_container_urn()):
        raise ProviderError(f"host {inputs['host']}: {others}")
    found = wallet.look(before) if wallet.exists() else None
    wrong = fault(found, identity, before) if found or is_known or before else ""
    if wrong and not (inputs.get("newWallet") and _is_empty(found)):
        raise ProviderError(_refusal(wallet, inputs, wrong, found, before, is_known=is_known))
    if found is None:
        wallet.make()
    wallets = NOTHING if found is None else found.wallets
    return _state(wallet.remember(wallets), wallets)


def refuse_changed(wallet: WalletOnHost, inputs: Values) -> None:
    """Raise ProviderError where a wallet is less than its host remembers, or another one."""
    identity, before = wallet.memory()
    if not identity:
        return
    found = wallet.look(before)
    if (wrong := fault(found, identity, before)) and not (inputs.get("newWallet") and _is_empty(found)):
        raise ProviderError(_refusal(wallet, inputs, wrong, found, before, is_known=True))


def refreshed(wallet: WalletOnHost, inputs: Values, state: Values) -> Values:
    """State of a wallet after a look at it, which changes nothing; only what is accepted is written down."""
    before, identity, exists = remembered(state), str(state.get(IDENTITY) or ""), wallet.exists()
    if exists and not wallet.has_image():
        return {}  # It may be on no registry any more; what comes in its place looks again.
    found = wallet.look(before) if exists else None
    if wrong := fault(found, identity, before):
        said = _refusal(wallet, inputs, wrong, found, before, is_known=True)
        return {FAULT: said, EMPTY: _is_empty(found)}
    if others := wallet.other_users(_container_urn()):
        return {FAULT: f"host {inputs['host']}: {others}", EMPTY: False}
    wallets = NOTHING if found is None else found.wallets
    if found is not None and (found.lost(before) or found.identity != identity != ""):
        identity = wallet.remember(wallets)  # It is accepted.
    return _state(identity, wallets)


def _state(identity: str, wallets: Fingerprint) -> Values:
    return {IDENTITY: identity, WALLETS: sorted(lines(wallets)), FAULT: "", EMPTY: False}


def remembered(state: Values) -> Fingerprint:
    """Fingerprint in a preflight's state; nothing in one of version 0.1.0."""
    return from_lines(state.get(WALLETS) or [])


def _is_empty(found: Found | None) -> bool:
    return found is None or not (found.wallets or found.damaged)


def _container_urn() -> str:
    """URN of the node's container, which stands beside its preflight."""
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
    """Say what is wrong with a wallet, and each way back."""
    stack = URN.get().removeprefix("urn:pulumi:").partition("::")[0]
    option = "" if stack == "local" else f" -s {stack}"
    node = URN.get().rpartition("::")[2].removesuffix("-preflight").removesuffix("-container")
    volume, held = wallet.volume, f" It held {summary(before)}." if before else ""
    restore = f"`./skyinfra wallet restore {node} FILE{option}`"
    ways = [
        f"Restore a backup ({restore}; docs/wallets.md, “A wallet that is not what it was”)."
        if found is not None
        else f"Make the volume again, empty (`docker volume create {volume}`), restore a backup into it "
        f"({restore}), and run the same command again."
    ]
    if _is_empty(found):
        ways.append("Where the wallet may be lost, set `new-wallet: true` on the node for one `pulumi up`.")
    elif found is not None:
        what = digest(found.wallets)
        accept = (
            f"`./skyinfra wallet accept {node} {what}{option}`"
            if is_known
            else f"set {ACCEPTED}={what} in the environment of one `pulumi up`"
        )
        ways.append(f"If {summary(found.wallets)} is what it shall hold: {accept}.")
    where = f"host {inputs['host']}: the wallet volume {volume!r} {wrong}."
    return f"{where}{held} The node was left as it is. {' '.join(ways)}"


def fault(found: Found | None, identity: str, before: Fingerprint) -> str:
    """Say what is wrong with a wallet volume; empty where it is the one that is remembered, or has grown."""
    if found is None:
        return "is gone"
    if found.wallets and digest(found.wallets) == os.environ.get(ACCEPTED):
        return ""
    if before and not found.wallets and not found.damaged:
        return "holds no wallet"
    if lost := found.lost(before):
        return f"is not what it was: {'; '.join(lost)}"
    if identity and found.identity != identity:
        return "is another one than before: it does not have the id that is remembered"
    return ""
