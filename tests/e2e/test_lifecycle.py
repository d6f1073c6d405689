"""Wallets and nodes through upgrade, destroy, killed services, stop and start."""

import json
import os
import re
import signal
import time
import urllib.parse
import urllib.request

import pytest

from local.machine import services
from local.stacks.states import state_file
from tests.e2e.machine import RPC_PORT, Machine, Result
from tests.e2e.test_up import get

NODE, WALLET = "skycoin-node-1", "skycoin-node-1-wallet"


def wallet_files(up: Machine) -> dict[str, str]:
    """File name → content of every wallet in the node's volume, read through the running node."""
    listed = up.docker("exec", NODE, "sh", "-c", "cd /wallet && for f in *.wlt; do cat $f; done")
    assert listed.code == 0, listed.text
    return {json.loads(text)["meta"]["filename"]: text for text in _documents(listed.text)}


def make_wallet(form: dict[str, str]) -> None:
    """Create a wallet through the node's API, as its GUI does."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{RPC_PORT}/api/v1/wallet/create",
        data=urllib.parse.urlencode(form).encode(),
        headers={"X-CSRF-Token": get("/api/v1/csrf")["csrf_token"]},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status == 200


def _documents(text: str) -> list[str]:
    decoder, found, rest = json.JSONDecoder(), [], text.strip()
    while rest:
        _, end = decoder.raw_decode(rest)
        found.append(rest[:end])
        rest = rest[end:].strip()
    return found


@pytest.fixture(scope="module")
def wallet(up: Machine) -> dict[str, str]:
    """A wallet created by the node itself, with the API set WALLET enabled."""
    before = up.settings()
    node = {**before["skycoin:nodes"]["node-1"], "api-sets": ["READ", "TXN", "WALLET"]}
    up.change({**before, "skycoin:nodes": {"node-1": node}})
    assert up.make("up").code == 0
    seed = get("/api/v1/wallet/newSeed")["seed"]
    make_wallet({"type": "deterministic", "seed": seed, "label": "precious", "scan": "1"})
    files = wallet_files(up)
    assert len(files) == 1
    return files


def test_a_wallet_created_before_an_upgrade_is_readable_after_it(up: Machine, wallet: dict[str, str]) -> None:
    """An upgrade is another image: the container is replaced gracefully, and the volumes stay."""
    before, settings = up.inspect("container", NODE), up.settings()
    volume = up.inspect("volume", WALLET)["CreatedAt"]
    image = settings["skycoin:images"]["skycoin"]
    image = {**image, "layers": 3 - image.get("layers", 2)}
    up.change({**settings, "skycoin:images": {"skycoin": image}})
    result = up.make("up")
    assert result.code == 0, result.text
    after = up.inspect("container", NODE)
    assert after["Id"] != before["Id"]
    assert after["Config"]["Image"] != before["Config"]["Image"]
    assert up.inspect("volume", WALLET)["CreatedAt"] == volume
    assert wallet_files(up) == wallet
    assert [entry["meta"]["label"] for entry in get("/api/v1/wallets")] == ["precious"]


def in_backups(up: Machine, mode: str, script: str) -> Result:
    """Run a script with the wallet at /wallet and its copies at /data."""
    node = up.outputs()["nodes"]["node-1"]
    return up.docker(
        "run", "--rm", "--network", "none", "--volume", f"{node['wallet_backups']}:/data:ro",
        "--volume", f"{WALLET}:/wallet:{mode}", node["image"], "sh", "-c", script,
    )  # fmt: skip


def test_an_upgrade_copied_the_wallet_first(up: Machine, wallet: dict[str, str]) -> None:
    """The copy is complete, and only the node's user may read it."""
    # Earlier tests changed the node too, with something else in the wallet: take the newest copy.
    name = in_backups(up, "ro", "ls /data").text.split()[-1]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ", name)
    copied = in_backups(up, "ro", f"diff -r /wallet /data/{name}; stat -c '%a %u' /data/{name}")
    # The id belongs to the volume, not to a copy.
    assert (copied.code, copied.text) == (0, "Only in /wallet: .skyinfra-id\n700 10000\n")
    [text] = wallet.values()
    assert in_backups(up, "ro", f"cat /data/{name}/*.wlt").text.strip() == text


def test_a_wallet_comes_back_from_its_copy(up: Machine, wallet: dict[str, str]) -> None:
    """A copy is a plain folder: it can be put back without this program."""
    assert up.docker("stop", NODE).code == 0
    assert in_backups(up, "rw", "rm /wallet/*.wlt").code == 0
    restored = in_backups(up, "rw", 'cp -a "/data/$(ls /data | tail -n 1)/." /wallet/')
    assert restored.code == 0, restored.text
    assert up.docker("start", NODE).code == 0
    assert wallet_files(up) == wallet


@pytest.mark.case(21)
def test_rename_keeps_the_volumes(up: Machine, wallet: dict[str, str]) -> None:
    """`renamed-from` gives the node an alias and keeps the names of its volumes.

    Before, Pulumi ended the preview and the review with a panic.
    """
    settings = up.settings()
    volume = up.inspect("volume", WALLET)["CreatedAt"]
    node = {**settings["skycoin:nodes"]["node-1"], "renamed-from": "node-1"}
    up.change({**settings, "skycoin:nodes": {"main": node}})
    shown = up.make("preview")
    assert shown.code == 0, shown.text
    page = up.skyinfra("review", "-s", "local")
    assert page.code == 0, page.text
    assert "restarts 1 node" in page.text
    renamed = up.make("up")
    up_again = {**settings["skycoin:nodes"]["node-1"], "renamed-from": "main", "wallet-volume": WALLET}
    assert renamed.code == 0, renamed.text
    mounts = {
        mount["Destination"]: mount["Name"] for mount in up.inspect("container", "skycoin-main")["Mounts"]
    }
    assert mounts["/wallet"] == WALLET
    up.change({**settings, "skycoin:nodes": {"node-1": {**up_again, "data-volume": "skycoin-node-1-data"}}})
    assert up.make("up").code == 0
    up.change(settings)
    assert up.make("up").code == 0
    assert up.inspect("volume", WALLET)["CreatedAt"] == volume
    assert wallet_files(up) == wallet


@pytest.mark.case(20)
def test_destroy_stops_at_the_wallet_and_a_second_up_adopts_it(up: Machine, wallet: dict[str, str]) -> None:
    """The test runs `pulumi destroy`, which is refused, then `make destroy` and `make up`."""
    plain = up.pulumi("destroy", "--yes", "--stack", "local")
    assert plain.code != 0
    assert "protect" in plain.text
    destroyed = up.make("destroy")
    assert destroyed.code == 0, destroyed.text
    assert "Kept: wallet" in destroyed.text
    assert up.docker("ps", "-aq").text == ""
    assert WALLET in up.docker("volume", "ls", "-q").text.split()
    result = up.make("up")
    assert result.code == 0, result.text
    assert wallet_files(up) == wallet


def test_wallet_survives_a_lost_state(up: Machine, wallet: dict[str, str]) -> None:
    """The program adopts the existing volume of that name, with its content."""
    urn = "urn:pulumi:local::skycoin::skycoin:index:Node$docker:index/volume:Volume::node-1-wallet"
    removed = up.pulumi("state", "delete", "--force", "--target-dependents", "--yes", "--stack", "local", urn)
    assert removed.code == 0, removed.text
    up.docker("rm", "-f", NODE)
    result = up.make("up")
    assert result.code == 0, result.text
    assert wallet_files(up) == wallet


@pytest.mark.case(34)
def test_a_truncated_state_is_restored_by_the_command_in_the_message(
    up: Machine, wallet: dict[str, str]
) -> None:
    assert up.make("up").code == 0
    state = state_file(up.layout, "local")
    state.write_bytes(state.read_bytes()[:1000])
    refused = up.make("up")
    assert refused.code != 0
    [command] = re.findall(r"is damaged\. Its last copy is next to it: (cp \S+ \S+)", refused.text)
    assert up.run("sh", "-c", command).code == 0
    result = up.make("up")
    assert result.code == 0, result.text
    assert result.changed_nothing, result.text
    assert wallet_files(up) == wallet


@pytest.mark.case(19)
def test_a_wallet_volume_removed_by_hand_is_noticed_and_never_replaced_by_an_empty_one(
    up: Machine, wallet: dict[str, str]
) -> None:
    """The preview reports that the wallet is gone; once restored, it is used again."""
    helper = (
        "run",
        "--rm",
        "-i",
        "--network",
        "none",
        "--user",
        "0",
        "--entrypoint",
        "tar",
        "-v",
        f"{WALLET}:/w",
    )
    image = up.outputs()["nodes"]["node-1"]["image"]
    backup = up.checkout.parent / "wallet.tar"
    backup.write_bytes(up.pipe("docker", *helper, image, "c", "-C", "/w", "."))
    up.docker("rm", "-f", NODE)
    assert up.docker("volume", "rm", WALLET).code == 0
    for result in (up.make("preview"), up.make("up")):
        assert result.code != 0
        assert f"host here: the wallet volume '{WALLET}' is gone" in result.text
    assert WALLET not in up.docker("volume", "ls", "-q").text.split()
    up.pipe("docker", *helper, image, "x", "-C", "/w", given=backup.read_bytes())
    result = up.make("up")
    assert result.code == 0, result.text
    assert wallet_files(up) == wallet


def test_a_change_without_refresh_is_refused_if_the_wallet_volume_is_gone(
    up: Machine, wallet: dict[str, str]
) -> None:
    """An engine that creates a container creates missing volumes too, so the preflight must come first."""
    settings = up.settings()
    up.docker("rm", "-f", NODE)
    kept = f"{WALLET}-kept"
    copy = ("run", "--rm", "--network", "none", "--user", "0", "--entrypoint", "cp")
    image = up.outputs()["nodes"]["node-1"]["image"]
    from_to = ("-v", f"{WALLET}:/from", "-v", f"{kept}:/to", image, "-a", "/from/.", "/to/")
    assert up.docker(*copy, *from_to).code == 0
    assert up.docker("volume", "rm", WALLET).code == 0
    image_of = {**settings["skycoin:images"]["skycoin"], "gui": False}
    node = {**settings["skycoin:nodes"]["node-1"], "args": ["-log-level=debug"]}
    for change in ({"skycoin:images": {"skycoin": image_of}}, {"skycoin:nodes": {"node-1": node}}):
        up.change({**settings, **change})
        result = up.pulumi("up", "--yes", "--skip-preview", "--stack", "local")
        assert result.code != 0
        assert f"host here: the wallet volume '{WALLET}' is gone" in result.text
    assert WALLET not in up.docker("volume", "ls", "-q").text.split()
    back = ("-v", f"{kept}:/from", "-v", f"{WALLET}:/to", image, "-a", "/from/.", "/to/")
    assert up.docker(*copy, *back).code == 0
    up.change(settings)
    assert up.make("up").code == 0
    assert wallet_files(up) == wallet


def test_killed_services_come_back(up: Machine, wallet: dict[str, str]) -> None:
    """Everything that a set-up runs is killed, as in a power cut; `make up` starts it again."""
    for name in ("registry", "buildkitd", "dockerd"):
        pid = services.running_pid(up.layout, name)
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
    time.sleep(1)
    result = up.make("up")
    assert result.code == 0, result.text
    assert get("/api/v1/health")["open_connections"] == 0
    assert wallet_files(up) == wallet


@pytest.mark.case(18)
@pytest.mark.parametrize(
    "by_hand", ["rm -f", "stop -t 60", "update --restart=no --memory=600m --memory-swap=600m"]
)
def test_a_container_changed_by_hand_is_restored_with_its_volumes(
    up: Machine, wallet: dict[str, str], by_hand: str
) -> None:
    """Both `make preview` and `pulumi up --refresh` notice it."""
    before = up.inspect("container", NODE)["HostConfig"]
    assert up.docker(*by_hand.split(), NODE).code == 0
    assert "node-1-container" in up.make("preview").text
    result = up.pulumi("up", "--refresh", "--yes", "--run-program", "--stack", "local")
    assert result.code == 0, result.text
    after = up.inspect("container", NODE)
    assert after["State"]["Running"]
    for setting in ("RestartPolicy", "Memory", "MemorySwap"):
        assert after["HostConfig"][setting] == before[setting]
    assert wallet_files(up) == wallet


def test_down_stops_gracefully_and_up_starts_again(up: Machine, wallet: dict[str, str]) -> None:
    down = up.make("down")
    assert down.code == 0, down.text
    assert re.search(r"container skycoin-node-1 on \S+\n\s+stopped", down.text)
    for name in ("registry", "buildkitd", "dockerd"):
        assert services.running_pid(up.layout, name) is None
    log = up.layout.state / "engine" / "data" / "containers"
    logs = "".join(path.read_text() for path in log.glob("*/*-json.log"))
    assert "Goodbye" in logs
    result = up.make("up")
    assert result.code == 0, result.text
    assert get("/api/v1/version", RPC_PORT)["version"] == "0.27.1"
    assert wallet_files(up) == wallet
