"""skycoin:index:WorkspacePreflight: keeps a workspace with a nested engine away from nodes (ADR 52).

Anyone in such a workspace can take over its host. Before anything of the workspace is created or
replaced, and at every refresh, the engine is asked whether it has a node of any stack.
"""

from collections.abc import Callable
from typing import Any, ClassVar

from catalogue.workspaces import CONTAINER
from clients.engine import connect
from clients.errors import SilentError
from clients.neighbours import beside_nodes, nodes_on
from providers.kind import Change, InputsAsState, ProviderError, ReadResult, Values, refuse_import
from providers.log import Warn

FAULT = "fault"
"""Output with the error that a refresh found."""


class WorkspacePreflight(InputsAsState):
    """The passed check as a resource: its state is its inputs."""

    inputs: ClassVar[tuple[str, ...]] = ("host", "engine", "sshOptions", "container")

    def __init__(self, warn: Warn, client: Callable[[Values], Any] = connect) -> None:
        self._warn = warn
        self._client = client

    def diff(self, olds: Values, old_inputs: Values, news: Values) -> Change:
        """Report every change as an update, and a node that a refresh found, so that the check runs again."""
        # A refresh asks too, with the old inputs: an error would end it before another engine can be given.
        return Change(updates=(*self.changed(old_inputs, news), *([FAULT] if olds.get(FAULT) else [])))

    def planned(self, news: Values, olds: Values | None) -> Values:
        """Predict the state for a preview; a host that does not answer is reported.

        Raises ProviderError with what `up` would refuse.
        """
        try:
            self._refuse(news)
        except SilentError as error:
            self._warn(f"{str(error).rstrip('.')}. Whether host {news['host']} has a node is unknown.")
        return super().planned(news, olds)

    def create(self, inputs: Values) -> tuple[str, Values]:
        """Ask the engine for the first time."""
        self._refuse(inputs)
        return f"{inputs['host']}/{inputs['container']}", inputs

    def read(self, identity: str, inputs: Values, state: Values) -> ReadResult | None:
        """Ask the engine again, and record a node that was added since, so that the next preview asks too."""
        refuse_import(inputs, "a workspace's preflight")
        fault = self._fault(inputs)
        kept_state = {key: value for key, value in state.items() if key != FAULT}
        return ReadResult(
            identity=identity, state={**kept_state, **({FAULT: fault} if fault else {})}, inputs=inputs
        )

    def update(self, identity: str, olds: Values, news: Values) -> Values:
        """Ask the engine again."""
        self._refuse(news)
        return news

    def delete(self, identity: str, state: Values) -> None:
        """Do nothing: the check leaves nothing behind."""

    def _refuse(self, inputs: Values) -> None:
        if fault := self._fault(inputs):
            raise ProviderError(fault)

    def _fault(self, inputs: Values) -> str:
        """Reason why the workspace may not be on its engine; empty if the engine has no node."""
        nodes = nodes_on(self._client(inputs))
        workspace = inputs["container"].removeprefix(CONTAINER)
        return beside_nodes(f"host {inputs['host']}", nodes, workspace) if nodes else ""
