"""From the settings of an opened workspace to the workspace on its host."""

import pulumi
import pulumi_docker as docker

from components.workspace import Workspace, WorkspaceArgs
from stacks.opening import OpenSettings
from stacks.opening_rules import page_port, workspace_container, workspace_volumes
from stacks.settings import WorkspaceSettings
from stacks.workspaces import WORKSPACES


def open_workspace(
    name: str,
    workspace: WorkspaceSettings,
    opening: OpenSettings,
    image: pulumi.Input[str],
    provider: docker.Provider,
) -> dict[str, pulumi.Input[str]]:
    """The component on its host's provider; what the outputs say of it."""
    entry = WORKSPACES[name]
    home, data = workspace_volumes(name, opening)
    args = WorkspaceArgs(
        image=image,
        container=workspace_container(name),
        folder=opening.folder,
        user=opening.user or f"{workspace.uid}:{workspace.gid}",
        terminal=entry.shell,
        home_volume=home,
        docker_volume=data,
        ide_port=entry.ide_port,
        port=page_port(name, opening),
        memory=opening.memory,
        hidden=opening.hide,
    )
    made = Workspace(f"{name}-workspace", args, pulumi.ResourceOptions(provider=provider))
    return {"host": opening.host, "folder": opening.folder, "user": args.user, **made.summary}
