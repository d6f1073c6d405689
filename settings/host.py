"""`skycoin:hosts`: the Docker engines that containers run on."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from catalogue.boards import BOARDS
from settings.fields import ArchName, BoardName, Engine, RegistryName, SshOption
from settings.limits import Limits
from settings.ssh import ssh_fault


class Emulation(StrEnum):
    """Permission to run the host's variant with binfmt on an engine of another architecture."""

    REFUSED = "refused"
    ALLOWED = "allowed"


class HostSettings(Limits):
    """One entry of `skycoin:hosts`: a Docker engine, and limits for the nodes on it."""

    engine: Engine
    """Docker engine; `local` is the environment's engine (`DOCKER_HOST`, else the system's socket)."""
    arch: ArchName | None = None
    """Architecture of the images for this host; with a board, one that its processor runs. Default: its
    board's; without a board, the engine chooses from the manifest list."""
    emulation: Annotated[Emulation, Field(strict=False)] = Emulation.REFUSED
    """Permission for an engine of another architecture to run `arch` with binfmt."""
    board: BoardName | None = None
    """Kind of board, which sets limits and architecture. Default: none, a server."""
    ssh_options: Annotated[list[SshOption], Field(examples=[["-i", "/home/me/.ssh/boards"]])] = Field(
        default_factory=list
    )
    """Options of an `ssh://` engine, flag and value as two entries; the check of the host key stays on."""
    pull_from: RegistryName | None = None
    """Registry that this host pulls images of nodes, exporters, proxies and opened workspaces from. Default:
    `skycoin:pull-from`."""

    @model_validator(mode="after")
    def _board_fits(self) -> Self:
        hardware = BOARDS[self.board].hardware if self.board else None
        if hardware and self.arch and self.arch not in hardware.arches:
            raise ValueError(f"board {self.board} takes {', '.join(hardware.arches)}, not {self.arch}")
        return self

    @model_validator(mode="after")
    def _host_key_is_checked(self) -> Self:
        if (fault := ssh_fault(self.ssh_options)) is not None:
            raise ValueError(f"ssh-options: {fault}")
        if self.ssh_options and not self.engine.startswith("ssh://"):
            raise ValueError("ssh-options belong to an ssh:// engine")
        return self

    @property
    def address(self) -> str | None:
        """DOCKER_HOST of the engine; None for the environment's engine."""
        return None if self.engine == "local" else self.engine

    @property
    def variant(self) -> str | None:
        """Architecture that the host or its board declares; None lets the engine choose from the list."""
        return self.arch or (BOARDS[self.board].arch if self.board else None)
