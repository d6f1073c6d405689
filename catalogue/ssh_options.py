"""Options of every ssh connection to a host. They precede the host's own options: for ssh the first wins."""

STRICT_HOST_KEYS = ("-o", "StrictHostKeyChecking=yes")
"""Refuse an unknown host key, whatever ~/.ssh/config says."""
