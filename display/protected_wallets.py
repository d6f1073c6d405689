"""Remedies for Pulumi's refusals to delete or replace a protected wallet, in place of unprotecting it."""

import re

from display.command_lines import skyinfra

MISSING_NODE = (
    "The node {node} is not in the stack's file any more, and its wallet is protected. To remove it: "
    "`{retire}`, which keeps its volumes. If it was renamed, write `renamed-from: {node}` under its new "
    "name; otherwise restore its entry."
)
OTHER_VOLUME = (
    "The wallet volume of the node {node} would be replaced, and its wallet is protected. Restore the old "
    "`wallet-volume`: another volume has other wallets, or none."
)
_WALLET = (
    r'resource "urn:pulumi:(?P<stack>[^:]+)::[^"]*skycoin:index:Node\$docker:index/volume:Volume::'
    r'(?P<node>[^"]+)-wallet"'
)
_REFUSALS = (
    (re.compile(f"{_WALLET} cannot be del"), MISSING_NODE),
    (re.compile(f"unable to replace {_WALLET}"), OTHER_VOLUME),
)
"""Refusal of `pkg/resource/deploy/step.go` or `step_generator.go` → remedy."""


def remedied(message: str) -> str:
    """Return the remedy for a refusal that protects a wallet; any other message is unchanged."""
    for refusal, remedy in _REFUSALS:
        if match := refusal.search(message):
            node = match["node"]
            return remedy.format(node=node, retire=skyinfra(match["stack"], "node retire", node))
    return message
