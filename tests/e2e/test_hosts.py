"""Nodes on several hosts: an emulated ARM variant here, the same on a second engine behind ssh, a GUI.

An exporter stands beside the node with the GUI.
"""

import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clients.ssh import ssh_command
from local import services
from local.packages import ensure_packages
from tests.e2e.fleet import SSH_PORT, SecondHost, start_second_host, start_sshd
from tests.e2e.machine import Machine, Result
from tests.e2e.states import record
from tests.e2e.test_up import get
from tests.unit.yaml_like import EXPORTER

ARM_PORT, FAR_PORT, GUI_PORT, METRICS_PORT = 16421, 16422, 16423, 16424


@pytest.fixture(scope="module")
def second(up: Machine) -> SecondHost:
    return start_second_host(up)


@pytest.fixture(scope="module")
def fleet(up: Machine, second: SecondHost) -> Iterator[Result]:
    """The stack with three more nodes; afterwards as it was."""
    before = up.settings()
    emulated = {"arch": "arm32v7", "emulation": "allowed"}
    hosts = {
        **before["skycoin:hosts"],
        "here-arm": {"engine": "local", **emulated},
        "far": {"engine": second.engine, "ssh-options": second.ssh_options, **emulated},
    }
    nodes = {
        **before["skycoin:nodes"],
        "arm": {"image": "skycoin", "host": "here-arm", "rpc-port": ARM_PORT},
        "far": {"image": "skycoin", "host": "far", "rpc-port": FAR_PORT},
        "gui": {
            "image": "skycoin",
            "host": "here",
            "rpc-port": GUI_PORT,
            "gui": True,
            "metrics-port": METRICS_PORT,
        },
    }
    # A channel of its own: the release of another test has more architectures under the same exact tags.
    exporter = {**EXPORTER, "channel": "develop"}
    images = {**before["skycoin:images"], "exporter": exporter}
    up.change({**before, "skycoin:images": images, "skycoin:hosts": hosts, "skycoin:nodes": nodes})
    result = up.make("up")
    assert result.code == 0, result.text
    yield result
    up.change(before)
    missing = up.make("up")
    assert missing.code != 0
    # The first of the state is named, and three that were made at once have no order there.
    assert re.search(r"`\./skyinfra node retire (arm|far|gui)`", missing.text), missing.text
    for name in ("arm", "far", "gui"):
        retired = up.make("retire", f"NODE={name}")
        assert retired.code == 0, retired.text
    result = up.make("up")
    assert result.code == 0, result.text


@pytest.mark.usefixtures("fleet")
@pytest.mark.parametrize("port", [ARM_PORT, FAR_PORT], ids=["emulated here", "emulated behind ssh"])
def test_node_of_an_arm_variant_answers(port: int) -> None:
    assert get("/api/v1/version", port)["version"] == "0.27.1"


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
def test_outputs_say_what_runs_native_and_what_emulated(up: Machine) -> None:
    runs = {name: node["runs"] for name, node in up.outputs()["nodes"].items()}
    assert runs == {"node-1": "native", "gui": "native", "arm": "emulated", "far": "emulated"}


@pytest.mark.usefixtures("fleet")
@pytest.mark.case(23)
def test_emulation_is_refused_unless_the_host_allows_it(up: Machine) -> None:
    """Fault 23: never a bare “exec format error”."""
    before: dict[str, Any] = up.settings()
    strict = {
        name: value for name, value in before["skycoin:hosts"]["here-arm"].items() if name != "emulation"
    }
    up.change({**before, "skycoin:hosts": {**before["skycoin:hosts"], "here-arm": strict}})
    try:
        result = up.pulumi("up", "--yes", "--skip-preview", "--stack", "local")
        assert result.code != 0
        assert "does not run linux/arm/v7 by itself" in result.text
        assert "emulation: allowed" in result.text
        assert get("/api/v1/version", ARM_PORT)["version"] == "0.27.1", "the node was touched"
    finally:
        up.change(before)


@pytest.mark.usefixtures("fleet")
def test_node_behind_ssh_lives_on_the_other_engine_only(up: Machine, second: SecondHost) -> None:
    far = {"DOCKER_HOST": f"unix://{second.socket}"}
    names = up.docker("ps", "--format", "{{.Names}}", env=far).text.split()
    assert names == ["skycoin-far"]
    assert "skycoin-far" not in up.docker("ps", "--format", "{{.Names}}").text.split()
    volumes = up.docker("volume", "ls", "-q", env=far).text.split()
    assert volumes == ["skycoin-far-data", "skycoin-far-wallet", "skycoin-far-wallet-backups"]


@pytest.mark.records
@pytest.mark.usefixtures("fleet")
def test_second_up_of_the_fleet_changes_nothing(up: Machine) -> None:
    result = up.pulumi("preview", "--refresh", "--expect-no-changes", "--run-program", "--stack", "local")
    assert result.code == 0, result.text
    record(up, "fleet", "local")


@pytest.mark.usefixtures("fleet")
@pytest.mark.case(22)
def test_unknown_host_key_fails_that_host_by_name_in_time(
    up: Machine, second: SecondHost, tmp_path: Path
) -> None:
    """Host keys are never accepted silently (fault 22)."""
    before: dict[str, Any] = up.settings()
    empty = tmp_path / "known_hosts"
    empty.touch()
    strict = ["-o", f"UserKnownHostsFile={empty}"]
    far = {**before["skycoin:hosts"]["far"], "ssh-options": [*second.ssh_options[:2], *strict]}
    up.change({**before, "skycoin:hosts": {**before["skycoin:hosts"], "far": far}})
    try:
        began = time.monotonic()
        result = up.pulumi("up", "--yes", "--refresh", "--run-program", "--stack", "local")
        assert result.code != 0
        assert f"127.0.0.1:{SSH_PORT}" in result.text
        assert "Host key verification failed" in result.text
        assert time.monotonic() - began < 60
    finally:
        up.change(before)


@pytest.mark.case(22)
def test_no_ssh_configuration_accepts_an_unknown_host_key(tmp_path: Path) -> None:
    """`accept-new` in a person's own configuration held before (`ssh -G` shows what ssh makes of it)."""
    config = tmp_path / "config"
    config.write_text("Host *\n  StrictHostKeyChecking accept-new\n")
    program, *options, _ = ssh_command("ssh://pi@board.lan", [])
    asked = [program, "-F", str(config), "-G", *options]
    said = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    assert "stricthostkeychecking true" in said.splitlines()


@pytest.mark.usefixtures("fleet")
@pytest.mark.case(22)
def test_a_host_that_is_down_does_not_stop_the_others(up: Machine) -> None:
    """Promise 7, as docs/stacks.md says it: the others get their change; the error names the host."""
    before: dict[str, Any] = up.settings()
    nodes = {name: dict(node) for name, node in before["skycoin:nodes"].items()}
    for name in ("gui", "far"):
        nodes[name]["args"] = ["-log-level=debug"]
    up.change({**before, "skycoin:nodes": nodes})
    services.stop(up.layout, "sshd")
    try:
        result = up.pulumi("up", "--yes", "--skip-preview", "--continue-on-error", "--stack", "local")
        assert result.code != 0
        assert f"127.0.0.1:{SSH_PORT}" in result.text
        assert nodes["gui"]["args"][0] in up.inspect("container", "skycoin-gui")["Config"]["Cmd"]
        assert get("/api/v1/version", GUI_PORT)["version"] == "0.27.1"
    finally:
        start_sshd(up)
        up.change(before)


@pytest.mark.usefixtures("fleet")
def test_gui_is_seen_in_a_real_browser(up: Machine, tmp_path: Path) -> None:
    ensure_packages(up.layout, "the browser test", ["chromium"])
    page = subprocess.run(
        [
            shutil.which("chromium") or "chromium",
            *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
            *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
            *(f"--user-data-dir={tmp_path}", "--virtual-time-budget=15000", "--dump-dom"),
            f"http://127.0.0.1:{GUI_PORT}/",
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    # Made by the GUI's own scripts, after the node answered them: not in the page that is served.
    assert "<app-onboarding-create-wallet" in page.stdout, page.stdout[-3000:]


@pytest.mark.usefixtures("fleet")
def test_node_without_gui_serves_no_page(up: Machine) -> None:
    served = up.docker("exec", "skycoin-arm", "wget", "-q", "-O", "-", "http://127.0.0.1:6420/")
    assert "<app-root" not in served.text
