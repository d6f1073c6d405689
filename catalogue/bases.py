"""Base images: the official ones by digest, or equivalents built from Debian packages.

Every digest of an official image comes from docker-library/repo-info. With `bases: debian`, program/bases.py
builds images/busybox from Debian packages instead.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class Base(StrEnum):
    """Base of an image's final stage: the setting `base` of an image."""

    BUSYBOX = "busybox"
    GLIBC = "glibc"
    """C library for dynamically linked programs, without a package manager."""


class Bases(StrEnum):
    """Origin of base images: the setting `skycoin:bases`."""

    OFFICIAL = "official"
    DEBIAN = "debian"


OFFICIAL_BUILD_BASE = (
    "docker.io/library/golang:1.26-bookworm"
    "@sha256:551752d3ad9de9923190bf5280500617ed8fee287ffb4b0220e770ef89346258"
)
"""Manifest list of 2026-07-14; each building machine uses the image of its own platform.

Its digest was the newest in docker-library/repo-info when it was recorded.
"""

OFFICIAL_GO = "1.26.5"
"""Version of Go in OFFICIAL_BUILD_BASE. It lacks the security fixes of 1.26.6 to 1.26.11: use a newer
digest as soon as one is published."""

_BUSYBOX: Mapping[str, str] = MappingProxyType(
    {
        "amd64": "7a3ebe5bfd1a4a19797d20b0c0bb39d44393e9a03fd852c0865b0f540d868df0",
        "arm32v5": "5d2325ea84c2a87f0a2b458bdd0b00e0c92f943e43da3a0a67a8747d849afcf4",
        "arm32v6": "29492ed9f30d27b25a7359f6169dbca442558e6867307545f8fbdd3327b0c8f4",
        "arm32v7": "1b6e712c3df4b11a7225ab617d2eef0ee2b18cdcc447e5d5fe2942622db098f7",
        "arm64v8": "f10e809bcf667d8e9f01d2baf82869049a495cd448cdfe1f4dee94078b960ae9",
    }
)
"""Manifest digests of busybox:1.37.0 (layers of 2026-05-22), by architecture."""


def official_busybox(arch_name: str) -> str:
    """Reference of the official busybox for one architecture, pinned to its own manifest."""
    return f"docker.io/library/busybox:1.37.0@sha256:{_BUSYBOX[arch_name]}"
