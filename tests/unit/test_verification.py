"""Images that a verification refuses, in memory. Real images: tests/e2e/test_publishing.py."""

import gzip
import hashlib
import io
import json
import re
import struct
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clients.manifests import DOCKER_MANIFEST, INDEX, Manifest, sha256_of
from providers.kind import Change, ProviderError, Values
from providers.skycoin.arm_attributes import cpu_arch
from providers.skycoin.elf import abi_fault, read_program
from providers.skycoin.verification import Contents, Verification, read_contents
from tests.unit.elf import FUNC, HARD_FLOAT, IFUNC, SOFT_FLOAT, elf
from tests.unit.registry import LAYER, Registries, layer_of
from tests.unit.yaml_like import DIGEST

GOOD = {
    "linux/amd64": elf("EM_X86_64"),
    "linux/arm/v5": elf("EM_ARM", flags=SOFT_FLOAT, cpu=4),
    "linux/arm/v6": elf("EM_ARM", flags=SOFT_FLOAT, cpu=7),
    "linux/arm/v7": elf("EM_ARM", flags=HARD_FLOAT, cpu=10),
    "linux/arm64/v8": elf("EM_AARCH64"),
}
NAME = "registry.example/skycoin/skycoin"


def config_of(platform: str, **labels: str) -> Values:
    keys = ("os", "architecture", "variant")
    return {**dict(zip(keys, platform.split("/"), strict=False)), "config": {"Labels": labels}}


def verified(
    platform: str, config: Values, *layers: dict[str, bytes], annotations: Values | None = None, **labels: str
) -> Values:
    """Outputs of the verification of an image, which is wanted for `platform` with `labels`."""
    registries = Registries()
    said = (config.get("config") or {}).get("Labels") or {}
    ref = registries(NAME).add_image(config, *layers, annotations=annotations or said)
    identity, state = Verification(registries).create({"ref": ref, "platform": platform, "labels": labels})
    assert identity == ref
    return state


@pytest.mark.parametrize("platform", GOOD)
def test_an_image_whose_programs_fit_its_platform_is_verified(platform: str) -> None:
    files = {"usr/bin/skycoin": GOOD[platform], "etc/motd": b"hello"}
    state = verified(platform, config_of(platform), {"bin/sh": GOOD[platform]}, files)
    assert (state["layers"], state["programs"], state["present"]) == (2, 2, True)
    assert state["unpacked"] == 2 * len(GOOD[platform]) + len(b"hello")
    assert 0 < state["size"] < 3000


@pytest.mark.parametrize("platform", GOOD)
@pytest.mark.parametrize("other", GOOD)
def test_a_program_of_another_machine_is_reported(platform: str, other: str) -> None:
    """The former build hooks published all 32 ARM tags as linux/amd64."""
    if read_program(io.BytesIO(GOOD[platform])).machine == read_program(io.BytesIO(GOOD[other])).machine:
        return
    with pytest.raises(ProviderError, match=rf"/usr/bin/skycoin is EM_\w+, \d\d bit; {platform} takes EM_"):
        verified(platform, config_of(platform), {"usr/bin/skycoin": GOOD[other]})


ABI_CASES: list[tuple[str, bytes, str | None]] = [
    ("linux/arm/v5", elf("EM_ARM", flags=HARD_FLOAT), "hard-float"),
    ("linux/arm/v6", elf("EM_ARM", flags=HARD_FLOAT), "hard-float"),
    ("linux/arm/v7", elf("EM_ARM", flags=SOFT_FLOAT), None),
    ("linux/arm/v5", elf("EM_ARM", flags=SOFT_FLOAT, cpu=6), "Tag_CPU_arch 6"),
    ("linux/arm/v6", elf("EM_ARM", flags=SOFT_FLOAT, cpu=8), "Tag_CPU_arch 8"),
    ("linux/arm/v6", elf("EM_ARM", flags=SOFT_FLOAT, cpu=9), None),
    ("linux/arm/v6", elf("EM_ARM", flags=SOFT_FLOAT, cpu=10), "Tag_CPU_arch 10"),
    ("linux/arm/v7", elf("EM_ARM", cpu=14), "Tag_CPU_arch 14"),
    ("linux/arm/v6", elf("EM_ARM", flags=HARD_FLOAT, cpu=6), None),  # Alpine's busybox
    ("linux/arm/v6", elf("EM_ARM", flags=HARD_FLOAT, cpu=10), "Tag_CPU_arch 10"),  # Debian's armhf
    ("linux/arm/v6", elf("EM_ARM", flags=HARD_FLOAT, cpu=6, interpreter="/lib/ld.so"), "hard-float"),
    ("linux/arm/v5", elf("EM_ARM", flags=HARD_FLOAT, cpu=4), "hard-float"),
    # Debian's libatomic for armel; the same without a choice at run time; another library with one.
    ("linux/arm/v5", elf("EM_ARM", flags=SOFT_FLOAT, cpu=10, library=("libatomic.so.1", IFUNC)), None),
    ("linux/arm/v6", elf("EM_ARM", flags=SOFT_FLOAT, cpu=10, library=("libatomic.so.1", IFUNC)), None),
    ("linux/arm/v5", elf("EM_ARM", flags=SOFT_FLOAT, cpu=10, library=("libatomic.so.1", FUNC)), "arch 10"),
    ("linux/arm/v5", elf("EM_ARM", flags=SOFT_FLOAT, cpu=10, library=("libz.so.1", IFUNC)), "arch 10"),
    (
        "linux/arm/v5",
        elf("EM_ARM", flags=HARD_FLOAT, cpu=10, library=("libatomic.so.1", IFUNC)),
        "hard-float",
    ),
    ("linux/arm/v7", elf("EM_ARM", cpu=14, library=("libatomic.so.1", IFUNC)), "Tag_CPU_arch 14"),
]


@pytest.mark.parametrize(("platform", "content", "fault"), ABI_CASES)
def test_an_arm_program_must_fit_float_abi_and_processor(
    platform: str, content: bytes, fault: str | None
) -> None:
    found = abi_fault(read_program(io.BytesIO(content)), platform)
    assert (found is None) if fault is None else (fault in str(found))


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=4))
@settings(max_examples=300)
def test_a_damaged_arm_program_is_read_or_refused_in_time(changes: list[tuple[int, int]]) -> None:
    """Before, a wrong length in its build attributes kept the verification busy for ever."""
    content = bytearray(elf("EM_ARM", flags=SOFT_FLOAT, cpu=10, library=("libatomic.so.1", IFUNC)))
    for at, byte in changes:
        content[at % len(content)] = byte
    started = time.monotonic()
    with suppress(ValueError):
        read_program(io.BytesIO(content))
    assert time.monotonic() - started < 1


def _with_attributes(part: bytes, vendor: bytes = b"aeabi") -> bytes:
    return b"A" + struct.pack("<I", 4 + len(vendor) + 1 + len(part)) + vendor + b"\0" + part


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        (b"A", None),
        (_with_attributes(b""), None),
        (_with_attributes(b"\x02\x05\0\0\0"), None),
        (_with_attributes(b"\x01\x07\0\0\0\x06\x0a"), 10),
        (_with_attributes(b"\x01\x0a\0\0\0\x05v\0\x06\x04"), 4),
        (_with_attributes(b"\x01\x0b\0\0\0\x20\x01g\0\x06\x03"), 3),
        (_with_attributes(b"\x01\x0a\0\0\0\x43t\0\x06\x02"), 2),
        (_with_attributes(b"x", vendor=b"gnu") + _with_attributes(b"\x01\x07\0\0\0\x06\x06")[1:], 6),
        (b"", "version b''"),
        (b"B", "version b'B'"),
        (b"A\0\0\0\0\0", "a part of 0 bytes in 5"),
        (b"A\x09\0\0\0\0", "a part of 9 bytes in 5"),
        (_with_attributes(b"\x01\0\0\0\0\x06\x0a"), "a part of 0 bytes in 7"),
        (_with_attributes(b"\x01\x07\0\0\0\x05v"), "a text in the build attributes that does not end"),
        (_with_attributes(b"\x01\x10\0\0\0\x06" + b"\xff" * 10), "a number in the build attributes"),
    ],
)
def test_build_attributes_are_read_or_refused(section: bytes, expected: int | str | None) -> None:
    if isinstance(expected, str):
        with pytest.raises(ValueError, match=re.escape(expected)):
            cpu_arch(section)
    else:
        assert cpu_arch(section) == expected


class Forwards(io.BytesIO):
    """A file that can only be read forwards."""

    def seek(self, offset: int, whence: int = 0) -> int:
        raise AssertionError(f"sought {offset} from {whence}")


def test_a_layer_is_read_once_and_forwards() -> None:
    """Going back in a compressed layer re-reads it from its start: over half an hour for a workspace."""
    files = {f"usr/bin/{number}": GOOD["linux/amd64"] for number in range(100)}
    contents = read(layer_of(files), LAYER)
    assert (contents.programs.total(), contents.faults) == (100, [])


@pytest.mark.parametrize("kind", [LAYER, LAYER.removesuffix("+gzip")])
def test_a_gzipped_layer_is_read_to_its_last_member(kind: str) -> None:
    """Engines read all members, whatever the media type says; only programs in the first were checked."""
    tar = gzip.decompress(layer_of({"bin/ok": GOOD["linux/amd64"], "bin/wrong": GOOD["linux/arm64/v8"]}))
    cut = tar.index(b"bin/wrong")
    whole = [gzip.compress(tar[:cut]), gzip.compress(tar[cut:])]
    assert read(b"".join(whole), kind).faults == [
        "/bin/wrong is EM_AARCH64, 64 bit; linux/amd64 takes EM_X86_64, 64 bit"
    ]
    for damaged in (
        b"".join(whole)[:-300],
        whole[0] + b"PK" + whole[1],
        whole[0] + whole[1][:12] + b"?" * 99,
    ):
        [fault] = read(damaged, kind).faults
        assert fault.startswith(f"layer {DIGEST} is damaged: ")


@pytest.mark.parametrize("packed", [True, False])
def test_an_invalid_header_is_not_the_end_of_a_layer(packed: bool) -> None:
    """Go's tar reads this mode and goes on; Python's ended there, and later programs were not checked."""
    files = {"bin/ok": b"text", "bin/wrong": GOOD["linux/arm64/v8"]}
    tar = bytearray(gzip.decompress(layer_of(files)))
    at = tar.index(b"bin/wrong")
    tar[at + 100 : at + 108] = b"\x81\0\0\0\0\0\x01\xed"
    tar[at + 148 : at + 156] = b" " * 8
    tar[at + 148 : at + 156] = b"%06o\0 " % sum(tar[at : at + 512])
    layer = gzip.compress(tar) if packed else bytes(tar)
    [fault] = read(layer, LAYER).faults
    assert fault.startswith(f"layer {DIGEST} is damaged: ")


def read(layer: bytes, kind: str) -> Contents:
    """Verify a layer for amd64."""

    class Layers:
        @contextmanager
        def blob(self, digest: str, size: int) -> Iterator[io.BytesIO]:
            yield Forwards(layer)

    return read_contents(Layers(), [{"digest": DIGEST, "size": 1, "mediaType": kind}], "linux/amd64")


@pytest.mark.parametrize("mode", ["w:", "w:xz"])
def test_a_layer_that_is_not_gzipped_is_read_too(mode: Any) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode=mode) as archive:
        archive.addfile(tarfile.TarInfo("bin/empty"))
    assert read(packed.getvalue(), LAYER).names == {"empty"}


def test_a_dynamic_linker_must_be_in_the_image() -> None:
    """The former build hooks put programs linked to glibc on a busybox with another libc."""
    program = elf("EM_X86_64", interpreter="/lib64/ld-linux-x86-64.so.2")
    platform = "linux/amd64"
    wanted = "/usr/bin/skywire requires /lib64/ld-linux-x86-64.so.2, which the image lacks"
    with pytest.raises(ProviderError, match=wanted):
        verified(platform, config_of(platform), {"usr/bin/skywire": program})
    linker = {"lib/x86_64-linux-gnu/ld-linux-x86-64.so.2": GOOD[platform]}
    assert verified(platform, config_of(platform), linker, {"usr/bin/skywire": program})["programs"] == 2


def test_all_errors_of_a_verification_are_reported_at_once() -> None:
    config = config_of("linux/amd64", version="0.26")
    with pytest.raises(ProviderError) as caught:
        verified("linux/arm/v7", config, {"a": GOOD["linux/amd64"], "b": b"\x7fELF?"}, version="0.27")
    lines = str(caught.value).splitlines()
    assert lines[0].endswith("is not a valid image for linux/arm/v7:")
    assert lines[1:] == [
        "  - its configuration is for linux/amd64",
        "  - label version is '0.26'; expected '0.27'",
        "  - annotation version is '0.26'; expected '0.27'",
        "  - /a is EM_X86_64, 64 bit; linux/arm/v7 takes EM_ARM, 32 bit",
        lines[5],
    ]
    assert lines[5].startswith("  - /b: not an ELF file")


@pytest.mark.parametrize(
    ("expected", "fits"),
    [
        ({"os": "linux", "architecture": "arm64"}, True),
        ({"os": "linux", "architecture": "arm64", "variant": "v8"}, True),
        ({"os": "linux", "architecture": "arm64", "variant": "v9"}, False),
        ({"os": "linux", "architecture": "arm", "variant": "v8"}, False),
    ],
)
def test_arm64_may_be_written_with_or_without_its_variant(expected: Values, fits: bool) -> None:
    if fits:
        assert verified("linux/arm64/v8", expected, {})["programs"] == 0
        return
    with pytest.raises(ProviderError, match="its configuration is for linux/arm"):
        verified("linux/arm64/v8", expected, {})


@pytest.mark.parametrize("platform", sorted(GOOD.keys() - {"linux/arm64/v8"}))
def test_an_image_for_arm64_does_not_fit_another_platform(platform: str) -> None:
    with pytest.raises(ProviderError, match="its configuration is for linux/arm64"):
        verified(platform, {"os": "linux", "architecture": "arm64"}, {})


def test_an_offset_that_no_file_has_is_damage() -> None:
    program = bytearray(GOOD["linux/amd64"])
    program[0x20:0x28] = b"\xff" * 8  # e_phoff
    program[0x36], program[0x38] = 56, 1  # e_phentsize, e_phnum
    with pytest.raises(ProviderError, match="/a: not an ELF file"):
        verified("linux/amd64", config_of("linux/amd64"), {"a": bytes(program)})


def sbom_of(program: bytes, **fields: Any) -> bytes:
    """An SBOM of this program, with two components."""
    hashes = [{"alg": "SHA-256", "content": hashlib.sha256(program).hexdigest()}]
    whole = {
        "bomFormat": "CycloneDX",
        "metadata": {"component": {"name": "node", "hashes": hashes}},
        "components": [{"name": "a"}, {"name": "b"}],
    }
    return json.dumps({**whole, **fields}).encode()


def test_the_report_lists_the_checked_parts() -> None:
    platform = "linux/arm/v7"
    program, sbom = GOOD[platform], sbom_of(GOOD[platform])
    own = {"usr/bin/node": program, "usr/share/sbom/node.cdx.json": sbom}
    state = verified(platform, config_of(platform, version="1"), {"bin/sh": program}, own, version="1")
    assert state["report"] == {
        "labels": 1,
        "programs": {"ARM, 32 bit, hard float, static": 2},
        "sboms": {"/usr/share/sbom/node.cdx.json": {"digest": sha256_of(sbom), "components": 2}},
        "layers": [
            {"digest": sha256_of(layer), "size": len(layer)}
            for layer in (layer_of({"bin/sh": program}), layer_of(own))
        ],
        "packages": {},
        "modules": {},
    }


def debian_component(name: str, version: str, source: str, **more: str) -> dict[str, str]:
    purl = f"pkg:deb/debian/{source}?arch=source&distro=debian-12"
    return {"name": name, "version": version, "purl": purl, **more}


def test_the_debian_packages_of_an_image_are_those_of_its_sboms() -> None:
    """SBOMs name packages with their own versions, and busybox with that of its program."""
    components = [
        debian_component("busybox", "1.35.0", "busybox@1:1.35.0-4%2Bdeb12u1", cpe="cpe:2.3:a:busybox"),
        debian_component("ca-certificates", "20230311", "ca-certificates@20230311"),
        debian_component("libgcc-s1", "12.2.0-14+b1", "gcc-12@12.2.0-14"),
        {"name": "busybox", "version": "1.36.1", "purl": "pkg:generic/busybox@1.36.1"},
        go_component("stdlib", "1.26.5"),
    ]
    files = {"usr/share/sbom/image.cdx.json": sbom_of(b"", metadata={}, components=components)}
    state = verified("linux/amd64", config_of("linux/amd64"), files)
    assert state["report"]["packages"] == {
        "busybox": "1:1.35.0-4+deb12u1",
        "ca-certificates": "20230311",
        "libgcc-s1": "12.2.0-14+b1",
    }


def go_component(name: str, version: str, purl: str = "pkg:golang/") -> dict[str, str]:
    return {"name": name, "version": version, "purl": f"{purl}{name}@{version}"}


def test_the_go_modules_of_each_program_are_those_of_its_sbom() -> None:
    """The program's own module is among them; components without a version, or of other kinds, are left out.

    So are folders of a module, and an SBOM that describes no program (images/go-module/sbom/others.go).
    """
    program, other = GOOD["linux/amd64"], GOOD["linux/amd64"] + b"other"
    hashes = [{"alg": "SHA-256", "content": hashlib.sha256(program).hexdigest()}]
    main: dict[str, Any] = {**go_component("example.org/node", "v1.2.3"), "hashes": hashes}
    main["purl"] += "#cmd/node"
    gui = go_component("example.org/node/src/gui", "v1.2.3")
    gui["purl"] = "pkg:golang/example.org/node@v1.2.3#src/gui"
    node = sbom_of(
        program,
        metadata={"component": main},
        components=[
            go_component("golang.org/x/crypto", "v0.59.0-0.20200101"),
            go_component("stdlib", "1.26.5"),
            go_component("example.org/here", "(devel)"),
            {"name": "example.org/none", "purl": "pkg:golang/example.org/none"},
            go_component("busybox", "1.37.0", "pkg:deb/debian/"),
            gui,
        ],
    )
    files = {
        "usr/bin/node": program,
        "usr/bin/cli": other,
        "usr/share/sbom/node.cdx.json": node,
        "usr/share/sbom/cli.json": sbom_of(other, components=[go_component("stdlib", "1.26")]),
        "usr/share/sbom/image.cdx.json": sbom_of(
            b"", metadata={}, components=[gui, go_component("example.org/x", "v1.0.0")]
        ),
    }
    state = verified("linux/amd64", config_of("linux/amd64"), files)
    assert state["report"]["modules"] == {
        "cli": {"stdlib": "1.26"},
        "node": {
            "example.org/node": "1.2.3",
            "golang.org/x/crypto": "0.59.0-0.20200101",
            "stdlib": "1.26.5",
        },
    }


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (
            sbom_of(b"other"),
            "/usr/share/sbom/x.json is the SBOM of a program whose SHA-256 no program in the",
        ),
        (
            sbom_of(b"", bomFormat="SPDX"),
            "/usr/share/sbom/x.json is not an SBOM in CycloneDX's JSON: bomFormat",
        ),
        (b"[]", "/usr/share/sbom/x.json is not an SBOM in CycloneDX's JSON: bomFormat is not CycloneDX"),
        (b"{", "/usr/share/sbom/x.json is not an SBOM in CycloneDX's JSON: Expecting"),
        (sbom_of(b"", metadata=5), "/usr/share/sbom/x.json is not an SBOM in CycloneDX's JSON: 'int'"),
        (sbom_of(b"", components=5), "/usr/share/sbom/x.json is not an SBOM in CycloneDX's JSON: "),
    ],
    ids=["another program's", "SPDX", "a list", "no JSON", "no metadata", "no list of components"],
)
def test_an_sbom_that_is_not_of_a_program_in_the_image_is_a_fault(content: bytes, fault: str) -> None:
    platform = "linux/amd64"
    files = {"usr/bin/node": GOOD[platform], "usr/share/sbom/x.json": content}
    with pytest.raises(ProviderError, match=re.escape(fault)):
        verified(platform, config_of(platform), files)


def test_an_sbom_that_names_no_hash_is_counted_too() -> None:
    files = {"usr/share/sbom/x.json": sbom_of(b"", metadata={})}
    report = verified("linux/amd64", config_of("linux/amd64"), files)["report"]
    assert report["sboms"]["/usr/share/sbom/x.json"]["components"] == 2


def test_an_annotation_that_is_missing_is_reported() -> None:
    platform = "linux/amd64"
    with pytest.raises(ProviderError, match="annotation version is None; expected '1'"):
        verified(platform, config_of(platform, version="1"), {}, annotations={"x": "y"}, version="1")


def _diff(olds: Values, **changed: Any) -> Change:
    inputs = {"ref": f"{NAME}@sha256:{'1' * 64}", "platform": "linux/amd64", "labels": {}}
    return Verification(Registries()).diff({**inputs, "report": {}, **olds}, inputs, {**inputs, **changed})


def test_a_verification_without_a_report_is_repeated() -> None:
    inputs = {"ref": f"{NAME}@sha256:{'1' * 64}", "platform": "linux/amd64", "labels": {}}
    change = Verification(Registries()).diff({**inputs, "present": True}, inputs, inputs)
    assert change == Change(updates=("report",))


def test_a_verification_without_modules_is_not_repeated() -> None:
    """Earlier versions recorded none; to read all layers again would change what an upgrade's `up` does."""
    report: dict[str, Any] = {"report": {"modules": {}}}
    assert _diff({"present": True}) == _diff({"present": True, **report}) == Change()


def test_a_change_is_verified_again_and_nothing_else_is() -> None:
    assert _diff({"present": True}) == Change()
    assert _diff({"present": True}, labels={"a": "b"}) == Change(updates=("labels",))
    assert _diff({"present": False}) == Change(updates=("present",))


def test_an_image_removed_by_hand_is_noticed_by_a_refresh_and_reported_by_up() -> None:
    registries = Registries()
    ref = registries(NAME).add_image(config_of("linux/amd64"), {})
    kind, inputs = Verification(registries), {"ref": ref, "platform": "linux/amd64", "labels": {}}
    _, state = kind.create(inputs)
    found = kind.read(ref, inputs, state)
    assert found is not None
    assert found.state == state
    registries(NAME).manifests.clear()
    found = kind.read(ref, inputs, state)
    assert found is not None
    assert found.state == {**state, "present": False}
    with pytest.raises(ProviderError, match="is not in the registry any more"):
        kind.update(ref, found.state, inputs)


def test_a_variant_that_was_pushed_as_a_list_fails_with_the_variable_to_set() -> None:
    """buildx adds attestations by default, and pushes an index of them and the one platform."""
    registries = Registries()
    listed = Manifest(b'{"manifests": []}', INDEX)
    registries(NAME).put_manifest("latest-amd64", listed)
    inputs = {"ref": f"{NAME}@{listed.digest}", "platform": "linux/amd64", "labels": {}}
    with pytest.raises(ProviderError, match="Set BUILDX_NO_DEFAULT_ATTESTATIONS=1"):
        Verification(registries).create(inputs)


@pytest.mark.parametrize("served", ["", "application/json", DOCKER_MANIFEST, INDEX])
def test_an_image_that_is_served_with_another_media_type_is_refused(served: str) -> None:
    """It became the entry's `mediaType` in the published list, and an exact tag can't be corrected."""
    registries = Registries()
    ref = registries(NAME).add_image(config_of("linux/amd64"), {"a": b"x"})
    [(digest, manifest)] = registries(NAME).manifests.items()
    registries(NAME).manifests[digest] = replace(manifest, media_type=served)
    inputs = {"ref": ref, "platform": "linux/amd64", "labels": {}}
    said = rf"{digest} is not listed: the registry serves it with the Content-Type '{re.escape(served)}'"
    with pytest.raises(ProviderError, match=said):
        Verification(registries).create(inputs)


def test_a_damaged_layer_is_a_fault_and_an_import_is_refused() -> None:
    registries = Registries()
    ref = registries(NAME).add_image(config_of("linux/amd64"), {"a": b"x" * 5000})
    repository = registries(NAME)
    [layer] = [digest for digest, blob in repository.blobs.items() if blob[:2] == b"\x1f\x8b"]
    repository.blobs[layer] = repository.blobs[layer][:40]
    kind = Verification(registries)
    with pytest.raises(ProviderError, match=f"layer {layer} is damaged"):
        kind.create({"ref": ref, "platform": "linux/amd64", "labels": {}})
    with pytest.raises(ProviderError, match="can't be imported"):
        kind.read(ref, {}, {})


def test_an_unknown_input_is_a_fault() -> None:
    checked = Verification(Registries()).check("v", {}, {"ref": "a", "sise": 1, "__internal": "x"})
    assert checked.failures == [("sise", "no such input")]
