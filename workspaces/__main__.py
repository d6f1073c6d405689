"""Points to the command that replaced this module (kept for one version)."""

import sys

sys.exit("error: `python -m workspaces` is gone. Use `./skyinfra workspace files NAME`.")
