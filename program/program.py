"""The program, the same for every stack: settings → providers → components → outputs."""

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import pulumi
import pulumi_docker as docker

from catalogue.arch import ARCHES, in_table_order
from catalogue.images import (
    CATALOGUE,
    EXPORTER,
    GO_MODULE,
    PROJECT,
    PROXY,
    REGISTRY_IMAGE,
    SOURCE,
    CatalogueEntry,
)
from catalogue.naming import Channel, exporter_name, login_volume, pinned, proxy_name, split_pinned
from catalogue.node_container import LEFT_OUT
from catalogue.registries import RegistryKind
from catalogue.ssh_options import STRICT_HOST_KEYS
from catalogue.version import VERSION
from components.buildx import BuildxProvider
from components.contexts import context_warnings
from components.exporter import Exporter, ExporterArgs
from components.hosted_registry import HostedRegistry
from components.image import Image, ImageArgs
from components.node import Node
from components.program_version import ProgramVersion
from components.proxy import Proxy, ProxyArgs
from components.registry import Registry, RegistryArgs
from program.bases import BaseImages
from program.docker_logins import Logins, docker_logins
from program.hosted_registries import deploy_registry
from program.hosts import PulledFrom, host_of
from program.nodes import deploy_node
from program.opened_workspaces import open_workspace
from program.rollbacks import kept_back
from program.sources import Provenance, provenance
from program.workspace_images import Builds, WorkspaceImages
from settings.host import HostSettings
from settings.image import ImageSettings
from settings.names import (
    container_name,
    engine_of,
    exact_tags_of,
    hosted_registries,
    opened,
    pull_from,
    registries_of,
    repositories_of,
    repository_of,
    tags_of,
    waves_of,
)
from settings.node import NodeSettings
from settings.stack import StackSettings


class Program:
    """Resources of one stack, created from its settings, and the stack's outputs."""

    def __init__(self, settings: StackSettings) -> None:
        self._settings = settings
        marker = ProgramVersion("program", version=VERSION)
        self._builder = _builder_options(settings, marker)
        hosted = hosted_registries(settings)
        self._registries = {
            name: self._registry(name, registry.root)
            for name, registry in settings.registries.items()
            if name not in hosted
        }
        # Only once for each image, because git reads the provenance of a working copy.
        self._sources = {name: provenance(image.source, PROJECT) for name, image in settings.images.items()}
        self._bases = BaseImages(settings, self._registries, self._builder)
        publisher = settings.images_from
        self._publisher = pulumi.StackReference("images", publisher) if publisher else None
        published = self._published_images()
        logins = docker_logins(settings, published)
        providers = {
            name: _docker_provider(name, host, logins, marker) for name, host in settings.hosts.items()
        }
        # The image of hosted registries comes first, because the others may be published to such a registry.
        self._images: dict[str, Image] = {}
        self._images |= self._build_images([REGISTRY_IMAGE] if hosted else [])
        own = self._host_registries(published, providers)
        self._registries |= {name: self._registry(name, there.address) for name, there in own.items()}
        self._images |= self._build_images(settings.images)
        nodes = self._deploy_nodes(published, providers)
        if own:
            summaries = {name: {"host": hosted[name].host, **one.summary} for name, one in own.items()}
            pulumi.export("registries", summaries)
        pulumi.export("images", {name: image.tags for name, image in self._images.items()})
        pulumi.export("verification", {name: image.reports for name, image in self._images.items()})
        pulumi.export("modules", {name: image.modules for name, image in self._images.items()})
        pulumi.export("provenance", {name: self._provenance(name) for name in self._images})
        pulumi.export("nodes", nodes)
        workspaces = self._workspaces()
        pulumi.export("workspaces", workspaces)
        pulumi.export(
            "opened",
            {
                name: open_workspace(name, opening, settings, workspaces[name], providers[opening.host])
                for name, opening in opened(settings)
            },
        )

    def _workspaces(self) -> Mapping[str, pulumi.Output[Mapping[str, Any]]]:
        """Build the workspaces' images; returns {workspace: {tag: …}}."""
        builds = Builds(
            base=self._bases.build_base,
            builder=self._settings.builder,
            secrets=self._bases.secrets,
            opts=self._builder,
        )
        return WorkspaceImages(self._settings, self._registries, builds).tags

    def _registry(self, name: str, address: pulumi.Input[str]) -> Registry:
        settings = self._settings.registries[name]
        args = RegistryArgs(
            kind=settings.kind,
            address=address,
            made=_made(name, self._settings),
            optional=settings.optional,
        )
        return Registry(name, args)

    def _deploy_nodes(
        self, published: pulumi.Output[Mapping[str, Any]], providers: Mapping[str, docker.Provider]
    ) -> dict[str, dict[str, pulumi.Input[str]]]:
        """Create all nodes, wave by wave; returns their outputs by name."""
        summaries, before = dict[str, dict[str, pulumi.Input[str]]](), list[pulumi.Resource]()
        left_out = os.environ.get(LEFT_OUT, "").split(",")
        for wave in waves_of(self._settings):
            proved = list[pulumi.Resource]()
            for name in wave:
                settings = self._settings.nodes[name]
                node, summaries[name] = self._deploy(
                    name, settings, published, providers[settings.host], before
                )
                # Resources that wait for a left-out node would be left out too.
                if settings.host not in left_out:
                    proved.append(node.proved)
            before = proved or before
        return summaries

    def _deploy(
        self,
        name: str,
        settings: NodeSettings,
        published: pulumi.Output[Mapping[str, Any]],
        provider: docker.Provider,
        after: Sequence[pulumi.Resource],
    ) -> tuple[Node, dict[str, pulumi.Input[str]]]:
        """Create one node with its exporter and its proxy; returns the node and its outputs."""
        image = self._pulled_from(settings.image, settings.host, settings.tag, published)
        if settings.rollback is not None:
            image = kept_back(name, settings.rollback, image, self._repository_of(settings, image))
        proxy = self._pulled_from(PROXY, settings.host, None, published) if settings.gui else None
        node = deploy_node(name, settings, self._settings, image, provider, after, proxy)
        metrics = ""
        if settings.metrics_port is not None:
            container = container_name(name, settings.image)
            exporter = self._pulled_from(EXPORTER, settings.host, None, published)
            args = ExporterArgs(
                host=host_of(settings.host, self._settings),
                image=exporter.ref,
                pull_from=exporter.repository,
                container=exporter_name(container),
                network=node.network,
                node=container,
                port=settings.metrics_port,
            )
            former = settings.renamed_from
            aliases = [pulumi.Alias(name=f"{former}-exporter")] if former else None
            opts = pulumi.ResourceOptions(provider=provider, aliases=aliases)
            metrics = Exporter(f"{name}-exporter", args, opts).metrics
        summary = {"host": settings.host, **node.summary, "metrics": metrics}
        if node.proxy_image is not None:
            summary["login"] = _deploy_proxy(name, settings, node, node.proxy_image, provider)
        return node, summary

    def _host_registries(
        self, published: pulumi.Output[Mapping[str, Any]], providers: Mapping[str, docker.Provider]
    ) -> dict[str, HostedRegistry]:
        return {
            name: deploy_registry(
                name,
                registry,
                engine_of(self._settings, str(registry.host)),
                host_of(str(registry.host), self._settings),
                self._image_of(REGISTRY_IMAGE, str(registry.host), None, published),
                providers[str(registry.host)],
            )
            for name, registry in hosted_registries(self._settings).items()
        }

    def _build_images(self, names: Iterable[str]) -> dict[str, Image]:
        """Build those of the named images that are in the settings and are not built yet."""
        images = self._settings.images
        wanted = [name for name in names if name in images and name not in self._images]
        return {name: self._build_image(name, images[name]) for name in wanted}

    def _build_image(self, name: str, image: ImageSettings) -> Image:
        entry, source = CATALOGUE[name], self._sources[name]
        arches = in_table_order(set(image.arches))
        if image.source.path is not None:
            for warning in context_warnings(PROJECT / image.source.path):
                pulumi.log.warn(f"skycoin:images.{name}.source.path: {image.source.path}: {warning}")
        return Image(
            name,
            ImageArgs(
                arches=arches,
                tags=tags_of(image),
                exact_tags=exact_tags_of(image),
                context=entry.context,
                dockerfile=entry.dockerfile,
                repositories=[
                    self._registries[registry].repository(
                        repository_of(name, image, self._settings.registries[registry])
                    )
                    for registry in registries_of(image, self._settings)
                ],
                bases={arch.name: self._bases.ref(image, arch.name) for arch in arches},
                base_name=self._bases.label(image),
                build_base=self._bases.build_base,
                build_args={
                    **image.build_args,
                    **entry.arguments(
                        version=source.version,
                        commit=source.commit,
                        branch=source.branch,
                        gui=image.gui,
                        layers=image.layers,
                    ),
                    "SOURCE_DATE_EPOCH": source.epoch,
                },
                labels=_labels(entry, source),
                sources=_named_contexts(image),
                secrets={**self._bases.secrets, **self._settings.build_secrets},
                builder=self._settings.builder,
            ),
            self._builder,
        )

    def _provenance(self, name: str) -> dict[str, Any]:
        """Origin of an image: {source: {version, commit, branch, date}, bases: {arch: ref}}."""
        source, image = self._sources[name], self._settings.images[name]
        return {
            "source": {**asdict(source), "date": source.date or ""},
            "bases": {arch: self._bases.ref(image, arch) for arch in self._images[name].variants},
        }

    def _published_images(self) -> pulumi.Output[Mapping[str, Any]]:
        """Images of the stack that `images-from` names, {image: {tag: …}}; empty without that setting."""
        if self._publisher is None:
            return pulumi.Output.from_input({})
        return self._publisher.get_output("images").apply(lambda images: images or {})

    def _version_of(self, name: str) -> pulumi.Input[str]:
        """Version of an image's software; empty if the publishing stack does not state it."""
        if self._publisher is None:
            return self._sources[name].version
        return self._publisher.get_output("provenance").apply(lambda images: _published_version(images, name))

    def _pulled_from(
        self, name: str, host: str, wanted: str | None, published: pulumi.Output[Mapping[str, Any]]
    ) -> PulledFrom:
        """Image of `_image_of`, with the repository that the host pulls it from and its version."""
        ref, registry = self._image_of(name, host, wanted, published), pull_from(host, self._settings)
        repository = None
        if registry is not None:
            tag = wanted or tags_of(self._settings.images[name])[0]
            repository = self._images[name].published[registry][tag].repository
        return PulledFrom(ref=ref, repository=repository, version=self._version_of(name))

    def _repository_of(self, node: NodeSettings, image: PulledFrom) -> pulumi.Output[str]:
        """Repository of a node's image. If the image is built here, it is known before the digest."""
        if self._settings.images_from is not None:
            return pulumi.Output.from_input(image.ref).apply(lambda ref: split_pinned(ref)[0])
        tag = node.tag or tags_of(self._settings.images[node.image])[0]
        return self._images[node.image].lists[tag].repository

    def _image_of(
        self, name: str, host: str, wanted: str | None, published: pulumi.Output[Mapping[str, Any]]
    ) -> pulumi.Output[str]:
        """`repo@sha256:…` that a host runs: that of its variant if it declares one, else that of the list.

        `wanted` is the tag; None means the channel's moving tag.
        """
        variant = self._settings.hosts[host].variant
        if self._settings.images_from is not None:
            return published.apply(
                lambda images: _published_ref(images, name, wanted or _usual_tag(images.get(name)), variant)
            )
        image = self._images[name]
        if variant is not None:
            return image.variants[variant].ref
        return image.lists[wanted or tags_of(self._settings.images[name])[0]].ref.apply(pinned)


def _deploy_proxy(
    name: str, settings: NodeSettings, node: Node, image: pulumi.Output[str], provider: docker.Provider
) -> str:
    """Create the login in front of a node's web interface; returns the command that shows it."""
    container = container_name(name, settings.image)
    first = container_name(settings.renamed_from or name, settings.image)
    args = ProxyArgs(
        image=image,
        container=proxy_name(container),
        login_volume=login_volume(first),
        network=node.network,
        node=container,
        after=node.proved,
        port=settings.rpc_port,
    )
    former = settings.renamed_from
    aliases = [pulumi.Alias(name=f"{former}-proxy")] if former else None
    Proxy(f"{name}-proxy", args, pulumi.ResourceOptions(provider=provider, aliases=aliases))
    stack = pulumi.get_stack()
    return f"./skyinfra node password {name}" + ("" if stack == "local" else f" -s {stack}")


def _made(name: str, settings: StackSettings) -> Mapping[str, pulumi.Input[str]]:
    """Create the repositories that a registry needs before a push; returns their addresses by path."""
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
    return make_repositories(name, settings.registries[name], repositories_of(name, settings))


def _usual_tag(tags: Mapping[str, Any] | None) -> str:
    """Default among another stack's tags: `develop`, the only tag of a feature build, or `latest`."""
    if tags and Channel.DEVELOP in tags:
        return Channel.DEVELOP
    return next(iter(tags)) if tags and len(tags) == 1 else "latest"


def _published_version(images: Mapping[str, Any] | None, name: str) -> str:
    """Version of an image in another stack's outputs; empty if it is not there."""
    return str((images or {}).get(name, {}).get("source", {}).get("version", ""))


def _published_ref(images: Mapping[str, Any], name: str, tag: str, variant: str | None) -> str:
    """Reference of one image in another stack's outputs. Raises RunError that lists what they have."""
    if name not in images or tag not in images[name]:
        there = [f"{image}:{entry}" for image, tags in images.items() for entry in tags]
        raise pulumi.RunError(f"{name}:{tag} is not published there; it has {', '.join(there) or 'nothing'}")
    entry = images[name][tag]
    if variant is None:
        return pinned(entry["ref"])
    if variant not in entry["variants"]:
        there = [arch for arch in ARCHES if arch in entry["variants"]]
        raise pulumi.RunError(f"{name}:{tag} is not published for {variant}; it has {', '.join(there)}")
    return str(entry["variants"][variant]["ref"])


def _builder_options(settings: StackSettings, marker: ProgramVersion) -> pulumi.ResourceOptions | None:
    """Options with a provider for builds (Pulumi.yaml disables the default ones); None without builds."""
    if not settings.images and not settings.workspaces:
        return None
    builder = BuildxProvider("builder", pulumi.ResourceOptions(depends_on=[marker]))
    return pulumi.ResourceOptions(provider=builder)


def _docker_provider(
    name: str, host: HostSettings, logins: Logins | None, marker: ProgramVersion
) -> docker.Provider:
    """Create the provider of one host, so that a dead host fails alone. No address means DOCKER_HOST."""
    is_ssh = (host.address or "").startswith("ssh://")
    return docker.Provider(
        name,
        host=host.address,
        ssh_opts=[*STRICT_HOST_KEYS, *host.ssh_options] if is_ssh else None,
        registry_auth=logins,
        opts=pulumi.ResourceOptions(depends_on=[marker]),
    )


def _labels(entry: CatalogueEntry, source: Provenance) -> dict[str, str]:
    """Labels by OCI image-spec 1.1, “Annotations”: only those whose value is known."""
    known = {
        "title": entry.title,
        "url": entry.url,
        "source": entry.url,
        "version": source.version,
        "revision": source.commit,
        "created": source.date or "",
        "licenses": entry.licenses,
    }
    return {f"org.opencontainers.image.{key}": value for key, value in known.items() if value}


def _named_contexts(image: ImageSettings) -> dict[str, str]:
    source, contexts = image.source, {"go-module": GO_MODULE}
    if source.git is not None:
        return {**contexts, SOURCE: f"{source.git}#{source.commit}"}
    return contexts if source.path is None else {**contexts, SOURCE: source.path}
