"""Allowed flags in a node's `args`, among those of v0.27.1 (src/skycoin/config.go)."""

from collections.abc import Sequence

from settings.fields import SECRET
from settings.words import did_you_mean

MANAGED = frozenset(
    {
        "data-dir",
        "db-path",
        "disable-csp",
        "disable-csrf",
        "disable-header-check",
        "disable-networking",
        "enable-all-api-sets",
        "enable-api-sets",
        "enable-gui",
        "gui-dir",
        "host-whitelist",
        "http-prof",
        "http-prof-host",
        "port",
        "storage-dir",
        "wallet-dir",
        "web-interface",
        "web-interface-addr",
        "web-interface-https",
        "web-interface-password",
        "web-interface-plaintext-auth",
        "web-interface-port",
        "web-interface-username",
    }
)
"""Flags that the settings decide; in `args` they could move a wallet or open an interface."""

SWITCHES = frozenset(
    {
        "color-log",
        "db-read-only",
        "disable-default-peers",
        "disable-incoming",
        "disable-outgoing",
        "disable-pex",
        "download-peerlist",
        "localhost-only",
        "no-ping-log",
        "reset-corrupt-db",
        "verify-db",
    }
)
"""Allowed flags without a value."""

VALUED = frozenset(
    {
        "blockchain-public-key",
        "burn-factor-create-block",
        "burn-factor-unconfirmed",
        "connection-rate",
        "disable-api-sets",
        "genesis-address",
        "genesis-signature",
        "genesis-timestamp",
        "log-level",
        "max-block-size",
        "max-connections",
        "max-decimals-create-block",
        "max-decimals-unconfirmed",
        "max-default-peer-outgoing-connections",
        "max-in-msg-len",
        "max-out-msg-len",
        "max-outgoing-connections",
        "max-txn-size-create-block",
        "max-txn-size-unconfirmed",
        "peerlist-size",
        "peerlist-url",
        "user-agent-remark",
    }
)
"""Allowed flags with a value."""


def fault_of(arguments: Sequence[str]) -> str | None:
    """First error in flags, which are read as Go's package `flag` reads them; None if there is none.

    Only listed flags are allowed, because others do harm: `-profile-cpu-file` truncates the file that it
    names, `-custom-peers-file` logs the lines of its file, and either may be a wallet; `-wallet-crypto-type`
    allows an encryption of wallets that the node's own source calls unsafe (src/wallet/crypto.go).
    """
    rest = iter(arguments)
    for argument in rest:
        name, assigned, _ = _without_dashes(argument).partition("=")
        if not argument.startswith("-") or not name or name.startswith("-"):
            return f"{argument!r} is not a flag: the node would ignore it and the rest; write -flag=value"
        if (fault := _refusal(name)) is not None:
            return f"-{name}{fault}"
        if name in VALUED and not assigned and next(rest, None) is None:
            return f"-{name} has no value; write -{name}=value"
    return None


def disabled_api_sets(arguments: Sequence[str]) -> list[str]:
    """API sets that valid flags disable; the last of several flags counts, as in Go's package `flag`."""
    sets, rest = "", iter(arguments)
    for argument in rest:
        name, assigned, value = _without_dashes(argument).partition("=")
        if name in VALUED and not assigned:
            value = next(rest, "")
        if name == "disable-api-sets":
            sets = value
    return sets.split(",")


def _without_dashes(argument: str) -> str:
    """Flag without its one or two dashes; Go refuses a third one."""
    return argument.removeprefix("-").removeprefix("-")


def _refusal(name: str) -> str | None:
    allowed = SWITCHES | VALUED
    if name in allowed:
        return None
    if name in MANAGED:
        return " could move a wallet or open the node to others, which only its settings may; remove it"
    if SECRET.search(name):
        return ": a secret would be in the state and on the host in plain text"
    return f" is not allowed; docs/stacks.md lists the allowed flags{did_you_mean(name, allowed)}"
