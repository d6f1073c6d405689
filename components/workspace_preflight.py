"""Check before a workspace is opened (providers/skycoin/workspace_preflight.py).

The workspace's volumes, network and container depend on the check: if it fails, no part of the workspace is
created or changed.
"""

import pulumi

from components.host import Host


class WorkspacePreflight(pulumi.CustomResource):
    """The check for one workspace on one host, served by this project's own provider."""

    def __init__(
        self,
        name: str,
        *,
        host: Host,
        container: str,
        folder: str,
        nested_engine: bool,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Register the check; `container` is the workspace's, `folder` a path on the host."""
        inputs = {
            **host.inputs,
            "container": container,
            "folder": folder,
            "nestedEngine": nested_engine,
        }
        super().__init__("skycoin:index:WorkspacePreflight", name, inputs, host.options(opts))
