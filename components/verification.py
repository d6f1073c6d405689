"""The check that a pushed variant matches its specification (providers/skycoin/verification.py).

Manifest lists and nodes take a variant's reference from here, so an unverified variant is never used.
"""

from collections.abc import Mapping
from typing import Any

import pulumi


class Verification(pulumi.CustomResource):
    """One image read back from its registry; served by this project's own provider."""

    ref: pulumi.Output[str]
    """`repo@sha256:…` of the verified image."""
    size: pulumi.Output[int]
    """Compressed size in the registry, in bytes."""
    unpacked: pulumi.Output[int]
    """Size of all files, in bytes."""
    layers: pulumi.Output[int]
    report: pulumi.Output[Mapping[str, Any]]
    """{labels: count, programs: {kind: count}, sboms: {path: …}, layers: [{digest, size}]}."""

    def __init__(
        self,
        name: str,
        *,
        ref: pulumi.Input[str],
        platform: str,
        labels: Mapping[str, pulumi.Input[str]],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Register the check. `labels` must exist as given, also as annotations; others are allowed."""
        inputs = {"ref": ref, "platform": platform, "labels": dict(labels)}
        outputs = dict.fromkeys(("size", "unpacked", "layers", "report"))
        super().__init__("skycoin:index:Verification", name, {**inputs, **outputs}, opts)
