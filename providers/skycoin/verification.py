"""skycoin:index:Verification: checks that the image pushed for a variant fits it.

The image's manifest, configuration and layers are read from the registry by digest: platform, labels,
annotations, each program's ELF file and each SBOM must fit the variant. A manifest list is written over
verified variants only. BuildKit records the requested platform, not that of the programs
(moby/buildkit#5677), so an amd64 program in an ARM image is found only by reading it.
"""

import gzip
import hashlib
import io
import shutil
import tarfile
import tempfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import IO, Any, ClassVar, Self

from catalogue.arch import normalized
from catalogue.naming import split_pinned
from catalogue.stack_outputs import VerifiedReport
from clients.manifests import type_fault
from clients.registry import Repository
from providers.kind import Change, InputsAsState, ProviderError, ReadResult, Values, refuse_import
from providers.skycoin.elf import MAGIC, abi_fault, kind_of, read_program
from providers.skycoin.sbom import Sboms, is_sbom

BUILD_AGAIN = (
    "Build it again: `pulumi up --target-replace` with the URN of its image, from `pulumi stack --show-urns`."
)
GZIP = b"\x1f\x8b"
PIECE = 128 << 10
"""Bytes that are decompressed at once; with tarfile's default of 10 KiB a layer takes a quarter longer."""


@dataclass
class Contents:
    """Contents of an image's layers, and the errors found in them."""

    size: int = 0
    """Bytes of the layers in the registry, compressed."""
    unpacked: int = 0
    programs: Counter[str] = field(default_factory=Counter)
    """Number of programs by their description (`kind_of`)."""
    sboms: Sboms = field(default_factory=Sboms)
    names: set[str] = field(default_factory=set)
    """Last parts of all paths: a dynamic linker is looked up by file name, because folders may be links."""
    interpreters: dict[str, str] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)


class Verification(InputsAsState):
    """The passed verification as a resource: {size, unpacked, layers, programs, report, present}.

    Sizes are in bytes. A report of an earlier version, which lacks modules or packages, stays valid.
    """

    inputs: ClassVar[tuple[str, ...]] = ("ref", "platform", "labels")
    computed: ClassVar[frozenset[str]] = frozenset(
        ("size", "unpacked", "layers", "programs", "report", "present")
    )

    def __init__(self, repository: Callable[[str], Any] = Repository) -> None:
        self._repository = repository

    def diff(self, olds: Values, old_inputs: Values, news: Values) -> Change:
        """Verify again if inputs change, a refresh did not find the image, or the state has no report."""
        changed = self.changed(old_inputs, news)
        if olds.get("present") is False:
            changed.append("present")
        if "report" not in olds:  # verified by an earlier version, which kept no report
            changed.append("report")
        return Change(updates=tuple(changed))

    def create(self, inputs: Values) -> tuple[str, Values]:
        """Verify the image."""
        return inputs["ref"], self._verified(inputs)

    def update(self, identity: str, olds: Values, news: Values) -> Values:
        """Verify the image again."""
        return self._verified(news)

    def read(self, identity: str, inputs: Values, state: Values) -> ReadResult | None:
        """Record whether the registry still has the image."""
        refuse_import(inputs, "a verification")
        repository, digest = split_pinned(inputs["ref"])
        present = self._repository(repository).digest_of(digest) is not None
        return ReadResult(identity=identity, state={**state, "present": present}, inputs=inputs)

    def delete(self, identity: str, state: Values) -> None:
        """Do nothing: a verification leaves nothing behind, and the image stays published."""

    def _verified(self, inputs: Values) -> Values:
        name, digest = split_pinned(inputs["ref"])
        repository = self._repository(name)
        if repository.digest_of(digest) is None:
            raise ProviderError(f"{inputs['ref']} is not in the registry any more. {BUILD_AGAIN}")
        manifest = repository.manifest(digest)
        if "config" not in manifest.fields:
            raise ProviderError(
                f"{inputs['ref']} is a list, not an image of one platform: buildx added attestations. Set "
                f"BUILDX_NO_DEFAULT_ATTESTATIONS=1 in the environment of pulumi. {BUILD_AGAIN}"
            )
        if fault := type_fault(manifest):
            raise ProviderError(f"{inputs['ref']} is not listed: {fault}")
        config, layers = repository.config(manifest), manifest.fields.get("layers", [])
        contents = read_contents(repository, layers, inputs["platform"])
        faults = [
            *config_faults(config, inputs),
            *annotation_faults(manifest.fields, inputs),
            *contents.faults,
            *contents.sboms.faults(),
        ]
        if faults:
            listed = "\n".join(f"  - {fault}" for fault in faults)
            raise ProviderError(f"{inputs['ref']} is not a valid image for {inputs['platform']}:\n{listed}")
        return {
            **inputs,
            "size": contents.size + len(manifest.content) + manifest.fields["config"]["size"],
            "unpacked": contents.unpacked,
            "layers": len(layers),
            "programs": contents.programs.total(),
            "report": _report(contents, layers, inputs),
            "present": True,
        }


def _report(contents: Contents, layers: list[Values], inputs: Values) -> VerifiedReport:
    """Findings for people, as the release record shows them.

    They include packages and modules, which are not separate outputs: in a preview over an older state, a
    new output would be unknown.
    """
    return {
        "labels": len(inputs.get("labels") or {}),
        "programs": dict(sorted(contents.programs.items())),
        "sboms": dict(sorted(contents.sboms.found.items())),
        "layers": [{"digest": layer["digest"], "size": layer["size"]} for layer in layers],
        "packages": dict(sorted(contents.sboms.packages.items())),
        "modules": dict(sorted(contents.sboms.modules.items())),
    }


def config_faults(config: Any, inputs: Values) -> Iterator[str]:
    """Yield the differences of an image's configuration from the wanted platform and labels."""
    platform = "/".join(filter(None, (config.get(key) for key in ("os", "architecture", "variant"))))
    if normalized(platform) != normalized(inputs["platform"]):
        yield f"its configuration is for {platform}"
    labels = (config.get("config") or {}).get("Labels") or {}
    for key, value in sorted((inputs.get("labels") or {}).items()):
        if labels.get(key) != value:
            yield f"label {key} is {labels.get(key)!r}; expected {value!r}"


def annotation_faults(fields: Values, inputs: Values) -> Iterator[str]:
    """Yield the differences of an image manifest's annotations from the wanted labels."""
    annotations = fields.get("annotations") or {}
    for key, value in sorted((inputs.get("labels") or {}).items()):
        if annotations.get(key) != value:
            yield f"annotation {key} is {annotations.get(key)!r}; expected {value!r}"


def read_contents(repository: Any, layers: list[Values], platform: str) -> Contents:
    """Read every file of every layer, and check the programs among them."""
    contents = Contents()
    for layer in layers:
        contents.size += layer["size"]
        if not layer["mediaType"].endswith(("gzip", "layer.v1.tar")):
            contents.faults.append(f"layer {layer['digest']} is {layer['mediaType']}, which is not supported")
            continue
        try:
            with (
                repository.blob(layer["digest"], layer["size"]) as file,
                _archive(file) as archive,
            ):
                _read_layer(archive, platform, contents)
        except (tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error) as error:
            contents.faults.append(f"layer {layer['digest']} is damaged: {error}")
    for path, interpreter in contents.interpreters.items():
        if interpreter.rpartition("/")[2] not in contents.names:
            contents.faults.append(f"/{path} requires {interpreter}, which the image lacks")
    return contents


class _Entry(tarfile.TarInfo):
    """Header of an entry. An invalid one is an error: tarfile takes it for the end, but engines read on."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        """Parse a header. Raises ReadError if it is invalid; tarfile's two errors for an end pass."""
        try:
            return super().frombuf(buf, encoding, errors)
        except (tarfile.EmptyHeaderError, tarfile.EOFHeaderError):  # type: ignore[attr-defined]
            raise
        except tarfile.HeaderError as error:
            raise tarfile.ReadError(str(error)) from None


def _archive(file: IO[bytes]) -> tarfile.TarFile:
    """A layer as a stream.

    Going back in a compressed layer means decompressing it from its start again, which takes hours for the
    thousands of programs in a workspace. As in engines, the content decides how it is read, not the media
    type, and all members of a gzip file are read: tarfile alone stops after the first.
    """
    layer = io.BufferedReader(file)  # type: ignore[type-var] # IO lacks readinto, which all files have
    if layer.peek(len(GZIP)).startswith(GZIP):
        return tarfile.open(fileobj=gzip.GzipFile(fileobj=layer), mode="r|", bufsize=PIECE, tarinfo=_Entry)
    return tarfile.open(fileobj=layer, mode="r|*", tarinfo=_Entry)


def _read_layer(archive: tarfile.TarFile, platform: str, contents: Contents) -> None:
    for member in archive:
        path = member.name.removeprefix("./")
        contents.names.add(path.rpartition("/")[2])
        if not member.isreg():
            continue
        contents.unpacked += member.size
        file = archive.extractfile(member)
        if file is None:
            continue
        if is_sbom(path):
            _read_sbom(path, file.read(), contents)
        elif file.read(len(MAGIC)) == MAGIC:
            # Copied to disk: the layer is a stream, which can't go back.
            with tempfile.TemporaryFile() as program:
                program.write(MAGIC)
                shutil.copyfileobj(file, program)
                program.seek(0)
                contents.sboms.programs.add(hashlib.file_digest(program, "sha256").hexdigest())
                program.seek(0)
                _read_file(path, program, platform, contents)


def _read_sbom(path: str, content: bytes, contents: Contents) -> None:
    try:
        contents.sboms.add(path, content)
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        contents.faults.append(f"/{path} is not an SBOM in CycloneDX's JSON: {error}")


def _read_file(path: str, file: IO[bytes], platform: str, contents: Contents) -> None:
    try:
        program = read_program(file)
    except ValueError as error:
        contents.faults.append(f"/{path}: {error}")
        return
    contents.programs[kind_of(program)] += 1
    if program.interpreter is not None:
        contents.interpreters[path] = program.interpreter
    if (fault := abi_fault(program, platform)) is not None:
        contents.faults.append(f"/{path} {fault}")
