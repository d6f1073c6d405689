"""skycoin:index:Preflight: checks of a host before a node is created or replaced on it.

The host must be fit for the node (host_findings.py), and its engine must answer. A short run shows that the
image's variant runs there, natively or emulated. The wallet volume must be the same as before, with the same
wallets (wallet_identity.py), and nothing else may write to it. Before the change itself, the checks run again
if an input changes (such as the node's image, host, ports, memory, user or wallet) or a refresh has found a
problem. They never remove anything. Wallets that a refresh finds to differ from the last copy on the host are
copied after the checks (wallet_copy.py).
"""

from collections.abc import Callable
from contextlib import nullcontext, suppress
from datetime import UTC, datetime
from typing import Any, ClassVar

from catalogue.naming import copies_volume, engine_name
from catalogue.ssh_options import way_of
from clients.engine import connect
from clients.errors import ServiceError
from clients.host_checks import runs_natively
from clients.short_run import short_run
from clients.wallet_on_host import WalletOnHost
from providers.adopting import does_not_exist, is_adopting
from providers.kind import UNKNOWN, Change, InputsAsState, ProviderError, ReadResult, Values, refuse_import
from providers.skycoin.change_of_user import refuse_running_of, refuse_unprepared
from providers.skycoin.host_findings import HostFindings
from providers.skycoin.node_urn import node_command
from providers.skycoin.older_images import FAULTS
from providers.skycoin.wallet_copy import copy_wallet, is_copied
from providers.skycoin.wallet_identity import (
    COPIED,
    EMPTY,
    FAULT,
    KEPT_OUT,
    RECORDED,
    UNRECORDED,
    WALLETS,
    accepts_empty,
    refreshed,
    refuse_empty,
    remembered,
    verified_state,
)

NATIVE, EMULATED = "native", "emulated"
PROBE_SECONDS = 120
"""Time limit of the probe in seconds: an emulated program on a slow board needs several to start."""


class Preflight(InputsAsState):
    """The passed checks as a resource: {engineVersion, runs: native|emulated}, and the wallets found."""

    inputs: ClassVar[tuple[str, ...]] = (
        "host",
        "engine",
        "sshOptions",
        "image",
        "platform",
        "emulation",
        "probe",
        "container",
        "wallet",
        "newWallet",
        "ports",
        "memory",
        "pullFrom",
        "user",
        "gui",
    )

    def __init__(
        self,
        hosts: HostFindings,
        client: Callable[[Values], Any] = connect,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._hosts = hosts
        self._client = client
        self._now = now

    def diff(self, olds: Values, old_inputs: Values, news: Values) -> Change:
        """Report every change as an update, so that the checks run again.

        Raises ProviderError if the node would move to another engine, since its wallet would stay behind.
        """
        if _is_elsewhere(old_inputs, news):
            raise ProviderError(_move_error(old_inputs, news))
        changed = sorted(self.changed(old_inputs, news))
        # A refresh asks too, with the old inputs: an error would end it before the new ones can accept a
        # loss. The preview and the update look again, before anything is changed.
        if any(olds.get(key) for key in (FAULT, KEPT_OUT, UNRECORDED)):
            changed.append("wallet")
        elif _has_uncopied(olds):
            changed.append(COPIED)
        return Change(updates=tuple(dict.fromkeys(changed)))

    def planned(self, news: Values, olds: Values | None) -> Values:
        """Predict the state for a preview, with facts from the host.

        Raises ProviderError for what `up` would refuse, as far as the host can be asked.
        """
        facts = self._hosts.foresee(news, (olds or {}).get("container"))
        if facts is not None and olds is not None:
            with suppress(ServiceError, *FAULTS):  # a preview goes on without facts that it can't get
                refuse_unprepared(self._client, olds, news)
        if facts is not None and olds is not None and _has_other_volume(olds, news):
            with suppress(ServiceError, *FAULTS):
                wallet = WalletOnHost(self._client(news), news)
                if wallet.has_image() or not wallet.exists():
                    refuse_empty(wallet, news, olds, remembered(olds))
        if olds is not None and (olds.get(KEPT_OUT) or olds.get(FAULT)):
            with suppress(ServiceError, *FAULTS) if facts is None else nullcontext():
                self._look_again(olds, news)
        runs = UNKNOWN if facts is None else _runs(facts.machine, news.get("platform"))
        return {**super().planned(news, olds), "runs": runs}

    def _look_again(self, olds: Values, news: Values) -> None:
        """Raise ProviderError if the node must not use its wallet, or if that has an unaccepted loss."""
        known = {} if _has_other_volume(olds, news) else olds
        wallet = WalletOnHost(self._client(news), news, _former(olds, news))
        observed = refreshed(wallet, news, known) if known or wallet.exists() else {}
        is_accepted = accepts_empty(news, olds) and observed.get(EMPTY)
        if problem := observed.get(KEPT_OUT) or (not is_accepted and observed.get(FAULT)):
            raise ProviderError(problem)

    def create(self, inputs: Values) -> tuple[str, Values]:
        """Run the checks for the first time; create the wallet volume, or adopt an existing one unchanged."""
        self._hosts.refuse(inputs, None)
        client = self._client(inputs)
        wallet = WalletOnHost(client, inputs)
        if is_adopting() and not wallet.exists():
            raise does_not_exist(f"the wallet volume {wallet.volume!r} on host {inputs['host']}")
        if not is_adopting():
            refuse_running_of(client, inputs)
        checks = self._check_image(client, inputs)
        state = {**inputs, **checks, **verified_state(wallet, inputs, None)}
        copied = self._copied(wallet, client, inputs, {}, state)
        return f"{inputs['host']}/{inputs['wallet']}", {**state, **copied}

    def read(self, identity: str, inputs: Values, state: Values) -> ReadResult | None:
        """Read the wallet volume again; the returned state records wallets that have grown."""
        refuse_import(inputs, "a preflight")
        wallet = WalletOnHost(self._client(inputs), inputs, inputs.get("container") or "")
        self._hosts.remark(inputs)
        kept_state = {key: value for key, value in state.items() if key not in (KEPT_OUT, UNRECORDED)}
        return ReadResult(
            identity=identity, state={**kept_state, **refreshed(wallet, inputs, kept_state)}, inputs=inputs
        )

    def update(self, identity: str, olds: Values, news: Values) -> Values:
        """Run the checks again; lost wallets are accepted only if the settings say so."""
        self._hosts.refuse(news, olds.get("container"))
        client = self._client(news)
        refuse_unprepared(lambda _: client, olds, news)
        checks, wallet = self._check_image(client, news), WalletOnHost(client, news, _former(olds, news))
        known: Values | None = olds
        if _has_other_volume(olds, news):
            known = None
            refuse_empty(wallet, news, olds, remembered(olds))
        before = _with_copies(known or {}, wallet.copies_changed())
        state = {**news, **checks, **verified_state(wallet, news, known)}
        return {**state, **self._copied(wallet, client, news, before, state)}

    def delete(self, identity: str, state: Values) -> None:
        """Do nothing: checks leave nothing behind, and the wallet volume belongs to another resource."""

    def _copied(
        self, wallet: WalletOnHost, client: Any, inputs: Values, known: Values, state: Values
    ) -> Values:
        """Copy the wallets of `state` if they are not those of the last copy; return what `state` gets.

        `known` is the state before, empty for another volume. A newly accepted empty wallet is marked among
        the copies. An adoption copies nothing, and compares the wallets with the newest copy. Raises
        NotCopiedError.
        """
        wallets, place = state.get(WALLETS), {**inputs, "backups": copies_volume(inputs["wallet"])}
        if is_adopting():
            if not (wallets and is_copied(client, place, inputs["image"], self._now())):
                return {}
        elif (wallets and known.get(COPIED) != wallets) or accepts_empty(inputs, known):
            copy_wallet(client, place, inputs["image"], self._now())
        return {COPIED: wallets, RECORDED: wallet.copies_changed()}

    def _check_image(self, client: Any, inputs: Values) -> Values:
        machine = client.info()["Architecture"]
        platform = inputs.get("platform")
        runs = _runs(machine, platform)
        if runs == EMULATED and inputs.get("emulation") != "allowed":
            raise ProviderError(
                f"host {inputs['host']} is {machine} and does not run {platform} natively. Give the host "
                "the arch of its board, or allow emulation there: `emulation: allowed`."
            )
        self._probe(client, inputs, machine)
        return {
            "engineVersion": f"{client.version()['Version']} on {machine}",
            "runs": runs,
        }

    def _probe(self, client: Any, inputs: Values, machine: str) -> None:
        """Run a program of the image once, without a network, volumes or privileges."""
        image = inputs["image"]
        code, printed = short_run(client, inputs, image, inputs["probe"], PROBE_SECONDS)
        if code:
            hint = (
                f" {inputs.get('platform') or 'The image'} does not run on this {machine}: install "
                "qemu-user-static (binfmt) there, or give the host the arch of its board."
                if "exec format error" in printed
                else ""
            )
            command = " ".join(inputs["probe"])
            raise ProviderError(
                f"host {inputs['host']}: `{command}` in {image} ended with {code}: {printed}.{hint}"
            )


def _former(olds: Values, news: Values) -> str:
    """Name of the node's container on its wallet until now; empty if it gets another wallet."""
    name: str = olds.get("container") or news["container"]
    return "" if _has_other_volume(olds, news) else name


def _with_copies(known: Values, changed: str | None) -> Values:
    """State without the wallets of the last copy, if the volume of copies has changed since a refresh.

    `changed` is the time of its last change before the checks, which write a record into it.
    """
    if changed and changed == known.get(RECORDED):
        return known
    return {key: value for key, value in known.items() if key != COPIED}


def _has_uncopied(olds: Values) -> bool:
    """True if a state has wallets that are not those of the last copy on the host."""
    return bool(olds.get(WALLETS)) and olds.get(COPIED) != olds[WALLETS]


def _has_other_volume(olds: Values, news: Values) -> bool:
    return bool(olds.get("wallet") != news["wallet"])


def _is_elsewhere(olds: Values, news: Values) -> bool:
    """True if a node's engine is another one: its address differs, or both host and ssh route do."""
    before, after = (engine_name(values.get("engine") or "") for values in (olds, news))
    ways = [way_of(values.get("sshOptions") or ()) for values in (olds, news)]
    return before != after or (olds.get("host") != news["host"] and ways[0] != ways[1])


def _runs(machine: str, platform: str | None) -> str:
    return NATIVE if runs_natively(machine, platform) else EMULATED


def _move_error(olds: Values, news: Values) -> str:
    places = [values.get("engine") or "this machine's engine" for values in (olds, news)]
    explanation = (
        f"the node's host changed from {places[0]} to {places[1]}, but editing the stack moves neither its "
        f"container nor the wallet volume {olds['wallet']!r}."
    )
    if olds["host"] == news["host"]:
        return (
            f"{explanation} Give {olds['host']} its old engine again, and the new engine another name in "
            "skycoin:hosts; `./skyinfra node move` moves the node there (docs/wallets.md, “Moving a wallet”)."
        )
    command = node_command("node move", "--to", news["host"])
    return (
        f"{explanation} `{command}` moves both; if {olds['host']} is dead, add `--from-backup FILE "
        "--identity KEY-FILE` (docs/wallets.md, “Moving a wallet”)."
    )
