"""Images of a Docker engine in memory, removed as engine 20.10 does it (daemon/images/image_delete.go)."""

from dataclasses import dataclass, field
from typing import Any

from docker.errors import APIError, ImageNotFound

from catalogue.naming import is_pinned
from catalogue.titles import TITLE

NODE_TITLE = "Skycoin node"
REPOSITORY = "registry.example/skycoin/skycoin"


def digest(letter: str) -> str:
    return f"sha256:{letter * 64}"


def ref(letter: str, repository: str = REPOSITORY) -> str:
    return f"{repository}@{digest(letter)}"


@dataclass(eq=False)
class ImageStore:
    """The engine, with its images by id."""

    stored: dict[str, dict[str, Any]] = field(default_factory=dict)
    uses: list[dict[str, Any]] = field(default_factory=list)
    """Containers, in the form of Docker's list."""
    fails: dict[str, Exception] = field(default_factory=dict)
    """Image name → error that its removal raises."""
    removed: list[str] = field(default_factory=list)
    """Ids of removed images."""

    @property
    def api(self) -> "ImageStore":
        return self

    def close(self) -> None:
        return None

    def add(self, identity: str, *names: str, tags: tuple[str, ...] = (), **more: Any) -> None:
        """Add an image, with the labels of this program's images by default."""
        self.stored[identity] = {
            "Id": identity,
            "ParentId": "",
            "RepoDigests": list(names) or None,
            "RepoTags": list(tags) or None,
            "Labels": {TITLE: NODE_TITLE, "org.opencontainers.image.version": "0.27.1"},
            "Size": 27_000_000,
            **more,
        }

    def use(self, identity: str, name: str = "skycoin-one", **labels: str) -> None:
        """Add a container of an image; it need not run."""
        self.uses.append({"Id": f"id-of-{name}", "ImageID": identity, "Labels": labels or None})

    def images(self, all: bool = False) -> list[dict[str, Any]]:  # noqa: A002 docker-py's name
        return [image for image in self.stored.values() if all or image["RepoDigests"] or image["RepoTags"]]

    def containers(self, all: bool) -> list[dict[str, Any]]:  # noqa: A002 docker-py's name
        assert all, "a stopped container needs its image too"
        return self.uses

    def remove_image(self, name: str, force: bool, noprune: bool) -> None:
        assert not force
        assert noprune, "parents of others stay"
        assert is_pinned(name), "neither an id, which takes tags along, nor a tag"
        if name in self.fails:
            raise self.fails[name]
        for identity, one in list(self.stored.items()):
            if name in (one["RepoDigests"] or ()):
                is_used = any(used["ImageID"] == identity for used in self.uses)
                if is_used and len(one["RepoDigests"]) + len(one["RepoTags"] or ()) == 1:
                    raise APIError("409", explanation="container is using its referenced image")
                one["RepoDigests"].remove(name)
                if not one["RepoDigests"] and not one["RepoTags"] and not is_used:
                    del self.stored[identity]
                    self.removed.append(identity)
                return
        raise ImageNotFound(name)
