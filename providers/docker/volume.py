"""docker:index/volume:Volume. Everything in it replaces; removal is forced, as the official plugin's is."""

from typing import ClassVar

from docker.errors import NotFound

from clients.engine import Engine
from providers.base import Change, Checked, Found, Values
from providers.docker.rules import checked, compare

INPUTS = ("name", "driver", "driverOpts", "labels")
COMPUTED = ("name", "driver")


class Volume:
    """A named volume; its id is its name."""

    computed: ClassVar[frozenset[str]] = frozenset()

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
        return compare(olds, old_inputs, news, INPUTS, computed=COMPUTED)

    def create(self, inputs: Values) -> tuple[str, Values]:
        """Make it, or adopt the one of that name: the engine answers both alike."""
        with self._engine.asking(f"volume {inputs['name']}") as api:
            made: Values = api.create_volume(
                inputs["name"],
                driver=inputs.get("driver"),
                driver_opts=inputs.get("driverOpts"),
                labels={entry["label"]: entry["value"] for entry in inputs.get("labels", [])},
            )
        return inputs["name"], self._state(made)

    def read(self, identity: str, inputs: Values, state: Values) -> Found | None:
        """The volume of that name, or None."""
        with self._engine.asking(f"volume {identity}") as api:
            try:
                found = self._state(api.inspect_volume(identity))
            except NotFound:
                return None
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
        with self._engine.asking(f"volume {identity}") as api:
            try:
                api.remove_volume(identity, force=True)
            except NotFound:
                return

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
