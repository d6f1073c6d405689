"""Wallets of a container that removes itself when it stops, adopted by the commands of docs/wallets.md."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from local.machine.layout import PROJECT
from tests.e2e.machine import Machine
from tests.e2e.plugin import until
from tests.e2e.test_dead_hosts import with_entries
from tests.e2e.test_move import HEIR_PORT
from tests.e2e.test_rollback import well
from tests.e2e.test_wallet_identity import MADE

PAGE = (PROJECT / "docs" / "wallets.md").read_text()
OLD, KEPT, HEIR = "old-skycoin", "old-skycoin-kept", "skycoin-heir"


def commands(part: str, **words: str) -> list[str]:
    """Lines of the page's code block that contains `part`, with the names of this test."""
    blocks: list[str] = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    [block] = [block for block in blocks if part in block]
    for old, new in {"adopt node-1": "adopt heir", **words}.items():
        block = block.replace(old, new)
    return block.splitlines()


@contextmanager
def old_node(up: Machine, *options: str) -> Iterator[str]:
    """Run a node by `docker run --rm`, with a wallet that it creates; yield the wallet's addresses."""
    image = up.outputs()["nodes"]["node-1"]["image"]
    named = ("--rm", "--network", "none", "--name", OLD, *options)
    well(up.docker("run", "-d", *named, image, "-disable-networking"))
    try:
        cli = ("exec", OLD, "skycoin-cli")
        until(lambda: up.docker(*cli, "status").code == 0, "the old node answers", 120, 1)
        well(up.docker(*cli, "walletCreate", "old.wlt", *MADE["deterministic"]))
        yield well(up.docker(*cli, "listAddresses", "old.wlt")).text
    finally:
        for name in (OLD, KEPT):
            up.docker("rm", "-f", "-v", name)


@pytest.fixture
def heir(up: Machine) -> Iterator[Machine]:
    """A node with an empty wallet; its volumes are removed with it."""
    before = up.settings()
    nodes = {"heir": {"image": "skycoin", "host": "here", "rpc-port": HEIR_PORT, "wait": 60}}
    up.change(with_entries(before, nodes=nodes))
    well(up.make("up"))
    yield up
    well(up.make("retire", "NODE=heir"))
    up.change(before)
    well(up.make("up"))
    for volume in ("wallet", "wallet-backups", "data"):
        up.docker("volume", "rm", f"{HEIR}-{volume}")


def run(up: Machine, lines: list[str]) -> None:
    for line in lines:
        well(up.run("sh", "-c", line, env=up.environment()))


def adopted(up: Machine) -> str:
    return well(up.docker("exec", HEIR, "skycoin-cli", "listAddresses", "old.wlt")).text


@pytest.mark.parametrize(
    "options", [("-v", "old-skycoin:/wallet"), ("-v", "/wallet")], ids=["named", "anonymous"]
)
def test_a_volume_of_a_container_that_removes_itself_is_kept(heir: Machine, options: tuple[str, ...]) -> None:
    with old_node(heir, *options) as addresses:
        refused = heir.skyinfra("wallet", "adopt", "heir", "--from", OLD, "--yes")
        assert refused.code == 1
        assert "--rm" in refused.text
        run(heir, commands("--volumes-from old-skycoin"))
        until(lambda: heir.docker("container", "inspect", OLD).code != 0, "it has removed itself")
        assert adopted(heir) == addresses
    heir.docker("volume", "rm", OLD)


def test_a_container_s_own_files_are_copied_while_it_runs(heir: Machine) -> None:
    """This project's image keeps them at /wallet, so the page's paths are replaced."""
    places = {"/root/.skycoin/wallets": "/wallet", "kept:/wallets": "kept:/wallet"}
    with old_node(heir) as addresses:
        run(heir, commands("docker cp", **places))
        until(lambda: heir.docker("container", "inspect", OLD).code != 0, "it has removed itself")
        assert adopted(heir) == addresses


def test_a_folder_that_no_container_mounts_is_given_one(heir: Machine, tmp_path: Path) -> None:
    place = tmp_path / "wallets"
    place.mkdir()
    place.chmod(0o777)
    with old_node(heir, "-v", f"{place}:/wallet") as addresses:
        well(heir.docker("stop", "-t", "60", OLD))
        words = {"/srv/skycoin/wallets": str(place), "\\\n": ""}
        run(heir, commands("-v /srv/skycoin/wallets:/wallet", **words))
        well(heir.skyinfra("wallet", "adopt", "heir", "--from", OLD, "--yes"))
        assert adopted(heir) == addresses
