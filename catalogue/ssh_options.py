"""Options of every ssh connection to a host, before the host's own: ssh uses the first value of an option."""

STRICT_HOST_KEYS = ("-o", "StrictHostKeyChecking=yes")
"""Refuse an unknown host key, whatever ~/.ssh/config says."""
