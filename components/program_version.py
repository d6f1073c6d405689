"""Version of this program that last changed a stack (providers/skycoin/program_version.py).

An older program refuses a state that a newer one has changed, because it may not know all of its content.
Everything that the program creates depends on this resource, mostly through its provider: nothing is touched
before its check.
"""

import pulumi


class ProgramVersion(pulumi.CustomResource):
    """The version marker of a stack, served by this project's own provider."""

    def __init__(self, name: str, *, version: str) -> None:
        """Register the version, MAJOR.MINOR.PATCH."""
        super().__init__("skycoin:index:ProgramVersion", name, {"version": version})
