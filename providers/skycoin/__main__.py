"""`pulumi-resource-skycoin`, the provider's executable: named in Pulumi.yaml, started by Pulumi's engine."""

import sys

from providers.start import end_without_traceback, protocol_only

end_without_traceback()
protocol_only()

from providers.serving import serve  # noqa: E402 after protocol_only, which it depends on
from providers.skycoin.plugin import servicer  # noqa: E402

if __name__ == "__main__":
    serve(servicer(sys.argv[1]))
