"""docker:index/remoteImage:RemoteImage: an image that is pulled by its reference."""

import contextlib
from typing import ClassVar

from docker.errors import ImageNotFound

from clients.engine import Engine
from clients.errors import ServiceError
from clients.foreign import line as shown
from providers.container.schema import Schema
from providers.docker.kind import SchemaKind
from providers.docker.other_schemas import REMOTE_IMAGE
from providers.docker.state import foreign, settled
from providers.kind import ReadResult, Values


def find_or_pull(engine: Engine, name: str, platform: str | None = None) -> Values:
    """Inspect the image; pull it if the engine does not have it. Raises ServiceError."""
    with engine.asking(f"image {name} can't be pulled") as api:
        with contextlib.suppress(ImageNotFound):
            image: Values = api.inspect_image(name)
            return image
        # Once the response has begun, an error is one of its lines, and nothing else tells that the pull
        # failed.
        for line in api.pull(name, platform=platform, stream=True, decode=True):
            if "error" in line:
                raise ServiceError(f"image {name} can't be pulled: {shown(line['error'])}")
        pulled: Values = api.inspect_image(name)
        return pulled


class RemoteImage(SchemaKind):
    """An image on the engine. As in the official plugin, its id is the image's id followed by its name."""

    schema: ClassVar[Schema] = REMOTE_IMAGE
    delete_first: ClassVar[bool] = False

    def create(self, inputs: Values) -> tuple[str, Values]:
        """Find the image; pull it if the engine does not have it."""
        image = find_or_pull(self._engine, inputs["name"], inputs.get("platform"))
        return self._settled(inputs, self.planned(inputs, None), image)

    def read(self, identity: str, inputs: Values, state: Values) -> ReadResult | None:
        """Find the image by its name, which is the id of an import; None if the engine no longer has it."""
        known_inputs = inputs or {"name": state.get("name") or identity}
        with self._engine.asking(f"image {known_inputs['name']}") as api:
            try:
                image = api.inspect_image(known_inputs["name"])
            except ImageNotFound:
                return None
        identity, observed = self._settled(known_inputs, self.planned(known_inputs, state), image)
        return ReadResult(
            identity=identity, state=foreign(REMOTE_IMAGE, state) | observed, inputs=known_inputs
        )

    def delete(self, identity: str, state: Values) -> None:
        """Remove the image unless keepLocally is set. Raises ServiceError if a container uses it."""
        if state.get("keepLocally"):
            return
        with self._engine.asking(f"image {state['name']}") as api:
            try:
                api.remove_image(state["name"], force=bool(state.get("forceRemove")))
            except ImageNotFound:
                return

    @staticmethod
    def _settled(inputs: Values, plan: Values, image: Values) -> tuple[str, Values]:
        identity, digests = image["Id"] + inputs["name"], image.get("RepoDigests") or [""]
        observed = {"id": identity, "imageId": image["Id"], "repoDigest": digests[0]}
        return identity, settled(REMOTE_IMAGE, plan, {**plan, **observed})
