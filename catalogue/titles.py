"""Titles of this program's images: each bears its own as a label."""

from catalogue.images import CATALOGUE
from catalogue.workspaces import WORKSPACES

TITLE = "org.opencontainers.image.title"
"""Label of OCI's image-spec 1.1, and annotation of the manifest."""


def with_docker(title: str) -> str:
    """Title of a workspace's sibling with a Docker engine inside."""
    return f"{title}, with a Docker engine"


TITLES = frozenset(
    {
        *(entry.title for entry in CATALOGUE.values()),
        *(entry.title for entry in WORKSPACES.values()),
        *(with_docker(entry.title) for entry in WORKSPACES.values()),
    }
)
"""Titles of all that hosts run."""
