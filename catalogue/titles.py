"""Titles of this program's images; each image has its title as a label."""

from catalogue.images import CATALOGUE
from catalogue.workspaces import WORKSPACES

TITLE = "org.opencontainers.image.title"
"""Label of an image and annotation of its manifest (OCI image-spec 1.1)."""


def with_docker(title: str) -> str:
    """Title of a workspace's sibling with a nested Docker engine."""
    return f"{title}, with a Docker engine"


TITLES = frozenset(
    {
        *(entry.title for entry in CATALOGUE.values()),
        *(entry.title for entry in WORKSPACES.values()),
        *(with_docker(entry.title) for entry in WORKSPACES.values()),
    }
)
"""Titles of all images that hosts run."""
