"""Nodes on several hosts: an emulated ARM variant here, a board behind ssh, a GUI.

The board reaches no registry, so its images came through ssh. Two of the nodes have exporters.
"""

import base64
import json
import re
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest
import requests

from clients.engine import connect
from clients.errors import ServiceError
from clients.pull import ensure_image, known_as
from clients.ssh import ssh_command
from local.machine.packages import ensure_packages
from tests.e2e.boards import Board, start_board
from tests.e2e.loopback import asked_on_loopback
from tests.e2e.machine import Machine, Result
from tests.e2e.states import record
from tests.e2e.test_registry_login import NOBODY
from tests.e2e.test_up import get
from tests.e2e.test_wallet_identity import SEED
from tests.unit.yaml_like import EXPORTER

Login: TypeAlias = tuple[str, str]
"""User and password of a web interface."""
ARM_PORT, GUI_PORT, METRICS_PORT = 16421, 16423, 16424
FAR_PORT, SHED_PORT, SHED_METRICS_PORT = 6420, 6421, 9400


@pytest.fixture(scope="module")
def attic(up: Machine) -> Iterator[Board]:
    board = start_board(up.layout, "attic", 1)
    yield board
    board.end()


@pytest.fixture(scope="module")
def fleet(up: Machine, attic: Board) -> Iterator[Result]:
    """The stack with four more nodes; restored afterwards."""
    before = up.settings()
    emulated = {"arch": "arm32v7", "emulation": "allowed"}
    hosts = {
        **before["skycoin:hosts"],
        "here-arm": {"engine": "local", **emulated},
        # One architecture alone, since the proxy is built for those of its hosts.
        "here-amd64": {"engine": "local", "arch": "amd64"},
        "far": {**attic.host, **emulated},
        "shed": {**attic.host, "arch": "amd64"},
    }
    nodes = {
        **before["skycoin:nodes"],
        "arm": {"image": "skycoin", "host": "here-arm", "rpc-port": ARM_PORT},
        "far": {"image": "skycoin", "host": "far", "rpc-port": FAR_PORT},
        "shed": {
            "image": "skycoin",
            "host": "shed",
            "rpc-port": SHED_PORT,
            "metrics-port": SHED_METRICS_PORT,
        },
        "gui": {
            "image": "skycoin",
            "host": "here-amd64",
            "rpc-port": GUI_PORT,
            "gui": True,
            "metrics-port": METRICS_PORT,
        },
    }
    # A separate channel: another test's release has more architectures under the same exact tags.
    exporter = {**EXPORTER, "channel": "develop"}
    images = {**before["skycoin:images"], "exporter": exporter}
    up.change({**before, "skycoin:images": images, "skycoin:hosts": hosts, "skycoin:nodes": nodes})
    result = up.make("up")
    assert result.code == 0, result.text
    yield result
    up.change(before)
    missing = up.make("up")
    assert missing.code != 0
    # The first one in the state is named; it may be any, as the four were created in parallel.
    assert re.search(r"`\./skyinfra node retire (arm|far|gui|shed)`", missing.text), missing.text
    for name in ("arm", "far", "gui", "shed"):
        retired = up.make("retire", f"NODE={name}")
        assert retired.code == 0, retired.text
    result = up.make("up")
    assert result.code == 0, result.text


@pytest.mark.usefixtures("fleet")
def test_node_of_an_arm_variant_answers() -> None:
    assert get("/api/v1/version", ARM_PORT)["version"] == "0.27.1"


@pytest.mark.usefixtures("fleet")
@pytest.mark.parametrize("port", [FAR_PORT, SHED_PORT], ids=["emulated", "native"])
def test_a_node_on_a_board_answers_on_the_boards_loopback(attic: Board, port: int) -> None:
    assert json.loads(attic.get("/api/v1/version", port))["version"] == "0.27.1"


@pytest.mark.usefixtures("fleet")
def test_an_exporter_on_a_board_shows_its_nodes_metrics(attic: Board) -> None:
    path = "/probe?module=node&target=http://skycoin-shed:6420/api/v1/health"
    assert "skycoin_" in attic.get(path, SHED_METRICS_PORT)


@pytest.mark.usefixtures("fleet")
def test_an_exporter_of_a_node_with_a_web_interface_reaches_it_without_the_login() -> None:
    """It asks the node itself: the proxy would answer with 401."""
    target = "http://skycoin-gui:6420/api/v1/health"
    shown = requests.get(
        f"http://127.0.0.1:{METRICS_PORT}/probe", {"module": "node", "target": target}, timeout=30
    )
    assert shown.status_code == 200, shown.text
    assert 'skycoin_node_info{branch="master"' in shown.text


@pytest.mark.usefixtures("fleet")
@pytest.mark.case(41)
@pytest.mark.parametrize(
    ("container", "own"),
    [("skycoin-gui-exporter", "http://127.0.0.1:7979/"), ("skycoin-gui-proxy", "http://skycoin-gui:6420/")],
)
def test_containers_next_to_a_node_can_not_reach_a_server_on_the_hosts_loopback(
    up: Machine, container: str, own: str
) -> None:
    def asks(url: str) -> bool:
        return up.docker("exec", container, "timeout", "3", "wget", "-q", "-O", "/dev/null", url).code == 0

    assert asks(own), "control"
    assert asked_on_loopback(asks) == ["/control"]


@pytest.mark.usefixtures("fleet")
@pytest.mark.case(40)
def test_a_boards_images_came_through_ssh_and_no_login_stayed_there(up: Machine, attic: Board) -> None:
    """A pull by the board would fail: the registry of `make up` is on the operator's loopback."""
    registry = up.layout.registry
    assert registry.partition(":")[0] not in attic.run("cat", "/etc/hosts")
    names = attic.docker("images", "--digests", "--format", "{{.Repository}}@{{.Digest}}").split()
    port = registry.rpartition(":")[2]
    assert sorted(names) == sorted(
        image.replace(registry, f"127.0.0.1:{port}")
        for image in {
            *(up.outputs()["nodes"][name]["image"] for name in ("far", "shed")),
            exporter_of(up, "shed"),
        }
    )
    kept = ["grep", "-rlaF", "--exclude-dir=overlay2", "-e", registry_password(up), str(attic.folder)]
    assert attic.run("sh", "-c", f"{shlex.join(kept)} ~/.docker 2> /dev/null || true") == ""
    listening = attic.run("sh", "-c", f"grep -ci ':{int(port):04X} 00000000:0000 0A' /proc/net/tcp || true")
    assert listening.strip() == "0", "the way to the registry is open after the pull"


@pytest.mark.usefixtures("fleet")
@pytest.mark.case(40)
def test_a_link_that_drops_in_a_layer_is_reported_in_half_a_minute_and_the_next_pull_completes(
    up: Machine, attic: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(up.layout.docker_config))
    image = up.outputs()["images"]["skycoin"]["latest"]["variants"]["arm64v8"]["ref"]
    place = {"host": "attic", "engine": attic.engine, "sshOptions": attic.ssh_options}
    dropped, said = list[float](), list[str]()

    def drop(progress: str) -> None:
        said.append(progress)
        if re.search(r"[1-9]\d* of", progress) and not dropped:
            attic.unplug()
            dropped.append(time.monotonic())

    attic.slow_down("4mbit")
    try:
        with pytest.raises(ServiceError, match=f"^host attic, {re.escape(image)}: "):
            ensure_image(connect(place), image, place, drop)
        assert time.monotonic() - dropped[0] < 30, said
    finally:
        attic.plug()
        attic.speed_up()
    assert known_as(connect(place).api, image) is None
    name = ensure_image(connect(place), image, place)
    # The local port may differ: the board's sshd holds that of the cut pull until it notices the cut.
    assert re.fullmatch(r"127\.0\.0\.1:\d+/skycoin/skycoin@" + re.escape(image.partition("@")[2]), name)
    assert attic.docker("image", "rm", name)


def registry_password(up: Machine) -> str:
    """Password for the registry of `make up`, from the docker config."""
    config = json.loads((up.layout.docker_config / "config.json").read_text())
    login = base64.b64decode(config["auths"][up.layout.registry]["auth"]).decode()
    return login.partition(":")[2]


def exporter_of(up: Machine, name: str) -> str:
    """Public reference of the image of a node's exporter."""
    exported = json.loads(up.pulumi("stack", "export", "--stack", "local").text)
    [pulled] = [
        resource
        for resource in exported["deployment"]["resources"]
        if resource["urn"].endswith(f"::{name}-exporter-pulled")
    ]
    return str(pulled["inputs"]["image"])


@pytest.mark.usefixtures("fleet")
def test_arm_node_runs_the_arm_child_by_digest(up: Machine) -> None:
    latest = up.outputs()["images"]["skycoin"]["latest"]["variants"]
    for name in ("arm", "far"):
        assert up.outputs()["nodes"][name]["image"] == latest["arm32v7"]["ref"]
    assert up.inspect("container", "skycoin-arm")["Config"]["Image"] == latest["arm32v7"]["ref"]
    program = up.docker(
        "exec", "skycoin-arm", "od", "-A", "n", "-t", "x1", "-j", "18", "-N", "2", "/usr/bin/skycoin"
    )
    assert program.text.split() == ["28", "00"], "EM_ARM"


@pytest.mark.usefixtures("fleet")
def test_outputs_say_which_nodes_run_natively_and_which_emulated(up: Machine) -> None:
    runs = {name: node["runs"] for name, node in up.outputs()["nodes"].items()}
    native, emulated = ("node-1", "gui", "shed"), ("arm", "far")
    assert runs == dict.fromkeys(native, "native") | dict.fromkeys(emulated, "emulated")


@pytest.mark.usefixtures("fleet")
@pytest.mark.case(23)
def test_emulation_is_refused_unless_the_host_allows_it(up: Machine) -> None:
    """The error is never just “exec format error”."""
    before: dict[str, Any] = up.settings()
    strict = {
        name: value for name, value in before["skycoin:hosts"]["here-arm"].items() if name != "emulation"
    }
    up.change({**before, "skycoin:hosts": {**before["skycoin:hosts"], "here-arm": strict}})
    try:
        result = up.pulumi("up", "--yes", "--skip-preview", "--stack", "local")
        assert result.code != 0
        assert "does not run linux/arm/v7 natively" in result.text
        assert "emulation: allowed" in result.text
        assert get("/api/v1/version", ARM_PORT)["version"] == "0.27.1", "the node was touched"
    finally:
        up.change(before)


@pytest.mark.usefixtures("fleet")
def test_nodes_of_a_board_live_on_its_engine_only(up: Machine, attic: Board) -> None:
    names = attic.docker("ps", "--format", "{{.Names}}").split()
    assert sorted(names) == ["skycoin-far", "skycoin-shed", "skycoin-shed-exporter"]
    assert not {*names} & {*up.docker("ps", "--format", "{{.Names}}").text.split()}
    volumes = attic.docker("volume", "ls", "-q").split()
    assert sorted(volumes) == [
        f"skycoin-{name}-{kind}" for name in ("far", "shed") for kind in ("data", "wallet", "wallet-backups")
    ]


@pytest.mark.records
@pytest.mark.usefixtures("fleet")
def test_second_up_of_the_fleet_changes_nothing(up: Machine) -> None:
    result = up.pulumi("preview", "--refresh", "--expect-no-changes", "--run-program", "--stack", "local")
    assert result.code == 0, result.text
    record(up, "fleet", "local")


@pytest.mark.usefixtures("fleet")
@pytest.mark.case(22)
def test_unknown_host_key_fails_that_host_by_name_in_time(up: Machine, attic: Board, tmp_path: Path) -> None:
    """Host keys are never accepted silently."""
    before: dict[str, Any] = up.settings()
    empty = tmp_path / "known_hosts"
    empty.touch()
    strict = ["-o", f"UserKnownHostsFile={empty}"]
    far = {**before["skycoin:hosts"]["far"], "ssh-options": [*attic.ssh_options[:2], *strict]}
    up.change({**before, "skycoin:hosts": {**before["skycoin:hosts"], "far": far}})
    try:
        began = time.monotonic()
        result = up.pulumi("up", "--yes", "--refresh", "--run-program", "--stack", "local")
        assert result.code != 0
        assert attic.address in result.text
        assert "Host key verification failed" in result.text
        assert time.monotonic() - began < 60
    finally:
        up.change(before)


@pytest.mark.case(22)
def test_no_ssh_configuration_accepts_an_unknown_host_key(tmp_path: Path) -> None:
    """`accept-new` in a user's own configuration used to win; `ssh -G` prints the effective options."""
    config = tmp_path / "config"
    config.write_text("Host *\n  StrictHostKeyChecking accept-new\n")
    program, *options, _ = ssh_command("ssh://pi@board.lan", [])
    asked = [program, "-F", str(config), "-G", *options]
    output = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    assert "stricthostkeychecking true" in output.splitlines()


@pytest.mark.usefixtures("fleet")
@pytest.mark.case(22)
def test_a_host_that_is_down_does_not_stop_the_others(up: Machine, attic: Board, login: Login) -> None:
    """The others are updated, and the error names the host, as docs/stacks.md promises."""
    before: dict[str, Any] = up.settings()
    nodes = {name: dict(node) for name, node in before["skycoin:nodes"].items()}
    for name in ("gui", "far"):
        nodes[name]["args"] = ["-log-level=debug"]
    up.change({**before, "skycoin:nodes": nodes})
    attic.stop_sshd()
    try:
        result = up.pulumi("up", "--yes", "--skip-preview", "--continue-on-error", "--stack", "local")
        assert result.code != 0
        assert attic.address in result.text
        assert nodes["gui"]["args"][0] in up.inspect("container", "skycoin-gui")["Config"]["Cmd"]
        assert behind_login(login, "/api/v1/version")["version"] == "0.27.1"
    finally:
        attic.start_sshd()
        up.change(before)


def login_of(up: Machine, node: str = "gui") -> Login:
    """User and password of the node's web interface, as `skyinfra node password` shows them."""
    shown = up.skyinfra("node", "password", node)
    assert shown.code == 0, shown.text
    match = re.search(r"^user: (\S+)\npassword: (\S{32})$", shown.text, re.MULTILINE)
    assert match, shown.text
    return match[1], match[2]


@pytest.fixture(scope="module")
def login(up: Machine, fleet: Result) -> Login:
    assert fleet.code == 0
    return login_of(up)


def ask_gui(path: str, *, data: dict[str, str] | None = None, **more: Any) -> requests.Response:
    """Send a request to the GUI's port."""
    method = "GET" if data is None else "POST"
    return requests.request(method, f"http://127.0.0.1:{GUI_PORT}{path}", data=data, timeout=30, **more)


def behind_login(login: Login, path: str) -> Any:
    answer = ask_gui(path, auth=login)
    answer.raise_for_status()
    return answer.json()


@pytest.mark.usefixtures("fleet")
@pytest.mark.parametrize("path", ["/", "/api/v1/version", "/api/v1/wallets", "/api/v1/csrf"])
def test_the_web_interface_requires_a_login(login: Login, path: str) -> None:
    """Before, any process of the host could use the wallets."""
    user, password = login
    assert ask_gui(path).status_code == 401
    assert ask_gui(path, auth=(user, password[:-1])).status_code == 401
    assert ask_gui(path, auth=(user, password)).status_code == 200


def test_only_the_proxys_port_is_published(up: Machine, fleet: Result) -> None:
    assert "require a login: `./skyinfra node password gui` shows it" in fleet.text
    assert up.inspect("container", "skycoin-gui")["NetworkSettings"]["Ports"].get("6420/tcp") is None
    published = up.inspect("container", "skycoin-gui-proxy")["NetworkSettings"]["Ports"]
    assert published["8080/tcp"] == [{"HostIp": "127.0.0.1", "HostPort": str(GUI_PORT)}]
    asked = up.docker("exec", "skycoin-gui", "skycoin-cli", "version")
    assert asked.code == 0, asked.text


@pytest.mark.usefixtures("fleet")
@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "rebound.example"},
        {"Host": f"rebound.example:{GUI_PORT}"},
        {"Host": "127.0.0.1:1"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": f"http://127.0.0.1:{GUI_PORT + 1}"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"},
    ],
    ids=lambda headers: "-".join(headers.values()),
)
def test_a_request_for_another_host_name_or_from_another_site_is_refused_even_with_a_login(
    login: Login, headers: dict[str, str]
) -> None:
    answer = ask_gui("/api/v1/wallets", auth=login, headers=headers)
    assert answer.status_code == 403
    assert answer.text.startswith("Refused: ")


@pytest.mark.usefixtures("fleet")
def test_the_password_of_the_web_interface_is_only_on_its_host(up: Machine, login: Login) -> None:
    """The password is not in the state, nor in the containers' configuration, logs or command lines."""
    _, password = login
    exported = up.pulumi("stack", "export", "--show-secrets", "--stack", "local").text
    told = [up.docker("inspect", name).text for name in ("skycoin-gui", "skycoin-gui-proxy")]
    logs = [up.docker("logs", name).text for name in ("skycoin-gui", "skycoin-gui-proxy")]
    processes = up.docker("top", "skycoin-gui-proxy").text
    assert not [text for text in (exported, *told, *logs, processes) if password in text]
    assert up.outputs()["nodes"]["gui"]["login"] == "./skyinfra node password gui"
    mode = up.docker("exec", "skycoin-gui-proxy", "stat", "-c", "%a %u", "/login/htpasswd").text
    assert mode.split() == ["600", "10002"]


def seen_in_a_browser(host: str, login: Login, profile: Path, *options: str) -> str:
    """DOM of the page at the GUI's port, under this host name, after its scripts have run."""
    page = subprocess.run(
        [
            shutil.which("chromium") or "chromium",
            *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
            *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
            *(f"--user-data-dir={profile}", "--virtual-time-budget=15000", "--dump-dom", *options),
            f"http://{':'.join(login)}@{host}:{GUI_PORT}/",
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return page.stdout


@pytest.mark.usefixtures("fleet")
def test_gui_is_seen_in_a_real_browser(up: Machine, login: Login, tmp_path: Path) -> None:
    ensure_packages(up.layout, "the browser test", ["chromium"])
    page = seen_in_a_browser("127.0.0.1", login, tmp_path)
    # Created by the GUI's scripts once the node has answered; the served page does not have it.
    assert "<app-onboarding-create-wallet" in page, page[-3000:]
    rebinds = "--host-resolver-rules=MAP rebound.example 127.0.0.1"
    page = seen_in_a_browser("rebound.example", login, tmp_path, rebinds)
    assert f"Refused: this answers as 127.0.0.1:{GUI_PORT} and localhost:{GUI_PORT} alone." in page


@pytest.mark.usefixtures("fleet")
def test_a_wallet_is_created_in_the_gui_behind_its_login(login: Login) -> None:
    own = {"Origin": f"http://127.0.0.1:{GUI_PORT}"}
    seed = ask_gui("/api/v1/wallet/newSeed", auth=login).json()["seed"]
    token = ask_gui("/api/v1/csrf", auth=login).json()["csrf_token"]
    wallet = {"seed": seed, "label": "by the gui", "type": "deterministic"}
    made = ask_gui("/api/v1/wallet/create", data=wallet, auth=login, headers={**own, "X-CSRF-Token": token})
    assert made.status_code == 200, made.text
    labels = [wallet["meta"]["label"] for wallet in behind_login(login, "/api/v1/wallets")]
    assert "by the gui" in labels


@pytest.mark.usefixtures("fleet")
def test_the_port_goes_to_the_node_and_back_to_its_proxy_in_one_up_each(up: Machine, login: Login) -> None:
    """The login stays the same. Users whose web interface had no login yet upgrade in the same way."""
    before = up.settings()
    only = ("--yes", "--skip-preview", "--stack", "local")
    without = {name: value for name, value in before["skycoin:nodes"]["gui"].items() if name != "gui"}
    try:
        up.change({**before, "skycoin:nodes": {**before["skycoin:nodes"], "gui": without}})
        result = up.pulumi("up", *only)
        assert result.code == 0, result.text
        assert get("/api/v1/version", GUI_PORT)["version"] == "0.27.1"
        assert up.docker("inspect", "skycoin-gui-proxy").code != 0
    finally:
        up.change(before)
        result = up.pulumi("up", *only)
    assert result.code == 0, result.text
    assert ask_gui("/api/v1/version").status_code == 401
    assert behind_login(login, "/api/v1/version")["version"] == "0.27.1", "the volume stays"


@pytest.mark.usefixtures("fleet")
def test_node_without_gui_serves_no_page(up: Machine) -> None:
    served = up.docker("exec", "skycoin-arm", "wget", "-q", "-O", "-", "http://127.0.0.1:6420/")
    assert "<app-root" not in served.text


def past_the_proxy(up: Machine, path: str, *options: str) -> str:
    """Answer of the node at its own address in Docker's network, to a process without privileges."""
    [network] = up.inspect("container", "skycoin-gui")["NetworkSettings"]["Networks"].values()
    url = f"http://{network['IPAddress']}:6420{path}"
    said = up.run(*NOBODY, "curl", "-sS", "--max-time", "20", *options, url)
    assert said.code == 0, said.text
    return said.text


@pytest.mark.usefixtures("fleet")
def test_known_limit_a_process_of_the_host_reaches_the_api_without_a_login(up: Machine) -> None:
    """It creates and reads wallets; it lacks only coins. (SECURITY.md, “Not defended”.)"""
    token = json.loads(past_the_proxy(up, "/api/v1/csrf"))["csrf_token"]
    with_token = ("-H", f"X-CSRF-Token: {token}")
    fields = ("--data-urlencode", f"seed={SEED}", "-d", "label=strange", "-d", "type=deterministic")
    made = json.loads(past_the_proxy(up, "/api/v1/wallet/create", *with_token, *fields))
    listed = json.loads(past_the_proxy(up, "/api/v1/wallets", "-H", "Host: rebound.example"))
    assert made["meta"] in [wallet["meta"] for wallet in listed]
    payment = {
        "wallet_id": made["meta"]["filename"],
        "to": [{"address": made["entries"][0]["address"], "coins": "1"}],
        "hours_selection": {"type": "auto", "mode": "share", "share_factor": "0.5"},
    }
    options = (*with_token, "--json", json.dumps(payment))
    said = past_the_proxy(up, "/api/v1/wallet/transaction", *options)
    assert said.strip() == "400 Bad Request - no unspents to spend"


def version_from(docker: Callable[..., str], node: str, network: str) -> str:
    """Answer of a node's API to a container in this network of its engine; empty if there is none."""
    shown = "{{.Config.Image}} {{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
    image, address = docker("inspect", "-f", shown, node).split()
    wget = f"timeout 5 wget -q -O - http://{address}:6420/api/v1/version || true"
    return docker("run", "--rm", "--network", network, image, "sh", "-c", wget).strip()


@pytest.mark.usefixtures("fleet")
def test_known_limit_containers_of_other_networks_reach_a_node_on_an_own_engine(
    up: Machine, attic: Board
) -> None:
    """Docker separates them, as on the board; an engine of SKYCOIN_ENGINE=own, as used here, does not."""
    assert "0.27.1" in version_from(attic.docker, "skycoin-shed", "skycoin-shed")
    assert version_from(attic.docker, "skycoin-shed", "bridge") == ""
    here = version_from(lambda *words: up.docker(*words).text, "skycoin-gui", "skycoin-node-1")
    assert "0.27.1" in here


@pytest.mark.usefixtures("fleet")
def test_a_new_password_of_the_gui_replaces_the_old_one_while_the_node_keeps_running(
    up: Machine, login: Login
) -> None:
    """Runs last: from here on, the login of the module's fixture is refused."""

    def runs() -> list[tuple[str, str, int]]:
        found = [up.inspect("container", name) for name in ("skycoin-gui", "skycoin-gui-proxy")]
        return [
            (container["Id"], container["State"]["StartedAt"], container["RestartCount"])
            for container in found
        ]

    before = runs()
    done = up.skyinfra("setup", "rotate", "gui")
    assert done.code == 0, done.text
    user, password = renewed = login_of(up)
    assert (user, password != login[1]) == (login[0], True)
    assert password not in done.text
    assert ask_gui("/api/v1/wallets", auth=login).status_code == 401
    assert behind_login(renewed, "/api/v1/version")["version"] == "0.27.1"
    assert runs() == before
