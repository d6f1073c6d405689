"""`skyinfra wallet adopt`: a node's volume gets the wallets of a plain `docker run`; their source stays."""

import copy
import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from docker.errors import APIError

from catalogue.naming import split_pinned
from catalogue.node_container import NODE as LABEL
from clients.errors import FormError
from clients.fingerprint import lines
from local.machine.layout import Layout
from providers.skycoin.wallet_identity import ACCEPTED
from tests.integration.test_node_move import CONTENTS, FINGERPRINT, MINE, NODE, WALLET, resources
from tests.unit.command_line import Ran, Skyinfra
from tests.unit.moving_engines import Board, Node, Requests
from tests.unit.test_wallet_backups import wallet
from wallets.adoption import reading, writing
from wallets.errors import WalletError
from wallets.files.contents import File
from wallets.files.fingerprint import fingerprint_of
from wallets.volumes.volume import WalletVolume
from wallets.volumes.writing import put

FILES = {path: file.data for path, file in CONTENTS.items()}
HOME = "/root/.skycoin/wallets"
DOCKER = "docker -H ssh://pi@attic.lan"
IMAGE = f"sha256:{'b' * 64}"
PLACES = {"wallet": "/wallet", "home": HOME}


class Host:
    """A node without a wallet, its engine, and a fake pulumi."""

    def __init__(self, folder: Path) -> None:
        self.board = Board(folder, Requests())
        self.board.make(WALLET)
        self.board.make(f"{WALLET}-backups")
        self.node = self.board.run(NODE, wallet=WALLET)
        self.resources = resources("attic")
        self.resources[1]["outputs"] = {}
        self.recorded: list[str] = []

    def pulumi(self, command: Sequence[str], env: Any, *_: object) -> int:
        assert command[:2] == ["refresh", "--yes"]
        self.recorded.append(env[ACCEPTED])
        return 0

    def old(self, status: str = "exited", **folders: dict[str, bytes]) -> Node:
        """Add the container of a plain `docker run`, with `wallet` at /wallet or `home` in HOME."""
        found = self.board.run("old")
        found.files = {PLACES[name]: dict(files) for name, files in folders.items()}
        found.status = status
        return found


@pytest.fixture
def host(set_up: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    made = Host(tmp_path / "attic")
    made.node.labels = {LABEL: "urn of one"}
    monkeypatch.setattr("wallets.volumes.volume.PAUSE", 0)
    monkeypatch.setattr("commands.backend.resources", lambda *_: copy.deepcopy(made.resources))
    monkeypatch.setattr("wallets.volumes.of_node.connect", lambda _: made.board)
    monkeypatch.setattr("commands.wallet.recording.pulumi", made.pulumi)
    return made


def adopt(skyinfra: Skyinfra, origin: str = "old", *options: str) -> Ran:
    return skyinfra("wallet", "adopt", "one", "--from", origin, "-s", "test", *options)


@pytest.mark.parametrize("place", ["wallet", "home"])
def test_wallets_of_a_stopped_container_are_copied_to_the_node_and_stay_in_the_container(
    place: str, host: Host, skyinfra: Skyinfra
) -> None:
    old = host.old("exited", **{place: {**FILES, "note": b"x"}})
    ran = adopt(skyinfra)
    assert ran.code == 0, ran.err
    assert host.board.files(WALLET) == {**FILES, "note": b"x"}
    assert old.files == {PLACES[place]: {**FILES, "note": b"x"}}
    assert host.node.status == "running"
    assert host.recorded == [FINGERPRINT]
    assert f"{WALLET} on host attic: 2 wallets with 3 addresses, from old on host attic\n" in ran.out
    assert "its wallets are only a copy now: no node may use them again" in ran.out
    assert f"has recorded the wallets of one with the fingerprint {FINGERPRINT}." in ran.out
    assert "canary" not in f"{ran}"


@pytest.mark.parametrize("folder", ["", ":/.skycoin/wallets"])
def test_wallets_of_a_volume_are_read_from_its_top_or_from_the_given_folder(
    folder: str, host: Host, skyinfra: Skyinfra
) -> None:
    host.board.make("old-data")
    inside = host.board.folder("old-data") / folder.removeprefix(":/")
    inside.mkdir(parents=True, exist_ok=True)
    for name, data in FILES.items():
        (inside / name).write_bytes(data)
    before = host.board.files("old-data")
    assert adopt(skyinfra, f"old-data{folder}").code == 0
    assert host.board.files(WALLET) == FILES
    assert host.board.files("old-data") == before


def test_a_folder_of_a_container_is_reported(host: Host, skyinfra: Skyinfra) -> None:
    host.old(wallet=FILES, home={"mine.wlt": MINE["mine"]})
    ran = adopt(skyinfra)
    assert (
        f"old on host attic has wallets in /wallet and {HOME}: give their folder (`--from old:FOLDER`)"
        in ran.err
    )
    assert_nothing_changed(host)
    assert adopt(skyinfra, f"old:{HOME}").code == 0
    assert list(host.board.files(WALLET)) == ["mine.wlt"]


@pytest.mark.parametrize("origin", ["old-wallet", "old"])
def test_wallets_that_a_move_left_behind_can_not_be_adopted_by_a_second_node(
    origin: str, host: Host, skyinfra: Skyinfra, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before, two nodes had the wallets: the one that moved, and the one that adopted its old volume.

    The command in the message named the image as the operator's machine knows it, which a board can't pull.
    """
    image = split_pinned(host.resources[1]["inputs"]["image"])[1]
    there = f"127.0.0.1:40123/skycoin@{image}"
    monkeypatch.setattr("clients.pull.known_as", lambda *_: there)
    host.board.make("old-wallet", **MINE)
    host.board.make("old-wallet-backups")
    host.board.run("old", wallet="old-wallet").status = "exited"
    known = host.board.folder("old-wallet-backups") / ".identity"
    (host.board.folder("old-wallet") / ".skyinfra-id").write_text(f"{'a' * 32}\n")
    known.write_text("\n".join(["b" * 32, *lines(fingerprint_of(CONTENTS))]) + "\n")
    ran = adopt(skyinfra, origin)
    assert ran.code == 1
    assert f"{origin} on host attic is only a copy: `./skyinfra node move` has moved its wallets" in ran.err
    assert f"`{DOCKER} run --rm -v old-wallet-backups:/copies {there} rm /copies/.identity`" in ran.err
    assert_nothing_changed(host)
    known.unlink()
    assert adopt(skyinfra, origin).code == 0


def assert_nothing_changed(host: Host) -> None:
    """Assert that nothing was changed."""
    assert host.recorded == []
    assert host.board.files(WALLET) == {}
    assert host.node.status == "running"


def test_a_running_container_is_stopped_only_after_a_yes(
    host: Host, skyinfra: Skyinfra, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = host.old("running", wallet=FILES)
    ran = adopt(skyinfra)
    assert (ran.code, old.status) == (1, "running")
    assert "There is no terminal to ask: `--yes` proceeds.\nNothing was changed.\n" in ran.err
    assert_nothing_changed(host)
    terminal = SimpleNamespace(stdin=SimpleNamespace(isatty=lambda: True))
    with monkeypatch.context() as patched:
        patched.setattr("commands.agreement.sys", terminal)
        arguments = ("wallet", "adopt", "one", "--from", "old", "-s", "test")
        assert skyinfra(*arguments, given="n\n").code == 1
        assert old.status == "running"
    ran = adopt(skyinfra, "old", "--yes")
    assert (ran.code, old.status) == (0, "exited")
    assert "This stops the containers: `docker -H ssh://pi@attic.lan stop -t 60 old`" in ran.out
    assert host.board.files(WALLET) == FILES


def test_containers_have_the_time_to_stop_that_they_were_created_with(host: Host, skyinfra: Skyinfra) -> None:
    """They had 60 s, and a node that is killed early may lose a wallet."""
    old = host.old("running", wallet=FILES)
    old.stop_timeout, host.node.stop_timeout = 300, 90
    ran = adopt(skyinfra, "old", "--yes")
    assert (ran.code, old.status, host.node.status) == (0, "exited", "running")
    assert f"This stops the containers: `{DOCKER} stop -t 300 old`" in ran.out


def test_a_volume_that_is_in_use_is_its_containers_to_leave(host: Host, skyinfra: Skyinfra) -> None:
    host.board.make("shared", **MINE)
    user = host.board.run("user", wallet="shared")
    ran = adopt(skyinfra, "shared")
    assert (ran.code, user.status) == (1, "running")
    assert_nothing_changed(host)
    assert adopt(skyinfra, "shared", "--yes").code == 0
    assert user.status == "exited"


def test_a_source_that_starts_again_in_the_meantime_is_refused(
    host: Host, skyinfra: Skyinfra, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = host.old("running", wallet=FILES)
    monkeypatch.setattr(old, "stop", lambda **_: None)
    ran = adopt(skyinfra, "old", "--yes")
    assert ran.code == 1
    assert "old on host attic is running" in ran.err
    assert_nothing_changed(host)


@pytest.mark.parametrize(
    ("volumes", "binds"),
    [({"/data": "shared"}, {}), ({}, {"/data": "/srv/skycoin"}), ({}, {"/host": "/srv"}), ({}, {"/x": "/"})],
    ids=["volume", "folder", "above", "all"],
)
def test_another_container_that_may_write_to_the_same_wallets_is_stopped_too(
    volumes: dict[str, str], binds: dict[str, str], host: Host, skyinfra: Skyinfra
) -> None:
    host.board.make("shared")
    old = host.old("running", wallet=FILES)
    old.mounts = {"/root/.skycoin": "shared"} if volumes else {}
    old.binds = {} if volumes else {"/wallet": "/srv/skycoin"}
    second = host.board.run("second")
    second.mounts, second.binds = volumes, binds
    ran = adopt(skyinfra)
    assert f"`{DOCKER} stop -t 60 old second`" in ran.out
    assert_nothing_changed(host)
    assert adopt(skyinfra, "old", "--yes").code == 0
    assert (old.status, second.status) == ("exited", "exited")


def test_a_container_next_to_the_wallets_keeps_running(host: Host, skyinfra: Skyinfra) -> None:
    host.board.make("chain")
    host.board.make("shared")
    old = host.old("exited", wallet=FILES)
    old.mounts = {"/data": "chain", "/root/.skycoin": "shared"}
    old.binds = {"/etc/localtime": "/etc/localtime", "/wallet": "/srv/skycoin", "/root": ""}
    others = [host.board.run(name) for name in ("reader", "chain", "clock")]
    others[0].mounts, others[0].binds, others[0].writes = {"/x": "shared"}, {"/x": "/srv/skycoin"}, False
    others[1].mounts = {"/data": "chain"}
    others[2].binds = {"/etc/localtime": "/etc/localtime", "/x": "/srv/skycoin2", "/tmp": ""}
    assert adopt(skyinfra).code == 0
    assert {other.status for other in others} == {"running"}


def test_a_folder_of_a_volume_that_a_container_has_from_the_host_is_in_use(
    host: Host, skyinfra: Skyinfra
) -> None:
    host.board.make("shared", **MINE)
    user = host.board.run("user")
    user.binds = {"/wallet": str(host.board.folder("shared"))}
    assert adopt(skyinfra, "shared", "--yes").code == 0
    assert user.status == "exited"


def test_wallets_that_change_while_they_are_read_are_read_again(
    host: Host, skyinfra: Skyinfra, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = host.old(wallet={"mine.wlt": wallet("one")})
    read, readings = old.get_archive, itertools.count()

    def get_archive(path: str) -> Any:
        if next(readings) == 0:
            return [b"truncated, for a file has shrunk"], {}
        if next(readings) > 3:
            old.files["/wallet"]["mine.wlt"] = MINE["mine"]
        return read(path)

    monkeypatch.setattr(old, "get_archive", get_archive)
    assert adopt(skyinfra, "old:/wallet").code == 0
    assert host.board.files(WALLET) == {"mine.wlt": MINE["mine"]}


def test_wallets_that_change_all_the_time_are_left(
    host: Host, skyinfra: Skyinfra, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, count = host.old(wallet=FILES), itertools.count()

    def get_archive(path: str) -> Any:
        old.files["/wallet"]["note"] = b"%d" % next(count)
        return type(old).get_archive(old, path)

    monkeypatch.setattr(old, "get_archive", get_archive)
    ran = adopt(skyinfra, "old:/wallet")
    assert (
        "old on host attic: /wallet keeps changing: stop the program that writes to it. Nothing was changed"
        in ran.err
    )
    assert_nothing_changed(host)


def test_a_source_that_runs_again_before_the_copy_is_refused(
    host: Host, skyinfra: Skyinfra, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = host.old(wallet=FILES)
    monkeypatch.setattr(host.node, "stop", lambda **_: old.start())
    assert "old on host attic is running or in use. Stop it:" in adopt(skyinfra).err
    assert_nothing_changed(host)


def test_a_source_that_runs_again_after_the_copy_is_reported(
    host: Host, skyinfra: Skyinfra, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = host.old(wallet=FILES)

    def restarted(volume: WalletVolume, *given: Any) -> None:
        put(volume, *given)
        old.start()

    with monkeypatch.context() as patched:
        patched.setattr(writing, "put", restarted)
        ran = adopt(skyinfra)
    assert ran.code == 1
    assert (
        f"error: the wallets of old on host attic were copied into {WALLET}, and old is running on them "
        "again: two nodes would use one wallet. Nothing was recorded. Make sure that nothing starts it (a "
        f"restart policy, compose, systemd), then `{DOCKER} stop -t 60 old`, and "
        "`./skyinfra wallet adopt one --from old -s test`\n"
    ) in ran.err
    assert (host.recorded, host.board.files(WALLET)) == ([], FILES)
    assert adopt(skyinfra, "old", "--yes").code == 0
    assert host.recorded == [FINGERPRINT]


def test_a_container_that_its_stop_removes_is_stopped_by_hand(host: Host, skyinfra: Skyinfra) -> None:
    host.board.make("anonymous", **MINE)
    host.board.run("kept", wallet="anonymous").status = "exited"
    gone = host.board.run("gone", elsewhere="anonymous")
    gone.is_removed = True
    ran = adopt(skyinfra, "kept", "--yes")
    assert ran.err.endswith(
        f"Nothing was changed. kept keeps its mounts: `{DOCKER} stop -t 60 gone`, then "
        "`./skyinfra wallet adopt one --from kept -s test`\n"
    )
    assert gone.status == "running"
    assert_nothing_changed(host)


def test_a_wallet_that_is_a_link_is_not_left_out(host: Host, skyinfra: Skyinfra) -> None:
    old = host.old(wallet=FILES)
    old.links = {"b.wlt": "/elsewhere/b.wlt"}
    assert (
        "error: old:/wallet: b.wlt: empty, truncated, or not a wallet\n" in adopt(skyinfra, "old:/wallet").err
    )
    assert_nothing_changed(host)
    old.links = {"log": "/var/log"}
    assert adopt(skyinfra, "old:/wallet").code == 0
    assert host.board.files(WALLET) == FILES


@pytest.mark.parametrize("reason", ["occupied", "less", "none", "torn", "shared"])
def test_a_refused_adoption_stops_no_container(
    reason: str, host: Host, skyinfra: Skyinfra, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {"none": {}, "torn": {"mine.wlt": MINE["mine"][:-1]}}.get(reason, FILES)
    old = host.old("running", wallet=files)
    if reason == "occupied":
        host.board.make(WALLET, own=wallet("nine"))
    if reason == "less":
        known = fingerprint_of({"lost.wlt": File(data=wallet("nine"))})
        host.resources[1]["outputs"] = {"wallets": list(lines(known))}
    if reason == "shared":
        host.board.run("beside", wallet=WALLET)
    for container in (old, host.node):
        monkeypatch.setattr(container, "stop", lambda **_: pytest.fail("it was stopped"))
    assert adopt(skyinfra, "old", "--yes").code == 1
    assert (old.status, host.node.status, host.recorded) == ("running", "running", [])


def test_wallets_are_shown_before_the_question(host: Host, skyinfra: Skyinfra) -> None:
    host.old("running", wallet=FILES)
    assert (
        adopt(skyinfra).out == "old on host attic: 2 wallets with 3 addresses\n"
        "Wallets of old on host attic may still be written to, but a wallet may have only one writer. This "
        "stops the containers: `"
        f"{DOCKER} stop -t 60 old`\n"
    )


def torn_by_a_stop(host: Host, monkeypatch: pytest.MonkeyPatch) -> Node:
    """A container whose last save is cut off when it is stopped."""
    old = host.old("running", wallet=FILES)

    def stop(timeout: int) -> None:
        Node.stop(old, timeout)
        old.files["/wallet"]["mine.wlt"] = b""

    monkeypatch.setattr(old, "stop", stop)
    return old


def test_a_stopped_container_starts_again_if_nothing_was_copied(
    host: Host, skyinfra: Skyinfra, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = torn_by_a_stop(host, monkeypatch)
    ran = adopt(skyinfra, "old", "--yes")
    assert (ran.code, old.status) == (1, "running")
    assert "old on host attic is started again.\nerror: old:/wallet: mine.wlt: " in ran.err
    assert_nothing_changed(host)


def test_a_container_that_does_not_start_again_is_reported(
    host: Host, skyinfra: Skyinfra, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = torn_by_a_stop(host, monkeypatch)

    def start() -> None:
        raise APIError("no", explanation="port is taken")

    monkeypatch.setattr(old, "start", start)
    ran = adopt(skyinfra, "old", "--yes")
    assert (
        "old on host attic could not be started again (host attic: port is taken). Start it with "
        f"`{DOCKER} start old`\nerror: old:/wallet: mine.wlt: "
    ) in ran.err
    assert_nothing_changed(host)


def test_a_source_stays_stopped_once_its_wallets_may_be_in_two_places(
    host: Host, skyinfra: Skyinfra, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = host.old("running", wallet=FILES)

    def full(*_: object) -> None:
        raise WalletError("the disk is full")

    monkeypatch.setattr(writing, "put", full)
    ran = adopt(skyinfra, "old", "--yes")
    assert (ran.code, old.status, host.node.status) == (1, "exited", "running")
    assert "old on host attic stays stopped from now on.\n" in ran.out
    assert ran.err.endswith("error: the disk is full\n")


@pytest.mark.parametrize("last", [1, 2, 5, 10, 20, 40, 60])
def test_an_answer_in_another_form_ends_an_adoption_with_one_sentence(
    last: int, host: Host, skyinfra: Skyinfra
) -> None:
    host.old("running", wallet=FILES)
    fault = FormError("its engine does not answer in Docker's form: its containers: it is 7")
    host.board.requests.last, host.board.requests.fault = last, fault
    ran = adopt(skyinfra, "old", "--yes")
    assert ran.code == 1
    assert f"host attic: {fault}" in ran.err
    assert "internal error" not in ran.err


@pytest.mark.parametrize("last", range(1, 91))
def test_a_killed_adoption_of_a_running_container_never_leaves_two_nodes(
    last: int, host: Host, skyinfra: Skyinfra
) -> None:
    old = host.old("running", wallet=FILES)
    host.board.requests.last = last
    first = adopt(skyinfra, "old", "--yes")
    host.board.requests.last = None
    copied = "stays stopped from now on" in first.out
    assert old.status == ("exited" if copied else "running")
    assert copied or host.board.files(WALLET) == {}
    assert host.node.status == "running" or (copied and first.code == 130)
    if first.code == 130:
        assert adopt(skyinfra, "old", "--yes").code == 0
    assert (old.status, host.board.files(WALLET)) == ("exited", FILES)
    assert host.recorded == [FINGERPRINT]


@pytest.mark.case(36)
@pytest.mark.parametrize(
    "origin", ["skycoin-two-wallet", "skycoin-two-wallet-backups:/2026-01-01T00-00-00Z", "reader"]
)
def test_wallets_and_copies_of_another_node_of_the_stack_are_refused_though_it_has_no_container(
    origin: str, host: Host, skyinfra: Skyinfra
) -> None:
    """Otherwise the next `up` would start that node with the same keys."""
    state = json.dumps(host.resources[:3]).replace("::one", "::two")
    host.resources += json.loads(state.replace(WALLET, "skycoin-two-wallet"))
    host.board.make("skycoin-two-wallet", **MINE)
    host.board.make("skycoin-two-wallet-backups")
    host.board.run("reader", wallet="skycoin-two-wallet").status = "exited"
    ran = adopt(skyinfra, origin)
    assert (ran.code, host.recorded) == (1, [])
    assert "belongs to two of this stack: the next `up` starts it again" in ran.err


@pytest.mark.case(36)
@pytest.mark.parametrize("engine", ["ssh://pi@attic.lan:22", "ssh://operator@attic.lan"])
def test_the_wallet_of_another_node_is_refused_however_its_engine_is_written(
    engine: str, host: Host, skyinfra: Skyinfra
) -> None:
    """Two hosts of a stack may share an engine, for example for two users of ssh."""
    state = json.dumps(host.resources[:3]).replace("::one", "::two").replace("ssh://pi@attic.lan", engine)
    host.resources += json.loads(state.replace(WALLET, "skycoin-two-wallet"))
    host.board.make("skycoin-two-wallet", **MINE)
    ran = adopt(skyinfra, "skycoin-two-wallet")
    assert (ran.code, host.recorded) == (1, [])
    assert "belongs to two of this stack: the next `up` starts it again" in ran.err


KEPT = f"`{DOCKER} create --name old-kept --volumes-from old {IMAGE} true && {DOCKER} stop -t 60 old`, then "


@pytest.mark.parametrize(
    ("origin", "again"),
    [("old", "old-kept:/wallet"), ("old:/wallet/", "old-kept:/wallet"), ("anonymous", "anonymous")],
)
def test_a_volume_of_a_container_with_rm_is_kept_by_a_second_container(
    origin: str, again: str, host: Host, skyinfra: Skyinfra
) -> None:
    host.board.make("anonymous", **MINE)
    old = host.board.run("old", wallet="anonymous")
    old.is_removed = True
    ran = adopt(skyinfra, origin, "--yes")
    assert (ran.code, old.status, host.board.nodes["old"]) == (1, "running", old)
    assert (
        "error: old on host attic was created with `--rm`: when it stops, the engine removes it and "
        "its anonymous volumes that no other container uses. Nothing was changed. A container that never "
        f"starts keeps the volumes: {KEPT}`./skyinfra wallet adopt one --from {again} -s test`\n"
    ) in ran.err
    assert_nothing_changed(host)
    host.board.run("old-kept", wallet="anonymous").status = "exited"
    old.stop(60)
    assert adopt(skyinfra, again).code == 0
    assert host.board.files(WALLET) == FILES


def test_wallets_in_a_container_with_rm_are_copied_while_it_runs(host: Host, skyinfra: Skyinfra) -> None:
    old = host.old("running", home=FILES)
    old.is_removed = True
    ran = adopt(skyinfra, "old", "--yes")
    assert (ran.code, old.status) == (1, "running")
    copy_of = f"{DOCKER} cp old:{HOME} - | {DOCKER} cp - old-kept:/"
    assert (
        f" Nothing was changed. {HOME} is not in a volume: copy it while the container runs, and create "
        f"no address or wallet there afterwards: `{DOCKER} create --name old-kept {IMAGE} true && "
        f"{copy_of}`. Then `./skyinfra wallet adopt one --from old-kept:/wallets -s test`, which refuses an "
        f"incomplete copy (repeat it: `{copy_of}`), and only after that "
        f"`{DOCKER} stop -t 60 old`\n"
    ) in ran.err
    assert_nothing_changed(host)
    host.board.run("old-kept").files = {"/wallets": {**FILES, "mine.wlt": MINE["mine"][:-1]}}
    host.board.nodes["old-kept"].status = "exited"
    assert "mine.wlt: empty, truncated, or not a wallet" in adopt(skyinfra, "old-kept:/wallets").err
    host.board.nodes["old-kept"].files = {"/wallets": FILES}
    assert adopt(skyinfra, "old-kept:/wallets").code == 0
    assert (host.board.files(WALLET), old.status) == (FILES, "running")


@pytest.mark.parametrize("own", [NODE, WALLET])
def test_adopting_the_nodes_own_container_or_volume_is_refused(
    own: str, host: Host, skyinfra: Skyinfra
) -> None:
    assert (
        f"error: {own} on host attic already belongs to this node: nothing was changed\n"
        in adopt(skyinfra, own).err
    )
    assert_nothing_changed(host)


def test_the_nodes_own_is_refused_by_its_id_and_behind_another_container(
    host: Host, skyinfra: Skyinfra
) -> None:
    errors = adopt(skyinfra, host.node.id).err
    assert (
        f"error: {host.node.id} on host attic already belongs to this node: nothing was changed\n" in errors
    )
    reader = host.board.run("reader", wallet=WALLET)
    assert (
        "error: reader on host attic already belongs to this node: nothing was changed\n"
        in adopt(skyinfra, "reader").err
    )
    assert_nothing_changed(host)
    assert reader.status == "running"


@pytest.mark.parametrize("status", ["running", "exited"])
@pytest.mark.parametrize("origin", ["skycoin-two", "id of skycoin-two", "skycoin-two-wallet", "reader"])
def test_another_node_of_a_stack_is_refused(origin: str, status: str, host: Host, skyinfra: Skyinfra) -> None:
    host.board.make("skycoin-two-wallet", **MINE)
    two = host.board.run("skycoin-two", wallet="skycoin-two-wallet")
    two.labels, two.status = {LABEL: "urn of two"}, status
    host.board.run("reader", wallet="skycoin-two-wallet").status = "exited"
    ran = adopt(skyinfra, origin, "--yes")
    assert (
        f"error: {origin} on host attic belongs to skycoin-two, a node of a stack (urn of two): the next "
        "`up` starts it again, and two nodes would use one wallet. Nothing was changed. "
    ) in ran.err
    assert two.status == status
    assert_nothing_changed(host)
    del host.board.nodes["skycoin-two"]
    if origin.endswith(("-wallet", "reader")):
        assert adopt(skyinfra, origin).code == 0


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        ("none", "none on host attic is neither a container nor a volume. Nothing was changed"),
        ("old", f"old on host attic has no wallet in /wallet, {HOME}: give their folder"),
        ("old:/elsewhere", "old on host attic has no wallet in /elsewhere: give their folder"),
        ("empty", "empty on host attic has no wallet in /: give their folder"),
        ("torn", "torn:/: mine.wlt: empty, truncated, or not a wallet"),
    ],
)
def test_a_source_without_a_complete_wallet_is_refused(
    origin: str, expected: str, host: Host, skyinfra: Skyinfra
) -> None:
    host.old(wallet={"note": b"x"})
    host.board.make("empty")
    host.board.make("torn", mine=MINE["mine"][:-1])
    ran = adopt(skyinfra, origin)
    assert (ran.code, expected in ran.err) == (1, True), ran.err
    assert_nothing_changed(host)


def test_files_that_never_arrive_completely_are_left_and_the_disk_is_reported(
    host: Host, skyinfra: Skyinfra, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = host.old(wallet=FILES)

    def get_archive(path: str) -> Any:
        parts, stat = type(old).get_archive(old, path)
        return [b"".join(parts)[:700]], stat

    monkeypatch.setattr(old, "get_archive", get_archive)
    ran = adopt(skyinfra, "old:/wallet")
    assert "If no program writes to it, its files can't be read to their end" in ran.err
    assert "errors of that host's disk (`dmesg`)" in ran.err
    assert_nothing_changed(host)


def test_a_folder_that_is_too_large_for_wallets_is_left(
    host: Host, skyinfra: Skyinfra, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "LARGEST", 2**20)
    host.board.make("large")
    (host.board.folder("large") / "data.db").write_bytes(bytes(2**20))
    assert (
        "large on host attic: /wallet is larger than 1 MiB, too large for a folder of wallets"
        in adopt(skyinfra, "large").err
    )
    assert_nothing_changed(host)


def test_a_node_that_has_a_wallet_takes_no_other(host: Host, skyinfra: Skyinfra) -> None:
    """Before, the adopted wallets had “lost” those of the node, and the remedy was `wallet accept`."""
    host.board.make(WALLET, own=wallet("nine"))
    known = fingerprint_of({"own.wlt": File(data=wallet("nine"))})
    host.resources[1]["outputs"] = {"wallets": list(lines(known))}
    host.old(wallet=FILES)
    ran = adopt(skyinfra)
    assert ran.code == 1
    assert (
        f"the wallet volume {WALLET} on host attic is not empty (1 wallet): wallets are adopted only into an "
        "empty volume. Nothing was changed. Add another node for them, run `up`, and adopt into that one"
    ) in ran.err
    assert "accept" not in ran.err
    assert host.node.status == "running"
    assert list(host.board.files(WALLET)) == ["own.wlt"]


def test_a_volume_with_other_files_than_wallets_is_to_be_emptied(host: Host, skyinfra: Skyinfra) -> None:
    host.board.folder(WALLET).joinpath("note").write_bytes(b"x")
    host.old(wallet=FILES)
    assert (
        "is not empty: it has note, and wallets are adopted only into an empty volume" in adopt(skyinfra).err
    )
    assert list(host.board.files(WALLET)) == ["note"]


def test_wallets_that_hold_less_than_the_states_record_are_refused(host: Host, skyinfra: Skyinfra) -> None:
    known = fingerprint_of({"lost.wlt": File(data=wallet("nine"))})
    host.resources[1]["outputs"] = {"wallets": list(lines(known))}
    host.old(wallet=FILES)
    ran = adopt(skyinfra)
    assert (
        "old on host attic lacks something that the state has recorded: lost.wlt (1 address) is gone"
        in ran.err
    )
    assert_nothing_changed(host)


@pytest.mark.parametrize("last", range(1, 71))
def test_an_adoption_that_is_killed_at_any_request_is_finished_by_the_next(
    last: int, host: Host, skyinfra: Skyinfra
) -> None:
    old = host.old(wallet=FILES)
    host.board.requests.last = last
    first = adopt(skyinfra)
    assert first.code in (0, 130)
    host.board.requests.last = None
    assert old.files == {"/wallet": FILES}
    if first.code == 130:
        assert adopt(skyinfra).code == 0
    assert host.board.files(WALLET) == FILES
    assert host.recorded == [FINGERPRINT]
    assert host.node.status == "running"


def test_a_stopped_node_is_not_started_by_an_adoption(host: Host, skyinfra: Skyinfra) -> None:
    host.node.status = "exited"
    host.old(wallet=FILES)
    assert "one was not running and was not started: `up` starts it." in adopt(skyinfra).out
    assert host.node.status == "exited"


def test_a_node_that_changes_its_new_wallets_is_not_recorded(
    host: Host, skyinfra: Skyinfra, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.old(wallet=FILES)
    monkeypatch.setattr("commands.wallet.adopt.fingerprint_on_host", lambda _: {})
    ran = adopt(skyinfra)
    assert ran.code == 1
    assert ran.err.endswith("The node has changed them in the meantime: nothing was recorded.\n")
    assert host.recorded == []
