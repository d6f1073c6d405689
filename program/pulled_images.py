"""Images that hosts run: built by this stack, or published by the stack that `images-from` names."""

from collections.abc import Mapping

import pulumi

from catalogue.arch import ARCHES
from catalogue.naming import Channel, pinned, split_pinned
from catalogue.stack_outputs import Provenance, Tag, Tags
from components.pulled_image import HostImage
from program.images import Images
from settings.names import pull_from, tags_of
from settings.node import NodeSettings
from settings.stack import StackSettings


class PulledImages:
    """Images for the hosts of one stack."""

    published: pulumi.Output[Mapping[str, Tags]]
    """Images of the stack that `images-from` names, {image: {tag: …}}; empty without that setting."""

    def __init__(self, settings: StackSettings, images: Images) -> None:
        self._settings, self._images = settings, images
        publisher = settings.images_from
        self._publisher = pulumi.StackReference("images", publisher) if publisher else None
        self.published = pulumi.Output.from_input({})
        if self._publisher is not None:
            self.published = self._publisher.get_output("images").apply(lambda images: images or {})

    def on(self, host: str, name: str, tag: str | None = None) -> HostImage:
        """Image for a host, with the repository that the host pulls it from."""
        registry, repository = pull_from(host, self._settings), None
        if registry is not None:
            published = self._images.built[name].published[registry]
            repository = published[tag or self._usual_tag(name)].repository
        return HostImage(ref=self.ref(host, name, tag), pull_from=repository, version=self._version_of(name))

    def ref(self, host: str, name: str, tag: str | None = None) -> pulumi.Output[str]:
        """`repo@sha256:…` for a host: of its variant if the host declares one, else of the list.

        None as `tag` means the channel's first tag or, with `images-from`, the usual one of that stack.
        """
        variant = self._settings.hosts[host].variant
        if self._publisher is not None:
            return self.published.apply(lambda images: _published_ref(images, name, tag, variant))
        image = self._images.built[name]
        if variant is not None:
            return image.variants[variant].ref
        return image.lists[tag or self._usual_tag(name)].ref.apply(pinned)

    def repository_of(self, node: NodeSettings, image: HostImage) -> pulumi.Output[str]:
        """Repository of a node's image; if the image is built here, known before the image's digest is."""
        if self._publisher is not None:
            return pulumi.Output.from_input(image.ref).apply(lambda ref: split_pinned(ref)[0])
        return self._images.built[node.image].lists[node.tag or self._usual_tag(node.image)].repository

    def _usual_tag(self, name: str) -> str:
        return tags_of(self._settings.images[name])[0]

    def _version_of(self, name: str) -> pulumi.Input[str]:
        """Version of an image's software; empty if the publishing stack does not state it."""
        if self._publisher is None:
            return self._images.sources[name].version
        return self._publisher.get_output("provenance").apply(lambda images: _published_version(images, name))


def ref_for(entry: Tag, variant: str | None) -> str:
    """`repo@sha256:…` of one tag's images: that of a variant, or that of the list for None."""
    return pinned(entry["ref"] if variant is None else entry["variants"][variant]["ref"])


def _published_version(images: Mapping[str, Provenance[str]] | None, name: str) -> str:
    """Version of an image in another stack's outputs; empty if they do not have it."""
    known = images.get(name) if images else None
    return str(known.get("source", {}).get("version", "")) if known else ""


def _published_ref(images: Mapping[str, Tags], name: str, tag: str | None, variant: str | None) -> str:
    """Reference of one image in another stack's outputs.

    If they lack the tag or the variant, raises RunError, which lists what they have.
    """
    tag = tag or _usual_published_tag(images.get(name))
    if name not in images or tag not in images[name]:
        published = [f"{image}:{entry}" for image, tags in images.items() for entry in tags]
        raise pulumi.RunError(
            f"{name}:{tag} is not published by the stack in images-from; it has "
            f"{', '.join(published) or 'nothing'}"
        )
    entry = images[name][tag]
    if variant is not None and variant not in entry["variants"]:
        arches = [arch for arch in ARCHES if arch in entry["variants"]]
        raise pulumi.RunError(f"{name}:{tag} is not published for {variant}; it has {', '.join(arches)}")
    return ref_for(entry, variant)


def _usual_published_tag(tags: Tags | None) -> str:
    """Default among another stack's tags: `develop`, the only tag of a feature build, or `latest`."""
    if tags and Channel.DEVELOP in tags:
        return Channel.DEVELOP
    return next(iter(tags)) if tags and len(tags) == 1 else "latest"
