"""Points to the command that replaced this module (kept for one version)."""

import sys

sys.exit("error: `python -m review` is gone. Use `./skyinfra review --stack NAME`.")
