"""Opened workspaces: from their settings to components on hosts."""

import pulumi
import pulumi_docker as docker

from catalogue.naming import split_pinned
from catalogue.stack_outputs import Opened, Tag, Tags
from catalogue.workspaces import DIND_CAPABILITIES, DIND_SECURITY, WORKSPACES
from components.program_version import ProgramVersion
from components.pulled_image import HostImage
from components.workspace import NestedEngine, Workspace, WorkspaceArgs
from program.bases import authorities
from program.hosts import host_of
from program.pulled_images import ref_for
from settings.names import engine_of, page_port, pull_from, workspace_container, workspace_volumes
from settings.opening import OpenSettings
from settings.stack import StackSettings


def open_workspace(
    name: str,
    opening: OpenSettings,
    settings: StackSettings,
    tags: pulumi.Output[Tags],
    provider: docker.Provider,
    marker: ProgramVersion,
) -> Opened[pulumi.Input[str]]:
    """Create a workspace's component with its host's provider, from its images' `tags`; return its outputs.

    On another engine it is another workspace, because Pulumi can't move a resource between engines.
    """
    entry, person = WORKSPACES[name], settings.workspace_user
    wanted = entry.dind_tags if opening.dind else entry.tags
    [tag, *_] = wanted(settings.workspaces[name].python)
    variant = settings.hosts[opening.host].variant
    home, data = workspace_volumes(name, opening)
    registry = pull_from(opening.host, settings)
    args = WorkspaceArgs(
        host=host_of(opening.host, settings, marker),
        image=HostImage(
            ref=tags.apply(lambda made: ref_for(made[tag], variant)),
            pull_from=tags.apply(lambda made: _repository(made[tag], registry)) if registry else None,
        ),
        container=workspace_container(name),
        folder=opening.folder,
        user=opening.user or f"{person.uid}:{person.gid}",
        terminal=entry.shell,
        home_volume=home,
        engine=_engine(data),
        ide_port=entry.ide_port,
        port=page_port(name, opening),
        memory=opening.memory,
        hidden=opening.hide,
        authorities=authorities(settings) or "",
    )
    place = f"{name}-workspace-on-{engine_of(settings, opening.host)}"
    made = Workspace(place, args, pulumi.ResourceOptions(provider=provider))
    return {"host": opening.host, "folder": opening.folder, "user": args.user, **made.summary}


def _engine(volume: str | None) -> NestedEngine | None:
    if volume is None:
        return None
    return NestedEngine(volume=volume, capabilities=DIND_CAPABILITIES, security=DIND_SECURITY)


def _repository(published: Tag, registry: str) -> str:
    return split_pinned(published["registries"][registry])[0]
