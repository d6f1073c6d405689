"""Servicer of the project's own plugin: its resource types, by token."""

from catalogue.version import VERSION
from providers.log import say_at, status_at, warn_at
from providers.servicer import Provider, Servicer


def servicer(engine: str) -> Servicer:
    """Create the plugin's servicer; `engine` is the Pulumi engine's address."""
    return Servicer(VERSION, lambda: load(engine), warn_at(engine))


def load(engine: str) -> Provider:
    """Load the resource types, with the engine and registry clients that they import."""
    from providers.skycoin.host_findings import HostFindings  # noqa: PLC0415 loaded in the background
    from providers.skycoin.node_container import NodeContainer  # noqa: PLC0415 loaded in the background
    from providers.skycoin.preflight import Preflight  # noqa: PLC0415 loaded in the background
    from providers.skycoin.program_version import ProgramVersion  # noqa: PLC0415
    from providers.skycoin.pulled_image import PulledImage  # noqa: PLC0415 loaded in the background
    from providers.skycoin.retired import Retired  # noqa: PLC0415
    from providers.skycoin.tag import Tag  # noqa: PLC0415
    from providers.skycoin.verification import Verification  # noqa: PLC0415
    from providers.skycoin.workspace_preflight import WorkspacePreflight  # noqa: PLC0415

    warn, status = warn_at(engine), status_at(engine)
    return Provider(
        kinds={
            "skycoin:index:NodeContainer": NodeContainer(status, warn, say=say_at(engine)),
            "skycoin:index:Preflight": Preflight(HostFindings(warn)),
            "skycoin:index:ProgramVersion": ProgramVersion(),
            "skycoin:index:PulledImage": PulledImage(status),
            "skycoin:index:Tag": Tag(warn),
            "skycoin:index:Verification": Verification(),
            "skycoin:index:WalletBackup": Retired(),
            "skycoin:index:WorkspacePreflight": WorkspacePreflight(warn),
        }
    )
