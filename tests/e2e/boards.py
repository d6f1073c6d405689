"""Boards for the tests: each is a network namespace with its own address, loopback, sshd and engine.

A board also has its own /run and /etc: its docker command finds the engine where a real board has it, names
of the operator's machine do not resolve there, and its users are its own. It shares kernel, clock, processor
and userland with this machine; for what depends on those, unit tests use recordings.

A small disk is an ext4 file system in a file, mounted for the engine's data: blocks, journal and inodes count
as on a memory card, and overlay2 works on it. (A tmpfs would take memory and count none of them.) The mount
exists only in the board's namespace, so it goes with the board's last process, even if the run was killed.

A slow processor is a control group with a quota, for everything that the board runs, containers included.
"""

import contextlib
import os
import re
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from local.engines.engine import dockerd, engine_version
from local.machine.layout import Layout, Mode
from local.machine.packages import ensure_packages
from tests.e2e.layouts import layout_in
from tests.e2e.processes import descendants, kill

FOLDER = "boards"
"""Folder in the state of the tests' machine that holds a folder for each board."""
SSHD = """\
ListenAddress 0.0.0.0
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/client_key.pub .ssh/authorized_keys
StrictModes no
PasswordAuthentication no
UsePAM no
PermitRootLogin prohibit-password
PidFile none
SetEnv SHLVL=2
"""
"""Configuration of a board's sshd.

The sessions' shells find this machine's home folder. At level 2 bash does not read its .bashrc, which may
take longer than the login itself and is no part of a board.
"""
# Keeps the namespaces alive. A new sysfs is mounted because /sys shows the links of the network namespace
# in which it was mounted; it has no cgroup v1, so the cgroup mounts are carried over.
HOLDER = """\
set -e
echo $$ > "$1/holder"
hostname "$2"
mkdir -p /run/skycoin-cgroup && mount --rbind /sys/fs/cgroup /run/skycoin-cgroup
mount -t sysfs sysfs /sys && mount --rbind /run/skycoin-cgroup /sys/fs/cgroup
mount --bind "$1/run" /run
mount -t tmpfs etc "$1/etc" && mkdir "$1/etc/changes" "$1/etc/work"
mount -t overlay -o "lowerdir=/etc,upperdir=$1/etc/changes,workdir=$1/etc/work" etc /etc
mount --bind "$1/etc-docker" /etc/docker
mount --bind "$1/hosts" /etc/hosts
[ ! -e "$1/disk" ] || mount -o loop "$1/disk" "$1/data"
ip link set lo up
touch "$1/ready"
exec sleep infinity
"""


CGROUPS = Path("/sys/fs/cgroup")
PERIOD = 100_000
"""Microseconds in which a quota of processor time is used up and renewed: the kernel's default."""
ENTER = 'echo $$ > "$0"; exec "$@"'
"""Script that runs a command in a control group."""


@dataclass(frozen=True, slots=True)
class Board:
    """A board, running or stopped."""

    name: str
    number: int
    folder: Path
    cores: float | None = None
    """Processor time that it gets, in cores of this machine, such as 0.2; None: no limit."""

    @property
    def address(self) -> str:
        """IPv4 address of the board on its link to this machine."""
        return f"10.208.{self.number}.2"

    @property
    def engine(self) -> str:
        """Value of `engine` in the board's entry in `skycoin:hosts`."""
        return f"ssh://root@{self.address}"

    @property
    def ssh_options(self) -> list[str]:
        """Value of `ssh-options` in that entry: the client's key, and the file with the board's host key."""
        known_hosts = f"UserKnownHostsFile={self.folder / 'known_hosts'}"
        return ["-i", str(self.folder / "client_key"), "-o", known_hosts, "-o", "IdentitiesOnly=yes"]

    @property
    def host(self) -> dict[str, object]:
        """The board's entry in `skycoin:hosts`."""
        return {"engine": self.engine, "ssh-options": self.ssh_options}

    @property
    def docker_host(self) -> str:
        """DOCKER_HOST of the board's engine for the tests' own inspections, which bypass ssh and the link."""
        return f"unix://{self.folder / 'run' / 'docker.sock'}"

    def inside(self, *argv: str) -> list[str]:
        """Command line that runs the given command on the board."""
        pid = (self.folder / "holder").read_text().strip()
        return ["nsenter", f"--target={pid}", "--net", "--mount", "--uts", *argv]

    def run(self, *argv: str) -> str:
        """Run a command on the board, which must succeed, and return its output."""
        done = subprocess.run(self.inside(*argv), capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def free(self) -> int:
        """Free bytes on the disk of the engine's data, once pending writes are flushed."""
        self.run("sync", "-f", str(self.folder / "data"))
        found = self.run("df", "-B1", "--output=avail", str(self.folder / "data"))
        return int(found.split()[-1])

    def get(self, path: str, port: int) -> str:
        """Body of the answer to an HTTP request on the board's loopback."""
        return self.run("curl", "-fsS", "--max-time", "20", f"http://127.0.0.1:{port}{path}")

    def docker(self, *arguments: str) -> str:
        """Run a docker command on the board, which must succeed, and return its output."""
        return self.run("docker", *arguments)

    def add_user(self, name: str, public_key: str, *groups: str) -> None:
        """Add a user who logs in with this key."""
        # /run belongs to the board; /home is this machine's.
        self.run("mkdir", "-p", "/run/users")
        home = ("--base-dir", "/run/users", "--create-home")
        self.run("useradd", *home, "--password", "*", "--groups", ",".join(groups), name)
        ssh = f"/run/users/{name}/.ssh"
        self.run("install", "-d", "-o", name, ssh)
        self.run("sh", "-c", 'echo "$1" > "$2/authorized_keys"', "sh", public_key, ssh)

    def start_sshd(self) -> None:
        """Start the sshd, and wait until it listens."""
        config = str(self.folder / "sshd_config")
        self._spawn("sshd", [shutil.which("sshd") or "/usr/sbin/sshd", "-D", "-e", "-f", config])
        self._until(lambda: self._connects(22), "sshd listens")

    def open_door(self, port: int, script: str) -> dict[str, object]:
        """Start another sshd, through which the board looks different; return its entry for `skycoin:hosts`.

        The script mounts the differences, in a mount namespace that only this sshd has.
        """
        config = ["-D", "-e", "-f", str(self.folder / "sshd_config"), "-p", str(port)]
        sshd = shlex.join([shutil.which("sshd") or "/usr/sbin/sshd", *config])
        self._spawn("sshd", ["unshare", "--mount", "sh", "-euc", f"{script}\nexec {sshd}"])
        self._until(lambda: self._connects(port), f"sshd listens at {port}")
        named = ["-o", f"HostKeyAlias={self.address}"]
        return {"engine": f"{self.engine}:{port}", "ssh-options": [*self.ssh_options, *named]}

    def stop_sshd(self) -> None:
        """Kill the sshd and its open connections; new ones are refused at once."""
        for pid in self.pids("sshd"):
            kill(pid)

    def start_engine(self) -> None:
        """Start the engine as Debian's unit does, with its data in the board's folder."""
        for stale in (self.folder / "run").rglob("*.pid"):
            stale.unlink()
        data = f"--data-root={self.folder / 'data'}"
        # Without containerd namespaces of their own, the engines of one machine would share names.
        own = [f"--containerd-namespace={self.name}", f"--containerd-plugins-namespace={self.name}-plugins"]
        if self.cores is not None:
            own.append(f"--cgroup-parent=/{_group(self.number)}/containers")
        self._spawn("dockerd", [dockerd(), data, *own])
        self._until(lambda: engine_version(self.docker_host) is not None, "the engine answers")

    def kill_engine(self) -> None:
        """Kill the engine and everything that it runs, as a power cut does."""
        for pid in self.pids("dockerd", "containerd"):
            kill(pid)
        for pid in _shims(self.number, self.name):
            for child in descendants(pid):
                kill(child)
            kill(pid)

    def reboot(self) -> None:
        """Cut the power and boot again: containers start by their restart policies."""
        self.stop_sshd()
        self.kill_engine()
        self.start_engine()
        self.start_sshd()

    def unplug(self) -> None:
        """Take the link down: packets are lost rather than refused."""
        subprocess.run(["ip", "link", "set", _link(self.number), "down"], check=True)

    def plug(self) -> None:
        """Bring the link up again."""
        subprocess.run(["ip", "link", "set", _link(self.number), "up"], check=True)

    def slow_down(self, rate: str) -> None:
        """Limit the rate of traffic to the board, in the notation of tc, such as `2mbit`."""
        limits = ["tbf", "rate", rate, "burst", "16kb", "latency", "400ms"]
        subprocess.run(["tc", "qdisc", "replace", "dev", _link(self.number), "root", *limits], check=True)

    def logins(self) -> int:
        """Number of logins that the board's sshd has accepted."""
        return (self.folder / "sshd.log").read_text(errors="replace").count("Accepted publickey")

    def received(self) -> int:
        """Number of bytes sent to the board."""
        return int(Path(f"/sys/class/net/{_link(self.number)}/statistics/tx_bytes").read_text())

    def speed_up(self) -> None:
        """Remove the rate limit."""
        subprocess.run(["tc", "qdisc", "del", "dev", _link(self.number), "root"], check=True)

    def end(self) -> None:
        """Stop everything on the board and remove its link; its folder stays."""
        self.kill_engine()
        for pid in _in_namespace(self.number):
            kill(pid)
        subprocess.run(["ip", "link", "delete", _link(self.number)], capture_output=True, check=False)
        subprocess.run(["ip", "netns", "delete", _namespace(self.number)], capture_output=True, check=False)
        for group in _groups(self.number):
            group.rmdir()

    def _spawn(self, name: str, argv: Sequence[str]) -> None:
        enter = ["sh", "-euc", ENTER, str(_processes(self.number))] if self.cores is not None else []
        with (self.folder / f"{name}.log").open("ab") as log:
            subprocess.run(
                [*enter, "setsid", "--fork", *self.inside(*argv)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                check=True,
            )

    def pids(self, *programs: str) -> list[int]:
        """Ids of these programs' processes in the board's network namespace."""
        return [pid for pid in _in_namespace(self.number) if _name(pid) in programs]

    def _connects(self, port: int) -> bool:
        probe = ["bash", "-c", f"exec 3<>/dev/tcp/127.0.0.1/{port}"]
        return subprocess.run(self.inside(*probe), capture_output=True, check=False).returncode == 0

    def _until(self, condition: Callable[[], bool], what: str, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f"board {self.name}: {what} within {seconds:.0f} s"
            time.sleep(0.1)


def start_board(
    layout: Layout, name: str, number: int, disk: int | None = None, cores: float | None = None
) -> Board:
    """Start a board; `number` (0 to 255) is unique among the boards of a run.

    `disk` is the size in MB of a separate disk for the engine's data; None: no separate disk. `cores` is the
    board's processor time, in cores of this machine; None: no limit.
    """
    packages = ["openssh-server", "docker.io", "iptables", "iproute2", "curl", "e2fsprogs"]
    ensure_packages(layout, "the boards", packages)
    board = Board(name, number, layout.state / FOLDER / name, cores)
    board.end()
    shutil.rmtree(board.folder, ignore_errors=True)
    for folder in ("run/sshd", "etc", "etc-docker", "data"):
        (board.folder / folder).mkdir(parents=True)
    (board.folder / "hosts").write_text(f"127.0.0.1 localhost\n127.0.1.1 {name}\n")
    Path("/etc/docker").mkdir(exist_ok=True)
    _make_keys(board)
    if disk is not None:
        _make_disk(board, disk)
    if cores is not None:
        _limit(number, cores)
    _link_up(board)
    _hold(board)
    board.start_engine()
    board.start_sshd()
    return board


@contextlib.contextmanager
def lone_board(name: str, number: int) -> Iterator[Board]:
    """A board for a test module that needs no set-up; leftovers of a killed run are stopped first."""
    state = Path(f"/tmp/skycoin-{name}")
    layout = layout_in(state, 15449, cache=state / "cache", mode=Mode.EMBEDDED)
    end_boards(state)
    layout.logs.mkdir(parents=True, exist_ok=True)
    board = start_board(layout, name, number)
    yield board
    board.end()


def connect(one: Board, other: Board) -> str:
    """Link two boards directly; return the other board's address on that link."""
    first, second = (_namespace(board.number) for board in (one, other))
    network = f"10.209.{other.number}"
    for command in (
        ["ip", "-n", first, "link", "add", "eth1", "type", "veth", "peer", "name", "eth1", "netns", second],
        ["ip", "-n", first, "addr", "add", f"{network}.1/24", "dev", "eth1"],
        ["ip", "-n", second, "addr", "add", f"{network}.2/24", "dev", "eth1"],
        ["ip", "-n", first, "link", "set", "eth1", "up"],
        ["ip", "-n", second, "link", "set", "eth1", "up"],
    ):
        subprocess.run(command, check=True)
    return f"{network}.2"


def end_boards(state: Path) -> None:
    """Stop whatever the boards of a killed run left running."""
    for kept in (state / FOLDER).glob("*/number"):
        Board(kept.parent.name, int(kept.read_text()), kept.parent).end()


def _make_keys(board: Board) -> None:
    for name in ("host_key", "client_key"):
        path = str(board.folder / name)
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)
    public = (board.folder / "host_key.pub").read_text().split()[:2]
    (board.folder / "known_hosts").write_text(f"{board.address} {' '.join(public)}\n")
    (board.folder / "sshd_config").write_text(SSHD.format(folder=board.folder))


def _make_disk(board: Board, size: int) -> None:
    path = board.folder / "disk"
    with path.open("wb") as file:
        file.truncate(size * 1_000_000)
    # Reserve nothing for root, and initialize nothing lazily: both would count as used.
    later = "lazy_itable_init=0,lazy_journal_init=0"
    subprocess.run(["mkfs.ext4", "-q", "-m", "0", "-E", later, str(path)], check=True)


def _limit(number: int, cores: float) -> None:
    """Make a control group whose processes together get so much processor time.

    The processes are in a group within it: cgroup v2 allows none in a group that has others with limits.
    """
    processes = _processes(number)
    processes.parent.mkdir(parents=True)
    group, quota = processes.parents[1], round(cores * PERIOD)
    if group.parent == CGROUPS:
        (CGROUPS / "cgroup.subtree_control").write_text("+cpu")
        (group / "cpu.max").write_text(f"{quota} {PERIOD}")
    else:
        (group / "cpu.cfs_quota_us").write_text(str(quota))


def _processes(number: int) -> Path:
    """File that moves a process into a board's control group."""
    first_version = CGROUPS / "cpu"
    tree = first_version if first_version.is_dir() else CGROUPS
    return tree / _group(number) / "system" / "cgroup.procs"


def _groups(number: int) -> list[Path]:
    """Folders of a board's control groups in all trees, the innermost first."""
    # With cgroup v1, a tree of several controllers has a link for each of them.
    trees = [CGROUPS, *(tree for tree in CGROUPS.glob("*") if not tree.is_symlink())]
    tops = [tree / _group(number) for tree in trees]
    return [Path(folder) for top in tops if top.is_dir() for folder, _, _ in os.walk(top, topdown=False)]


def _link_up(board: Board) -> None:
    namespace, link = _namespace(board.number), _link(board.number)
    (board.folder / "number").write_text(str(board.number))
    for command in (
        ["ip", "netns", "add", namespace],
        ["ip", "link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", namespace],
        ["ip", "addr", "add", f"10.208.{board.number}.1/24", "dev", link],
        ["ip", "link", "set", link, "up"],
        ["ip", "-n", namespace, "addr", "add", f"{board.address}/24", "dev", "eth0"],
        ["ip", "-n", namespace, "link", "set", "eth0", "up"],
        ["ip", "-n", namespace, "link", "set", "lo", "up"],
    ):
        subprocess.run(command, check=True)


def _hold(board: Board) -> None:
    enter = ["nsenter", f"--net=/run/netns/{_namespace(board.number)}", "unshare", "-m", "-u"]
    with (board.folder / "holder.log").open("ab") as log:
        subprocess.run(
            ["setsid", "--fork", *enter, "sh", "-c", HOLDER, "sh", str(board.folder), board.name],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            check=True,
        )
    board._until((board.folder / "ready").exists, "its namespaces are there")


def _namespace(number: int) -> str:
    return f"skyboard{number}"


def _link(number: int) -> str:
    return f"skyboard{number}"


def _group(number: int) -> str:
    return f"skyboard{number}"


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def _shims(number: int, name: str) -> list[int]:
    """Ids of a board's containerd shims, which outlive the engine; found by their containerd namespace.

    A board of the same name in another lane has another network namespace.
    """
    named = re.compile(rf"containerd-shim.*-namespace\0{re.escape(name)}\0".encode())
    found = []
    for pid in _in_namespace(number):
        with contextlib.suppress(OSError):
            if named.search(Path(f"/proc/{pid}/cmdline").read_bytes()):
                found.append(pid)
    return found


def _in_namespace(number: int) -> list[int]:
    """Ids of the processes in a board's network namespace."""
    command = ["ip", "netns", "pids", _namespace(number)]
    listed = subprocess.run(command, capture_output=True, text=True, check=False)
    return [int(pid) for pid in listed.stdout.split()]
