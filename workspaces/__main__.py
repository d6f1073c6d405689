"""Points to the command that has taken this module's place (kept for one version)."""

import sys

sys.exit("error: `python -m workspaces` is gone. Use `./skyinfra workspace files NAME`.")
