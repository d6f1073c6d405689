"""skycoin:index:ProgramVersion: refuses a state that a newer version of this program has changed."""

from typing import ClassVar

from providers.kind import Change, InputsAsState, ProviderError, ReadResult, Values, refuse_import


class ProgramVersion(InputsAsState):
    """Resource {version}: the version of the program that last changed the stack."""

    inputs: ClassVar[tuple[str, ...]] = ("version",)

    def diff(self, olds: Values, old_inputs: Values, news: Values) -> Change:
        """Record a newer version. Raises ProviderError, also in the preview, if the state's is newer."""
        before, after = str(olds.get("version", "0")), str(news["version"])
        if _numbers(before) > _numbers(after):
            raise ProviderError(
                f"version {before} of this program has changed this stack, and this is version {after}, "
                f"which may not understand its state. Check out v{before} or newer. Nothing was changed."
            )
        return Change(updates=("version",) if before != after else ())

    def create(self, inputs: Values) -> tuple[str, Values]:
        """Record the version for the first time."""
        return "program", inputs

    def read(self, identity: str, inputs: Values, state: Values) -> ReadResult | None:
        """Return the state: the version is recorded nowhere else."""
        refuse_import(inputs, "the version of a stack")
        return ReadResult(identity=identity, state=state, inputs=inputs)

    def update(self, identity: str, olds: Values, news: Values) -> Values:
        """Record the new version."""
        return news

    def delete(self, identity: str, state: Values) -> None:
        """Do nothing: the record is deleted with the state."""


def _numbers(version: str) -> tuple[int, ...]:
    """Numbers of MAJOR.MINOR.PATCH, so that 0.10.0 is newer than 0.9.0."""
    return tuple(int(part) for part in version.split("."))
