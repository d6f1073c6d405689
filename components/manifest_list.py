"""One manifest list in one registry: the unsuffixed tag, over its variants' digests.

It depends on every variant's proof, so nothing gets a name before all of them are there and verified.
Never deletes what it pushed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi

from components.registry import Repository
from components.tag import Beside, Child, Tag


@dataclass(frozen=True, kw_only=True, slots=True)
class ManifestListArgs:
    """What one list joins, and where."""

    repository: Repository
    tag: str
    variants: Sequence[Child]
    """In the order of the Arch table: clients take the first entry that fits."""
    immutable: bool = False
    """True for an exact release tag: other content under it is refused, at preview too."""
    annotations: Mapping[str, str] = field(default_factory=dict)
    after: Sequence[pulumi.Resource] = ()
    """What must be written before it."""
    beside: Sequence[Beside] = ()
    """The other exact tags of a release, in all registries, or the other moving ones of its registry."""


class ManifestList(pulumi.ComponentResource):
    """One tag that answers every architecture."""

    ref: pulumi.Output[str]
    """`repo:tag@sha256:…`; empty where an optional registry left it out."""
    digest: pulumi.Output[str]
    repository: pulumi.Output[str]
    """HOST[:PORT]/PATH, once the list and what it joins are there; known before they change."""

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
        # By its urn: its digest is unknown while it is about to change, and with it all that is pulled.
        self.repository = pulumi.Output.all(args.repository.address, tag.urn).apply(lambda known: known[0])
        self.register_outputs({"ref": self.ref, "digest": self.digest})
