"""Facts about a workspace to open: its row in catalogue/workspaces.py, and the image that a stack built."""

from dataclasses import dataclass

from catalogue.naming import pinned
from catalogue.stack_outputs import StackOutputs
from catalogue.workspaces import DIND_SUFFIX, WORKSPACES
from display.errors import UserError


class WorkspaceError(UserError):
    """Raised if a workspace does not exist, or nothing may be written; the message gives the reason."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Model:
    """One workspace, with or without a nested engine."""

    name: str
    title: str
    image: str
    """`repo@sha256:…`."""
    dind: bool = False
    """True if the image contains an engine, and so needs privileges on the host."""
    ide_port: int | None = None
    """Port of its page in the container; None if it has no page."""


def model_of(name: str, outputs: StackOutputs, *, dind: bool = False) -> Model:
    """Workspace from the outputs of a stack that builds it. Raises WorkspaceError."""
    entry = WORKSPACES.get(name)
    if entry is None:
        raise WorkspaceError(f"{name!r} is not a workspace; there are {', '.join(WORKSPACES)}")
    made = outputs.get("workspaces") or {}
    if name not in made:
        raise WorkspaceError(f"the stack does not build {name}; it has {', '.join(made) or 'no workspace'}")
    try:
        refs = [
            pinned(variant["ref"])
            for tag, variant in made[name].items()
            if (tag.endswith(DIND_SUFFIX) or tag == entry.dind_alias) == dind
        ]
    except (ValueError, LookupError, TypeError, AttributeError):
        raise WorkspaceError("these are not the outputs of a stack of this program") from None
    if not refs:
        raise WorkspaceError(
            f"the stack builds {name} without a Docker engine: set `dind: true` for it in the stack's file, "
            "or leave out --dind"
        )
    return Model(name=name, title=entry.title, image=refs[0], dind=dind, ide_port=entry.ide_port)
