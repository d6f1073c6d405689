"""An ordinary user for the tests, with sudo and a home of their own: what most users of a machine are.

The user exists in a mount namespace with its own /etc and /home, so this machine gets no account. Tools that
were built before are lent, read-only: they take most of a first `make up`.
"""

import shlex
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from local.machine.packages import ensure_packages
from tests.e2e.layouts import CACHE, layout_in
from tests.e2e.machine import Result, clean_environment, copy_checkout, finished
from tests.e2e.processes import descendants, kill

NAME = "ordinary"
HOME = Path("/home") / NAME
CHECKOUT = HOME / "skycoin-infrastructure"
LENT = ("tools", "base")
"""Folders of the cache that the user reads."""
# Keeps the namespace alive. The resolver's file is copied, because a lane mounts its own.
HOLDER = """\
set -eu
echo $$ > "$1/holder"
readlink /proc/self/ns/mnt > "$1/namespace"
mount --make-rprivate /
cp -L /etc/resolv.conf "$1/resolv.conf"
mount -t tmpfs etc "$1/etc" && mkdir "$1/etc/changes" "$1/etc/work"
mount -t overlay -o "lowerdir=/etc,upperdir=$1/etc/changes,workdir=$1/etc/work" etc /etc
mount --bind "$1/resolv.conf" "$(readlink -f /etc/resolv.conf)"
mount -t tmpfs home /home && mkdir -p "/home/$2"
mount --bind "$1/home" "/home/$2"
for lent in $4; do mount --bind -o ro "$3/$lent" "/home/$2/.cache/skycoin-infrastructure/$lent"; done
groupadd --force docker
useradd --no-create-home --shell /bin/bash "$2"
chown "$2:" "/home/$2" "/home/$2/.cache" "/home/$2/.cache/skycoin-infrastructure"
chown -R "$2:" "/home/$2/skycoin-infrastructure"
printf '%s ALL=(ALL) NOPASSWD: ALL\nDefaults logfile=/etc/sudo.log, loglinelen=0\n' "$2" > "/etc/sudoers.d/$2"
touch "$1/ready"
exec sleep infinity
"""


@dataclass(frozen=True, slots=True)
class Person:
    """An ordinary user with a checkout in the home folder."""

    folder: Path
    """Folder with the home and the files of the namespace."""
    settings: dict[str, str]
    """Variables of the set-up."""

    @property
    def home(self) -> Path:
        """The home folder as this machine sees it."""
        return self.folder / "home"

    @property
    def checkout(self) -> Path:
        """The checkout as this machine sees it."""
        return self.home / CHECKOUT.name

    def inside(self, *argv: str) -> list[str]:
        """Command line that runs the given command as root in the user's namespace."""
        return ["nsenter", f"--target={(self.folder / 'holder').read_text().strip()}", "--mount", *argv]

    def run(self, command: str, timeout: float = 1800) -> Result:
        """Run a line of shell as the user, after a login, in the checkout."""
        exports = [f"export {name}={shlex.quote(value)}" for name, value in self.settings.items()]
        line = "; ".join([*exports, f"cd {CHECKOUT}", command])
        return finished(self.inside("su", "-", NAME, "-c", line), clean_environment(), timeout, command)

    def root(self, *argv: str) -> str:
        """Run a command as root in the user's namespace; it must succeed."""
        done = subprocess.run(self.inside(*argv), capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def end(self) -> None:
        """Kill everything in the user's namespace, with the containers that it runs."""
        if not (kept := self.folder / "namespace").exists():
            return
        namespace = kept.read_text().strip()
        for _ in range(20):
            left = [pid for pid in _processes() if _mount_namespace(pid) == namespace]
            if not left:
                return
            for pid in left:
                for process in (*descendants(pid), pid):
                    kill(process)
            time.sleep(0.1)


def make_person(folder: Path, settings: dict[str, str]) -> Person:
    """Create the user with a copy of this checkout; what a killed run left is ended first."""
    ensure_packages(layout_in(folder, 15463), "an ordinary user", ["sudo"])
    person = Person(folder, settings)
    person.end()
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "etc").mkdir(parents=True)
    for lent in LENT:
        (person.home / ".cache" / "skycoin-infrastructure" / lent).mkdir(parents=True)
    copy_checkout(person.checkout)
    with (folder / "holder.log").open("wb") as log:
        holder = [
            "unshare",
            "--mount",
            "sh",
            "-c",
            HOLDER,
            "sh",
            str(folder),
            NAME,
            str(CACHE),
            " ".join(LENT),
        ]
        subprocess.run(
            ["setsid", "--fork", *holder],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            check=True,
        )
    deadline = time.monotonic() + 60
    while not (folder / "ready").exists():
        assert time.monotonic() < deadline, (folder / "holder.log").read_text()
        time.sleep(0.1)
    return person


def _processes() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]


def _mount_namespace(pid: int) -> str | None:
    try:
        return str(Path(f"/proc/{pid}/ns/mnt").readlink())
    except OSError:
        return None
