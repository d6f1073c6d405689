"""Version of this program that last changed a stack (providers/skycoin/program_version.py).

An older program refuses a state that a newer one has changed, because it may not know all of its content.
The docker providers of hosts and of builds depend on this resource, so they touch nothing before its check.
"""

import pulumi


class ProgramVersion(pulumi.CustomResource):
    """The version marker of a stack, served by this project's own provider."""

    def __init__(self, name: str, *, version: str) -> None:
        """Register the version, MAJOR.MINOR.PATCH."""
        super().__init__("skycoin:index:ProgramVersion", name, {"version": version})
