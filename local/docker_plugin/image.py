"""docker:index/remoteImage:RemoteImage: an image pulled by reference."""

from docker.errors import APIError, ImageNotFound

from local.docker_plugin.engine import Engine
from local.docker_plugin.rules import checked, compare
from plugins.base import Change, Checked, Found, ProviderError, Values

INPUTS = ("name", "keepLocally", "forceRemove", "platform", "pullTriggers", "triggers")
REPLACING = ("name", "platform", "pullTriggers", "triggers")


def find(engine: Engine, name: str, platform: str | None = None) -> Values:
    """Inspection of the image; pulled where the engine does not have it. Raises ProviderError."""
    client = engine.client()
    try:
        found: Values = client.api.inspect_image(name)
        return found
    except ImageNotFound:
        pass
    try:
        client.images.pull(name, platform=platform)
        pulled: Values = client.api.inspect_image(name)
        return pulled
    except APIError as error:
        raise ProviderError(f"image {name} can't be pulled: {error.explanation or error}") from error


class RemoteImage:
    """An image on the engine; its id is the image's id followed by the name, as the official plugin's."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def check(self, name: str, olds: Values, news: Values) -> Checked:
        """As given."""
        return checked(news, {}, INPUTS)

    def diff(self, olds: Values, old_inputs: Values, news: Values) -> Change:
        """Another name is another image."""
        return compare(olds, old_inputs, news, REPLACING)

    def create(self, inputs: Values) -> tuple[str, Values]:
        """Pull it."""
        image = find(self._engine, inputs["name"], inputs.get("platform"))
        return image["Id"] + inputs["name"], self._state(inputs, image)

    def read(self, identity: str, inputs: Values, state: Values) -> Found | None:
        """The image of that name, or None where the engine has it no more. An import's id is the name."""
        name = inputs.get("name") or identity
        try:
            image = self._engine.client().api.inspect_image(name)
        except ImageNotFound:
            return None
        except APIError as error:
            raise ProviderError(f"image {name}: {error.explanation or error}") from error
        known = inputs or {"name": name}
        return Found(identity=image["Id"] + name, state=self._state(known, image), inputs=known)

    def update(self, identity: str, olds: Values, news: Values) -> Values:
        """keepLocally and forceRemove matter at removal only."""
        return {**olds, **news}

    def delete(self, identity: str, state: Values) -> None:
        """Remove it unless keepLocally; one that a container uses stays."""
        if state.get("keepLocally"):
            return
        try:
            self._engine.client().api.remove_image(state["name"], force=bool(state.get("forceRemove")))
        except ImageNotFound:
            return
        except APIError as error:
            raise ProviderError(f"image {state['name']}: {error.explanation or error}") from error

    @staticmethod
    def _state(inputs: Values, image: Values) -> Values:
        digests = image.get("RepoDigests") or [""]
        return {**inputs, "imageId": image["Id"], "repoDigest": digests[0]}
