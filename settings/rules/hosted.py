"""Rules over registries of kind hosted: their hosts, images, ports and volumes, and the order of builds."""

from collections.abc import Iterator

from catalogue.images import REGISTRY_IMAGE
from settings.names import (
    engine_of,
    hosted_registries,
    registries_of,
    registry_port,
    registry_volumes,
    volume_names,
)
from settings.registry import RegistrySettings
from settings.rules.engines import ports_of
from settings.stack import StackSettings
from settings.words import not_listed


def hosted_faults(settings: StackSettings) -> Iterator[str]:
    """Yield errors of hosted registries that no single entry shows."""
    hosted = hosted_registries(settings)
    yield from _order_faults(hosted, settings)
    ports, volumes = _taken(settings)
    for name, registry in hosted.items():
        key = f"skycoin:registries.{name}"
        host = settings.hosts.get(registry.host or "")
        if host is None:
            yield f"{key}.host: {not_listed(str(registry.host), 'hosts', settings.hosts)}"
            continue
        yield from _image_faults(key, host.variant, settings)
        engine = engine_of(settings, str(registry.host))
        yield from _port_faults(name, engine, registry, ports)
        if registry.readers_port is not None and f"{name}-readers" in hosted:
            readers = f"skycoin:registries.{name}-readers"
            yield f"{key}.readers-port: its container would have the same name as {readers}'s; rename one"
        for volume in registry_volumes(name):
            if (engine, volume) in volumes:
                owner = volumes[engine, volume]
                taken = f"volume {volume!r} on engine {engine} is already used by skycoin:{owner}"
                yield f"{key}: {taken}; give the node another volume"


def _port_faults(
    name: str, engine: str, registry: RegistrySettings, taken: dict[tuple[str, int], str]
) -> Iterator[str]:
    """Yield errors for ports in use, and reserve this registry's."""
    wanted = {
        f"registries.{name}": registry_port(registry),
        f"registries.{name}.readers-port": registry.readers_port,
    }
    for user, port in wanted.items():
        if port is None:
            continue
        first = taken.setdefault((engine, port), user)
        if first != user:
            key = user if user.endswith("-port") else f"{user}.port"
            yield (
                f"skycoin:{key}: {port} is already taken on engine {engine} by skycoin:{first}; "
                "write another one"
            )


def _taken(settings: StackSettings) -> tuple[dict[tuple[str, int], str], dict[tuple[str, str], str]]:
    """Ports and volumes of nodes on their engines: ({(engine, port): key}, {(engine, volume): key})."""
    ports = {place: keys[0] for place, keys in ports_of(settings).items()}
    volumes = {
        (engine_of(settings, node.host), volume): f"nodes.{name}"
        for name, node in settings.nodes.items()
        for volume in volume_names(name, node)
    }
    return ports, volumes


def _image_faults(key: str, variant: str | None, settings: StackSettings) -> Iterator[str]:
    if settings.images_from is not None:
        return
    image = settings.images.get(REGISTRY_IMAGE)
    if image is None:
        yield f"{key}: needs the image {REGISTRY_IMAGE} in skycoin:images, published in another registry"
    elif variant is not None and variant not in image.arches:
        yield (
            f"{key}.host: it needs {variant}, but skycoin:images.{REGISTRY_IMAGE} is built for "
            f"{', '.join(image.arches)} only: add {variant} to its arches"
        )


def _order_faults(hosted: dict[str, RegistrySettings], settings: StackSettings) -> Iterator[str]:
    """Yield errors for images that are needed before the registry runs: built in it, or pulled to run it."""
    for name, image in settings.images.items():
        wanted = registries_of(image, settings)
        key = f"skycoin:images.{name}.registries"
        if wanted and wanted[0] in hosted:
            yield (
                f"{key}: {wanted[0]!r} is of kind hosted, in which no image can be built; "
                "put another registry first"
            )
        elif name == REGISTRY_IMAGE and (
            own := next((registry for registry in wanted if registry in hosted), None)
        ):
            yield f"{key}: {own!r} runs this image, so it can't be published there; name another registry"
