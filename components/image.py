"""An image: one variant for each architecture, one manifest list for each tag."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pulumi

from catalogue.arch import Arch
from catalogue.go_modules import Program, by_program
from catalogue.stack_outputs import Report, Tags
from components.contexts import contexts_argument, read_contexts, recorded_files, required_modules
from components.manifest_list import ManifestList, ManifestListArgs
from components.registry import Repository
from components.tag import Child, CompanionTag
from components.variant import Variant, VariantArgs

FILES = "files"
"""Output {path: short hash} of the files that an image is built from, for reviews."""
REQUIRED = "required"
"""Output {path of a Go module: version} for reviews; empty if the modules can't be told before the build."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageArgs:
    """Arguments of one image: its sources, architectures, tags and repositories."""

    arches: Sequence[Arch]
    """Architectures, in the order of ARCHES (catalogue/arch.py)."""
    tags: Sequence[str]
    """Tags without an architecture suffix."""
    context: str
    dockerfile: str
    repositories: Sequence[Repository]
    """Repositories to publish in. Variants are built into the first and copied to the others unchanged."""
    bases: Mapping[str, pulumi.Input[str]]
    """Reference of the base image, by name of the architecture."""
    build_base: pulumi.Input[str]
    build_args: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    exact_tags: Collection[str] = ()
    """Subset of `tags` that never move, except in a registry in which every tag may move."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Labels of the variants, and annotations of their manifest lists."""
    base_name: str = ""
    """Human-readable name of the base, for the label org.opencontainers.image.base.name."""
    sources: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    builder: str | None = None


class Image(pulumi.ComponentResource):
    """One image, built for each architecture that the settings ask for."""

    tags: pulumi.Output[Tags]
    reports: pulumi.Output[Mapping[str, Report]]
    """Findings of the verification by architecture."""
    modules: pulumi.Output[Sequence[Program]]
    """Go modules by program; variants with equal ones share an entry."""
    variants: Mapping[str, Variant]
    lists: Mapping[str, ManifestList]
    """Manifest list by tag, in the first registry."""
    published: Mapping[str, Mapping[str, ManifestList]]
    """Manifest list by registry, then by tag."""

    def __init__(self, name: str, args: ImageArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("skycoin:index:Image", name, None, opts)
        contents = read_contexts(args.sources)
        build_args = {**args.build_args, **contexts_argument(contents)}
        self.variants = {
            arch.name: self._create_variant(name, args, arch, build_args) for arch in args.arches
        }
        lists = self._create_lists(name, args)
        self.lists = lists[0]
        self.published = {
            repository.registry: tags for repository, tags in zip(args.repositories, lists, strict=True)
        }
        self.reports = pulumi.Output.all(**{arch: variant.report for arch, variant in self.variants.items()})
        self.modules = pulumi.Output.all(
            **{arch: variant.modules for arch, variant in self.variants.items()}
        ).apply(by_program)
        variants = {arch: variant.summary for arch, variant in self.variants.items()}
        self.tags = pulumi.Output.all(
            **{
                tag: {
                    "ref": entry.ref,
                    "digest": entry.digest,
                    "variants": variants,
                    "registries": {name: tags[tag].ref for name, tags in self.published.items()},
                }
                for tag, entry in self.lists.items()
            }
        )
        # These are outputs, not inputs, so they do not change an image that an earlier version built.
        files = recorded_files(args.context, args.dockerfile, args.sources, contents)
        modules = required_modules(args.context, args.sources) or {}
        self.register_outputs({"tags": self.tags, FILES: files, REQUIRED: modules})

    def _create_variant(
        self, name: str, args: ImageArgs, arch: Arch, build_args: Mapping[str, pulumi.Input[str]]
    ) -> Variant:
        base = args.bases[arch.name]
        labels: dict[str, pulumi.Input[str]] = dict(args.labels)
        if args.base_name:
            labels["org.opencontainers.image.base.name"] = args.base_name
            labels["org.opencontainers.image.base.digest"] = pulumi.Output.from_input(base).apply(
                lambda ref: ref.partition("@")[2]
            )
        arguments = VariantArgs(
            arch=arch,
            context=args.context,
            dockerfile=args.dockerfile,
            repository=args.repositories[0].address,
            base=base,
            build_base=args.build_base,
            build_args=build_args,
            labels=labels,
            sources=args.sources,
            secrets=args.secrets,
            builder=args.builder,
        )
        return Variant(f"{name}-{arch.name}", arguments, pulumi.ResourceOptions(parent=self))

    def _create_lists(self, name: str, args: ImageArgs) -> list[dict[str, ManifestList]]:
        """Create the lists by repository, then by tag: exact tags first, then moving ones.

        A list waits for the one before it in its repository, and a moving one for all exact ones: if an exact
        tag is refused anywhere, no moving tag has moved yet. The order also matters because two
        tags write each other's variant tags, and a registry may refuse the second of two equal writes.
        """
        lists: list[dict[str, ManifestList]] = [{} for _ in args.repositories]
        exact: list[ManifestList] = []
        for tag in sorted(args.tags, key=lambda tag: tag not in args.exact_tags):
            for by_tag, repository in zip(lists, args.repositories, strict=True):
                before = [] if tag in args.exact_tags else exact
                after = [*before, *list(by_tag.values())[-1:]]
                by_tag[tag] = self._create_list(name, args, repository, tag, after)
            if tag in args.exact_tags:
                exact = [*exact, *(by_tag[tag] for by_tag in lists)]
        return [{tag: by_tag[tag] for tag in args.tags} for by_tag in lists]

    def _create_list(
        self, name: str, args: ImageArgs, repository: Repository, tag: str, after: Sequence[ManifestList]
    ) -> ManifestList:
        children = [
            Child(arch=arch, platform=variant.platform, ref=variant.ref)
            for arch, variant in self.variants.items()
        ]
        return ManifestList(
            f"{name}-{repository.registry}-{tag}",
            ManifestListArgs(
                repository=repository,
                tag=tag,
                variants=children,
                immutable=_is_immutable(args, repository, tag),
                annotations=args.labels,
                after=after,
                beside=list(_companions(args, repository, tag)),
            ),
            pulumi.ResourceOptions(parent=self),
        )


def _is_immutable(args: ImageArgs, repository: Repository, tag: str) -> bool:
    return tag in args.exact_tags and not repository.exact_tags_move


def _companions(args: ImageArgs, repository: Repository, tag: str) -> Iterator[CompanionTag]:
    """Yield the other tags of the same kind; exact ones in every registry, to refuse a release as a whole."""
    is_exact = tag in args.exact_tags
    for target in args.repositories if is_exact else (repository,):
        for name in args.tags:
            if (name in args.exact_tags) == is_exact and not (target is repository and name == tag):
                yield CompanionTag(
                    repository=target.address,
                    tag=name,
                    immutable=_is_immutable(args, target, name),
                    optional=target.optional,
                )
