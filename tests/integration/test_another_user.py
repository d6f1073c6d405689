"""A node that runs as another user than the images': its setting, its volumes, and a change of the user.

Every fault at every step: tests/integration/test_another_user_faults.py. With a real engine and a real node:
tests/e2e/test_another_user.py.
"""

import io
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from docker.errors import APIError

from catalogue.node_container import NODE as NODE_LABEL
from catalogue.node_container import USER, user_of
from clients.errors import ServiceError
from clients.fingerprint import NOTHING
from clients.ownership import GIVE, UnusableFile, explained, give_empty, prepare_copies
from clients.wallet_on_host import WalletOnHost
from providers.kind import URN, ProviderError, Values
from providers.skycoin import chain_database
from providers.skycoin.change_of_user import has_other_user
from providers.skycoin.wallet_copy import copy_wallet
from settings.reading import SettingsError, parse
from tests.unit import node_engine, test_handover, test_wallet_copy
from tests.unit.node_engine import DATA, NodeEngine, Resource
from tests.unit.test_handover import (
    NAME,
    assert_single_running,
    deployed,
    only_container,
)
from tests.unit.wallet_engine import INPUTS, NODE, WALLET, Container, WalletEngine, preflight, wallet
from tests.unit.yaml_like import changed
from wallets.files.archives import from_tar, to_tar
from wallets.files.contents import File

OTHER = "12000:12001"
KEY = "nodes.one."
COPIES = f"{WALLET}-backups"
THEIRS: Values = {**INPUTS, "user": OTHER}
FOREIGN = b"unreadable drwx------ 10000 10000 /volume\nend"
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")


@pytest.fixture
def engine(tmp_path: Path) -> WalletEngine:
    URN.set("urn:pulumi:fleet::skycoin::skycoin:index:Node$skycoin:index:Preflight::one-preflight")
    (tmp_path / "volumes").mkdir()
    return WalletEngine(tmp_path / "volumes")


# The setting.


@pytest.mark.parametrize("user", [USER, "12000:12000", "1:2147483647", "10000:5"])
def test_a_node_has_its_own_user_or_the_default(user: str) -> None:
    assert parse(changed({})).nodes["one"].user == USER
    assert parse(changed({f"{KEY}user": user})).nodes["one"].user == user


@pytest.mark.case(26)
@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ("0:0", "a user is UID:GID in quotes, neither of them 0"),
        ("12000:0", "a user is UID:GID in quotes, neither of them 0"),
        ("12000", "a user is UID:GID in quotes, neither of them 0"),
        ("012000:12000", "a user is UID:GID in quotes, neither of them 0"),
        ("nobody", "a user is UID:GID in quotes, neither of them 0"),
        ("१२:१२", "a user is UID:GID in quotes, neither of them 0"),
        ("12000:12000\n", "a user is UID:GID in quotes, neither of them 0"),
        ("2147483648:1", "the largest id is 2147483647"),
        (
            "10001:12000",
            "10001 is the ID of exporters: a node needs another ID, which keeps its files separate",
        ),
        ("12000:10002", "10002 is the ID of the login in front of web interfaces"),
    ],
)
def test_a_user_who_has_other_rights_is_refused(user: str, expected: str) -> None:
    with pytest.raises(SettingsError) as refused:
        parse(changed({f"{KEY}user": user}))
    [fault] = refused.value.faults
    assert fault.startswith("skycoin:nodes.one.user: ")
    assert expected in fault


# New volumes.


@pytest.fixture
def volume() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "volume"
        made.mkdir()
        yield made


def give(volume: Path, script: str = GIVE) -> None:
    user = OTHER.partition(":")[0]
    subprocess.run(["sh", "-c", script, "give", str(volume), user, OTHER], check=True)


def owners(volume: Path) -> set[str]:
    seen = [path.lstat() for path in (volume, *volume.rglob("*")) if path.name != "lost+found"]
    return {f"{status.st_uid}:{status.st_gid}" for status in seen}


@as_root
@pytest.mark.parametrize("owner", [0, 10000, 12000])
def test_a_new_volume_is_given_with_the_folders_that_docker_put_there(volume: Path, owner: int) -> None:
    (volume / ".skycoin").mkdir()
    (volume / "lost+found").mkdir()
    for path in (volume, volume / ".skycoin"):
        os.chown(path, owner, owner)
    give(volume)
    assert owners(volume) == {OTHER}
    assert (volume / "lost+found").stat().st_uid == 0, "the file system's own"


@as_root
@pytest.mark.case(30)
@pytest.mark.parametrize("there", ["file", "link", "folder of a third", "own folder of a third", "failing"])
def test_a_volume_with_content_or_another_owner_keeps_its_owner(volume: Path, there: str) -> None:
    script = GIVE
    (volume / "folder").mkdir()
    match there:
        case "file":
            (volume / "folder" / "mine.wlt").write_text("x")
        case "link":
            (volume / "link").symlink_to("/etc")
        case "folder of a third":
            os.chown(volume / "folder", 999, 999)
        case "own folder of a third":
            os.chown(volume, 999, 999)
        case "failing":
            script = GIVE.replace('find "$place" -name', 'find "$place/gone" -name')
    before = {path: path.lstat().st_uid for path in (volume, *volume.rglob("*"))}
    give(volume, script)
    assert {path: path.lstat().st_uid for path in before} == before


def test_a_new_wallet_volume_is_given_before_anything_is_written_there(engine: WalletEngine) -> None:
    _, state = preflight(engine).create(THEIRS)
    assert (state["user"], state["walletFault"]) == (OTHER, "")
    assert engine.given[:2] == [WALLET, COPIES]
    gives = [container for container in engine.asked if "give" in container["command"]]
    for container in gives:
        assert (container["user"], container["cap_drop"]) == ("0:0", ["ALL"])
        assert container["cap_add"] == ["CHOWN", "DAC_READ_SEARCH"]
        assert (container["network_mode"], container["read_only"]) == ("none", True)
    targets = {run["command"][4] for run in gives}
    assert targets == {"/wallet", "/data"}, "where the image has folders"
    runs = [container for container in engine.asked if "volumes" in container and container not in gives]
    assert {run["user"] for run in runs} == {OTHER}
    modes = {mount["mode"] for run in runs for mount in run["volumes"].values()}
    assert modes == {"rw,nocopy"}, "Docker gives an empty volume to the image's user again"


def test_the_images_user_is_given_nothing_and_asked_for_nothing_more(engine: WalletEngine) -> None:
    preflight(engine).create(INPUTS)
    assert engine.given == []
    assert all("user" not in container for container in engine.asked)
    give_empty(engine, INPUTS, "image", WALLET)
    before = engine.volumes
    prepare_copies(engine, INPUTS, "image", "skycoin-two-copies")
    assert (engine.given, engine.volumes) == ([], before), "a mount makes it, with the image's owner"


def test_a_refresh_of_such_a_node_gives_nothing(engine: WalletEngine) -> None:
    engine.put(WALLET, mine=wallet("A"))
    _, state = preflight(engine).create(THEIRS)
    engine.given.clear()
    engine.asked.clear()
    found = preflight(engine).read("attic", THEIRS, state)
    assert found is not None
    assert (found.state, engine.given) == (state, [])
    assert [container["user"] for container in engine.asked] == [OTHER]


def test_an_adoption_changes_the_owner_of_no_volume(
    engine: WalletEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SKYCOIN_ADOPT", "1")
    engine.put(WALLET, mine=wallet("A"))
    preflight(engine).create(THEIRS)
    assert engine.given == []


def test_a_volume_that_can_not_be_given_is_an_error(engine: WalletEngine) -> None:
    engine.giving = Container(1, b"chown: /wallet: Operation not permitted")
    with pytest.raises(ServiceError, match=rf"{WALLET} can't be given to the node's user {OTHER}: chown"):
        preflight(engine).create(THEIRS)


def test_a_host_that_a_wallet_has_left_keeps_its_record_for_the_same_user(engine: WalletEngine) -> None:
    engine.create_volume(WALLET)
    WalletOnHost(engine, THEIRS).record_as_copy(NOTHING)
    assert engine.given == [COPIES], "the wallet volume is left alone"
    assert engine.asked[-1]["user"] == OTHER


def test_a_wallet_is_copied_by_its_owner() -> None:
    docker = test_wallet_copy.FakeEngine()
    now = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    copy_wallet(docker, {**test_wallet_copy.INPUTS, "user": OTHER}, test_wallet_copy.IMAGE, now)
    given, asked = docker.asked
    assert asked["user"] == OTHER
    assert [mount["mode"] for mount in asked["volumes"].values()] == ["ro,nocopy", "rw,nocopy"]
    assert "give" in given["command"], "a volume of copies that was removed by hand is root's when made anew"
    assert [*given["volumes"]] == [test_wallet_copy.INPUTS["backups"]]
    assert {test_wallet_copy.INPUTS["backups"]} <= docker.volumes


def test_restored_files_belong_to_that_user_and_group() -> None:
    archive = to_tar({"a.wlt": File(data=b"x")}, ".restoring", 12000, 12001)
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        assert {(member.uid, member.gid) for member in tar} == {(12000, 12001)}
    assert from_tar(archive)[".restoring/a.wlt"].data == b"x"


# Another user for a deployed node.


def known(engine: WalletEngine, *, running: bool) -> Values:
    """State of a deployed node that runs as the images' user and has a wallet and a chain."""
    engine.put(WALLET, mine=wallet("A"))
    engine.create_volume("skycoin-one-data")
    _, state = preflight(engine).create(INPUTS)
    engine.deployed = {
        "Name": f"/{NODE}",
        "Config": {"Image": INPUTS["image"], "User": USER},
        "State": {"Running": running},
        "Mounts": [
            {"Name": WALLET, "Destination": "/wallet"},
            {"Name": "skycoin-one-data", "Destination": "/data"},
        ],
    }
    engine.asked.clear()
    return state


def refusals(engine: WalletEngine, state: Values) -> str:
    """Return the refusal, which a preview and `up` word alike; neither writes anything."""
    before = {path: path.stat().st_mtime_ns for path in engine.root.rglob("*")}
    acts: list[Callable[[], Values]] = [
        lambda: preflight(engine).planned(THEIRS, state),
        lambda: preflight(engine).update("x", state, THEIRS),
    ]
    said = []
    for act in acts:
        with pytest.raises(ProviderError) as refused:
            act()
        said.append(str(refused.value))
    assert said[0] == said[1]
    assert {path: path.stat().st_mtime_ns for path in engine.root.rglob("*")} == before
    assert engine.given == []
    return said[0]


@pytest.mark.case(30)
def test_a_deployed_node_is_refused_another_user_with_each_command_to_run(engine: WalletEngine) -> None:
    state = known(engine, running=True)
    volumes = (WALLET, COPIES, "skycoin-one-data")
    engine.foreign = dict.fromkeys(volumes, FOREIGN)
    said = refusals(engine, state)
    assert said.startswith(f"host attic: the node's user changes from {USER} to {OTHER}. ")
    stop, *commands = re.findall("`(docker [^`]+)`", said)
    assert stop == f"docker stop -t 60 {NODE}"
    assert [re.findall(r"-v (\S+):/volume", command) for command in commands] == [
        [volume] for volume in volumes
    ]
    assert all(command.endswith(f"-exec chown -h {OTHER} '{{}}' +") for command in commands)
    assert said.endswith("Then run the same command again (docs/wallets.md, “Another user”).")


@pytest.mark.case(30)
def test_a_stopped_node_is_refused_until_the_last_volume_is_given(engine: WalletEngine) -> None:
    state = known(engine, running=False)
    engine.foreign = {COPIES: FOREIGN}
    said = refusals(engine, state)
    assert "docker stop" not in said
    assert said.count("chown") == 1
    engine.foreign = {}
    assert preflight(engine).planned(THEIRS, state)["user"] == OTHER
    assert preflight(engine).update("x", state, THEIRS)["user"] == OTHER


@pytest.mark.case(30)
@pytest.mark.parametrize(
    ("labels", "wallets", "wanted"),
    [
        pytest.param({}, "skycoin-two-wallet", WALLET, id="on-its-own-wallet"),
        pytest.param(
            {NODE_LABEL: "another"}, WALLET, "skycoin-mine-wallet", id="on-the-wallet-that-this-leaves"
        ),
    ],
)
def test_another_node_that_has_the_nodes_former_name_is_neither_stopped_nor_given_away(
    engine: WalletEngine, labels: Mapping[str, str], wallets: str, wanted: str
) -> None:
    """Before, the refusal printed the commands that stop it and give its chain to this node's user."""
    state = known(engine, running=True)
    assert engine.deployed is not None
    anothers = {wallets: "/wallet", "skycoin-two-data": "/data"}
    engine.deployed = {
        **engine.deployed,
        "Config": {**engine.deployed["Config"], "Labels": labels},
        "Mounts": [{"Name": volume, "Destination": place} for volume, place in anothers.items()],
    }
    for volume in ("skycoin-two-data", wanted, f"{wanted}-backups"):
        engine.create_volume(volume)
    engine.foreign = {"skycoin-two-data": FOREIGN}
    theirs = {**THEIRS, "wallet": wanted, "newWallet": True}
    assert preflight(engine).planned(theirs, state)["user"] == OTHER
    assert preflight(engine).update("x", state, theirs)["user"] == OTHER


@pytest.mark.case(30)
def test_a_running_node_whose_volumes_were_given_away_is_stopped_first(engine: WalletEngine) -> None:
    said = refusals(engine, known(engine, running=True))
    assert re.findall("`(docker [^`]+)`", said) == [f"docker stop -t 60 {NODE}"]


@pytest.mark.case(17, 30)
@pytest.mark.parametrize("running", [True, False])
def test_a_container_that_a_killed_handover_set_aside_is_stopped_for_good_first(
    engine: WalletEngine, running: bool
) -> None:
    """After a reboot, the set-aside container may run, and no container has the node's name."""
    state = known(engine, running=running)
    assert engine.deployed is not None
    engine.set_aside = {
        **engine.deployed,
        "Name": f"/{NODE}-previous",
        "HostConfig": {"RestartPolicy": {"Name": "always"}},
    }
    engine.deployed = None
    engine.foreign = {"skycoin-one-data": FOREIGN}
    update, volume = re.findall("`(docker [^`]+)`", refusals(engine, state))
    name = f"{NODE}-previous"
    assert update == f"docker update --restart unless-stopped {name} && docker stop -t 60 {name}"
    assert "skycoin-one-data:/volume" in volume
    engine.set_aside["HostConfig"] = {"RestartPolicy": {"Name": "unless-stopped"}}
    engine.set_aside["State"] = {"Running": False}
    engine.foreign = {}
    assert preflight(engine).update("x", state, THEIRS)["user"] == OTHER


@pytest.mark.case(30)
def test_a_node_whose_state_is_lost_is_stopped_before_its_volumes_are_given_away(
    engine: WalletEngine,
) -> None:
    """Before, only the command that gives the wallet away was shown, while the node still wrote to it."""
    known(engine, running=True)
    engine.foreign = {WALLET: FOREIGN}
    with pytest.raises(
        ProviderError, match=f"from {USER} to {OTHER}.*\n.*docker stop -t 60 {NODE}"
    ) as refused:
        preflight(engine).create(THEIRS)
    assert "chown" not in str(refused.value)


def test_a_removed_container_and_volumes_that_are_gone_keep_nobody_out(engine: WalletEngine) -> None:
    state = known(engine, running=False)
    engine.deployed = None
    shutil.rmtree(engine.folder(COPIES))
    engine.foreign = {COPIES: FOREIGN, "skycoin-one-data": FOREIGN}
    assert preflight(engine).planned(THEIRS, state)["user"] == OTHER


def test_a_preview_on_a_host_without_the_image_leaves_it_to_up(engine: WalletEngine) -> None:
    state = known(engine, running=False)
    engine.foreign = {WALLET: FOREIGN}
    engine.pulled = [{"status": "Pulled"}]
    assert preflight(engine).planned(THEIRS, state)["user"] == OTHER


def test_a_preview_whose_engine_refuses_to_answer_leaves_it_to_up(
    engine: WalletEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = known(engine, running=True)

    def refuse(*_: Any) -> None:
        raise APIError("500")

    monkeypatch.setattr(WalletEngine, "inspect_container", refuse)
    assert preflight(engine).planned(THEIRS, state)["user"] == OTHER
    with pytest.raises(APIError):
        preflight(engine).update("x", state, THEIRS)


def given_away(engine: WalletEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the wallet to the other user, with the command that the refusal prints."""
    run = WalletOnHost._run

    def kept_out(self: WalletOnHost, *arguments: Any) -> tuple[int, str]:
        return run(self, *arguments) if user_of(self._place) == OTHER else (1, "cd: Permission denied")

    monkeypatch.setattr(WalletOnHost, "_run", kept_out)
    engine.foreign = {WALLET: b"unreadable drwx------ 12000 12001 /volume\nend"}


@pytest.mark.case(30)
def test_a_refresh_between_the_commands_and_up_does_not_bar_the_way(
    engine: WalletEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The refresh in `make up` looks at the wallet as the former user, who has no access by then."""
    state = known(engine, running=False)
    given_away(engine, monkeypatch)
    found = preflight(engine).read("attic", INPUTS, state)
    assert found is not None
    assert "can't use the volume's own folder (drwx------) of 12000:12001" in found.state["walletKeptOut"]
    assert found.state["walletFault"] == ""
    assert preflight(engine).diff(found.state, INPUTS, INPUTS).updates == ("wallet",)
    with pytest.raises(ProviderError, match=f"user {USER} can't use"):
        preflight(engine).planned(INPUTS, found.state)
    engine.foreign = {}
    assert set(preflight(engine).diff(found.state, INPUTS, THEIRS).updates) == {"user", "wallet"}
    assert preflight(engine).planned(THEIRS, found.state)["user"] == OTHER
    after = preflight(engine).update("x", found.state, THEIRS)
    assert (after["walletId"], "walletKeptOut" in after) == (state["walletId"], False)
    (engine.folder(WALLET) / "mine.wlt").unlink()
    with pytest.raises(ProviderError, match="holds no wallet"):
        preflight(engine).planned(THEIRS, found.state)


@pytest.mark.case(30, 35)
def test_a_fault_that_was_mended_before_the_wallet_was_given_away_does_not_bar_the_way(
    engine: WalletEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before, the old fault stayed in the state, for no refresh as the former user could look again."""
    state = known(engine, running=False)
    (engine.folder(WALLET) / "mine.wlt").unlink()
    faulty = preflight(engine).read("attic", INPUTS, state)
    assert faulty is not None
    with pytest.raises(ProviderError, match="holds no wallet"):
        preflight(engine).planned(THEIRS, faulty.state)
    engine.put(WALLET, mine=wallet("A"))
    given_away(engine, monkeypatch)
    found = preflight(engine).read("attic", INPUTS, faulty.state)
    assert found is not None
    engine.foreign = {}
    assert set(preflight(engine).diff(found.state, INPUTS, THEIRS).updates) == {"user", "wallet"}
    assert preflight(engine).planned(THEIRS, found.state)["user"] == OTHER
    after = preflight(engine).update("x", found.state, THEIRS)
    assert (after["walletFault"], after["wallets"]) == ("", state["wallets"])
    (engine.folder(WALLET) / "mine.wlt").unlink()
    for act in (preflight(engine).planned, lambda news, olds: preflight(engine).update("x", olds, news)):
        with pytest.raises(ProviderError, match="holds no wallet"):
            act(THEIRS, found.state)


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)


WANTED: Values = {**test_handover.INPUTS, "user": OTHER}


def stopped(**more: Any) -> tuple[NodeEngine, Resource]:
    """A node of the images' user, stopped by hand; its volumes have been given to another user since."""
    engine = NodeEngine(**more)
    node = deployed(engine, user=USER)
    engine.stop(NAME, 60)
    engine.owner = OTHER
    return engine, node


@pytest.mark.case(30)
def test_a_running_container_is_not_replaced_by_one_of_another_user() -> None:
    engine = NodeEngine()
    node = deployed(engine, user=USER)
    before = only_container(engine)
    for act in (lambda: node.up(WANTED), lambda: node.kind.planned(WANTED, node.outputs)):
        with pytest.raises(ProviderError, match=f"from {USER} to {OTHER}.*\n.*docker stop -t 60 {NAME}"):
            act()
    assert (only_container(engine), before.running) == (before, True)


@pytest.mark.case(30, 39)
def test_a_new_container_that_fails_leaves_the_former_one_stopped() -> None:
    engine, node = stopped()
    with pytest.raises(ProviderError, match=f"The old container {NAME} was restored unchanged"):
        node.up({**WANTED, "image": node_engine.BAD})
    assert (only_container(engine).config["User"], only_container(engine).running) == (USER, False)
    assert engine.boot() == []
    assert node.up(WANTED, refresh=True) == "update"
    assert_single_running(engine, WANTED)


def test_a_container_that_a_node_takes_over_counts_only_for_another_user() -> None:
    found = {"Config": {"User": "10000", "Labels": None}}
    assert not has_other_user(found, {"user": USER})
    assert has_other_user(found, {"user": OTHER})
    assert has_other_user({"Config": {"Labels": {"skycoin.node": "urn"}}}, {"user": OTHER})
    assert not has_other_user({"Config": {"Labels": {"skycoin.node": "urn"}}}, {})


def test_a_chain_volume_that_is_new_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[str] = []
    monkeypatch.setattr(chain_database, "give_empty", lambda *all_of_it: given.append(all_of_it[3]))
    deployed(NodeEngine(), user=OTHER)
    assert given == [DATA]


def test_the_command_for_another_user_gives_what_is_not_that_users() -> None:
    theirs = UnusableFile("a.wlt", "-rw-------", USER, is_unreadable=True, is_own=False)
    said = explained(WALLET, "image", [theirs], OTHER)
    assert "'!' -user 12000 -o '!' -group 12001" in said
    assert f"chown -h {OTHER}" in said


@pytest.mark.case(21, 30)
def test_the_stopped_container_of_a_node_that_gets_another_name_and_another_user_is_its_own(
    engine: WalletEngine,
) -> None:
    """Before, `up` said to remove that container, after the commands for another user had been run."""
    state = {**known(engine, running=False), "walletKeptOut": "the node's new user was kept out"}
    former = "urn:pulumi:fleet::skycoin::skycoin:index:Node$skycoin:index:NodeContainer::one-container"
    engine.run_node(WALLET, State="exited", Labels={NODE_LABEL: former})
    URN.set("urn:pulumi:fleet::skycoin::skycoin:index:Node$skycoin:index:Preflight::garage-preflight")
    assert preflight(engine).planned({**THEIRS, "container": "skycoin-garage"}, state)["user"] == OTHER
