"""Servicer of the stand-in: four resource types on one engine."""

from providers.log import warn_at
from providers.servicer import Provider, Servicer

VERSION = "5.2.0"


def servicer(engine: str) -> Servicer:
    """Create the servicer of one host; `engine` is the Pulumi engine's address."""
    return Servicer(VERSION, _load, warn_at(engine))


def _load() -> Provider:
    """Load the resource types, with the Docker client that they import."""
    from clients.engine import Engine  # noqa: PLC0415
    from providers.docker.configuration import check_configuration  # noqa: PLC0415 loaded in the background
    from providers.docker.container import Container  # noqa: PLC0415
    from providers.docker.image import RemoteImage  # noqa: PLC0415
    from providers.docker.network import Network  # noqa: PLC0415
    from providers.docker.volume import Volume  # noqa: PLC0415

    engine = Engine()
    return Provider(
        kinds={
            "docker:index/volume:Volume": Volume(engine),
            "docker:index/network:Network": Network(engine),
            "docker:index/remoteImage:RemoteImage": RemoteImage(engine),
            "docker:index/container:Container": Container(engine),
        },
        check_configuration=check_configuration,
        configure=engine.configure,
    )
