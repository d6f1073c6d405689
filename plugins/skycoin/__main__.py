"""`pulumi-resource-skycoin`: named in Pulumi.yaml, started by the Pulumi engine."""

import sys

from plugins.base import Kind, Servicer, Values, serve
from plugins.log import warn_at
from plugins.skycoin.preflight import Preflight
from plugins.skycoin.tag import Tag
from plugins.skycoin.verification import Verification

VERSION = "0.1.0"


def _no_settings(inputs: Values) -> None:
    """The provider has no inputs of its own."""


if __name__ == "__main__":
    kinds: dict[str, Kind] = {
        "skycoin:index:Preflight": Preflight(),
        "skycoin:index:Tag": Tag(warn_at(sys.argv[1])),
        "skycoin:index:Verification": Verification(),
    }
    serve(Servicer(VERSION, kinds, _no_settings))
