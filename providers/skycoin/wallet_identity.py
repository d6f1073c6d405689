"""Check that a wallet volume is the same as before and has lost no wallet.

Two facts show it: an id in a file of the volume, and a fingerprint of its wallets (clients/fingerprint.py).
The state records both, and so does the host, in the volume of copies, in case the state is lost. A wallet
that grew counts as unchanged.
"""

import os

from clients.errors import KeptOutError
from clients.fingerprint import NOTHING, Fingerprint, VolumeWallets, digest, from_lines, lines, summary
from clients.wallet_on_host import WalletOnHost
from providers.adopting import is_adopting
from providers.kind import ProviderError, Values
from providers.skycoin.node_urn import container_urn, node_command

ACCEPTED = "SKYCOIN_ACCEPT_WALLET"
"""Environment variable with the digest of a fingerprint to accept instead of the recorded one."""
IDENTITY, WALLETS, FAULT, EMPTY = "walletId", "wallets", "walletFault", "walletEmpty"
KEPT_OUT, UNRECORDED, RECORDED = "walletKeptOut", "walletUnrecorded", "walletRecorded"
COPIED = "walletsCopied"
"""Keys of the state.

IDENTITY and WALLETS are the recorded id and fingerprint of the wallet volume. FAULT is the problem that a
refresh found with the wallet; EMPTY is true if the volume held no wallet then. KEPT_OUT is the reason why the
node must keep away from the wallet: its user can't read it, or another container uses it. FAULT and KEPT_OUT
only lead to another check, because the loss may be accepted or mended next, or the node may get another user
or wallet. A refresh sets UNRECORDED if the host has no record of the wallet. RECORDED is the time when the
volume of copies last changed before a record was seen there: a refresh that finds the same time need not read
the record again. COPIED is the fingerprint of the wallets when they were last copied on the host; missing
before, and empty if a refresh finds that no copy is left.
"""


def verified_state(wallet: WalletOnHost, inputs: Values, known: Values | None) -> Values:
    """Check a wallet against the records, update the host's record, and return the wallet's state.

    `known` is the state, None if it does not know this volume; the host may still have a record. A
    missing volume is created at the first start; later only if the settings newly accept that its wallets are
    lost. Raises ProviderError for any other fault, and if another container may write to the wallet.
    """
    if conflict := wallet.other_users(container_urn()):
        raise ProviderError(f"host {inputs['host']}: {conflict}")
    if not is_adopting():
        wallet.take_empty()
    is_new = accepts_empty(inputs, known or {})
    records = [wallet.recorded()]
    if known is not None and WALLETS in known:
        in_state = (str(known[IDENTITY]), remembered(known))
        records = [in_state, *(record for record in records if record != in_state)]
    exists, contents = wallet.exists(), None
    for identity, before in records:
        contents = wallet.read_wallets(before) if exists else None
        problem = fault(contents, identity, before) if exists or known is not None or before else ""
        if problem and not (is_new and _is_empty(contents)):
            raise ProviderError(
                _refusal(wallet, inputs, problem, contents, before, is_in_state=known is not None)
            )
    if contents is None:
        wallet.create()
    wallets = NOTHING if contents is None else contents.wallets
    if is_adopting():  # Nothing is written here; if the host has no record either, the next check writes one.
        identity, _ = records[-1]
        if not identity:
            return {FAULT: "", EMPTY: False}
    else:
        identity = wallet.record(wallets)
    return _state(identity, wallets)


def accepts_empty(inputs: Values, olds: Values) -> bool:
    """True if the settings newly accept an empty wallet; a setting that stays accepts no later loss."""
    return bool(inputs.get("newWallet")) and not olds.get("newWallet")


def verify_unchanged(wallet: WalletOnHost, inputs: Values) -> tuple[str, Fingerprint]:
    """Check that a wallet has lost nothing since the host's record, and update that record.

    Return (id, fingerprint), both empty if the host has no record. Raises ProviderError.
    """
    identity, before = wallet.recorded()
    if not identity:
        return "", NOTHING
    contents = wallet.read_wallets(before)
    if problem := fault(contents, identity, before):
        raise ProviderError(_refusal(wallet, inputs, problem, contents, before, is_in_state=True))
    if contents.wallets != before:
        wallet.record(contents.wallets)
    return identity, contents.wallets


def refuse_empty(wallet: WalletOnHost, inputs: Values, olds: Values, before: Fingerprint) -> None:
    """Raise ProviderError if a node's new volume is missing or empty and its former one had wallets.

    `olds` is the state with the former volume, `before` the fingerprint of its wallets. Settings that newly
    accept an empty wallet accept this one.
    """
    if not before or accepts_empty(inputs, olds):
        return
    exists = wallet.exists()
    if exists and not _is_empty(wallet.read_wallets(before)):
        return
    problem = "holds no wallet" if exists else "does not exist"
    raise ProviderError(
        f"host {inputs['host']}: the node would get the wallet volume {wallet.volume!r}, which {problem}, in "
        f"place of {olds['wallet']!r}, which held {summary(before)}. The node was not changed. Set "
        f"`wallet-volume: {olds['wallet']}` on the node again; or, to start with an empty wallet, set "
        "`new-wallet: true` on it for one `pulumi up`."
    )


def refuse_changed(wallet: WalletOnHost, identity: str, before: Fingerprint) -> None:
    """Raise ProviderError if the wallet has lost something of `before` since the new node started."""
    if identity and (problem := fault(wallet.read_wallets(before), identity, before)):
        raise ProviderError(f"the new node has changed its wallet: the volume {wallet.volume!r} {problem}")


def refreshed(wallet: WalletOnHost, inputs: Values, state: Values) -> Values:
    """Read a wallet and return its state. Changes nothing but the host's record, for accepted wallets."""
    try:
        # Before the wallets are read: that ends the connection, and opening another one over ssh takes long.
        changed = wallet.copies_changed()
        return {**_read_state(wallet, inputs, state), **_recorded_state(wallet, state, changed)}
    except KeptOutError as error:
        return {KEPT_OUT: f"{error}. The node was not changed."}


def _recorded_state(wallet: WalletOnHost, state: Values, changed: str | None) -> Values:
    """Values about the host's record, which is lost if the volume of copies is emptied or created again.

    `changed` is the time when that volume last changed, as WalletOnHost.copies_changed gives it.
    """
    if changed is None:
        return {UNRECORDED: True}
    if changed and changed == state.get(RECORDED):
        return {}
    if not wallet.has_image():
        return {}  # Like the wallet, the record is read again with the next image.
    if not wallet.recorded()[0]:
        return {UNRECORDED: True}
    is_lost = bool(state.get(COPIED)) and not wallet.has_copy()
    return {RECORDED: changed} | ({COPIED: []} if is_lost else {})


def _read_state(wallet: WalletOnHost, inputs: Values, state: Values) -> Values:
    exists = wallet.exists()
    if exists and not (wallet.has_image() or state.get(FAULT)):
        return {}  # The image may be in no registry any more; the wallet is read again with the next image.
    identity, before = str(state.get(IDENTITY) or ""), remembered(state)
    if WALLETS not in state and exists:
        identity, before = wallet.recorded()
    if conflict := wallet.other_users(container_urn()):
        return {KEPT_OUT: f"host {inputs['host']}: {conflict}"}
    contents = wallet.read_wallets(before) if exists else None
    if problem := fault(contents, identity, before):
        refusal = _refusal(wallet, inputs, problem, contents, before, is_in_state=True)
        is_kept_out = bool(_kept_out(wallet, contents))
        return {KEPT_OUT: refusal} if is_kept_out else {FAULT: refusal, EMPTY: _is_empty(contents)}
    wallets = NOTHING if contents is None else contents.wallets
    if contents is not None and _is_accepted(contents):
        identity = wallet.record(wallets)
    return _state(identity, wallets)


def _state(identity: str, wallets: Fingerprint) -> Values:
    return {IDENTITY: identity, WALLETS: sorted(lines(wallets)), FAULT: "", EMPTY: False}


def remembered(state: Values) -> Fingerprint:
    """Fingerprint in a preflight's state; empty if version 0.1.0 wrote the state."""
    return from_lines(state.get(WALLETS) or [])


def _is_empty(contents: VolumeWallets | None) -> bool:
    return contents is None or not (contents.wallets or contents.damaged or contents.temporary)


def _refusal(
    wallet: WalletOnHost,
    inputs: Values,
    problem: str,
    contents: VolumeWallets | None,
    before: Fingerprint,
    *,
    is_in_state: bool,
) -> str:
    """Explain the problem of a wallet, and each way to restore it."""
    former = f" It held {summary(before)}." if before else ""
    where = f"host {inputs['host']}: the wallet volume {wallet.volume!r} {problem}."
    if kept_out := _kept_out(wallet, contents):
        return f"{where} The node was not changed. {kept_out}"
    remedies = _remedies(wallet, contents, is_in_state=is_in_state)
    for _, copy in contents.unfinished_saves() if is_in_state and contents is not None else ():
        command = node_command("wallet restore", "--temporary", copy)
        remedies = f"Restore the temporary copy: `{command}`, or move it out of the volume. {remedies}"
    if is_in_state and contents is not None and not contents.damaged and not _is_empty(contents):
        fingerprint, description = digest(contents.wallets), summary(contents.wallets)
        command = node_command("wallet accept", fingerprint)
        remedies += f" To accept its present wallets ({description}): `{command}`."
    return f"{where}{former} The node was not changed. {remedies}"


def _kept_out(wallet: WalletOnHost, contents: VolumeWallets | None) -> str:
    """Describe the files that can't be read, if that is why wallets look damaged; empty otherwise."""
    damaged = () if contents is None else contents.damaged
    return wallet.kept_out(wallet.volume, *damaged) if damaged else ""


def _remedies(wallet: WalletOnHost, contents: VolumeWallets | None, *, is_in_state: bool) -> str:
    """Ways to restore a wallet: a restore needs a node in the state, and an existing volume."""
    restore, copies = f"`{node_command('wallet restore', 'FILE')}`", node_command("wallet copies")
    restore += " (with `--identity KEY-FILE` if it is encrypted)"
    page = "docs/wallets.md, “A wallet that is not what it was”"
    allow_new = "set `new-wallet: true` on the node for one `pulumi up`"
    if not is_in_state:
        if contents is not None and contents.damaged:
            return f"First move {', '.join(contents.damaged)} out of the volume, and run `pulumi up` again."
        accept = allow_new
        if contents is not None and not _is_empty(contents):
            accept = f"accept its present wallets: `{ACCEPTED}={digest(contents.wallets)} pulumi up`"
        copy = node_command("wallet restore", "--copy", "TIME")
        return (
            f"First {accept}; that removes no copy. Then restore what is lost: `{copy}` for a copy on the "
            f"host (`{copies}` lists them), or {restore} for a backup ({page})."
        )
    remedies = f"a backup: {restore}, or a copy on the host (`{copies}` lists them; {page})."
    recreate = f"Recreate the volume, empty: `docker volume create {wallet.volume}`."
    remedies = f"{recreate} Then restore {remedies}" if contents is None else f"Restore {remedies}"
    if contents is not None and contents.damaged:
        remedies += f" Or move {', '.join(contents.damaged)} out of the volume."
    return (
        f"{remedies} If you accept that the wallet is lost, {allow_new}." if _is_empty(contents) else remedies
    )


def fault(contents: VolumeWallets | None, identity: str, before: Fingerprint) -> str:
    """Describe the problem of a wallet volume.

    Empty if it is the recorded volume and has lost nothing, or if its wallets are accepted.
    """
    if contents is None:
        return "is gone"
    if _is_accepted(contents):
        return ""
    if before and _is_empty(contents):
        return "holds no wallet"
    if faults := contents.faults(before):
        return f"has changed: {'; '.join(faults)}"
    if identity and contents.identity != identity:
        return "is not the same volume as before: it does not have the recorded id"
    return ""


def _is_accepted(contents: VolumeWallets) -> bool:
    return not contents.damaged and digest(contents.wallets) == os.environ.get(ACCEPTED)
