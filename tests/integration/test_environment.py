"""The first command in a fresh clone: what it installs, and what it prints before, during or instead."""

import hashlib
import os
import platform
import pwd
import re
import shutil
import signal
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.unit.projects import PROJECT

PYTHON = """#!/bin/sh
case "$*" in
  "-m venv "*) mkdir -p "$3/bin"; cp "$0" "$3/bin/python";;
  "-m pip "*) exec "$REAL" -c "import pathlib, time; pathlib.Path('$BEGAN').touch(); time.sleep($LASTS)";;
  --version) echo Python 3.12;;
esac
"""
"""A Python whose pip installs nothing, but takes time."""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Environment variables for this Python, with a `sleep` that always lasts 0.2 s."""
    for name, script in (("python3", PYTHON), ("sleep", "#!/bin/sh\nexec /bin/sleep 0.2\n")):
        (tmp_path / name).write_text(script)
        (tmp_path / name).chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    return {
        **os.environ,
        "PATH": path,
        "BEGAN": str(tmp_path / "began"),
        "LASTS": "1",
        "REAL": sys.executable,
    }


def started(tmp_path: Path, environment: dict[str, str]) -> "subprocess.Popen[str]":
    command = ["sh", str(PROJECT / "local" / "environment.sh"), str(tmp_path / "venv"), "requirements.txt"]
    return subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )


def test_an_installation_is_never_silent_for_long(tmp_path: Path, environment: dict[str, str]) -> None:
    """Before, an installation printed nothing for 71 seconds."""
    with started(tmp_path, environment) as process:
        said, _ = process.communicate(timeout=30)
    head, *alive = said.splitlines()
    assert process.returncode == 0
    assert head.startswith("• Python environment")
    assert len(alive) >= 2
    assert all(re.fullmatch(r"    … installing packages: \d+ s", line) for line in alive), said
    assert (tmp_path / "venv" / "requirements.txt").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_installation_leaves_no_process_that_still_prints(
    tmp_path: Path, environment: dict[str, str], number: signal.Signals
) -> None:
    with started(tmp_path, {**environment, "LASTS": "20"}) as process:
        while not (tmp_path / "began").exists():
            assert process.poll() is None
        os.killpg(process.pid, number)
        # communicate() returns once the last process with this output open has ended.
        process.communicate(timeout=5)
    assert process.returncode != 0
    assert not (tmp_path / "venv" / "requirements.txt").exists()


@pytest.mark.parametrize(
    "target",
    ["preview", "destroy", "env", "down", "images", "review", "retire", "wallet-backup", "workspace-files"],
)
def test_a_target_that_needs_a_set_up_says_so_before_anything_is_installed(
    tmp_path: Path, target: str
) -> None:
    command = ["make", "--silent", target, f"VENV={tmp_path / 'venv'}"]
    state = str(tmp_path / "state")
    without_make = {key: value for key, value in os.environ.items() if not key.startswith(("MAKE", "MFLAGS"))}
    done = subprocess.run(
        command,
        cwd=PROJECT,
        env={**without_make, "SKYCOIN_STATE": state},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert f"\nerror: Nothing is set up in {state}: run `make up` first.\n" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("place", ["home/skycoin-infrastructure", "checkout/local/state", "named"])
def test_a_set_up_is_known_in_each_of_its_places(tmp_path: Path, place: str) -> None:
    for name in ("home", "checkout"):
        (tmp_path / name).mkdir()
    shutil.copy(PROJECT / "Makefile", tmp_path / "checkout")
    named = {"SKYCOIN_STATE": str(tmp_path / "named")} if place == "named" else {}
    env = {"PATH": os.environ["PATH"], "HOME": "/nowhere", "XDG_STATE_HOME": str(tmp_path / "home"), **named}

    def known() -> "subprocess.CompletedProcess[str]":
        command = ["make", "--silent", "known"]
        return subprocess.run(
            command, cwd=tmp_path / "checkout", env=env, capture_output=True, text=True, check=False
        )

    said = "named" if named else "home/skycoin-infrastructure"
    assert f"error: Nothing is set up in {tmp_path / said}: run `make up` first" in known().stderr
    (tmp_path / place).mkdir(parents=True)
    (tmp_path / place / "environment.json").touch()
    assert (known().returncode, known().stderr) == (0, "")


def test_without_a_home_make_looks_where_python_does() -> None:
    """A service of systemd has no HOME: `make up` worked there, and every other target found nothing."""
    command = ["make", "--dry-run", "known"]
    env = {"PATH": os.environ["PATH"]}
    done = subprocess.run(command, cwd=PROJECT, env=env, capture_output=True, text=True, check=True)
    home = pwd.getpwuid(os.getuid()).pw_dir
    assert f'test -e "{home}/.local/state/skycoin-infrastructure/environment.json"' in done.stdout


def test_the_environment_is_not_installed_into_a_targets_output(tmp_path: Path) -> None:
    """`eval "$(make -s env)"` read the line about the installation as a command."""
    for name in ("Makefile", "requirements.txt"):
        shutil.copy(PROJECT / name, tmp_path)
    (tmp_path / "local").mkdir()
    (tmp_path / "local" / "environment.sh").write_text("echo installing\n")
    command = ["make", "--silent", "installed"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "installing\n")


def _wheel(folder: Path, name: str, version: str, requires: str = "") -> str:
    """Write a wheel of one empty module to pip's folder; return its line in a lock."""
    file = folder / f"{name}-{version}-py3-none-any.whl"
    needs = f"Requires-Dist: {requires}\n" if requires else ""
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(file, "w") as wheel:
        wheel.writestr(f"{name}.py", "")
        wheel.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}"
        )
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/RECORD", "")
    return f"{name}=={version} --hash=sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}\n"


@dataclass(frozen=True)
class Checkout:
    """A folder with locks and the script, and a real environment whose pip has a folder as its index."""

    root: Path

    @property
    def wheels(self) -> Path:
        return self.root / "wheels"

    @property
    def venv(self) -> Path:
        return self.root / "venv"

    def lock(self, text: str, name: str = "requirements.txt") -> None:
        (self.root / name).write_text(text)

    def modules(self) -> set[str]:
        [packages] = self.venv.glob("lib/python*/site-packages")
        return {file.stem for file in packages.glob("*.py")}

    def locks_held(self) -> set[str]:
        return {file.name for file in self.venv.glob("requirements*.txt")}

    def install(
        self, *locks: str, venv: Path | None = None, index: dict[str, str] | None = None
    ) -> "subprocess.CompletedProcess[str]":
        kept = {key: value for key, value in os.environ.items() if not key.startswith("PIP_")}
        folder = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(self.wheels)}
        return subprocess.run(
            ["sh", "local/environment.sh", str(venv or self.venv), *(locks or ("requirements.txt",))],
            cwd=self.root,
            env={**kept, **(index or folder)},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """The tests share one environment, whose creation takes seconds; each writes the lock to install."""
    made = Checkout(tmp_path_factory.mktemp("checkout"))
    made.wheels.mkdir()
    (made.root / "local").mkdir()
    (made.root / "local" / "environment.sh").write_bytes((PROJECT / "local" / "environment.sh").read_bytes())
    return made


def refused(checkout: Checkout, lock: str, index: dict[str, str] | None = None) -> tuple[str, str]:
    """(first line, pip's own output) of an installation that must fail and install nothing."""
    checkout.lock(lock)
    done = checkout.install(index=index)
    sentence, _, words = done.stderr.partition("\n")
    assert done.returncode == 1
    assert "brick" not in checkout.modules()
    assert checkout.locks_held() == set()
    return sentence, words


def test_locked_packages_are_installed_once(checkout: Checkout) -> None:
    checkout.lock(_wheel(checkout.wheels, "mortar", "1.0"))
    first = checkout.install()
    assert (first.returncode, first.stderr) == (0, "")
    assert "mortar" in checkout.modules()
    os.utime(checkout.root / "requirements.txt")
    again = checkout.install()
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")


def test_tools_of_the_tests_are_added_without_changing_installed_packages(checkout: Checkout) -> None:
    runs = _wheel(checkout.wheels, "mortar", "1.1")
    checkout.lock(runs)
    checkout.lock(runs + _wheel(checkout.wheels, "trowel", "1.0"), "requirements-dev.txt")
    assert checkout.install().returncode == 0
    assert "trowel" not in checkout.modules()
    assert checkout.install("requirements.txt", "requirements-dev.txt").returncode == 0
    assert "trowel" in checkout.modules()
    assert checkout.install().stdout == "", "`make up` after `make test`"
    assert checkout.install("requirements.txt", "requirements-dev.txt").stdout == ""
    checkout.lock(_wheel(checkout.wheels, "mortar", "1.2"))
    assert checkout.install().returncode == 0
    assert checkout.locks_held() == {"requirements.txt"}, "the tools of the tests are looked at again"


def test_an_environment_without_locks_is_recreated_even_behind_a_link(checkout: Checkout) -> None:
    """Earlier versions made such an environment: without hashes, and with the tools of the tests."""
    link = checkout.root / "link"
    link.symlink_to(checkout.venv)
    checkout.lock(_wheel(checkout.wheels, "mortar", "1.3"))
    assert checkout.install().returncode == 0
    [packages] = checkout.venv.glob("lib/python*/site-packages")
    (packages / "moto.py").touch()
    (checkout.venv / "ready").touch()
    (checkout.venv / "requirements.txt").unlink()
    silent = checkout.install(index={"PIP_NO_INDEX": "1"})
    assert silent.returncode == 1
    assert checkout.modules() >= {"mortar", "moto"}, "it goes on working until the new one can be had"
    done = checkout.install(venv=link)
    head, *_ = done.stdout.splitlines()
    assert done.returncode == 0
    assert head == (
        f"• Python environment {link}: recreated, because its packages were installed without hashes"
    )
    assert checkout.modules() == {"mortar"}
    assert not (checkout.venv / "ready").exists()


WITHOUT_PIP = """#!/bin/sh
case "$*" in
  "-m venv "*) shift 2; "$REAL" -m venv --without-pip "$@"
    for folder; do :; done
    rm "$folder/bin/python"; cp "$0" "$folder/bin/python";;
  --version) echo Python 3.12;;
esac
"""
"""A Python that creates real environments without pip, whose installation takes seconds."""


def test_a_folder_that_is_not_an_environment_is_never_cleared(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    """VENV may name any folder."""
    (tmp_path / "python3").write_text(WITHOUT_PIP)
    folder = tmp_path / "venv"
    folder.mkdir()
    for name in ("ready", "mine"):
        (folder / name).touch()
    with started(tmp_path, environment) as process:
        process.communicate(timeout=60)
    assert process.returncode == 0
    assert (folder / "pyvenv.cfg").exists()
    assert (folder / "mine").exists()


def test_a_wrong_hash_installs_nothing_and_says_where(checkout: Checkout) -> None:
    right = _wheel(checkout.wheels, "brick", "1.0")
    altered = right[:-2] + ("0" if right[-2] != "0" else "1") + "\n"
    sentence, words = refused(checkout, altered + _wheel(checkout.wheels, "mortar", "9.0"))
    assert sentence == (
        "error: No package was installed: the file that pip got for brick==1.0 matches none of the pinned "
        "hashes in requirements.txt. If `git diff` shows no change there, do not trust that file, and use "
        "another package index (`pip config list` shows the configured one)."
    )
    assert f"Expected sha256 {altered.strip()[-64:]}" in words
    assert f"Got        {right.strip()[-64:]}" in words


def test_a_package_without_a_wheel_is_reported_with_python_and_platform(checkout: Checkout) -> None:
    source = checkout.wheels / "brick-2.0.tar.gz"
    source.write_bytes(b"never unpacked")
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    here = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"
    sentence, words = refused(checkout, f"brick==2.0 --hash=sha256:{digest}\n")
    assert sentence == (
        "error: No package was installed: the package index (`pip config list` shows it) has no wheel of "
        f"brick==2.0 (requirements.txt) for {here}, and only wheels are installed. Use an index that has "
        "one, or a Python version and a platform for which, according to CONTRIBUTING.md, all wheels exist."
    )
    assert "No matching distribution found for brick==2.0" in words


@pytest.mark.parametrize("flaw", ["no hash", "a package is missing", "pins that exclude each other"])
def test_a_lock_that_does_not_fit_says_how_to_get_one_that_does(checkout: Checkout, flaw: str) -> None:
    needs = _wheel(checkout.wheels, "brick", "3.0", requires="mortar==4.0")
    _wheel(checkout.wheels, "mortar", "4.0")
    other = _wheel(checkout.wheels, "mortar", "4.1")
    lock = {
        "no hash": needs + "mortar==4.0\n",
        "a package is missing": needs,
        "pins that exclude each other": needs + other,
    }[flaw]
    sentence, words = refused(checkout, lock)
    assert sentence == (
        "error: No package was installed: a hash or a package is missing in requirements.txt, or two pins "
        "conflict. `git checkout requirements.txt` restores the committed version, and `make lock` writes "
        "new locks."
    )
    assert "mortar" in words


def test_an_unreachable_index_is_not_taken_for_one_without_wheels(checkout: Checkout) -> None:
    """The index is the user's own, from pip's configuration."""
    lock = _wheel(checkout.wheels, "brick", "1.0")
    sentence, words = refused(
        checkout, lock, {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "1"}
    )
    assert sentence == (
        "error: pip could not install requirements.txt: fix what it reports, such as an unreachable package "
        "index (`pip config list` shows the configured one), and run the same command again."
    )
    assert "after connection broken" in words
