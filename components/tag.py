"""One tag of a registry with the manifest list that it points to (providers/skycoin/tag.py)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi


@dataclass(frozen=True, kw_only=True, slots=True)
class Beside:
    """Another tag over the same variants, with which a tag is written."""

    repository: pulumi.Input[str]
    tag: str
    immutable: bool
    optional: bool


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
        beside: Sequence[Beside] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`immutable` refuses other content; `optional` makes a registry's failure a warning.

        Of `beside`, nothing is written where an immutable one has other content, and the variants' tags of
        those in this repository are written before this list.
        """
        inputs = {
            "repository": repository,
            "tag": tag,
            "variants": [
                {"arch": child.arch, "platform": child.platform, "ref": child.ref} for child in variants
            ],
            "annotations": dict(annotations),
            "immutable": immutable,
            "optional": optional,
            "beside": [
                {
                    "repository": one.repository,
                    "tag": one.tag,
                    "immutable": one.immutable,
                    "optional": one.optional,
                }
                for one in beside
            ],
        }
        super().__init__("skycoin:index:Tag", name, {**inputs, "digest": None}, opts)
