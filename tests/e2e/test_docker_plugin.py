"""The stand-in docker plugin against its own real Docker engine."""

import concurrent.futures
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
from docker.errors import NotFound

from tests.e2e.plugin import (
    CONTAINER,
    IMAGE,
    NETWORK,
    REMOTE_IMAGE,
    VOLUME,
    OperationError,
    Plugin,
    Resource,
    socket_of,
    started_engine,
    started_plugin,
    until,
)

MEBIBYTE = 1024 * 1024
GRACEFUL = "trap 'sleep 1; echo closed > /data/last; exit 0' INT; echo ready; while :; do sleep 0.1; done"
"""Script that, like a database, needs a second to close its data on SIGINT."""
HEALTH = {"tests": ["CMD", "test", "-f", "/data/ok"], "interval": "1s", "timeout": "5s", "retries": 1}


@pytest.fixture(scope="module")
def engine() -> Iterator[Any]:
    """docker-py's client of the tests' own engine, to see what the plugin did there."""
    with started_engine() as client:
        yield client


@pytest.fixture(scope="module")
def plugin(engine: Any) -> Iterator[Plugin]:
    """The plugin, configured for that engine."""
    with started_plugin(socket_of(engine)) as started:
        yield started


@pytest.fixture
def network(plugin: Plugin, engine: Any, request: pytest.FixtureRequest) -> Iterator[str]:
    """Name of a network created by the plugin; its containers are removed before it."""
    made = plugin.create(NETWORK, {"name": f"net-{request.node.name}", "driver": "bridge"})
    yield made.state["name"]
    for container in engine.networks.get(made.id).containers:
        container.remove(force=True)
    plugin.delete(made)


def inputs(name: str, **others: Any) -> dict[str, Any]:
    """Inputs of a container that does nothing and is stopped at once."""
    return {"name": name, "image": IMAGE, "command": ["sleep", "600"], "networkMode": "none", **others}


def shell(name: str, script: str, **others: Any) -> dict[str, Any]:
    return inputs(name, command=["sh", "-c", script], **others)


def on(volume: str) -> list[dict[str, Any]]:
    """Mount of a volume at /data."""
    return [{"type": "volume", "source": volume, "target": "/data"}]


def content(engine: Any, volume: str) -> list[str]:
    """Lines of the file `last` in a volume; none if there is no such file."""
    made = engine.containers.run(
        IMAGE,
        ["sh", "-c", "cat /data/last || true"],
        volumes=[f"{volume}:/data"],
        network_mode="none",
        remove=True,
    )
    return bytes(made).decode().splitlines()


def inspect(engine: Any, resource: Resource) -> Any:
    return engine.api.inspect_container(resource.id)


def attempt(plugin: Plugin, token: str, wanted: dict[str, Any]) -> OperationError:
    """Try to create a resource, which must fail; return the error."""
    with pytest.raises(OperationError) as raised:
        plugin.create(token, wanted)
    return raised.value


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


# --- volumes ---


def test_a_volume_is_created_read_changed_by_replacement_and_removed(plugin: Plugin, engine: Any) -> None:
    wanted = {"name": "v-life", "labels": [{"label": "a", "value": "1"}]}
    made = plugin.create(VOLUME, wanted)
    assert made.id == "v-life"
    assert made.state["driver"] == "local"
    assert made.state["mountpoint"] == engine.volumes.get("v-life").attrs["Mountpoint"]
    assert plugin.unchanged(made)
    assert plugin.diff(made, wanted).replaces == []
    assert plugin.diff(made, {"name": "v-life", "labels": []}).replaces == ["labels"]
    plugin.delete(made)
    assert plugin.refresh(made) is None
    plugin.delete(made)


def test_creating_a_volume_that_exists_adopts_it_with_its_data(plugin: Plugin, engine: Any) -> None:
    """This is how a wallet survives a lost state file."""
    engine.volumes.create("v-wallet")
    engine.containers.run(
        IMAGE,
        ["sh", "-c", "echo seed > /data/last"],
        volumes=["v-wallet:/data"],
        network_mode="none",
        remove=True,
    )
    made = plugin.create(VOLUME, {"name": "v-wallet"})
    assert made.id == "v-wallet"
    assert content(engine, "v-wallet") == ["seed"]


def test_a_volume_in_use_is_not_removed(plugin: Plugin, engine: Any) -> None:
    volume = plugin.create(VOLUME, {"name": "v-used"})
    user = plugin.create(CONTAINER, inputs("c-uses-volume", mounts=on("v-used")))
    with pytest.raises(OperationError, match=r"volume v-used: .*volume is in use"):
        plugin.delete(volume)
    assert engine.volumes.get("v-used")
    plugin.delete(user)
    plugin.delete(volume)


def test_a_volume_is_imported_by_its_name(plugin: Plugin, engine: Any) -> None:
    engine.volumes.create("v-import")
    found = plugin.import_(VOLUME, "v-import")
    assert found is not None
    assert found.inputs == {"name": "v-import", "driver": "local"}
    assert plugin.diff(found, {"name": "v-import"}).replaces == []
    assert plugin.import_(VOLUME, "v-nowhere") is None


# --- networks ---


def test_a_network_is_created_read_and_removed(plugin: Plugin, engine: Any) -> None:
    wanted = {"name": "n-life", "driver": "bridge", "internal": True}
    made = plugin.create(NETWORK, wanted)
    assert made.id == engine.networks.list("n-life")[0].id
    assert made.state["internal"] is True
    assert made.state["ipamConfigs"][0]["subnet"]
    assert plugin.unchanged(made)
    assert plugin.diff(made, wanted).replaces == []
    assert plugin.diff(made, {**wanted, "internal": False}).replaces == ["internal"]
    plugin.delete(made)
    assert plugin.refresh(made) is None
    plugin.delete(made)


def test_a_network_of_a_given_subnet_is_unchanged_afterwards(plugin: Plugin) -> None:
    """Docker 29 reports the gateway that it chose; earlier engines don't."""
    wanted = {"name": "n-subnet", "driver": "bridge", "ipamConfigs": [{"subnet": "10.79.1.0/24"}]}
    made = plugin.create(NETWORK, wanted)
    assert plugin.unchanged(made)
    assert plugin.diff(made, wanted).replaces == []
    plugin.delete(made)


def test_two_networks_of_one_name_are_refused(plugin: Plugin, network: str) -> None:
    failure = attempt(plugin, NETWORK, {"name": network})
    assert failure.message.startswith(f"network {network}: the name is already in use")


def test_a_network_in_use_is_not_removed(plugin: Plugin, network: str) -> None:
    found = plugin.import_(NETWORK, network)
    assert found is not None
    assert found.inputs.keys() == {"name", "driver", "ipamConfigs"}
    assert plugin.diff(found, {"name": network}).replaces == []
    plugin.create(CONTAINER, inputs("c-on-network", networkMode=network))
    with pytest.raises(OperationError, match=rf"network {network}: .*has active endpoints"):
        plugin.delete(found)


# --- images ---


def test_an_image_that_the_engine_has_is_not_pulled(plugin: Plugin, engine: Any) -> None:
    """The image's registry does not exist, so a pull would fail."""
    made = plugin.create(REMOTE_IMAGE, {"name": IMAGE, "keepLocally": True})
    identity = engine.images.get(IMAGE).id
    assert made.id == identity + IMAGE
    assert made.state["imageId"] == identity
    assert plugin.unchanged(made)
    assert plugin.diff(made, {"name": IMAGE}).updates == ["keepLocally"]
    assert plugin.diff(made, {"name": "other"}).replaces == ["name"]
    changed = plugin.update(made, {"name": IMAGE})
    assert plugin.diff(changed, {"name": IMAGE}).updates == []
    plugin.delete(made)
    assert engine.images.get(IMAGE).id == identity, "keepLocally keeps it"


def test_an_image_without_keep_locally_is_removed(plugin: Plugin, engine: Any) -> None:
    engine.images.get(IMAGE).tag("plugin.test/second", "1")
    made = plugin.create(REMOTE_IMAGE, {"name": "plugin.test/second:1"})
    plugin.delete(made)
    assert plugin.refresh(made) is None
    assert plugin.import_(REMOTE_IMAGE, "plugin.test/second:1") is None
    plugin.delete(made)


def test_an_image_that_a_container_uses_is_not_removed(plugin: Plugin, engine: Any) -> None:
    made = plugin.create(REMOTE_IMAGE, {"name": IMAGE})
    user = plugin.create(CONTAINER, inputs("c-uses-image"))
    with pytest.raises(OperationError, match=rf"image {IMAGE}: .*using"):
        plugin.delete(made)
    plugin.delete(user)


@pytest.mark.parametrize("token", [REMOTE_IMAGE, CONTAINER])
def test_an_image_that_can_not_be_had_is_reported_with_the_reason(plugin: Plugin, token: str) -> None:
    missing = f"127.0.0.1:1/nobody/nothing@sha256:{'0' * 64}"
    wanted = {"name": missing} if token == REMOTE_IMAGE else inputs("c-no-image", image=missing)
    failure = attempt(plugin, token, wanted)
    assert failure.message.startswith(f"image {missing} can't be pulled: ")
    assert "connection refused" in failure.message
    assert failure.kept is None


# --- containers: creation ---


def test_a_container_without_settings_gets_the_official_defaults(plugin: Plugin, engine: Any) -> None:
    wanted = {"name": "c-defaults", "image": IMAGE, "command": ["sleep", "600"]}
    made = plugin.create(CONTAINER, wanted)
    found = inspect(engine, made)
    assert found["State"]["Running"]
    assert list(found["NetworkSettings"]["Networks"]) == ["bridge"]
    assert found["HostConfig"]["RestartPolicy"] == {"Name": "no", "MaximumRetryCount": 0}
    assert not found["HostConfig"]["AutoRemove"]
    assert not found["HostConfig"]["ReadonlyRootfs"]
    assert not found["HostConfig"]["Privileged"]
    assert made.state["mustRun"] is True
    assert plugin.unchanged(made)
    assert plugin.diff(made, wanted).replaces == []
    assert plugin.diff(made, wanted).updates == []
    plugin.delete(made)
    assert plugin.refresh(made) is None
    plugin.delete(made)


def test_a_hardened_node_is_really_hardened(plugin: Plugin, engine: Any, network: str) -> None:
    wanted = inputs(
        "c-hard",
        networkMode=network,
        user="10000:10000",
        readOnly=True,
        tmpfs={"/tmp": "rw,noexec,nosuid,nodev,size=1m"},
        capabilities={"drops": ["ALL"]},
        securityOpts=["no-new-privileges"],
        ports=[{"internal": 6420, "external": free_port(), "ip": "127.0.0.1"}],
        restart="unless-stopped",
        stopSignal="SIGINT",
        stopTimeout=60,
        memory=64,
        memorySwap=128,
        ulimits=[{"name": "nofile", "soft": 1024, "hard": 2048}],
        logDriver="json-file",
        logOpts={"max-size": "1m", "max-file": "3"},
        labels=[{"label": "role", "value": "node"}],
        envs=["A=1"],
    )
    made = plugin.create(CONTAINER, wanted)
    found = inspect(engine, made)
    host, config = found["HostConfig"], found["Config"]
    assert config["User"] == "10000:10000"
    assert (config["StopSignal"], config["StopTimeout"]) == ("SIGINT", 60)
    assert config["Labels"]["role"] == "node"
    assert "A=1" in config["Env"]
    assert host["ReadonlyRootfs"]
    assert host["CapDrop"] == ["ALL"]
    assert host["SecurityOpt"] == ["no-new-privileges"]
    assert host["Tmpfs"] == {"/tmp": "rw,noexec,nosuid,nodev,size=1m"}
    assert host["RestartPolicy"]["Name"] == "unless-stopped"
    assert host["Memory"] == 64 * MEBIBYTE
    assert host["Ulimits"] == [{"Name": "nofile", "Soft": 1024, "Hard": 2048}]
    assert host["LogConfig"] == {"Type": "json-file", "Config": {"max-size": "1m", "max-file": "3"}}
    assert found["NetworkSettings"]["Ports"]["6420/tcp"][0]["HostIp"] == "127.0.0.1"

    def inside(script: str) -> str:
        return bytes(engine.containers.get(made.id).exec_run(["sh", "-c", script]).output).decode()

    status = inside("cat /proc/1/status")
    for line in ("CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "NoNewPrivs:\t1", "Uid:\t10000\t"):
        assert line in status
    assert "Read-only file system" in inside("touch /bin/x")
    assert inside("touch /tmp/x && ls /tmp") == "x\n", "the tmpfs can be written"
    assert plugin.diff(made, wanted).replaces == []
    assert plugin.diff(made, {**wanted, "user": "0", "memory": 32}).replaces == ["user"]
    assert plugin.diff(made, {**wanted, "user": "0"}).deletes_first
    refreshed = plugin.refresh(made)
    assert refreshed is not None
    assert plugin.diff(refreshed, wanted).updates == []
    assert plugin.diff(refreshed, wanted).replaces == []


def test_a_container_is_imported_by_its_id(plugin: Plugin, engine: Any) -> None:
    made = plugin.create(CONTAINER, inputs("c-import", readOnly=True, user="7", restart="always", memory=32))
    found = plugin.import_(CONTAINER, made.id[:12])
    assert found is not None
    assert found.id == made.id
    assert found.inputs["name"] == "c-import"
    assert found.inputs["image"] == IMAGE
    for key in ("networkMode", "readOnly", "user", "restart", "memory"):
        assert found.inputs[key] == made.inputs[key]
    assert plugin.diff(found, made.inputs).replaces == []
    plugin.delete(made)


# --- containers: deletion ---


def closing(plugin: Plugin, engine: Any, name: str, **others: Any) -> Resource:
    """A running container that closes its data on SIGINT."""
    made = plugin.create(
        CONTAINER, shell(name, GRACEFUL, mounts=on(f"{name}-data"), stopSignal="SIGINT", **others)
    )
    until(lambda: b"ready" in engine.api.logs(made.id), "the trap is set")
    return made


def test_destroy_grace_seconds_let_a_container_close_its_data(plugin: Plugin, engine: Any) -> None:
    made = closing(plugin, engine, "c-grace", destroyGraceSeconds=30)
    assert plugin.delete(made) < 10, "it waits no longer than the container needs"
    assert content(engine, "c-grace-data") == ["closed"]


def test_without_destroy_grace_seconds_a_container_is_killed_at_once(plugin: Plugin, engine: Any) -> None:
    """The official plugin does the same; `stopTimeout` makes no difference."""
    made = closing(plugin, engine, "c-no-grace", stopTimeout=30)
    plugin.delete(made)
    assert content(engine, "c-no-grace-data") == []


@pytest.mark.parametrize("removed", [True, False])
def test_anonymous_volumes_are_removed_only_with_remove_volumes(
    plugin: Plugin, engine: Any, removed: bool
) -> None:
    mounts = [{"type": "volume", "target": "/scratch"}, *on("v-named")]
    made = plugin.create(CONTAINER, inputs("c-anonymous", mounts=mounts, removeVolumes=removed))
    [anonymous] = [
        mount["Name"] for mount in inspect(engine, made)["Mounts"] if mount["Destination"] == "/scratch"
    ]
    plugin.delete(made)
    names = {volume.name for volume in engine.volumes.list()}
    assert (anonymous not in names) is removed
    assert "v-named" in names, "a named volume stays in any case"


def test_a_container_that_removes_itself_is_gone_when_its_delete_returns(plugin: Plugin) -> None:
    """Otherwise, its name would not be free for the replacement."""
    for _ in range(2):
        made = plugin.create(CONTAINER, inputs("c-rm", rm=True))
        plugin.delete(made)


# --- containers: updates ---


def test_limits_change_in_place(plugin: Plugin, engine: Any) -> None:
    """Memory may exceed the old swap limit, since both are raised together."""
    made = plugin.create(CONTAINER, inputs("c-limits", memory=16, memorySwap=32))
    wanted = inputs("c-limits", memory=64, memorySwap=128, restart="unless-stopped", cpuShares=512)
    changes = plugin.diff(made, wanted)
    assert changes.replaces == []
    assert changes.updates == ["cpuShares", "memory", "memorySwap", "restart"]
    started = inspect(engine, made)["State"]["StartedAt"]
    updated = plugin.update(made, wanted)
    found = inspect(engine, updated)
    assert updated.id == made.id
    assert updated.state["memory"] == 64
    assert found["HostConfig"]["Memory"] == 64 * MEBIBYTE
    assert found["HostConfig"]["CpuShares"] == 512
    assert found["HostConfig"]["RestartPolicy"]["Name"] == "unless-stopped"
    assert found["State"]["StartedAt"] == started, "it was not restarted"
    plugin.delete(updated)


def test_an_update_of_options_leaves_the_engine_alone(plugin: Plugin) -> None:
    """The engine refuses every update of a container with `rm`, so it must not be asked."""
    made = plugin.create(CONTAINER, inputs("c-options", rm=True))
    updated = plugin.update(made, inputs("c-options", rm=True, destroyGraceSeconds=1))
    assert updated.state["destroyGraceSeconds"] == 1
    plugin.delete(updated)


def test_drift_is_seen_by_refresh_and_undone_by_update(plugin: Plugin, engine: Any) -> None:
    wanted = inputs("c-drift", memory=32, memorySwap=64)
    made = plugin.create(CONTAINER, wanted)
    engine.api.update_container(made.id, mem_limit="16m", restart_policy={"Name": "always"})
    drifted = plugin.refresh(made)
    assert drifted is not None
    assert (drifted.state["memory"], drifted.state["restart"]) == (16, "always")
    assert plugin.diff(drifted, wanted).updates == ["memory", "restart"]
    healed = plugin.update(drifted, wanted)
    assert (healed.state["memory"], healed.state["restart"]) == (32, "no")
    plugin.delete(healed)


def test_a_stopped_container_is_started_by_the_next_update(plugin: Plugin, engine: Any) -> None:
    wanted = inputs("c-stopped")
    made = plugin.create(CONTAINER, wanted)
    engine.api.stop(made.id, timeout=0)
    stopped = plugin.refresh(made)
    assert stopped is not None
    assert stopped.state["mustRun"] is False
    assert plugin.diff(stopped, wanted).updates == ["mustRun"]
    started = plugin.update(stopped, wanted)
    assert started.state["mustRun"] is True
    assert inspect(engine, made)["State"]["Running"]
    plugin.delete(started)


def test_a_container_that_need_not_run_is_not_started_by_an_update(plugin: Plugin, engine: Any) -> None:
    made = plugin.create(CONTAINER, inputs("c-rests", mustRun=False))
    engine.api.stop(made.id, timeout=0)
    updated = plugin.update(made, inputs("c-rests", mustRun=False, cpuShares=512))
    assert not inspect(engine, updated)["State"]["Running"]
    plugin.delete(updated)


def test_a_container_removed_by_hand_is_read_as_missing(plugin: Plugin, engine: Any) -> None:
    made = plugin.create(CONTAINER, inputs("c-removed"))
    engine.api.remove_container(made.id, force=True)
    assert plugin.refresh(made) is None
    plugin.delete(made)


# --- containers: failures ---


def test_a_name_in_use_is_an_error_with_that_name(plugin: Plugin) -> None:
    made = plugin.create(CONTAINER, inputs("c-twice"))
    failure = attempt(plugin, CONTAINER, inputs("c-twice", command=["true"]))
    assert failure.message.startswith("container c-twice: the name is already in use")
    assert failure.kept is None, "the other one's container is not ours"
    plugin.delete(made)


def test_resources_that_a_killed_up_created_are_taken_over_by_the_next(plugin: Plugin, engine: Any) -> None:
    """The state does not know such a resource, so its name used to stay taken forever."""
    first = plugin.create(CONTAINER, inputs("c-left"))
    engine.api.stop(first.id, timeout=0)
    again = plugin.create(CONTAINER, inputs("c-left"))
    assert again.id == first.id
    assert inspect(engine, again)["State"]["Running"]
    plugin.delete(again)
    network = plugin.create(NETWORK, {"name": "n-left"})
    assert plugin.create(NETWORK, {"name": "n-left"}).id == network.id
    plugin.delete(network)


def test_a_port_in_use_keeps_the_container_and_the_next_update_starts_it(
    plugin: Plugin, engine: Any, network: str
) -> None:
    ports = [{"internal": 80, "external": free_port(), "ip": "127.0.0.1"}]
    first = plugin.create(CONTAINER, inputs("c-port-1", networkMode=network, ports=ports))
    wanted = inputs("c-port-2", networkMode=network, ports=ports)
    failure = attempt(plugin, CONTAINER, wanted)
    assert failure.message.startswith("container c-port-2: ")
    assert str(ports[0]["external"]) in failure.message
    assert failure.kept is not None
    plugin.delete(first)
    healed = plugin.update(failure.kept, wanted)
    assert healed.id == failure.kept.id
    assert inspect(engine, healed)["State"]["Running"]
    plugin.delete(healed)


def test_a_command_that_does_not_exist_keeps_the_container_with_the_reason(plugin: Plugin) -> None:
    failure = attempt(plugin, CONTAINER, inputs("c-command", command=["nonsense"]))
    assert '"nonsense": executable file not found' in failure.message
    assert failure.kept is not None
    plugin.delete(failure.kept)


def test_waiting_ends_when_the_container_is_healthy(plugin: Plugin, engine: Any) -> None:
    script = "sleep 1; touch /data/ok; sleep 600"
    made = plugin.create(CONTAINER, shell("c-healthy", script, healthcheck=HEALTH, wait=True))
    assert inspect(engine, made)["State"]["Health"]["Status"] == "healthy"
    assert inspect(engine, made)["Config"]["Healthcheck"]["Interval"] == 10**9
    plugin.delete(made)


def test_an_unhealthy_container_is_kept_and_the_next_update_heals_it(plugin: Plugin, engine: Any) -> None:
    wanted = shell("c-sick", "echo no peers; sleep 600", healthcheck=HEALTH, wait=True, waitTimeout=2)
    failure = attempt(plugin, CONTAINER, wanted)
    assert failure.message == "container c-sick: not healthy after 2 s. Its last lines:\nno peers"
    assert failure.kept is not None
    assert failure.kept.state["mustRun"] is True
    with pytest.raises(OperationError, match="not healthy after 2 s") as again:
        plugin.update(failure.kept, wanted)
    assert again.value.kept is not None
    engine.containers.get("c-sick").exec_run(["touch", "/data/ok"])
    healed = plugin.update(again.value.kept, {**wanted, "waitTimeout": 20})
    assert healed.id == failure.kept.id
    plugin.delete(healed)


def test_a_container_that_ends_during_the_wait_fails_with_its_reason(plugin: Plugin) -> None:
    script = "echo bad configuration >&2; exit 3"
    began = time.monotonic()
    failure = attempt(plugin, CONTAINER, shell("c-ends", script, healthcheck=HEALTH, wait=True))
    assert failure.message == ("container c-ends: ended with exit code 3. Its last lines:\nbad configuration")
    assert time.monotonic() - began < 10, "it does not wait out the minute"
    assert failure.kept is not None
    plugin.delete(failure.kept)


# --- engines that do not answer ---


@pytest.mark.parametrize("host", ["unix:///nowhere/docker.sock", "tcp://127.0.0.1:1"])
def test_an_engine_that_does_not_answer_is_reported_and_a_preview_works_without_it(host: str) -> None:
    with started_plugin(host) as lost:
        assert lost.preview(CONTAINER, inputs("c"))["name"] == "c"
        failure = attempt(lost, VOLUME, {"name": "v"})
        assert failure.message.startswith(f"no Docker engine answers at {host}: ")
        assert failure.kept is None
        with pytest.raises(OperationError, match="no Docker engine answers"):
            lost.import_(VOLUME, "v")


def test_an_ssh_host_that_refuses_is_reported_with_the_message_of_ssh() -> None:
    host = f"ssh://nobody@127.0.0.1:{free_port()}"
    with started_plugin(host) as lost:
        failure = attempt(lost, VOLUME, {"name": "v"})
    assert failure.message.startswith(f"no Docker engine answers at {host}: ")
    assert "Connection refused" in failure.message


def test_a_silent_ssh_host_is_reported_in_half_a_minute_however_many_resources_it_has() -> None:
    """Its resources are created in parallel; one after the other, each would wait 20 s."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host = f"ssh://nobody@127.0.0.1:{silent.getsockname()[1]}"
        began = time.monotonic()
        with started_plugin(host) as lost, concurrent.futures.ThreadPoolExecutor() as pool:
            names = [f"v-{number}" for number in range(4)]
            failures = list(pool.map(lambda name: attempt(lost, VOLUME, {"name": name}), names))
    assert time.monotonic() - began < 30
    for failure in failures:
        assert failure.message.startswith(f"no Docker engine answers at {host}: ")
        assert "timed out" in failure.message


def test_the_tests_before_left_no_container_and_no_volume(plugin: Plugin, engine: Any) -> None:
    """Each test removes its own containers, so a delete that only seems to work shows here."""
    assert [container.name for container in engine.containers.list(all=True)] == []
    with pytest.raises(NotFound):
        engine.volumes.get("v-life")
