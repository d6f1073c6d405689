"""An image: one variant for each architecture, one manifest list for each tag."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import pulumi

from components.arch import Arch
from components.manifest_list import ManifestList, ManifestListArgs
from components.variant import Variant, VariantArgs


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageArgs:
    """What an image is built from and published as."""

    arches: Sequence[Arch]
    """In the order of the Arch table."""
    tags: Sequence[str]
    context: str
    repository: pulumi.Input[str]
    bases: Mapping[str, pulumi.Input[str]]
    """Base reference by architecture name."""
    build_base: pulumi.Input[str]
    build_args: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    labels: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    base_name: str = ""
    """Human name of the base for the label org.opencontainers.image.base.name."""
    sources: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    builder: str | None = None


class Image(pulumi.ComponentResource):
    """One image of the catalogue, in every architecture that it is wanted for."""

    tags: pulumi.Output[Mapping[str, object]]
    """{tag: {ref, digest, variants: {arch: {ref, digest, platform}}}}."""
    variants: Mapping[str, Variant]
    lists: Mapping[str, ManifestList]

    def __init__(self, name: str, args: ImageArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("skycoin:index:Image", name, None, opts)
        self.variants = {arch.name: self._create_variant(name, args, arch) for arch in args.arches}
        self.lists = {tag: self._create_list(name, args, tag) for tag in args.tags}
        variants = {
            arch: {"ref": variant.ref, "digest": variant.digest, "platform": variant.platform}
            for arch, variant in self.variants.items()
        }
        self.tags = pulumi.Output.all(
            **{
                tag: {"ref": entry.ref, "digest": entry.digest, "variants": variants}
                for tag, entry in self.lists.items()
            }
        )
        self.register_outputs({"tags": self.tags})

    def _create_variant(self, name: str, args: ImageArgs, arch: Arch) -> Variant:
        base = args.bases[arch.name]
        labels = dict(args.labels)
        if args.base_name:
            labels["org.opencontainers.image.base.name"] = args.base_name
            labels["org.opencontainers.image.base.digest"] = pulumi.Output.from_input(base).apply(
                lambda ref: ref.partition("@")[2]
            )
        shared = VariantArgs(
            arch=arch,
            context=args.context,
            repository=args.repository,
            tags=args.tags,
            base=base,
            build_base=args.build_base,
        )
        own = replace(
            shared,
            build_args=args.build_args,
            labels=labels,
            sources=args.sources,
            secrets=args.secrets,
            builder=args.builder,
        )
        return Variant(f"{name}-{arch.name}", own, pulumi.ResourceOptions(parent=self))

    def _create_list(self, name: str, args: ImageArgs, tag: str) -> ManifestList:
        return ManifestList(
            f"{name}-{tag}",
            ManifestListArgs(
                repository=args.repository,
                tag=tag,
                variants=[variant.ref for variant in self.variants.values()],
            ),
            pulumi.ResourceOptions(parent=self),
        )
