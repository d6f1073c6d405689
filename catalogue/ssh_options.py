"""Options of every ssh connection to a host. They come before those of its settings: the first one wins."""

STRICT_HOST_KEYS = ("-o", "StrictHostKeyChecking=yes")
"""An unknown key is refused, whatever ~/.ssh/config says."""
