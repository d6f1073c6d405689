"""The kinds of registry that a stack may publish in."""

from enum import StrEnum

LOCAL_HOST = "registry.localhost"
"""Host name of the registry that `make up` runs: Docker's tools speak plain HTTP to `localhost` itself."""


class RegistryKind(StrEnum):
    """Kind of a registry: who runs it, and which tags may move in it."""

    LOCAL = "local"
    """Registry of this machine: every tag may move."""
    OCI = "oci"
    """Any registry that speaks the OCI distribution API; exact release tags never change."""
    HUB = "hub"
    """Docker Hub: the same promise, and repositories of exactly two parts."""
    GHCR = "ghcr"
    """GitHub's: the same promise."""
    ECR = "ecr"
    """Amazon's: the same promise, kept by the registry; repositories have to be made first."""
    HOSTED = "hosted"
    """One that the stack runs itself (components/hosted_registry.py): the same promise."""
