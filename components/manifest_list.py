"""One manifest list: the unsuffixed tag, over its variants' digests.

It depends on every variant's output, so it is written last and only when all of them were pushed.
Never deletes what it pushed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_docker_build as docker_build

from components.buildx import pushed
from components.naming import split_pinned


@dataclass(frozen=True, kw_only=True, slots=True)
class ManifestListArgs:
    """What one list joins."""

    repository: pulumi.Input[str]
    """Registry address and repository, without a tag."""
    tag: str
    variants: Sequence[pulumi.Input[str]]
    """`repo@sha256:…` of each variant, in the order of the Arch table."""


class ManifestList(pulumi.ComponentResource):
    """One tag that answers every architecture."""

    ref: pulumi.Output[str]
    """`repo:tag@sha256:…`."""
    digest: pulumi.Output[str]

    def __init__(self, name: str, args: ManifestListArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("skycoin:index:ManifestList", name, None, opts)
        index = docker_build.Index(
            f"{name}-index",
            tag=pulumi.Output.concat(args.repository, ":", args.tag),
            sources=list(args.variants),
            push=True,
            opts=pulumi.ResourceOptions(parent=self, retain_on_delete=True),
        )
        self.ref = pushed(index.ref)
        self.digest = self.ref.apply(lambda ref: split_pinned(ref)[1])
        self.register_outputs({"ref": self.ref, "digest": self.digest})
