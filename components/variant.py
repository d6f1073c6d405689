"""One image for one architecture: cross-compiled, pushed by digest, and read back from the registry.

Creates one docker-build Image and the verification of the pushed image. The image gets no tag here; a
verified variant is tagged by its manifest lists (docs/adr/0040). Never deletes a pushed image, so a removed
or replaced variant stays in the registry. (docker-build's delete would remove the manifest by digest, and
with it every tag.)
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import pulumi

from catalogue.arch import Arch
from catalogue.builds import EXPORT
from catalogue.go_modules import Modules
from catalogue.naming import pinned, split_pinned
from catalogue.stack_outputs import Report
from catalogue.stack_outputs import Variant as VariantOutput
from components.buildx import BuildxImage, pushed
from components.verification import Verification

MODULES = "modules"
"""Part of a verification's report that the stack exports as a separate output."""


def export(labels: Mapping[str, str]) -> str:
    """Exporter settings as one row of CSV; the labels become annotations of the manifest too."""
    fields = (f"annotation.{key}={value}".replace('"', '""') for key, value in sorted(labels.items()))
    return ",".join([EXPORT, *(f'"{field}"' for field in fields)])


@dataclass(frozen=True, kw_only=True, slots=True)
class VariantArgs:
    """Build inputs of one variant."""

    arch: Arch
    context: str
    """Folder of the build context, relative to the project: absolute paths would differ per checkout."""
    dockerfile: str
    """Path relative to the project; it may lie outside the context."""
    repository: pulumi.Input[str]
    """Registry address and repository without a tag; the variant is pushed by digest."""
    base: pulumi.Input[str]
    """Build argument IMAGE_FROM: base of the final stage, by digest."""
    build_base: pulumi.Input[str]
    """Build argument BUILD_FROM: base of the build stages, which run on the building machine's platform."""
    build_args: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    """Further build arguments; never a secret, because they stay in the image's history."""
    labels: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    """Labels of the image's configuration, and annotations of its manifest."""
    sources: Mapping[str, str] = field(default_factory=dict)
    """Named build contexts: name → folder or git URL."""
    secrets: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    """Build secrets by id: mounted during the build, in no layer.

    A changed secret alone causes no rebuild.
    """
    builder: str | None = None
    """Name of the buildx builder; None means the machine's default."""


class Variant(pulumi.ComponentResource):
    """One image for one architecture."""

    arch: Arch
    ref: pulumi.Output[str]
    """`repo@sha256:…`, for manifest lists and nodes."""
    digest: pulumi.Output[str]
    platform: str
    size: pulumi.Output[int]
    """Compressed size in the registry, in bytes."""
    unpacked: pulumi.Output[int]
    """Size of all files, in bytes."""
    layers: pulumi.Output[int]
    report: pulumi.Output[Report]
    """Findings of the verification (providers/skycoin/verification.py), without the modules."""
    modules: pulumi.Output[Mapping[str, Modules] | None]
    """Go modules of each program; None if an earlier version of this program verified it."""

    def __init__(self, name: str, args: VariantArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("skycoin:index:Variant", name, None, opts)
        self.arch = args.arch
        self.platform = args.arch.platform
        image = BuildxImage(
            f"{name}-image",
            _inputs(args),
            pulumi.ResourceOptions(parent=self, retain_on_delete=True),
        )
        proof = Verification(
            f"{name}-verification",
            ref=pushed(image.ref).apply(pinned),
            platform=args.arch.platform,
            labels=args.labels,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.ref = proof.ref
        self.digest = self.ref.apply(lambda ref: split_pinned(ref)[1])
        self.size, self.unpacked, self.layers = proof.size, proof.unpacked, proof.layers
        self.report = proof.report.apply(_without_modules)
        self.modules = proof.report.apply(lambda report: report.get(MODULES))
        self.register_outputs(self.summary)

    @property
    def summary(self) -> VariantOutput[pulumi.Input[str], pulumi.Input[int]]:
        """Describe the variant for the stack's outputs."""
        return {
            "ref": self.ref,
            "digest": self.digest,
            "platform": self.platform,
            "size": self.size,
            "unpacked": self.unpacked,
            "layers": self.layers,
        }


def _without_modules(report: Mapping[str, Any]) -> Report:
    return cast("Report", {key: value for key, value in report.items() if key != MODULES})


def _inputs(args: VariantArgs) -> dict[str, object]:
    build_args: dict[str, pulumi.Input[str]] = {
        **args.build_args,
        "IMAGE_FROM": args.base,
        "BUILD_FROM": args.build_base,
        "GOARCH": args.arch.goarch,
        "GOARM": args.arch.goarm,
        "CC": args.arch.cc,
        "DEBIAN_PORT": args.arch.debian_port,
    }
    labels = pulumi.Output.from_input(cast("Mapping[str, str]", dict(args.labels)))
    inputs: dict[str, object] = {
        "context": {
            "location": args.context,
            "named": {name: {"location": location} for name, location in args.sources.items()},
        },
        "dockerfile": {"location": args.dockerfile},
        "platforms": [args.arch.platform],
        "buildArgs": build_args,
        "labels": dict(args.labels),
        # The repository, without a tag. If it is missing, the build has no `ref`, and a refresh does not look
        # up the digest.
        "tags": [args.repository],
        "exports": [{"raw": labels.apply(export)}],
        "push": False,  # the raw export pushes; this would be a second export
        "buildOnPreview": False,  # a preview of five cold variants would cost minutes
    }
    if args.builder is not None:
        inputs["builder"] = {"name": args.builder}
    if args.secrets:
        inputs["secrets"] = {name: pulumi.Output.secret(value) for name, value in args.secrets.items()}
        inputs["ignoreSecretsInDiffCalculation"] = sorted(args.secrets)
    return inputs
