"""Changes of a node in terms of its settings, derived from the flags and ports in a preview."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from pulumi.runtime.rpc import UNKNOWN

from catalogue.node_container import OFFLINE, RPC_PORT
from review.opened import Opened
from review.published_ports import published
from review.steps import Step
from review.values import difference, short

JOINS = Opened(how="network: none → mainnet", what="it joins the public network")
LEAVES = "network: mainnet → none (it leaves the public network)"
PROXY = "its proxy's (behind a login)"
FOLLOWING = ("-port", "-host-whitelist", "-web-interface-addr")
"""Flags that follow from another setting, which is described separately here."""
OPENS = {
    "WALLET": "create wallets and sign with them",
    "INSECURE_WALLET_SEED": "give away seeds",
    "DEPRECATED_WALLET_SPEND": "spend from wallets",
}
"""Set of API calls → what its callers can do with wallets (v0.27.1, src/api/README.md)."""
ALL_SETS = "-enable-all-api-sets"
SETTINGS = {"-enable-api-sets": "api-sets", ALL_SETS: "all api-sets", "-enable-gui": "gui"}
Flags: TypeAlias = Mapping[str, str]


def node_differences(step: Step) -> Iterator[str]:
    """Sentences about the changes of a node's container, each setting once."""
    described: set[str] = set()
    for path in step.reasons:
        key = path.partition("[")[0].partition(".")[0]
        before, after = step.old.get(key), step.new.get(key)
        known = None not in (before, after) and UNKNOWN not in (before, after)
        words = _DESCRIBERS[key](before, after) if known and key in _DESCRIBERS else []
        if not words:
            yield difference(path, step.old.get(path), step.new.get(path))
        elif key not in described:
            yield from words
        described.add(key)


def _command(before: Sequence[Any], after: Sequence[Any]) -> list[str]:
    old, new = [*map(str, before)], [*map(str, after)]
    flags = [_values(arguments) for arguments in (old, new)]
    changes = [LEAVES] if _is_offline(flags[1]) and not _is_offline(flags[0]) else []
    changes += [str(one) for one in _opened(*flags)]
    described = {one.how for one in _opened(*flags)}
    changes += [change for change in _set(*flags) if change not in described]  # never shortened
    gone, come = (
        [argument for argument in mine if argument not in others and not _is_described(argument)]
        for mine, others in ((old, new), (new, old))
    )
    if gone or come:
        changes.append(f"args: {' '.join(gone) or 'none'} → {' '.join(come) or 'none'}")
    return changes


def opened_by(step: Step) -> Iterator[Opened]:
    """Yield what a step newly lets others do with a node; for a new node, only what its API lets them do."""
    before, after = step.old.get("command"), step.new.get("command")
    if isinstance(after, list):
        old = _values([*map(str, before)]) if isinstance(before, list) else None
        yield from _opened(old, _values([*map(str, after)]))


def _opened(before: Flags | None, after: Flags) -> Iterator[Opened]:
    """Yield what new flags let others do. `before` is None for a new node."""
    if before is not None and _is_offline(before) and not _is_offline(after):
        yield JOINS
    new = _usable(after) - _usable(before or {})
    if can := [what for name, what in OPENS.items() if name in new]:
        how = "; ".join(_given(after)) if before is None else _set(before, after)[0]
        yield Opened(how=how, what=f"the API can then {' and '.join(can)}")


def _usable(flags: Flags) -> set[str]:
    """Sets of API calls that need no login. A web interface needs WALLET, and is behind a login."""
    every = {"WALLET"} if ALL_SETS in flags else set[str]()
    login = {"WALLET"} if "-enable-gui" in flags else set[str]()
    return ({*flags.get("-enable-api-sets", "").split(",")} | every) - login


def _given(flags: Flags) -> list[str]:
    return [f"{SETTINGS[flag]}: {flags[flag]}" for flag in SETTINGS if flag in flags]


def _set(before: Flags, after: Flags) -> list[str]:
    """Settings of the API that differ, each with both values."""
    values = {
        setting: [flags.get(flag, "none") for flags in (before, after)] for flag, setting in SETTINGS.items()
    }
    return [f"{setting}: {was} → {would}" for setting, (was, would) in values.items() if was != would]


def _is_offline(flags: Flags) -> bool:
    return flags.get(OFFLINE, "false").lower() not in ("false", "f", "0")


def _values(arguments: Sequence[str]) -> dict[str, str]:
    """Flag → its value, or `on` for a switch; of a flag given twice, the node takes the last value."""
    return {_flag(argument): argument.partition("=")[2] or "on" for argument in arguments}


def _flag(argument: str) -> str:
    """Name of a flag, which may be given with one `-` or two."""
    return f"-{argument.partition('=')[0].lstrip('-')}"


def _is_described(argument: str) -> bool:
    return _flag(argument) in (OFFLINE, *FOLLOWING, *SETTINGS)


def _ports(before: Sequence[Any], after: Sequence[Any]) -> list[str]:
    was, would = published(before), published(after)
    return [
        f"rpc-port: {was.get(inside, PROXY)} → {would.get(inside, PROXY)}"
        if inside == RPC_PORT
        else f"peer-port: {was.get(inside, 'none')} → {would.get(inside, 'none')}"
        for inside in sorted({*was, *would})
        if was.get(inside) != would.get(inside)
    ]


def _memory(before: Any, after: Any) -> list[str]:
    return [f"memory: {short(before)} → {short(after)} MiB"]


_DESCRIBERS = {"command": _command, "ports": _ports, "memory": _memory}
