"""Options of every ssh connection to a host, before the host's own: ssh uses the first value of an option."""

from collections.abc import Sequence

STRICT_HOST_KEYS = ("-o", "StrictHostKeyChecking=yes")
"""Options that refuse an unknown host key, whatever ~/.ssh/config says."""
_WAYS = ("-p", "-J")
_SETTINGS = ("proxyjump", "hostkeyalias")


def way_of(options: Sequence[str]) -> list[tuple[str, str]]:
    """Options that decide which machine is reached at an address: its port, jump host and key's name.

    `options` are pairs of a flag and its value (settings/ssh.py).
    """
    pairs = zip(options[::2], options[1::2], strict=False)
    settings = ((flag, value.replace("=", " ", 1).split()) for flag, value in pairs)
    return sorted(
        (flag if flag in _WAYS else words[0].lower(), words[-1])
        for flag, words in settings
        if flag in _WAYS or (flag == "-o" and words[0].lower() in _SETTINGS)
    )
