"""A node: two volumes that are kept, a network, an image by digest, and a confined container."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pulumi
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogue.boards import BOARDS
from catalogue.node_container import HANDED_OVER
from components.host import Host
from components.node import Node, NodeArgs, node_arguments
from components.pulled_image import HostImage
from components.variant import Variant
from mocks.engine import NETWORK, NODE_CONTAINER, PREFLIGHT, PULLED, VOLUME, Registered
from mocks.wire import UNKNOWN
from tests.unit.engine import Engine
from tests.unit.samples import IMAGE, PINNED, node_args, on_builder, on_host, variant_args

NODE = "skycoin:index:Node"
INPUTS = {
    "backups",
    "capabilities",
    "command",
    "healthcheck",
    "host",
    "image",
    "init",
    "logDriver",
    "logOpts",
    "memory",
    "mounts",
    "name",
    "networkMode",
    "newWallet",
    "ports",
    "readOnly",
    "securityOpts",
    "sshOptions",
    "stopSignal",
    "stopTimeout",
    "tmpfs",
    "ulimits",
    "user",
    "waitTimeout",
    "wallet",
}
"""All inputs of a node's container."""
NASTY = [
    "; rm -rf /",
    "$(reboot)",
    "`reboot`",
    "a b",
    '"quoted"',
    "it's",
    "line\nbreak",
    "",
    "ä",
    "-x=$HOME",
    "\\",
]


def _run(engine: Engine, args: NodeArgs) -> Registered:
    engine.run(lambda: Node("node-1", args, on_host()))
    return engine.one(NODE_CONTAINER, "node-1-container")


def _container(engine: Engine, args: NodeArgs | None = None) -> dict[str, Any]:
    return _run(engine, args or node_args()).inputs


def test_a_node_consists_of_six_resources(engine: Engine) -> None:
    _run(engine, node_args())
    assert engine.children(engine.one(NODE, "node-1")) == [
        (NETWORK, "node-1-network"),
        (VOLUME, "node-1-data"),
        (VOLUME, "node-1-wallet"),
        (NODE_CONTAINER, "node-1-container"),
        (PREFLIGHT, "node-1-preflight"),
        (PULLED, "node-1-pulled"),
    ]


def test_no_resource_of_a_node_is_touched_before_its_preflight(engine: Engine) -> None:
    """A host that fails the preflight is not changed."""
    container = _run(engine, node_args())
    proof = engine.one(PREFLIGHT, "node-1-preflight").urn
    others = (VOLUME, NETWORK, PULLED)
    waiting = [*(entry for kind in others for entry in engine.all_of(kind)), container]
    assert len(waiting) == 5
    for entry in waiting:
        assert proof in _all_before(engine, entry), f"{entry.name} does not wait for the preflight"


def _all_before(engine: Engine, entry: Registered) -> set[str]:
    """URNs of a resource's dependencies, direct and indirect."""
    by_urn = {resource.urn: resource for resource in engine.registered}
    found: set[str] = set()
    left = set(entry.dependencies)
    while left:
        urn = left.pop()
        found.add(urn)
        left |= set(by_urn[urn].dependencies) - found
    return found


def test_the_preflight_checks_the_nodes_own_host_image_and_wallet(engine: Engine) -> None:
    _run(engine, node_args())
    assert engine.one(PREFLIGHT, "node-1-preflight").inputs == {
        "host": "here",
        "sshOptions": [],
        "image": PINNED,
        "emulation": "refused",
        "probe": ["skycoin-cli", "version"],
        "container": "skycoin-node-1",
        "wallet": "skycoin-node-1-wallet",
        "newWallet": False,
        "ports": {"rpc-port": "127.0.0.1:6421"},
    }


def test_another_user_is_passed_to_the_container_and_the_preflight(engine: Engine) -> None:
    """The default user is not an input of the preflight, as states of earlier versions have no such input."""
    container = _run(engine, replace(node_args(), user="12000:12001"))
    assert container.inputs["user"] == "12000:12001"
    assert engine.one(PREFLIGHT, "node-1-preflight").inputs["user"] == "12000:12001"


def test_the_container_knows_the_wallet_that_it_copies_first(engine: Engine) -> None:
    """tests/unit/test_handover.py tests the copy itself."""
    host = Host(name="attic", engine="ssh://pi@attic.lan", ssh_options=["-4"])
    inputs = _container(engine, replace(node_args(), host=host, new_wallet=True))
    assert (inputs["host"], inputs["engine"], inputs["sshOptions"]) == ("attic", "ssh://pi@attic.lan", ["-4"])
    assert (inputs["wallet"], inputs["backups"]) == (
        "skycoin-node-1-wallet",
        "skycoin-node-1-wallet-backups",
    )
    assert inputs["newWallet"] is True


def test_a_container_of_dockers_plugin_is_taken_over(engine: Engine) -> None:
    """Version 0.1.0 used docker's Container; the alias adopts it from such a state without a replacement."""
    assert _run(engine, node_args()).aliases == ("docker:index/container:Container",)


def test_a_network_is_never_replaced(engine: Engine) -> None:
    """Both plugins would delete the network before they create its successor, and the node before that."""
    _run(engine, node_args())
    assert {"name", "driver"} <= set(engine.one(NETWORK, "node-1-network").ignore_changes)


def test_the_preflight_reaches_the_engine_that_the_node_runs_on(engine: Engine) -> None:
    host = Host(
        name="attic",
        engine="ssh://pi@attic.lan",
        ssh_options=["-4"],
        platform="linux/arm/v7",
        emulation=True,
    )
    _run(engine, replace(node_args(), host=host, new_wallet=True))
    inputs = engine.one(PREFLIGHT, "node-1-preflight").inputs
    assert (inputs["host"], inputs["engine"], inputs["sshOptions"]) == ("attic", "ssh://pi@attic.lan", ["-4"])
    assert (inputs["platform"], inputs["emulation"]) == ("linux/arm/v7", "allowed")
    assert inputs["newWallet"] is True


def test_the_wallet_is_protected_and_both_volumes_are_retained(engine: Engine) -> None:
    """No up, destroy, rename or replacement deletes a wallet."""
    _run(engine, node_args())
    wallet, data = engine.one(VOLUME, "node-1-wallet"), engine.one(VOLUME, "node-1-data")
    assert (wallet.protect, wallet.retain_on_delete) == (True, True)
    assert (data.protect, data.retain_on_delete) == (False, True)


def test_foreign_labels_and_drivers_do_not_replace_a_volume(engine: Engine) -> None:
    """A volume of docker compose has labels; the plugin reads them, and any difference would replace it."""
    _run(engine, node_args())
    ignored = [volume.ignore_changes for volume in engine.all_of(VOLUME)]
    assert ignored == [("labels", "driver", "driverOpts")] * 2


def test_a_volume_has_a_name_and_nothing_that_could_replace_it(engine: Engine) -> None:
    """A change of any input of docker's Volume, labels included, forces a replacement."""
    _run(engine, node_args())
    assert engine.one(VOLUME, "node-1-wallet").inputs == {"name": "skycoin-node-1-wallet"}
    assert engine.one(VOLUME, "node-1-data").inputs == {"name": "skycoin-node-1-data"}


def test_the_image_is_pulled_by_digest_and_kept(engine: Engine) -> None:
    container = _run(engine, node_args())
    pulled = engine.one(PULLED, "node-1-pulled")
    assert pulled.inputs == {"host": "here", "sshOptions": [], "image": PINNED}
    assert container.inputs["image"] == PINNED
    assert pulled.urn in container.dependencies, "a container of an image that is not there fails"


def test_the_network_is_the_nodes_own_bridge(engine: Engine) -> None:
    container = _run(engine, node_args())
    assert engine.one(NETWORK, "node-1-network").inputs == {"name": "skycoin-node-1", "driver": "bridge"}
    assert container.inputs["networkMode"] == "skycoin-node-1", "an unset mode replaced the node at every up"
    assert not {"networksAdvanced", "hostname", "networks"} & container.inputs.keys()


def test_a_node_has_no_powers(engine: Engine) -> None:
    inputs = _container(engine)
    assert inputs["user"] == "10000:10000"
    assert inputs["readOnly"] is True
    assert inputs["capabilities"] == {"drops": ["ALL"]}
    assert inputs["securityOpts"] == ["no-new-privileges"]
    assert inputs["tmpfs"] == {"/tmp": "rw,noexec,nosuid,nodev,size=64m"}
    absent = {
        "privileged",
        "pidMode",
        "ipcMode",
        "usernsMode",
        "devices",
        "volumes",
        "envs",
        "groupAdds",
        "hosts",
    }
    assert not absent & inputs.keys(), "no host namespace, device, path or socket; seccomp stays the default"


def test_a_node_mounts_its_two_volumes_and_no_host_path(engine: Engine) -> None:
    assert _container(engine)["mounts"] == [
        {"type": "volume", "source": "skycoin-node-1-data", "target": "/data"},
        {"type": "volume", "source": "skycoin-node-1-wallet", "target": "/wallet"},
    ]


def test_rpc_is_published_on_loopback_only(engine: Engine) -> None:
    assert _container(engine)["ports"] == [{"internal": 6420, "external": 6421, "ip": "127.0.0.1"}]


def test_a_node_with_peers_publishes_its_peer_port_too(engine: Engine) -> None:
    inputs = _container(engine, replace(node_args(), peer_port=6001))
    assert inputs["ports"] == [
        {"internal": 6420, "external": 6421, "ip": "127.0.0.1"},
        {"internal": 6000, "external": 6001, "ip": "0.0.0.0"},
    ]


def test_a_node_is_stopped_by_sigint_and_given_time(engine: Engine) -> None:
    """On SIGINT, a node closes its database; SIGTERM would kill it."""
    inputs = _container(engine)
    assert (inputs["stopSignal"], inputs["stopTimeout"]) == ("SIGINT", 60)


def test_no_change_replaces_a_nodes_container_in_the_engines_eyes(engine: Engine) -> None:
    """The handover is an update: a replacement would delete the old container even if the new one fails."""
    container = _run(engine, node_args())
    assert not container.delete_before_replace
    assert container.replace_on_changes == ()


def test_a_node_has_a_first_process_that_collects_orphans(engine: Engine) -> None:
    """Orphans of `docker exec` used to stay zombies while the node ran, and counted for its process limit."""
    assert _container(engine)["init"] is True


def test_a_node_has_limits(engine: Engine) -> None:
    inputs = _container(engine)
    assert inputs["memory"] == 2048
    assert inputs["logDriver"] == "json-file"
    assert inputs["logOpts"] == {"max-size": "10m", "max-file": "3"}
    assert inputs["ulimits"] == [
        {"name": "nofile", "soft": 4096, "hard": 4096},
        {"name": "nproc", "soft": 1024, "hard": 1024},
    ]


@pytest.mark.parametrize("board", BOARDS)
def test_a_board_sets_limits_and_timing(engine: Engine, board: str) -> None:
    profile = BOARDS[board]
    inputs = _container(engine, replace(node_args(), board=profile))
    assert inputs["memory"] == profile.memory
    assert inputs["memoryReservation"] == profile.memory_reservation
    assert inputs["envs"] == [f"GOMEMLIMIT={profile.go_memory_limit}MiB"]
    assert inputs["logOpts"]["max-size"] == profile.log_size
    check = inputs["healthcheck"]
    assert (check["startPeriod"], check["interval"], check["timeout"], check["retries"]) == (
        profile.start_period,
        profile.health_interval,
        profile.health_timeout,
        profile.health_retries,
    )


def test_a_server_takes_neither_a_reservation_nor_a_variable(engine: Engine) -> None:
    """A server's memory limit changes in place; Go's runtime would read a variable only at its start."""
    assert not {"memoryReservation", "envs"} & _container(engine).keys()


def test_up_waits_for_a_healthy_node(engine: Engine) -> None:
    inputs = _container(engine, replace(node_args(), wait_timeout=42))
    assert inputs["waitTimeout"] == 42
    assert inputs["healthcheck"] == {
        "tests": ["CMD", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1:6420/api/v1/health"],
        "interval": "10s",
        "timeout": "10s",
        "retries": 6,
        "startPeriod": "1m0s",
    }


def test_the_container_has_exactly_the_known_inputs(engine: Engine) -> None:
    """A new input affects every node, so it has to be added here by name."""
    assert _container(engine).keys() == INPUTS


def test_a_container_without_variables_keeps_its_mark() -> None:
    """The hash in its label covers only the inputs that are given; one more would hand every node over."""
    assert set(HANDED_OVER) - INPUTS == {"envs"}


def test_nothing_but_the_wallet_is_protected(engine: Engine) -> None:
    _run(engine, node_args())
    assert [entry.name for entry in engine.registered if entry.protect] == ["node-1-wallet"]


def test_the_default_node_connects_to_no_peer_and_opens_no_wallet_api() -> None:
    assert node_arguments(node_args()) == [
        "-web-interface-addr=0.0.0.0",
        "-host-whitelist=127.0.0.1:6421,localhost:6421",
        "-enable-api-sets=READ,TXN",
        "-disable-networking",
    ]


def test_peers_gui_and_api_sets_are_flags() -> None:
    args = replace(node_args(), peer_port=7000, proxy=IMAGE, api_sets=["READ", "WALLET"])
    assert node_arguments(args) == [
        "-web-interface-addr=0.0.0.0",
        "-host-whitelist=127.0.0.1:6421,localhost:6421",
        "-enable-api-sets=READ,WALLET",
        "-port=6000",
        "-enable-gui",
    ]


@pytest.mark.parametrize("argument", NASTY)
def test_an_argument_reaches_the_container_as_written(engine: Engine, argument: str) -> None:
    """There is no shell between the YAML and argv."""
    assert _container(engine, replace(node_args(), arguments=["-a", argument]))["command"][-2:] == [
        "-a",
        argument,
    ]


@given(st.lists(st.text()))
def test_arguments_are_neither_changed_nor_lost_nor_reordered(arguments: Sequence[str]) -> None:
    flags = node_arguments(node_args())
    assert node_arguments(replace(node_args(), arguments=arguments)) == [*flags, *arguments]


def test_a_node_outputs_its_address(engine: Engine) -> None:
    _run(engine, node_args())
    assert engine.outputs_of(NODE, "node-1") == {
        "host": "here",
        "image": PINNED,
        "container": "skycoin-node-1",
        "rpc": "http://127.0.0.1:6421",
        "runs": "native",
        "data_volume": "skycoin-node-1-data",
        "wallet_volume": "skycoin-node-1-wallet",
        "wallet_backups": "skycoin-node-1-wallet-backups",
    }


def test_in_a_first_preview_only_image_and_execution_of_a_node_are_unknown(first_preview: Engine) -> None:
    def program() -> None:
        variant = Variant("v", variant_args(), on_builder())
        Node("node-1", replace(node_args(), image=HostImage(ref=variant.ref)), on_host())

    first_preview.run(program)
    assert first_preview.one(PULLED, "node-1-pulled").inputs["image"] == UNKNOWN
    container = first_preview.one(NODE_CONTAINER, "node-1-container").inputs
    assert [key for key, value in container.items() if value == UNKNOWN] == ["image"]
    outputs = first_preview.outputs_of(NODE, "node-1")
    assert {key for key, value in outputs.items() if value == UNKNOWN} == {"image", "runs"}


def test_options_of_the_node_stay_with_the_node(engine: Engine) -> None:
    """Before, children inherited the caller's options, so each volume got the node's aliases."""

    def program() -> None:
        options = pulumi.ResourceOptions.merge(
            on_host(), pulumi.ResourceOptions(aliases=[pulumi.Alias(name="old")])
        )
        Node("node-1", node_args(), options)

    engine.run(program)
    node = engine.one(NODE, "node-1")
    assert node.aliases == ("old",)
    children = [entry for entry in engine.registered if entry.parent == node.urn]
    assert {entry.aliases for entry in children if entry.type.startswith("docker:")} == {()}
