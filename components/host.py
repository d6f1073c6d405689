"""A host: a Docker engine, and what it may run."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Host:
    """An engine as a node's preflight reaches it. Its provider is the stack's to build."""

    name: str
    engine: str | None = None
    """`unix://…` or `ssh://USER@HOST`; None is the engine of the environment (DOCKER_HOST)."""
    ssh_options: Sequence[str] = ()
    platform: str | None = None
    """OCI platform of the variant that it is given; None lets the engine choose from the list."""
    emulation: bool = False
    """True lets an engine of another architecture run that variant by binfmt."""
