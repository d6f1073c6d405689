"""The handover of a node's container: its steps, what it refuses, and how it is undone.

Every fault at every step: tests/integration/test_handover_faults.py.
"""

import contextlib
import json
from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from catalogue.naming import previous_container
from catalogue.node_container import LAST_REPLACEMENT, NODE, WALLET_HELPER, stop_seconds
from clients.errors import ServiceError
from providers.kind import URN, ProviderError, Values
from providers.skycoin import chain_database, handover, watchdog
from providers.skycoin.handover import RESOURCE
from providers.skycoin.last_words import DAMAGED
from providers.skycoin.node_container import NodeContainer
from tests.unit.node_engine import (
    BAD,
    COPIES,
    DATA,
    GOOD,
    NEXT,
    SICK,
    WALLET,
    EngineContainer,
    NodeEngine,
    Resource,
)
from tests.unit.projects import PROJECT

NAME = "skycoin-one"
INPUTS: Values = {
    "host": "attic",
    "sshOptions": [],
    "wallet": WALLET,
    "backups": COPIES,
    "newWallet": False,
    "name": NAME,
    "image": GOOD,
    "command": ["-disable-networking"],
    "networkMode": NAME,
    "mounts": [
        {"type": "volume", "source": DATA, "target": "/data"},
        {"type": "volume", "source": WALLET, "target": "/wallet"},
    ],
    "ports": [{"internal": 6420, "external": 6420, "ip": "127.0.0.1"}],
    "memory": 512,
    "stopTimeout": 60,
    "waitTimeout": 30,
}


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that advances by one at each reading and each sleep."""
    now = iter(range(10**9))

    class Clock:
        @staticmethod
        def monotonic() -> float:
            return float(next(now))

        @staticmethod
        def sleep(_: float) -> None:
            next(now)

    monkeypatch.setattr(handover, "time", Clock)


def deployed(node_engine: NodeEngine, /, **changes: Any) -> Resource:
    """A node that `up` has deployed."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    kind = NodeContainer(lambda _: None, lambda _: None, lambda _: node_engine, lambda: now)
    resource = Resource(kind)
    resource.up({**INPUTS, **changes})
    return resource


def names(engine: NodeEngine) -> list[str]:
    return sorted(box.name for box in engine.boxes.values())


def only_container(engine: NodeEngine) -> Any:
    [box] = engine.boxes.values()
    return box


def assert_single_running(engine: NodeEngine, inputs: Values) -> None:
    """Assert that one container is left: it has these inputs, runs, and starts again on boot."""
    box = only_container(engine)
    assert (box.name, box.config["Image"], box.running) == (inputs["name"], inputs["image"], True)
    assert box.policy == "unless-stopped"
    assert {WALLET, DATA} <= engine.volumes_there
    assert engine.violations == []


def test_a_first_up_creates_the_container_and_confirms_it() -> None:
    engine = NodeEngine()
    resource = deployed(engine)
    assert_single_running(engine, INPUTS)
    assert engine.log == [f"create {NAME}", f"start {NAME}"]
    assert resource.up(INPUTS) == "same"
    assert resource.up(INPUTS, refresh=True) == "same"


def test_a_host_without_the_old_image_does_not_pull_it_for_a_handover() -> None:
    """The image may be removed with --force; on a board, its name has a forwarded port, closed by now."""
    engine = NodeEngine()
    resource = deployed(engine)
    engine.images_there.remove(GOOD)
    assert resource.up({**INPUTS, "image": NEXT}) == "update"
    assert_single_running(engine, {**INPUTS, "image": NEXT})


@pytest.mark.parametrize("refresh", [True, False])
@pytest.mark.case(37)
def test_a_removed_node_starts_under_its_new_name_if_its_old_name_is_taken(
    refresh: bool,
) -> None:
    """A regression: every `up` was refused, with a message that gave the other container the new name."""
    engine = NodeEngine()
    resource = deployed(engine)
    engine.boxes.clear()
    host = {"RestartPolicy": {"Name": "always"}, "NetworkMode": "none", "Mounts": []}
    anothers = {"Image": GOOD, "Labels": {NODE: "another node"}, "HostConfig": host}
    engine.boxes["other"] = other = EngineContainer("other", NAME, anothers, running=True)
    renamed = {**INPUTS, "name": "skycoin-uno", "networkMode": "skycoin-uno"}
    with pytest.raises(
        ProviderError, match=f"container {NAME} .* already in use by a container that belongs to another"
    ):
        resource.up({**INPUTS, "image": NEXT}, refresh=refresh)
    assert resource.up(renamed, refresh=refresh) == "update"
    assert engine.boxes.pop("other") is other
    assert (other.name, other.running) == (NAME, True)
    assert_single_running(engine, renamed)
    assert resource.up(renamed, refresh=True) == "same"


@pytest.mark.parametrize("refresh", [True, False])
@pytest.mark.case(36, 37)
def test_a_removed_node_gets_its_own_wallet_if_another_node_has_taken_back_its_name_and_wallet(
    refresh: bool,
) -> None:
    """It had them by mistake. Before, every `up` refused, and called the other one by a wrong name."""
    engine = NodeEngine()
    mine = {"name": "skycoin-mine", "wallet": "mine-wallet", "backups": "mine-wallet-backups"}
    mounts = [{"type": "volume", "source": "mine-wallet", "target": "/wallet"}]
    wanted = {**INPUTS, **mine, "networkMode": "skycoin-mine", "mounts": mounts}
    engine.volumes_there |= {"mine-wallet", "mine-wallet-backups"}
    resource = deployed(engine)
    engine.boxes.clear()
    others = {"RestartPolicy": {"Name": "always"}, "NetworkMode": "none", "Mounts": [{"Source": WALLET}]}
    anothers = {"Image": GOOD, "Labels": {NODE: "another node", RESOURCE: "another"}, "HostConfig": others}
    engine.boxes["other"] = other = EngineContainer("other", NAME, anothers, running=True)
    assert resource.up(wanted, refresh=refresh) == "update"
    assert engine.boxes.pop("other") is other
    assert (other.name, other.running) == (NAME, True)
    assert_single_running(engine, wanted)


@pytest.mark.case(36, 39)
@pytest.mark.parametrize("policy", ["no", "unless-stopped"])
def test_an_interrupted_handover_is_undone_next_to_the_same_node_of_another_set_up(policy: str) -> None:
    """The other node has the same URN and another wallet. Before, one of the two containers was removed."""
    engine = NodeEngine()
    resource = deployed(engine)
    old = only_container(engine)
    old.name, old.running = previous_container(NAME), False
    host = {"RestartPolicy": {"Name": policy}, "NetworkMode": "none", "Mounts": [{"Source": "their-wallet"}]}
    theirs = {"Image": GOOD, "Labels": {NODE: URN.get(), RESOURCE: "theirs"}, "HostConfig": host}
    engine.boxes["theirs"] = other = EngineContainer("theirs", "their-node", theirs, running=True)
    assert resource.up(INPUTS, refresh=True) == "update"
    assert engine.boxes.pop("theirs") is other
    assert other.running
    assert only_container(engine) is old
    assert_single_running(engine, INPUTS)


WORKSPACE: Values = {
    "Image": "registry.example/skycoindev-cli",
    "HostConfig": {"RestartPolicy": {"Name": "unless-stopped"}, "CapAdd": ["CAP_SYS_ADMIN"]},
}


def test_a_workspace_with_a_nested_engine_blocks_new_nodes_and_handovers() -> None:
    """This holds even if the host's key may only reach Docker, and for changes that no preflight sees."""
    engine = NodeEngine(boxes={"dind": EngineContainer("dind", "skycoin-workspace-cli", WORKSPACE)})
    words = r"host attic has the workspace skycoin-workspace-cli .+ \(skycoin:nodes\.one\.host\)\.$"
    URN.set("urn:pulumi:fleet::skycoin::skycoin:index:Node$skycoin:index:NodeContainer::one-container")
    with pytest.raises(ProviderError, match=words):
        deployed(engine)
    assert (names(engine), engine.log) == (["skycoin-workspace-cli"], [])
    there = engine.boxes.pop("dind")
    resource = deployed(engine)
    engine.boxes["dind"], done = there, list(engine.log)
    for change in ({"image": NEXT}, {"command": ["-log-level=debug"]}):
        with pytest.raises(ProviderError, match=words):
            resource.up({**INPUTS, **change})
    assert engine.log == done
    assert resource.up({**INPUTS, "memory": 1024}) == "update", "limits replace nothing"
    there.config = {**WORKSPACE, "HostConfig": {"RestartPolicy": {"Name": "no"}, "CapAdd": None}}
    assert resource.up({**INPUTS, "image": NEXT}) == "update"


def test_another_image_is_a_handover_in_this_order() -> None:
    engine = NodeEngine()
    resource = deployed(engine)
    engine.log.clear()
    assert resource.up({**INPUTS, "image": NEXT}) == "update"
    assert engine.log == [
        f"stop {NAME}",
        f"rename {NAME} {NAME}-previous",
        f"create {NAME}",
        f"start {NAME}",
        f"remove {NAME}-previous",
    ]
    assert engine.copies == 2
    assert_single_running(engine, {**INPUTS, "image": NEXT})


def test_a_handover_says_what_it_stops_and_what_it_waits_for() -> None:
    """In steps of five seconds, so that an unchanged wait prints no new line at each check."""
    engine, said = NodeEngine(), list[str]()
    deployed(engine)
    resource = Resource(NodeContainer(said.append, lambda _: None, lambda _: engine))
    with pytest.raises(ProviderError, match="is not healthy after 30 s"):
        resource.up({**INPUTS, "image": SICK})
    steps = [step for step in dict.fromkeys(said) if step.startswith(("copies", "stops", "waits"))]
    assert steps == [
        "copies the wallet",
        f"stops {NAME}",
        *(f"waits for {NAME} to be healthy: starting, {passed} of 30 s" for passed in (0, 5, 10, 15, 20, 25)),
    ]


def test_the_state_knows_how_long_the_last_replacement_took() -> None:
    """The time stays when nothing is replaced; a first container has replaced none."""
    engine = NodeEngine()
    resource = deployed(engine)
    assert LAST_REPLACEMENT not in resource.outputs
    resource.up({**INPUTS, "image": NEXT})
    took = resource.outputs[LAST_REPLACEMENT]
    assert isinstance(took, int)
    assert took > 0
    assert resource.up({**INPUTS, "image": NEXT}, refresh=True) == "same"
    assert resource.up({**INPUTS, "image": NEXT, "memory": 1024}) == "update"
    assert resource.outputs[LAST_REPLACEMENT] == took
    assert resource.up({**INPUTS, "image": NEXT, "memory": 1024}, replace=True) == "replace"
    assert LAST_REPLACEMENT in resource.outputs


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            {"image": BAD},
            "ended with exit code 2 after . s. It printed:\nflag provided but not defined: -foo",
        ),
        ({"image": SICK}, "is not healthy after 30 s. It printed:\nflag provided but not defined: -foo"),
        ({"ports": [{"internal": 6420, "external": 7000, "ip": "127.0.0.1"}]}, "port is already allocated"),
    ],
    ids=["exits", "unhealthy", "port taken"],
)
@pytest.mark.parametrize("live_restore", [False, True])
@pytest.mark.case(39)
def test_the_old_container_is_restored_if_the_new_one_fails(
    change: Values, expected: str, live_restore: bool
) -> None:
    engine = NodeEngine(ports={"7000"}, live_restore=live_restore)
    resource = deployed(engine)
    before = only_container(engine).identity
    with pytest.raises(ProviderError, match=expected) as error:
        resource.up({**INPUTS, **change})
    assert f"The old container {NAME} was restored unchanged" in str(error.value)
    assert only_container(engine).identity == before
    assert_single_running(engine, INPUTS)
    assert resource.up(INPUTS, refresh=True) == "same", "the state is as it was"
    resource.destroy()
    assert names(engine) == []


def test_a_first_container_that_fails_leaves_nothing_behind() -> None:
    engine = NodeEngine()
    with pytest.raises(ProviderError, match=r"Its new container was removed; volumes are kept\."):
        deployed(engine, image=SICK)
    assert names(engine) == []
    assert engine.volumes_there == {WALLET, COPIES, DATA}


def test_a_copy_that_fails_touches_nothing() -> None:
    engine = NodeEngine()
    resource = deployed(engine)
    engine.copy_code = 1
    engine.log.clear()
    with pytest.raises(ProviderError, match="no space left on device"):
        resource.up({**INPUTS, "image": NEXT})
    assert engine.log == []
    assert_single_running(engine, INPUTS)


def test_a_missing_wallet_volume_is_never_created_by_the_engine() -> None:
    engine = NodeEngine()
    resource = deployed(engine)
    engine.volumes_there.remove(WALLET)
    engine.log.clear()
    with pytest.raises(ProviderError, match="is gone, and no empty volume is created"):
        resource.up({**INPUTS, "image": NEXT})
    assert engine.log == []


@pytest.mark.case(36)
def test_a_wallet_that_another_container_uses_is_not_shared() -> None:
    engine = NodeEngine()
    resource = deployed(engine)
    config = {
        "Image": GOOD,
        "HostConfig": {**only_container(engine).config["HostConfig"], "PortBindings": {}},
    }
    engine.create_container_from_config(config, "by-hand")
    resource.destroy()
    engine.start("by-hand")
    with pytest.raises(ProviderError, match="in use by the container by-hand: a wallet has one writer"):
        resource.up(INPUTS)
    assert names(engine) == ["by-hand"]


@pytest.mark.case(36)
@pytest.mark.parametrize(
    ("state", "labels", "is_refused"),
    [
        ("running", {}, True),
        ("paused", {}, True),
        ("exited", {}, False),
        pytest.param("created", {WALLET_HELPER: WALLET}, True, id="a restore"),
    ],
)
def test_a_container_on_the_folder_of_the_wallet_volume_is_a_second_writer(
    monkeypatch: pytest.MonkeyPatch, state: str, labels: dict[str, str], is_refused: bool
) -> None:
    """Engines do not find it by the volume's name."""
    engine = NodeEngine()
    mount = {"Type": "bind", "Source": "/var/lib/docker/volumes/w/_data", "Destination": "/w", "RW": True}
    stranger = {"Id": "1", "Names": ["/stranger"], "State": state, "Labels": labels, "Mounts": [mount]}
    monkeypatch.setattr(engine, "inspect_volume", lambda _: {"Mountpoint": mount["Source"]})
    monkeypatch.setattr(engine, "listed", lambda _: [stranger])
    one = handover.Handover(engine, "node-1/0", {WALLET}, lambda _: None, lambda *_: None)
    with pytest.raises(ProviderError, match="stranger") if is_refused else contextlib.nullcontext():
        one.refuse_second_writer({WALLET}, "")


@pytest.mark.parametrize("foreign", [{}, {NODE: "urn:of-another"}], ids=["by hand", "of another stack"])
def test_a_foreign_container_is_not_adopted(foreign: dict[str, str]) -> None:
    engine = NodeEngine()
    mounts = [{"Source": WALLET if foreign else DATA}]
    host = {"Mounts": mounts, "RestartPolicy": {"Name": "no"}, "NetworkMode": "none"}
    engine.create_container_from_config({"Image": GOOD, "Labels": foreign, "HostConfig": host}, NAME)
    with pytest.raises(ProviderError, match="the name is already in use"):
        deployed(engine)
    assert names(engine) == [NAME]


@pytest.mark.case(36)
@pytest.mark.parametrize("running", [True, False])
def test_the_wallet_of_another_stacks_node_is_no_data_volume(*, running: bool) -> None:
    """`data-volume` that names it by mistake: within a stack the settings refuse that."""
    engine = NodeEngine()
    host = {"Mounts": [{"Source": DATA}], "RestartPolicy": {"Name": "no"}, "NetworkMode": "none"}
    labels = {NODE: "urn:of-another", RESOURCE: "skycoin-two/0"}
    other = {"Image": GOOD, "Labels": labels, "HostConfig": host}
    engine.create_container_from_config(other, "skycoin-two")
    engine.boxes[next(iter(engine.boxes))].running = running
    with pytest.raises(
        ProviderError, match=rf"the data volume '{DATA}' is in use by the container skycoin-two"
    ):
        deployed(engine)
    assert names(engine) == ["skycoin-two"]


@pytest.mark.case(37)
def test_replace_makes_one_handover_and_its_deletion_spares_the_new_container() -> None:
    engine = NodeEngine()
    resource = deployed(engine)
    before = only_container(engine).identity
    assert resource.up(INPUTS, replace=True) == "replace"
    assert only_container(engine).identity != before
    assert engine.copies == 2, "the wallet was copied first"
    assert_single_running(engine, INPUTS)


@pytest.mark.case(37)
@pytest.mark.parametrize("image", [BAD, SICK])
def test_a_replace_that_fails_leaves_the_old_container_in_the_state_and_running(image: str) -> None:
    engine = NodeEngine()
    resource = deployed(engine)
    with pytest.raises(ProviderError):
        resource.up({**INPUTS, "image": image}, replace=True)
    assert_single_running(engine, INPUTS)
    assert resource.up(INPUTS, refresh=True) == "same"


@pytest.mark.case(37)
def test_a_container_that_was_removed_by_hand_comes_back_after_a_copy() -> None:
    engine = NodeEngine()
    resource = deployed(engine)
    engine.boxes.clear()
    assert resource.up(INPUTS, refresh=True) == "create"
    assert engine.copies == 2
    assert_single_running(engine, INPUTS)


def test_a_container_that_was_stopped_is_started_and_a_changed_policy_repaired() -> None:
    engine = NodeEngine()
    resource = deployed(engine)
    engine.stop(NAME, timeout=60)
    assert resource.up(INPUTS, refresh=True) == "update"
    assert_single_running(engine, INPUTS)
    engine.update_container(NAME, restart_policy={"Name": "always"})
    assert resource.up(INPUTS, refresh=True) == "update"
    assert_single_running(engine, INPUTS)
    assert engine.log[-1] == f"start {NAME}", "it went on running"


def test_memory_changes_in_place() -> None:
    engine = NodeEngine()
    resource = deployed(engine)
    engine.log.clear()
    assert resource.up({**INPUTS, "memory": 1024}) == "update"
    assert engine.log == []
    assert only_container(engine).config["HostConfig"]["Memory"] == 1024 * 1024 * 1024


MEBIBYTE = 1024 * 1024


def test_a_memory_reservation_is_set_changed_and_removed_without_a_replacement() -> None:
    """An engine can't remove a reservation; one as high as the limit equals none."""
    engine = NodeEngine()
    resource = deployed(engine)
    engine.log.clear()
    host = only_container(engine).config["HostConfig"]
    for given, there in ((256, 256), (128, 128), (None, 512)):
        inputs = {**INPUTS, **({"memoryReservation": given} if given else {})}
        assert resource.up(inputs) == "update"
        assert host["MemoryReservation"] == there * MEBIBYTE
        assert host["Memory"] == 512 * MEBIBYTE
        assert resource.up(inputs, refresh=True) == "same"
    assert engine.log == [], "nothing was restarted"


def test_a_reservation_that_was_changed_by_hand_is_restored() -> None:
    engine = NodeEngine()
    inputs = {**INPUTS, "memoryReservation": 256}
    resource = deployed(engine, memoryReservation=256)
    engine.update_container(NAME, mem_reservation=64 * MEBIBYTE)
    assert resource.up(inputs, refresh=True) == "update"
    assert only_container(engine).config["HostConfig"]["MemoryReservation"] == 256 * MEBIBYTE


def test_a_variable_of_the_node_is_a_handover_and_reaches_it() -> None:
    engine = NodeEngine()
    resource = deployed(engine)
    inputs = {**INPUTS, "envs": ["GOMEMLIMIT=460MiB"]}
    assert resource.up(inputs) == "update"
    assert_single_running(engine, inputs)
    assert only_container(engine).config["Env"] == ["GOMEMLIMIT=460MiB"]


def test_a_rollback_is_in_the_state_and_restarts_nothing_by_itself() -> None:
    engine = NodeEngine()
    resource = deployed(engine)
    engine.log.clear()
    rollback = {"digest": GOOD.partition("@")[2], "reason": "stops", "date": "2026-11-26T14:00:00Z"}
    assert resource.up({**INPUTS, "rollback": rollback}) == "update"
    assert resource.outputs["rollback"] == rollback
    assert resource.up({**INPUTS, "rollback": rollback}, refresh=True) == "same"
    assert resource.up(INPUTS) == "update"
    assert "rollback" not in resource.outputs
    assert engine.log == []


TOO_NEW = (
    "Cannot use newer DB version=0.28.0 with older software version=0.27.1\n"
    "A newer version than this node's has written the chain database. This node changed neither the database "
    "nor the wallet. Keep the newer version, or let the older one download the chain again: docs/wallets.md, "
    "“Back to an older version”.\n"
    "The old container skycoin-one was restored unchanged."
)


@pytest.mark.case(6)
def test_the_newer_version_is_restored_if_the_older_one_refuses_the_chain_database() -> None:
    """The message is that of v0.27.1; nothing touches its database."""
    engine = NodeEngine()
    resource = deployed(engine, image=NEXT)
    engine.says = "Cannot use newer DB version=0.28.0 with older software version=0.27.1"
    before, volumes = only_container(engine).identity, set(engine.volumes_there)
    with pytest.raises(ProviderError) as error:
        resource.up({**INPUTS, "image": BAD})
    assert str(error.value).endswith(TOO_NEW)
    assert (only_container(engine).identity, engine.volumes_there) == (before, volumes)
    assert_single_running(engine, {**INPUTS, "image": NEXT})
    assert "## Back to an older version" in (PROJECT / "docs" / "wallets.md").read_text()


@pytest.mark.parametrize("key", ["engine", "sshOptions", "host", "waitTimeout"])
def test_a_change_of_address_host_name_or_wait_restarts_nothing(key: str) -> None:
    engine = NodeEngine()
    resource = deployed(engine)
    engine.log.clear()
    changed = {"engine": "ssh://pi@attic", "sshOptions": ["-p", "2222"], "host": "loft", "waitTimeout": 60}
    assert resource.up({**INPUTS, key: changed[key]}) == "update"
    assert engine.log == []


@pytest.mark.case(5)
def test_a_node_that_keeps_ending_is_no_running_one_and_up_says_why_it_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Docker calls it running: before, `make up` succeeded while the node ended at each start."""
    engine = NodeEngine()
    resource = deployed(engine)
    box = only_container(engine)
    box.restarting = True
    engine.log.clear()
    assert resource.up(INPUTS, refresh=True) == "update"
    assert (engine.log, only_container(engine)) == ([f"stop {NAME}", f"start {NAME}"], box)
    assert resource.up(INPUTS, refresh=True) == "same"
    box.restarting = True
    monkeypatch.setattr(engine, "_lives", lambda _: False)
    engine.says = "Database failed to open: Open boltdb failed, invalid database."
    with pytest.raises(ProviderError, match="ended with exit code 2") as error:
        resource.up(INPUTS, refresh=True)
    assert str(error.value).endswith(DAMAGED)


def test_a_stopped_node_that_fails_to_change_stays_stopped() -> None:
    engine = NodeEngine()
    resource = deployed(engine)
    engine.stop(NAME, timeout=60)
    with pytest.raises(ProviderError):
        resource.up({**INPUTS, "image": BAD})
    assert (only_container(engine).running, only_container(engine).name) == (False, NAME)
    assert engine.boot() == [], "it was stopped by hand"


def test_a_renamed_node_is_handed_over_to_its_new_name() -> None:
    engine = NodeEngine()
    resource = deployed(engine)
    renamed = {**INPUTS, "name": "skycoin-main"}
    assert resource.up(renamed) == "update"
    assert_single_running(engine, renamed)


def test_a_container_of_the_node_on_another_wallet_is_not_treated_as_its_former_name() -> None:
    """Another set-up's stack of the same name has its own node on its own wallet."""
    engine = NodeEngine(volumes_there={WALLET, COPIES, DATA, "other"})
    mounts = [INPUTS["mounts"][0], {"type": "volume", "source": "other", "target": "/wallet"}]
    deployed(engine, name="theirs", wallet="other", mounts=mounts, ports=[])
    deployed(engine)
    assert names(engine) == [NAME, "theirs"]


@pytest.mark.parametrize("field", ["docker", "official"])
def test_a_container_of_version_0_1_0_is_kept_without_a_step(field: str) -> None:
    """Such a container's state is of docker's Container, from either plugin; its id is the engine's."""
    engine = NodeEngine()
    own = deployed(engine)
    box = only_container(engine)
    box.config["Labels"] = {"skycoin.stand-in.made-for": "x"} if field == "docker" else {}
    keys = {
        key: value for key, value in INPUTS.items() if key not in ("host", "sshOptions", "wallet", "backups")
    }
    olds = {
        **keys,
        "restart": "unless-stopped",
        "destroyGraceSeconds": 60,
        "removeVolumes": False,
        "wait": True,
    }
    olds.pop("newWallet")
    outputs = (
        {**olds, "capabilities": {"drops": ["CAP_ALL"]}, "mustRun": True} if field == "official" else olds
    )
    resource = Resource(own.kind, box.identity, olds, outputs)
    engine.log.clear()
    assert own.kind.diff(outputs, olds, INPUTS).updates == ()
    assert resource.up(INPUTS) == "same"
    assert resource.up({**INPUTS, "memory": 256}) == "update"
    assert engine.log == []
    assert resource.up({**INPUTS, "image": NEXT}) == "update"
    assert_single_running(engine, {**INPUTS, "image": NEXT})
    resource.destroy()
    assert names(engine) == []


def by_hand(engine: NodeEngine, name: str, *, policy: str = "no", **labels: str) -> None:
    """Create a foreign container on the wallet."""
    host = {"Mounts": [{"Source": WALLET}], "RestartPolicy": {"Name": policy}, "NetworkMode": "none"}
    engine.create_container_from_config({"Image": GOOD, "Labels": labels, "HostConfig": host}, name)


@pytest.mark.case(36)
def test_a_stopped_node_is_not_started_next_to_another_user_of_its_wallet() -> None:
    engine = NodeEngine()
    resource = deployed(engine)
    engine.stop(NAME, timeout=60)
    by_hand(engine, "by-hand")
    engine.start("by-hand")
    with pytest.raises(ProviderError, match="in use by the container by-hand: a wallet has one writer"):
        resource.up(INPUTS, refresh=True)
    assert engine.violations == []


@pytest.mark.case(36)
@pytest.mark.parametrize("what", ["first", "stopped", "update"])
def test_a_second_user_that_starts_at_the_same_moment_is_noticed(what: str) -> None:
    """Two updates know the host by two addresses; each looked before the other started its container."""

    class Racing(NodeEngine):
        def start(self, name: str) -> None:
            super().start(name)
            if "by-hand" in names(self):
                super().start("by-hand")

    engine = Racing()
    resource = deployed(engine)
    if what == "first":
        resource.destroy()
    if what == "stopped":
        engine.stop(NAME, timeout=60)
    by_hand(engine, "by-hand")
    inputs = {**INPUTS, "image": NEXT if what == "update" else GOOD}
    with pytest.raises(ProviderError, match="in use by the container by-hand: a wallet has one writer"):
        resource.up(inputs, refresh=True)
    assert [box.name for box in engine.boxes.values() if box.running] == ["by-hand"]


def test_the_mark_of_a_nodes_container_is_the_same_in_the_next_version() -> None:
    """Another mark, for example due to a new default in the docker plugin's schema, replaces every node."""
    engine = NodeEngine()
    deployed(
        engine,
        readOnly=True,
        init=True,
        user="10000:10000",
        stopSignal="SIGINT",
        tmpfs={"/tmp": "size=64m"},
        capabilities={"drops": ["ALL"]},
        securityOpts=["no-new-privileges"],
        logDriver="json-file",
        logOpts={"max-size": "10m"},
        ulimits=[{"name": "nofile", "soft": 4096, "hard": 4096}],
        healthcheck={"tests": ["CMD", "true"], "interval": "10s", "retries": 6, "startPeriod": "5m0s"},
    )
    (box,) = engine.boxes.values()
    assert box.config["Labels"][handover.INPUTS_DIGEST] == (
        "a14ecf8ee1d942f8a1167d493344ed3274a54d5a7ece142ba5c12a0683d9cee8"
    )


def test_another_order_of_unordered_inputs_restarts_nothing() -> None:
    rpc, peer = ({"internal": port, "external": port, "ip": "127.0.0.1"} for port in (6420, 6000))
    engine = NodeEngine()
    resource = deployed(engine, ports=[rpc, peer], capabilities={"drops": ["ALL"]})
    engine.log.clear()
    turned = {**INPUTS, "ports": [{**peer, "protocol": "tcp"}, rpc]}
    turned["capabilities"] = {"adds": [], "drops": ["ALL"]}
    assert resource.up(turned) == "same"
    assert resource.up(turned, refresh=True) == "same"
    assert resource.up({**turned, "memory": 256}) == "update"
    assert engine.log == []


@pytest.mark.parametrize("replace", [False, True])
def test_a_container_of_version_0_1_0_is_replaced_and_destroyed_too(replace: bool) -> None:
    """The container's outputs name neither engine nor wallet, so the deletion gets its inputs too."""
    engine = NodeEngine()
    own = deployed(engine)
    box = only_container(engine)
    box.config["Labels"] = {}
    apart = ("host", "sshOptions", "wallet", "backups", "newWallet")
    olds = {key: value for key, value in INPUTS.items() if key not in apart}
    resource = Resource(own.kind, box.identity, olds, {**olds, "restart": "unless-stopped", "mustRun": True})
    assert resource.up(INPUTS) == "same"
    if replace:
        assert resource.up(INPUTS, replace=True) == "replace"
        assert_single_running(engine, INPUTS)
    resource.destroy()
    assert names(engine) == []


@pytest.mark.case(39)
def test_a_stop_whose_answer_was_lost_does_not_end_the_restarted_container() -> None:
    """An engine completes a stop even after its client has gone."""
    engine = NodeEngine()
    resource = deployed(engine)
    stop = engine.stop
    late: list[str] = []

    def lost(name: str, timeout: int) -> None:
        if not late:
            late.append(name)
            raise ConnectionError("timed out")
        stop(name, timeout)

    engine.stop = lost  # type: ignore[method-assign]
    engine.log.clear()
    with pytest.raises(ProviderError, match="was restored unchanged"):
        resource.up({**INPUTS, "image": NEXT})
    assert engine.log == [f"stop {NAME}", f"start {NAME}"], "the second stop waits for the end of the first"
    assert_single_running(engine, INPUTS)


@pytest.mark.case(39)
@pytest.mark.parametrize(
    ("error", "how"),
    [
        (requests.ConnectionError("Connection aborted.", OSError(104)), "the connection was cut"),
        (requests.ReadTimeout("UnixHTTPConnectionPool(…)"), "nothing came in time"),
    ],
)
def test_a_host_that_is_cut_off_in_a_handover_is_reported(error: Exception, how: str) -> None:
    """Before, the message was a Python tuple."""
    engine = NodeEngine()
    resource = deployed(engine)

    def lost(*_: Any, **__: Any) -> Any:
        engine.inspect_container = lost  # type: ignore[method-assign]
        raise error

    engine.start = lost  # type: ignore[method-assign]
    with pytest.raises(ProviderError) as caught:
        resource.up({**INPUTS, "image": NEXT})
    said = f"its host stopped answering: {how}"
    assert str(caught.value) == (
        f"{said}\nThis attempt was not undone: {said}. `pulumi up --refresh` does it."
    )


def test_a_name_that_the_handover_needs_is_checked_before_the_node_stops() -> None:
    engine = NodeEngine()
    resource = deployed(engine)
    host = {"Mounts": [{"Source": DATA}], "RestartPolicy": {"Name": "no"}, "NetworkMode": "none"}
    engine.create_container_from_config({"Image": GOOD, "Labels": {}, "HostConfig": host}, f"{NAME}-previous")
    engine.log.clear()
    with pytest.raises(ProviderError, match=f"a container that is not this node's is called {NAME}-previous"):
        resource.up({**INPUTS, "image": NEXT})
    assert engine.log == []


def test_a_kernel_without_memory_limits_is_not_a_difference() -> None:
    """With Raspberry Pi OS as it comes, the engine drops the limit and reports 0."""
    engine = NodeEngine(limits_memory=False)
    resource = deployed(engine)
    only_container(engine).config["HostConfig"]["Memory"] = 0
    assert resource.up(INPUTS, refresh=True) == "same"
    assert resource.up({**INPUTS, "memory": 256}) == "update"
    assert only_container(engine).config["HostConfig"]["Memory"] == 0
    reserved = {**INPUTS, "memory": 256, "memoryReservation": 128}
    assert resource.up(reserved) == "update"
    assert resource.up(reserved, refresh=True) == "same"


KNOWN = "0123\nmine.wlt\tdeterministic\t2\taa\nmine.wlt\tsecret\t1\t-\nend"
WHOLE = (
    "id\t0123\nfile\t1\tmine.wlt\ntype\t1\tdeterministic\nsecret\t1\ncount\t1\t-\t{}\nall\t1\t-\t{}  -\nend\n"
)


@pytest.mark.case(35)
@pytest.mark.parametrize(
    ("printed", "expected"),
    [
        ("id\t0123\nend\n", "holds no wallet. It held 1 wallet with 2 addresses"),
        (WHOLE.format(1, "bb"), "mine.wlt has 1 of 2 addresses"),
        (WHOLE.format(2, "cc"), "mine.wlt has other addresses than before"),
        (WHOLE.format(2, "aa").replace("0123", "4567"), "does not have the recorded id"),
    ],
)
@pytest.mark.parametrize("runs", [True, False], ids=["running", "stopped"])
def test_no_update_hands_over_a_wallet_that_holds_less_than_its_hosts_record(
    printed: str, expected: str, *, runs: bool
) -> None:
    """Before, a plain `up` did not notice: if only an argument has changed, no preflight runs."""
    engine = NodeEngine()
    node = deployed(engine)
    engine.memory, engine.fingerprint = KNOWN, printed
    before, changed = only_container(engine), {**INPUTS, "command": ["-log-level=debug"]}
    before.running = runs
    with pytest.raises(ProviderError, match=expected):
        node.up(changed)
    assert (only_container(engine), before.running, engine.copies) == (before, runs, 1)
    engine.fingerprint = WHOLE.format(2, "aa")
    assert node.up({**changed, "user": "10000:10000"}) == "update"


@pytest.mark.case(35)
@pytest.mark.parametrize("replace", [False, True])
def test_without_the_hosts_record_no_node_is_replaced_until_a_refresh_has_compared(*, replace: bool) -> None:
    """A prune removes the volume of copies; before, a plain `pulumi up` then compared nothing."""
    engine = NodeEngine()
    node = deployed(engine)
    engine.volumes_there.remove(COPIES)
    engine.log.clear()
    changed = INPUTS if replace else {**INPUTS, "command": ["-log-level=debug"]}
    with pytest.raises(
        ProviderError, match=rf"host attic: .*{COPIES}' is gone, .*`pulumi up --refresh` compares"
    ):
        node.up(changed, replace=replace)
    assert (engine.log, COPIES in engine.volumes_there) == ([], False)
    assert_single_running(engine, INPUTS)
    engine.volumes_there.add(COPIES)  # by hand: it is empty
    engine.memory, record = "end", engine.memory
    with pytest.raises(
        ProviderError, match=rf"{COPIES}' lacks the host's record .*`pulumi up --refresh` comp"
    ):
        node.up(changed, replace=replace)
    assert engine.log == []
    assert_single_running(engine, INPUTS)
    engine.memory = record  # the preflight has written it again
    assert node.up(changed, replace=replace) == ("replace" if replace else "update")
    assert_single_running(engine, changed)


@pytest.mark.case(35)
def test_a_refresh_warns_that_the_copies_of_a_wallet_are_gone() -> None:
    """The preflight copies the wallet again."""
    engine, warned = NodeEngine(), list[str]()
    node = deployed(engine)
    node.kind = NodeContainer(lambda _: None, warned.append, lambda _: engine)
    assert (node.up(INPUTS, refresh=True), warned) == ("same", [])
    engine.volumes_there.remove(COPIES)
    assert node.up(INPUTS, refresh=True) == "same"
    assert warned == [
        f"host attic: the volume {COPIES!r} is gone, with the copies of the wallet and the host's record "
        "of it."
    ]


def health(version: str, height: int) -> str:
    """A node's answer at /api/v1/health as v0.27.1 gives it, without fields that are not compared."""
    return json.dumps({"blockchain": {"head": {"seq": height}}, "version": {"version": version}})


@pytest.mark.case(39)
@pytest.mark.parametrize(
    ("answers", "said"),
    [
        (health("0.27.0", 100), "the new node reports version 0.27.0; its image's label is 0.28.0"),
        (health("0.28.0", 99), "the new node's chain ends at block 99, and the old node's at 100"),
        ("<html>", "the new node is healthy, but does not answer"),
    ],
)
def test_the_old_container_is_restored_if_the_new_node_has_another_version_or_chain(
    answers: str, said: str
) -> None:
    engine = NodeEngine(versions={GOOD: "v0.27.1", NEXT: "v0.28.0"})
    engine.answers = {GOOD: health("0.27.1", 100), NEXT: answers}
    node = deployed(engine)
    before = only_container(engine)
    with pytest.raises(ProviderError, match=f"(?s){said}.*The old container {NAME} was restored unchanged"):
        node.up({**INPUTS, "image": NEXT})
    assert_single_running(engine, INPUTS)
    assert only_container(engine) is before
    engine.answers[NEXT] = health("0.28.0", 100)
    assert node.up({**INPUTS, "image": NEXT}) == "update"
    assert_single_running(engine, {**INPUTS, "image": NEXT})


def test_a_node_that_did_not_run_has_no_chain_to_compare() -> None:
    engine = NodeEngine(versions={NEXT: "0.28.0"})
    engine.answers = {GOOD: health("0.27.1", 100), NEXT: health("0.28.0", 0)}
    node = deployed(engine)
    only_container(engine).running = False
    assert node.up({**INPUTS, "image": NEXT}) == "update"


@pytest.mark.case(39)
def test_the_old_container_is_restored_if_the_new_node_loses_part_of_its_wallet() -> None:
    """A failed migration of Bitcoin Core deleted wallets (bitcoin#34128)."""
    engine = NodeEngine()
    node = deployed(engine)
    engine.memory, engine.fingerprint = KNOWN, WHOLE.format(2, "aa")
    engine.spoiled = {NEXT: "id\t0123\nend\n"}
    with pytest.raises(ProviderError, match=r"the new node has changed its wallet: .* holds no wallet"):
        node.up({**INPUTS, "image": NEXT})
    assert_single_running(engine, INPUTS)


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """Watchdogs that were started: (ssh URL, ssh options, arguments of the script)."""
    started: list[tuple[Any, ...]] = []

    def start(url: str, options: Any, script: str, arguments: Any) -> None:
        assert "docker start" in script
        started.append((url, list(options), *arguments))

    monkeypatch.setattr(watchdog, "start_detached", start)
    return started


BOARD = {"engine": "ssh://pi@attic.lan", "sshOptions": ["-p", "2222"]}


@pytest.mark.case(39)
def test_a_handover_behind_ssh_leaves_a_watchdog_before_it_stops_the_old_node(
    watched: list[tuple[Any, ...]],
) -> None:
    engine = NodeEngine()
    node = deployed(engine, **BOARD)
    assert watched == [], "nothing of a new node could be brought back"
    old = only_container(engine)
    node.up({**INPUTS, **BOARD, "image": NEXT})
    [(url, options, name, identity, started, attempt, seconds, grace, *rest)] = watched
    assert (url, options) == ("ssh://pi@attic.lan", ["-p", "2222"])
    assert (name, identity, started) == (NAME, old.identity, "2026-01-01T00:00:00.0Z")
    assert only_container(engine).config["Labels"]["skycoin.attempt"] == attempt
    assert (int(seconds), grace) == (60 + 30 + watchdog.MARGIN, "60"), "the operator gives up before"
    assert rest == [WALLET, DATA, chain_database.SCRIPT, "", WALLET]


@pytest.mark.case(36, 39)
def test_a_watchdog_looks_for_users_of_the_wallet_that_the_old_node_would_write(
    watched: list[tuple[Any, ...]],
) -> None:
    """The new node gets another wallet volume: a restore may write to the old one meanwhile."""
    engine = NodeEngine()
    engine.volumes_there |= {"other-wallet", "other-wallet-backups"}
    node = deployed(engine, **BOARD)
    mounts = [{"type": "volume", "source": "other-wallet", "target": "/wallet"}]
    node.up(
        {**INPUTS, **BOARD, "wallet": "other-wallet", "backups": "other-wallet-backups", "mounts": mounts}
    )
    [(*_, wallet, _, _, _, copied)] = watched
    assert (wallet, copied) == (WALLET, "other-wallet")


@pytest.mark.case(39)
def test_a_node_is_kept_if_its_watchdog_decides_just_before_the_confirmation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The watchdog stops and removes the new container; the old one is still there, and comes back."""
    engine = NodeEngine()
    resource = deployed(engine)
    update, remove = engine.update_container, engine.remove_container

    def new() -> EngineContainer:
        return next(box for box in engine.boxes.values() if box.config["Image"] == NEXT)

    def update_container(name: str, **limits: Any) -> None:
        if engine.boxes[name].config["Image"] == NEXT and "restart_policy" in limits:
            new().running, new().stopped_by_hand = False, True
        update(name, **limits)

    def remove_container(name: str, **options: Any) -> None:
        if engine.boxes[name].config["Image"] != NEXT:
            del engine.boxes[new().identity]
        remove(name, **options)

    monkeypatch.setattr(engine, "update_container", update_container)
    monkeypatch.setattr(engine, "remove_container", remove_container)
    with pytest.raises(ProviderError, match=rf"container {NAME} ended while it was checked"):
        resource.up({**INPUTS, "image": NEXT})
    assert [box.name for box in engine.boxes.values() if box.running] == [NAME]


def test_a_node_on_this_machine_or_one_that_is_stopped_needs_no_watchdog(
    watched: list[tuple[Any, ...]],
) -> None:
    engine = NodeEngine()
    node = deployed(engine)
    node.up({**INPUTS, "image": NEXT})
    behind = NodeEngine()
    node = deployed(behind, **BOARD)
    only_container(behind).running = False
    node.up({**INPUTS, **BOARD, "image": NEXT})
    assert watched == []


def test_the_old_container_has_the_time_to_stop_that_it_was_created_with(
    watched: list[tuple[Any, ...]],
) -> None:
    """It had the new container's, and a node that is killed early may lose a wallet."""
    engine = NodeEngine()
    node = deployed(engine, **BOARD, stopTimeout=300)
    node.up({**INPUTS, **BOARD, "image": NEXT})
    assert_single_running(engine, {**INPUTS, "image": NEXT})
    [(*_, seconds, grace, _, _, _, _, _)] = watched
    assert (int(seconds), grace) == (300 + 30 + watchdog.MARGIN, "60")


@pytest.mark.parametrize(
    ("own", "seconds"), [(None, 60), (0, 60), (10, 60), (300, 300), (10**9, 3600), (-1, 3600)]
)
def test_a_stop_takes_as_long_as_the_container_says_but_at_least_a_minute_and_at_most_an_hour(
    own: int | None, seconds: int
) -> None:
    assert stop_seconds({"Config": {"StopTimeout": own}}) == seconds


@pytest.mark.parametrize("own", [0, 300])
def test_a_container_that_exits_again_and_again_has_its_own_time_to_stop(own: int) -> None:
    engine = NodeEngine()
    node = deployed(engine)
    box = only_container(engine)
    box.restarting, box.config["StopTimeout"] = True, own
    assert node.up(INPUTS, refresh=True) == "update"
    assert only_container(engine) is box
    assert not box.restarting


def test_a_host_that_runs_no_other_command_is_reported_to_have_no_watchdog(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The key's line in authorized_keys allows only `docker system dial-stdio`."""

    def refuse(*_: Any) -> None:
        raise ServiceError("ssh://pi@attic.lan did not start the command: exit code 1")

    monkeypatch.setattr(watchdog, "start_detached", refuse)
    engine, said = NodeEngine(), list[str]()
    node = Resource(NodeContainer(lambda _: None, said.append, lambda _: engine))
    node.up({**INPUTS, **BOARD})
    assert node.up({**INPUTS, **BOARD, "image": NEXT}) == "update"
    assert said == [
        "host attic: no watchdog was started; if it loses its connection in the next minutes, its node "
        "stays stopped until it reboots or the next `pulumi up`: ssh://pi@attic.lan did not start the "
        "command: exit code 1"
    ]
