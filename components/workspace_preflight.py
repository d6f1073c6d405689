"""Check before a workspace with a nested engine is opened (providers/skycoin/workspace_preflight.py).

The workspace's volumes, network and container depend on the check: if the engine has a node, no part of the
workspace is created or changed.
"""

import pulumi

from components.host import Host


class WorkspacePreflight(pulumi.CustomResource):
    """The check for one workspace on one host, served by this project's own provider."""

    def __init__(
        self, name: str, *, host: Host, container: str, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Register the check; `container` is the name of the workspace's container."""
        inputs = {**host.inputs, "container": container}
        super().__init__("skycoin:index:WorkspacePreflight", name, inputs, opts)
