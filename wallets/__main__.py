"""Points to the command that replaced this module (kept for one version)."""

import sys

sys.exit("error: `python -m wallets` is gone. Use `./skyinfra wallet --help`.")
