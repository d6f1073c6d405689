"""The life of a fleet: four boards behind ssh, two of them emulated; its record is kept as fleet.md.

While all are upgraded, one board is dead, one fails and one is cut off. Then they are upgraded, rolled back,
and adopted by another machine of the operator's. Wallets and heights are compared after each step.
"""

import itertools
import json
import os
import platform
import re
import shlex
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

import pytest
import yaml

from clients.fingerprint import digest
from display.markdown import table
from providers.skycoin.watchdog import MARGIN
from tests.e2e.boards import Board, start_board
from tests.e2e.machine import HOME, Machine, Result
from tests.e2e.plugin import until
from tests.e2e.test_dead_hosts import with_entries
from tests.e2e.test_publishing import rebuilt
from tests.e2e.test_rollback import fingerprint, well
from tests.e2e.test_setup_backup import dead, new_machine
from tests.e2e.test_wallet_identity import MADE, files_in
from wallets.files.fingerprint import fingerprint_of

HERE = Path(__file__).parent
ARCHES = {"attic": "amd64", "barn": "amd64", "cellar": "arm32v7", "loft": "arm64v8"}
WALLETS = dict(zip(ARCHES, ("deterministic", "bip44", "locked", "xpub"), strict=True))
"""Board → type of its wallet; no two have the same fingerprint."""
FIRST_NUMBER, PORT, WAIT = 40, 6420, 60
EMULATED = ("cellar", "loft")
REASON = "stops at block 5"
INTRODUCTION = """\
Written by `tests/soak/test_fleet.py`, in `make soak`. No board of it is a real one: each is a network
namespace of the tests' machine, with an address, a loopback, an sshd and a Docker engine of its own, and two
run programs for ARM by emulation. They reach no registry: their images come through ssh from the one of
`make up`. No node talks to the network, so that each chain has its first block alone, of height 0.

The tables are what the boards show themselves, past ssh and the link: the digest that a healthy node runs,
its chain's height, and the fingerprint of its wallets, which `skyinfra wallet accept` shows. No address or
seed can be told from one. Paths of the tests' machine begin with `…` here.""".splitlines()


@dataclass(frozen=True, slots=True)
class Seen:
    """A board's node, observed directly, bypassing ssh and the link."""

    digest: str
    height: int
    wallets: str
    """Fingerprint of the wallets, as `skyinfra wallet accept` shows it."""


Sight: TypeAlias = dict[str, Seen]
"""Board → its node."""


@dataclass
class Fleet:
    """The boards, the machine that deploys to them, and the record of what happened."""

    machine: Machine
    boards: dict[str, Board]
    record: list[str] = field(default_factory=list)

    def running(self, name: str, *filters: str) -> dict[str, str]:
        """Container → image of the running containers on a board."""
        form = ("--no-trunc", "--format", "{{.Names}} {{.Image}}")
        chosen = [word for condition in filters for word in ("--filter", condition)]
        return dict(line.split() for line in self.boards[name].docker("ps", *form, *chosen).splitlines())

    def look(self) -> Sight:
        """Inspect each board's node, which must be healthy."""
        return {name: self._seen(name, board) for name, board in self.boards.items()}

    def _seen(self, name: str, board: Board) -> Seen:
        image = self.running(name, "health=healthy")[f"skycoin-{name}"]
        assert image.startswith("127.0.0.1:"), "it came through ssh"
        chain = json.loads(board.get("/api/v1/blockchain/metadata", PORT))
        wallet = board.docker("volume", "inspect", "-f", "{{.Mountpoint}}", f"skycoin-{name}-wallet").strip()
        return Seen(
            image.partition("@")[2],
            int(chain["head"]["seq"]),
            digest(fingerprint_of(files_in(Path(wallet)))),
        )

    def tell(self, title: str, *parts: Sequence[str]) -> None:
        """Add a step to the record."""
        self.record += [f"## {title}", ""]
        for part in parts:
            self.record += [*part, ""]


def quoted(text: str) -> list[str]:
    """Quote the output of a command, without Pulumi's own lines, which say the same in other words."""
    shorter = re.sub(
        r"^Previewing update .*?(?=^(Diagnostics:|• ))", "…\n", text, flags=re.DOTALL | re.MULTILINE
    )
    shorter = re.sub(r"^Outputs:.*?(?=^Resources:)", "…\n", shorter, flags=re.DOTALL | re.MULTILINE)
    return ["```text", *shorter.replace(str(HOME), "…").strip("\n").splitlines(), "```"]


def update(result: Result) -> list[str]:
    """Quote the output of a command from its update on; the set-up's comes before."""
    return quoted(result.text[result.text.index("• pulumi up") :])


def timed(machine: Machine, *command: str) -> tuple[Result, str]:
    """Run a command; return its result, and a line about how it ended."""
    began = time.monotonic()
    result = machine.run(*command, env=machine.environment() if command[0] != "make" else {})
    took = time.monotonic() - began
    return result, f"`{shlex.join(command)}` took {took:.0f} s and ended with exit code {result.code}."


def change(before: Sight, after: Sight) -> list[str]:
    """Table of the boards before and after a step."""
    heads = ("board", "image before", "after", "height before", "after", "wallets before", "after")
    rows = [
        (name, *itertools.chain(*zip(_cells(before.get(name)), _cells(now), strict=True)))
        for name, now in after.items()
    ]
    return table(heads, rows)


def _cells(one: Seen | None) -> tuple[str, str, str]:
    if one is None:
        return ("–", "–", "–")
    return (one.digest.removeprefix("sha256:")[:12], str(one.height), one.wallets)


def kept(before: Sight, after: Sight) -> None:
    """Check that heights and wallets are unchanged."""
    assert [(node.height, node.wallets) for node in after.values()] == [
        (node.height, node.wallets) for node in before.values()
    ]


def digests(sight: Sight) -> dict[str, str]:
    return {name: one.digest for name, one in sight.items()}


@pytest.fixture
def fleet(up: Machine) -> Iterator[Fleet]:
    boards = {name: start_board(up.layout, name, number) for number, name in enumerate(ARCHES, FIRST_NUMBER)}
    before = up.settings()
    hosts = {name: {**board.host, "arch": ARCHES[name]} for name, board in boards.items()}
    for name in EMULATED:
        hosts[name]["emulation"] = "allowed"
    nodes = {name: {"image": "skycoin", "host": name, "wait": WAIT} for name in boards}
    up.change({**with_entries(before, hosts=hosts, nodes=nodes), "skycoin:rollout": {"first": "attic"}})
    yield Fleet(up, boards)
    for name, board in boards.items():
        board.plug()
        well(up.make("retire", f"NODE={name}"))
    up.change(before)
    well(up.make("up"))
    for board in boards.values():
        board.end()


def test_the_life_of_a_fleet(fleet: Fleet) -> None:
    _introduce(fleet)
    first = _deploy(fleet)
    part = _upgrade_with_three_faults(fleet, first)
    second = _catch_up(fleet, first, part)
    _roll_back(fleet, first, second)
    _adopt(fleet, second)
    _show(fleet)
    (HERE / "fleet.md").write_text("\n".join(fleet.record).rstrip() + "\n")


def _introduce(fleet: Fleet) -> None:
    checked, said = timed(fleet.machine, "./skyinfra", "fleet", "check")
    well(checked)
    place = f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, {platform.machine()}"
    rows = [
        (name, arch, "emulated" if name in EMULATED else "native", WALLETS[name])
        for name, arch in ARCHES.items()
    ]
    fleet.record += [f"# The life of a fleet: {place}", "", *INTRODUCTION, ""]
    fleet.record += [*table(("board", "variant", "runs", "its wallet"), rows), ""]
    fleet.tell("What `fleet check` says before anything is there", [said], quoted(checked.text))


def _deploy(fleet: Fleet) -> Sight:
    result, said = timed(fleet.machine, "make", "up")
    well(result)
    for name, board in fleet.boards.items():
        options = MADE[WALLETS[name]]
        board.docker("exec", f"skycoin-{name}", "skycoin-cli", "walletCreate", "own.wlt", *options)
    seen = fleet.look()
    assert len({node.wallets for node in seen.values()}) == len(seen)
    assert {name: fingerprint(fleet.machine, name) for name in seen} == {
        name: one.wallets for name, one in seen.items()
    }
    fleet.tell("Deployed through ssh alone", [said], update(result), change({}, seen))
    return seen


def _upgrade_with_three_faults(fleet: Fleet, before: Sight) -> Sight:
    """The loft is dead, the barn's node fails, the cellar is cut off while its new node starts."""
    machine, boards = fleet.machine, fleet.boards
    sound = rebuilt(machine.settings(), revision=41)
    barn = {**sound["skycoin:nodes"]["barn"], "args": ["-max-connections=many"]}
    machine.change(with_entries(sound, nodes={"barn": barn}))
    boards["loft"].unplug()
    ended: list[tuple[Result, str]] = []
    run = threading.Thread(target=lambda: ended.append(timed(machine, "make", "up")))
    run.start()
    returned = _cut_off(fleet, before["cellar"].digest)
    run.join(timeout=1200)
    [(result, said)] = ended
    assert result.code != 0
    assert "host loft is skipped" in result.text
    assert 'invalid value "many" for flag -max-connections' in result.text
    assert "The old container skycoin-barn was restored unchanged" in result.text
    boards["cellar"].plug()
    boards["loft"].plug()
    seen = fleet.look()
    kept(before, seen)
    assert seen["attic"].digest != before["attic"].digest
    assert {**digests(seen), "attic": ""} == {**digests(before), "attic": ""}
    happened = "loft has no link from the start, barn gets an argument that its node does not take."
    fleet.tell(
        "Upgraded with one dead, one failing, and one cut off in the middle",
        [happened, returned, said],
        update(result),
        change(before, seen),
    )
    machine.change(sound)
    return seen


def _cut_off(fleet: Fleet, old: str) -> str:
    """Cut the cellar off while its new node starts; return a line about when the old container was back."""
    until(lambda: not _image(fleet, "cellar", old).endswith(old), "its new node starts", 900, pause=1)
    fleet.boards["cellar"].unplug()
    cut = time.monotonic()
    until(lambda: _image(fleet, "cellar").endswith(old), "its old node runs", 600, pause=1)
    back = time.monotonic() - cut
    until(lambda: _image(fleet, "cellar", "", "health=healthy").endswith(old), "it is healthy", 120, pause=1)
    healthy = time.monotonic() - cut
    return (
        f"The link to cellar was cut while its new node started. Its old node ran again {back:.0f} s later, "
        f"and was healthy after {healthy:.0f} s: the watchdog waits for the grace, `wait: {WAIT}` and "
        f"{MARGIN} s."
    )


def _image(fleet: Fleet, name: str, default: str = "", *filters: str) -> str:
    """Image of the node that runs on a board."""
    return fleet.running(name, *filters).get(f"skycoin-{name}", default)


def _catch_up(fleet: Fleet, first: Sight, before: Sight) -> Sight:
    result, said = timed(fleet.machine, "make", "up")
    well(result)
    seen = fleet.look()
    kept(before, seen)
    assert seen["attic"] == before["attic"]
    assert not {*digests(seen).values()} & {*digests(first).values()}
    fleet.tell("All links are back, and the argument is gone", [said], update(result), change(before, seen))
    return seen


def _roll_back(fleet: Fleet, first: Sight, before: Sight) -> None:
    rollback = ("./skyinfra", "node", "rollback", *fleet.boards, "--reason", REASON, "--yes")
    result, said = timed(fleet.machine, *rollback)
    well(result)
    seen = fleet.look()
    assert seen == first
    fleet.tell("Rolled back", [said], quoted(result.text), change(before, seen))
    result, said = timed(fleet.machine, "./skyinfra", "node", "lift-rollback", *fleet.boards, "--yes")
    well(result)
    assert fleet.look() == before
    fleet.tell("The rollback is lifted", [said], quoted(result.text), change(seen, before))


def _adopt(fleet: Fleet, before: Sight) -> None:
    """The operator's machine dies without a backup; another one takes the nodes over as they run."""
    machine = fleet.machine
    with new_machine(machine) as other:
        config = yaml.safe_load(machine.stack_file.read_text())["config"]
        other.stack_file.write_text(yaml.safe_dump({"config": config}, sort_keys=False))
        with dead(machine, other):
            path = {"PATH": machine.environment()["PATH"]}
            adopted = well(other.run("./skyinfra", "setup", "adopt", env=path))
            seen = fleet.look()
    for name in fleet.boards:
        assert re.search(rf"{name}: adopted as it runs on host {name}", adopted.text), adopted.text
    assert seen == before
    happened = (
        "Another machine has the program, the stack's file and the ssh key: `./skyinfra setup adopt` there."
    )
    fleet.tell(
        "The operator's machine is lost, and another one adopts the nodes",
        [happened],
        update(adopted),
        change(before, seen),
    )


def _show(fleet: Fleet) -> None:
    result, said = timed(fleet.machine, "./skyinfra", "fleet", "status")
    well(result)
    fleet.tell("What `fleet status` says at the end", [said], quoted(result.text))
