"""`pulumi-resource-docker` for one host, in a separate process."""

import sys

from providers.start import end_without_traceback, protocol_only

end_without_traceback()
protocol_only()

from providers.docker.plugin import servicer  # noqa: E402
from providers.serving import serve  # noqa: E402 after protocol_only, which it depends on

if __name__ == "__main__":
    serve(servicer(sys.argv[1]))
