"""docker:index/remoteImage:RemoteImage: an image pulled by reference."""

from typing import ClassVar

from docker.errors import ImageNotFound

from clients.engine import Engine, ensure_image
from providers.base import Change, Checked, Found, Values
from providers.docker.rules import checked, compare

INPUTS = ("name", "keepLocally", "forceRemove", "platform", "pullTriggers", "triggers")
REPLACING = ("name", "platform", "pullTriggers", "triggers")


def find(engine: Engine, name: str, platform: str | None = None) -> Values:
    """Inspection of the image; pulled where the engine does not have it. Raises ProviderError."""
    with engine.asking(f"image {name} can't be pulled") as api:
        return ensure_image(api, name, platform)


class RemoteImage:
    """An image on the engine; its id is the image's id followed by the name, as the official plugin's."""

    computed: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def check(self, name: str, olds: Values, news: Values) -> Checked:
        """As given."""
        result = checked(news, {}, INPUTS)
        if not news.get("name"):
            result.failures.append(("name", "an image needs the reference that it is pulled by"))
        return result

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
        with self._engine.asking(f"image {name}") as api:
            try:
                image = api.inspect_image(name)
            except ImageNotFound:
                return None
        known = inputs or {"name": name}
        return Found(identity=image["Id"] + name, state=self._state(known, image), inputs=known)

    def update(self, identity: str, olds: Values, news: Values) -> Values:
        """KeepLocally and forceRemove matter at removal only."""
        return {**{key: value for key, value in olds.items() if key not in INPUTS}, **news}

    def delete(self, identity: str, state: Values) -> None:
        """Remove it unless keepLocally. Raises ProviderError where a container uses it."""
        if state.get("keepLocally"):
            return
        with self._engine.asking(f"image {state['name']}") as api:
            try:
                api.remove_image(state["name"], force=bool(state.get("forceRemove")))
            except ImageNotFound:
                return

    @staticmethod
    def _state(inputs: Values, image: Values) -> Values:
        digests = image.get("RepoDigests") or [""]
        return {**inputs, "imageId": image["Id"], "repoDigest": digests[0]}
