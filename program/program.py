"""The program, the same for every stack: settings → providers → components → outputs."""

import sys
from collections.abc import Mapping

import pulumi

from catalogue.images import REGISTRY_IMAGE
from catalogue.registries import RegistryKind
from catalogue.stack_outputs import HostedRegistry as HostedRegistryOutput
from catalogue.stack_outputs import Opened, Tags
from catalogue.version import VERSION
from components.buildx import BuildxProvider
from components.hosted_registry import HostedRegistry
from components.program_version import ProgramVersion
from components.registry import Registry, RegistryArgs
from program.bases import BaseImages
from program.docker_logins import docker_logins
from program.exports import export
from program.hosted_registries import deploy_registry
from program.hosts import docker_providers, host_of
from program.images import Images
from program.nodes import Nodes
from program.opened_workspaces import open_workspace
from program.pulled_images import PulledImages
from program.workspace_images import WorkspaceImages
from settings.names import engine_of, hosted_registries, opened_workspaces, repositories_of
from settings.stack import StackSettings


class Program:
    """Resources of one stack, created from its settings, and the stack's outputs."""

    def __init__(self, settings: StackSettings) -> None:
        self._settings = settings
        self._marker = ProgramVersion("program", version=VERSION)
        self._builder = _builder_options(settings, self._marker)
        hosted = hosted_registries(settings)
        self._registries = {
            name: self._registry(name, registry.root)
            for name, registry in settings.registries.items()
            if name not in hosted
        }
        self._bases = BaseImages(settings, self._registries, self._builder)
        self._images = Images(settings, self._registries, self._bases, self._builder)
        self._pulled = PulledImages(settings, self._images)
        logins = docker_logins(settings, self._pulled.published)
        self._providers = docker_providers(settings, logins, self._marker)
        # Hosted registries come before the other images, which may be published to them.
        self._images.build([REGISTRY_IMAGE] if hosted else [])
        own = self._deploy_registries()
        self._registries |= {name: self._registry(name, registry.address) for name, registry in own.items()}
        self._images.build(settings.images)
        nodes = Nodes(settings, self._pulled, self._providers, self._marker).deploy()
        if own:
            summaries: Mapping[str, HostedRegistryOutput[pulumi.Input[str]]] = {
                name: {"host": host, **registry.summary}
                for name, registry in own.items()
                if (host := hosted[name].host) is not None
            }
            export({"registries": summaries})
        self._export_images()
        export({"nodes": nodes})
        if recipients := settings.wallets.recipients:
            # A review compares them with the stack's file: no resource shows who can read backups.
            export({"recipients": recipients})
        workspaces = self._build_workspaces()
        export({"workspaces": workspaces})
        export({"opened": self._open_workspaces(workspaces)})

    def _registry(self, name: str, address: pulumi.Input[str]) -> Registry:
        settings = self._settings.registries[name]
        args = RegistryArgs(
            kind=settings.kind,
            address=address,
            created=_created_repositories(name, self._settings, self._marker),
            optional=settings.optional,
        )
        return Registry(name, args)

    def _deploy_registries(self) -> dict[str, HostedRegistry]:
        return {
            name: deploy_registry(
                name,
                registry,
                engine_of(self._settings, host),
                host_of(host, self._settings, self._marker),
                self._pulled.ref(host, REGISTRY_IMAGE),
                self._providers[host],
            )
            for name, registry in hosted_registries(self._settings).items()
            if (host := registry.host) is not None
        }

    def _export_images(self) -> None:
        images = self._images.built
        export({"images": {name: image.tags for name, image in images.items()}})
        export({"verification": {name: image.reports for name, image in images.items()}})
        export({"modules": {name: image.modules for name, image in images.items()}})
        export({"provenance": {name: self._images.provenance_of(name) for name in images}})

    def _build_workspaces(self) -> Mapping[str, pulumi.Output[Tags]]:
        """Build the workspaces' images; returns {workspace: {tag: …}}."""
        return WorkspaceImages(self._settings, self._registries, self._bases, self._builder).tags

    def _open_workspaces(
        self, tags: Mapping[str, pulumi.Output[Tags]]
    ) -> Mapping[str, Opened[pulumi.Input[str]]]:
        return {
            name: open_workspace(
                name, opening, self._settings, tags[name], self._providers[opening.host], self._marker
            )
            for name, opening in opened_workspaces(self._settings)
        }


def _created_repositories(
    name: str, settings: StackSettings, marker: ProgramVersion
) -> Mapping[str, pulumi.Input[str]]:
    """Create the repositories that a registry needs before a push; returns their addresses by path.

    Raises RunError if Amazon's SDK is needed but not installed.
    """
    if settings.registries[name].kind is not RegistryKind.ECR:
        return {}
    try:
        # Imported here, so that stacks without Amazon's registry need neither its SDK nor its plugin.
        from program.ecr import make_repositories  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise pulumi.RunError(
            f"skycoin:registries.{name}: kind ecr needs {error.name}: "
            f"{sys.executable} -m pip install -r requirements-ecr.txt"
        ) from None
    return make_repositories(name, settings.registries[name], repositories_of(name, settings), marker)


def _builder_options(settings: StackSettings, marker: ProgramVersion) -> pulumi.ResourceOptions | None:
    """Options with a provider for builds (Pulumi.yaml disables the default ones); None without builds."""
    if not settings.images and not settings.workspaces:
        return None
    builder = BuildxProvider("builder", pulumi.ResourceOptions(depends_on=[marker]))
    return pulumi.ResourceOptions(provider=builder)
