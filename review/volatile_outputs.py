"""Outputs that change without anyone's decision; reviews do not cover them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

VOLATILE: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "skycoin:index:Preflight": {
            "wallets": "a wallet grows while its node runs; one that has lost something refuses the preview",
            "walletsCopied": "the wallets of the last copy on the host; `up` copies one that has grown",
            "walletRecorded": "the time of the last copy of the wallet",
        },
        "skycoin:index:NodeContainer": {
            "lastReplacement": "the duration of the last replacement",
        },
        "skycoin:index:WalletBackup": {
            "backup": "the time of the newest copy; a type of version 0.1.0 only",
        },
        "docker:index/container:Container": {
            "networkDatas": "an engine assigns new addresses when a container starts",
            "exitCode": "the exit code of the last run",
        },
    }
)
"""Type of a resource → its output → why it changes."""


def stable_outputs(type_: str, outputs: Mapping[str, Any]) -> dict[str, Any]:
    """Outputs that change only by a decision, or by an outside change that `up` would notice."""
    return {key: value for key, value in outputs.items() if key not in VOLATILE.get(type_, ())}


def settled(step: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a preview's step, as `same` if it is an update for the sake of such outputs alone."""
    type_ = str((step.get("newState") or {}).get("type"))
    paths = {*(step.get("detailedDiff") or ()), *(step.get("diffReasons") or ())}
    if step["op"] != "update" or not paths or paths - {*VOLATILE.get(type_, ())}:
        return step
    return {**step, "op": "same", "detailedDiff": None, "diffReasons": None}
