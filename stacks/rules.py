"""Rules that join several settings: references, ports, volumes, tags. Pure; each fault is one line."""

from collections import defaultdict
from collections.abc import Iterator

from components.arch import in_table_order
from components.bases import Base, Bases
from components.naming import Channel, channel_tags, ecr_repository_fault, exact_tags, minor_tag, tag_fault
from components.registry import RegistryKind
from stacks.catalogue import CATALOGUE, PROJECT
from stacks.fields import NAME
from stacks.settings import (
    ImageSettings,
    NodeSettings,
    PeerNetwork,
    RegistrySettings,
    StackSettings,
)

NODE_IMAGES = [name for name, entry in CATALOGUE.items() if entry.node]

BASE_TAG = "bookworm"
"""Of the bases that a stack builds, after Debian's release."""

EXPORTER = "exporter"
"""Image of the catalogue that shows a node's metrics."""

RESERVED_BUILD_ARGS = frozenset(
    [
        "IMAGE_FROM",
        "BUILD_FROM",
        "GOARCH",
        "GOARM",
        "CC",
        "DEBIAN_PORT",
        "SOURCE_DATE_EPOCH",
    ]
)
"""What components/variant.py and stacks/program.py set, beside the catalogue's own of an image."""


def tags_of(image: ImageSettings) -> list[str]:
    """Tags of an image's manifest lists, the moving ones first."""
    return channel_tags(
        image.channel,
        version=image.source.version,
        revision=image.revision,
        feature=image.feature or "",
    )


def exact_tags_of(image: ImageSettings) -> list[str]:
    """Those of `tags_of` that never get other content."""
    return exact_tags(image.channel, version=image.source.version, revision=image.revision)


def registries_of(image: ImageSettings, settings: StackSettings) -> list[str]:
    """Names of the registries that an image is published in: its own choice, or the only one there is.

    Pulumi sorts a map's keys: the order of `skycoin:registries` is nobody's choice.
    """
    if image.registries is not None:
        return image.registries
    return list(settings.registries) if len(settings.registries) == 1 else []


def repository_of(name: str, image: ImageSettings, registry: RegistrySettings) -> str:
    """Repository of an image under its registry; a namespace is the first part of the default one."""
    entry = CATALOGUE[name]
    return image.repository or (entry.name if registry.namespace else entry.repository)


def built_bases(settings: StackSettings) -> dict[Base, list[str]]:
    """Bases that the stack builds itself → architectures that images on them want."""
    wanted: dict[Base, set[str]] = defaultdict(set)
    for image in settings.images.values():
        if image.base is not Base.BUSYBOX or settings.bases is Bases.DEBIAN:
            wanted[image.base].update(image.arches)
    return {base: [arch.name for arch in in_table_order(wanted[base])] for base in Base if base in wanted}


def base_repository(base: Base) -> str:
    """Repository of a base under its registry."""
    return f"base/{base}"


def base_registry(settings: StackSettings) -> str | None:
    """Where bases made from Debian packages are published: where the first image is built."""
    wanted = (registries_of(image, settings) for image in settings.images.values())
    return next((names[0] for names in wanted if names), None)


def repositories_of(registry_name: str, settings: StackSettings) -> dict[str, list[str]]:
    """Every repository that is pushed to in a registry → tags that move there, by version."""
    registry = settings.registries[registry_name]
    wanted = {
        repository_of(name, image, registry): [minor_tag(image.source.version)]
        for name, image in settings.images.items()
        if registry_name in registries_of(image, settings)
    }
    if registry_name == base_registry(settings):
        wanted.update({base_repository(base): [BASE_TAG] for base in built_bases(settings)})
    return wanted


def container_name(name: str, image: str) -> str:
    """Container of a node on its host: `skycoin-node-1`."""
    return f"{image.rpartition('/')[2]}-{name}"


def exporter_name(container: str) -> str:
    """Container of the exporter beside a node's."""
    return f"{container}-exporter"


def volume_names(name: str, node: NodeSettings) -> tuple[str, str]:
    """(data volume, wallet volume) of a node: given, or by the name that it was first deployed under."""
    first = container_name(node.renamed_from or name, node.image)
    return node.data_volume or f"{first}-data", node.wallet_volume or f"{first}-wallet"


def cross_faults(settings: StackSettings) -> list[str]:
    """Every fault that no single entry shows."""
    return [
        *_base_faults(settings),
        *_name_faults(settings),
        *_image_faults(settings),
        *_repository_faults(settings),
        *_node_faults(settings),
        *_metrics_faults(settings),
        *_container_faults(settings),
        *_port_faults(settings),
        *_volume_faults(settings),
    ]


def _base_faults(settings: StackSettings) -> Iterator[str]:
    if settings.bases is Bases.DEBIAN and settings.build_base is None:
        yield "skycoin:build-base: missing; bases: debian needs it, as REF@sha256:… (make up sets both)"
    if settings.bases is Bases.OFFICIAL and settings.build_base is not None:
        yield f"skycoin:build-base: {settings.build_base!r} goes with bases: debian; bases is official"
    if settings.build_ca is not None and not (PROJECT / settings.build_ca).is_file():
        yield f"skycoin:build-ca: {settings.build_ca!r} is no file"


def _name_faults(settings: StackSettings) -> Iterator[str]:
    for section in ("registries", "images", "hosts", "nodes"):
        for name in getattr(settings, section):
            if not NAME.fullmatch(name):
                yield (
                    f"skycoin:{section}: {name!r} is no name: up to 40 lower-case letters, digits and '-', "
                    "starting and ending with a letter or digit"
                )


def _image_faults(settings: StackSettings) -> Iterator[str]:
    for name, image in settings.images.items():
        key = f"skycoin:images.{name}"
        entry = CATALOGUE.get(name)
        if entry is None:
            yield f"{key}: no such image; allowed are {', '.join(CATALOGUE)}"
            continue
        yield from _registry_faults(key, registries_of(image, settings), settings)
        yield from (f"{key}.arches: {fault}" for fault in entry.arch_faults(image.arches))
        yield from (f"{key}.source: {fault}" for fault in entry.source_faults(image.source))
        for argument in sorted((RESERVED_BUILD_ARGS | entry.build_args.keys()) & image.build_args.keys()):
            yield f"{key}.build-args.{argument}: is set by the program; allowed is any other name"
        if image.channel is Channel.FEATURE and (fault := tag_fault(tags_of(image)[0])):
            yield f"{key}.feature: {image.feature!r}: {fault}"


def _registry_faults(key: str, wanted: list[str], settings: StackSettings) -> Iterator[str]:
    names = ", ".join(settings.registries) or "none"
    if not wanted:
        yield (
            f"{key}.registries: missing, and skycoin:registries has not just one entry (has: {names}): "
            "list those to publish in, the one to build in first"
        )
    for name in wanted:
        if name not in settings.registries:
            yield f"{key}.registries: {name!r} is not in skycoin:registries; it has {names}"
    first = settings.registries.get(wanted[0]) if wanted else None
    if first is not None and first.optional:
        yield (
            f"{key}.registries: {wanted[0]!r} is optional, but the first registry is where the image is "
            "built: put one that is not optional first"
        )


def _repository_faults(settings: StackSettings) -> Iterator[str]:
    for name, image in settings.images.items():
        for registry_name in registries_of(image, settings):
            registry = settings.registries.get(registry_name)
            if registry is None or name not in CATALOGUE:
                continue  # _image_faults says so
            if fault := _repository_fault(repository_of(name, image, registry), registry):
                yield f"skycoin:images.{name}.repository: {fault}"


def _repository_fault(repository: str, registry: RegistrySettings) -> str | None:
    """Why a registry of this kind does not take a repository, or None."""
    whole = "/".join(filter(None, [registry.root.partition("/")[2], repository]))
    fault = None
    if registry.kind is RegistryKind.HUB and whole.count("/") != 1:
        fault = "Docker Hub takes NAMESPACE/NAME: two parts, the registry's namespace included"
    if registry.kind is RegistryKind.ECR:
        fault = ecr_repository_fault(whole)
    return f"{whole!r}: {fault}" if fault else None


def _node_faults(settings: StackSettings) -> Iterator[str]:
    for name, node in settings.nodes.items():
        key = f"skycoin:nodes.{name}"
        host = settings.hosts.get(node.host)
        if host is None:
            names = ", ".join(settings.hosts) or "none"
            yield f"{key}.host: {node.host!r} is not in skycoin:hosts; it has {names}"
        if node.renamed_from is not None and not NAME.fullmatch(node.renamed_from):
            yield f"{key}.renamed-from: {node.renamed_from!r} is no node's name"
        known = settings.images_from is not None or node.image in CATALOGUE
        if known and node.image not in NODE_IMAGES:
            yield f"{key}.image: {node.image!r} is no node's image; allowed is {', '.join(NODE_IMAGES)}"
        if settings.images_from is not None:
            continue
        image = settings.images.get(node.image)
        if image is None:
            names = ", ".join(settings.images) or "none"
            yield f"{key}.image: {node.image!r} is not in skycoin:images; it has {names}"
            continue
        if node.tag is not None and node.tag not in tags_of(image):
            yield f"{key}.tag: {node.tag!r} is not published here; allowed are {', '.join(tags_of(image))}"
        if host is not None and host.variant is not None and host.variant not in image.arches:
            yield (
                f"{key}.host: {node.host} takes {host.variant}, but skycoin:images.{node.image} is built "
                f"for {', '.join(image.arches)} only: add {host.variant} to its arches"
            )
        if node.gui and not image.gui:
            yield f"{key}.gui: true needs gui: true in skycoin:images.{node.image} (its files are left out)"


def _container_faults(settings: StackSettings) -> Iterator[str]:
    users: dict[tuple[str, str], str] = {}
    for name, node in settings.nodes.items():
        container = container_name(name, node.image)
        names = {f"nodes.{name}": container}
        if node.metrics_port is not None:
            names[f"nodes.{name}.metrics-port"] = exporter_name(container)
        for key, wanted in names.items():
            first = users.setdefault((_engine_of(settings, node), wanted), key)
            if first != key:
                taken = f"container {wanted!r} is already that of skycoin:{first}"
                yield f"skycoin:{key}: {taken}; give the node another name"


def _metrics_faults(settings: StackSettings) -> Iterator[str]:
    exporter = settings.images.get(EXPORTER)
    for name, node in settings.nodes.items():
        if node.metrics_port is None or settings.images_from is not None:
            continue
        key, host = f"skycoin:nodes.{name}.metrics-port", settings.hosts.get(node.host)
        if exporter is None:
            yield f"{key}: needs the image {EXPORTER} in skycoin:images (docs/stacks.md, “Metrics”)"
        elif host is not None and host.variant is not None and host.variant not in exporter.arches:
            yield (
                f"{key}: {node.host} takes {host.variant}, but skycoin:images.{EXPORTER} is built for "
                f"{', '.join(exporter.arches)} only: add {host.variant} to its arches"
            )


def _port_faults(settings: StackSettings) -> Iterator[str]:
    users: dict[tuple[str, int], list[str]] = defaultdict(list)
    for name, node in settings.nodes.items():
        engine = _engine_of(settings, node)
        users[engine, node.rpc_port].append(f"nodes.{name}.rpc-port")
        if node.metrics_port is not None:
            users[engine, node.metrics_port].append(f"nodes.{name}.metrics-port")
        if node.network is not PeerNetwork.NONE:
            users[engine, node.peer_port].append(f"nodes.{name}.peer-port")
    for (engine, port), keys in users.items():
        for key in keys[1:]:
            yield f"skycoin:{key}: {port} is already taken on engine {engine} by skycoin:{keys[0]}"


def _volume_faults(settings: StackSettings) -> Iterator[str]:
    users: dict[tuple[str, str], list[str]] = defaultdict(list)
    for name, node in settings.nodes.items():
        engine = _engine_of(settings, node)
        for kind, volume in zip(("data", "wallet"), volume_names(name, node), strict=True):
            users[engine, volume].append(f"nodes.{name}.{kind}-volume")
    for (engine, volume), keys in users.items():
        for key in keys[1:]:
            yield (
                f"skycoin:{key}: volume {volume!r} on engine {engine} is already skycoin:{keys[0]}; "
                "a wallet has one writer and a volume of its own"
            )


def _engine_of(settings: StackSettings, node: NodeSettings) -> str:
    """Two hosts may be one engine: an emulated variant beside the native one, or another user's ssh."""
    host = settings.hosts.get(node.host)
    if host is None:
        return node.host
    if host.engine in ("unix:///var/run/docker.sock", "unix:///run/docker.sock"):
        return "local"
    return host.engine.rpartition("@")[2].removesuffix(":22")
