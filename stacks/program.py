"""The program: settings → providers → components → outputs. The same for every stack."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import pulumi
import pulumi_docker as docker

from components.arch import ARCHES, in_table_order
from components.buildx import BuildxProvider
from components.exporter import Exporter, ExporterArgs
from components.image import Image, ImageArgs
from components.naming import pinned
from components.registry import Registry, RegistryArgs, RegistryKind
from stacks.bases import BaseImages
from stacks.catalogue import CATALOGUE, GO_MODULE, PROJECT, CatalogueEntry
from stacks.nodes import deploy_node
from stacks.rules import (
    EXPORTER,
    container_name,
    exact_tags_of,
    exporter_name,
    registries_of,
    repositories_of,
    repository_of,
    tags_of,
)
from stacks.settings import HostSettings, ImageSettings, NodeSettings, StackSettings
from stacks.sources import Provenance, provenance


class Program:
    """Builds one stack's resources from its settings; exports `images`, `provenance` and `nodes`."""

    def __init__(self, settings: StackSettings) -> None:
        self._settings = settings
        self._builder = _builder_options(settings)
        self._registries = {
            name: Registry(
                name,
                RegistryArgs(
                    kind=registry.kind,
                    address=registry.root,
                    made=_made(name, settings),
                    optional=registry.optional,
                ),
            )
            for name, registry in settings.registries.items()
        }
        # Once for each image: a working copy's is read from its git.
        self._sources = {name: provenance(image.source, PROJECT) for name, image in settings.images.items()}
        self._bases = BaseImages(settings, self._registries, self._builder)
        self._images = {name: self._build_image(name, image) for name, image in settings.images.items()}
        published = self._published_images()
        providers = {name: _docker_provider(name, host) for name, host in settings.hosts.items()}
        nodes = {
            name: self._deploy(name, node, published, providers[node.host])
            for name, node in settings.nodes.items()
        }
        pulumi.export("images", {name: image.tags for name, image in self._images.items()})
        pulumi.export("provenance", {name: self._provenance(name) for name in self._images})
        pulumi.export("nodes", nodes)

    def _deploy(
        self,
        name: str,
        settings: NodeSettings,
        published: pulumi.Output[Mapping[str, Any]],
        provider: docker.Provider,
    ) -> dict[str, pulumi.Input[str]]:
        """One node and what belongs to it; what the outputs say of it."""
        image = self._image_of(settings.image, settings, published)
        node = deploy_node(name, settings, self._settings, image, provider)
        metrics = ""
        if settings.metrics_port is not None:
            container = container_name(name, settings.image)
            args = ExporterArgs(
                image=self._image_of(EXPORTER, settings, published),
                container=exporter_name(container),
                network=node.network,
                node=container,
                port=settings.metrics_port,
            )
            metrics = Exporter(f"{name}-exporter", args, pulumi.ResourceOptions(provider=provider)).metrics
        return {"host": settings.host, **node.summary, "metrics": metrics}

    def _build_image(self, name: str, image: ImageSettings) -> Image:
        entry, source = CATALOGUE[name], self._sources[name]
        arches = in_table_order(set(image.arches))
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
                    **entry.arguments(image, source),
                    "SOURCE_DATE_EPOCH": source.epoch,
                },
                labels=_labels(entry, source),
                sources=_named_contexts(image),
                secrets=self._bases.secrets,
                builder=self._settings.builder,
            ),
            self._builder,
        )

    def _provenance(self, name: str) -> dict[str, Any]:
        """{source: {version, commit, branch, date}, bases: {arch: ref}}: what an image is made from."""
        source, image = self._sources[name], self._settings.images[name]
        return {
            "source": {**asdict(source), "date": source.date or ""},
            "bases": {arch: self._bases.ref(image, arch) for arch in self._images[name].variants},
        }

    def _published_images(self) -> pulumi.Output[Mapping[str, Any]]:
        """{image: {tag: …}} of the publishing stack that this one takes its digests from."""
        if self._settings.images_from is None:
            return pulumi.Output.from_input({})
        stack = pulumi.StackReference("images", self._settings.images_from)
        return stack.get_output("images").apply(lambda images: images or {})

    def _image_of(
        self, name: str, node: NodeSettings, published: pulumi.Output[Mapping[str, Any]]
    ) -> pulumi.Output[str]:
        """`repo@sha256:…` that a node's host runs: its variant where declared, else the list.

        `tag` of a node is that of its own image; others are taken by their channel's moving one.
        """
        variant = self._settings.hosts[node.host].variant
        wanted = node.tag if name == node.image else None
        if self._settings.images_from is not None:
            return published.apply(
                lambda images: _published_ref(images, name, wanted or _usual_tag(images.get(name)), variant)
            )
        image = self._images[name]
        if variant is not None:
            return image.variants[variant].ref
        return image.lists[wanted or tags_of(self._settings.images[name])[0]].ref.apply(pinned)


def _made(name: str, settings: StackSettings) -> Mapping[str, pulumi.Input[str]]:
    """Repositories that have to be made in a registry before anything is pushed there."""
    if settings.registries[name].kind is not RegistryKind.ECR:
        return {}
    try:
        # Only here: who publishes nothing to Amazon needs neither its SDK nor its plugin.
        from stacks.ecr import make_repositories  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise pulumi.RunError(
            f"skycoin:registries.{name}: kind ecr needs {error.name}: pip install -r requirements-ecr.txt"
        ) from None
    return make_repositories(name, settings.registries[name], repositories_of(name, settings))


def _usual_tag(tags: Mapping[str, Any] | None) -> str:
    """The moving tag of what another stack published: `latest`, or a develop or feature build's only one."""
    return next(iter(tags)) if tags and len(tags) == 1 else "latest"


def _published_ref(images: Mapping[str, Any], name: str, tag: str, variant: str | None) -> str:
    """Reference of one image in another stack's outputs. Raises RunError that says what is there."""
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


def _builder_options(settings: StackSettings) -> pulumi.ResourceOptions | None:
    """Default providers are disabled (Pulumi.yaml): whatever builds names its provider."""
    return pulumi.ResourceOptions(provider=BuildxProvider("builder")) if settings.images else None


def _docker_provider(name: str, host: HostSettings) -> docker.Provider:
    """One provider a host, so that a dead host fails alone. `local` is the environment's engine."""
    return docker.Provider(
        name,
        host=host.address,
        ssh_opts=host.ssh_options or None,
    )


def _labels(entry: CatalogueEntry, source: Provenance) -> dict[str, str]:
    """OCI image-spec 1.1, annotations: only keys whose value is known."""
    known = {
        "title": entry.title,
        "url": entry.url,
        "source": entry.url,
        "version": source.version,
        "revision": source.commit,
        "created": source.date or "",
    }
    return {f"org.opencontainers.image.{key}": value for key, value in known.items() if value}


def _named_contexts(image: ImageSettings) -> dict[str, str]:
    source, contexts = image.source, {"go-module": GO_MODULE}
    if source.git is not None:
        return {**contexts, "source": f"{source.git}#{source.commit}"}
    return contexts if source.path is None else {**contexts, "source": source.path}
