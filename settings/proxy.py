"""Default image `proxy`, for a stack that has a web interface but no such image in its settings."""

from catalogue.arch import ARCHES
from catalogue.images import CATALOGUE, PROXY
from catalogue.naming import Channel
from settings.image import ImageSettings, SourceSettings
from settings.stack import StackSettings

VERSION = "v1.22.1"
"""Version of nginx in Debian 12, which stays the same when Debian fixes it."""


def with_proxy(settings: StackSettings) -> StackSettings:
    """Add an image `proxy` to the settings if nodes of `skycoin:images` need one and none is given.

    It is published to the registries of the first such node's image, for the architectures of all such nodes'
    hosts.
    """
    nodes = [node for node in settings.nodes.values() if node.gui and node.image in settings.images]
    if PROXY in settings.images or not nodes:
        return settings
    under = settings.images[nodes[0].image]
    hosts = [settings.hosts.get(node.host) for node in nodes]
    variants = {host.variant if host else None for host in hosts}
    # A host of unknown architecture may use any that the first such node's image has.
    wanted = {*under.arches} if None in variants else variants
    proxy = ImageSettings(
        source=SourceSettings(debian=CATALOGUE[PROXY].module, version=VERSION),
        arches=[name for name in ARCHES if name in wanted],
        channel=Channel.DEVELOP,
        registries=under.registries,
    )
    return settings.model_copy(update={"images": {**settings.images, PROXY: proxy}})
