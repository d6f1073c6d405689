"""`pulumi-resource-skycoin`, the provider's executable: named in Pulumi.yaml, started by Pulumi's engine."""

import sys

from providers.start import end_without_traceback, protocol_only

end_without_traceback()
protocol_only()

from catalogue.version import VERSION  # noqa: E402
from providers.log import say_at, status_at, warn_at  # noqa: E402
from providers.servicer import Provider, Servicer  # noqa: E402 after protocol_only, which it depends on
from providers.serving import serve  # noqa: E402 after protocol_only, which it depends on


def load() -> Provider:
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

    return Provider(
        kinds={
            "skycoin:index:NodeContainer": NodeContainer(
                status_at(sys.argv[1]), warn_at(sys.argv[1]), say=say_at(sys.argv[1])
            ),
            "skycoin:index:Preflight": Preflight(HostFindings(warn_at(sys.argv[1]))),
            "skycoin:index:ProgramVersion": ProgramVersion(),
            "skycoin:index:PulledImage": PulledImage(status_at(sys.argv[1])),
            "skycoin:index:Tag": Tag(warn_at(sys.argv[1])),
            "skycoin:index:Verification": Verification(),
            "skycoin:index:WalletBackup": Retired(),
            "skycoin:index:WorkspacePreflight": WorkspacePreflight(warn_at(sys.argv[1])),
        }
    )


if __name__ == "__main__":
    serve(Servicer(VERSION, load, warn_at(sys.argv[1])))
