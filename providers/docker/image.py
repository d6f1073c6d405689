"""docker:index/remoteImage:RemoteImage: an image that is pulled by its reference."""

from docker.errors import ImageNotFound

from clients.engine import Engine, ensure_image
from providers.base import Change, CheckResult, ReadResult, Values
from providers.docker.difference import change
from providers.docker.inputs import checked
from providers.docker.other_schemas import REMOTE_IMAGE
from providers.docker.plan import planned
from providers.docker.state import foreign, settled


def find(engine: Engine, name: str, platform: str | None = None) -> Values:
    """Inspect the image; pull it if the engine does not have it. Raises ServiceError."""
    with engine.asking(f"image {name} can't be pulled") as api:
        return ensure_image(api, name, platform)


class RemoteImage:
    """An image on the engine. As in the official plugin, its id is the image's id followed by its name."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def check(self, name: str, olds: Values, news: Values) -> CheckResult:
        """Check the inputs against the schema."""
        return checked(REMOTE_IMAGE, news)

    def diff(self, olds: Values, old_inputs: Values, news: Values) -> Change:
        """Compare by the schema: another name is another image."""
        return change(REMOTE_IMAGE, olds, news, delete_first=False)

    def planned(self, news: Values, olds: Values | None) -> Values:
        """Predict the state by the schema."""
        return planned(REMOTE_IMAGE, news, olds)

    def create(self, inputs: Values) -> tuple[str, Values]:
        """Find the image; pull it if the engine does not have it."""
        image = find(self._engine, inputs["name"], inputs.get("platform"))
        return self._settled(inputs, planned(REMOTE_IMAGE, inputs), image)

    def read(self, identity: str, inputs: Values, state: Values) -> ReadResult | None:
        """Find the image by its name, which is the id of an import; None if the engine no longer has it."""
        known_inputs = inputs or {"name": state.get("name") or identity}
        with self._engine.asking(f"image {known_inputs['name']}") as api:
            try:
                image = api.inspect_image(known_inputs["name"])
            except ImageNotFound:
                return None
        identity, observed = self._settled(known_inputs, planned(REMOTE_IMAGE, known_inputs, state), image)
        return ReadResult(
            identity=identity, state=foreign(REMOTE_IMAGE, state) | observed, inputs=known_inputs
        )

    def update(self, identity: str, olds: Values, news: Values) -> Values:
        """Only record the inputs: keepLocally and forceRemove matter when the image is removed."""
        return planned(REMOTE_IMAGE, news, olds)

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
