"""`make review`: a stack's preview as a page for a pull request."""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence

from local.layout import PROJECT
from local.steps import SetupError
from review.changes import PreviewError, read_changes
from review.markdown import page


def review_stack(stack: str, options: Sequence[str], env: Mapping[str, str]) -> int:
    """Print the page; the preview's own exit code."""
    command = ["pulumi", "preview", "--refresh", "--json", "--run-program", *options]
    done = subprocess.run(
        command, env={**os.environ, **env}, cwd=PROJECT, text=True, stdout=subprocess.PIPE, check=False
    )
    try:
        changes = read_changes(json.loads(done.stdout))
    except (PreviewError, ValueError, KeyError, TypeError):
        raise SetupError(f"`{' '.join(command)}` printed no preview: see above.") from None
    print(page(changes, stack), end="")
    return done.returncode
