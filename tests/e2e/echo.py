"""`pulumi-resource-docker` that makes nothing: each resource is its inputs, and every change is written down.

Its folder, ECHO_FOLDER, has the list of changes, and `world.json`: outputs that a refresh finds, by resource.
"""

import json
import os
from pathlib import Path

from local.pulumi_cli import PLUGINS
from providers.base import Change, Checked, Found, Provider, Remade, Servicer, Values, serve

CHANGES, WORLD = "changes", "world.json"
TOKENS = ("docker:index/volume:Volume", "docker:index/container:Container")


class Echo(Remade):
    """One resource."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def check(self, name: str, olds: Values, news: Values) -> Checked:
        """Accept all inputs."""
        return Checked(inputs=news)

    def diff(self, olds: Values, old_inputs: Values, news: Values) -> Change:
        """Update whatever differs."""
        keys = sorted({*old_inputs, *news})
        return Change(updates=tuple(key for key in keys if old_inputs.get(key) != news.get(key)))

    def create(self, inputs: Values) -> tuple[str, Values]:
        """Answer the inputs."""
        self._note("create", inputs["name"])
        return inputs["name"], inputs

    def read(self, identity: str, inputs: Values, state: Values) -> Found | None:
        """Answer the state, with what the world has otherwise."""
        file = self._folder / WORLD
        world = json.loads(file.read_text()) if file.exists() else {}
        return Found(identity=identity, state={**state, **world.get(identity, {})}, inputs=inputs)

    def update(self, identity: str, olds: Values, news: Values) -> Values:
        """Answer the inputs."""
        self._note("update", identity)
        return news

    def delete(self, identity: str, state: Values) -> None:
        """Note it."""
        self._note("delete", identity)

    def _note(self, what: str, name: str) -> None:
        with (self._folder / CHANGES).open("a") as file:
            file.write(f"{what} {name}\n")


if __name__ == "__main__":
    served = Provider(kinds=dict.fromkeys(TOKENS, Echo(Path(os.environ["ECHO_FOLDER"]))))
    serve(Servicer(PLUGINS["docker"], lambda: served))
