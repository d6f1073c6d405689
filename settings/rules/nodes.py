"""Rules over nodes: their hosts, images, metrics and web interfaces."""

from collections.abc import Iterator

from catalogue.images import CATALOGUE, EXPORTER, PROXY
from settings.fields import NAME
from settings.host import HostSettings
from settings.image import ImageSettings
from settings.names import tags_of
from settings.node import NodeSettings
from settings.stack import StackSettings
from settings.words import did_you_mean, not_built_for, not_listed

NODE_IMAGES = [name for name, entry in CATALOGUE.items() if entry.node]


def node_faults(settings: StackSettings) -> Iterator[str]:
    """Yield errors of the hosts, images, tags and former names that nodes refer to."""
    for name, node in settings.nodes.items():
        key = f"skycoin:nodes.{name}"
        if node.host not in settings.hosts:
            yield f"{key}.host: {not_listed(node.host, 'hosts', settings.hosts)}"
        if node.renamed_from is not None and not NAME.fullmatch(node.renamed_from):
            yield f"{key}.renamed-from: {node.renamed_from!r} is not the name of a node"
        is_known = settings.images_from is not None or node.image in CATALOGUE
        if is_known and node.image not in NODE_IMAGES:
            yield f"{key}.image: {node.image!r} is not a node's image; allowed: {', '.join(NODE_IMAGES)}"
        elif settings.images_from is None and node.image not in settings.images:
            yield f"{key}.image: {not_listed(node.image, 'images', settings.images)}"
        elif settings.images_from is None:
            yield from _image_faults(key, node, settings.images[node.image], settings.hosts.get(node.host))


def _image_faults(
    key: str, node: NodeSettings, image: ImageSettings, host: HostSettings | None
) -> Iterator[str]:
    """Yield errors for what a node needs but its image, which the same stack builds, does not have."""
    if node.tag is not None and node.tag not in tags_of(image):
        allowed = ", ".join(tags_of(image)) + did_you_mean(node.tag, tags_of(image))
        yield f"{key}.tag: {node.tag!r} is not published here; allowed: {allowed}"
    if host is not None and host.variant is not None and host.variant not in image.arches:
        of_image = f"skycoin:images.{node.image}"
        yield f"{key}.host: {not_built_for(node.host, host.variant, of_image, image.arches)}"
    if node.gui and not image.gui:
        yield f"{key}.gui: true needs gui: true in skycoin:images.{node.image}, which sets it to false"


def metrics_faults(settings: StackSettings) -> Iterator[str]:
    """Yield errors of nodes with metrics."""
    exporter = settings.images.get(EXPORTER)
    for name, node in settings.nodes.items():
        if node.metrics_port is None or settings.images_from is not None:
            continue
        key, host = f"skycoin:nodes.{name}.metrics-port", settings.hosts.get(node.host)
        if exporter is None:
            yield f"{key}: needs the image {EXPORTER} in skycoin:images (docs/stacks.md, “Metrics”)"
        elif host is not None and host.variant is not None and host.variant not in exporter.arches:
            image = f"skycoin:images.{EXPORTER}"
            yield f"{key}: {not_built_for(node.host, host.variant, image, exporter.arches)}"


def gui_faults(settings: StackSettings) -> Iterator[str]:
    """Yield errors of the proxies of nodes with a web interface."""
    given = settings.images.get(PROXY)
    if given is None:
        return
    for name, node in settings.nodes.items():
        host = settings.hosts.get(node.host)
        if node.gui and host is not None and host.variant is not None and host.variant not in given.arches:
            fault = not_built_for(node.host, host.variant, f"skycoin:images.{PROXY}", given.arches)
            yield f"skycoin:nodes.{name}.gui: {fault}"
