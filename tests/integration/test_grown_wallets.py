"""Copies of grown wallets by updates of a node: exchanged volumes, failures, copies that are gone."""

import shutil
from pathlib import Path

import pytest

from catalogue.naming import copies_volume
from catalogue.node_container import USER
from tests.integration.world import World, address, keys_of_copies
from tests.integration.world_engine import world_engines
from tests.integration.world_node import Node
from tests.unit.node_engine import NEXT, Fault
from tests.unit.test_handover import _clock

__all__ = ["_clock"]
OTHER = "skycoin-two-wallet"


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Node:
    """A node with one address, which is copied."""
    monkeypatch.setattr("clients.wallet_on_host.PAUSE", 0)
    node = Node(World(world_engines(tmp_path)), "one", 6420)
    assert node.up() == "create"
    node.world.save(node.place, "mine.wlt", address("first"))
    assert node.up(refresh=True) == "update"
    assert node.up(refresh=True) == "same"
    return node


def copied(node: Node) -> list[str]:
    """Names of the copies of the node's wallet."""
    folder = node.engine.folder(copies_volume(node.wanted["wallet"]))
    return sorted(path.name for path in folder.glob("2*"))


@pytest.mark.parametrize("refresh", [True, False])
def test_volumes_that_are_exchanged_and_exchanged_back_are_each_copied_once(
    node: Node, *, refresh: bool
) -> None:
    node.engine.make(OTHER)
    node.engine.give_to(OTHER, USER)
    node.world.save(("attic", OTHER), "other.wlt", address("second"))
    for wanted in (OTHER, node.wallet, OTHER):
        node.wanted["wallet"] = wanted
        assert node.up(refresh=refresh) == "update", node.error
        assert node.preflight.outputs["walletsCopied"] == node.preflight.outputs["wallets"]
        assert (len(copied(node)), len(node.running)) == (1, 1)
        assert node.up(refresh=True) == "same"


@pytest.mark.parametrize("refresh", [True, False])
def test_an_empty_volume_that_is_accepted_in_place_of_another_leaves_the_copies_of_both(
    node: Node, *, refresh: bool
) -> None:
    node.engine.make(OTHER)
    node.engine.give_to(OTHER, USER)
    node.world.save(("attic", OTHER), "other.wlt", address("second"))
    node.wanted["wallet"] = OTHER
    assert node.up() == "update"
    node.wanted["wallet"] = node.wallet
    assert node.up() == "update"
    node.world.put(("attic", OTHER), {}, USER)
    node.wanted |= {"wallet": OTHER, "newWallet": True}
    assert node.up(refresh=refresh) == "update", node.error
    assert [name[20:] for name in copied(node)] == ["", "-new-wallet"]
    node.world.save(("attic", OTHER), "third.wlt", address("third"))
    assert node.up(refresh=True) == "update"
    assert len(copied(node)) == 3


@pytest.mark.parametrize("refresh", [True, False])
def test_an_accepted_loss_is_marked_once_even_if_the_node_fails_after_it(
    node: Node, *, refresh: bool
) -> None:
    node.world.put(node.place, {}, USER)
    node.wanted |= {"newWallet": True, "image": NEXT}
    calls = 0
    while node.up(refresh=refresh) not in ("same", "update"):
        calls += 1
        assert calls < 3, node.error
    assert [name[20:] for name in copied(node)] == ["", "-new-wallet"]
    assert node.up(refresh=True) == "same"


@pytest.mark.parametrize("fault", [*Fault])
def test_a_fault_at_any_call_of_an_update_that_copies_leaves_the_copy_to_the_next(
    node: Node, fault: Fault
) -> None:
    for at in range(1, 12):
        node.world.save(node.place, "mine.wlt", address(f"{fault}, {at}"))
        node.engine.arm(at, fault)
        node.up(refresh=True)
        assert node.up(refresh=True) in ("same", "update"), node.error
        assert node.world.keys(node.place) <= keys_of_copies(node.engine.folder(copies_volume(node.wallet)))
        assert node.up(refresh=True) == "same"


@pytest.mark.parametrize("memory", [512, 600])
def test_copies_that_were_removed_by_hand_are_made_again_without_another_container(
    node: Node, memory: int
) -> None:
    """Before, a removal that leaves the host's record, such as `rm -r /copies/*`, was never noticed."""
    before = [box.identity for box in node.running]
    for name in copied(node):
        shutil.rmtree(node.engine.folder(copies_volume(node.wallet)) / name)
    node.wanted["memory"] = memory
    assert node.up(refresh=True) == "update"
    assert len(copied(node)) == 1
    assert [box.identity for box in node.running] == before
    assert node.up(refresh=True) == "same"
