"""`new-wallet: true` after the wallet's volume was removed: accepted once, with a refresh and without."""

from pathlib import Path

import pytest

from catalogue.naming import copies_volume
from tests.integration.world import World, address, keys_of_copies
from tests.integration.world_engine import world_engines
from tests.integration.world_node import Node
from tests.unit.node_engine import NEXT
from tests.unit.test_handover import _clock

__all__ = ["_clock"]


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Node:
    """A node that has lost its wallet volume and its container, after its copy was made."""
    monkeypatch.setattr("clients.wallet_on_host.PAUSE", 0)
    node = Node(World(world_engines(tmp_path)), "one", 6420)
    assert node.up() == "create"
    node.world.save(node.place, "mine.wlt", address("first"))
    node.wanted["command"] = ["-x=2"]
    assert node.up(refresh=True) == "update"
    node.world.remove("attic", node.wallet)
    return node


@pytest.mark.case(19)
@pytest.mark.parametrize("refresh", [True, False])
def test_a_lost_volume_is_accepted_by_the_setting_that_its_refusal_names(node: Node, refresh: bool) -> None:
    """Before, `make up` refused, said to set it, and refused again when it was set: its refresh failed."""
    assert node.up(refresh=True) == "ProviderError"
    assert "If you accept that the wallet is lost, set `new-wallet: true`" in node.error
    assert not node.running
    node.wanted["newWallet"] = True
    assert node.up(refresh=refresh) == ("create" if refresh else "update"), node.error
    assert [box.name for box in node.running] == ["skycoin-one"]
    assert node.world.keys(node.place) == set()
    assert keys_of_copies(node.engine.folder(copies_volume(node.wallet))), "the copies stay"
    assert node.up(refresh=True) == "same"


@pytest.mark.case(19)
@pytest.mark.parametrize("refresh", [True, False])
def test_the_setting_that_stays_in_the_file_accepts_no_second_loss(node: Node, refresh: bool) -> None:
    node.wanted["newWallet"] = True
    assert node.up(refresh=True) == "create", node.error
    node.world.save(node.place, "other.wlt", address("second"))
    assert node.up(refresh=True) == "update", "it is copied"
    node.world.remove("attic", node.wallet)
    node.wanted["image"] = NEXT
    assert node.up(refresh=refresh) == "ProviderError"
    assert "is gone. It held 1 wallet with 1 address" in node.error
    assert node.wallet not in node.engine.volumes_there
