"""One manifest list in one registry: a tag without suffix, over the digests of its variants.

It depends on every variant's verification, so no tag is written before all variants exist and are verified.
Never deletes a pushed manifest.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi

from components.registry import Repository
from components.tag import Child, CompanionTag, Tag


@dataclass(frozen=True, kw_only=True, slots=True)
class ManifestListArgs:
    """Arguments of one manifest list: its repository, its tag and its variants."""

    repository: Repository
    tag: str
    variants: Sequence[Child]
    """Variants in the order of ARCHES (catalogue/arch.py): clients take the first entry that fits."""
    immutable: bool = False
    """True for an exact release tag: a preview or `up` that would change its content fails."""
    annotations: Mapping[str, str] = field(default_factory=dict)
    after: Sequence[pulumi.Resource] = ()
    """Resources that must be written before this list."""
    beside: Sequence[CompanionTag] = ()
    """Tags written together with this one.

    They are a release's other exact tags in all registries, or the other moving tags of this registry.
    """


class ManifestList(pulumi.ComponentResource):
    """One tag that serves every architecture."""

    ref: pulumi.Output[str]
    """`repo:tag@sha256:…`; empty if an optional registry failed."""
    digest: pulumi.Output[str]
    repository: pulumi.Output[str]
    """HOST[:PORT]/PATH, once the list and its variants are written; known in a preview that changes them."""

    def __init__(self, name: str, args: ManifestListArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("skycoin:index:ManifestList", name, None, opts)
        tag = Tag(
            f"{name}-tag",
            repository=args.repository.address,
            tag=args.tag,
            variants=args.variants,
            annotations=args.annotations,
            immutable=args.immutable,
            optional=args.repository.optional,
            beside=args.beside,
            opts=pulumi.ResourceOptions(parent=self, retain_on_delete=True, depends_on=list(args.after)),
        )
        self.digest = tag.digest
        self.ref = pulumi.Output.all(args.repository.address, tag.digest).apply(
            lambda known: f"{known[0]}:{args.tag}@{known[1]}" if known[1] else ""
        )
        # By URN: a digest that will change is unknown, and would make every image pulled by it unknown too.
        self.repository = pulumi.Output.all(args.repository.address, tag.urn).apply(lambda known: known[0])
        self.register_outputs({"ref": self.ref, "digest": self.digest})
