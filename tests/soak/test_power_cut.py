"""A real node whose wallets change without a pause, and what ends it: power cuts, kills, damage, full disks.

The outcomes are recorded in power-cut.md.
"""

import contextlib
import os
import platform
import random
import re
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from clients.fingerprint import SCRIPT, VolumeWallets, read
from display.markdown import table
from providers.skycoin.last_words import DAMAGED
from tests.crash_outcomes import Outcome, Verdict
from tests.e2e.judge import Judge, build_judge, judged, published_source
from tests.e2e.machine import Machine
from tests.e2e.plugin import until
from tests.e2e.test_dead_hosts import with_entries
from tests.e2e.test_rollback import well
from tests.soak.busy import CONTAINER, DATA, ENTRY, NAME, WALLET, Known, Load, Node
from tests.soak.disk import USER, Disk, fill, run, small

PAGE = Path(__file__).parent / "power-cut.md"
CUTS, STARTS, KILLS, STOPS = 20, 6, 20, 5
"""Power cuts under load, and while the node starts; kills; stops."""
LONGEST = 4.0
"""Seconds of load before a power cut, at most."""
START = 0.1, 1.5
"""Seconds between `docker start` and a power cut, at least and at most."""
GRACE = 60
"""Seconds that `docker stop` gives the node."""
LARGE = 200
"""Kilobytes of a label that makes a save so long that a kill can hit it."""
MANY = 60
"""Wallets in the volume, beyond which those that no longer change are removed."""
AIMED = """
import os, sys, time
folder, pid, deadline = sys.argv[1], int(sys.argv[2]), time.monotonic() + 20
while time.monotonic() < deadline:
    if any(".tmp." in name for name in os.listdir(folder)):
        os.kill(pid, 9)
        sys.exit()
sys.exit("no wallet was saved")
"""
"""Kills a process as soon as a temporary copy of a wallet is there."""
CUT_UNDER_LOAD, CUT_AT_START = "power cut", "power cut at a start"
HEADS = ("what ends the node", "times", "wallets", *(str(outcome) for outcome in Outcome))
INTRODUCTION = """\
# Power cuts, kills and stops of a busy node

Written by `tests/soak/test_power_cut.py`, in `make soak`. A real node of version 0.27.1 runs without a
network. Its wallets, deterministic and bip44, are made, grown, encrypted and decrypted without a pause, by
the node's API and by `skycoin-cli` next to it, and the node loads all wallets when it starts. After each
event the node's own parser and this program read every wallet in the volume. The columns are those of
[docs/wallets.md](../../docs/wallets.md#a-crash-while-a-wallet-is-saved); *saved* is a wallet with every
address that had been returned. Then unfinished saves are restored by `./skyinfra wallet restore`, wallets
of which nothing is whole are moved away, and the same container starts again with all that is left.

The node is this program's, with [its patch](../../docs/adr/0055-patched-saves.md), except in the last
section. Of the patched node, each wallet in the column *no whole copy in the volume* is a first save that
had not ended, and each one *taken from the temporary copy* a later save that had not ended: no address had
been returned that is not in the wallet's own file.
"""
CUT = """\
The volumes are on ext4, mounted as Debian does, in a file. A cut is a copy of that file at one moment: it
has all that the file system had handed to its disk, whose own cache is not simulated. The journal of the
copy is replayed, and `e2fsck` then finds no fault."""
FULL = """\
A wallet of 40 kB gets an address, three times, on a volume with little space. Before the second and the third
attempt, all space that has become free is taken by something else."""
Counts = Counter[tuple[str, Outcome]]


@dataclass(frozen=True, slots=True)
class Found:
    """A wallet volume: its files, what the node's parser says of each, and what this program sees."""

    files: Mapping[str, bytes]
    verdicts: Mapping[bytes, Verdict]
    seen: VolumeWallets

    def names(self) -> set[str]:
        """Names of all wallets of which there is a file or a temporary copy."""
        return {name.partition(".wlt")[0] + ".wlt" for name in self.files}

    def sizes(self, name: str) -> dict[str, int]:
        """Bytes of a wallet's file and of its temporary copies."""
        return {
            file: len(content) for file, content in self.files.items() if file.partition(".tmp.")[0] == name
        }

    def outcome(self, name: str, returned: Collection[str]) -> tuple[Outcome, set[str]]:
        """Outcome of a wallet whose addresses in `returned` were confirmed, and the addresses that it has."""
        if copy := dict(self.seen.unfinished_saves()).get(name):
            return Outcome.TAKEN, self._whole(self.files[copy])
        content = self.files.get(name)
        if content is None or name not in self.seen.wallets:
            return Outcome.TORN, set()
        said = self.verdicts[content]
        if said.error:
            return Outcome.UNTOLD, set()
        if said.keys != len(said.addresses):
            return Outcome.MIXED, set()
        addresses = self._whole(content)
        return (Outcome.SAVED if addresses >= {*returned} else Outcome.BEFORE), addresses

    def in_file(self, name: str) -> set[str]:
        """Addresses in a wallet's own file, whatever copies there are; fails if the file is not whole."""
        return self._whole(self.files[name])

    def _whole(self, content: bytes) -> set[str]:
        said = self.verdicts[content]
        assert (said.error, said.keys) == ("", len(said.addresses)), said
        return {*said.addresses}


@dataclass(frozen=True, slots=True)
class Looker:
    """Reads a wallet volume with the judge."""

    judge: Judge
    folder: Path

    def look(self, place: Path) -> Found:
        """Read all wallets and temporary copies of a volume."""
        files = {path.name: path.read_bytes() for path in place.iterdir() if ".wlt" in path.name}
        scratch = self.folder / secrets.token_hex(4)
        scratch.mkdir()
        verdicts = judged(self.judge, files.values(), scratch).node
        shutil.rmtree(scratch)
        command = ["sh", "-c", SCRIPT, "fingerprint"]
        looked = subprocess.run(command, cwd=place, capture_output=True, text=True, check=True, timeout=600)
        seen = read(looked.stdout)
        refused = {name for name in seen.wallets if verdicts[files[name]].error}
        readable = {name for name in files if name.endswith(".wlt") and not verdicts[files[name]].error}
        assert {*seen.wallets} - refused == readable, "the program reads what the node reads"
        return Found(files, verdicts, seen)


@pytest.fixture(scope="module")
def node(up: Machine) -> Iterator[Node]:
    """A node that loads its wallets when it starts; its volumes are removed with it."""
    before = up.settings()
    up.change(with_entries(before, nodes={NAME: ENTRY}))
    well(up.make("up"))
    yield Node(up)
    up.change(with_entries(before, nodes={NAME: ENTRY}))
    well(up.make("retire", f"NODE={NAME}"))
    up.change(before)
    well(up.make("up"))
    names = well(up.docker("volume", "ls", "-q")).text.split()
    well(up.docker("volume", "rm", *(name for name in names if name.startswith(f"{CONTAINER}-"))))


@pytest.fixture
def unpatched(node: Node, tmp_path: Path) -> Iterator[Node]:
    """The node from a source of one's own: the module as it is published."""
    up = node.machine
    before = up.settings()
    source = {"path": str(published_source(tmp_path)), "version": "v0.27.1"}
    config = deepcopy(before)
    own = {"source": source, "arches": ["amd64"], "channel": "feature", "feature": "unpatched", "gui": False}
    config["skycoin:images"]["skycoin"] = own
    up.change(config)
    well(up.make("up"))
    yield node
    up.change(before)
    well(up.make("up"))


@pytest.fixture(autouse=True)
def _runs(node: Node) -> None:
    """Each test begins with a node that runs, whatever a test that failed has left."""
    if not node.answers():
        assert node.start() == ""


@pytest.fixture(scope="module")
def looker(tmp_path_factory: pytest.TempPathFactory) -> Looker:
    folder = tmp_path_factory.mktemp("judge")
    return Looker(build_judge(folder), tmp_path_factory.mktemp("looked"))


def chance_of(test: str) -> tuple[random.Random, str]:
    """Chance of a test, and its seed, which SKYCOIN_POWER_SEED repeats."""
    seed = os.environ.get("SKYCOIN_POWER_SEED") or str(secrets.randbelow(10**6))
    print(f"{test}: SKYCOIN_POWER_SEED={seed}", flush=True)
    return random.Random(f"{test} {seed}"), seed  # noqa: S311 no secret


def counted(counts: Counts, times: Mapping[str, int]) -> list[str]:
    """Table of outcomes, with a row for each event."""
    rows = []
    for event, many in times.items():
        cells = [counts[event, outcome] for outcome in Outcome]
        rows.append([event, str(many), str(sum(cells)), *(str(cell) for cell in cells)])
    return table(HEADS, rows)


def write(title: str, node: Node, seed: str, lines: Iterable[str]) -> None:
    """Write a section of the page; the others stay."""
    text = PAGE.read_text() if PAGE.exists() else INTRODUCTION
    _, *parts = text.split("\n## ")
    sections = {part.partition("\n")[0]: part.partition("\n")[2].strip() for part in parts}
    engine = node.docker("version", "-f", "{{.Server.Version}}").strip()
    where = f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, {platform.machine()}, Docker {engine}"
    sections[title] = "\n".join([f"{where}, seed {seed}.", "", *lines])
    print(sections[title], flush=True)
    told = [f"## {name}\n\n{section}\n" for name, section in sections.items()]
    PAGE.write_text("\n".join([INTRODUCTION, *told]))


def recover(
    node: Node, looker: Looker, found: Found, backups: Path, has: Mapping[str, Collection[str]]
) -> None:
    """Take the program's way back for each unfinished save; remove wallets of which nothing is whole.

    Temporary copies, which the program leaves, are removed too.
    """
    place = node.place(WALLET)
    for name, addresses in has.items():
        if not addresses:
            (place / name).unlink(missing_ok=True)
    for name, copy in found.seen.unfinished_saves():
        command = ("wallet", "restore", NAME, "--temporary", copy, "--backup-to", str(backups))
        well(node.machine.skyinfra(*command))
        assert (place / name).read_bytes() == found.files[copy]
    for path in place.glob("*.tmp.*"):
        path.unlink()
    if not all(has.values()) or found.seen.unfinished_saves():
        after = looker.look(place).seen
        assert not after.damaged
        assert not after.unfinished_saves()


def assert_refused(node: Node, found: Found) -> None:
    """If a wallet is damaged, a refreshed preview stops, and says what to do."""
    if found.seen.damaged:
        previewed = node.machine.pulumi("preview", "--refresh", "--stack", "local")
        assert previewed.code != 0
        assert "out of the volume" in " ".join(previewed.text.split())


def assert_loaded(node: Node, known: Mapping[str, Known]) -> None:
    """The node, which answers, has loaded all wallets with their addresses."""
    listed = node.ask("wallets")
    loaded = {
        wallet["meta"]["filename"]: {entry["address"] for entry in wallet["entries"]} for wallet in listed
    }
    for name, one in known.items():
        assert {*one.addresses} <= loaded[name], name


def forgotten(node: Node, known: dict[str, Known], names: Iterable[str]) -> None:
    """Remove wallets from the volume of the stopped node, as its owner would."""
    for name in names:
        (node.place(WALLET) / name).unlink()
        del known[name]


def adjusted(known: dict[str, Known], has: Mapping[str, set[str]]) -> None:
    """Expect from now on what the wallets have; those that are gone are not expected any more."""
    now = time.monotonic()
    for name in [*known]:
        if not has.get(name):
            del known[name]
    for name, addresses in has.items():
        if addresses:
            last = known.get(name, Known()).ended
            known[name] = Known(dict.fromkeys(addresses, now), ended=last or now)


def accept(node: Node) -> None:
    """Accept the wallets as they are now, because some were removed that a restore has recorded."""
    [fingerprint] = re.findall(
        r"has the fingerprint ([0-9a-f]{16})", well(node.machine.skyinfra("wallet", "accept", NAME)).text
    )
    well(node.machine.skyinfra("wallet", "accept", NAME, fingerprint))


def cut_under_load(
    node: Node, disk: Disk, known: dict[str, Known], chance: random.Random, number: int
) -> float:
    """Cut the power at a random moment of a load, without a sync before it; return when."""
    moment = chance.uniform(0, LONGEST)
    print(f"cut {number + 1}: {moment:.2f} s after the load began", flush=True)
    with Load(node, f"cut{number + 1}", known) as load:
        time.sleep(moment)
        cut = time.monotonic()
        disk.cut()
        node.docker("kill", CONTAINER)
    assert load.changes or moment < 1
    disk.replace()
    return cut


def cut_at_start(node: Node, disk: Disk, chance: random.Random, number: int) -> float:
    """Cut the power while the node starts, every second time without a chain database."""
    node.docker("kill", CONTAINER)
    if number % 2:
        shutil.rmtree(node.place(DATA) / ".skycoin")
    disk.sync()
    moment = chance.uniform(*START)
    print(f"start {number + 1}: cut after {moment:.2f} s", flush=True)
    with node.machine.started("docker", "start", CONTAINER, env=node.machine.environment()) as starting:
        time.sleep(moment)
        disk.cut()
        starting.wait(60)
    node.docker("kill", CONTAINER)
    disk.replace()
    return time.monotonic()


def judge(
    found: Found, known: Mapping[str, Known], end: float, event: str, counts: Counts
) -> dict[str, set[str]]:
    """Count how an end left each wallet; addresses that they have, by name.

    Fails at an address that had been returned before the end, and is neither in the wallet nor in a whole
    copy of it.
    """
    has = {}
    for name in found.names() | {*known}:
        returned = known.get(name, Known()).before(end)
        outcome, addresses = found.outcome(name, returned)
        counts[event, outcome] += 1
        assert outcome in (Outcome.SAVED, Outcome.TAKEN) or not returned, (name, outcome, found.sizes(name))
        assert returned <= addresses, (name, outcome, found.sizes(name), known.get(name))
        has[name] = addresses
    return has


def judge_patched(
    found: Found, known: Mapping[str, Known], end: float, event: str, counts: Counts
) -> dict[str, set[str]]:
    """Count the same, and fail at a file that is not whole or lacks such an address."""
    has = judge(found, known, end, event, counts)
    assert not found.seen.damaged
    for name in known:
        returned = known[name].before(end)
        assert not returned or returned <= found.in_file(name), (name, found.sizes(name))
    return has


@pytest.mark.case(3)
def test_a_power_cut_leaves_wallets_and_a_database_as_the_docs_say(
    node: Node, looker: Looker, tmp_path: Path
) -> None:
    """The same container starts again on what each cut has left, as an engine starts it after a boot."""
    chance, seed = chance_of("power cut")
    counts: Counts = Counter()
    chains: Counter[str] = Counter()
    known: dict[str, Known] = {}
    node.docker("stop", "-t", str(GRACE), CONTAINER)
    disk = Disk(tmp_path, {"wallet": node.place(WALLET), "data": node.place(DATA)})
    with disk.in_place():
        try:
            assert node.start() == ""
            for number in range(CUTS + STARTS):
                if number < CUTS:
                    event, cut = CUT_UNDER_LOAD, cut_under_load(node, disk, known, chance, number)
                else:
                    event, cut = CUT_AT_START, cut_at_start(node, disk, chance, number - CUTS)
                found = looker.look(node.place(WALLET))
                has = judge_patched(found, known, cut, event, counts)
                recover(node, looker, found, tmp_path / "backups", has)
                adjusted(known, has)
                if len(known) > MANY:
                    forgotten(node, known, sorted(known)[: len(known) - MANY])
                chains[f"{event}: {started_on(node)}"] += 1
                assert_loaded(node, known)
        finally:
            node.machine.docker("kill", CONTAINER)
    assert node.start() == ""
    record_cuts(node, seed, counts, chains)
    tidy(node, known)


def record_cuts(node: Node, seed: str, counts: Counts, chains: Counter[str]) -> None:
    """Write the section about power cuts."""
    rows = [[what, str(many)] for what, many in sorted(chains.items())]
    chain = table(("chain database after the cut, by `skycoin-cli checkdb`", "times"), rows)
    told = counted(counts, {CUT_UNDER_LOAD: CUTS, CUT_AT_START: STARTS})
    write("Power cuts", node, seed, [CUT, "", *told, "", *chain])


def started_on(node: Node) -> str:
    """Start the node on what a cut left of its chain database; if it refuses that, on another one."""
    chain = node.checked()
    if said := node.start():
        assert DAMAGED in said, said
        node.docker("kill", CONTAINER)
        shutil.rmtree(node.place(DATA) / ".skycoin")
        assert node.start() == ""
        return f"{chain}: the node does not start, and the remedy is named"
    return f"{chain}: the node starts"


def killed(node: Node, known: dict[str, Known], chance: random.Random, number: int) -> str:
    """Kill the busy node, every second time while it saves; return the words for it."""
    pid = node.state()["Pid"]
    with Load(node, f"kill{number + 1}", known, label=LARGE) as load:
        time.sleep(chance.uniform(0.5, 2.5))
        if number % 2:
            command = [sys.executable, "-c", AIMED, str(node.place(WALLET)), str(pid)]
            subprocess.run(command, check=True, timeout=60)
        else:
            os.kill(pid, signal.SIGKILL)
        until(lambda: node.state()["Pid"] != pid, "its process has ended")
    assert load.changes
    return "`kill -9` while a temporary copy is there" if number % 2 else "`kill -9` at a random moment"


@pytest.mark.case(1)
def test_a_node_that_is_killed_while_it_saves_runs_again_with_all_its_wallets(
    node: Node, looker: Looker, tmp_path: Path
) -> None:
    """Its engine starts it again, and no wallet is torn."""
    chance, seed = chance_of("kill")
    counts: Counts = Counter()
    times: Counter[str] = Counter()
    known: dict[str, Known] = {}
    for number in range(KILLS):
        if number % 4 == 0:  # the pause before the engine's next start is short again
            node.docker("restart", "-t", str(GRACE), CONTAINER)
        node.await_answer()
        event = killed(node, known, chance, number)
        times[event] += 1
        found = looker.look(node.place(WALLET))
        has = judge_patched(found, known, time.monotonic(), event, counts)
        recover(node, looker, found, tmp_path, has)
        adjusted(known, has)
        node.await_answer()
        assert_loaded(node, known)
    write("Kills", node, seed, counted(counts, times))
    tidy(node, known)


def test_an_unpatched_node_that_is_killed_while_it_makes_addresses_loses_a_wallet(
    unpatched: Node, looker: Looker
) -> None:
    """The same kills and the same judge find what the patch mends: an empty wallet without a whole copy."""
    node, lost = unpatched, 0
    chance, seed = chance_of("unpatched")
    counts: Counts = Counter()
    known: dict[str, Known] = {}
    event = "`kill -9` at a random moment"
    for number in range(KILLS):
        assert node.start() == ""
        with Load(node, f"lost{number + 1}", known, label=LARGE) as load:
            time.sleep(chance.uniform(0.5, 2.5))
            node.docker("kill", CONTAINER)
        assert load.changes
        found = looker.look(node.place(WALLET))
        for name, one in known.items():
            outcome, _ = found.outcome(name, {*one.addresses})
            counts[event, outcome] += bool(one.addresses)
        try:
            judge_patched(found, known, time.monotonic(), event, Counter())
        except AssertionError:
            lost += 1
        for path in node.place(WALLET).glob("*.wlt*"):
            path.unlink()
        known.clear()
    assert counts[event, Outcome.TORN] > 0
    assert lost > 0
    write("Kills of an unpatched node", node, seed, counted(counts, {event: KILLS}))
    assert node.start() == ""
    node.ask("wallet/create", type="deterministic", seed=node.ask("wallet/newSeed")["seed"], label="mine")
    accept(node)


@pytest.mark.case(2)
def test_a_busy_node_that_is_stopped_ends_in_time_and_closes_its_database(
    node: Node, looker: Looker, tmp_path: Path
) -> None:
    chance, seed = chance_of("stop")
    counts: Counts = Counter()
    known: dict[str, Known] = {}
    seconds = []
    event = "`docker stop`"
    for number in range(STOPS):
        assert node.start() == ""
        with Load(node, f"stop{number + 1}", known) as load:
            time.sleep(chance.uniform(0.5, 3))
            began = time.monotonic()
            node.docker("stop", "-t", str(GRACE), CONTAINER)
            seconds.append(time.monotonic() - began)
        assert load.changes
        assert node.state()["ExitCode"] == 0
        said = node.docker("logs", "--tail", "20", CONTAINER)
        assert "Closing database" in said
        assert "Failed to close DB" not in said
        assert "Goodbye" in said
        assert node.checked() == "whole"
        found = looker.look(node.place(WALLET))
        has = judge_patched(found, known, time.monotonic(), event, counts)
        recover(node, looker, found, tmp_path, has)
        adjusted(known, has)
        assert node.start() == ""
        assert_loaded(node, known)
    assert max(seconds) < GRACE
    longest = "Each time the exit code was 0, and `checkdb` found the database whole. The longest took "
    told = [*counted(counts, {event: STOPS}), "", f"{longest}{max(seconds):.1f} s of {GRACE} s."]
    write("Stops", node, seed, told)
    tidy(node, known)


def tidy(node: Node, known: dict[str, Known]) -> None:
    """Leave the volume with few wallets, which the stack has recorded, and the node running."""
    node.docker("stop", "-t", str(GRACE), CONTAINER)
    for path in node.place(WALLET).glob("*.wlt"):
        if path.name not in sorted(known)[-4:]:
            path.unlink()
    assert node.start() == ""
    accept(node)


def test_only_a_node_that_serves_wallets_refuses_a_damaged_one(node: Node) -> None:
    """A node has no API for wallets by default, and does not read them when it starts."""
    torn = node.place(WALLET) / "torn.wlt"
    node.docker("stop", "-t", str(GRACE), CONTAINER)
    torn.touch()
    os.chown(torn, USER, USER)
    image = node.machine.inspect("container", CONTAINER)["Config"]["Image"]
    mounts = ("-v", f"{WALLET}:/wallet", "--tmpfs", f"/data:uid={USER}")
    try:
        said = node.start()
        assert "torn.wlt" in said
        assert DAMAGED not in said
        node.docker("stop", "-t", str(GRACE), CONTAINER)
        node.docker(
            "run", "-d", "--name", "plain", "--network", "none", *mounts, image, "-disable-networking"
        )
        ask = ("exec", "plain", "wget", "-q", "-O", "-", "http://127.0.0.1:6420/api/v1/version")
        until(lambda: node.machine.docker(*ask).code == 0, "the other node answers", 60, 0.5)
    finally:
        node.machine.docker("rm", "-f", "plain")
        torn.unlink()
    assert node.start() == ""


# The chain database: damaged, and without space


def wallets_of(node: Node) -> VolumeWallets:
    """Read the wallet volume with the program's script, in this machine's shell."""
    command = ["sh", "-c", SCRIPT, "fingerprint"]
    looked = subprocess.run(
        command, cwd=node.place(WALLET), capture_output=True, text=True, check=True, timeout=60
    )
    return read(looked.stdout)


def addresses_of(node: Node) -> dict[str, list[str]]:
    """Wallets that the running node has loaded, with their addresses."""
    return {
        wallet["meta"]["filename"]: [entry["address"] for entry in wallet["entries"]]
        for wallet in node.ask("wallets")
    }


def flipped(data: bytes, places: Iterable[int]) -> bytes:
    """Data with all bits of the bytes at these places turned over."""
    changed = bytearray(data)
    for place in places:
        changed[place] ^= 0xFF
    return bytes(changed)


def damages(data: bytes, chance: random.Random) -> dict[str, bytes]:
    """Damaged forms of a chain database, by the words for the damage."""
    page = 4096
    return {
        "both first pages": flipped(data, range(2 * page)),
        "one of the first pages": flipped(data, range(page)),
        "all but the first pages": flipped(data, range(2 * page, len(data))),
        "the second half is missing": data[: len(data) // 2],
        "all bytes are zero": bytes(len(data)),
        **{
            f"64 random bytes ({turn})": flipped(data, chance.sample(range(len(data)), 64)) for turn in (1, 2)
        },
        **{f"one random page ({turn})": _page(data, chance, page) for turn in (1, 2, 3)},
    }


def _page(data: bytes, chance: random.Random, page: int) -> bytes:
    first = chance.randrange(2, len(data) // page) * page
    return flipped(data, range(first, first + page))


@pytest.mark.case(5)
def test_a_damaged_chain_database_ends_the_node_with_the_remedy_and_touches_no_wallet(node: Node) -> None:
    """A database in which the node notices nothing is used as before."""
    chance, seed = chance_of("damage")
    before, addresses = wallets_of(node), addresses_of(node)
    node.docker("stop", "-t", str(GRACE), CONTAINER)
    file = node.place(DATA) / ".skycoin" / "data.db"
    whole = file.read_bytes()
    rows = []
    for what, data in damages(whole, chance).items():
        file.write_bytes(data)
        said = node.start()
        node.docker("stop", "-t", str(GRACE), CONTAINER)
        rows.append([what, "ends, and the remedy is named" if said else "runs"])
        print(*rows[-1], said, sep="\n", flush=True)
        assert not said or said.endswith(DAMAGED), what
        assert wallets_of(node) == before, what
        file.write_bytes(whole)
    assert [ended for _, ended in rows].count("runs") < len(rows) - 3
    assert node.start() == ""
    assert addresses_of(node) == addresses
    write("A damaged chain database", node, seed, table(("damaged", "the node"), rows))


@pytest.mark.case(5)
def test_up_names_the_remedy_for_a_damaged_chain_database_and_the_remedy_works(node: Node) -> None:
    """Docker starts the node again and again, which an `up` used to take for a running node."""
    up = node.machine
    before, addresses = wallets_of(node), addresses_of(node)
    file = node.place(DATA) / ".skycoin" / "data.db"
    whole = file.read_bytes()
    node.docker("kill", CONTAINER)
    file.write_bytes(flipped(whole, range(8192)))
    assert node.start() != ""
    # From then on it pauses for seconds, and an `up` that looks in between finds no running node.
    until(lambda: up.inspect("container", CONTAINER)["RestartCount"] > 7, "its engine starts it again", 60)
    refused = up.make("up")
    assert refused.code != 0
    said = " ".join(refused.text.split())
    assert "invalid database" in said
    assert DAMAGED in said
    assert wallets_of(node) == before
    config = up.settings()
    config["skycoin:nodes"][NAME]["data-volume"] = f"{DATA}-anew"
    up.change(config)
    well(up.make("up"))
    node.await_answer()
    assert (wallets_of(node), addresses_of(node)) == (before, addresses)
    assert file.read_bytes() == flipped(whole, range(8192)), "the old volume is kept"
    file.write_bytes(whole)
    del config["skycoin:nodes"][NAME]["data-volume"]
    up.change(config)
    well(up.make("up"))
    assert (wallets_of(node), addresses_of(node)) == (before, addresses)


SPACES = (0, 8, 40, 120)
"""Kilobytes that are free when the node starts on a volume without a chain."""


@pytest.mark.case(7)
def test_a_full_data_volume_ends_the_node_and_the_wallet_is_whole_once_there_is_space(
    node: Node, tmp_path: Path
) -> None:
    before, addresses = wallets_of(node), addresses_of(node)
    place = node.place(DATA)
    node.docker("stop", "-t", str(GRACE), CONTAINER)
    rows = []
    for free in SPACES:
        with small(place, tmp_path, 4_000_000, keep=False) as filler:
            fill(filler, 1024 * free)
            said = node.start()
            print(f"{free} kB free:", said)
            assert "no space left on device" in said or (free and not said)
            assert wallets_of(node) == before, free
            filler.unlink()
            ended = freed(node)
            rows.append([f"{free} kB free, no chain", "ends" if said else "runs", ended])
            assert addresses_of(node) == addresses, free
            node.docker("stop", "-t", str(GRACE), CONTAINER)
    with small(place, tmp_path, 4_000_000, keep=True) as filler:
        fill(filler, 0)
        said = node.start()
        print(said)
        assert not said or "no space left on device" in said
        assert wallets_of(node) == before
        filler.unlink()
        rows.append(["0 kB free, with its chain", "ends" if said else "runs", freed(node)])
        assert addresses_of(node) == addresses
        node.docker("stop", "-t", str(GRACE), CONTAINER)
    assert node.start() == ""
    told = table(("data volume", "the node", "once there is space"), rows)
    write("A full data volume", node, "none", told)


def grown_on_full(node: Node, looker: Looker, free: int, filler: Path) -> list[str]:
    """Let a wallet of many blocks grow three times on a volume with `free` kilobytes; the outcome of each.

    The second attempt saves the same content again: the node has kept the wallet without the new address.
    Each attempt has to leave the wallet as it was or as it is to be, and no copy of it.
    """
    seed = node.ask("wallet/newSeed")["seed"]
    made = node.ask("wallet/create", type="deterministic", seed=seed, label="mine " * 8000)
    name, addresses = made["meta"]["filename"], [entry["address"] for entry in made["entries"]]
    run("sync", "-f", filler.parent)
    fill(filler, 1024 * free)
    outcomes = []
    for _ in range(3):
        with contextlib.suppress(ValueError):
            addresses += node.ask("wallet/newAddress", id=name)["addresses"]
        found = looker.look(filler.parent)
        outcome, has = found.outcome(name, addresses)
        assert (outcome, found.in_file(name)) == (Outcome.SAVED, {*addresses})
        assert {*found.sizes(name)} == {name}, "what could not be written is removed"
        outcomes.append(str(outcome))
        run("sync", "-f", filler.parent)
        fill(filler.with_name("more"), 0)
    filler.unlink()
    filler.with_name("more").unlink()
    [returned] = node.ask("wallet/newAddress", id=name)["addresses"]
    outcome, has = looker.look(filler.parent).outcome(name, [*addresses, returned])
    assert (outcome, {*addresses, returned} <= has) == (Outcome.SAVED, True)
    return [*outcomes, str(outcome)]


@pytest.mark.case(7)
def test_a_wallet_that_grows_on_a_full_volume_is_saved_again_once_there_is_space(
    node: Node, looker: Looker, tmp_path: Path
) -> None:
    """A save of an unpatched node could empty the file on a full volume, and the next one its copy too."""
    before, place = wallets_of(node), node.place(WALLET)
    node.docker("stop", "-t", str(GRACE), CONTAINER)
    rows = []
    with small(place, tmp_path, 16_000_000, keep=True, journal=True) as filler:
        assert node.start() == ""
        rows = [
            [f"{free} kB", *grown_on_full(node, looker, free, filler)] for free in (0, 20, 40, 44, 60, 100)
        ]
        node.docker("stop", "-t", str(GRACE), CONTAINER)
    assert node.start() == ""
    assert wallets_of(node) == before
    heads = ("free", "first attempt", "second", "third", "after there is space")
    write("A full wallet volume", node, "none", [FULL, "", *table(heads, rows)])


def freed(node: Node) -> str:
    """Wait until the node, whose volume has space again, runs; return how it came to that."""
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        if node.answers():
            return "runs, with equal addresses"
        if DAMAGED in node.says():
            node.docker("stop", "-t", str(GRACE), CONTAINER)
            shutil.rmtree(node.place(DATA) / ".skycoin")
            assert node.start() == ""
            return "needs another data volume, which its end names; runs on it, with equal addresses"
        time.sleep(0.5)
    raise AssertionError(node.says())
