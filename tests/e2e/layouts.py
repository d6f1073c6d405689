"""Layouts of set-ups that the tests make without `make up`."""

import os
from pathlib import Path

from local.layout import EngineChoice, Layout, Mode

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "skycoin-infrastructure"
"""Cache of every set-up of this user: tools, Go modules, base images."""


def layout_in(state: Path, registry_port: int, *, cache: Path = CACHE, mode: Mode = Mode.AUTO) -> Layout:
    """A set-up with an engine of its own, whose state and builder lie in one folder."""
    return Layout(
        state=state,
        cache=cache,
        builder_root=state / "buildkit",
        registry_port=registry_port,
        engine=EngineChoice.OWN,
        mode=mode,
    )
