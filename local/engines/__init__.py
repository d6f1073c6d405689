"""Docker engines of this machine: its own, one for the set-up alone, and emulation of ARM."""
