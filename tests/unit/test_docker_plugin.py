"""The stand-in docker plugin without an engine: replacements, checks, previews, requests to the engine."""

from collections.abc import Mapping
from typing import Any
from unittest.mock import Mock

import pytest
import requests
from docker.errors import APIError, DockerException, NotFound
from hypothesis import given
from hypothesis import strategies as st
from pulumi.runtime.proto import provider_pb2

from clients.engine import Engine
from clients.errors import ServiceError
from clients.ssh import ssh_command
from providers.container.container_schema import LIMITS
from providers.container.creation import creation
from providers.container.marks import MARK, left_behind, mark
from providers.container.plan import essence, planned
from providers.container.schema import nanoseconds
from providers.docker.container_state import duration, outputs_of
from providers.docker.image import RemoteImage
from providers.docker.network import Network
from providers.docker.state import stored
from providers.docker.volume import Volume
from providers.kind import UNKNOWN, URN, ProviderError, Values
from providers.servicer import Servicer, to_struct, to_values
from tests.official.answers import SCHEMAS, Context, stand_in

CONTAINER = "docker:index/container:Container"
VOLUME = "docker:index/volume:Volume"
NETWORK = "docker:index/network:Network"
REMOTE_IMAGE = "docker:index/remoteImage:RemoteImage"


def words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# pulumi/pulumi-docker v5, provider/cmd/pulumi-resource-docker/schema.json: inputProperties of each
# resource, with and without `willReplaceOnChanges`.
OFFICIAL_REPLACING: Mapping[str, frozenset[str]] = {
    CONTAINER: words(
        """capabilities cgroupParent cgroupnsMode command cpus deviceRequests devices dns dnsOpts dnsSearches
        domainname entrypoints envs gpus groupAdds hostname hosts image ipcMode labels logDriver logOpts
        mounts name networkMode networksAdvanced pidMode platform ports privileged publishAllPorts readOnly
        runtime securityOpts shmSize stdinOpen stopSignal stopTimeout storageOpts sysctls tty ulimits
        uploads user usernsMode volumes workingDir"""
    ),
    VOLUME: words("driver driverOpts labels name"),
    NETWORK: words(
        """attachable driver ingress internal ipamConfigs ipamDriver ipamOptions ipv6 labels name
        options"""
    ),
    REMOTE_IMAGE: words("name platform pullTriggers triggers"),
}
OFFICIAL_IN_PLACE: Mapping[str, frozenset[str]] = {
    CONTAINER: words(
        """attach containerReadRefreshTimeoutMilliseconds cpuPeriod cpuQuota cpuSet cpuShares
        destroyGraceSeconds deviceReadBps deviceReadIops deviceWriteBps deviceWriteIops healthcheck init logs
        maxRetryCount memory memoryReservation memorySwap mustRun removeVolumes restart rm start tmpfs wait
        waitTimeout"""
    ),
    VOLUME: frozenset({"cluster"}),
    NETWORK: frozenset(),
    REMOTE_IMAGE: words("build forceRemove keepLocally"),
}
# kreuzwerker/terraform-provider-docker, internal/provider/resource_docker_*.go: `Optional` and `Computed`.
OFFICIAL_COMPUTED: Mapping[str, frozenset[str]] = {
    CONTAINER: words(
        """command entrypoints envs healthcheck hostname init ipcMode labels logDriver platform runtime
        securityOpts shmSize stopSignal stopTimeout"""
    ),
    VOLUME: words("name driver"),
    NETWORK: words("driver internal ipamConfigs options"),
    REMOTE_IMAGE: frozenset(),
}
NODE: Values = {
    "name": "skycoin-node",
    "image": "registry.localhost:5443/skycoin@sha256:" + "a" * 64,
    "command": ["-web-interface-addr=0.0.0.0", "-disable-networking"],
    "user": "10000:10000",
    "readOnly": True,
    "tmpfs": {"/tmp": "rw,noexec,nosuid,nodev,size=64m"},
    "capabilities": {"drops": ["ALL"]},
    "securityOpts": ["no-new-privileges"],
    "mounts": [
        {"type": "volume", "source": "node-data", "target": "/data"},
        {"type": "volume", "source": "node-wallet", "target": "/wallet", "readOnly": False},
    ],
    "networkMode": "skycoin-node",
    "ports": [
        {"internal": 6420, "external": 6420, "ip": "127.0.0.1"},
        {"internal": 6000, "external": 6000, "ip": "0.0.0.0"},
    ],
    "restart": "unless-stopped",
    "stopSignal": "SIGINT",
    "stopTimeout": 60,
    "destroyGraceSeconds": 60,
    "removeVolumes": False,
    "memory": 768,
    "logDriver": "json-file",
    "logOpts": {"max-size": "10m", "max-file": "3"},
    "ulimits": [{"name": "nofile", "soft": 4096, "hard": 4096}],
    "labels": [{"label": "org.example.role", "value": "node"}],
    "healthcheck": {
        "tests": ["CMD", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1:6420/api/v1/health"],
        "interval": "10s",
        "timeout": "1m30s",
        "retries": 6,
        "startPeriod": "5m0s",
    },
    "wait": True,
    "waitTimeout": 300,
}
"""Inputs that components/node.py registers, and a label."""


class ClosedEngine(Engine):
    """An engine that must not be asked."""

    def client(self) -> Any:
        raise AssertionError("the engine was asked")


class AnsweringEngine(Engine):
    """An engine with fixed answers, set on a mock of its client."""

    def __init__(self, **answers: Any) -> None:
        super().__init__()
        self._answers = Mock(**answers)

    def client(self) -> Any:
        return self._answers


@pytest.fixture
def plugin() -> Servicer:
    """The four resource types, over an engine that must not be asked."""
    return stand_in(ClosedEngine())


def urn(token: str, name: str = "node") -> str:
    return f"urn:pulumi:local::skycoin::skycoin:index:Node${token}::{name}"


def check(plugin: Servicer, token: str, inputs: Values) -> tuple[Values, dict[str, str]]:
    request = provider_pb2.CheckRequest(urn=urn(token), news=to_struct(inputs))
    answer = plugin.Check(request, Context())
    return to_values(answer.inputs), {failure.property: failure.reason for failure in answer.failures}


def diff(plugin: Servicer, token: str, olds: Values, old_inputs: Values, news: Values) -> Any:
    request = provider_pb2.DiffRequest(
        urn=urn(token), olds=to_struct(olds), old_inputs=to_struct(old_inputs), news=to_struct(news)
    )
    return plugin.Diff(request, Context())


# --- the official plugin's table ---


@pytest.mark.parametrize("token", SCHEMAS)
def test_the_schema_has_every_input_of_the_official_plugin_with_its_rules(token: str) -> None:
    """With another rule, the stand-in would replace a node that the official plugin keeps, or the reverse."""
    inputs = {name: one for name, one in SCHEMAS[token].items() if one.settable}
    assert inputs.keys() == OFFICIAL_REPLACING[token] | OFFICIAL_IN_PLACE[token]
    assert {name for name, one in inputs.items() if one.replaces} == OFFICIAL_REPLACING[token]
    assert {name for name, one in inputs.items() if one.computed} == OFFICIAL_COMPUTED[token]


def test_healthcheck_tmpfs_and_init_are_the_official_exceptions_to_replacing() -> None:
    """The engine can't change these in a running container; the official plugin only records them."""
    exceptions = {"healthcheck", "tmpfs", "init"}
    assert exceptions <= OFFICIAL_IN_PLACE[CONTAINER]
    assert not exceptions & LIMITS.keys()


# --- Check ---


DEFAULTS = {
    "start": True,
    "waitTimeout": 60,
    "mustRun": True,
    "restart": "no",
    "removeVolumes": True,
    "networkMode": "bridge",
    "containerReadRefreshTimeoutMilliseconds": 15000,
}
"""kreuzwerker/terraform-provider-docker, `Default:` of a container, except those that are false or 0."""


@pytest.mark.parametrize("token", SCHEMAS)
def test_an_unknown_input_fails_and_the_supported_inputs_are_listed(plugin: Servicer, token: str) -> None:
    """Silently dropping the input would deploy something else than the program says."""
    _, failures = check(plugin, token, {"name": "x", "image": "y", "colour": "red"})
    for name, one in SCHEMAS[token].items():
        assert (name in failures["colour"]) or not (one.settable and one.supported)


@pytest.mark.parametrize(
    ("inputs", "place"),
    [
        ({"healthcheck": {"tests": ["NONE"], "startIntervall": "1s"}}, "healthcheck.startIntervall"),
        ({"ports": [{"internal": 1}, {"internal": 2, "host": "x"}]}, "ports[1].host"),
        ({"capabilities": {"drop": ["ALL"]}}, "capabilities.drop"),
        ({"ulimits": [{"name": "nofile", "soft": 1, "hard": 1, "limit": 1}]}, "ulimits[0].limit"),
        ({"labels": [{"key": "a", "label": "a", "value": "b"}]}, "labels[0].key"),
    ],
)
def test_an_unknown_part_of_an_input_fails_by_its_path(plugin: Servicer, inputs: Values, place: str) -> None:
    _, failures = check(plugin, CONTAINER, {"name": "x", "image": "y", **inputs})
    assert list(failures) == [place]
    assert "no such input; allowed:" in failures[place]


@pytest.mark.parametrize(
    ("inputs", "place"),
    [
        ({"gpus": "all"}, "gpus"),
        ({"mounts": [{"type": "bind", "target": "/x", "bindOptions": {}}]}, "mounts[0].bindOptions"),
    ],
)
def test_an_input_that_only_the_official_plugin_serves_fails_by_its_path(
    plugin: Servicer, inputs: Values, place: str
) -> None:
    _, failures = check(plugin, CONTAINER, {"name": "x", "image": "y", **inputs})
    assert failures == {place: "the stand-in docker plugin does not support it (docs/docker-plugin.md)"}


def test_keys_of_the_bridge_are_neither_refused_nor_kept(plugin: Servicer) -> None:
    """`__defaults` is at every level of inputs that the official plugin has checked before."""
    ports = [{"internal": 1, "__defaults": []}]
    inputs, failures = check(plugin, CONTAINER, {"name": "x", "image": "y", "__defaults": [], "ports": ports})
    assert failures == {}
    assert inputs["ports"] == [{"internal": 1, "ip": "0.0.0.0", "protocol": "tcp"}]
    assert "__defaults" not in inputs


@pytest.mark.parametrize(
    ("token", "inputs", "failing"),
    [
        (VOLUME, {}, {"name"}),
        (NETWORK, {}, {"name"}),
        (REMOTE_IMAGE, {}, {"name"}),
        (CONTAINER, {}, {"name", "image"}),
        (CONTAINER, {"name": "x", "image": "y", "wait": True}, {"wait"}),
        (CONTAINER, {"name": "x", "image": "y", "healthcheck": {"interval": "10"}}, {"healthcheck.interval"}),
    ],
)
def test_a_missing_or_contradicting_input_fails(
    plugin: Servicer, token: str, inputs: Values, failing: set[str]
) -> None:
    _, failures = check(plugin, token, inputs)
    assert failures.keys() == failing


@pytest.mark.parametrize(
    ("inputs", "place"),
    [
        ({"healthcheck": {"tests": ["NONE"], "interval": ""}}, "healthcheck.interval"),
        ({"cpuSet": "\u0661"}, "cpuSet"),
        ({"memory": "\u0661"}, "memory"),
    ],
)
def test_values_that_go_cannot_parse_fail(plugin: Servicer, inputs: Values, place: str) -> None:
    """An empty duration and Arabic digits fail, as with the official plugin 5.2.0."""
    _, failures = check(plugin, CONTAINER, {"name": "a", "image": "i", **inputs})
    assert set(failures) == {place}


def test_values_that_a_preview_does_not_know_pass(plugin: Servicer) -> None:
    unknown = {"image": UNKNOWN, "networkMode": UNKNOWN, "mounts": UNKNOWN, "healthcheck": UNKNOWN}
    inputs, failures = check(plugin, CONTAINER, {**NODE, **unknown})
    assert failures == {}
    assert inputs | unknown == inputs


# --- Diff ---


def test_a_replaced_container_is_deleted_first(plugin: Servicer) -> None:
    """Two containers can't have the same name, ports and wallet."""
    olds, _ = check(plugin, CONTAINER, NODE)
    answer = diff(plugin, CONTAINER, olds, olds, {**olds, "user": "0", "memory": 1})
    assert list(answer.replaces) == ["user"]
    assert list(answer.diffs) == ["memory", "user"]
    assert answer.deleteBeforeReplace


def test_a_state_of_the_first_version_shows_no_change(plugin: Servicer) -> None:
    """Version 0.1.0 stored values as the program gave them; replacing a workspace for that loses its data."""
    ports = [{"internal": 1, "external": 1, "ip": "127.0.0.1"}]
    given: Values = {"name": "w", "image": "i", "ports": ports}
    then: Values = {"tests": ["CMD", "true"], "interval": "10s", "startPeriod": "1m"}
    olds = {**DEFAULTS, **given, "healthcheck": then, "capabilities": {"adds": ["SYS_ADMIN"]}}
    capabilities = {"adds": ["CAP_SYS_ADMIN"]}
    now: Values = {"healthcheck": {**then, "startPeriod": "1m0s"}, "capabilities": capabilities}
    news, failures = check(plugin, CONTAINER, given | now)
    assert failures == {}
    assert diff(plugin, CONTAINER, olds, olds, news).changes == provider_pb2.DiffResponse.DIFF_NONE


@pytest.mark.parametrize(
    ("token", "key", "given"),
    [
        (CONTAINER, "privileged", False),
        (CONTAINER, "tty", False),
        (CONTAINER, "stopTimeout", 0),
        (CONTAINER, "memory", 0),
        (CONTAINER, "mustRun", False),
        (NETWORK, "attachable", False),
        (NETWORK, "internal", False),
        (REMOTE_IMAGE, "keepLocally", False),
    ],
)
def test_false_and_zero_are_not_a_change_if_the_state_lacks_the_key(
    plugin: Servicer, token: str, key: str, given: Any
) -> None:
    """Before, this replaced what is false or 0 anyway; the official plugin 5.2.0 does not."""
    news, _ = check(plugin, token, {"name": "a", "image": "i"} if token == CONTAINER else {"name": "a"})
    answer = diff(plugin, token, {**news, key: None}, news, {**news, key: given})
    assert answer.changes == provider_pb2.DiffResponse.DIFF_NONE


@pytest.mark.parametrize(
    ("token", "key"),
    [(CONTAINER, "hostname"), (CONTAINER, "stopSignal"), (CONTAINER, "logDriver"), (NETWORK, "driver")],
)
def test_an_empty_string_keeps_the_value_that_the_engine_chose(
    plugin: Servicer, token: str, key: str
) -> None:
    """Before, an empty host name replaced the container at every run; the official plugin 5.2.0 does not."""
    news, _ = check(plugin, token, {"name": "a", "image": "i"} if token == CONTAINER else {"name": "a"})
    answer = diff(plugin, token, {**news, key: "chosen"}, news, {**news, key: ""})
    assert answer.changes == provider_pb2.DiffResponse.DIFF_NONE
    assert planned(SCHEMAS[token], {**news, key: ""})[key] == UNKNOWN


def test_a_port_at_no_address_is_at_all_of_them(plugin: Servicer) -> None:
    """Before, the engine's 0.0.0.0 replaced the container at each run; the official plugin 5.2.0 does not."""
    port = {"internal": 80, "external": 80, "protocol": "tcp"}
    given: Values = {"name": "a", "image": "i", "ports": [{**port, "ip": ""}]}
    news, _ = check(plugin, CONTAINER, given)
    answer = diff(plugin, CONTAINER, {**news, "ports": [{**port, "ip": "0.0.0.0"}]}, news, news)
    assert answer.changes == provider_pb2.DiffResponse.DIFF_NONE


def test_an_ignored_property_is_not_a_change(plugin: Servicer) -> None:
    """Otherwise, labels that somebody else gave a wallet's volume would replace it."""
    request = provider_pb2.DiffRequest(
        urn=urn(VOLUME),
        olds=to_struct({"name": "wallet", "labels": [{"label": "a", "value": "b"}]}),
        news=to_struct({"name": "wallet"}),
        ignoreChanges=["labels"],
    )
    answer = plugin.Diff(request, Context())
    assert answer.changes == provider_pb2.DiffResponse.DIFF_NONE
    assert (list(answer.replaces), list(answer.diffs), answer.deleteBeforeReplace) == ([], [], False)


@pytest.mark.parametrize(
    ("key", "old", "new"),
    [
        ("envs", ["A=1", "B=2"], ["B=2", "A=1"]),
        ("ports", [{"internal": 1}, {"internal": 2}], [{"internal": 2}, {"internal": 1}]),
        ("capabilities", {"drops": ["A", "B"]}, {"drops": ["B", "A"]}),
        ("labels", [{"label": "a", "value": "b"}], [{"value": "b", "label": "a"}]),
        ("labels", [], None),
        ("tmpfs", None, {}),
        ("user", "", None),
        ("memory", 0, None),
        ("ports", [{"internal": 1, "protocol": "tcp", "ip": "0.0.0.0"}], [{"internal": 1}]),
        (
            "mounts",
            [{"type": "volume", "target": "/x", "readOnly": False}],
            [{"type": "volume", "target": "/x"}],
        ),
        ("healthcheck", {"tests": ["NONE"], "startInterval": "0s"}, {"tests": ["NONE"]}),
        ("ports", [{"internal": 1, "__defaults": []}], [{"internal": 1}]),
    ],
)
def test_set_order_and_defaults_do_not_change_the_normal_form(key: str, old: Any, new: Any) -> None:
    """A node's container is recognized by the normal form of the inputs that it was created with."""
    assert essence(SCHEMAS[CONTAINER][key], old) == essence(SCHEMAS[CONTAINER][key], new)


@pytest.mark.parametrize(
    ("key", "old", "new"),
    [
        ("command", ["-a", "-b"], ["-b", "-a"]),
        ("entrypoints", ["sh", "-c"], ["-c", "sh"]),
        ("healthcheck", {"tests": ["CMD", "true"]}, {"tests": ["true", "CMD"]}),
        ("tmpfs", {"/tmp": ""}, {}),
        ("logOpts", {"max-file": "3"}, {"max-file": "4"}),
        ("mounts", [{"target": "/x", "readOnly": True}], [{"target": "/x"}]),
        ("ports", [{"internal": 1, "ip": "127.0.0.1"}], [{"internal": 1}]),
        ("envs", ["A=1"], ["A=1", "A=1"]),
        ("mustRun", False, True),
        ("memory", 1, None),
    ],
)
def test_values_of_different_meaning_have_different_normal_forms(key: str, old: Any, new: Any) -> None:
    """The order of a command matters; a list is a set only where the official plugin has a set."""
    assert essence(SCHEMAS[CONTAINER][key], old) != essence(SCHEMAS[CONTAINER][key], new)


# --- previews ---


def test_outputs_that_only_a_newer_plugin_knows_are_kept() -> None:
    """The bridge's own outputs are not kept: lists that disagree with them crash the official plugin."""
    state = {"name": "v", "quota": "1G", "__meta": "{}"}
    inspected = {"Name": "v", "Driver": "local", "Mountpoint": "/v"}
    engine = AnsweringEngine(**{"api.inspect_volume.return_value": inspected})
    found = Volume(engine).read("v", {"name": "v"}, state)
    assert found is not None
    assert found.state["quota"] == "1G"
    assert "__meta" not in found.state
    updated = stored(SCHEMAS[CONTAINER], planned(SCHEMAS[CONTAINER], {}, {}), {"quota": "1G", "__meta": "{}"})
    assert updated["quota"] == "1G"
    assert "__meta" not in updated


@pytest.mark.parametrize("key", ["labels", "logOpts", "mounts", "ports", "tmpfs", "ulimits"])
@pytest.mark.parametrize("unknown", [UNKNOWN, [UNKNOWN]])
def test_an_input_that_a_preview_does_not_know_yet_is_a_change(
    plugin: Servicer, key: str, unknown: Any
) -> None:
    """A single entry or a value in a map may be unknown; before, the preview ended with an internal error."""
    if unknown == [UNKNOWN] and key in ("logOpts", "tmpfs"):
        unknown = {"a": UNKNOWN}
    news = {**NODE, key: unknown}
    assert planned(SCHEMAS[CONTAINER], news)[key] == unknown
    assert key in diff(plugin, CONTAINER, NODE, NODE, news).diffs
    assert essence(SCHEMAS[CONTAINER][key], unknown) != essence(SCHEMAS[CONTAINER][key], NODE.get(key))


def test_an_option_of_an_image_that_the_program_drops_is_removed_from_the_state() -> None:
    """Otherwise, the option would differ at every run."""
    olds = planned(SCHEMAS[REMOTE_IMAGE], {"name": "x", "keepLocally": True}) | {"imageId": "sha256:1"}
    state = RemoteImage(ClosedEngine()).update("id", olds, {"name": "x", "forceRemove": True})
    assert (state["imageId"], state["keepLocally"], state["forceRemove"]) == ("sha256:1", None, True)


def test_an_image_that_is_kept_is_not_asked_for_at_removal() -> None:
    RemoteImage(ClosedEngine()).delete("id", {"name": "x", "keepLocally": True})


# --- requests to the engine ---


@pytest.mark.parametrize(
    ("duration", "wanted"),
    [
        ("", 0),
        ("0s", 0),
        ("1ns", 1),
        ("3us", 3_000),
        ("3µs", 3_000),
        ("500ms", 500_000_000),
        ("10s", 10_000_000_000),
        ("1.5s", 1_500_000_000),
        (".5m", 30_000_000_000),
        ("1m30s", 90_000_000_000),
        ("5m0s", 300_000_000_000),
        ("1h2m3s4ms", 3_723_004_000_000),
        ("0.1s", 100_000_000),
    ],
)
def test_durations_are_read_as_go_reads_them(duration: str, wanted: int) -> None:
    assert nanoseconds(duration) == wanted


@pytest.mark.parametrize(
    "duration", ["10", "s", "10 s", "-1s", "1d", "10S", "1m30", "1..5s", "٣s", "x", "1s\n"]
)
def test_an_invalid_duration_is_named_with_examples(duration: str) -> None:
    with pytest.raises(ValueError, match="is not a valid duration: write 500ms, 10s, 1m30s or 1h") as error:
        nanoseconds(duration)
    assert repr(duration) in str(error.value)


@given(st.integers(0, 99), st.integers(0, 59), st.integers(0, 59), st.integers(0, 999))
def test_a_duration_is_the_sum_of_its_parts(hours: int, minutes: int, seconds: int, millis: int) -> None:
    written = f"{hours}h{minutes}m{seconds}s{millis}ms"
    whole = ((hours * 60 + minutes) * 60 + seconds) * 1000 + millis
    assert nanoseconds(written) == whole * 10**6
    assert nanoseconds(duration(whole * 10**6)) == whole * 10**6


@pytest.mark.parametrize(
    ("nanoseconds", "wanted"),
    [
        (0, "0s"),
        (1, "1ns"),
        (1_500, "1.5µs"),
        (500_000_000, "500ms"),
        (10**9, "1s"),
        (1_500_000_000, "1.5s"),
        (60 * 10**9, "1m0s"),
        (90 * 10**9, "1m30s"),
        (3600 * 10**9, "1h0m0s"),
    ],
)
def test_durations_are_written_as_go_writes_them(nanoseconds: int, wanted: str) -> None:
    """The form is that of time.Duration.String; the official plugin compares durations as text."""
    assert duration(nanoseconds) == wanted


def test_a_node_is_created_with_all_inputs_of_the_program() -> None:
    assert creation(NODE) == {
        "Image": NODE["image"],
        "Cmd": ["-web-interface-addr=0.0.0.0", "-disable-networking"],
        "User": "10000:10000",
        "Labels": {"org.example.role": "node", MARK: mark(NODE)},
        "StopSignal": "SIGINT",
        "StopTimeout": 60,
        "Tty": False,
        "OpenStdin": False,
        "ExposedPorts": {"6420/tcp": {}, "6000/tcp": {}},
        "Healthcheck": {
            "Test": NODE["healthcheck"]["tests"],
            "Interval": 10 * 10**9,
            "Timeout": 90 * 10**9,
            "StartPeriod": 300 * 10**9,
            "StartInterval": 0,
            "Retries": 6,
        },
        "HostConfig": {
            "NetworkMode": "skycoin-node",
            "RestartPolicy": {"Name": "unless-stopped", "MaximumRetryCount": 0},
            "AutoRemove": False,
            "ReadonlyRootfs": True,
            "Privileged": False,
            "CapDrop": ["ALL"],
            "SecurityOpt": ["no-new-privileges"],
            "Tmpfs": {"/tmp": "rw,noexec,nosuid,nodev,size=64m"},
            "Mounts": [
                {"Type": "volume", "Source": "node-data", "Target": "/data", "ReadOnly": False},
                {"Type": "volume", "Source": "node-wallet", "Target": "/wallet", "ReadOnly": False},
            ],
            "ExtraHosts": [],
            "Memory": 768 * 1024 * 1024,
            "MemoryReservation": 0,
            "MemorySwap": 0,
            "CpuShares": 0,
            "CpusetCpus": "",
            "ShmSize": 0,
            "Init": False,
            "LogConfig": {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "3"}},
            "Ulimits": [{"Name": "nofile", "Soft": 4096, "Hard": 4096}],
            "PortBindings": {
                "6420/tcp": [{"HostIp": "127.0.0.1", "HostPort": "6420"}],
                "6000/tcp": [{"HostIp": "0.0.0.0", "HostPort": "6000"}],
            },
        },
    }


def test_inputs_that_the_program_omits_are_left_to_the_image() -> None:
    body = creation({"name": "x", "image": "y"})
    for absent in ("Cmd", "Entrypoint", "Env", "User", "WorkingDir", "Healthcheck", "StopSignal"):
        assert absent not in body
    assert "PortBindings" not in body["HostConfig"]
    assert body["HostConfig"]["NetworkMode"] == "bridge"


def test_one_inner_port_may_be_shown_on_many_addresses() -> None:
    ports = [
        {"internal": 53, "external": 5353, "ip": "127.0.0.1", "protocol": "udp"},
        {"internal": 53, "external": 53, "protocol": "udp"},
        {"internal": 53},
    ]
    assert creation({"image": "y", "ports": ports})["HostConfig"]["PortBindings"] == {
        "53/udp": [{"HostIp": "127.0.0.1", "HostPort": "5353"}, {"HostIp": "0.0.0.0", "HostPort": "53"}],
        "53/tcp": [{"HostIp": "0.0.0.0", "HostPort": ""}],
    }


@pytest.mark.parametrize(("swap", "wanted"), [(None, 0), (0, 0), (-1, -1), (512, 512 * 1024 * 1024)])
def test_memory_swap_is_in_mebibytes_and_minus_one_is_not_a_limit(swap: int | None, wanted: int) -> None:
    body = creation({"image": "y", "memorySwap": swap})
    assert body["HostConfig"]["MemorySwap"] == wanted


# --- state ---

INSPECTED: Values = {
    "Id": "c" * 64,
    "Name": "/skycoin-node",
    "Platform": "linux",
    "State": {"Running": True, "ExitCode": 0},
    "Config": {
        "Image": "y",
        "Cmd": ["a"],
        "Hostname": "h",
        "User": "1",
        "StopSignal": "SIGINT",
        "StopTimeout": 9,
    },
    "HostConfig": {
        "NetworkMode": "skycoin-node",
        "ReadonlyRootfs": True,
        "RestartPolicy": {"Name": ""},
        "AutoRemove": False,
        "LogConfig": {"Type": "json-file"},
        "Memory": 64 * 1024 * 1024,
    },
    "NetworkSettings": {"Networks": {"skycoin-node": {"IPAddress": "172.18.0.2", "IPPrefixLen": 16}}},
}


@pytest.mark.parametrize(
    ("must_run", "running", "wanted"),
    [(True, True, True), (True, False, False), (False, True, False), (False, False, False)],
)
def test_must_run_is_true_only_of_a_container_that_runs(must_run: bool, running: bool, wanted: bool) -> None:
    found = {**INSPECTED, "State": {"Running": running, "ExitCode": 1}}
    assert outputs_of({"mustRun": must_run}, found)["mustRun"] is wanted


def test_a_stopped_container_keeps_its_ports_in_the_state() -> None:
    """The engine reports no ports of a stopped container; without them, `up` would replace, not start it."""
    ports = [{"internal": 80, "external": 8080, "ip": "127.0.0.1", "protocol": "tcp"}]
    found = {**INSPECTED, "State": {"Running": False, "ExitCode": 0}}
    assert outputs_of({"ports": ports}, found)["ports"] == ports


def test_a_running_container_shows_the_ports_that_the_engine_chose() -> None:
    ports = {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "32768"}], "53/udp": None}
    found = {**INSPECTED, "NetworkSettings": {"Ports": ports}}
    given = [{"internal": 80, "external": 0, "ip": "127.0.0.1", "protocol": "tcp"}]
    assert outputs_of({"ports": given}, found)["ports"] == [{**given[0], "external": 32768}]


def test_a_state_omits_the_images_variables_and_labels() -> None:
    found = {**INSPECTED, "Config": {**INSPECTED["Config"], "Env": ["PATH=/bin"], "Labels": {MARK: "x"}}}
    state = outputs_of({"envs": ["A=1"], "labels": None}, found)
    assert (state["envs"], state["labels"]) == (["A=1"], [])


# --- networks ---


def inspected_network(**pool: str) -> Values:
    """A network, as the engine's API shows it."""
    named: Values = {"Id": "abc", "Name": "n", "Driver": "bridge", "Scope": "local", "Options": {}}
    flags = dict.fromkeys(("Internal", "Attachable", "Ingress", "EnableIPv6"), False)
    return {**named, **flags, "IPAM": {"Driver": "default", "Options": None, "Config": [pool]}}


@pytest.mark.parametrize(
    ("asked", "gateway", "wanted"),
    [
        ([{"subnet": "10.79.0.0/24"}], "10.79.0.1", ""),
        ([{"subnet": "10.79.0.0/24", "gateway": ""}], "10.79.0.1", ""),
        ([{"subnet": "10.79.0.0/24", "gateway": "10.79.0.9"}], "10.79.0.9", "10.79.0.9"),
        ([{"subnet": "10.79.0.0/24"}], "", ""),
        ([], "10.79.0.1", "10.79.0.1"),
    ],
)
def test_a_gateway_that_the_engine_chose_is_not_a_difference(
    asked: list[Values], gateway: str, wanted: str
) -> None:
    """Docker 29 reports the gateway, 20.10 did not: each `up` would have replaced the network."""
    api = Mock()
    api.inspect_network.return_value = inspected_network(Subnet="10.79.0.0/24", Gateway=gateway)
    engine = Mock()
    engine.asking.return_value.__enter__ = Mock(return_value=api)
    engine.asking.return_value.__exit__ = Mock(return_value=None)
    inputs: Values = {"name": "n", "driver": "bridge", **({"ipamConfigs": asked} if asked else {})}
    found = Network(engine).read("abc", inputs, {})
    assert found is not None
    assert [pool["gateway"] for pool in found.state["ipamConfigs"]] == [wanted]
    assert found.inputs == inputs
    assert Network(engine).diff(found.state, inputs, inputs).kinds == {}


# --- ssh ---


@pytest.mark.parametrize(
    ("url", "options", "wanted"),
    [
        ("ssh://pi@board.lan:2222", [], ["-l", "pi", "-p", "2222", "--", "board.lan"]),
        ("ssh://board.lan", [], ["--", "board.lan"]),
        ("ssh://pi@[::1]:22", [], ["-l", "pi", "-p", "22", "--", "::1"]),
        ("ssh://-oProxyCommand=x", [], ["--", "-oProxyCommand=x"]),
        ("ssh://pi@Attic:2222", [], ["-l", "pi", "-p", "2222", "--", "Attic"]),
        ("ssh://pi@Attic/folder", [], ["-l", "pi", "--", "Attic"]),
    ],
)
def test_ssh_gets_user_host_and_port_and_never_prompts(
    url: str, options: list[str], wanted: list[str]
) -> None:
    """`--` ends the options, so a host's name is never read as one.

    Its letters stay as they are: ~/.ssh/config has `Host` patterns that distinguish upper and lower case.
    """
    names = ("BatchMode=yes", "ConnectTimeout=20", "ServerAliveInterval=7", "ServerAliveCountMax=3")
    ours = [part for name in names for part in ("-o", name)]
    strict = ["-o", "StrictHostKeyChecking=yes"]
    assert ssh_command(url, options) == ["ssh", "-T", *strict, *ours, *wanted, "docker system dial-stdio"]


def test_the_callers_ssh_options_come_first_and_so_win() -> None:
    """ssh takes the first value of an option that is given twice."""
    command = ssh_command("ssh://host", ["-o", "ConnectTimeout=5", "-i", "key"])
    assert command[4:8] == ["-o", "ConnectTimeout=5", "-i", "key"]
    assert command.index("ConnectTimeout=5") < command.index("ConnectTimeout=20")


# --- errors of an engine ---


class BrokenEngine(Engine):
    """An engine that answers everything with one error."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.configure({"host": "tcp://board:2375"})
        self._error = error

    def client(self) -> Any:
        return Mock(**{"api.inspect_volume.side_effect": self._error})


@pytest.mark.parametrize(
    ("error", "wanted"),
    [
        (APIError("500 Server Error", explanation="disk full"), "volume wallet: disk full"),
        (APIError("500 Server Error"), "volume wallet: 500 Server Error"),
        (DockerException("too old"), "volume wallet: too old"),
        (requests.ReadTimeout("timed out"), "volume wallet: tcp://board:2375 stopped answering: timed out"),
    ],
)
def test_an_error_of_the_engine_names_the_resource(error: Exception, wanted: str) -> None:
    """A host that goes away during a run must not look like a missing volume."""
    with pytest.raises(ServiceError) as raised:
        Volume(BrokenEngine(error)).read("wallet", {}, {})
    assert str(raised.value) == wanted


def test_a_volume_that_the_engine_does_not_know_is_gone() -> None:
    assert Volume(BrokenEngine(NotFound("404"))).read("wallet", {}, {}) is None


# --- values ---


def test_whole_numbers_stay_integers_on_the_way_through_protobuf() -> None:
    """protobuf has only floats, and the engine rejects a stop timeout of 60.0."""
    values = to_values(
        to_struct({"stopTimeout": 60, "ports": [{"internal": 6420}], "ratio": 0.5, "yes": True})
    )
    assert type(values["stopTimeout"]) is int
    assert type(values["ports"][0]["internal"]) is int
    assert type(values["ratio"]) is float
    assert values["yes"] is True


TEXT = st.text(st.characters(codec="utf-8"), max_size=8)
SCALARS = (
    st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | TEXT
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(TEXT, JSON, max_size=4))
def test_json_values_survive_a_round_trip(values: Values) -> None:
    assert to_values(to_struct(values)) == values


def test_leftovers_of_a_killed_up_are_recognized_by_their_resource_and_inputs() -> None:
    """With other inputs or from another stack, it belongs to somebody else; the message says how to go on."""
    inputs = {"name": "skycoin-one", "image": "i"}
    URN.set("urn:pulumi:mine::one")
    found, labels = {"Id": "abc"}, {MARK: mark(inputs)}
    assert left_behind("container skycoin-one", found, labels, inputs) == "abc"
    with pytest.raises(
        ProviderError, match="docker stop -t 60 skycoin-one && docker container rm skycoin-one"
    ):
        left_behind("container skycoin-one", found, labels, {**inputs, "image": "j"})
    URN.set("urn:pulumi:other::one")
    with pytest.raises(ProviderError, match="not in the state"):
        left_behind("container skycoin-one", found, labels, inputs)
    with pytest.raises(ProviderError, match="`docker network rm n`"):
        left_behind("network n", found, None, inputs)
