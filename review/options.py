"""Changed resource options (protection, order, provider, hooks), which a preview reports as `same`.

Options are not inputs, so Pulumi shows nothing if only options differ. The state's options are compared with
the program's, for every resource that both have. A refresh that runs the program (`--run-program`) already
takes the program's options, so those of the state are read from the step of the refresh.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from pulumi.runtime.rpc import UNKNOWN

from catalogue.node_container import WALLET
from catalogue.ssh_options import STRICT_HOST_KEYS
from catalogue.urns import name_of, parents_of, type_of
from clients.pulumi import NODE_CONTAINER
from review.complete import hides_sames
from review.steps import in_state, provider_of

BUILD = "docker-build:index:Image"
TAG = "skycoin:index:Tag"
VOLUME = "docker:index/volume:Volume"
NODE = "skycoin:index:Node"
PREFLIGHT = "skycoin:index:Preflight"
PROVIDERS = "pulumi:providers:"
KEPT = "`retain_on_delete`"
SHOWN = "no longer keeps secret the output"
UNHOOKED = "no longer runs the hook"
ENGINE, WAY = "reaches another engine", "is reached with other ssh options"
"""Beginnings of the changes of a host's provider."""

PASSING = ("read", "refresh", "discard", "delete-replaced", "discard-replaced", "remove-pending-replace")
"""Operations that don't show what the program wants for a resource."""
NOUNS = {VOLUME: "volume", BUILD: "image", TAG: "tag"}
REMOVED = {
    "ignoreChanges": "no longer ignores a difference of",
    "additionalSecretOutputs": SHOWN,
    "resourceHooks": UNHOOKED,
}
"""Option that lists names → meaning of a removed name."""
ADDED = {
    "ignoreChanges": "ignores from now on a difference of",
    "replaceWith": "is replaced from now on together with",
    "replaceOnChanges": "is replaced from now on where this differs:",
    "resourceHooks": "runs the hook",
}
_IN_WORDS = re.compile(r"(?<=[a-z])(?=[A-Z])")
GAINED = {"protect": "is protected from now on", "retainOnDelete": f"is kept from now on ({KEPT})"}

State: TypeAlias = Mapping[str, Any]
"""A resource in a preview, before or after the change."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Loss:
    """One sentence about a possible permanent loss."""

    text: str
    wallet: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """Changed options, and possible permanent losses."""

    losses: tuple[Loss, ...] = ()
    """Resources that would be without protection, volumes that would be replaced, removed or created empty,
    wallets that would be exchanged or given up, and exact tags that may get other content."""
    changes: tuple[tuple[str, str], ...] = ()
    """(resource, what changes), in the order of the program."""
    complete: bool = True
    """False if the preview omits unchanged resources."""


def read_options(preview: Mapping[str, Any]) -> Options:
    """Compare the options in a preview's steps; only the first step of a replacement counts."""
    steps: dict[str, Mapping[str, Any]] = {}
    recorded = _recorded(preview)
    for step in preview.get("steps") or ():
        if step["op"] not in PASSING:
            steps.setdefault(step["urn"], _over_state(step, recorded))
    order = _Order(steps.values())
    known = in_state(preview)
    left = (step for step in preview.get("steps") or () if step["op"] == "delete-replaced")
    return Options(
        losses=(
            *(loss for step in steps.values() for loss in _losses(step)),
            *(loss for step in steps.values() for loss in _gone(step, known)),
            *(loss for step in steps.values() for loss in _exchanged(step, known)),
            *(loss for step in steps.values() for loss in _given_up(step)),
            *(loss for step in steps.values() for loss in _movable(step)),
            *(loss for step in left for loss in _left_losses(step, steps.get(step["urn"]))),
        ),
        changes=tuple(
            (name_of(step["urn"]), change)
            for step in steps.values()
            if step.get("oldState") and step.get("newState")
            for change in _changes(step["oldState"], step["newState"], order)
        ),
        complete=not hides_sames(preview),
    )


def _recorded(preview: Mapping[str, Any]) -> dict[str, State]:
    """Resource → its state before the refresh, without states that an interrupted replacement has left."""
    refreshes = (step for step in preview.get("steps") or () if step["op"] == "refresh")
    states = ((step["urn"], step.get("oldState") or {}) for step in refreshes)
    return {urn: state for urn, state in states if not state.get("delete")}


def _over_state(step: Mapping[str, Any], recorded: Mapping[str, State]) -> Mapping[str, Any]:
    """Give a step the options of the state; its inputs and outputs stay as the refresh found them."""
    old = step.get("oldState") or {}
    state = recorded.get(old.get("urn", ""))
    if not state:
        return step
    found = {key: old[key] for key in ("inputs", "outputs") if key in old}
    return {**step, "oldState": {**state, **found}}


def _losses(step: Mapping[str, Any]) -> Iterator[Loss]:
    old, new = step.get("oldState") or {}, step.get("newState") or {}
    state = {"urn": step["urn"], **(new or old)}
    subject, wallet = _describe(state), _is_wallet(state)
    if new and (word := _missing("protect", old, new, wallet=wallet)):
        yield Loss(text=f"{subject} {word} protected: {_unprotected(wallet=wallet)}.", wallet=wallet)
    if new and (word := _missing("retainOnDelete", old, new, wallet=wallet)):
        yield Loss(text=f"{subject} {word} kept ({KEPT}): {_not_kept(state)}.", wallet=wallet)
    if type_of(state["urn"]) == VOLUME:
        if "replace" in step["op"]:
            yield Loss(text=f"{subject} would be replaced by an empty volume.", wallet=wallet)
        if step["op"] == "delete" and not old.get("retainOnDelete"):
            yield Loss(text=f"{subject} would be removed, with its data.", wallet=wallet)


def _left_losses(step: Mapping[str, Any], present: Mapping[str, Any] | None) -> Iterator[Loss]:
    """Loss of a volume that an interrupted replacement has left; `_losses` has those replaced in this run."""
    old = step.get("oldState") or {}
    is_of_this_run = present is not None and "replace" in present["op"]
    if type_of(step["urn"]) == VOLUME and not is_of_this_run and not old.get("retainOnDelete"):
        state = {"urn": step["urn"], **old}
        yield Loss(
            text=f"{_describe(state)}, the old one of an interrupted replacement, would be removed, with its "
            "data.",
            wallet=_is_wallet(state),
        )


def _gone(step: Mapping[str, Any], known: Mapping[str, State]) -> Iterator[Loss]:
    """Loss of a volume that a refresh did not find."""
    if type_of(step["urn"]) == VOLUME and step["op"] == "create" and step["urn"] in known:
        state = {"urn": step["urn"], **(step.get("newState") or {})}
        text = f"{_describe(state)} is gone from its host, and would be created empty."
        yield Loss(text=text, wallet=_is_wallet(state))


def _exchanged(step: Mapping[str, Any], known: Mapping[str, State]) -> Iterator[Loss]:
    """Loss of a node's wallets through another wallet volume; the old one may stay in the stack."""
    if type_of(step["urn"]) != NODE_CONTAINER:
        return
    old = (step.get("oldState") or {}).get("inputs") or known.get(step["urn"]) or {}
    new = (step.get("newState") or {}).get("inputs") or {}
    for before, after in zip(_wallets(old), _wallets(new), strict=True):
        if before and after is not None and before != after:
            node = f"The node `{new.get('name')}` on host {new.get('host')}"
            yield Loss(
                text=f"{node} would get another wallet volume, {_quoted(after)} in place of `{before}`: "
                "it would have other wallets, or none.",
                wallet=True,
            )
            return


def _quoted(volume: object) -> str:
    return "one that is not known yet" if volume == UNKNOWN else f"`{volume}`"


def _wallets(inputs: State) -> tuple[object, object]:
    """Wallet volume of a node's container by its input `wallet`, and by its mounts; None for what is unknown.

    The second is `none` if no volume is mounted for the wallet.
    """
    mounts = inputs.get("mounts")
    if not isinstance(mounts, list):
        return inputs.get("wallet"), None
    entries = [mount for mount in mounts if isinstance(mount, Mapping) and mount.get("target") == WALLET]
    return inputs.get("wallet"), next((mount.get("source") for mount in entries), "none")


def _given_up(step: Mapping[str, Any]) -> Iterator[Loss]:
    """Loss of a wallet that `up` would accept from now on, if its volume is missing or empty."""
    before, now = ((step.get(side) or {}).get("inputs") or {} for side in ("oldState", "newState"))
    if type_of(step["urn"]) == PREFLIGHT and now.get("newWallet") and not before.get("newWallet"):
        yield Loss(
            text=f"The wallet volume `{now.get('wallet')}` on host {now.get('host')} may be missing or empty "
            "from now on (`new-wallet: true`): `up` then accepts that its wallets are lost, and starts with "
            "none.",
            wallet=True,
        )


def _movable(step: Mapping[str, Any]) -> Iterator[Loss]:
    """Loss of the promise that a published release never changes."""
    before, now = ((step.get(side) or {}).get("inputs") or {} for side in ("oldState", "newState"))
    place = [now.get(key) for key in ("repository", "tag")]
    is_same = place == [before.get(key) for key in ("repository", "tag")]
    if type_of(step["urn"]) == TAG and before.get("immutable") and is_same and not now.get("immutable"):
        yield Loss(
            text=f"The tag `{':'.join(map(str, place))}` was published as an exact one, and may get other "
            "content from now on: people who have pulled it would get another image under its name.",
            wallet=False,
        )


def _missing(option: str, old: State, new: State, *, wallet: bool) -> str:
    """Describe a removed option, or one that a wallet never had; empty if nothing is wrong."""
    if new.get(option):
        return ""
    if old.get(option):
        return "is no longer"
    return "is not" if wallet else ""


def _unprotected(*, wallet: bool) -> str:
    if wallet:
        return "Pulumi would not refuse to take its node out of the stack, or to destroy the stack"
    return "Pulumi would not refuse to delete it"


def _not_kept(state: State) -> str:
    if type_of(state["urn"]) == VOLUME:
        return "if Pulumi deletes it, its data is lost"
    return "if it leaves the stack, Pulumi also deletes the real resource"


def _is_wallet(state: State) -> bool:
    urn = state["urn"]
    return type_of(urn) == VOLUME and parents_of(urn).endswith(NODE) and name_of(urn).endswith("-wallet")


def _describe(state: State) -> str:
    """Name of a resource in messages; for a volume, its name and its host."""
    token = type_of(state["urn"])
    noun = NOUNS.get(token, token.rpartition(":")[2])
    if token != VOLUME:
        return f"The {noun} `{name_of(state['urn'])}`"
    volume = (state.get("inputs") or {}).get("name") or name_of(state["urn"])
    return f"The {'wallet ' if _is_wallet(state) else ''}{noun} `{volume}` on host {provider_of(state)}"


class _Order:
    """Dependencies between the program's resources, by their URNs in the program."""

    def __init__(self, steps: Iterable[Mapping[str, Any]]) -> None:
        pairs = [(step.get("oldState") or {}, step.get("newState") or {}) for step in steps]
        self._today = {old.get("urn"): str(new.get("urn")) for old, new in pairs if old and new}
        self._direct = {str(new.get("urn")): set(new.get("dependencies") or ()) for _, new in pairs if new}

    def lost(self, old: State, new: State) -> list[str]:
        """Names of existing resources that a resource no longer depends on, directly or indirectly."""
        before = {self._today.get(urn, urn) for urn in old.get("dependencies") or ()}
        gone = (before & self._direct.keys()) - self._all(str(new.get("urn")))
        return sorted(map(name_of, gone))

    def _all(self, urn: str) -> set[str]:
        reached, left = set[str](), [urn]
        while left:
            fresh = self._direct.get(left.pop(), set()) - reached
            reached |= fresh
            left += fresh
        return reached


def _changes(old: State, new: State, order: _Order) -> Iterator[str]:
    """Yield phrases about one resource's changed options, without its name and its permanent losses."""
    for option, words in GAINED.items():
        if new.get(option) and not old.get(option):
            yield words
    before, after = provider_of(old), provider_of(new)
    if old.get("type") == new.get("type") and before != after:
        yield f"provider {before or 'none'} → {after or 'none'}"
    if waits := order.lost(old, new):
        yield f"no longer waits for {', '.join(waits)}"
    for option, words in REMOVED.items():
        yield from (f"{words} {name}" for name in sorted(_listed(old, option) - _listed(new, option)))
    for option, words in ADDED.items():
        yield from (f"{words} {name}" for name in sorted(_listed(new, option) - _listed(old, option)))
    if old.get("replacementTrigger") != new.get("replacementTrigger"):
        yield "is replaced because its `replacement_trigger` differs"
    if old.get("deletedWith") != new.get("deletedWith"):
        with_ = [name_of(str(state.get("deletedWith") or "nothing")) for state in (old, new)]
        yield f"is deleted implicitly with {with_[0]} → {with_[1]} (`deleted_with`)"
    yield from _engine(old, new)


def _engine(old: State, new: State) -> Iterator[str]:
    """Describe a docker provider's new engine, where its resources will be looked up, and new way to it."""
    if not str(new.get("type")).startswith(f"{PROVIDERS}docker"):
        return
    before, after = (_address(state.get("inputs") or {}) for state in (old, new))
    if before != after:
        yield f"{ENGINE}: {before} → {after}"
    ways = [_ssh_options((state.get("inputs") or {}).get("sshOpts")) for state in (old, new)]
    if ways[0] != ways[1]:
        yield f"{WAY}: {ways[0] or 'none'} → {ways[1] or 'none'}"


def _address(inputs: State) -> str:
    """Describe where a provider's engine is: its address, its context, or the environment's."""
    context = inputs.get("context")
    return str(inputs.get("host") or (f"context {context}" if context else "that of the environment"))


def _ssh_options(given: object) -> str:
    """A host's own ssh options on one line; the SDK sends lists in a provider's inputs as JSON text."""
    try:
        options = json.loads(given) if isinstance(given, str) else given
    except ValueError:  # not known, or a secret
        return str(given)
    words = tuple(map(str, options)) if isinstance(options, list) else ()
    strict = len(STRICT_HOST_KEYS)
    return " ".join(words[strict:] if words[:strict] == STRICT_HOST_KEYS else words)


def _listed(state: State, option: str) -> set[str]:
    """Names in an option; for hooks, each with the time when it runs, such as `(before delete)`."""
    value = state.get(option) or ()
    if isinstance(value, Mapping):
        times = {when: _IN_WORDS.sub(" ", when).lower() for when in value}
        return {f"{name} ({times[when]})" for when, names in value.items() for name in names}
    return {name_of(str(name)) if option == "replaceWith" else str(name) for name in value}
