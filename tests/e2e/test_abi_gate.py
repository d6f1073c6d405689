"""The ABI gate of image builds and the verification of published images agree about the same files."""

import io
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from local.machine.layout import PROJECT, read_layout
from local.machine.tools import find_go, go_environment
from providers.skycoin.elf import ABIS, abi_fault, read_program
from tests.unit.elf import FUNC, HARD_FLOAT, IFUNC, SOFT_FLOAT, elf

VECTORS = {
    "amd64": elf("EM_X86_64"),
    "arm64": elf("EM_AARCH64"),
    "arm": elf("EM_ARM"),
    "hard": elf("EM_ARM", flags=HARD_FLOAT),
    "damaged": elf("EM_X86_64")[:30],
    **{f"soft-{cpu}": elf("EM_ARM", flags=SOFT_FLOAT, cpu=cpu) for cpu in range(16)},
    **{
        f"{name}-{kind}": elf("EM_ARM", flags=SOFT_FLOAT, cpu=10, library=(name, kind))
        for name in ("libatomic.so.1", "libz.so.1")
        for kind in (FUNC, IFUNC)
    },
    **{f"hard-{cpu}": elf("EM_ARM", flags=HARD_FLOAT, cpu=cpu) for cpu in (4, 6, 7, 10, 14)},
}
"""ELF programs by kind."""


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The gate, compiled as the builds do it."""
    layout = read_layout()
    built = tmp_path_factory.mktemp("gate") / "abi-gate"
    subprocess.run(
        [find_go(layout), "build", "-trimpath", "-o", str(built), "."],
        cwd=PROJECT / "images" / "go-module" / "abi-gate",
        env={**os.environ, **go_environment(layout)},
        check=True,
        timeout=300,
    )
    return built


def run(gate: Path, *arguments: str) -> tuple[int, str]:
    done = subprocess.run([str(gate), *arguments], capture_output=True, text=True, timeout=30, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("platform", ABIS)
@pytest.mark.parametrize("vector", VECTORS)
def test_the_gate_and_the_verification_agree(gate: Path, tmp_path: Path, vector: str, platform: str) -> None:
    (tmp_path / "program").write_bytes(VECTORS[vector])
    code, said = run(gate, "-platform", platform, str(tmp_path))
    try:
        fault = abi_fault(read_program(io.BytesIO(VECTORS[vector])), platform)
    except ValueError:
        assert code == 1
        assert "/program is a damaged ELF file" in said
        return
    if platform == "linux/arm/v6" and vector.startswith("hard-"):
        # Programs of this project must be soft-float; those of an official base may be Alpine's.
        assert (code, "the soft-float ABI" in said) == (1, True)
    elif fault is None:
        assert (code, said) == (0, f"abi-gate: 1 programs fit {platform}\n")
    else:
        assert (code, said) == (1, f"abi-gate: not what {platform} takes:\n  - /program {fault}\n")


def test_the_arm_version_of_a_go_program_is_recognized(gate: Path, tmp_path: Path) -> None:
    """A static Go program has no ARM attributes, and the same header for v5, v6 and v7."""
    layout = read_layout()
    environment = {**os.environ, **go_environment(layout), "GOARCH": "arm", "GOARM": "6"}
    source = tmp_path / "main.go"
    source.write_text("package main\n\nfunc main() {}\n")
    out = tmp_path / "out"
    subprocess.run(
        [find_go(layout), "build", "-ldflags", "-s -w", "-o", str(out / "program"), str(source)],
        env=environment,
        check=True,
        timeout=600,
    )
    assert run(gate, "-platform", "linux/arm/v7", str(out))[0] == 0
    assert run(gate, "-platform", "linux/arm/v6", str(out))[0] == 0
    code, said = run(gate, "-platform", "linux/arm/v5", str(out))
    assert (code, said) == (
        1,
        "abi-gate: not what linux/arm/v5 takes:\n"
        "  - /program is compiled for GOARM=6; linux/arm/v5 takes up to 5\n",
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with an empty base, and with a dynamic program of this machine."""
    (tmp_path / "base" / "lib").mkdir(parents=True)
    (tmp_path / "out" / "bin").mkdir(parents=True)
    shutil.copy("/bin/true", tmp_path / "out" / "bin")
    return tmp_path


def native() -> tuple[str, str, Path]:
    """(platform, dynamic linker, C library) of this machine."""
    with Path("/bin/true").open("rb") as file:
        program = read_program(file)
    [platform] = [name for name, abi in ABIS.items() if (abi.machine, abi.bits) == (program.machine, 64)]
    linker = str(program.interpreter)
    return platform, linker, Path(linker).resolve().with_name("libc.so.6")


def test_a_dynamic_program_needs_a_linker_and_its_libraries(gate: Path, root: Path) -> None:
    platform, linker, library = native()
    base, out = root / "base", str(root / "out")
    dynamic = ("-platform", platform, "-base", str(base), "-link", "dynamic", out)
    code, said = run(gate, "-platform", platform, "-base", str(base), out)
    assert code == 1
    assert "/bin/true is linked dynamically (libc.so.6, " in said
    assert f"/bin/true asks for the dynamic linker {linker}, which the base lacks" in run(gate, *dynamic)[1]

    (base / "lib" / library.parent.name).mkdir()
    shutil.copy(linker, base / "lib" / library.parent.name / "linker")
    place = base / linker.lstrip("/")
    place.parent.mkdir(parents=True, exist_ok=True)
    # Absolute, as in Debian's package; it must be followed inside the base, not on this machine.
    place.symlink_to(f"/lib/{library.parent.name}/linker")
    assert "/bin/true needs the library libc.so.6, which the base lacks" in run(gate, *dynamic)[1]

    shutil.copy(library, base / "lib" / library.parent.name)
    assert run(gate, *dynamic)[0] == 0


def test_a_link_that_leads_out_of_the_base_or_in_a_circle_is_not_a_file(gate: Path, root: Path) -> None:
    platform, linker, _ = native()
    place = root / "base" / linker.lstrip("/")
    place.parent.mkdir(parents=True, exist_ok=True)
    for target in (linker, "../../../../../../../../bin/true", "/nowhere"):
        place.symlink_to(target)
        code, said = run(
            gate, "-platform", platform, "-base", str(root / "base"), "-link", "dynamic", str(root / "out")
        )
        assert (code, "which the base lacks" in said) == (1, True), target
        place.unlink()


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        (["-platform", "linux/arm/v8", "."], '"linux/arm/v8" is not in the table; allowed are linux/amd64, '),
        (["-platform", "linux/amd64", "-link", "shared", "."], 'link: "shared"; allowed are static, dynamic'),
        (["-platform", "linux/amd64"], "no folder to look at"),
        (["-platform", "linux/arm64", "/nowhere"], "/nowhere: no such file or directory"),
    ],
)
def test_wrong_arguments_are_refused(gate: Path, arguments: list[str], answer: str) -> None:
    code, said = run(gate, *arguments)
    assert code == 1
    assert answer in said


def test_a_folder_without_programs_is_refused(gate: Path, tmp_path: Path) -> None:
    """Otherwise, a build that puts its programs elsewhere would pass unchecked."""
    code, said = run(gate, "-platform", "linux/amd64", str(tmp_path))
    assert (code, said) == (1, f"abi-gate: no program in {tmp_path}\n")


@pytest.mark.parametrize("vector", VECTORS)
def test_the_programs_of_a_base_are_checked_too(gate: Path, tmp_path: Path, vector: str) -> None:
    """Alpine's busybox for arm v6 passes floats in registers; it is allowed: static, and for that CPU."""
    for name, content in (("base", VECTORS[vector]), ("out", VECTORS["soft-6"])):
        (tmp_path / name).mkdir()
        (tmp_path / name / "program").write_bytes(content)
    code, said = run(
        gate, "-platform", "linux/arm/v6", "-base", str(tmp_path / "base"), str(tmp_path / "out")
    )
    try:
        fault = abi_fault(read_program(io.BytesIO(VECTORS[vector])), "linux/arm/v6")
    except ValueError:
        fault = "is a damaged ELF file"
    if vector == "hard":
        fault = None  # no attribute names its CPU; the verification is stricter than the gate
    assert (code, f"the base's /program {fault}" in said) == ((0, False) if fault is None else (1, True))
