"""Verification of a pushed variant (providers/skycoin/verification.py).

Manifest lists and nodes take the variant's reference from here, so they never use an unverified one.
"""

from collections.abc import Mapping
from typing import Any

import pulumi


class Verification(pulumi.CustomResource):
    """One image read back from its registry; served by this project's own provider."""

    ref: pulumi.Output[str]
    """`repo@sha256:…`, verified."""
    size: pulumi.Output[int]
    """Bytes in the registry, compressed."""
    unpacked: pulumi.Output[int]
    """Bytes of all files."""
    layers: pulumi.Output[int]
    report: pulumi.Output[Mapping[str, Any]]
    """`VerifiedReport` of catalogue/stack_outputs.py; Pulumi's check of this type refuses a TypedDict."""

    def __init__(
        self,
        name: str,
        *,
        ref: pulumi.Input[str],
        platform: str,
        labels: Mapping[str, pulumi.Input[str]],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Register the verification. The image must have `labels`, also as annotations; it may have more."""
        inputs = {"ref": ref, "platform": platform, "labels": dict(labels)}
        outputs = dict.fromkeys(("size", "unpacked", "layers", "report"))
        super().__init__("skycoin:index:Verification", name, {**inputs, **outputs}, opts)
