"""`make up`, twice: what a new user sees, and what the second run leaves alone."""

import json
import re
import urllib.request
from typing import Any

import pytest

from mocks.stacks import preview_of_files
from review.changes import read_changes
from review.risk import risk_of
from review.summary import summary
from tests.e2e.example_pages import compare_with_example
from tests.e2e.machine import RPC_PORT, Machine, Result
from tests.e2e.plugin import until
from tests.e2e.states import record
from tests.e2e.test_images import COMMIT


def get(path: str, port: int = RPC_PORT) -> Any:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
        return json.load(answer)


def uploads(up: Machine) -> int:
    """Number of blob uploads in the registry's log."""
    return (up.layout.logs / "registry.log").read_text().count("http.request.method=POST")


def test_first_up_ends_with_a_url_that_answers_the_version_and_the_digest(first_up: Result) -> None:
    last = first_up.text[first_up.text.rindex("node-1: ") :]
    shown = re.search(rf"http://127\.0\.0\.1:{RPC_PORT}(/\S+), skycoin 0\.27\.1", last)
    assert shown, last
    assert get(shown[1])["version"]["version"] == "0.27.1"
    assert re.search(r"image registry\.localhost:15443/skycoin/skycoin@sha256:[0-9a-f]{64}", last)


def test_up_prints_which_plugins_and_bases_it_uses(first_up: Result) -> None:
    assert re.findall(r"• Pulumi plugin (\S+) \d", first_up.text) == ["docker-build", "docker"]
    docker = first_up.text.split("• Pulumi plugin docker ")[1].split("• ")[0]
    assert re.search(r"stand-in|official", docker), docker
    assert re.search(r"bases are (built from Debian packages|the official images)", first_up.text)


def test_up_shows_only_the_start_and_the_end_of_a_build(first_up: Result) -> None:
    said = first_up.text[first_up.text.index("• pulumi up") :]
    assert "    … creating skycoin-arm32v6-image\n" in said
    assert re.search(r"\n    ✓ created skycoin-arm32v6-image \(\d+(\.\d)? s\)\n", said), said
    assert re.search(r"\n    ✓ created node-1-container \(\d+(\.\d)? s\)\n    \d+ created \(\d", said), said
    assert "Reading database" not in said
    assert "DONE" not in said


def test_node_answers_with_the_version_commit_and_branch_it_was_built_from(up: Machine) -> None:
    assert get("/api/v1/version") == {"version": "0.27.1", "commit": COMMIT, "branch": "master"}


def test_node_is_healthy_and_connects_to_no_peer(up: Machine) -> None:
    health = get("/api/v1/health")
    assert health["blockchain"]["head"]["seq"] == 0
    assert health["open_connections"] == 0
    assert up.inspect("container", "skycoin-node-1")["State"]["Health"]["Status"] == "healthy"
    assert "-disable-networking" in up.inspect("container", "skycoin-node-1")["Args"]


def test_every_deployed_container_runs_a_digest(up: Machine) -> None:
    image = up.inspect("container", "skycoin-node-1")["Config"]["Image"]
    assert image == up.outputs()["nodes"]["node-1"]["image"]
    assert re.fullmatch(r".+@sha256:[0-9a-f]{64}", image)


def test_node_is_confined(up: Machine) -> None:
    node = up.inspect("container", "skycoin-node-1")
    host = node["HostConfig"]
    assert node["Config"]["User"] == "10000:10000"
    assert host["ReadonlyRootfs"] is True
    assert host["Tmpfs"] == {"/tmp": "rw,noexec,nosuid,nodev,size=64m"}
    assert up.docker("exec", "skycoin-node-1", "touch", "/tmp/a").code == 0
    assert "Read-only file system" in up.docker("exec", "skycoin-node-1", "touch", "/a").text
    assert host["CapDrop"] == ["ALL"]
    assert not host["CapAdd"]
    assert host["SecurityOpt"] == ["no-new-privileges"]
    assert not host["Privileged"]
    assert host["PortBindings"] == {"6420/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(RPC_PORT)}]}
    assert not host["Binds"]
    assert {mount["Type"] for mount in node["Mounts"]} == {"volume"}
    assert host["Memory"] > 0
    assert host["LogConfig"]["Config"] == {"max-file": "3", "max-size": "10m"}
    assert (node["Config"]["StopSignal"], node["Config"]["StopTimeout"]) == ("SIGINT", 60)


def test_processes_that_docker_exec_leaves_behind_are_reaped(up: Machine) -> None:
    """Such a process used to stay a zombie while the node ran, and counted towards its process limit."""
    left = up.docker("exec", "skycoin-node-1", "sh", "-c", "sleep 1 > /dev/null 2>&1 & echo left")
    assert left.text == "left\n"
    until(
        lambda: "sleep" not in up.docker("exec", "skycoin-node-1", "ps").text, "it is collected", seconds=20
    )


def test_a_container_next_to_the_node_has_its_wallets(up: Machine) -> None:
    """A misspelt node is an error instead of a new volume with this option, as docs/wallets.md shows."""
    image = up.inspect("container", "skycoin-node-1")["Config"]["Image"]
    beside = ("run", "--rm", "--network", "none", "--volumes-from", "skycoin-node-1", image)
    listed = up.docker(*beside, "skycoin-cli", "listWallets")
    assert (listed.code, json.loads(listed.text)["directory"]) == (0, "/wallet")


def test_volumes_belong_to_the_node_and_have_no_labels(up: Machine) -> None:
    """A changed label would replace a volume."""
    for kind in ("data", "wallet"):
        assert not up.inspect("volume", f"skycoin-node-1-{kind}")["Labels"]
    owner = up.docker("exec", "skycoin-node-1", "stat", "-c", "%u:%g %a", "/data", "/wallet")
    assert owner.text.split() == ["10000:10000", "700", "10000:10000", "700"]


@pytest.mark.records
def test_second_up_changes_nothing(up: Machine) -> None:
    """The second run builds, uploads and restarts nothing."""
    before = up.inspect("container", "skycoin-node-1")
    sent = uploads(up)
    result = up.make("up")
    assert result.code == 0, result.text
    # A slow machine prints a sign of life in between.
    shown = re.search(r"• pulumi up\n(?: +….*\n)*    \d+ unchanged \(\d", result.text)
    assert shown, result.text
    assert not re.search(r"\d+ (created|updated|replaced|deleted)", result.text)
    after = up.inspect("container", "skycoin-node-1")
    assert (after["Id"], after["State"]["StartedAt"]) == (before["Id"], before["State"]["StartedAt"])
    assert sent > 0
    assert uploads(up) == sent
    record(up, "local", "local")


def test_plain_pulumi_sees_no_change_either(up: Machine) -> None:
    preview = up.pulumi("preview", "--refresh", "--expect-no-changes", "--run-program", "--stack", "local")
    assert preview.code == 0, preview.text


def test_running_the_program_changes_no_tracked_file(up: Machine) -> None:
    assert up.run("git", "status", "--porcelain").text == ""


def test_the_passphrase_is_created_and_private(up: Machine) -> None:
    path = up.layout.state / "passphrase"
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(path.read_text()) >= 32


def test_the_state_holds_no_machine_authority_in_plain_text(up: Machine) -> None:
    """The CA bundle is passed as a build secret, and secrets are encrypted in the state."""
    if not up.layout.build_ca.read_text():
        pytest.skip("this machine trusts no authority of its own: there is none to hide")
    state = (up.layout.state / "backend/.pulumi/stacks/skycoin/local.json").read_text()
    assert up.layout.build_ca.read_text().splitlines()[1] not in state


def test_a_review_says_what_a_change_would_rebuild_move_and_replace(up: Machine) -> None:
    """An unchanged stack changes nothing; one more build argument rebuilds five variants."""
    assert "\nNothing changes.\n" in up.make("review").text
    settings, base = up.settings(), up.stack_file.read_text()
    image = {**settings["skycoin:images"]["skycoin"], "build-args": {"EXTRA": "1"}}
    up.change({**settings, "skycoin:images": {"skycoin": image}})
    head = up.stack_file.read_text()
    result = up.make("review")
    up.change(settings)
    assert result.code == 0, result.text
    assert "## Stack local: restarts 1 node for at most " in result.text
    assert "\n5 variants rebuilt, 4 tags moved, 1 container replaced.\n" in result.text
    row = r"\| skycoin \| amd64, arm32v5, arm32v6, arm32v7, arm64v8 \| EXTRA: none → 1 \((\S+):\d+\) \|"
    match = re.search(row, result.text)
    assert match, result.text
    assert match[1].endswith("Pulumi.local.yaml"), "the row names the line of the setting"
    assert "Nothing: no wallet, volume or published tag is lost" in result.text
    by_files = read_changes(preview_of_files("local", {"local": base}, head))
    assert f"\n{summary(by_files)}.\n" in result.text, "the mocks say what the engine and the plugins say"
    assert f"## Stack local: {risk_of(by_files).line}\n" in result.text
    compare_with_example("real-build-argument", result)


def test_a_review_of_a_nodes_setting_is_the_page_in_the_docs(up: Machine) -> None:
    settings = up.settings()
    node = {**settings["skycoin:nodes"]["node-1"], "args": ["-log-level=debug"]}
    up.change({**settings, "skycoin:nodes": {"node-1": node}})
    result = up.skyinfra("review")
    up.change(settings)
    assert result.code == 0, result.text
    compare_with_example("real-node-setting", result)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (("review", "-s", "local"), "## Stack local: safe\n\nNothing changes.\n"),
        (("review", "-s", "local", "--no-refresh"), "## Stack local: safe\n\nNothing changes.\n"),
        (("review",), "## Stack local: safe\n\nNothing changes.\n"),
        (("release", "record", "-s", "local"), "# skycoin 0.27.1"),
        (("images", "-s", "local"), "arm32v5"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
@pytest.mark.parametrize("backend", ["set-up", "pulumi"])
def test_skyinfra_works_with_a_set_up_and_with_an_installed_pulumi(
    up: Machine, backend: str, command: tuple[str, ...], words: str
) -> None:
    """Without --stack, the selected one is used; `make up` has selected `local`."""
    result = up.skyinfra(*command, "--backend", backend)
    assert result.code == 0, result.text
    assert words in result.text
    named = {
        "set-up": f"• stacks of the set-up in {up.layout.state}",
        "pulumi": "• stacks of Pulumi's backend file://",
    }
    assert result.text.startswith(named[backend]), result.text


def test_a_committed_stack_is_previewed_and_its_file_is_unchanged(up: Machine) -> None:
    """`stack init` accepts no --config-file; with it, every preview of a committed stack used to fail."""
    result = up.make("preview", "STACK=develop")
    assert result.code == 0, result.text
    assert "docker-build:index:Image" in result.text
    assert up.run("git", "status", "--porcelain").text == ""
    assert up.pulumi("stack", "--show-name").text.strip() == "local"
