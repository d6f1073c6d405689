"""A `pulumi-resource-docker` that creates nothing: it returns each resource's inputs and records changes.

The folder ECHO_FOLDER holds the list of changes, and `world.json`: the outputs that a refresh finds, by
resource.
"""

import json
import os
from pathlib import Path

from local.pulumi.plugins import PLUGINS
from providers.kind import Change, CheckResult, InputsAsState, ReadResult, Values
from providers.servicer import Provider, Servicer
from providers.serving import serve

CHANGES, WORLD = "changes", "world.json"
TOKENS = ("docker:index/volume:Volume", "docker:index/container:Container")


class Echo(InputsAsState):
    """A resource whose outputs are its inputs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def check(self, name: str, olds: Values, news: Values) -> CheckResult:
        """Accept all inputs."""
        return CheckResult(inputs=news)

    def diff(self, olds: Values, old_inputs: Values, news: Values) -> Change:
        """Report an update of every key that differs."""
        keys = sorted({*old_inputs, *news})
        return Change(updates=tuple(key for key in keys if old_inputs.get(key) != news.get(key)))

    def create(self, inputs: Values) -> tuple[str, Values]:
        """Record the creation, and return the inputs."""
        self._note("create", inputs["name"])
        return inputs["name"], inputs

    def read(self, identity: str, inputs: Values, state: Values) -> ReadResult | None:
        """Return the state, overridden by what `world.json` has for the resource."""
        file = self._folder / WORLD
        world = json.loads(file.read_text()) if file.exists() else {}
        return ReadResult(identity=identity, state={**state, **world.get(identity, {})}, inputs=inputs)

    def update(self, identity: str, olds: Values, news: Values) -> Values:
        """Record the update, and return the new inputs."""
        self._note("update", identity)
        return news

    def delete(self, identity: str, state: Values) -> None:
        """Record the deletion."""
        self._note("delete", identity)

    def _note(self, what: str, name: str) -> None:
        with (self._folder / CHANGES).open("a") as file:
            file.write(f"{what} {name}\n")


if __name__ == "__main__":
    served = Provider(kinds=dict.fromkeys(TOKENS, Echo(Path(os.environ["ECHO_FOLDER"]))))
    serve(Servicer(PLUGINS["docker"], lambda: served))
