"""The step of images/skycoindev-vscode that fetches code-server: only the pinned file is installed."""

import hashlib
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from local.machine.layout import PROJECT

DOCKERFILE = PROJECT / "images" / "skycoindev-vscode" / "Dockerfile"
NPM = """\
#!/bin/sh
echo "$*" >> "$CALLS"
case $1 in
pack) printf '%s' "$SENT" > "code-server-$CODE_SERVER_VERSION.tgz" ;;
install) exit 7 ;;
esac
"""
"""An npm that sends a given text as the archive, and ends with code 7 when it is to install it."""


def step() -> str:
    """Command of the step, without the options of RUN."""
    [command] = [
        command.replace("\\\n", "")
        for command in re.findall(r"^RUN ((?:.*\\\n)*.*\n)", DOCKERFILE.read_text(), re.MULTILINE)
        if "npm pack" in command
    ]
    return re.sub(r"^(--\S+ +)+", "", command)


@pytest.fixture
def fetch(tmp_path: Path) -> Callable[[str, str], tuple[int, list[str]]]:
    """Run the step with a hash and what npm sends; return its exit code and the commands that npm got."""
    programs, work = tmp_path / "programs", tmp_path / "work"
    programs.mkdir()
    work.mkdir()
    for name, text in {"npm": NPM, "with-build-ca": '#!/bin/sh\nexec "$@"\n'}.items():
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)

    def run(sha512: str, sent: str) -> tuple[int, list[str]]:
        env = {
            "PATH": f"{programs}:/usr/local/bin:/usr/bin:/bin",
            "CODE_SERVER_VERSION": "1.2.3",
            "CODE_SERVER_SHA512": sha512,
            "SENT": sent,
            "CALLS": str(tmp_path / "calls"),
        }
        done = subprocess.run(["sh", "-c", step()], cwd=work, env=env, capture_output=True, check=False)
        return done.returncode, [line.split()[0] for line in (tmp_path / "calls").read_text().splitlines()]

    return run


def test_an_archive_with_another_hash_is_not_installed(
    fetch: Callable[[str, str], tuple[int, list[str]]],
) -> None:
    code, calls = fetch(hashlib.sha512(b"pinned").hexdigest(), "replaced")
    assert code not in (0, 7)
    assert calls == ["pack"]


@pytest.mark.parametrize("sha512", ["", "0" * 127, "x"])
def test_an_archive_is_not_installed_without_a_whole_hash(
    sha512: str, fetch: Callable[[str, str], tuple[int, list[str]]]
) -> None:
    code, calls = fetch(sha512, "pinned")
    assert code not in (0, 7)
    assert calls == ["pack"]


def test_the_pinned_archive_is_installed(fetch: Callable[[str, str], tuple[int, list[str]]]) -> None:
    """Control for the refusals: only the wrong hash prevents the installation."""
    code, calls = fetch(hashlib.sha512(b"pinned").hexdigest(), "pinned")
    assert (code, calls) == (7, ["pack", "install"])
    [pinned] = re.findall(r"^ARG CODE_SERVER_SHA512=(\S+)$", DOCKERFILE.read_text(), re.MULTILINE)
    assert re.fullmatch("[0-9a-f]{128}", pinned)
