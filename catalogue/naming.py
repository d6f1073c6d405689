"""Names in registries, on engines and of stacks: tags, repositories, references, containers, volumes. Pure.

The grammar is that of OCI: distribution-spec 1.1, "Pulling manifests" (tags), and
distribution/reference `regexp.go` (repositories).
"""

import re
from enum import StrEnum
from typing import assert_never

from catalogue.arch import ARCHES

_DOCKER_SOCKETS = ("unix:///var/run/docker.sock", "unix:///run/docker.sock")
SSH_PORT = 22
TAG_LENGTH = 128
COMMIT_DIGITS = 12
"""Number of digits of a commit in a tag."""
LONGEST_SUFFIX = max(len(f"-{name}") for name in ARCHES)
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_ECR_COMPONENT = r"[a-z0-9]+(?:[._-][a-z0-9]+)*"
_ECR_REPOSITORY = re.compile(rf"{_ECR_COMPONENT}(?:/{_ECR_COMPONENT})*")
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::(?P<port>[0-9]{1,5}))?")
_VERSION = re.compile(r"v(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})")
_PINNED = re.compile(
    r"(?P<repository>[^@\s]+?)(?::[A-Za-z0-9_][A-Za-z0-9_.-]*)?@(?P<digest>sha256:[0-9a-f]{64})"
)


class Channel(StrEnum):
    """Purpose of a set of tags."""

    DEVELOP = "develop"
    RELEASE = "release"
    FEATURE = "feature"


def tag_fault(tag: str) -> str | None:
    """Reason why `tag` can't be the tag of a manifest list, with room for a variant's suffix, or None."""
    if not _TAG.fullmatch(tag):
        return "a tag has letters, digits, '_', '.' and '-', and begins with a letter, a digit or '_'"
    room = TAG_LENGTH - LONGEST_SUFFIX
    if len(tag) > room:
        return f"a tag has at most {room} characters here (128 with a variant's suffix, such as -arm32v5)"
    if arch := next((name for name in ARCHES if tag.endswith(f"-{name}")), None):
        return f"a tag can't end with -{arch}, as the tags of variants do: choose another name"
    return None


def repository_fault(repository: str) -> str | None:
    """Reason why `repository` can't name a repository, or None."""
    if not _REPOSITORY.fullmatch(repository):
        return (
            "a repository is lower-case letters and digits, with '.', '_', '-' inside and '/' between parts"
        )
    return "a repository has at most 255 characters" if len(repository) > 255 else None


def ecr_repository_fault(repository: str) -> str | None:
    """Reason why Amazon's registry would refuse `repository`, or None (API reference, CreateRepository)."""
    if not _ECR_REPOSITORY.fullmatch(repository):
        return "Amazon's registry accepts a single '.', '_' or '-' between letters and digits"
    return None if 2 <= len(repository) <= 256 else "Amazon's registry accepts 2 to 256 characters"


def address_fault(address: str) -> str | None:
    """Reason why `address` can't name a registry, or None."""
    host, _, namespace = address.partition("/")
    match = _HOST.fullmatch(host)
    if match is None or int(match["port"] or 443) not in range(1, 65536) or address.endswith("/"):
        return "a registry's address is HOST or HOST:PORT, with or without a /NAMESPACE; no scheme, no spaces"
    return repository_fault(namespace) if namespace else None


def name_fault(name: str) -> str | None:
    """Reason why `name` is not the full name of a repository, or None."""
    if fault := address_fault(name):
        return fault
    return None if "/" in name else "a repository's full name is HOST/PATH or HOST:PORT/PATH"


def address_port(address: str) -> int | None:
    """Port of `HOST[:PORT][/namespace]`, or None."""
    match = _HOST.fullmatch(address.partition("/")[0])
    return int(match["port"]) if match is not None and match["port"] else None


def engine_name(address: str) -> str:
    """Name of the engine at an address: for ssh://, HOST or HOST:PORT, without the user and port 22.

    Any other address is the name itself.

    Spellings of a host in DNS have one name: DNS ignores case and a last dot (RFC 4343, RFC 1034).
    """
    if not address.startswith("ssh://"):
        return address
    host, _, port = address.rpartition("@")[2].partition(":")
    number = int(port) if port.isdecimal() else SSH_PORT
    return host.lower().removesuffix(".") + (f":{number}" if number != SSH_PORT else "")


def possible_engine(address: str) -> str:
    """Name shared by addresses that may reach the same engine, for what only one user of it may have or do.

    Docker's own sockets and an empty address share a name: they reach the same engine, unless DOCKER_HOST
    names another.
    """
    return "" if address in _DOCKER_SOCKETS else engine_name(address)


def variant_of(build: str) -> tuple[str, str]:
    """(image, architecture) of a resource that builds a variant: IMAGE-ARCH-image (components/variant.py)."""
    image, _, arch = build.removesuffix("-image").rpartition("-")
    return image, arch


def version_fault(version: str) -> str | None:
    """Reason why `version` is not a release version, or None."""
    return None if _VERSION.fullmatch(version) else "a version is vMAJOR.MINOR.PATCH, such as v0.27.1"


def channel_tags(
    channel: Channel, *, version: str = "", revision: int = 0, feature: str = "", commit: str = ""
) -> list[str]:
    """Tags for the manifest lists of one publication, moving tags first.

    `version` is like `v0.27.1`. `revision` counts rebuilds of the same version; their exact tags
    differ, so that 0.27.1 and release-v0.27.1 never change (docs/adr/0005). With a known `commit`, a
    develop build can still be found when `develop` has moved, until retention removes it (docs/adr/0013).
    """
    match channel:
        case Channel.DEVELOP:
            return ["develop", *([develop_tag(commit)] if commit else [])]
        case Channel.FEATURE:
            return [f"feature-{feature}"]
        case Channel.RELEASE:
            return ["latest", minor_tag(version), *exact_tags(channel, version=version, revision=revision)]
        case _:
            assert_never(channel)


def exact_tags(channel: Channel, *, version: str, revision: int = 0) -> list[str]:
    """Tags among `channel_tags` that never move, except in a registry of kind `local`."""
    if channel is not Channel.RELEASE:
        return []
    bare = version.removeprefix("v")
    exact = f"{bare}-r{revision}" if revision else bare
    return [exact, f"release-v{exact}"]


def develop_tag(commit: str) -> str:
    """Tag of one develop build: `develop-13141d81aaa5`."""
    return f"develop-{commit[:COMMIT_DIGITS]}"


def minor_tag(version: str) -> str:
    """Tag that moves with the releases of a minor version: `v0.27.1` → `0.27`."""
    return version.removeprefix("v").rpartition(".")[0]


def variant_tag(tag: str, arch_name: str) -> str:
    """Tag of one variant of a manifest list: always with a suffix, for amd64 too."""
    return f"{tag}-{arch_name}"


def split_pinned(reference: str) -> tuple[str, str]:
    """Split `repo[:tag]@sha256:…` into (repo, digest).

    Raises ValueError if there is no digest.
    """
    match = _PINNED.fullmatch(reference)
    if match is None:
        raise ValueError(f"{reference!r} is not pinned: a reference ends with @sha256: and 64 hex digits")
    return match["repository"], match["digest"]


def is_pinned(reference: str) -> bool:
    """True if a reference ends with a digest."""
    return _PINNED.fullmatch(reference) is not None


def pinned(reference: str) -> str:
    """Drop the tag: `repo[:tag]@sha256:…` → `repo@sha256:…`, the form in which nodes get their images.

    Raises ValueError if there is no digest.
    """
    repository, digest = split_pinned(reference)
    return f"{repository}@{digest}"


def copies_volume(wallet_volume: str) -> str:
    """Name of the volume with the copies of a wallet, on the wallet's own host."""
    return f"{wallet_volume}-backups"


def exporter_name(container: str) -> str:
    """Name of the container of a node's exporter."""
    return f"{container}-exporter"


def proxy_name(container: str) -> str:
    """Name of the container of the proxy in front of a node's web interface."""
    return f"{container}-proxy"


def readers_name(container: str) -> str:
    """Name of the container that serves the readers of a hosted registry."""
    return f"{container}-readers"


def login_volume(container: str) -> str:
    """Name of the volume with the password of a node's web interface."""
    return f"{container}-login"


def previous_container(container: str) -> str:
    """Name of a node's old container while a handover may still need it."""
    return f"{container}-previous"


def containers_of_node(container: str) -> tuple[str, ...]:
    """Names of all containers of a node: its own, a handover's old one, the exporter and the proxy."""
    return container, previous_container(container), exporter_name(container), proxy_name(container)


def bare_name(stack: str) -> str:
    """Last part of a stack's name such as `organization/skycoin/fleet`."""
    return stack.rpartition("/")[2]
