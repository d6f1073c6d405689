"""Allowed ssh options of a host: none of them can switch off the check of its key."""

from collections.abc import Sequence

SSH_FLAGS = ("-i", "-J", "-p", "-o")
SSH_SETTINGS = (
    "IdentitiesOnly",
    "IdentityFile",
    "ConnectTimeout",
    "ServerAliveInterval",
    "UserKnownHostsFile",
    "HostKeyAlias",
    "ProxyJump",
    "StrictHostKeyChecking",
)
"""Allowed settings (ssh_config(5)). The values of two are checked: they could switch off the key's check."""


def ssh_fault(options: Sequence[str]) -> str | None:
    """Reason why ssh options are refused, or None. Only those that keep the check of the key are allowed."""
    rest = list(options)
    while rest:
        flag = rest.pop(0)
        if flag not in SSH_FLAGS or not rest:
            return (
                f"{flag!r} is not allowed or has no value; allowed: {', '.join(SSH_FLAGS)}, each with a value"
            )
        value = rest.pop(0)
        if flag != "-o":
            continue
        name, _, setting = value.replace("=", " ", 1).strip().partition(" ")
        if name.lower() not in map(str.lower, SSH_SETTINGS):
            return f"{value!r} is not allowed; -o accepts {', '.join(SSH_SETTINGS)}"
        if name.lower() == "stricthostkeychecking" and setting.strip(" \"'") not in ("yes", "ask"):
            return f"{value!r} accepts unknown host keys: add the host's key to a known_hosts file"
        if name.lower() == "userknownhostsfile" and setting.strip(" \"'") in ("/dev/null", "none"):
            return f"{value!r} forgets every host key: add the host's key to a known_hosts file"
    return None
