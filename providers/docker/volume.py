"""docker:index/volume:Volume. Any change replaces it; removal is forced, as in the official plugin."""

from typing import Any, ClassVar

from docker.errors import NotFound

from providers.adopting import does_not_exist, is_adopting, refuse_while_adopting
from providers.container.schema import Schema
from providers.docker.kind import SchemaKind
from providers.docker.other_schemas import VOLUME
from providers.docker.state import as_labels, read_result, settled
from providers.kind import ReadResult, Values


class Volume(SchemaKind):
    """A named volume; its id is its name."""

    schema: ClassVar[Schema] = VOLUME

    def create(self, inputs: Values) -> tuple[str, Values]:
        """Create the volume, or adopt one of that name: the engine answers both in the same way."""
        subject = f"volume {inputs['name']}"
        with self._engine.asking(subject) as api:
            volume: Values = _adopt(api, subject, inputs) if is_adopting() else _create(api, inputs)
        return inputs["name"], settled(VOLUME, self.planned(inputs, None), _observed(volume))

    def read(self, identity: str, inputs: Values, state: Values) -> ReadResult | None:
        """Find the volume by its name; None if there is none."""
        with self._engine.asking(f"volume {identity}") as api:
            try:
                observed = _observed(api.inspect_volume(identity))
            except NotFound:
                return None
        return read_result(VOLUME, identity, inputs, state, observed)

    def delete(self, identity: str, state: Values) -> None:
        """Remove the volume, with force. Raises ServiceError if a container uses it."""
        refuse_while_adopting(f"volume {identity}")
        with self._engine.asking(f"volume {identity}") as api:
            try:
                api.remove_volume(identity, force=True)
            except NotFound:
                return


def _create(api: Any, inputs: Values) -> Values:
    volume: Values = api.create_volume(
        inputs["name"],
        driver=inputs.get("driver"),
        driver_opts=inputs.get("driverOpts"),
        labels={entry["label"]: entry["value"] for entry in inputs.get("labels", [])},
    )
    return volume


def _adopt(api: Any, subject: str, inputs: Values) -> Values:
    try:
        volume: Values = api.inspect_volume(inputs["name"])
    except NotFound:
        raise does_not_exist(subject) from None
    return volume


def _observed(volume: Values) -> Values:
    return {
        "id": volume["Name"],
        "name": volume["Name"],
        "driver": volume["Driver"],
        "mountpoint": volume["Mountpoint"],
        "driverOpts": volume.get("Options") or {},
        "labels": as_labels(volume.get("Labels")),
        "cluster": None,
    }
