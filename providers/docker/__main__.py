"""`pulumi-resource-docker`: started by the Pulumi engine."""

import sys

from providers.start import end_without_traceback, protocol_only

end_without_traceback()
protocol_only()

from providers.base import Provider, Servicer, serve  # noqa: E402 after protocol_only, which it depends on
from providers.log import warn_at  # noqa: E402

VERSION = "5.2.0"


def load() -> Provider:
    """The four kinds over one engine, with the client that they import."""
    from clients.engine import Engine  # noqa: PLC0415
    from providers.docker.configuration import check_configuration  # noqa: PLC0415 while the engine goes on
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


if __name__ == "__main__":
    serve(Servicer(VERSION, load, warn_at(sys.argv[1])))
