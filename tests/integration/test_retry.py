"""The script `retry` of builds: a temporary failure of the network does not fail a build."""

import re
import subprocess
from pathlib import Path

import pytest

from catalogue.images import GO_MODULE, PROJECT

RETRY = PROJECT / GO_MODULE / "retry"


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A folder with a `go` that fails once for each line in `go.failures`, and an instant `sleep`."""
    for name, body in {
        "go": 'echo "go $*"; [ -s "$0.failures" ] || exit 0; sed -i 1d "$0.failures"; exit 3',
        "sleep": 'echo "sleep $1"',
    }.items():
        file = tmp_path / name
        file.write_text(f"#!/bin/sh\n{body}\n")
        file.chmod(0o755)
    return tmp_path


def retry(programs: Path, failures: int) -> tuple[int, list[str], str]:
    (programs / "go.failures").write_text("failure\n" * failures)
    done = subprocess.run(
        [RETRY, "go", "mod", "download"],
        env={"PATH": f"{programs}:/usr/bin:/bin"},
        text=True,
        capture_output=True,
        check=False,
    )
    return done.returncode, done.stdout.splitlines(), done.stderr


def test_a_command_that_succeeds_runs_once_without_a_pause(programs: Path) -> None:
    assert retry(programs, failures=0) == (0, ["go mod download"], "")


def test_a_temporary_failure_is_retried_and_reported(programs: Path) -> None:
    code, lines, said = retry(programs, failures=2)
    assert code == 0
    assert lines == ["go mod download", "sleep 2", "go mod download", "sleep 5", "go mod download"]
    assert said.splitlines() == [
        "retry: failed, again in 2 s: go mod download",
        "retry: failed, again in 5 s: go mod download",
    ]


def test_a_command_that_keeps_failing_ends_with_its_own_code_after_four_attempts(programs: Path) -> None:
    code, lines, _ = retry(programs, failures=9)
    assert code == 3
    assert lines.count("go mod download") == 4
    assert [line for line in lines if line.startswith("sleep")] == ["sleep 2", "sleep 5", "sleep 15"]


def _lines_of_builds(wanted: re.Pattern[str]) -> list[tuple[str, str]]:
    """(file, line) of each line below images/ that matches, comments apart."""
    return [
        (str(file.relative_to(PROJECT)), line.strip())
        for file in sorted((PROJECT / "images").glob("*/*"))
        if file.is_file() and not file.name.endswith((".md", ".go"))
        for line in file.read_text().splitlines()
        if wanted.search(line) and not line.lstrip().startswith("#")
    ]


def test_every_download_of_go_modules_in_a_build_is_retried() -> None:
    """Go itself never repeats a failed request."""
    downloads = _lines_of_builds(re.compile("go mod download"))
    assert len(downloads) == 6
    assert [(file, line) for file, line in downloads if "retry go mod download" not in line] == []


LIMIT = """\
#!/bin/sh
echo "limit $1"; shift
[ ! -e "$0.ended" ] || exec "$@"
/usr/bin/timeout 0.2 "$@"
code=$?
touch "$0.ended"
exit $code
"""
"""A `timeout` that ends the first command after a moment, and no later one."""


def test_an_attempt_that_hangs_is_ended_and_retried(programs: Path) -> None:
    """A build once waited half an hour for a mirror that had stopped answering, until it was killed."""
    # The command hangs until the first limit has ended it, however slow this machine is.
    (programs / "timeout").write_text(LIMIT)
    (programs / "timeout").chmod(0o755)
    (programs / "go").write_text('#!/bin/sh\n[ -e "${0%/*}/timeout.ended" ] || exec /bin/sleep 600\n')
    code, lines, said = retry(programs, failures=0)
    assert code == 0
    assert lines == ["limit 15m", "sleep 2", "limit 15m"]
    assert said == "retry: failed, again in 2 s: go mod download\n"


DOWNLOADS = re.compile(r"\b(apt-get (update|install|download)|mmdebstrap --)")


def test_every_download_of_debian_packages_in_a_build_has_a_time_limit() -> None:
    """apt's own timeouts do not notice every connection on which nothing comes."""
    downloads = _lines_of_builds(DOWNLOADS)
    assert len(downloads) == 15
    without = [
        (file, line) for file, line in downloads if not re.search(r"\b(timeout \d+m|retry) (apt|mm)", line)
    ]
    # Its packages have been downloaded by the line before.
    assert [file for file, _ in without] == ["images/workspace-base/install-packages"]
