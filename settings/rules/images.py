"""Rules over images, their bases, and the registries that they are published to."""

import re
import stat
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from catalogue.bases import Bases
from catalogue.images import CATALOGUE, DOCKERIGNORE, NAMED_CONTEXTS, PROJECT, CatalogueEntry
from catalogue.naming import Channel, ecr_repository_fault, tag_fault
from catalogue.registries import RegistryKind
from clients.git import ask_git, is_checkout
from settings.fields import LOGIN, SECRET
from settings.image import ImageSettings, SourceSettings
from settings.names import base_registry, base_repository, built_bases, registries_of, repository_of, tags_of
from settings.registry import RegistrySettings
from settings.stack import StackSettings
from settings.words import did_you_mean, not_listed

RESERVED_BUILD_ARGS = frozenset(
    [
        "IMAGE_FROM",
        "BUILD_FROM",
        "GOARCH",
        "GOARM",
        "CC",
        "DEBIAN_PORT",
        "SOURCE_DATE_EPOCH",
        NAMED_CONTEXTS,
    ]
)
"""Build arguments that components/ and program/images.py set, in addition to the catalogue's."""
_ARGUMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_CERTIFICATE = b"-----BEGIN CERTIFICATE-----"
_TO_BUILDER = "BUILDKIT_"
"""Beginning of build arguments that BuildKit itself obeys: BUILDKIT_SYNTAX replaces its frontend. Proxies
(`HTTPS_PROXY`), which it obeys too, are allowed: behind a proxy, no build works without them."""


GIT_SECRETS = ("GIT_AUTH_HEADER", "GIT_AUTH_TOKEN")
"""Build secrets that BuildKit sends to git servers; with `.HOST` appended, only to that host."""
LOOPBACK = ("127.0.0.1", "::1", "localhost")


def base_faults(settings: StackSettings) -> Iterator[str]:
    """Yield errors of `bases`, `build-base` and `build-ca`."""
    if settings.bases is Bases.DEBIAN and settings.build_base is None:
        form = "REPOSITORY@sha256:… (`make up` sets both)"
        yield f"skycoin:build-base: missing; bases: debian needs it, as {form}"
    if settings.bases is Bases.OFFICIAL and settings.build_base is not None:
        yield f"skycoin:build-base: {settings.build_base!r} needs bases: debian; bases is official"
    if settings.build_ca is not None and (fault := _authorities_fault(PROJECT / settings.build_ca)):
        yield f"skycoin:build-ca: {settings.build_ca!r} {fault}"


def _mode_of(path: Path) -> int:
    """Type and permissions of a path; 0 if it does not exist. Raises OSError if that can't be known."""
    try:
        return path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: a zero byte
        return 0


def _authorities_fault(file: Path) -> str | None:
    """Reason why a file can't be used as certificate authorities, or None. Nothing of it is shown."""
    try:
        if not stat.S_ISREG(_mode_of(file)):
            return "is not a file"
        content = file.read_bytes()
    except OSError as error:
        return f"can't be read: {error.strerror}"
    if b"PRIVATE KEY-----" in content:
        return "has a private key, which builds and workspaces would get: leave only certificates in it"
    if content.strip() and _CERTIFICATE not in content:
        return "has no certificate in PEM's form (`openssl x509 -inform DER -in FILE` converts a binary one)"
    try:
        content.decode()
    except UnicodeDecodeError:
        return "is not text in UTF-8: remove its comments, or convert it"
    return None


def image_faults(settings: StackSettings) -> Iterator[str]:
    """Yield errors of each image alone, and of the registries that it names."""
    for name, image in settings.images.items():
        key = f"skycoin:images.{name}"
        entry = CATALOGUE.get(name)
        if entry is None:
            yield f"{key}: no such image; allowed: {', '.join(CATALOGUE)}{did_you_mean(name, CATALOGUE)}"
            continue
        yield from registry_faults(key, registries_of(image, settings), settings)
        yield from (f"{key}.source: {fault}" for fault in source_faults(entry, image.source))
        yield from _argument_faults(f"{key}.build-args", entry, image)
        if image.channel is Channel.FEATURE and (fault := tag_fault(tags_of(image)[0])):
            yield f"{key}.feature: {image.feature!r}: {fault}"


def _argument_faults(key: str, entry: CatalogueEntry, image: ImageSettings) -> Iterator[str]:
    for name, value in sorted(image.build_args.items()):
        if not _ARGUMENT.fullmatch(name):
            yield (
                f"{key}: {name!r}: a build argument's name has letters, digits and '_', and does not begin "
                "with a digit"
            )
        elif SECRET.search(name) or LOGIN.search(value):
            yield (
                f"{key}.{name}: [not shown]: a build argument stays in the image's history; a "
                f"secret is given with `pulumi config set --secret --path 'skycoin:build-secrets.{name}'`"
            )
        elif name in RESERVED_BUILD_ARGS or name in entry.build_args:
            yield f"{key}.{name}: is set by the program; use another name"
        elif name.startswith(_TO_BUILDER):
            yield (
                f"{key}.{name}: BuildKit itself obeys an argument of this name; choose a name that does "
                f"not begin with {_TO_BUILDER}"
            )


def registry_faults(key: str, wanted: list[str], settings: StackSettings) -> Iterator[str]:
    """Yield errors in the list of registries of the image or workspace with this key."""
    names = ", ".join(settings.registries) or "none"
    if not wanted:
        yield (
            f"{key}.registries: missing, and required unless skycoin:registries has exactly one entry "
            f"(it has {names}): list those to publish to, the one to build in first"
        )
    for name in wanted:
        if name not in settings.registries:
            yield f"{key}.registries: {not_listed(name, 'registries', settings.registries)}"
    first = settings.registries.get(wanted[0]) if wanted else None
    if first is not None and first.optional:
        yield (
            f"{key}.registries: {wanted[0]!r} is optional, but the first registry is where the image is "
            "built: put one that is not optional first"
        )


def repository_faults(settings: StackSettings) -> Iterator[str]:
    """Yield errors of the images' repositories in their registries."""
    for name, image in settings.images.items():
        for registry_name in registries_of(image, settings):
            registry = settings.registries.get(registry_name)
            if registry is None or name not in CATALOGUE:
                continue  # image_faults reports it
            if fault := repository_fault(repository_of(name, image, registry), registry):
                yield f"skycoin:images.{name}.repository: {fault}"


def base_repository_faults(settings: StackSettings) -> Iterator[str]:
    """Yield errors of the repositories that built bases are pushed to, next to the first image."""
    first = base_registry(settings)
    if first is None or (registry := settings.registries.get(first)) is None:
        return
    for base in built_bases(settings):
        repository = base_repository(base)
        fault = repository_fault(repository, registry)
        if registry.kind in (RegistryKind.HUB, RegistryKind.GHCR) and not (fault or registry.namespace):
            fault = "its first part is not a namespace of yours"
        if fault:
            yield (
                f"skycoin:registries.{first}: the stack builds the base {base}, and would push it to "
                f"{registry.root}/{repository}: {fault}. Put another registry first in the `registries` of "
                "its images: only the first one gets bases"
            )


def repository_fault(repository: str, registry: RegistrySettings) -> str | None:
    """Reason why a registry of this kind refuses a repository, or None."""
    whole = "/".join(filter(None, [registry.root.partition("/")[2], repository]))
    fault = None
    if registry.kind is RegistryKind.HUB and whole.count("/") != 1:
        fault = "Docker Hub requires NAMESPACE/NAME: two parts, the registry's namespace included"
    if registry.kind is RegistryKind.ECR:
        fault = ecr_repository_fault(whole)
    return f"{whole!r}: {fault}" if fault else None


def source_faults(entry: CatalogueEntry, source: SourceSettings) -> Iterator[str]:
    """Yield reasons why an image can't be built from `source`."""
    if source.origin not in entry.origins:
        allowed = " or ".join(entry.origins)
        yield f"{source.origin} is not a source of {entry.name}; allowed: {allowed}"
        return
    if source.module is not None and source.module != entry.module:
        yield f"module {source.module!r} is not the source of {entry.name}; allowed: {entry.module}"
    elif source.module is not None and source.version != (pinned := pinned_version(entry)):
        yield (
            f"version {source.version} is not the one that images/{entry.name}/go.mod pins "
            f"({pinned}); change it there with `go get {entry.module}@{source.version}`"
        )
    if source.debian is not None and source.debian != entry.module:
        yield f"debian {source.debian!r} is not the source of {entry.name}; allowed: {entry.module}"
    if source.path is None:
        return
    try:
        if stat.S_ISDIR(_mode_of(PROJECT / source.path / "cmd")):
            yield from _link_faults(source.path)
            yield from _commit_faults(source.path, source.commit)
        else:
            yield f"path {source.path!r} is not a working copy of {entry.module} (it has no folder cmd)"
    except OSError as error:
        yield f"path {source.path!r} can't be read: {error.strerror}"


def _commit_faults(path: str, commit: str | None) -> Iterator[str]:
    """Yield an error for a commit that is not checked out in the working copy: the labels would be wrong."""
    folder = PROJECT / path
    if commit is None or not is_checkout(folder):
        return
    if (head := ask_git(folder, "rev-parse", "HEAD")) != commit:
        yield (
            f"commit {commit!r} is not that of the working copy {path!r}, which is at {head or 'no commit'}: "
            "leave it out, or check it out there"
        )


def _link_faults(path: str) -> Iterator[str]:
    """Yield errors for top-level links whose target is not in the working copy: BuildKit fails on them."""
    folder = PROJECT / path
    ignored = folder / DOCKERIGNORE
    left_out = (
        {line.strip().strip("/") for line in ignored.read_text(errors="replace").splitlines()}
        if ignored.exists()
        else ()
    )
    for link in sorted(folder.iterdir()):
        if not link.is_symlink() or link.name.startswith(".") or link.name in left_out:
            continue
        target = link.readlink()
        led_to = (folder / target).resolve()
        if target.is_absolute() or not led_to.exists() or not led_to.is_relative_to(folder.resolve()):
            yield (
                f"path {path!r}: its link {link.name} leads to {target}, which is not sent to the "
                f"builder: list {link.name} in its {DOCKERIGNORE}"
            )


def token_faults(settings: StackSettings) -> Iterator[str]:
    """Yield errors for git sources to which a token would be sent in plain text."""
    for name, image in settings.images.items():
        url = urlsplit(image.source.git or "")
        if url.scheme != "http" or url.hostname in LOOPBACK:
            continue
        for secret in sorted(settings.build_secrets):
            if secret in GIT_SECRETS or secret in {f"{known}.{url.netloc}" for known in GIT_SECRETS}:
                yield (
                    f"skycoin:images.{name}.source.git: {image.source.git!r}: the build secret {secret} "
                    "would be sent there in plain text; give an https:// URL"
                )


def pinned_version(entry: CatalogueEntry) -> str:
    """Version of an image's module in the go.mod of its folder; empty if it has none."""
    text = (PROJECT / "images" / entry.name / "go.mod").read_text(errors="replace")
    match = re.search(rf"^(?:require)?\s*{re.escape(entry.module)} (v\S+)", text, re.M)
    return match[1] if match else ""
