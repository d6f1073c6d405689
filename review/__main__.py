"""Points to the command that has taken this module's place (kept for one version)."""

import sys

sys.exit("error: `python -m review` is gone. Use `./skyinfra review --stack NAME`.")
