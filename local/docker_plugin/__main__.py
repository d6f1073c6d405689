"""`pulumi-resource-docker`: started by the Pulumi engine."""

from local.docker_plugin.container import Container
from local.docker_plugin.image import RemoteImage
from local.docker_plugin.network import Network
from local.docker_plugin.volume import Volume
from plugins.base import Kind, Servicer, serve
from plugins.engine import Engine

VERSION = "5.2.0"


def servicer() -> Servicer:
    """The four kinds over one engine."""
    engine = Engine()
    kinds: dict[str, Kind] = {
        "docker:index/volume:Volume": Volume(engine),
        "docker:index/network:Network": Network(engine),
        "docker:index/remoteImage:RemoteImage": RemoteImage(engine),
        "docker:index/container:Container": Container(engine),
    }
    return Servicer(VERSION, kinds, engine.configure)


if __name__ == "__main__":
    serve(servicer())
