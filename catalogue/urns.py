"""Parts of a resource's URN: `urn:pulumi:STACK::PROJECT::PARENT$TYPE::NAME`."""


def type_of(urn: str) -> str:
    """Type of the resource, without its parents' types."""
    return urn.split("::")[2].rpartition("$")[2]


def parents_of(urn: str) -> str:
    """Types of the components that contain the resource, joined by `$`."""
    return urn.split("::")[2].rpartition("$")[0]


def name_of(urn: str) -> str:
    """Logical name of the resource."""
    return urn.rpartition("::")[2]
