"""`make up` ended at random moments: the next one completes it, and nothing is half done meanwhile.

Each round has another version of the node, so an `up` compiles, pushes, verifies, names and deploys it. The
record is kept as killed-up.md.
"""

import json
import os
import platform
import random
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from catalogue.arch import ARCHES
from clients.registry import Repository
from display.markdown import table
from tests.e2e.machine import SETTINGS, Machine, Result, clean_environment
from tests.e2e.plugin import until
from tests.e2e.test_interrupted import NODE, plugins_of
from tests.e2e.test_rollback import well
from tests.e2e.test_wallet_identity import MADE

PAGE = Path(__file__).parent / "killed-up.md"
ROUNDS = 12
SEED = int(os.environ.get("SEED", "1"))
WALLET = f"{NODE}-wallet"
ALL, FOREGROUND = "--session", "--pgroup"
ENDS = {
    "all of it is killed": (signal.SIGKILL, ALL),
    "make is killed": (signal.SIGKILL, FOREGROUND),
    "Ctrl-C": (signal.SIGINT, FOREGROUND),
    "the terminal closes": (signal.SIGHUP, FOREGROUND),
}
"""Signal of each end, and which processes get it: pulumi is in a process group of its own."""
ENDED = "it had ended before"
HEADS = ("round", "end", "after", "last line", "the node", "next `make up`")
INTRODUCTION = """\
Written by `tests/soak/test_killed_up.py`, in `make soak` (seed {seed}; Docker {engine}). Each round changes
the source's branch, which the node reports, and the number of layers, so that all five variants are
compiled, pushed, verified, named and deployed again. `make up` is ended at a random moment. Then every tag
in the registry still had a complete list, at most one container with the wallet ran, and the wallet's files
had all their addresses. The next `make up` succeeded and left one container, of the new image, with all
addresses. After the last round, one more changed nothing, and there was no volume that was not there before.
A whole `make up` of such a round took {whole:.0f} s. After “make is killed”, pulumi goes on by itself; what
follows then waits until it has ended.
*The node* is what its engine ran after the end: the container of before (old), the new one, or none."""


@dataclass(frozen=True, slots=True)
class Stack:
    """The stack `local`, whose node has a wallet of each type."""

    machine: Machine
    before: Mapping[str, Any]

    def version(self, number: int) -> None:
        """Write the settings of another version of the node's image into the stack's file."""
        image = self.before["skycoin:images"]["skycoin"]
        source = {**image["source"], "branch": f"round-{number}"}
        changed = {**image, "source": source, "layers": 1 + number % 2}
        self.machine.change({**self.before, "skycoin:images": {"skycoin": changed}})

    def up(self) -> Result:
        return well(self.machine.make("up"))

    def ended_up(self, seconds: float, how: str) -> str:
        """Run `make up` for some seconds, and end it; return its last line, or that it had ended.

        Waits for what goes on by itself, as `make up` says: a pulumi whose make was killed finishes its work.
        """
        number, whose = ENDS[how]
        log = self.machine.layout.logs / "killed.log"
        with (
            log.open("w") as file,
            subprocess.Popen(
                # A test runner in the background ignores these signals, and so would all that it starts.
                ("env", "--default-signal=INT,HUP", "make", "--no-print-directory", "up"),
                cwd=self.machine.checkout,
                env={**clean_environment(), **SETTINGS},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                start_new_session=True,
            ) as process,
        ):
            try:
                assert process.wait(timeout=seconds) == 0
                last = ENDED
            except subprocess.TimeoutExpired:
                last = f"`{log.read_text().splitlines()[-1].strip()}`"
                subprocess.run(["pkill", f"-{number.name}", whose, str(process.pid)], check=True)
                assert process.wait(timeout=300) != 0
        alive = ("pgrep", ALL, str(process.pid))
        until(
            lambda: subprocess.run(alive, check=False, stdout=subprocess.DEVNULL).returncode == 1,
            "all of it has ended",
            300,
            1,
        )
        return last

    def running(self) -> list[str]:
        """Ids of running containers with the wallet."""
        return self.machine.docker("ps", "-q", "--no-trunc", "--filter", f"volume={WALLET}").text.split()

    def volumes(self) -> list[str]:
        return sorted(self.machine.docker("volume", "ls", "-q").text.split())

    def addresses(self) -> dict[str, list[str]]:
        """Wallet → its addresses, read from the files: no node needs to run."""
        place = Path(self.machine.inspect("volume", WALLET)["Mountpoint"])
        return {kind: addresses_in(place / f"{kind}.wlt") for kind in MADE}

    def incomplete_tags(self) -> list[str]:
        """Tags of the registry whose list, or one of its variants, is not completely there."""
        repository = Repository(f"{self.machine.layout.registry}/skycoin/skycoin")
        return [tag for tag in repository.tags() if not is_complete(repository, tag)]


def addresses_in(file: Path) -> list[str]:
    """Addresses in a wallet's file, also of its accounts (bip44)."""
    wallet = json.loads(file.read_text())
    return sorted(set(_addresses(wallet)))


def _addresses(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("address"), str):
            yield part["address"]
        part = [*part.values()]
    if isinstance(part, list):
        for item in part:
            yield from _addresses(item)


def is_complete(repository: Repository, reference: str) -> bool:
    """True if a tag's manifest, and all that it refers to, is in the registry."""
    fields = repository.manifest(reference).fields
    if "manifests" in fields:
        children = [entry["digest"] for entry in fields["manifests"]]
        return len(children) == len(ARCHES) and all(is_complete(repository, child) for child in children)
    return all(repository.has_blob(blob["digest"]) for blob in (fields["config"], *fields["layers"]))


@pytest.fixture
def stack(up: Machine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    up.lend_login(monkeypatch)
    for kind, options in MADE.items():
        well(up.docker("exec", NODE, "skycoin-cli", "walletCreate", f"{kind}.wlt", *options))
    one = Stack(up, up.settings())
    yield one
    up.change(dict(one.before))
    well(up.make("up"))


@pytest.mark.case(15)
def test_an_up_that_ends_at_any_moment_is_completed_by_the_next(stack: Stack) -> None:
    chance, rows = random.Random(SEED), list[tuple[str, ...]]()  # noqa: S311 no secret
    stack.version(0)
    began = time.monotonic()
    stack.up()
    whole = time.monotonic() - began
    wallets, volumes = stack.addresses(), stack.volumes()
    for number in range(1, ROUNDS + 1):
        [old] = stack.running()
        stack.version(number)
        seconds, how = chance.uniform(1, 0.9 * whole), chance.choice([*ENDS])
        last = stack.ended_up(seconds, how)
        running = stack.running()
        assert len(running) <= 1, "two writers of one wallet"
        assert stack.addresses() == wallets
        assert stack.incomplete_tags() == []
        began = time.monotonic()
        stack.up()
        again = time.monotonic() - began
        node = "none" if not running else "old" if running == [old] else "new"
        rows.append((str(number), how, f"{seconds:.0f} s", last, node, f"{again:.0f} s"))
        print(*rows[-1], sep=" | ", flush=True)
        assert stack.machine.containers_with(WALLET) == [NODE], "an orphan, or a name twice"
        image = stack.machine.inspect("container", NODE)["Config"]["Image"]
        assert image == stack.machine.outputs()["nodes"]["node-1"]["image"]
        assert stack.addresses() == wallets
    assert len([row for row in rows if ENDED not in row]) > ROUNDS / 2
    assert stack.up().changed_nothing
    assert stack.volumes() == volumes
    until(lambda: plugins_of(stack.machine) == [], "the plugins of ended engines end", seconds=10)
    write(stack, rows, whole)


def write(stack: Stack, rows: list[tuple[str, ...]], whole: float) -> None:
    place = f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, {platform.machine()}"
    engine = stack.machine.docker("version", "-f", "{{.Server.Version}}").text.strip()
    introduction = INTRODUCTION.format(seed=SEED, engine=engine, whole=whole)
    page = [f"# `make up` ended at random moments: {place}", "", introduction, "", *table(HEADS, rows), ""]
    PAGE.write_text("\n".join(page))
