"""`pulumi-resource-skycoin`: named in Pulumi.yaml, started by the Pulumi engine."""

from plugins.base import Servicer, Values, serve
from plugins.skycoin.preflight import Preflight

VERSION = "0.1.0"


def _no_settings(inputs: Values) -> None:
    """The provider has no inputs of its own."""


if __name__ == "__main__":
    serve(Servicer(VERSION, {"skycoin:index:Preflight": Preflight()}, _no_settings))
