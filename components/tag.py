"""One tag of a registry with the manifest list that it points to (providers/skycoin/tag.py)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi


@dataclass(frozen=True, kw_only=True, slots=True)
class Child:
    """One entry of a manifest list."""

    arch: str
    """Suffix of the variant's own tag."""
    platform: str
    ref: pulumi.Input[str]
    """`repo@sha256:…`, verified."""


class Tag(pulumi.CustomResource):
    """A tag that this stack answers for; served by this project's own provider."""

    digest: pulumi.Output[str]
    """Of the list; empty where an optional registry left it out."""

    def __init__(
        self,
        name: str,
        *,
        repository: pulumi.Input[str],
        tag: str,
        variants: Sequence[Child],
        annotations: Mapping[str, str],
        immutable: bool,
        optional: bool,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`immutable` refuses other content; `optional` makes a registry's failure a warning."""
        inputs = {
            "repository": repository,
            "tag": tag,
            "variants": [
                {"arch": child.arch, "platform": child.platform, "ref": child.ref} for child in variants
            ],
            "annotations": dict(annotations),
            "immutable": immutable,
            "optional": optional,
        }
        super().__init__("skycoin:index:Tag", name, {**inputs, "digest": None}, opts)
