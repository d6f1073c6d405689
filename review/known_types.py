"""Types of the resources that the program registers: those whose effect a review knows."""

from review.options import BUILD, PREFLIGHT, PROVIDERS, TAG, VOLUME
from review.restarts import CONTAINERS
from review.rules import Resource

REPOSITORY = "aws:ecr/repository:Repository"
KNOWN_TYPES = frozenset(
    {
        *(f"{PROVIDERS}{plugin}" for plugin in ("aws", "docker", "docker-build", "skycoin")),
        f"{PROVIDERS}pulumi",  # the engine's own, for a StackReference
        "pulumi:pulumi:Stack",
        "pulumi:pulumi:StackReference",
        *CONTAINERS,
        BUILD,
        PREFLIGHT,
        TAG,
        VOLUME,
        REPOSITORY,
        "aws:ecr/lifecyclePolicy:LifecyclePolicy",
        "docker:index/network:Network",
        "skycoin:index:ProgramVersion",
        "skycoin:index:PulledImage",
        "skycoin:index:Verification",
        "skycoin:index:WorkspacePreflight",
    }
)
"""Known types; add a type of your own program once you know all that its resources can do."""


def unknown_type(resource: Resource) -> str:
    """Describe a resource of a type not in KNOWN_TYPES; empty for a component, which does nothing itself."""
    if resource.type in KNOWN_TYPES or not _is_custom(resource):
        return ""
    return f"has the type {resource.type}, of which this review knows nothing"


def _is_custom(resource: Resource) -> bool:
    return bool(resource.type.startswith("pulumi:") or resource.provider or resource.options.get("custom"))
