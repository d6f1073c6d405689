"""A node on a board goes back to its last healthy image, stays there in every run, and is upgraded again."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.e2e.boards import Board, start_board
from tests.e2e.machine import Machine, Result
from tests.e2e.test_dead_hosts import with_entries
from tests.e2e.test_hosts import login_of
from tests.e2e.test_wallet_identity import MADE
from tests.unit.yaml_like import PROXY

NODE = "skycoin-porch"
REASON = "stops at block 5"
COMMENT = "# Written by hand, and kept.\n"
RUN = "{{.Id}} {{.State.StartedAt}}"
LIFT = "./skyinfra node lift-rollback porch"


@pytest.fixture(scope="module")
def porch(up: Machine) -> Iterator[Board]:
    board = start_board(up.layout, "porch", 15)
    yield board
    board.end()


@dataclass(frozen=True, slots=True)
class Fleet:
    """A node on a board, after an upgrade."""

    machine: Machine
    board: Board
    old: str
    new: str
    """Digest after the upgrade; `old` is the one before."""
    wallet: str
    """Fingerprint of its wallets before the upgrade."""

    def runs(self) -> str:
        return digest_on(self.board)


def digest_on(board: Board) -> str:
    """Digest that the node runs; the node must be healthy."""
    said = board.docker("inspect", "-f", "{{.State.Health.Status}} {{.Config.Image}}", NODE)
    health, image = said.split()
    assert health == "healthy"
    return image.partition("@")[2]


def fingerprint(machine: Machine, node: str = "porch") -> str:
    shown = machine.skyinfra("wallet", "accept", node)
    assert shown.code == 0, shown.text
    match = re.search(r"has the fingerprint ([0-9a-f]+)", shown.text)
    assert match, shown.text
    return match[1]


def well(result: Result) -> Result:
    assert result.code == 0, result.text
    return result


@pytest.fixture(scope="module")
def fleet(up: Machine, porch: Board) -> Iterator[Fleet]:
    """The upgrade goes from the list's digest to the variant's, so that nothing has to be built."""
    before = up.settings()
    nodes = {"porch": {"image": "skycoin", "host": "porch", "wait": 60, "gui": True}}
    # Listed; otherwise it would be built for every architecture that the host might have.
    images = {"proxy": PROXY}
    up.change(with_entries(before, hosts={"porch": porch.host}, nodes=nodes, images=images))
    well(up.make("up"))
    # A wallet created by the node itself.
    porch.docker("exec", NODE, "skycoin-cli", "walletCreate", "porch.wlt", *MADE["deterministic"])
    old, wallet = digest_on(porch), fingerprint(up)
    hosts = {"porch": {**porch.host, "arch": "amd64"}}
    up.change(with_entries(before, hosts=hosts, nodes=nodes, images=images))
    well(up.make("up"))
    up.stack_file.write_text(COMMENT + up.stack_file.read_text())
    yield Fleet(up, porch, old, digest_on(porch), wallet)
    well(up.make("retire", "NODE=porch"))
    up.change(before)
    well(up.make("up"))


def status_on(board: Board, path: str, *login: str, port: int = 6420) -> str:
    """HTTP status of an answer at the node's port on the board."""
    options = ("--user", ":".join(login)) if login else ()
    ask = ("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--max-time", "20", *options)
    return board.run(*ask, f"http://127.0.0.1:{port}{path}")


def label(board: Board) -> str:
    return board.docker("inspect", "-f", '{{index .Config.Labels "skycoin.last-healthy"}}', NODE).strip()


def test_an_upgraded_node_names_the_image_before_it(fleet: Fleet) -> None:
    assert fleet.old != fleet.new
    name = label(fleet.board)
    assert name.startswith("registry.localhost:"), "the image's public name, not that of its way"
    assert name.endswith(f"/skycoin/skycoin@{fleet.old}")


def test_a_node_is_rolled_back_stays_there_and_is_updated_again_later(fleet: Fleet) -> None:
    machine, before = fleet.machine, fleet.machine.stack_file.read_text()
    volumes = fleet.board.docker("volume", "ls", "-q")
    proxy = fleet.board.docker("inspect", "-f", RUN, f"{NODE}-proxy")
    login = login_of(machine, "porch")
    back = well(machine.skyinfra("node", "rollback", "porch", "--reason", REASON, "--yes"))
    assert f"from {fleet.new[:19]} to {fleet.old[:19]}" in back.text
    assert re.search(r"porch-container .*update .*image", back.text), "the preview"
    assert fleet.runs() == fleet.old
    assert label(fleet.board).endswith(fleet.new), "the newer one was healthy"
    assert fingerprint(machine) == fleet.wallet
    pin: dict[str, Any] = machine.settings()["skycoin:nodes"]["porch"]["rollback"]
    assert (pin["digest"], pin["reason"]) == (fleet.old, REASON)
    assert machine.stack_file.read_text().startswith(COMMENT)
    said = (
        f"porch has been rolled back to {fleet.old[:19]} since {pin['date']}: {REASON}. `{LIFT}` lifts that"
    )
    assert said in back.text
    again = machine.make("up")
    for result in (again, machine.skyinfra("review"), machine.skyinfra("fleet", "status")):
        assert said in " ".join(well(result).text.split()), result.text
    assert re.search(r"\n    \d+ unchanged \(", again.text), "it changed nothing"
    assert fleet.runs() == fleet.old
    assert status_on(fleet.board, "/api/v1/wallets") == "401"
    assert status_on(fleet.board, "/api/v1/wallets", *login) == "200", "the older node, by the same proxy"
    well(machine.skyinfra("node", "lift-rollback", "porch", "--yes"))
    assert machine.stack_file.read_text() == before
    assert fleet.runs() == fleet.new
    assert fingerprint(machine) == fleet.wallet
    assert fleet.board.docker("volume", "ls", "-q") == volumes
    assert status_on(fleet.board, "/api/v1/wallets", *login) == "200"
    assert fleet.board.docker("inspect", "-f", RUN, f"{NODE}-proxy") == proxy, "it ran on"


def test_a_digest_that_exists_nowhere_is_refused_before_a_preview(fleet: Fleet) -> None:
    digest = f"sha256:{'0' * 64}"
    refused = fleet.machine.skyinfra("node", "rollback", "porch", "--reason", REASON, "--to", digest)
    assert refused.code == 1
    assert (
        f"porch: neither host porch nor {label(fleet.board).partition('@')[0]} has {digest}" in refused.text
    )
