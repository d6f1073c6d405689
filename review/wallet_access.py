"""Access of containers to wallets, as rules over resources: one writer, and nobody else who reads."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, TypeAlias

from catalogue.naming import backups_volume, engine_name
from clients.pulumi import CONTAINER, NODE_CONTAINER
from review.options import PROVIDERS, VOLUME
from review.restarts import CONTAINERS
from review.rules import Breaches, Resource

ENGINE_FILES = tuple(
    map(PurePosixPath, ("/var/lib/docker", "/var/run/docker.sock", "/run/docker.sock", "/dev", "/proc"))
)
"""Files of a host with which a container reaches all volumes."""
OUTSIDE = ("networkMode", "pidMode", "ipcMode")
"""Inputs that can put a container into a namespace of its host or of another container."""
Place: TypeAlias = tuple[str, object]
"""(engine, volume)."""


@dataclass(frozen=True, slots=True)
class Engines:
    """Engines of docker's providers; two providers may reach one engine."""

    by_provider: Mapping[str, str]

    def of(self, resource: Resource) -> str:
        """Engine of a resource; the name of its provider, which is its host's, if the engine is unknown."""
        host = host_of(resource)
        return self.by_provider.get(host, host)


def engines_in(resources: Sequence[Resource]) -> Engines:
    """Read the engines of all docker providers; without an address it is the environment's."""
    return Engines(
        {
            resource.name: engine_name(str(resource.inputs.get("host") or ""))
            for resource in resources
            if resource.type == f"{PROVIDERS}docker"
        }
    )


def writers(resources: Sequence[Resource]) -> Breaches:
    """Yield containers that can write to a wallet's volume, as another one can."""
    engines = engines_in(resources)
    wallets = _wallets(resources, engines)
    found: dict[Place, list[Resource]] = {}
    for resource in resources:
        for volume, is_read_only in _volumes(resource):
            if not is_read_only and (place := (engines.of(resource), volume)) in wallets:
                found.setdefault(place, []).append(resource)
    for (_, volume), containers in found.items():
        last = containers[-1]
        others = ", ".join(container.name for container in containers[:-1])
        if others:
            yield last, f"writes the wallet {volume} on host {host_of(last)}, and so does {others}"


def readers(resources: Sequence[Resource]) -> Breaches:
    """Yield what else leads to a wallet, on engines that have one: volumes, containers and their mounts."""
    engines = engines_in(resources)
    wallets = _wallets(resources, engines)
    guarded = {engine for engine, _ in wallets}
    copies = {(engine, backups_volume(str(volume))) for engine, volume in wallets}
    for resource in resources:
        engine = engines.of(resource)
        if engine not in guarded:
            continue
        for volume, is_read_only in _volumes(resource):
            is_own = resource.type == NODE_CONTAINER and resource.inputs.get("wallet") == volume
            if (engine, volume) in copies or ((engine, volume) in wallets and is_read_only and not is_own):
                yield resource, f"mounts {volume} on host {host_of(resource)}"
        yield from ((resource, how) for how in _ways(resource))


def _ways(resource: Resource) -> Iterator[str]:
    """Ways to files or namespaces outside a container that its volumes do not show."""
    options = resource.inputs.get("driverOpts") if resource.type == VOLUME else None
    if isinstance(options, Mapping) and options.get("device"):
        yield f"is the folder or device {options['device']} of its host"
    if resource.type != CONTAINER:  # another rule says how a node is confined
        return
    for entry in listed(resource, "volumes"):
        if entry.get("fromContainer"):
            yield f"has the volumes of the container {entry['fromContainer']}"
    for folder in map(PurePosixPath, _folders(resource)):
        if any(folder.is_relative_to(file) or file.is_relative_to(folder) for file in ENGINE_FILES):
            yield f"mounts {folder} of its host"
    if resource.inputs.get("privileged"):
        yield "is privileged"
    modes = ((key, str(resource.inputs.get(key))) for key in OUTSIDE)
    yield from (f"has {key} {mode}" for key, mode in modes if is_outside(mode))


def is_outside(mode: str) -> bool:
    """True for a namespace of the host or of another container."""
    return mode == "host" or mode.startswith("container:")


def _wallets(resources: Sequence[Resource], engines: Engines) -> set[Place]:
    return {
        (engines.of(resource), resource.inputs.get("name")) for resource in resources if resource.is_wallet
    }


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
    for volume in listed(container, "volumes"):
        yield volume.get("volumeName"), bool(volume.get("readOnly"))


def _folders(container: Resource) -> Iterator[str]:
    """Yield the files and folders of its host that a container gets."""
    for mount in listed(container, "mounts"):
        if mount.get("type") == "bind":
            yield str(mount.get("source"))
    for entry in (*listed(container, "volumes"), *listed(container, "devices")):
        if entry.get("hostPath"):
            yield str(entry["hostPath"])


def listed(resource: Resource, key: str) -> list[Mapping[str, Any]]:
    """Mappings in an input that is a list; empty if its value is still unknown."""
    value = resource.inputs.get(key)
    return [entry for entry in value if isinstance(entry, Mapping)] if isinstance(value, list) else []
