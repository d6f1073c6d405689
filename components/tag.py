"""One tag of a registry, with the manifest list that it points to (providers/skycoin/tag.py)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi


@dataclass(frozen=True, kw_only=True, slots=True)
class CompanionTag:
    """Another tag for the same variants, written together with a given one."""

    repository: pulumi.Input[str]
    tag: str
    immutable: bool
    optional: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Child:
    """One entry of a manifest list."""

    arch: str
    """Suffix of the variant's own tag, such as `arm32v7`."""
    platform: str
    ref: pulumi.Input[str]
    """`repo@sha256:…` of a verified variant."""


class Tag(pulumi.CustomResource):
    """A tag that this stack manages, served by this project's own provider."""

    digest: pulumi.Output[str]
    """Digest of the list; empty if an optional registry failed."""

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
        beside: Sequence[CompanionTag] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Register the tag.

        `immutable` refuses other content; `optional` turns a registry's failure into a warning.

        `beside` are the tags written together with this one. If an immutable one of them exists with other
        content, nothing is written. The variant tags of those in this repository are written before this
        list.
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
                    "repository": companion.repository,
                    "tag": companion.tag,
                    "immutable": companion.immutable,
                    "optional": companion.optional,
                }
                for companion in beside
            ],
        }
        super().__init__("skycoin:index:Tag", name, {**inputs, "digest": None}, opts)
