"""Layouts of set-ups that tests create without `make up`."""

import os
from pathlib import Path

from local.machine.layout import EngineChoice, Layout, Mode

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "skycoin-infrastructure"
"""Cache that all set-ups of this user share: tools, Go modules, base images."""


def layout_in(state: Path, registry_port: int, *, cache: Path = CACHE, mode: Mode = Mode.AUTO) -> Layout:
    """Layout of a set-up with its own engine, whose state and builder are in one folder."""
    return Layout(
        state=state,
        cache=cache,
        builder_root=state / "buildkit",
        registry_port=registry_port,
        engine=EngineChoice.OWN,
        mode=mode,
    )
