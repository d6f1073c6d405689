"""Which version of this program wrote a stack's state (providers/skycoin/program_version.py).

An older program refuses a state that a newer one has changed: it may not know what is in it.
Every explicit provider depends on this resource, so nothing on a host or in a builder goes before it.
"""

import pulumi


class ProgramVersion(pulumi.CustomResource):
    """The version marker of a stack; served by this project's own provider."""

    def __init__(self, name: str, *, version: str, opts: pulumi.ResourceOptions | None = None) -> None:
        """`version` is MAJOR.MINOR.PATCH."""
        super().__init__("skycoin:index:ProgramVersion", name, {"version": version}, opts)
