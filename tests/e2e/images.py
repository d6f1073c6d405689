"""Images as a registry has them: manifests, configurations, layers, and the programs in them."""

import gzip
import io
import json
import ssl
import tarfile
import urllib.request
from dataclasses import dataclass
from typing import Any

from elftools.elf.elffile import ELFFile

from clients.registry import ACCEPT
from local.layout import Layout
from local.registry_login import authorization


def repositories(layout: Layout) -> list[str]:
    """Names of all that the machine's registry has."""
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
    """One repository of the machine's registry, read from outside."""

    layout: Layout
    name: str

    def content(self, path: str) -> bytes:
        """Content under a path of the repository in the registry, such as `manifests/latest`."""
        return _get(self.layout, f"{self.name}/{path}")

    def tags(self) -> list[str]:
        """All of its tags."""
        return sorted(json.loads(self.content("tags/list"))["tags"] or [])

    def manifest(self, reference: str) -> Any:
        """Fetch a manifest or a manifest list, by tag or digest."""
        return json.loads(self.content(f"manifests/{reference}"))

    def config(self, manifest: Any) -> Any:
        """Configuration of an image."""
        return json.loads(self.content(f"blobs/{manifest['config']['digest']}"))

    def layer(self, descriptor: Any) -> tarfile.TarFile:
        """An unpacked layer."""
        content = gzip.decompress(self.content(f"blobs/{descriptor['digest']}"))
        return tarfile.open(fileobj=io.BytesIO(content))

    def names(self, descriptor: Any) -> set[str]:
        """Paths of the files of a layer, folders left out."""
        with self.layer(descriptor) as layer:
            return {member.name.removeprefix("./") for member in layer.getmembers() if not member.isdir()}

    def file(self, manifest: Any, path: str) -> bytes:
        """A file of an image, from the topmost layer that has it."""
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
    """Facts of an ELF header."""

    machine: str
    bits: int
    hard_float: bool
    """ARM EABI flag of hard-float programs; Go's ARM programs are soft-float by convention."""
    dynamic: bool
    """True where an interpreter (a dynamic linker) is asked for."""


def program(content: bytes) -> Program:
    """Read an ELF file."""
    elf = ELFFile(io.BytesIO(content))
    return Program(
        machine=elf["e_machine"],
        bits=elf.elfclass,
        hard_float=bool(elf["e_flags"] & 0x400) and elf["e_machine"] == "EM_ARM",
        dynamic=any(segment["p_type"] == "PT_INTERP" for segment in elf.iter_segments()),
    )
