"""The login in front of a node's web interface: its image, and the handover of the port to it and back."""

from dataclasses import replace
from typing import Any

import pulumi
import pulumi_docker as docker
import pytest
from docker.errors import NotFound

from catalogue.images import CATALOGUE
from catalogue.node_container import USER as NODE_USER
from clients.deployed_nodes import DeployedNode, nodes_of
from clients.errors import FormError
from clients.host_checks import findings
from components.exporter import USER as EXPORTER_USER
from components.proxy import Proxy, ProxyArgs
from fleet.wanted import planned_hosts
from mocks.engine import CONTAINER, NODE_CONTAINER, PREFLIGHT, PULLED, TAG, VOLUME
from providers.kind import URN, ProviderError, Values
from providers.skycoin import handover, watchdog
from providers.skycoin.host_findings import planned_host
from settings.proxy import VERSION
from settings.reading import SettingsError, parse
from tests.unit.engine import Engine
from tests.unit.node_engine import BAD, NodeEngine
from tests.unit.projects import FILES, published, run_program, stack_settings
from tests.unit.samples import PINNED, on_host
from tests.unit.test_handover import INPUTS, NAME, deployed
from tests.unit.test_host_checks import FACTS
from tests.unit.yaml_like import DIGEST, changed
from wallets.errors import WalletError
from wallets.login import renew_password, shown_login

COMPONENT = "skycoin:index:Proxy"
GUI = {"nodes.one.gui": True, "nodes.one.host": "here"}
IN_TABLE_ORDER = ["amd64", "arm32v5", "arm32v7", "arm64v8"]
GIVEN = {
    "source": {"debian": "nginx", "version": "v1.22.1"},
    "arches": ["amd64"],
    "channel": "release",
    "registries": ["local"],
}


def _program() -> None:
    opts = on_host()
    args = ProxyArgs(
        image=PINNED,
        container="skycoin-node-1-proxy",
        login_volume="skycoin-node-1-login",
        network=pulumi.Output.from_input("skycoin-node-1"),
        node="skycoin-node-1",
        after=docker.Network("node-1-network", name="skycoin-node-1", opts=opts),
        port=6420,
    )
    Proxy("node-1-proxy", args, opts)


def test_a_proxy_is_one_confined_container_on_loopback_with_a_volume_that_stays(engine: Engine) -> None:
    engine.run(_program)
    assert engine.children(engine.one(COMPONENT, "node-1-proxy")) == [
        (CONTAINER, "node-1-proxy-container"),
        (VOLUME, "node-1-proxy-login"),
    ]
    container = engine.one(CONTAINER, "node-1-proxy-container").inputs
    assert container["ports"] == [{"internal": 8080, "external": 6420, "ip": "127.0.0.1"}]
    assert container["networkMode"] == "skycoin-node-1"
    assert container["command"] == ["proxy", "skycoin-node-1", "6420"]
    assert (container["user"], container["readOnly"]) == ("10002:10002", True)
    assert container["capabilities"] == {"drops": ["ALL"]}
    assert container["securityOpts"] == ["no-new-privileges"]
    assert container["mounts"] == [{"type": "volume", "source": "skycoin-node-1-login", "target": "/login"}]
    assert not {"envs", "volumes", "privileged"} & container.keys()
    assert (container["memory"], container["wait"]) == (64, True)
    assert [(ulimit["name"], ulimit["hard"]) for ulimit in container["ulimits"]] == [
        ("nofile", 4096),
        ("nproc", 1024),
    ]
    volume = engine.one(VOLUME, "node-1-proxy-login")
    assert (volume.retain_on_delete, volume.inputs) == (True, {"name": "skycoin-node-1-login"})
    assert engine.outputs_of(COMPONENT, "node-1-proxy") == {
        "container": "skycoin-node-1-proxy",
        "login_volume": "skycoin-node-1-login",
    }


def test_no_other_container_can_read_its_password() -> None:
    uid = CATALOGUE["proxy"].build_args["UID"]
    assert len({f"{uid}:{uid}", EXPORTER_USER, NODE_USER}) == 3


def test_a_node_with_a_gui_gives_its_port_to_its_proxy_which_waits_for_that() -> None:
    engine = run_program(Engine(), changed(GUI))
    node, proxy = engine.one(NODE_CONTAINER, "one-container"), engine.one(CONTAINER, "one-proxy-container")
    assert node.inputs["ports"] == []
    assert proxy.inputs["ports"] == [{"internal": 8080, "external": 6420, "ip": "127.0.0.1"}]
    assert node.urn in proxy.dependencies
    assert proxy.inputs["networkMode"] == node.inputs["networkMode"]
    preflight = engine.one(PREFLIGHT, "one-preflight").inputs
    assert preflight["ports"] == {"rpc-port": "127.0.0.1:6420"}
    said = engine.exports()["nodes"]["one"]
    assert (said["rpc"], said["login"]) == (
        "http://127.0.0.1:6420",
        "./skyinfra node password one -s test",
    )


def test_a_node_gives_its_port_up_when_its_proxys_image_is_built_and_on_its_host() -> None:
    """Before, after a failed build, the node had given its port up, and no proxy took it."""
    engine = run_program(Engine(), changed(GUI))
    tag, pulled = engine.one(TAG, "proxy-local-develop-tag"), engine.one(PULLED, "one-pulled-proxy")
    node, proxy = engine.one(NODE_CONTAINER, "one-container"), engine.one(CONTAINER, "one-proxy-container")
    assert pulled.inputs["image"].endswith(f"/skycoin/proxy@{engine.digest(tag.name)}")
    assert tag.urn in pulled.dependencies
    assert pulled.urn in node.dependencies & proxy.dependencies
    assert "/skycoin/proxy" not in str(node.inputs), "another image of it is no reason for a handover"


def test_a_node_may_have_the_name_of_another_nodes_proxy() -> None:
    """Before, both pulled images had one resource name, which Pulumi refuses."""
    other = {"nodes.one-proxy": {"image": "skycoin", "host": "attic", "rpc-port": 6421}}
    engine = run_program(Engine(), changed({**GUI, **other}))
    names = sorted(resource.name for resource in engine.all_of(PULLED) if resource.name.startswith("one-"))
    assert names == ["one-proxy-pulled", "one-pulled", "one-pulled-proxy"]


def test_a_host_pulls_its_proxy_from_the_registry_that_it_pulls_its_node_from() -> None:
    hub = {"registries.hub": {"kind": "hub"}, "images.skycoin.registries": ["local", "hub"]}
    given = {"images.proxy": {**GIVEN, "registries": ["local", "hub"]}, "hosts.here.pull-from": "hub"}
    engine = run_program(Engine(), changed({**GUI, **hub, **given}))
    node, proxy = (engine.one(PULLED, name).inputs["pullFrom"] for name in ("one-pulled", "one-pulled-proxy"))
    assert (node, proxy) == ("docker.io/skycoin/skycoin", "docker.io/skycoin/proxy")


def test_with_a_public_network_only_its_peers_reach_the_node_itself() -> None:
    engine = run_program(Engine(), changed({**GUI, "nodes.one.network": "mainnet"}))
    ports = engine.one(NODE_CONTAINER, "one-container").inputs["ports"]
    assert ports == [{"internal": 6000, "external": 6000, "ip": "0.0.0.0"}]


def test_a_node_without_a_gui_has_no_proxy_and_publishes_its_own_port() -> None:
    engine = run_program(Engine(), changed({}))
    assert engine.all_of(COMPONENT) == []
    assert "login" not in engine.exports()["nodes"]["one"]
    assert "proxy" not in parse(changed({})).images
    assert engine.one(NODE_CONTAINER, "one-container").inputs["ports"] == [
        {"internal": 6420, "external": 6420, "ip": "127.0.0.1"}
    ]


def test_a_renamed_nodes_proxy_is_kept_with_its_password() -> None:
    engine = run_program(Engine(), changed({**GUI, "nodes.one.renamed-from": "uno"}))
    assert engine.one(COMPONENT, "one-proxy").aliases == ("uno-proxy",)
    assert engine.one(VOLUME, "one-proxy-login").inputs["name"] == "skycoin-uno-login"


@pytest.mark.parametrize(
    ("changes", "arches"),
    [
        ({}, ["amd64", "arm32v7"]),
        ({"hosts.here.arch": "amd64"}, ["amd64"]),
        ({"nodes.two.gui": True, "hosts.here.arch": "amd64"}, ["amd64", "arm32v7"]),
        ({"nodes.one.gui": False, "nodes.two.gui": True}, ["arm32v7"]),
        ({"images.skycoin.arches": ["arm64v8", "arm32v7", "arm32v5", "amd64"]}, IN_TABLE_ORDER),
        ({"hosts.here.arch": "arm32v6", "images.skycoin.arches": ["arm32v6", "arm32v7"]}, ["arm32v6"]),
        ({"nodes.one.host": "nowhere"}, None),
    ],
    ids=["not said", "one", "two", "the other", "in the table's order", "old board", "no such host"],
)
def test_the_proxy_is_built_for_the_architectures_of_its_hosts(
    changes: dict[str, Any], arches: list[str] | None
) -> None:
    if arches is None:
        with pytest.raises(SettingsError, match=r"nodes\.one\.host"):
            parse(changed({**GUI, **changes}))
        return
    image = parse(changed({**GUI, **changes})).images["proxy"]
    assert (image.arches, image.source.debian, image.source.version) == (arches, "nginx", VERSION)
    assert image.channel == "develop"


def test_an_explicit_proxy_image_is_not_changed() -> None:
    assert parse(changed({**GUI, "images.proxy": GIVEN})).images["proxy"].channel == "release"


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        (
            {"images.proxy": GIVEN, "nodes.two.gui": True},
            "skycoin:nodes.two.gui: attic needs arm32v7, but skycoin:images.proxy is built for amd64 only: "
            "add arm32v7 to its arches",
        ),
        (
            {"images.proxy": {**GIVEN, "source": {"debian": "apache2", "version": "v1.22.1"}}},
            "skycoin:images.proxy.source: debian 'apache2' is not the source of proxy; allowed: nginx",
        ),
        (
            {"images.proxy": {**GIVEN, "source": {"path": "../nginx", "version": "v1.22.1"}}},
            "skycoin:images.proxy.source: path is not a source of proxy; allowed: debian",
        ),
        (
            {"nodes.one-proxy": {"image": "skycoin", "host": "here", "rpc-port": 7000}},
            "skycoin:nodes.one-proxy: container name 'skycoin-one-proxy' is already used by "
            "skycoin:nodes.one.gui; give the node another name",
        ),
        (
            {"nodes.one.data-volume": "skycoin-one-login"},
            "skycoin:nodes.one.gui: volume 'skycoin-one-login' on engine local is already "
            "used by skycoin:nodes.one.data-volume; two writers would damage its data: give each its own "
            "volume",
        ),
        (
            {
                "registries.hub": {"kind": "hub"},
                "images.skycoin.registries": ["local", "hub"],
                "images.proxy": GIVEN,
                "pull-from": "hub",
            },
            "skycoin:nodes.one: host here pulls from 'hub', and skycoin:images.proxy is not published there: "
            "add hub to its registries",
        ),
    ],
    ids=[
        "arch",
        "package",
        "source",
        "container",
        "volume",
        "registry",
    ],
)
def test_a_proxy_that_does_not_fit_is_refused(changes: dict[str, Any], fault: str) -> None:
    with pytest.raises(SettingsError) as refused:
        parse(changed({**GUI, **changes}))
    assert refused.value.faults == [fault]


def test_a_fleets_proxy_comes_from_the_publishing_stack() -> None:
    stacks = published()
    [outputs] = stacks.values()
    ref = {"ref": f"docker.io/skycoin/proxy:latest@{DIGEST}", "digest": DIGEST, "variants": {}}
    outputs["images"]["proxy"] = {"latest": ref}
    settings = {
        **stack_settings(FILES["fleet"]),
        "hosts": {"here": {"engine": "local"}},
        "nodes": {"one": {"image": "skycoin", "host": "here", "gui": True, "tag": "latest"}},
    }
    engine = run_program(Engine(stacks=stacks), settings)
    assert engine.one(CONTAINER, "one-proxy-container").inputs["image"] == f"docker.io/skycoin/proxy@{DIGEST}"


def test_up_reports_too_little_memory_for_a_password_as_fleet_check_does() -> None:
    """Only `fleet check` did, although the page of these checks said that `up` makes the same ones."""
    settings = changed({**GUI, "nodes.one.memory": 512})
    [here] = [planned for planned in planned_hosts(parse(settings)) if planned.name == "here"]
    preflight = run_program(Engine(), settings).one(PREFLIGHT, "one-preflight")
    URN.set(preflight.urn)
    one = replace(here, tenants=here.tenants[:1])
    assert [finding.check for finding in findings(FACTS, one)] == ["memory of a password"]
    assert findings(FACTS, planned_host(preflight.inputs, None)) == findings(FACTS, one)


def test_the_preflight_of_a_node_without_a_gui_is_the_same_as_before() -> None:
    assert "gui" not in run_program(Engine(), changed({})).one(PREFLIGHT, "one-preflight").inputs


def test_the_port_that_a_nodes_proxy_holds_counts_as_the_nodes_own() -> None:
    """Otherwise, a preflight would refuse the next `up`."""
    [here] = [planned for planned in planned_hosts(parse(changed(GUI))) if planned.name == "here"]
    assert "skycoin-one-proxy" in here.tenants[0].containers
    inputs = {"host": "here", "container": "skycoin-one", "wallet": "w"}
    assert "skycoin-one-proxy" in planned_host(inputs, None).tenants[0].containers


# Back to `gui: false`.

CLOSED: Values = {**INPUTS, "ports": []}
PROXY = f"{NAME}-proxy"


@pytest.fixture
def node_engine(monkeypatch: pytest.MonkeyPatch) -> NodeEngine:
    class Clock:
        now = 0.0

        @classmethod
        def monotonic(cls) -> float:
            cls.now += 1
            return cls.now

        @staticmethod
        def sleep(_: float) -> None:
            pass

    monkeypatch.setattr(handover, "time", Clock)
    return NodeEngine()


def with_proxy(engine: NodeEngine, port: str = "6420", **changes: Any) -> Any:
    """Create the proxy as its resource does, with the labels of its image."""
    bindings = {"8080/tcp": [{"HostIp": "127.0.0.1", "HostPort": port}]}
    host = {"Mounts": [], "PortBindings": bindings, "RestartPolicy": {"Name": "unless-stopped"}}
    labels = {"org.opencontainers.image.title": "Login before a Skycoin node's web interface"}
    config = {"Image": "proxy", "Labels": labels, "Cmd": ["proxy", NAME, port], "HostConfig": host}
    made = engine.create_container_from_config({**config, **changes}, PROXY)["Id"]
    engine.start(made)
    engine.log.clear()
    return engine.boxes[made]


def test_without_a_gui_again_the_node_has_its_port_at_once(node_engine: NodeEngine) -> None:
    resource = deployed(node_engine, ports=[])
    proxy = with_proxy(node_engine)
    assert resource.up(INPUTS) == "update"
    assert not proxy.running
    assert node_engine.log[0] == f"stop {PROXY}"
    assert node_engine.log[-2:] == [f"start {NAME}", f"remove {NAME}-previous"]
    assert node_engine.violations == []


def test_a_proxy_keeps_running_if_the_new_container_fails(node_engine: NodeEngine) -> None:
    resource = deployed(node_engine, ports=[])
    proxy = with_proxy(node_engine)
    with pytest.raises(ProviderError, match="was restored unchanged"):
        resource.up({**INPUTS, "image": BAD})
    assert proxy.running
    assert node_engine._box(NAME).running


def test_a_proxy_is_started_again_after_an_answer_of_another_form(
    node_engine: NodeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before, it stayed stopped."""
    resource = deployed(node_engine, ports=[])
    proxy = with_proxy(node_engine)

    inspect = node_engine.inspect_container

    def odd(name: str) -> Any:
        if f"stop {PROXY}" in node_engine.log and not proxy.running:
            raise FormError("its engine answers in another form")
        return inspect(name)

    monkeypatch.setattr(node_engine, "inspect_container", odd)
    with pytest.raises(ProviderError, match="its engine answers in another form"):
        resource.up(INPUTS)
    assert proxy.running


def test_a_proxy_that_does_not_start_again_is_reported(
    node_engine: NodeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    resource = deployed(node_engine, ports=[])
    proxy = with_proxy(node_engine)
    start = node_engine.start

    def stubborn(name: str) -> None:
        if name == proxy.identity:
            raise NotFound("no such container")
        start(name)

    monkeypatch.setattr(node_engine, "start", stubborn)
    with pytest.raises(ProviderError, match=f"{PROXY} was stopped, and could not be started again: no"):
        resource.up({**INPUTS, "image": BAD})


@pytest.mark.parametrize("port", ["6420", "7000"], ids=["its gui stays", "another port"])
def test_a_proxy_that_does_not_hold_a_needed_port_keeps_running(node_engine: NodeEngine, port: str) -> None:
    resource = deployed(node_engine, ports=[])
    proxy = with_proxy(node_engine, port)
    news = CLOSED if port == "6420" else INPUTS
    assert resource.up({**news, "command": ["-enable-gui"]}) == "update"
    assert proxy.running
    assert f"stop {PROXY}" not in node_engine.log


@pytest.mark.parametrize(
    "of_another",
    [
        {"Labels": None},
        {"Labels": {"org.opencontainers.image.title": "nginx"}},
        {"Cmd": ["proxy", "skycoin-two", "6420"]},
        {"Cmd": None},
    ],
    ids=["no label", "another image", "another node's", "no command"],
)
def test_a_container_that_has_the_name_of_a_proxy_alone_is_never_stopped(
    node_engine: NodeEngine, of_another: Values
) -> None:
    resource = deployed(node_engine, ports=[])
    stranger = with_proxy(node_engine, **of_another)
    with pytest.raises(ProviderError, match=r"(?s)port is already allocated.*was restored unchanged"):
        resource.up(INPUTS)
    assert stranger.running
    assert f"stop {PROXY}" not in node_engine.log
    assert node_engine._box(NAME).running


# The watchdog on the board.

BOARD: Values = {"engine": "ssh://pi@attic.lan", "sshOptions": []}


def test_a_watchdog_gets_the_name_of_the_stopped_proxy(
    node_engine: NodeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = list[str]()
    monkeypatch.setattr(watchdog, "start_detached", lambda *given: told.append(given[3][-2]))
    resource = deployed(node_engine, **BOARD, ports=[])
    proxy = with_proxy(node_engine)
    resource.up({**INPUTS, **BOARD, "ports": [], "command": ["-enable-gui"]})
    resource.up({**INPUTS, **BOARD})
    assert told == ["", proxy.identity]


# The login, as the host shows it.


class Host:
    """An engine with one proxy, which answers commands."""

    def __init__(self, said: bytes = b"user: skycoin\npassword: x\n", code: int = 0) -> None:
        self.api, self.said, self.code, self.commands = self, said, code, list[Any]()

    def exec_create(self, container: str, command: list[str]) -> Values:
        if container == "gone":
            raise NotFound("no such container")
        self.commands.append((container, command))
        return {"Id": "1"}

    def exec_start(self, _: str) -> bytes:
        return self.said

    def exec_inspect(self, _: str) -> Values:
        return {"ExitCode": self.code}


def node_with(proxy: str | None) -> DeployedNode:
    stack = "urn:pulumi:s::skycoin::"
    node = f"{stack}skycoin:index:Node::one"
    there: list[dict[str, Any]] = [
        {"urn": node},
        {
            "urn": f"{stack}skycoin:index:Node$skycoin:index:Preflight::one-preflight",
            "parent": node,
            "inputs": {"host": "here", "image": "i", "wallet": "w"},
        },
    ]
    if proxy:
        beside = f"{stack}skycoin:index:Proxy::one-proxy"
        container = f"{stack}skycoin:index:Proxy$docker:index/container:Container::one-proxy-container"
        there += [{"urn": beside}, {"urn": container, "parent": beside, "inputs": {"name": proxy}}]
    found = nodes_of("s", there)["one"]
    assert len(found.urns) == len(there), "what retires the node takes all of it"
    return found


def test_the_login_is_read_from_its_host_and_replaced_there(monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host()
    monkeypatch.setattr("wallets.login.engine_of", lambda _: host)
    node = node_with(PROXY)
    assert shown_login(node) == "user: skycoin\npassword: x"
    renew_password(node)
    assert host.commands == [(PROXY, ["gui-login"]), (PROXY, ["gui-login", "new"])]


def test_a_login_that_a_host_shows_is_no_command_for_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "wallets.login.engine_of", lambda _: Host(b"user: x\x1b]52;c;ZXZpbA==\x07\r\npassword: y")
    )
    assert shown_login(node_with(PROXY)) == "user: x]52;c;ZXZpbA==\npassword: y"


@pytest.mark.parametrize(
    ("proxy", "code", "expected"),
    [
        (None, 0, "one has no web interface, so it has no login: set `gui: true` on it, then run `up`"),
        ("gone", 0, "host here: there is no container gone; the next `up` creates it"),
        (PROXY, 1, f"host here: `gui-login` in {PROXY} failed: sh: can't open /login/htpasswd"),
    ],
    ids=["none", "gone", "failed"],
)
def test_a_login_that_can_not_be_shown_is_reported(
    monkeypatch: pytest.MonkeyPatch, proxy: str | None, code: int, expected: str
) -> None:
    host = Host(b"sh: can't open /login/htpasswd\n", code)
    monkeypatch.setattr("wallets.login.engine_of", lambda _: host)
    with pytest.raises(WalletError) as refused:
        shown_login(node_with(proxy))
    assert str(refused.value) == expected
