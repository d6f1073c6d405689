"""Access of containers to wallets, as rules over resources: one writer, and no other reader."""

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, TypeAlias

from pulumi.runtime.rpc import UNKNOWN

from catalogue.folders import folder_fault, overlap
from catalogue.naming import copies_volume, exporter_name, possible_engine, proxy_name
from catalogue.node_container import WALLET
from catalogue.urns import parents_of
from clients.pulumi import CONTAINER, NODE_CONTAINER
from review.options import PROVIDERS, VOLUME
from review.restarts import CONTAINERS
from review.rules import HIDDEN, Breaches, Resource, secret_inputs

OUTSIDE = ("networkMode", "pidMode", "ipcMode", "usernsMode", "cgroupnsMode")
"""Inputs that can put a container into a namespace of its host or of another container."""
NO_NEW_PRIVILEGES = tuple(f"no-new-privileges{end}" for end in ("", ":true", "=true"))
"""Spellings of the security option that confines a container further; others may loosen its confinement."""
OWN_CONTAINERS = {"skycoin:index:Exporter": exporter_name, "skycoin:index:Proxy": proxy_name}
"""Component whose container belongs in a node's network → function that derives its name from the node's."""
JUDGED = {
    CONTAINER: (
        *("mounts", "volumes", "devices", "capabilities", "securityOpts", "privileged", "networksAdvanced"),
        *OUTSIDE,
    ),
    NODE_CONTAINER: ("wallet", "backups", "volumes", "networksAdvanced"),
    VOLUME: ("name", "driver", "driverOpts"),
}
"""Type → inputs that lead to a wallet; another rule says how a node is confined."""
SOCKET = "unix://"
Place: TypeAlias = tuple[str | None, object]
"""(engine, volume)."""
Volumes: TypeAlias = Mapping[object, Sequence[str | None]]
"""Name of a volume → the engines that have it."""

Networks: TypeAlias = Mapping[str, Mapping[str | None, Resource]]
"""Name of a network → engine → the first node in it."""


@dataclass(frozen=True, slots=True)
class Engines:
    """Engines of docker's providers; two providers may reach one engine."""

    by_provider: Mapping[str, str | None]

    def of(self, resource: Resource) -> str | None:
        """Engine of a resource; None if it may be any.

        If its provider is not in the preview, the engine has the name of the host.
        """
        if resource.type == NODE_CONTAINER and "engine" in resource.inputs:
            return _engine(resource.inputs["engine"])
        host = host_of(resource)
        return self.by_provider.get(host, host)


def engines_in(resources: Sequence[Resource]) -> Engines:
    """Read the engines of all docker providers: the environment's without an address, None for a context."""
    return Engines(
        {
            resource.name: None if resource.inputs.get("context") else _engine(resource.inputs.get("host"))
            for resource in resources
            if resource.type == f"{PROVIDERS}docker"
        }
    )


def _engine(address: object) -> str | None:
    """Name of the engine at an address, however the address is spelt; None if the address is unknown."""
    if address in (UNKNOWN, HIDDEN) or not isinstance(address, str | None):
        return None
    given = address or ""
    if given.startswith(SOCKET):
        return possible_engine(f"{SOCKET}{_normal(given.removeprefix(SOCKET))}")
    return possible_engine(given.lower().rstrip("/."))


def writers(resources: Sequence[Resource]) -> Breaches:
    """Yield, for each wallet volume that several containers can write to, the last of these containers."""
    engines = engines_in(resources)
    wallets = _wallets(resources, engines)
    found: dict[Place, list[Resource]] = {}
    for resource in resources:
        own = own_wallets(resource)
        for volume, is_read_only in _volumes(resource):
            for place in _meant(resource, volume, wallets, engines):
                if (not is_read_only or volume in own) and resource not in found.setdefault(place, []):
                    found[place].append(resource)
    for (_, volume), containers in found.items():
        others = ", ".join(container.name for container in containers[:-1])
        if others:
            last = containers[-1]
            yield last, f"writes the wallet {volume} on host {host_of(last)}, and so does {others}"


def readers(resources: Sequence[Resource]) -> Breaches:
    """Yield what else leads to a wallet, on engines that have one: volumes, containers and their mounts."""
    engines = engines_in(resources)
    wallets = _wallets(resources, engines)
    copies = _copies(resources, engines, wallets)
    guarded = {engine for found in wallets.values() for engine in found}
    networks = _networks(resources, engines)
    sockets = [engine.removeprefix(SOCKET) for engine in guarded if engine and engine.startswith(SOCKET)]
    are_all = None in guarded  # a node whose engine is unknown may be on any
    for resource in resources:
        if secret := guarded and [*secret_inputs(resource, *JUDGED.get(resource.type, ()))]:
            yield from ((resource, how) for how in secret)
            continue
        own = own_wallets(resource)
        for volume, is_read_only in _volumes(resource):
            reads = is_read_only and volume not in own and _meant(resource, volume, wallets, engines)
            if reads or _meant(resource, volume, copies, engines):
                yield resource, f"mounts {volume} on host {host_of(resource)}"
        engine = engines.of(resource)
        if are_all or engine in guarded or (guarded and engine is None):
            yield from ((resource, how) for how in _ways(resource, sockets))
            yield from ((resource, how) for how in _joined(resource, engine, networks))


def misnamed(resources: Sequence[Resource]) -> Breaches:
    """Yield volumes that are the wallet of a node and not known as such by their name in Pulumi."""
    engines = engines_in(resources)
    used = {
        (engines.of(resource), wallet): resource.name
        for resource in resources
        for wallet in own_wallets(resource)
    }
    for resource in resources:
        node = used.get((engines.of(resource), resource.inputs.get("name")))
        if node and resource.type == VOLUME and not resource.is_wallet:
            yield resource, f"is the wallet of {node}"


def _ways(resource: Resource, sockets: Sequence[str]) -> Iterator[str]:
    """Ways to files or namespaces outside a container that its volumes do not show."""
    if resource.type == VOLUME:
        yield from _special(resource.inputs.get("driver"), resource.inputs.get("driverOpts"))
    if resource.type != CONTAINER:  # another rule says how a node is confined
        return
    for mount in listed(resource, "mounts"):
        if isinstance(options := mount.get("volumeOptions"), Mapping):
            named = f"mounts {mount.get('source')}, which "
            driver = options.get("driverName"), options.get("driverOptions")
            yield from (f"{named}{how}" for how in _special(*driver))
    for entry in listed(resource, "volumes"):
        if entry.get("fromContainer"):
            yield f"has the volumes of the container {entry['fromContainer']}"
    for folder in _folders(resource):
        if folder == UNKNOWN:
            yield "mounts a folder of its host that is unknown before `up`"
        elif folder_fault(folder) or any(_is_of_engine(folder, socket) for socket in sockets):
            yield f"mounts {folder} of its host"
    yield from _rights(resource.inputs)


def _special(driver: object, options: object) -> Iterator[str]:
    """Describe a volume that is not one of the engine's own folders."""
    if isinstance(options, Mapping) and options.get("device"):
        yield f"is the folder or device {options['device']} of its host"
    elif driver not in (None, "", "local"):
        yield f"has the driver {driver}"


def _rights(inputs: Mapping[str, Any]) -> Iterator[str]:
    """Rights of a container that the engine does not give by default, and namespaces that are not its own."""
    if inputs.get("privileged"):
        yield "is privileged"
    capabilities = inputs.get("capabilities")
    if isinstance(capabilities, Mapping) and (added := capabilities.get("adds")):
        yield f"has the capabilities {', '.join(map(str, added))}"
    security = inputs.get("securityOpts")
    for option in security if isinstance(security, list) else ():
        if option not in NO_NEW_PRIVILEGES:
            yield f"has the security option {option}"
    modes = ((key, str(inputs.get(key))) for key in OUTSIDE)
    yield from (f"has {key} {mode}" for key, mode in modes if is_outside(mode))


def _joined(resource: Resource, engine: str | None, networks: Networks) -> Iterator[str]:
    """Describe the nodes' networks that a container is in, except its own node's (see OWN_CONTAINERS)."""
    if resource.type not in CONTAINERS:
        return
    name_of_own = OWN_CONTAINERS.get(parents_of(resource.urn).rpartition("$")[2])
    for network in _networks_of(resource):
        for node_engine, node in networks.get(network, {}).items():
            is_own = name_of_own and resource.inputs.get("name") == name_of_own(str(node.inputs.get("name")))
            if engine in (node_engine, None) and node is not resource and not is_own:
                yield f"is in the network of {node.name}"


def _networks(resources: Sequence[Resource], engines: Engines) -> Networks:
    nodes: dict[str, dict[str | None, Resource]] = {}
    for resource in resources:
        if resource.type == NODE_CONTAINER:
            for network in _networks_of(resource):
                nodes.setdefault(network, {}).setdefault(engines.of(resource), resource)
    return nodes


def _networks_of(container: Resource) -> list[str]:
    """Names of a container's networks, as far as they are known."""
    mode = container.inputs.get("networkMode")
    given = [mode, *(entry.get("name") for entry in listed(container, "networksAdvanced"))]
    return [str(name) for name in given if name not in (None, UNKNOWN) and not is_outside(str(name))]


def _normal(path: str) -> str:
    """Path without `..` and repeated slashes."""
    return f"/{posixpath.normpath(path).lstrip('/')}"


def _is_of_engine(folder: str, socket: str) -> bool:
    """True for a folder with an engine's socket, or with the data of an engine that `make up` has started."""
    path = PurePosixPath(socket)
    return any(overlap(PurePosixPath(folder), file) for file in (path, path.parent / "data"))


def is_outside(mode: str) -> bool:
    """True for a namespace of the host or of another container."""
    return mode == "host" or mode.startswith("container:")


def own_wallets(resource: Resource) -> set[object]:
    """Names of the volumes that a node has as its wallet."""
    if resource.type != NODE_CONTAINER:
        return set()
    mounted = [m.get("source") for m in listed(resource, "mounts") if m.get("target") == WALLET]
    return {resource.inputs.get("wallet"), *mounted} - {None, UNKNOWN}


def _wallets(resources: Sequence[Resource], engines: Engines) -> Volumes:
    named = [(engines.of(volume), volume.inputs.get("name")) for volume in resources if volume.is_wallet]
    used = [(engines.of(node), wallet) for node in resources for wallet in own_wallets(node)]
    return _by_name([*named, *used])


def _copies(resources: Sequence[Resource], engines: Engines, wallets: Volumes) -> Volumes:
    nodes = [resource for resource in resources if resource.type == NODE_CONTAINER]
    named = [(engines.of(node), node.inputs.get("backups")) for node in nodes]
    usual = [(engine, copies_volume(str(wallet))) for wallet, found in wallets.items() for engine in found]
    return _by_name([*named, *usual])


def _by_name(places: Sequence[Place]) -> Volumes:
    found: dict[object, list[str | None]] = {}
    for engine, volume in dict.fromkeys(places):
        if volume not in (None, UNKNOWN):
            found.setdefault(volume, []).append(engine)
    return found


def _meant(resource: Resource, volume: object, volumes: Volumes, engines: Engines) -> list[Place]:
    """Places in `volumes` that a container may mean by the name of a volume.

    A container that is not a node's may mean any engine, because another address may reach the same one.
    """
    engine = engines.of(resource)
    anywhere = resource.type == CONTAINER or engine is None
    return [(found, volume) for found in volumes.get(volume, ()) if anywhere or found in (engine, None)]


def host_of(resource: Resource) -> str:
    """Name of the host that a container or a volume is on."""
    return str(resource.inputs.get("host")) if resource.type == NODE_CONTAINER else resource.provider


def _volumes(container: Resource) -> Iterator[tuple[object, bool]]:
    """Yield (name of a volume, True if it is mounted read-only) of a container."""
    if container.type not in CONTAINERS:
        return
    for mount in listed(container, "mounts"):
        if mount.get("type") == "volume":
            yield mount.get("source"), bool(mount.get("readOnly"))
    for entry in listed(container, "volumes"):
        # The engine decides by the form of a name whether it is a path.
        yield from ((name, bool(entry.get("readOnly"))) for name in _sources(entry) if not _is_path(name))


def _folders(container: Resource) -> Iterator[str]:
    """Yield the files and folders of its host that a container gets."""
    for mount in listed(container, "mounts"):
        if mount.get("type") == "bind":
            yield str(mount.get("source"))
    for entry in (*listed(container, "volumes"), *listed(container, "devices")):
        yield from filter(_is_path, _sources(entry))
        if entry.get("hostPath") == UNKNOWN:
            yield UNKNOWN


def _sources(entry: Mapping[str, Any]) -> list[str]:
    return [str(entry[key]) for key in ("volumeName", "hostPath") if entry.get(key)]


def _is_path(source: str) -> bool:
    return "/" in source


def listed(resource: Resource, key: str) -> list[Mapping[str, Any]]:
    """Mappings in an input that is a list; empty if it is missing, secret or still unknown."""
    value = resource.inputs.get(key)
    return [entry for entry in value if isinstance(entry, Mapping)] if isinstance(value, list) else []
