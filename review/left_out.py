"""Outputs that change without anybody's decision; reviews do not cover them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

LEFT_OUT: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "skycoin:index:Preflight": {
            "wallets": "a wallet grows while its node runs; one that has lost something refuses the preview",
        },
        "skycoin:index:NodeContainer": {
            "lastReplacement": "it is how long the last replacement took",
        },
        "skycoin:index:WalletBackup": {
            "backup": "it is when the newest copy was made; the type is one of version 0.1.0",
        },
        "docker:index/container:Container": {
            "networkDatas": "an engine gives addresses anew when a container starts",
            "exitCode": "it is how the last run ended",
        },
    }
)
"""Type of a resource → its output → reason why it is left out."""


def lasting(type_: str, outputs: Mapping[str, Any]) -> dict[str, Any]:
    """Outputs that change only by a decision, or by an outside change that `up` would notice."""
    return {key: value for key, value in outputs.items() if key not in LEFT_OUT.get(type_, ())}
