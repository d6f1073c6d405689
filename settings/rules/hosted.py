"""Rules over registries of kind hosted: their hosts, images, ports and volumes, and the order of builds."""

from collections.abc import Iterator

from catalogue.images import REGISTRY_IMAGE
from settings.names import (
    engine_of,
    hosted_registries,
    registries_of,
    registry_ports,
    registry_volumes,
)
from settings.registry import RegistrySettings
from settings.rules.engines import ports_of, volumes_of
from settings.stack import StackSettings
from settings.words import not_built_for, not_listed


def hosted_faults(settings: StackSettings) -> Iterator[str]:
    """Yield errors of hosted registries that no single entry shows."""
    hosted = hosted_registries(settings)
    yield from _order_faults(hosted, settings)
    ports = {place: keys[0] for place, keys in ports_of(settings).items()}
    volumes = volumes_of(settings)
    for name, registry in hosted.items():
        key = f"skycoin:registries.{name}"
        host = settings.hosts.get(registry.host or "")
        if host is None:
            yield f"{key}.host: {not_listed(str(registry.host), 'hosts', settings.hosts)}"
            continue
        yield from _image_faults(key, str(registry.host), host.variant, settings)
        engine = engine_of(settings, str(registry.host))
        yield from _port_faults(name, engine, registry, ports)
        if registry.readers_port is not None and f"{name}-readers" in hosted:
            readers = f"skycoin:registries.{name}-readers"
            yield f"{key}.readers-port: its container would have the same name as {readers}'s; rename one"
        for volume in registry_volumes(name):
            if (engine, volume) in volumes:
                [owner, *_] = volumes[engine, volume]
                taken = f"volume {volume!r} on engine {engine} is already used by skycoin:{owner}"
                yield f"{key}: {taken}; give the node another volume"


def _port_faults(
    name: str, engine: str, registry: RegistrySettings, taken: dict[tuple[str, int], str]
) -> Iterator[str]:
    """Yield errors for ports in use, and reserve this registry's."""
    for which, (_, port) in registry_ports(registry).items():
        key = f"registries.{name}.{which}"
        if (first := taken.setdefault((engine, port), key)) != key:
            yield (
                f"skycoin:{key}: {port} is already taken on engine {engine} by skycoin:{first}; "
                "write another one"
            )


def _image_faults(key: str, host: str, variant: str | None, settings: StackSettings) -> Iterator[str]:
    if settings.images_from is not None:
        return
    image = settings.images.get(REGISTRY_IMAGE)
    if image is None:
        yield f"{key}: needs the image {REGISTRY_IMAGE} in skycoin:images, published in another registry"
    elif variant is not None and variant not in image.arches:
        of_image = f"skycoin:images.{REGISTRY_IMAGE}"
        yield f"{key}.host: {not_built_for(host, variant, of_image, image.arches)}"


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
