"""Images as stored in a registry: manifests, configurations, layers, and the programs in them."""

import gzip
import io
import json
import ssl
import tarfile
import urllib.request
from dataclasses import dataclass
from typing import Any

from elftools.elf.elffile import ELFFile

from clients.manifests import ACCEPT
from local.machine.layout import Layout
from local.registry.login import authorization


def repositories(layout: Layout) -> list[str]:
    """Names of all repositories in the machine's registry."""
    return sorted(json.loads(_get(layout, "_catalog"))["repositories"])


def _get(layout: Layout, path: str) -> bytes:
    headers = {"Accept": ACCEPT, **authorization(layout)}
    context = ssl.create_default_context(cafile=str(layout.ca))
    request = urllib.request.Request(f"https://{layout.registry}/v2/{path}", headers=headers)
    with urllib.request.urlopen(request, context=context, timeout=30) as answer:
        content: bytes = answer.read()
    return content


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository of the machine's registry, read over HTTP without the program's own client."""

    layout: Layout
    name: str

    def content(self, path: str) -> bytes:
        """Fetch content by its path in the repository, such as `manifests/latest`."""
        return _get(self.layout, f"{self.name}/{path}")

    def tags(self) -> list[str]:
        """All tags of the repository."""
        return sorted(json.loads(self.content("tags/list"))["tags"] or [])

    def manifest(self, reference: str) -> Any:
        """Fetch a manifest or a manifest list, by tag or digest."""
        return json.loads(self.content(f"manifests/{reference}"))

    def config(self, manifest: Any) -> Any:
        """Fetch the configuration of an image."""
        return json.loads(self.content(f"blobs/{manifest['config']['digest']}"))

    def layer(self, descriptor: Any) -> tarfile.TarFile:
        """Fetch a layer and decompress it."""
        content = gzip.decompress(self.content(f"blobs/{descriptor['digest']}"))
        return tarfile.open(fileobj=io.BytesIO(content))

    def names(self, descriptor: Any) -> set[str]:
        """Paths of all files in a layer, without folders."""
        with self.layer(descriptor) as layer:
            return {member.name.removeprefix("./") for member in layer.getmembers() if not member.isdir()}

    def file(self, manifest: Any, path: str) -> bytes:
        """Fetch a file of an image, from the topmost layer that contains it."""
        for descriptor in reversed(manifest["layers"]):
            with self.layer(descriptor) as layer:
                try:
                    member = layer.extractfile(path)
                except KeyError:
                    continue
                if member is not None:
                    return member.read()
        raise AssertionError(f"no layer has {path}")


@dataclass(frozen=True, slots=True)
class Program:
    """Properties of a program, from its ELF file."""

    machine: str
    bits: int
    hard_float: bool
    """True if the ARM EABI flag for hard-float is set; by convention, Go's ARM programs are soft-float."""
    dynamic: bool
    """True if the program names an interpreter, that is, a dynamic linker."""


def program(content: bytes) -> Program:
    """Read the properties of an ELF file."""
    elf = ELFFile(io.BytesIO(content))
    return Program(
        machine=elf["e_machine"],
        bits=elf.elfclass,
        hard_float=bool(elf["e_flags"] & 0x400) and elf["e_machine"] == "EM_ARM",
        dynamic=any(segment["p_type"] == "PT_INTERP" for segment in elf.iter_segments()),
    )
