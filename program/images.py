"""Images of a stack: from their settings to components, each on bases by digest."""

from collections.abc import Iterable, Mapping

import pulumi

from catalogue.arch import in_table_order
from catalogue.images import CATALOGUE, GO_MODULE, PROJECT, SOURCE, CatalogueEntry
from catalogue.stack_outputs import Provenance as ProvenanceOutput
from components.contexts import context_warnings
from components.image import Image, ImageArgs
from components.registry import Registry
from program.bases import BaseImages
from program.sources import Provenance, provenance
from settings.image import ImageSettings
from settings.names import exact_tags_of, registries_of, repository_of, tags_of
from settings.stack import StackSettings

PATCHES = "com.skycoin.patches"
"""Label that names the patches which an image's Go module got, separated by spaces."""


class Images:
    """The images of one stack, without those of its workspaces."""

    built: dict[str, Image]
    """Image by name; grows with each call of `build`."""
    sources: Mapping[str, Provenance]
    """Origin of the source code, by the image's name."""

    def __init__(
        self,
        settings: StackSettings,
        registries: Mapping[str, Registry],
        bases: BaseImages,
        builder: pulumi.ResourceOptions | None,
    ) -> None:
        self._settings, self._registries, self._bases, self._builder = settings, registries, bases, builder
        self.built = {}
        # Only once for each image, because git reads the provenance of a working copy.
        self.sources = {name: provenance(image.source, PROJECT) for name, image in settings.images.items()}

    def build(self, names: Iterable[str]) -> None:
        """Build those of the named images that are in the settings and are not built yet."""
        for name in names:
            if name in self._settings.images and name not in self.built:
                self.built[name] = self._build(name, self._settings.images[name])

    def provenance_of(self, name: str) -> ProvenanceOutput[pulumi.Input[str]]:
        """Origin of an image, for the stack's outputs."""
        source, image = self.sources[name], self._settings.images[name]
        return {
            "source": {
                "version": source.version,
                "commit": source.commit,
                "branch": source.branch,
                "date": source.date or "",
            },
            "bases": {arch: self._bases.ref(image, arch) for arch in self.built[name].variants},
        }

    def _build(self, name: str, image: ImageSettings) -> Image:
        if image.source.path is not None:
            for warning in context_warnings(PROJECT / image.source.path):
                pulumi.log.warn(f"skycoin:images.{name}.source.path: {image.source.path}: {warning}")
        entry, arches = CATALOGUE[name], in_table_order(set(image.arches))
        args = ImageArgs(
            arches=arches,
            tags=tags_of(image),
            exact_tags=exact_tags_of(image),
            context=entry.context,
            dockerfile=entry.dockerfile,
            repositories=[
                self._registries[registry].repository(
                    repository_of(name, image, self._settings.registries[registry])
                )
                for registry in registries_of(image, self._settings)
            ],
            bases={arch.name: self._bases.ref(image, arch.name) for arch in arches},
            base_name=self._bases.label(image),
            build_base=self._bases.build_base,
            build_args=_build_args(entry, image, self.sources[name]),
            labels=_labels(entry, image, self.sources[name]),
            sources=_named_contexts(image),
            secrets={**self._bases.secrets, **self._settings.build_secrets},
            builder=self._settings.builder,
        )
        try:
            return Image(name, args, self._builder)
        except OSError as error:
            raise pulumi.RunError(
                f"skycoin:images.{name}: {error.filename} can't be read, and would be sent to the builder: "
                f"{error.strerror}. Make it readable, or take it out of the folder"
            ) from None


def _build_args(entry: CatalogueEntry, image: ImageSettings, source: Provenance) -> dict[str, str]:
    own = entry.arguments(
        version=source.version,
        commit=source.commit,
        branch=source.branch,
        gui=image.gui,
        layers=image.layers,
    )
    return {**image.build_args, **own, "SOURCE_DATE_EPOCH": source.epoch}


def _labels(entry: CatalogueEntry, image: ImageSettings, source: Provenance) -> dict[str, str]:
    """Labels by OCI image-spec 1.1, “Annotations”, and one of our own: only those whose value is known."""
    known = {
        "title": entry.title,
        "url": entry.url,
        "source": entry.url,
        "version": source.version,
        "revision": source.commit,
        "created": source.date or "",
        "licenses": entry.licenses,
    }
    labels = {f"org.opencontainers.image.{key}": value for key, value in known.items() if value}
    # A source of the user's own is built as it is (images/skycoin/Dockerfile).
    patches = " ".join(entry.patches) if image.source.module is not None else ""
    return {**labels, PATCHES: patches} if patches else labels


def _named_contexts(image: ImageSettings) -> dict[str, str]:
    source, contexts = image.source, {"go-module": GO_MODULE}
    if source.git is not None:
        return {**contexts, SOURCE: f"{source.git}#{source.commit}"}
    return contexts if source.path is None else {**contexts, SOURCE: source.path}
