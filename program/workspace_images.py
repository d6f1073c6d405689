"""Images of workspaces: from settings to images, each on its base by digest.

There are three kinds: a Debian base image for each release in use, the workspaces, and their siblings
with a Docker engine, which share one Dockerfile. An image refers to the variants of its base by
digest, so a changed base rebuilds only the images on it.
"""

from collections.abc import Mapping
from typing import Any

import pulumi

from catalogue.arch import in_table_order
from catalogue.images import GO_MODULE
from catalogue.stack_outputs import Tags
from catalogue.titles import TITLE, with_docker
from catalogue.workspaces import (
    BASE_REPOSITORY,
    DIND_SUFFIX,
    WORKSPACES,
    WorkspaceEntry,
    base_tag,
)
from components.image import Image, ImageArgs
from components.registry import Registry
from program.bases import BaseImages
from settings.names import registries_of, workspace_repository
from settings.stack import StackSettings
from settings.workspace import WorkspaceSettings

DIND = "./images/dind"
"""Folder of the image that adds a Docker engine to any workspace."""
BASE = "./images/workspace-base"
TOOLS = "./images/workspace-tools"
"""Folder with files that the workspaces' builds share; a named build context."""


class WorkspaceImages:
    """The images of one stack's workspaces."""

    tags: Mapping[str, pulumi.Output[Tags]]
    """{workspace: {tag: …}}, as in `components.image.Image.tags`, including the siblings' tags."""

    def __init__(
        self,
        settings: StackSettings,
        registries: Mapping[str, Registry],
        bases: BaseImages,
        builder: pulumi.ResourceOptions | None,
    ) -> None:
        self._settings, self._registries, self._bases, self._builder = settings, registries, bases, builder
        wanted = {name: settings.workspaces[name] for name in WORKSPACES if name in settings.workspaces}
        self._debian = self._build_debian(wanted)
        self._images: dict[str, Image] = {}
        tags: dict[str, pulumi.Output[Tags]] = {}
        # In the table's order, a base comes before the images on it.
        for name, workspace in wanted.items():
            entry = WORKSPACES[name]
            image = self._images[name] = self._build(entry, workspace)
            tags[name] = image.tags
            if workspace.dind:
                sibling = self._build_sibling(entry, workspace, image)
                tags[name] = pulumi.Output.all(image.tags, sibling.tags).apply(_merged)
        self.tags = tags

    def _build_debian(self, wanted: Mapping[str, WorkspaceSettings]) -> dict[str, Image]:
        """Build Debian base images by release, for every architecture that a workspace on one needs."""
        arches: dict[str, set[str]] = {}
        registry: dict[str, str] = {}
        for name, workspace in wanted.items():
            release = WORKSPACES[name].release(workspace.python)
            arches.setdefault(release, set()).update(workspace.arches)
            registry.setdefault(release, registries_of(workspace, self._settings)[0])
        return {
            release: self._image(
                f"workspace-base-{release}",
                BASE,
                arches=names,
                places={registry[release]: BASE_REPOSITORY},
                tags=[base_tag(release)],
                bases=dict.fromkeys(names, "scratch"),
                build_args={
                    "DEBIAN_RELEASE": release,
                    "UID": str(self._settings.workspace_user.uid),
                    "GID": str(self._settings.workspace_user.gid),
                },
                title=f"Debian {release}, the root of Skycoin's workspaces",
            )
            for release, names in arches.items()
        }

    def _build(self, entry: WorkspaceEntry, workspace: WorkspaceSettings) -> Image:
        release = entry.release(workspace.python)
        under = self._debian[release] if entry.base is None else self._images[entry.base]
        name = f"{BASE_REPOSITORY}:{base_tag(release)}"
        if entry.base is not None:
            base = WORKSPACES[entry.base]
            name = f"{base.repository}:{base.tags(self._settings.workspaces[entry.base].python)[0]}"
        return self._image(
            f"workspace-{entry.name}",
            entry.context,
            arches=set(workspace.arches),
            places=self._places(entry, workspace),
            tags=entry.tags(workspace.python),
            bases={arch: under.variants[arch].ref for arch in workspace.arches},
            base_name=name,
            build_args={"PYTHON_VERSION": entry.python(workspace.python)} if entry.pythons else {},
            title=entry.title,
            sources={"go-module": GO_MODULE, "workspace-tools": TOOLS},
        )

    def _build_sibling(self, entry: WorkspaceEntry, workspace: WorkspaceSettings, under: Image) -> Image:
        """Build the sibling of a workspace, with a nested Docker engine."""
        return self._image(
            f"workspace-{entry.name}{DIND_SUFFIX}",
            DIND,
            arches=set(workspace.arches),
            places=self._places(entry, workspace),
            tags=entry.dind_tags(workspace.python),
            bases={arch: variant.ref for arch, variant in under.variants.items()},
            base_name=f"{entry.repository}:{entry.tags(workspace.python)[0]}",
            title=with_docker(entry.title),
        )

    def _places(self, entry: WorkspaceEntry, workspace: WorkspaceSettings) -> dict[str, str]:
        return dict.fromkeys(registries_of(workspace, self._settings), entry.repository)

    def _image(
        self,
        name: str,
        context: str,
        *,
        arches: set[str],
        places: Mapping[str, str],
        title: str,
        build_args: Mapping[str, str] | None = None,
        **more: Any,
    ) -> Image:
        """Build an image with the inputs that all images share; `places` is registry → default repository."""
        repositories = [
            self._registries[registry].repository(
                workspace_repository(repository, self._settings.registries[registry])
            )
            for registry, repository in places.items()
        ]
        args = ImageArgs(
            arches=in_table_order(arches),
            context=context,
            dockerfile=f"{context}/Dockerfile",
            repositories=repositories,
            build_base=self._bases.build_base,
            build_args={**(build_args or {}), "SOURCE_DATE_EPOCH": "0"},
            labels={TITLE: title},
            secrets=self._bases.secrets,
            builder=self._settings.builder,
            **more,
        )
        return Image(name, args, self._builder)


def _merged(tags: list[Tags]) -> Tags:
    return {tag: entry for entries in tags for tag, entry in entries.items()}
