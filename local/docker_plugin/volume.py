"""docker:index/volume:Volume. Everything in it replaces; removal is forced, as the official plugin's is."""

from typing import Any

from docker.errors import APIError, NotFound

from local.docker_plugin.engine import Engine
from local.docker_plugin.rules import checked, compare
from plugins.base import Change, Checked, Found, ProviderError, Values

INPUTS = ("name", "driver", "driverOpts", "labels")


class Volume:
    """A named volume; its id is its name."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def check(self, name: str, olds: Values, news: Values) -> Checked:
        """The program names every volume: the official plugin's random suffix is not copied."""
        result = checked(news, {}, INPUTS)
        if not news.get("name"):
            result.failures.append(("name", "a volume needs a fixed name"))
        return result

    def diff(self, olds: Values, old_inputs: Values, news: Values) -> Change:
        """Every input replaces."""
        return compare(olds, old_inputs, news, INPUTS)

    def create(self, inputs: Values) -> tuple[str, Values]:
        """Make it, or adopt the one of that name: the engine answers both alike."""
        body: dict[str, Any] = {
            "Name": inputs["name"],
            "Labels": {entry["label"]: entry["value"] for entry in inputs.get("labels", [])},
            "DriverOpts": inputs.get("driverOpts") or {},
        }
        if inputs.get("driver"):
            body["Driver"] = inputs["driver"]
        api = self._engine.client().api
        try:
            api._result(api._post_json(api._url("/volumes/create"), data=body), True)
            return inputs["name"], self._state(api.inspect_volume(inputs["name"]))
        except APIError as error:
            raise ProviderError(f"volume {inputs['name']}: {error.explanation or error}") from error

    def read(self, identity: str, inputs: Values, state: Values) -> Found | None:
        """The volume of that name, or None."""
        try:
            found = self._state(self._engine.client().api.inspect_volume(identity))
        except NotFound:
            return None
        except APIError as error:
            raise ProviderError(f"volume {identity}: {error.explanation or error}") from error
        return Found(
            identity=identity,
            state=found,
            inputs=inputs or {"name": found["name"], "driver": found["driver"]},
        )

    def update(self, identity: str, olds: Values, news: Values) -> Values:
        """Nothing of a volume changes in place."""
        return {**olds, **news}

    def delete(self, identity: str, state: Values) -> None:
        """Remove it, with force. Raises ProviderError where a container uses it."""
        try:
            self._engine.client().api.remove_volume(identity, force=True)
        except NotFound:
            return
        except APIError as error:
            raise ProviderError(f"volume {identity}: {error.explanation or error}") from error

    @staticmethod
    def _state(volume: Values) -> Values:
        labels = volume.get("Labels") or {}
        return {
            "name": volume["Name"],
            "driver": volume["Driver"],
            "mountpoint": volume["Mountpoint"],
            "driverOpts": volume.get("Options") or {},
            "labels": [{"label": key, "value": value} for key, value in sorted(labels.items())],
        }
