"""A `pulumi-resource-docker-build` for the tests of upgrades: it builds nothing, and finds few changes.

An image keeps the digest that the state has, whatever today's program would build it from, so that no other
resource changes because of a build. Only if its labels differ is its digest certain to differ too.
"""

from typing import Any, ClassVar

from pulumi.runtime.proto import provider_pb2

from components.buildx import IMAGE_TYPE, VERSION
from providers.kind import Change, CheckResult, InputsAsState, ProviderError, ReadResult, Values
from providers.servicer import Provider, Servicer
from providers.serving import serve


class FrozenImage(InputsAsState):
    """An image that is never built."""

    computed: ClassVar[frozenset[str]] = frozenset(("ref", "digest"))

    def check(self, name: str, olds: Values, news: Values) -> CheckResult:
        """Accept all inputs."""
        return CheckResult(inputs=news)

    def diff(self, olds: Values, old_inputs: Values, news: Values) -> Change:
        """Report a change of labels alone."""
        return Change(updates=("labels",) if old_inputs.get("labels") != news.get("labels") else ())

    def create(self, inputs: Values) -> tuple[str, Values]:
        """Refuse to build."""
        raise ProviderError("nothing is built here")

    def read(self, identity: str, inputs: Values, state: Values) -> ReadResult | None:
        """Return the state unchanged."""
        return ReadResult(identity=identity, state=state, inputs=inputs)

    def update(self, identity: str, olds: Values, news: Values) -> Values:
        """Refuse to build."""
        raise ProviderError("nothing is built here")

    def delete(self, identity: str, state: Values) -> None:
        """Refuse to delete."""
        raise ProviderError("nothing is deleted here")


class FrozenServicer(Servicer):
    """A servicer that reports its own settings as unchanged too: the real plugin adds some of its own."""

    def DiffConfig(  # noqa: N802 gRPC's name
        self, request: provider_pb2.DiffRequest, context: Any
    ) -> provider_pb2.DiffResponse:
        """Report no change."""
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)


if __name__ == "__main__":
    serve(FrozenServicer(VERSION, lambda: Provider(kinds={IMAGE_TYPE: FrozenImage()})))
