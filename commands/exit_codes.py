"""Exit codes of `skyinfra`."""

from fleet import parts

FAILED = 1
"""A request was refused or failed, and a review had no preview; the message says why."""
USAGE = 2
"""A command line that is not understood (click's own)."""
REFUSED = 3
"""A page or a table was printed, and it says that `pulumi up` would be refused."""
PART = parts.PART
"""A part of a fleet needs attention, or was left out; the text says which."""
AT_RISK = 5
"""A page was printed: a wallet, a volume or something published could be lost, or a rule does not hold."""
OTHER = 6
"""`apply`: what is here is not what was approved, and nothing was changed; the message names what differs."""
INTERNAL = 70
"""A fault of the program (sysexits.h, EX_SOFTWARE)."""
INTERRUPTED = 130
"""Ctrl-C, or another signal that ends a command."""
