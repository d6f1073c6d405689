"""A host: its Docker engine, and the platform that it may run."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi


@dataclass(frozen=True, kw_only=True, slots=True)
class Host:
    """A host and the way to its engine, for this project's own provider; `program/` creates docker's."""

    name: str
    engine: str | None = None
    """`unix://…` or `ssh://USER@HOST[:PORT]`; None means the engine of the environment (DOCKER_HOST)."""
    ssh_options: Sequence[str] = ()
    platform: str | None = None
    """OCI platform of the variant to run; None lets the engine choose from the manifest list."""
    emulation: bool = False
    """True lets an engine of another architecture run the variant under emulation (binfmt_misc)."""
    after: Sequence[pulumi.Resource] = ()
    """Resources that must exist before the host is asked anything: the program's version."""

    @property
    def inputs(self) -> dict[str, Any]:
        """Inputs of every resource of this project's own provider that works on a host's engine."""
        return {"host": self.name, "engine": self.engine, "sshOptions": list(self.ssh_options)}

    def options(self, opts: pulumi.ResourceOptions | None) -> pulumi.ResourceOptions:
        """Options of a resource that may be the first one to ask the host, with the given ones."""
        return pulumi.ResourceOptions.merge(pulumi.ResourceOptions(depends_on=list(self.after)), opts)
