"""Names and ports that follow from settings: tags, repositories, engines, containers, volumes."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from catalogue.arch import in_table_order
from catalogue.bases import Base, Bases
from catalogue.confinement import EVERYWHERE, LOOPBACK
from catalogue.images import CATALOGUE, REGISTRY_IMAGE, REGISTRY_PORT
from catalogue.naming import (
    address_port,
    channel_tags,
    exact_tags,
    login_volume,
    minor_tag,
    possible_engine,
)
from catalogue.registries import RegistryKind
from catalogue.workspaces import BASE_REPOSITORY, CONTAINER, WORKSPACES
from settings.image import ImageSettings
from settings.node import NodeSettings, PeerNetwork
from settings.opening import OpenSettings
from settings.registry import RegistrySettings
from settings.stack import StackSettings
from settings.workspace import WorkspaceSettings

BASE_TAG = "bookworm"
"""Beginning of the tag of a base that a stack builds: Debian's release. The stack's name follows."""


def tags_of(image: ImageSettings) -> list[str]:
    """Tags of an image's manifest lists, the moving ones first."""
    return channel_tags(
        image.channel,
        version=image.source.version,
        revision=image.revision,
        feature=image.feature or "",
        commit=image.source.commit or "",
    )


def exact_tags_of(image: ImageSettings) -> list[str]:
    """Tags of an image that never move, except in a registry of kind `local`."""
    return exact_tags(image.channel, version=image.source.version, revision=image.revision)


def registries_of(image: ImageSettings | WorkspaceSettings, settings: StackSettings) -> list[str]:
    """Names of the registries that an image is published to: those of its settings, or the stack's only one.

    The order of `skycoin:registries` has no meaning, because Pulumi sorts the keys of a map.
    """
    if image.registries is not None:
        return image.registries
    return list(settings.registries) if len(settings.registries) == 1 else []


def repository_of(name: str, image: ImageSettings, registry: RegistrySettings) -> str:
    """Repository of an image under its registry; a namespace replaces the first part of the default."""
    entry = CATALOGUE[name]
    return image.repository or (entry.name if registry.namespace else entry.repository)


def workspace_repository(repository: str, registry: RegistrySettings) -> str:
    """Repository of a workspace under a registry; a namespace replaces its first part."""
    return repository.rpartition("/")[2] if registry.namespace else repository


def built_bases(settings: StackSettings) -> dict[Base, list[str]]:
    """Bases that the stack builds itself → architectures that the images on them need."""
    wanted: dict[Base, set[str]] = defaultdict(set)
    for image in settings.images.values():
        if image.base is not Base.BUSYBOX or settings.bases is Bases.DEBIAN:
            wanted[image.base].update(image.arches)
    return {base: [arch.name for arch in in_table_order(wanted[base])] for base in Base if base in wanted}


def base_repository(base: Base) -> str:
    """Repository of a base under its registry."""
    return f"base/{base}"


def base_registry(settings: StackSettings) -> str | None:
    """Registry of bases built from Debian packages: the one in which the first image is built."""
    wanted = (registries_of(image, settings) for image in settings.images.values())
    return next((names[0] for names in wanted if names), None)


@dataclass(frozen=True, slots=True)
class PublishedRepository:
    """A repository that a stack publishes to, and the entry that it belongs to."""

    key: str
    """Key of the entry in the YAML, under `skycoin:`."""
    registry: str
    """Name of a registry of the stack."""
    repository: str
    """Repository under that registry's address."""
    moving: list[str]
    """Tags that move in it, besides those that move in every repository."""


def published_repositories(settings: StackSettings) -> Iterator[PublishedRepository]:
    """Yield the repositories of a stack, first those without a key `repository`; skip unknown registries."""
    for name, workspace in settings.workspaces.items():
        if name in WORKSPACES:
            yield from _workspace_repositories(name, workspace, settings)
    if (first := base_registry(settings)) in settings.registries:
        for base in built_bases(settings):
            yield PublishedRepository(f"bases ({base})", first, base_repository(base), [BASE_TAG])
    for name, image in settings.images.items():
        for registry_name, registry in _known(image, settings) if name in CATALOGUE else ():
            moving = [minor_tag(image.source.version)]
            yield PublishedRepository(
                f"images.{name}.repository", registry_name, repository_of(name, image, registry), moving
            )


def _workspace_repositories(
    name: str, workspace: WorkspaceSettings, settings: StackSettings
) -> Iterator[PublishedRepository]:
    entry, names = WORKSPACES[name], registries_of(workspace, settings)
    alias = [entry.dind_alias] if workspace.dind and entry.dind_alias else []
    for registry_name, registry in _known(workspace, settings):
        repository = workspace_repository(entry.repository, registry)
        yield PublishedRepository(f"workspaces.{name}", registry_name, repository, alias)
        if registry_name == names[0]:
            yield PublishedRepository(
                "workspaces", registry_name, workspace_repository(BASE_REPOSITORY, registry), []
            )


def _known(
    image: ImageSettings | WorkspaceSettings, settings: StackSettings
) -> list[tuple[str, RegistrySettings]]:
    names = registries_of(image, settings)
    return [(name, settings.registries[name]) for name in names if name in settings.registries]


def repositories_of(registry_name: str, settings: StackSettings) -> dict[str, list[str]]:
    """Repositories of a registry that the stack pushes to → their `moving` tags."""
    published = published_repositories(settings)
    return {each.repository: each.moving for each in published if each.registry == registry_name}


def created_repository(registry_name: str, repository: str) -> str:
    """Name in the state of a repository that has to be created before a push."""
    return f"{registry_name}-{repository.replace('/', '-')}"


def engine_of(settings: StackSettings, name: str) -> str:
    """Name of a host's engine. Hosts may share one: for an emulated variant, or with another ssh user."""
    host = settings.hosts.get(name)
    if host is None:
        return name
    return possible_engine(host.engine) or "local"


def waves_of(settings: StackSettings) -> list[list[str]]:
    """Names of the nodes in each wave of the rollout; all nodes of an engine are in the same wave."""
    if settings.rollout is None:
        return [list(settings.nodes)]
    first = settings.rollout.first
    engines = sorted({engine_of(settings, node.host) for node in settings.nodes.values()})
    if first is not None:
        engines.sort(key=lambda engine: engine != engine_of(settings, first))
    waves = list[list[str]]()
    for size in [*settings.rollout.waves, len(engines)]:
        now, engines = engines[:size], engines[size:]
        waves.append([name for name, node in settings.nodes.items() if engine_of(settings, node.host) in now])
    return [wave for wave in waves if wave]


def pull_from(host: str, settings: StackSettings) -> str | None:
    """Name of the registry that a host pulls from; None for the first one of each image."""
    return settings.hosts[host].pull_from or settings.pull_from


def container_name(name: str, image: str) -> str:
    """Name of a node's container, such as `skycoin-node-1`."""
    return f"{image.rpartition('/')[2]}-{name}"


def volume_names(name: str, node: NodeSettings) -> tuple[str, str]:
    """(data volume, wallet volume) of a node: as given, or derived from its `renamed-from`, else its name."""
    first = container_name(node.renamed_from or name, node.image)
    return node.data_volume or f"{first}-data", node.wallet_volume or f"{first}-wallet"


def login_volume_name(name: str, node: NodeSettings) -> str:
    """Volume with the password of a web interface, derived from the node's `renamed-from`, else its name."""
    return login_volume(container_name(node.renamed_from or name, node.image))


def node_ports(node: NodeSettings) -> dict[str, tuple[str, int]]:
    """Ports of a node and its exporter on the host, by key: (address, port)."""
    ports = {"rpc-port": (LOOPBACK, node.rpc_port)}
    if node.metrics_port is not None:
        ports["metrics-port"] = LOOPBACK, node.metrics_port
    if node.network is not PeerNetwork.NONE:
        ports["peer-port"] = EVERYWHERE, node.peer_port
    return ports


def opened_workspaces(settings: StackSettings) -> Iterator[tuple[str, OpenSettings]]:
    """Yield (name, `open`) of every workspace that is opened."""
    for name, workspace in settings.workspaces.items():
        if workspace.open is not None:
            yield name, workspace.open


def workspace_container(name: str) -> str:
    """Name of an opened workspace's container, with which its volumes' names begin."""
    return f"{CONTAINER}{name}"


def workspace_volumes(name: str, opening: OpenSettings) -> tuple[str, str | None]:
    """(volume of the home, volume of the nested engine or None) of an opened workspace."""
    container = workspace_container(name)
    return f"{container}-home", f"{container}-docker" if opening.dind else None


def page_port(name: str, opening: OpenSettings) -> int | None:
    """Port of the workspace's page on the host's loopback; None if it has no page."""
    entry = WORKSPACES.get(name)
    return None if entry is None or entry.ide_port is None else opening.port or entry.ide_port


def hosted_registries(settings: StackSettings) -> dict[str, RegistrySettings]:
    """Registries that the stack runs itself, by name."""
    return {
        name: registry
        for name, registry in settings.registries.items()
        if registry.kind is RegistryKind.HOSTED
    }


def registry_container(name: str) -> str:
    """Name of a hosted registry's container, such as `registry-community`."""
    return container_name(name, REGISTRY_IMAGE)


def registry_volumes(name: str) -> tuple[str, str]:
    """(data volume, volume of secrets) of a hosted registry."""
    container = registry_container(name)
    return f"{container}-data", f"{container}-secrets"


def registry_ports(registry: RegistrySettings) -> dict[str, tuple[str, int]]:
    """Ports of a hosted registry on its host, by key: (address, port).

    `port` is as given, else that of its address, else the default.
    """
    listen = registry.listen or LOOPBACK
    ports = {"port": (listen, registry.port or address_port(registry.address or "") or REGISTRY_PORT)}
    if registry.readers_port is not None:
        ports["readers-port"] = listen, registry.readers_port
    return ports
