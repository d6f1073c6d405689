"""Base of the stand-in's kinds: each checks, compares and predicts by its schema, on one engine."""

from typing import ClassVar

from clients.engine import Engine
from providers.container.inputs import checked
from providers.container.plan import planned
from providers.container.schema import Schema
from providers.docker.difference import change
from providers.kind import Change, CheckResult, Values


class SchemaKind:
    """A kind that its schema describes. An update only records the inputs, unless the kind overrides it."""

    schema: ClassVar[Schema]
    delete_first: ClassVar[bool] = True
    """True if a resource is deleted before its replacement is created."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def check(self, name: str, olds: Values, news: Values) -> CheckResult:
        """Check the inputs. The program names every resource: no random suffix is added."""
        return checked(self.schema, news)

    def diff(self, olds: Values, old_inputs: Values, news: Values) -> Change:
        """Compare the state with the planned one."""
        return change(self.schema, olds, news, delete_first=self.delete_first)

    def planned(self, news: Values, olds: Values | None) -> Values:
        """Predict the state for a preview."""
        return planned(self.schema, news, olds)

    def update(self, identity: str, olds: Values, news: Values) -> Values:
        """Only record the inputs."""
        return self.planned(news, olds)
