"""skycoin:index:Tag: one tag of a registry and the manifest list that it points to.

The list is built from its variants, which are already verified but have no tag yet. The variants' suffixed
tags are written first and the list's own tag last. Tags in `beside` are written together with it, over the
same variants; the suffixed tags of those in the same repository come before this list too. If an immutable
tag, its own or one in `beside`, exists with other content, that is an error: at preview, and again before
anything is written. If someone else moved the tag, a refresh shows it and `up` moves it back (or fails if the
tag is immutable). Nothing is ever removed.

docs/adr/0007 explains why the list is not docker-build's Index, docs/adr/0040 the order of the tags.
"""

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from catalogue.arch import normalized
from catalogue.naming import split_pinned, variant_tag
from clients.errors import RegistryError
from clients.manifests import INDEX, Manifest, platform_of, type_fault
from clients.registry import Repository, copy_blob
from providers.kind import UNKNOWN, Change, CheckResult, InputsAsState, ProviderError, ReadResult, Values
from providers.log import Warn

COMPARED = ("repository", "tag", "variants", "annotations", "immutable", "optional")
"""Inputs except `beside`, which affects only how a tag is written: a change of it alone does not count."""


class Tag(InputsAsState):
    """Resource {digest, points: {tag: digest}, failure}.

    `points` is what the registry had when it was last read or written.
    """

    inputs: ClassVar[tuple[str, ...]] = (*COMPARED, "beside")
    computed: ClassVar[frozenset[str]] = frozenset(("digest", "points", "failure"))

    def __init__(self, warn: Warn, repository: Callable[[str], Any] = Repository) -> None:
        self._warn = warn
        self._repository = repository
        self._said = set[str]()

    def check(self, name: str, olds: Values, news: Values) -> CheckResult:
        """Look up a new immutable tag in the registry: other content under it is an error."""
        checked = super().check(name, olds, news)
        if not olds and news.get("immutable") is True and not _unknown(news["repository"]):
            checked.failures.extend(("tag", fault) for fault in self._conflicts(news))
        return checked

    def diff(self, olds: Values, old_inputs: Values, news: Values) -> Change:
        """Report an update if inputs change, the last write failed, or someone else moved or removed the tag.

        Another repository or tag name replaces the resource. Raises ProviderError if the tag is immutable and
        would get other content, or was moved.
        """
        # A repository is unknown while a registry that the stack runs is replaced, but most likely the same.
        place = tuple(
            key for key in ("repository", "tag") if news.get(key) not in (old_inputs.get(key), UNKNOWN)
        )
        if place:
            return Change(replaces=place)
        changed = [key for key in COMPARED if old_inputs.get(key) != news.get(key)]
        written = not olds.get("failure")
        if written and news.get("immutable") and _content(old_inputs) != _content(news):
            raise ProviderError(_content_error(news, {news["tag"]: olds["digest"]}))
        if not written:
            changed.append("failure")
        elif drift := _drift(olds):
            if news.get("immutable") and (moved := {tag: to for tag, to in drift.items() if to}):
                raise ProviderError(_moved_error(news, olds, moved))
            changed.append("points")
        return Change(updates=tuple(changed))

    def create(self, inputs: Values) -> tuple[str, Values]:
        """Write the tag."""
        return f"{inputs['repository']}:{inputs['tag']}", self._write_or_skip(inputs)

    def update(self, identity: str, olds: Values, news: Values) -> Values:
        """Move the tag, or point it back."""
        return self._write_or_skip(news)

    def read(self, identity: str, inputs: Values, state: Values) -> ReadResult | None:
        """Read the digests that the tag and its variants' tags point to; empty for a missing tag."""
        if not inputs:
            raise ProviderError("a tag can't be imported: run `pulumi up`; existing content stays unchanged")
        if state.get("failure"):
            return ReadResult(identity=identity, state=state, inputs=inputs)
        repository = self._repository(inputs["repository"])
        try:
            points = {tag: repository.digest_of(tag) or "" for tag in _wanted(inputs, state["digest"])}
        except RegistryError as error:
            if not inputs.get("optional"):
                raise
            self._warn(f"{identity} can't be checked: {error}")
            points = state["points"]
        return ReadResult(identity=identity, state={**state, "points": points}, inputs=inputs)

    def delete(self, identity: str, state: Values) -> None:
        """Do nothing: published releases are kept for ever."""

    def _conflicts(self, inputs: Values) -> Iterator[str]:
        """Yield why a new immutable tag can't be written. If a registry doesn't answer, `up` checks later."""
        target = self._repository(inputs["repository"])
        try:
            if _unknown(inputs["variants"]):
                differing = _unlike(target, inputs)
            else:
                present = _present(target, inputs)
                # Variants are read only for the list's digest, which matters if its tag exists.
                children = self._children(inputs) if present[inputs["tag"]] else []
                content = _published(target, inputs, manifest_list(inputs, children), present)
                differing = _differing(present, _wanted(inputs, content.digest))
        except RegistryError as error:
            self._warn_unknown(error)
            return
        if differing:
            yield _content_error(inputs, differing)

    def _warn_unknown(self, error: RegistryError) -> None:
        """Warn once per repository that its content is unknown."""
        if (warning := f"{error}. Which of its tags exist is unknown.") not in self._said:
            self._said.add(warning)
            self._warn(warning)

    def _write_or_skip(self, inputs: Values) -> Values:
        try:
            content, points = self._write(inputs)
        except RegistryError as error:
            if not inputs.get("optional"):
                raise
            self._warn(
                f"{inputs['repository']}:{inputs['tag']} is skipped, because its optional registry failed: "
                f"{error}"
            )
            return {**inputs, "digest": "", "points": {}, "failure": str(error)}
        return {**inputs, "digest": content.digest, "points": points, "failure": ""}

    def _write(self, inputs: Values) -> tuple[Manifest, dict[str, str]]:
        children = self._children(inputs)
        tags = self._read_tags(inputs, children)
        brought = [
            self._copy_variant(variant["ref"], child.manifest, tags[0].target)
            for variant, child in zip(inputs["variants"], children, strict=True)
        ]
        if any(brought):
            # The upload may have taken minutes, and someone else may have published in the meantime.
            tags = self._read_tags(inputs, children)
        first, manifests = tags[0], {child.manifest.digest: child.manifest for child in children}
        for place in tags:
            if place.target.name == first.target.name:
                for tag, digest in place.variants.items():
                    place.put(tag, manifests[digest])
        first.put(inputs["tag"], first.content)
        return first.content, first.wanted

    def _read_tags(self, inputs: Values, children: list["Child"]) -> list["TagContent"]:
        """Read the tag and those in `beside`. Raises ProviderError if an immutable one has other content."""
        tags = [self._read_tag(inputs, children)]
        for beside in inputs.get("beside") or ():
            # The resource of the tag in `beside` reports the errors of its optional registry.
            with contextlib.suppress(RegistryError) if beside["optional"] else contextlib.nullcontext():
                tags.append(self._read_tag({**inputs, **beside}, children))
        return tags

    def _read_tag(self, inputs: Values, children: list["Child"]) -> "TagContent":
        target = self._repository(inputs["repository"])
        present = _present(target, inputs)
        content = _published(target, inputs, manifest_list(inputs, children), present)
        wanted = _wanted(inputs, content.digest)
        if inputs.get("immutable") and (differing := _differing(present, wanted)):
            raise ProviderError(_content_error(inputs, differing))
        return TagContent(target, content, wanted, present)

    def _children(self, inputs: Values) -> list["Child"]:
        """Read the variants from the repositories that they were built into."""
        refs = [split_pinned(variant["ref"]) for variant in inputs["variants"]]
        sources = {name: self._repository(name) for name in {name for name, _ in refs}}
        manifests = [(sources[name], sources[name].manifest(digest)) for name, digest in refs]
        for (name, digest), (_, manifest) in zip(refs, manifests, strict=True):
            if fault := type_fault(manifest):
                raise ProviderError(f"{name}@{digest} is not listed: {fault}")
        return [Child(manifest, platform_of(source.config(manifest))) for source, manifest in manifests]

    def _copy_variant(self, ref: str, manifest: Manifest, target: Any) -> bool:
        """Copy a variant with its blobs into another repository; True if anything was sent."""
        name, digest = split_pinned(ref)
        if name == target.name or target.digest_of(digest) is not None:
            return False
        source = self._repository(name)
        for blob in (manifest.fields["config"], *manifest.fields.get("layers", ())):
            copy_blob(blob["digest"], blob["size"], source, target)
        target.put_manifest(digest, manifest)
        return True


@dataclass(frozen=True, slots=True)
class Child:
    """One entry of a list: an image, and the platform in its configuration."""

    manifest: Manifest
    platform: dict[str, str]


@dataclass(frozen=True, slots=True)
class TagContent:
    """A tag in its repository: the wanted content, and the present content."""

    target: Any
    content: Manifest
    wanted: dict[str, str]
    """{tag: digest} of the variants' tags, then of the list's own."""
    present: dict[str, str | None]

    @property
    def variants(self) -> dict[str, str]:
        """{tag: digest} of the variants' tags."""
        return dict(list(self.wanted.items())[:-1])

    def put(self, tag: str, manifest: Manifest) -> None:
        """Write a tag unless it already has this content."""
        if self.present[tag] != manifest.digest:
            self.target.put_manifest(tag, manifest)


def manifest_list(inputs: Values, children: list[Child]) -> Manifest:
    """The OCI index over the variants, in their order: equal variants give an equal digest."""
    entries = [
        {
            "mediaType": child.manifest.media_type,
            "digest": child.manifest.digest,
            "size": len(child.manifest.content),
            "platform": child.platform,
        }
        for child in children
    ]
    fields: Values = {"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}
    if inputs.get("annotations"):
        fields["annotations"] = dict(sorted(inputs["annotations"].items()))
    return Manifest(json.dumps(fields, indent=2).encode(), INDEX)


def _names(listed: Values) -> list[str]:
    """Platforms of a list's entries, in canonical spelling."""
    entries = listed.get("manifests") or []
    return [normalized("/".join(platform_of(entry.get("platform", {})).values())) for entry in entries]


def _present(target: Any, inputs: Values) -> dict[str, str | None]:
    """{tag: digest that it points to} of the variants' tags, then of the list's own; None if missing."""
    return {tag: target.digest_of(tag) for tag in _wanted(inputs, "")}


def _differing(present: dict[str, str | None], wanted: dict[str, str]) -> dict[str, str]:
    """The present tags whose content is not the wanted one."""
    return {tag: digest for tag, digest in present.items() if digest not in (None, wanted[tag])}


def _unlike(target: Any, inputs: Values) -> dict[str, str]:
    """{tag: digest} of the list's own tag if variants that are not built yet can't give its content."""
    tag = inputs["tag"]
    if (digest := target.digest_of(tag)) is None or _matches(target.manifest(tag).fields, inputs):
        return {}
    return {tag: digest}


def _published(target: Any, inputs: Values, wanted: Manifest, present: dict[str, str | None]) -> Manifest:
    """Return the published list of an exact release if `wanted` differs only in spelling; else `wanted`.

    Version 0.1.0 wrote arm64 with the variant v8, which the image's configuration does not have.
    """
    if not inputs.get("immutable") or present[inputs["tag"]] in (None, wanted.digest):
        return wanted
    published: Manifest = target.manifest(inputs["tag"])
    return published if _meaning(published.fields) == _meaning(wanted.fields) else wanted


def _meaning(listed: Values) -> tuple[Any, ...]:
    digests = [entry["digest"] for entry in listed.get("manifests") or []]
    return digests, _names(listed), listed.get("annotations")


def _content(inputs: Values) -> tuple[Any, ...]:
    """Inputs that determine the list's digest; the repository of the variants does not."""
    variants = [
        (variant["platform"], variant["ref"].rpartition("@")[2]) for variant in inputs.get("variants", [])
    ]
    return variants, inputs.get("annotations")


def _matches(listed: Values, inputs: Values) -> bool:
    """True if a published list has the wanted platforms and annotations."""
    annotations, expected = listed.get("annotations") or {}, inputs.get("annotations") or {}
    same = all(annotations.get(key) == value for key, value in expected.items())
    return same and _names(listed) == [normalized(variant["platform"]) for variant in inputs["variants"]]


def _unknown(value: Any) -> bool:
    """True if any part of a value is still unknown, as before a first build."""
    return UNKNOWN in json.dumps(value)


def _wanted(inputs: Values, digest: str) -> dict[str, str]:
    """{tag: digest} of the variants' tags, then of the list's own."""
    variants = {
        variant_tag(inputs["tag"], variant["arch"]): split_pinned(variant["ref"])[1]
        for variant in inputs["variants"]
    }
    return {**variants, inputs["tag"]: digest}


def _drift(olds: Values) -> dict[str, str]:
    """Tags that have changed since they were written: {tag: digest that it points to, empty if missing}."""
    wanted = _wanted(olds, olds["digest"])
    return {tag: to for tag, to in olds["points"].items() if to != wanted.get(tag)}


def _content_error(inputs: Values, differing: dict[str, str]) -> str:
    """Message about one of the tags that would get other content: the list's own if that is among them."""
    tag, digest = list(differing.items())[-1]
    return (
        f"{inputs['repository']}:{tag} is published as {digest}, and `up` would give it other "
        "content. An exact release tag never changes: increase the image's `revision:`; that publishes the "
        "next -rN tag and updates the moving tags."
    )


def _moved_error(inputs: Values, olds: Values, moved: dict[str, str]) -> str:
    where = ", ".join(f"{tag} points to {to}" for tag, to in moved.items())
    return (
        f"{inputs['repository']}: a published release was moved by someone else: {where}; this stack "
        f"published {inputs['tag']} as {olds['digest']}. It is not overwritten. Find out who published "
        "there; if the tag may be moved back, point it to that digest with the registry's own tools and run "
        "`pulumi refresh`."
    )
