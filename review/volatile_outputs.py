"""Outputs that change without anyone's decision; reviews do not cover them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

VOLATILE: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "skycoin:index:Preflight": {
            "wallets": "a wallet grows while its node runs; one that has lost something refuses the preview",
            "walletsCopied": "the wallets of the last copy on the host; `up` copies a wallet that has grown",
            "walletRecorded": "the time of the last change of the volume with the wallet's copies",
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
UNDECIDED: Mapping[str, tuple[str, ...]] = MappingProxyType({"skycoin:index:Preflight": ("walletsCopied",)})
"""Type of a resource → outputs for the sake of which it is updated, without a decision."""


def stable_outputs(type_: str, outputs: Mapping[str, Any]) -> dict[str, Any]:
    """Outputs that change only by a decision, or by an outside change that `up` would notice."""
    return {key: value for key, value in outputs.items() if key not in VOLATILE.get(type_, ())}


def settled(step: Mapping[str, Any]) -> Mapping[str, Any]:
    """Remove undecided changes from a preview's step, which becomes `same` if it has no other change."""
    type_ = str((step.get("newState") or {}).get("type"))
    details, reasons = step.get("detailedDiff") or {}, step.get("diffReasons") or ()
    undecided = UNDECIDED.get(type_, ())
    if step["op"] != "update" or not any(path in undecided for path in (*details, *reasons)):
        return step
    details = {path: change for path, change in details.items() if path not in undecided}
    reasons = [path for path in reasons if path not in undecided]
    op = "update" if details or reasons else "same"
    return {**step, "op": op, "detailedDiff": details, "diffReasons": reasons}
