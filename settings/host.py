"""`skycoin:hosts`: the Docker engines that containers run on."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from catalogue.boards import BOARDS, SERVER, Board
from settings.fields import ArchName, BoardName, Engine, RegistryName, SshOption
from settings.limits import Limits, limited
from settings.ssh import ssh_fault


class Emulation(StrEnum):
    """Emulation of the host's variant with binfmt, on an engine of another architecture."""

    REFUSED = "refused"
    ALLOWED = "allowed"


class HostSettings(Limits):
    """One entry of `skycoin:hosts`: a Docker engine, and limits for the nodes on it."""

    engine: Engine
    """Docker engine; `local` is the one in `DOCKER_HOST`, or that of the system's socket if it is not set."""
    arch: ArchName | None = None
    """Architecture of the images for this host; with a board, one that its processor runs. Default: that
    of its board; without a board, the engine chooses from the manifest list."""
    emulation: Annotated[Emulation, Field(strict=False)] = Emulation.REFUSED
    """Emulation of `arch` with binfmt, if the engine has another architecture."""
    board: BoardName | None = None
    """Model of the board, which sets limits and architecture. Default: none, for a server."""
    ssh_options: Annotated[list[SshOption], Field(examples=[["-i", "/home/me/.ssh/boards"]])] = Field(
        default_factory=list
    )
    """Options of ssh for an `ssh://` engine, flag and value as two entries; none can skip the check of the
    host key."""
    pull_from: RegistryName | None = None
    """Registry that this host pulls images of nodes, exporters, proxies and opened workspaces from. Default:
    `skycoin:pull-from`."""

    def _arch_fits_board(self) -> str | None:
        hardware = BOARDS[self.board].hardware if self.board else None
        if not (hardware and self.arch) or self.arch in hardware.arches:
            return None
        allowed = ", ".join(hardware.arches)
        return f"arch {self.arch} does not run on board {self.board}; allowed: {allowed}"

    def _host_key_is_checked(self) -> str | None:
        fault = ssh_fault(self.ssh_options)
        return f"ssh-options: {fault}" if fault is not None else None

    def _ssh_options_are_used(self) -> str | None:
        if not self.ssh_options or self.engine.startswith("ssh://"):
            return None
        return f"ssh-options need an ssh:// engine; engine is {self.engine}: remove them"

    key_rules = (_arch_fits_board, _host_key_is_checked, _ssh_options_are_used)

    @property
    def address(self) -> str | None:
        """DOCKER_HOST of the engine; None for the environment's engine."""
        return None if self.engine == "local" else self.engine

    @property
    def variant(self) -> str | None:
        """Architecture that the host or its board declares; None lets the engine choose from the list."""
        return self.arch or (BOARDS[self.board].arch if self.board else None)

    def limits_of(self, node: Limits) -> Board:
        """Limits and timing of a node on this host: its own, otherwise the host's, otherwise the board's."""
        return limited(BOARDS[self.board] if self.board else SERVER, self, node)

    def is_memory_chosen(self, node: Limits) -> bool:
        """True if a setting or a board gives a node's memory; the host may have less than the default."""
        return any(value is not None for value in (self.board, self.memory, node.memory))
