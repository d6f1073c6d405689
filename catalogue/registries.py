"""The kinds of registry that a stack may publish to."""

from enum import StrEnum

LOCAL_HOST = "registry.localhost"
"""Host name of the registry that `make up` runs; Docker's tools would use plain HTTP for `localhost`."""


class RegistryKind(StrEnum):
    """Kind of a registry, by its operator and the tags that may move in it."""

    LOCAL = "local"
    """Registry of this machine, in which every tag may move."""
    OCI = "oci"
    """Any registry with the OCI distribution API; exact release tags never change."""
    HUB = "hub"
    """Docker Hub: exact release tags never change; repositories have exactly two parts."""
    GHCR = "ghcr"
    """GitHub's registry: exact release tags never change."""
    ECR = "ecr"
    """Amazon's registry, which itself keeps exact release tags unchanged; repositories are created first."""
    HOSTED = "hosted"
    """Registry run by the stack itself (components/hosted_registry.py): exact release tags never change."""
