"""Changes of a node in terms of its settings, derived from the flags and ports in a preview."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pulumi.runtime.rpc import UNKNOWN

from catalogue.node_container import OFFLINE, RPC_PORT
from review.steps import Step
from review.values import difference, short

JOINS = "network: none → mainnet (**it joins the public network**)"
LEAVES = "network: mainnet → none (it leaves the public network)"
PROXY = "its proxy's (behind a login)"
FOLLOWING = ("-port", "-host-whitelist", "-web-interface-addr")
"""Flags that follow from another setting, which is described separately here."""
OPENS = {
    "WALLET": "create wallets and sign with them",
    "INSECURE_WALLET_SEED": "give away seeds",
    "DEPRECATED_WALLET_SPEND": "spend from wallets",
}
"""Set of API calls → what it does with wallets (v0.27.1, src/api/README.md)."""
SETTINGS = {"-enable-api-sets": "api-sets", "-enable-gui": "gui"}


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
    changes, old, new = [], [*map(str, before)], [*map(str, after)]
    if (OFFLINE in old) != (OFFLINE in new):
        changes.append(JOINS if OFFLINE in old else LEAVES)
    flags = [_values(arguments) for arguments in (old, new)]
    for flag, setting in SETTINGS.items():
        was, would = (values.get(flag, "none") for values in flags)
        if was != would:  # never shortened, because its end may be what matters
            changes.append(f"{setting}: {was} → {would}{_opened(was, would, flags[1])}")
    gone, come = (
        [argument for argument in mine if argument not in others and not _is_described(argument)]
        for mine, others in ((old, new), (new, old))
    )
    if gone or come:
        changes.append(f"args: {' '.join(gone) or 'none'} → {' '.join(come) or 'none'}")
    return changes


def opened_by(step: Step) -> Iterator[str]:
    """Sentence about the API of a new node, if it can use the node's wallets."""
    command = step.new.get("command")
    flags = _values([*map(str, command)]) if isinstance(command, list) else {}
    sets = flags.get("-enable-api-sets", "")
    if can := _opened("", sets, flags):
        yield f"api-sets: {sets}{can}"


def _opened(before: str, after: str, flags: Mapping[str, str]) -> str:
    """Describe what new sets of API calls do with wallets; empty if they do nothing.

    A web interface needs WALLET, and is behind a login.
    """
    login = {"WALLET"} if "-enable-gui" in flags else set[str]()
    new = {*after.split(",")} - {*before.split(",")} - login
    can = [what for name, what in OPENS.items() if name in new]
    return f" (**the API can then {' and '.join(can)}**)" if can else ""


def _values(flags: Sequence[str]) -> dict[str, str]:
    """Flag → its value, or `on` for a switch."""
    return {name: value or "on" for name, _, value in (flag.partition("=") for flag in flags)}


def _is_described(flag: str) -> bool:
    name = flag.partition("=")[0]
    return name in (OFFLINE, *FOLLOWING, *SETTINGS)


def _ports(before: Sequence[Any], after: Sequence[Any]) -> list[str]:
    was, would = _published(before), _published(after)
    return [
        f"rpc-port: {was.get(inside, PROXY)} → {would.get(inside, PROXY)}"
        if inside == RPC_PORT
        else f"peer-port: {was.get(inside, 'none')} → {would.get(inside, 'none')}"
        for inside in sorted({*was, *would})
        if was.get(inside) != would.get(inside)
    ]


def _published(ports: Sequence[Any]) -> Mapping[int, str]:
    """Port in the container → address and port on the host; empty if the preview does not show them."""
    return {
        int(port["internal"]): f"{port['ip']}:{int(port['external'])}"
        for port in ports
        if isinstance(port, dict) and {"internal", "external", "ip"} <= port.keys()
    }


def _memory(before: Any, after: Any) -> list[str]:
    return [f"memory: {short(before)} → {short(after)} MiB"]


_DESCRIBERS = {"command": _command, "ports": _ports, "memory": _memory}
