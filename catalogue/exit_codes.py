"""Exit codes of `skyinfra` and of `make up`."""

FAILED = 1
"""A request was refused or failed, or a review had no preview; the message says why."""
USAGE = 2
"""Wrong usage: an unknown command or option, or a value that is not allowed; this is click's own code."""
REFUSED = 3
"""A printed page or table says that `pulumi up` would be refused."""
PART = 4
"""A part of a fleet needs attention or was skipped; the text says which."""
AT_RISK = 5
"""A printed page says that a wallet, a volume or something published could be lost, or that a rule is broken
or could not be checked."""
OTHER = 6
"""`apply` changed nothing, because something differs from what was approved; the message says what."""
INTERNAL = 70
"""An internal error of the program (sysexits.h, EX_SOFTWARE)."""
INTERRUPTED = 130
"""Ctrl-C or another signal ended the command."""
