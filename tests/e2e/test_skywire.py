"""Images of programs with C: Skywire's Dockerfile, the ABI gate, and the glibc base.

Skywire's own sources can't be downloaded here. `tests/e2e/cgo` has their layout and is built for all five
architectures with the same Dockerfile, by the same program.
"""

import json
import re
import subprocess
import tarfile
import urllib.error
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from catalogue.arch import ARCHES
from catalogue.images import EXPORTER_UID
from local.machine.layout import PROJECT
from tests.e2e.images import Program, Repository, program
from tests.e2e.machine import Machine, Result
from tests.e2e.plugin import until
from tests.e2e.sboms import LICENCES, others_of, sbom_of
from tests.e2e.test_images import MACHINES, PLATFORMS, platform_of
from tests.unit.yaml_like import EXPORTER

COMMIT = "5" * 40
SOURCE = {
    "path": "tests/e2e/cgo",
    "version": "v1.2.3",
    "commit": COMMIT,
    "branch": "main",
    "date": "2020-11-23T01:01:48Z",
}
SKYWIRE = {"source": SOURCE, "arches": list(ARCHES), "channel": "feature", "feature": "cgo"}
STACK = "cgo"
SUM = "1099511627781.5"
"""Sum that C calculates; the wrong float ABI yields another."""
ON_GLIBC = ("arm32v6", "arm32v7")


def up_of(machine: Machine, stack: str, images: dict[str, Any], **more: Any) -> Result:
    """Run `pulumi up` for a separate stack, with these images and without nodes."""
    config = {key: value for key, value in machine.settings().items() if key != "skycoin:nodes"}
    wanted = {**config, "skycoin:hosts": {}, "skycoin:images": images, **more}
    file = machine.checkout / "stacks" / f"Pulumi.{stack}.yaml"
    if not file.exists():
        file.write_text(yaml.safe_dump({"config": wanted}))
        made = machine.pulumi("stack", "init", "--no-select", stack)
        assert made.code == 0, made.text
    whole = yaml.safe_load(file.read_text())
    file.write_text(yaml.safe_dump({**whole, "config": wanted}))
    return machine.pulumi("up", "--yes", "--skip-preview", "--stack", stack)


@pytest.fixture(scope="module")
def images(up: Machine) -> Iterator[Any]:
    """Outputs of a stack with the small program for all five on busybox, and the exporter on glibc."""
    exporter = {**EXPORTER, "arches": list(ON_GLIBC), "base": "glibc", "channel": "develop"}
    result = up_of(up, STACK, {"skywire": SKYWIRE, "exporter": exporter})
    assert result.code == 0, result.text
    yield json.loads(up.pulumi("stack", "output", "images", "--json", "--stack", STACK).text)
    (up.checkout / "stacks" / f"Pulumi.{STACK}.yaml").unlink()


def repository_of(machine: Machine, ref: str) -> Repository:
    """Repository of a published image."""
    return Repository(machine.layout, ref.partition("@")[0].partition("/")[2].partition(":")[0])


@pytest.fixture(scope="module")
def skywire(images: Any) -> dict[str, str]:
    """Reference of each variant."""
    return {arch: one["ref"] for arch, one in images["skywire"]["feature-cgo"]["variants"].items()}


def run(
    machine: Machine, ref: str, *arguments: str, options: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    """Run an image with `docker run`; the engine's warnings about foreign platforms go to standard error."""
    command = ["docker", "run", "--rm", "--network", "none", *options, ref, *arguments]
    return subprocess.run(
        command, env=machine.environment(), text=True, capture_output=True, timeout=120, check=False
    )


def glibc_layer(machine: Machine, images: Any, arch: str) -> tuple[list[tarfile.TarInfo], int]:
    """Entries of the glibc base's only layer, the lowest of each image based on it, and their total size."""
    repository = repository_of(machine, images["exporter"]["develop"]["ref"])
    manifest = repository.manifest(images["exporter"]["develop"]["variants"][arch]["digest"])
    with repository.layer(manifest["layers"][0]) as archive:
        entries = archive.getmembers()
    return entries, sum(entry.size for entry in entries if entry.isreg())


@pytest.mark.parametrize("arch", ARCHES)
def test_every_variant_starts_and_counts_right(up: Machine, skywire: dict[str, str], arch: str) -> None:
    """Foreign variants run under emulation. The numbers that C prints show the float ABI."""
    completed = run(up, skywire[arch], "skywire-cli", "config", "gen", options=("--read-only",))
    assert (completed.returncode, completed.stdout) == (0, f'cli {SUM} ["config" "gen"]\n')


@pytest.mark.parametrize("arch", ARCHES)
def test_every_program_is_static_and_for_its_platform(
    up: Machine, skywire: dict[str, str], arch: str
) -> None:
    """The former build hooks put armhf's dynamic programs on busybox for arm v5, v6, v7, as linux/amd64."""
    repository = repository_of(up, skywire[arch])
    manifest = repository.manifest(skywire[arch].partition("@")[2])
    config = repository.config(manifest)
    assert platform_of(config) == PLATFORMS[arch]
    names = {name for layer in manifest["layers"] for name in repository.names(layer)}
    apps = {name for name in names if "skywire/apps" in name}
    assert apps == {"usr/lib/skywire/apps/skychat"}
    for path in ("usr/bin/skywire-visor", "usr/bin/skywire-cli", *apps):
        found = program(repository.file(manifest, path))
        wanted = Program(*MACHINES[arch], hard_float=arch == "arm32v7", dynamic=False)
        assert found == wanted, path
    assert repository.file(manifest, "etc/ssl/certs/ca-certificates.crt").startswith(b"-----BEGIN")


def test_every_program_of_a_working_copy_has_an_sbom(
    up: Machine, skywire: dict[str, str], tmp_path: Path
) -> None:
    """The SBOM has the version and commit from the settings, but no package URL, since this is no release."""
    repository = repository_of(up, skywire["arm32v6"])
    with repository.layer(repository.manifest(skywire["arm32v6"].partition("@")[2])["layers"][-1]) as layer:
        layer.extractall(tmp_path, filter="data")
    for name in ("skywire-visor", "skywire-cli", "skychat"):
        bom = sbom_of(tmp_path, name)
        subject = bom.metadata.component
        assert subject is not None
        assert (subject.name, subject.version, subject.purl) == ("example.org/skywire", "1.2.3", None)
        properties = {entry.name: entry.value for entry in bom.metadata.properties}
        assert properties["cdx:gomod:build:vcs:revision"] == COMMIT
        assert properties["cdx:gomod:build:env:CGO_ENABLED"] == "1"
    assert (tmp_path / LICENCES / "skywire/go/LICENSE").is_file()


def test_the_list_holds_the_five_platforms_and_labels_are_ocis(up: Machine, images: Any) -> None:
    repository = repository_of(up, images["skywire"]["feature-cgo"]["ref"])
    entries = repository.manifest("feature-cgo")["manifests"]
    assert [platform_of(entry["platform"]) for entry in entries] == list(PLATFORMS.values())
    labels = repository.config(repository.manifest("feature-cgo-arm32v6"))["config"]["Labels"]
    assert labels["org.opencontainers.image.version"] == "1.2.3"
    assert labels["org.opencontainers.image.revision"] == COMMIT
    assert labels["org.opencontainers.image.created"] == SOURCE["date"], "the source's time, no clock's"
    assert not any("label-schema" in key for key in labels)
    for arch, variant in images["skywire"]["feature-cgo"]["variants"].items():
        assert variant["layers"] == 2, arch


def test_the_readmes_state_the_measured_sizes(up: Machine, images: Any) -> None:
    """The sizes in the READMEs are within 5 % of those in the registry."""
    measured = {
        "skywire": {
            arch: one["unpacked"] for arch, one in images["skywire"]["feature-cgo"]["variants"].items()
        },
        "glibc": {arch: glibc_layer(up, images, arch)[1] for arch in ON_GLIBC},
    }
    for image, sizes in measured.items():
        page = (PROJECT / "images" / image / "README.md").read_text()
        [row] = [line for line in page.splitlines() if line.startswith("Unpacked")]
        for arch, size in sizes.items():
            said = float(row.partition(f"{arch} ")[2].partition(" MB")[0])
            assert abs(size / 1e6 - said) < 0.05 * said, (image, arch, size)


VOLUMES = ("--volume", "cgo-config:/config", "--volume", "cgo-data:/data")


@pytest.fixture
def volumes(up: Machine) -> Iterator[None]:
    yield
    up.docker("volume", "rm", "--force", "cgo-config", "cgo-data")


@pytest.mark.usefixtures("volumes")
def test_a_visor_takes_flags_and_ends_on_sigint(up: Machine, skywire: dict[str, str]) -> None:
    """Arguments used to be flattened into `su -c`: split at spaces, `;` executed, root needed."""
    ref = skywire["arm32v6"]
    config = "/config/skywire-config.json"
    made = run(up, ref, "skywire-cli", "config", "gen", "-o", config, options=VOLUMES)
    assert made.returncode == 0, "a new volume belongs to the user"
    hard = ("--read-only", "--cap-drop", "ALL", *VOLUMES)
    arguments = ("--flag", "a b", "; touch /data/executed", "$(id)", '"')
    assert (
        up.docker("run", "--detach", "--name", "cgo", "--network", "none", *hard, ref, *arguments).code == 0
    )
    try:
        # Until a container's first process handles a signal, the kernel does not deliver it.
        until(lambda: "visor" in up.docker("logs", "cgo").text, "the visor runs", seconds=60)
        inspected = up.inspect("container", "cgo")["Config"]
        assert (inspected["User"], inspected["StopSignal"]) == ("10000:10000", "SIGINT")
        assert inspected.get("Volumes") is None
        assert up.docker("stop", "--time", "30", "cgo").code == 0
        assert up.inspect("container", "cgo")["State"]["ExitCode"] == 0
        lines = up.docker("logs", "cgo").text.splitlines()
    finally:
        up.docker("rm", "--force", "cgo")
    assert lines[0] == f"visor 1.2.3 {COMMIT} main {SUM}"
    quoted = " ".join(json.dumps(argument) for argument in ("-c", config, *arguments))
    assert lines[1:] == [f"[{quoted}] in /data", "closed"]


@pytest.mark.usefixtures("volumes")
def test_a_visor_without_its_configuration_says_how_to_create_it(
    up: Machine, skywire: dict[str, str]
) -> None:
    """The configuration holds the keys: with new ones, created silently, it would be another visor."""
    completed = run(up, skywire["amd64"], options=VOLUMES)
    assert completed.returncode == 78
    assert "skywire-cli config gen -o /config/skywire-config.json" in completed.stderr
    assert run(up, skywire["amd64"], "ls", "/config", options=VOLUMES).stdout == ""


def test_another_command_and_another_user_work(up: Machine, skywire: dict[str, str]) -> None:
    """Before, everything was an argument of the node, so `docker run IMAGE sh` was impossible."""
    completed = run(up, skywire["amd64"], "sh", "-c", "id -u; stat -c '%u:%g %a' /config /data")
    assert completed.stdout.splitlines() == ["10000", "10000:10000 700", "10000:10000 700"]
    refused = run(up, skywire["amd64"], "--flag", options=("--user", "4711:4711"))
    assert refused.returncode == 73
    assert "/config is not writable for user 4711:4711" in refused.stderr
    mine = ("--user", "4711:4711", "--tmpfs", "/config:uid=4711", "--tmpfs", "/data:uid=4711")
    assert run(up, skywire["amd64"], "--flag", options=mine).returncode == 78


def forget_planted(machine: Machine) -> None:
    """Remove the stack and its settings: a file that git does not know would fail other tests."""
    assert machine.pulumi("stack", "rm", "--yes", "--force", "planted").code == 0
    # Pulumi forgets which stack was selected, whichever one it removes.
    assert machine.pulumi("stack", "select", "local").code == 0
    (machine.checkout / "stacks" / "Pulumi.planted.yaml").unlink(missing_ok=True)


def planted(machine: Machine, images: Any, **changes: Any) -> str:
    """Return the error of an `up` for arm v6 alone with these settings, which must tag nothing."""
    image = {**SKYWIRE, "arches": ["arm32v6"], "feature": "planted", **changes}
    result = up_of(machine, "planted", {"skywire": image})
    forget_planted(machine)
    assert result.code != 0, result.text
    assert "Traceback" not in result.text
    repository = repository_of(machine, images["skywire"]["feature-cgo"]["ref"])
    with pytest.raises(urllib.error.HTTPError, match="404"):
        repository.manifest("feature-planted-arm32v6")
    return result.text


@pytest.fixture
def plant(up: Machine) -> Iterator[Callable[[str, str, str, str], None]]:
    """Function that writes a mistake into the copied checkout: (file, search after this, old, new)."""
    before: dict[Path, str] = {}

    def write(name: str, behind: str, old: str, new: str) -> None:
        file = up.checkout / name
        text = before.setdefault(file, file.read_text())
        start = text.index(behind)
        assert old in text[start:]
        file.write_text(text[:start] + text[start:].replace(old, new, 1))

    yield write
    for file, text in before.items():
        file.write_text(text)


V6 = ("catalogue/arch.py", 'name="arm32v6"', "arm-linux-gnueabi-gcc")
Plant = Callable[[str, str, str, str], None]


@pytest.mark.parametrize(
    ("compiler", "found"),
    [
        (
            "arm-linux-gnueabihf-gcc",
            "passes floats in registers (hard-float ABI); linux/arm/v6 takes the soft-float ABI",
        ),
        ("x86_64-linux-gnu-gcc", "is EM_X86_64, 64 bit; linux/arm/v6 takes EM_ARM, 32 bit"),
    ],
)
def test_a_wrong_compiler_fails_the_build(
    up: Machine, images: Any, plant: Plant, compiler: str, found: str
) -> None:
    plant(*V6, compiler)
    said = planted(up, images)
    assert f"/made-by-{compiler} {found}" in said, said


def test_a_compiler_that_is_not_in_the_toolchain_is_reported(up: Machine, images: Any, plant: Plant) -> None:
    plant(*V6, "arm-none-eabi-gcc")
    said = planted(up, images)
    assert "CC: 'arm-none-eabi-gcc' is not in the toolchain; allowed are x86_64-linux-gnu-gcc, " in said, said


def test_a_dynamic_program_on_busybox_fails_the_build(up: Machine, images: Any) -> None:
    said = planted(up, images, **{"build-args": {"LINK": "dynamic"}})
    for name in ("bin/skywire-visor", "bin/skywire-cli", "lib/skywire/apps/skychat"):
        assert f"/usr/{name} asks for the dynamic linker /lib/ld-linux.so.3, which the base lacks" in said, (
            said
        )


def test_a_base_of_another_platform_fails_the_build(up: Machine, images: Any, plant: Plant) -> None:
    """BuildKit alone would accept such a base, and record the requested platform in the image."""
    plant("program/bases.py", "", "variants[arch_name].ref", 'variants["arm64v8"].ref')
    said = planted(up, images, arches=["arm32v6", "arm64v8"])
    assert "the base's /bin/busybox is EM_AARCH64, 64 bit; linux/arm/v6 takes EM_ARM, 32 bit" in said, said


def test_a_missing_c_library_is_reported_and_can_be_added(up: Machine, images: Any, plant: Plant) -> None:
    c = '// #include <zlib.h>\n// #cgo LDFLAGS: -lz\nimport "C"\n\nvar _ = C.zlibVersion()\n\nfunc main'
    plant("tests/e2e/cgo/cmd/skywire-cli/main.go", "", "func main", c)
    said = planted(up, images)
    # The header is missing if cgo runs here, the library if Go has the package in its cache.
    missing = "does not find the (header zlib.h|library z); name the Debian package"
    assert re.search(f"C_LIBRARIES: arm-linux-gnueabi-gcc {missing}", said), said
    said = planted(up, images, **{"build-args": {"C_LIBRARIES": "no-such-dev"}})
    assert "C_LIBRARIES: Debian has no package no-such-dev for armel" in said, said
    image = {**SKYWIRE, "arches": ["arm32v6"], "build-args": {"C_LIBRARIES": "zlib1g-dev"}}
    added = up_of(up, STACK, {"skywire": {**image, "feature": "zlib"}})
    assert added.code == 0, added.text


def test_an_unsupported_architecture_is_refused_before_anything_is_built(up: Machine) -> None:
    image = {**SKYWIRE, "arches": ["arm32v8"]}
    said = up_of(up, "planted", {"skywire": image})
    forget_planted(up)
    assert said.code != 0
    assert 'skycoin:images.skywire.arches[0]: "arm32v8": must be one of amd64, arm32v5' in said.text


@pytest.mark.parametrize("arch", ON_GLIBC)
def test_an_image_runs_on_a_glibc_base(up: Machine, images: Any, arch: str) -> None:
    ref = images["exporter"]["develop"]["variants"][arch]["ref"]
    completed = run(up, ref, "--version", options=("--read-only",))
    assert completed.returncode == 0, completed.stderr
    assert "0.7.0" in completed.stdout + completed.stderr
    assert run(up, ref, "sh", "-c", "id -u").stdout == f"{EXPORTER_UID}\n"


@pytest.mark.parametrize("arch", ON_GLIBC)
def test_the_glibc_base_has_a_c_library_and_no_package_manager(up: Machine, images: Any, arch: str) -> None:
    entries, _ = glibc_layer(up, images, arch)
    names = {entry.name for entry in entries if not entry.isdir()}
    assert {name.rpartition("/")[2] for name in names} & {"apt", "apt-get", "dpkg", "dpkg-deb"} == set()
    assert [entry.name for entry in entries if entry.mode & 0o6000] == []
    assert [entry.name for entry in entries if (entry.uid, entry.gid) != (0, 0)] == []
    writable = [entry.name for entry in entries if entry.mode & 0o002 and not entry.issym()]
    assert [name.strip("./") for name in writable] == ["tmp"]
    repository = repository_of(up, images["exporter"]["develop"]["ref"])
    manifest = repository.manifest(images["exporter"]["develop"]["variants"][arch]["digest"])
    assert b"skycoin:x:10000:10000" in repository.file(manifest, "etc/passwd")
    triplet = ARCHES[arch].cc.removesuffix("-gcc")
    library = program(repository.file(manifest, f"lib/{triplet}/libc.so.6"))
    assert (library.machine, library.hard_float) == ("EM_ARM", arch == "arm32v7")


def _text(archive: tarfile.TarFile, path: str) -> str:
    file = archive.extractfile(path)
    assert file is not None
    return file.read().decode()


@pytest.mark.parametrize("arch", ON_GLIBC)
def test_the_glibc_base_records_its_debian_packages_and_the_sbom_of_its_image_names_them(
    up: Machine, images: Any, tmp_path: Path, arch: str
) -> None:
    repository = repository_of(up, images["exporter"]["develop"]["ref"])
    manifest = repository.manifest(images["exporter"]["develop"]["variants"][arch]["digest"])
    with repository.layer(manifest["layers"][0]) as base:
        paths = [path for path in base.getnames() if "/status.d/" in path]
        records = {path.rpartition("/")[2]: _text(base, path) for path in paths}
    with repository.layer(manifest["layers"][-1]) as layer:
        layer.extractall(tmp_path, filter="data")
    libraries = {"base-files", "gcc-12-base", "libc6", "libgcc-s1", "netbase"}
    assert records.keys() == libraries | {"busybox-static"}
    ports = re.findall("^Architecture: (.*)$", records["libc6"], re.M)
    assert ports == ["armhf" if arch == "arm32v7" else "armel"]
    named = others_of(tmp_path)
    for name in libraries:
        [version] = re.findall("^Version: (.*)$", records[name], re.M)
        assert named[name][0] == version
    escaped = named["libc6"][0].replace("+", "%2B")
    assert named["libc6"][1] == f"pkg:deb/debian/glibc@{escaped}?arch=source&distro=debian-12"
    assert named.keys() == libraries | {"busybox", "ca-certificates"}


def test_a_dynamic_program_runs_on_the_glibc_base(up: Machine, images: Any) -> None:
    image = {**SKYWIRE, "arches": ["arm32v7"], "base": "glibc", "build-args": {"LINK": "dynamic"}}
    result = up_of(up, STACK, {"skywire": {**image, "feature": "dynamic"}})
    assert result.code == 0, result.text
    published = json.loads(up.pulumi("stack", "output", "images", "--json", "--stack", STACK).text)
    ref = published["skywire"]["feature-dynamic"]["variants"]["arm32v7"]["ref"]
    repository = repository_of(up, ref)
    found = program(repository.file(repository.manifest("feature-dynamic-arm32v7"), "usr/bin/skywire-cli"))
    assert found.dynamic
    assert run(up, ref, "skywire-cli").stdout == f"cli {SUM} []\n"
