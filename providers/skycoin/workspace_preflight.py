"""skycoin:index:WorkspacePreflight: keeps a workspace away from wallets on its engine (ADR 52).

Anyone in a workspace with a nested engine can take over its host, so its host's engine must have no node of
any stack. Any workspace could read volumes in its folder, so the folder must be apart from the engine's data.
The engine is asked before anything of the workspace is created or replaced, and at every refresh.
"""

from collections.abc import Callable
from typing import Any, ClassVar

from catalogue.folders import data_fault
from catalogue.workspaces import CONTAINER
from clients.engine import connect
from clients.errors import SilentError
from clients.neighbours import beside_nodes, nodes_on
from providers.kind import Change, InputsAsState, ProviderError, ReadResult, Values, refuse_import
from providers.log import Warn

FAULT = "fault"
"""Output with the error that a refresh found."""


class WorkspacePreflight(InputsAsState):
    """The passed check as a resource: its state is its inputs, and an error that a refresh found."""

    inputs: ClassVar[tuple[str, ...]] = (
        *("host", "engine", "sshOptions", "container"),
        *("folder", "nestedEngine"),
    )

    def __init__(self, warn: Warn, client: Callable[[Values], Any] = connect) -> None:
        self._warn = warn
        self._client = client

    def diff(self, olds: Values, old_inputs: Values, news: Values) -> Change:
        """Report every change, and an error that a refresh found, as an update: the check runs again."""
        # A refresh asks too, with the old inputs: an error would end it before another engine can be given.
        return Change(updates=(*self.changed(old_inputs, news), *([FAULT] if olds.get(FAULT) else [])))

    def planned(self, news: Values, olds: Values | None) -> Values:
        """Predict the state for a preview; a host that does not answer is reported.

        Raises ProviderError with what `up` would refuse.
        """
        try:
            self._refuse(news)
        except SilentError as error:
            self._warn(
                f"{str(error).rstrip('.')}. Whether host {news['host']} accepts the workspace is unknown."
            )
        return super().planned(news, olds)

    def create(self, inputs: Values) -> tuple[str, Values]:
        """Ask the engine for the first time."""
        self._refuse(inputs)
        return f"{inputs['host']}/{inputs['container']}", inputs

    def read(self, identity: str, inputs: Values, state: Values) -> ReadResult | None:
        """Ask the engine again, and record an error since then, so that the next preview asks too."""
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
        """Reason why the workspace must not be on its engine; empty if it may.

        A state of 0.3.0 has neither `folder` nor `nestedEngine`: every workspace with this resource had a
        nested engine.
        """
        client, host = self._client(inputs), f"host {inputs['host']}"
        folder = str(inputs.get("folder", ""))
        if folder and (fault := data_fault(folder, client.info().get("DockerRootDir"))):
            return f"{host}: the folder {folder} is not mounted: {fault}"
        nodes = nodes_on(client) if inputs.get("nestedEngine", True) else []
        workspace = inputs["container"].removeprefix(CONTAINER)
        return beside_nodes(host, nodes, workspace) if nodes else ""
