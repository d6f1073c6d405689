"""The proof that a pushed variant is what was wanted (providers/skycoin/verification.py).

A manifest list and a node take a variant's reference from here: what is not verified is not used.
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
    """{labels: count, programs: {kind: count}, sboms: {path: …}, layers: [{digest, size}], modules}.

    `modules` are {program: {path of a Go module: version}}; not there if an earlier version of this program
    verified it.
    """

    def __init__(
        self,
        name: str,
        *,
        ref: pulumi.Input[str],
        platform: str,
        labels: Mapping[str, pulumi.Input[str]],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`labels` must be there as given, as annotations too; others may be there as well."""
        inputs = {"ref": ref, "platform": platform, "labels": dict(labels)}
        outputs = dict.fromkeys(("size", "unpacked", "layers", "report"))
        super().__init__("skycoin:index:Verification", name, {**inputs, **outputs}, opts)
