"""`skycoin:hosts`: the Docker engines that containers run on."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from catalogue.boards import BOARDS
from settings.fields import ArchName, BoardName, Engine
from settings.model import Settings
from settings.ssh import ssh_fault


class Emulation(StrEnum):
    """Whether an engine of another architecture may run the host's variant by binfmt."""

    REFUSED = "refused"
    ALLOWED = "allowed"


class HostSettings(Settings):
    """One entry of `skycoin:hosts`: a Docker engine."""

    engine: Engine
    arch: ArchName | None = None
    emulation: Annotated[Emulation, Field(strict=False)] = Emulation.REFUSED
    board: BoardName | None = None
    ssh_options: list[str] = Field(default_factory=list)
    pull_from: str | None = None

    @model_validator(mode="after")
    def _board_fits(self) -> Self:
        if self.board and self.arch and BOARDS[self.board].arch != self.arch:
            raise ValueError(f"board {self.board} takes {BOARDS[self.board].arch}, not {self.arch}")
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
        """DOCKER_HOST of the engine; None is the environment's."""
        return None if self.engine == "local" else self.engine

    @property
    def variant(self) -> str | None:
        """Declared architecture: its own, or its board's; None lets the engine choose from the list."""
        return self.arch or (BOARDS[self.board].arch if self.board else None)
