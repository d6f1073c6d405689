"""Identity of a wallet volume on a real engine: real wallets of every type, and what can happen to them."""

import hashlib
import os
import random
import re
import shlex
import shutil
import socket
import stat
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from catalogue.exit_codes import REFUSED
from clients.engine import connect
from clients.fingerprint import SCRIPT, Fingerprint, read
from clients.wallet_on_host import WalletOnHost
from providers.kind import ProviderError
from providers.skycoin.chain_database import ChainDatabase
from tests.crash_states import saves, states
from tests.e2e.example_pages import compare_with_example
from tests.e2e.machine import Machine, Result
from tests.e2e.plugin import until
from tests.unit.wallet_engine import wallet
from wallets.files.contents import File
from wallets.files.fingerprint import fingerprint_of, printable

NODE, PORT = "skycoin-guarded", 16428
WALLET = f"{NODE}-wallet"
SEED = "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about"
"""Canary: the public test vector of BIP 39."""
XPUB = (
    "xpub6D4BDPcP2GT577Vvch3R8wDkScZWzQzMMUm3PWbmWvVJrZwQY4VUNgqF"
    "JPMM3No2dFDFGTsxxpG5uJh7n7epu4trkrX7x7DogT5Uv6fcLW5"
)
"""Key from skycoin's own test data; it belongs to nobody's wallet."""
MADE = {
    "deterministic": ("-t", "deterministic", "-n", "3", "-s", SEED),
    "bip44": ("-t", "bip44", "-n", "2", "-s", SEED),
    "locked": ("-e", "-p", "secret", "-x", "sha256-xor", "-n", "2", "-s", f"{SEED} more"),
    "collection": ("-t", "collection"),
    "xpub": ("-t", "xpub", "-n", "2", "--xpub", XPUB),
}


@pytest.fixture(scope="module")
def guarded(up: Machine) -> Iterator[Machine]:
    """The stack with a node that has a wallet of each type, all recorded; restored afterwards."""
    before = up.settings()
    node = {"image": "skycoin", "host": "here", "rpc-port": PORT}
    up.change({**before, "skycoin:nodes": {**before["skycoin:nodes"], "guarded": node}})
    assert up.make("up").code == 0
    for name, options in MADE.items():
        cli(up, "walletCreate", f"{name}.wlt", *options)
    grown = up.make("up")
    assert grown.code == 0, grown.text
    yield up
    up.change(before)
    assert up.make("retire", "NODE=guarded").code == 0


def cli(up: Machine, *command: str) -> str:
    done = up.docker("exec", NODE, "skycoin-cli", *command)
    assert done.code == 0, done.text
    return done.text


def place(up: Machine) -> Path:
    """Folder of the wallet volume on this machine."""
    return Path(up.inspect("volume", WALLET)["Mountpoint"])


def files_in(folder: Path) -> dict[str, File]:
    """Wallets in a folder of this machine, read into memory."""
    return {path.name: File(data=path.read_bytes()) for path in folder.glob("*.wlt")}


@contextmanager
def changed(up: Machine, change: Callable[[Path], None]) -> Iterator[None]:
    """Change the wallets by hand while the body runs, and restore them afterwards."""
    aside = place(up).with_name("aside")
    shutil.copytree(place(up), aside, copy_function=shutil.copy2)
    try:
        change(place(up))
        yield
    finally:
        for path in place(up).iterdir():
            path.unlink()
        subprocess.run(["cp", "-a", f"{aside}/.", place(up)], check=True)
        subprocess.run(["chown", "-R", "10000:10000", place(up)], check=True)
        shutil.rmtree(aside)


def preview(up: Machine) -> Result:
    """Run a refreshed preview with plain Pulumi."""
    return up.pulumi("preview", "--refresh", "--stack", "local")


def fingerprint(up: Machine) -> Fingerprint:
    """Fingerprint of the volume, made on the engine by the script in the node's image."""
    node = up.inspect("container", NODE)
    client = connect({"engine": up.environment()["DOCKER_HOST"]})
    inputs = {"host": "here", "image": node["Config"]["Image"], "container": NODE, "wallet": WALLET}
    return WalletOnHost(client, inputs).read_wallets({}).wallets


def test_wallets_of_every_type_have_one_fingerprint_in_the_image_and_in_memory(guarded: Machine) -> None:
    whole = fingerprint(guarded)
    assert whole == fingerprint_of(files_in(place(guarded)))
    counts = {file: {name: chain.count for name, chain in chains.items()} for file, chains in whole.items()}
    assert counts == {
        "deterministic.wlt": {"deterministic": 3, "secret": 1},
        "bip44.wlt": {"bip44/0/0": 2, "secret": 1},
        "locked.wlt": {"deterministic": 2, "secret": 1},
        "collection.wlt": {"collection": 0},
        "xpub.wlt": {"xpub": 2},
    }
    assert guarded.docker("stop", "-t", "60", NODE).code == 0
    assert fingerprint(guarded) == whole, "a stopped node's is read beside it"
    assert guarded.docker("start", NODE).code == 0


def emptied(folder: Path) -> None:
    for path in folder.glob("*.wlt"):
        path.unlink()


@pytest.mark.case(35)
def test_a_review_of_an_emptied_wallet_is_the_page_in_the_docs(guarded: Machine) -> None:
    """It comes before the tests that add addresses, which the page counts."""
    with changed(guarded, emptied):
        result = guarded.skyinfra("review")
    assert result.code == REFUSED, result.text
    compare_with_example("real-wallet-emptied", result)


def test_a_wallet_that_grew_is_not_reported_as_different(guarded: Machine) -> None:
    ran = guarded.inspect("container", NODE)["Id"]
    cli(guarded, "walletAddAddresses", "deterministic.wlt", "-n", "2")
    cli(guarded, "walletAddAddresses", "bip44.wlt", "-n", "1")
    cli(guarded, "encryptWallet", "bip44.wlt", "-p", "secret", "-x", "sha256-xor")
    seen = preview(guarded)
    assert seen.code == 0, seen.text
    again = guarded.make("up")
    assert again.code == 0, again.text
    assert guarded.inspect("container", NODE)["Id"] == ran
    assert fingerprint(guarded)["bip44.wlt"]["bip44/0/0"].count == 3


def without_id(folder: Path) -> None:
    """Leave the volume as `docker volume rm` and `create` do: without its id."""
    for path in folder.iterdir():
        path.unlink()


def one_gone(folder: Path) -> None:
    (folder / "xpub.wlt").unlink()


def older(folder: Path) -> None:
    """Reduce the wallet to its first three addresses."""
    file = folder / "deterministic.wlt"
    text = file.read_text()
    entries = re.findall(r"        \{.*?\n        \}", text, re.DOTALL)
    file.write_text(text.replace(",\n" + ",\n".join(entries[3:]), ""))


def swapped(folder: Path) -> None:
    """Replace wallets and id by those of another volume."""
    without_id(folder)
    (folder / ".skyinfra-id").write_text("f" * 32 + "\n")
    (folder / "other.wlt").write_text('{"meta": {"type": "deterministic"}, "entries": [{"address": "2a"}]}')


def cut(folder: Path) -> None:
    file = folder / "locked.wlt"
    file.write_bytes(file.read_bytes()[:-20])


@pytest.mark.case(35)
@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (emptied, "holds no wallet. It held 5 wallets with 12 addresses"),
        (without_id, "holds no wallet. It held 5 wallets with 12 addresses"),
        (one_gone, "has changed: xpub.wlt (2 addresses) is gone"),
        (older, "deterministic.wlt has 3 of 5 addresses"),
        (swapped, "bip44.wlt (3 addresses) is gone"),
        (cut, "locked.wlt is empty, truncated or unreadable"),
    ],
)
def test_a_changed_wallet_is_noticed_and_refused_even_if_nothing_else_changes(
    guarded: Machine, change: Callable[[Path], None], expected: str
) -> None:
    """Such changes used to go unnoticed."""
    ran = guarded.inspect("container", NODE)["Id"]
    with changed(guarded, change):
        for refused in (preview(guarded), guarded.pulumi("up", "--refresh", "--yes", "--stack", "local")):
            assert refused.code != 0
            assert expected in re.sub(r"\s+", " ", refused.text)
            assert "./skyinfra wallet restore guarded FILE" in re.sub(r"\s+", " ", refused.text)
    assert guarded.inspect("container", NODE)["Id"] == ran
    mended = preview(guarded)
    assert mended.code == 0, mended.text


@pytest.mark.case(35)
def test_an_intended_change_is_accepted_by_the_command_that_the_refusal_names(guarded: Machine) -> None:
    (place(guarded) / "xpub.wlt").unlink()
    refused = preview(guarded)
    command, *_ = re.findall(r"`\./(skyinfra wallet accept guarded [0-9a-f]{16})`", refused.text)
    shown = guarded.skyinfra("wallet", "accept", "guarded")
    assert f"has the fingerprint {command.split()[-1]}" in shown.text
    other = guarded.skyinfra("wallet", "accept", "guarded", "0" * 16)
    assert other.code == 1
    assert preview(guarded).code != 0
    accepted = guarded.skyinfra(*command.split()[1:])
    assert accepted.code == 0, accepted.text
    seen = preview(guarded)
    assert seen.code == 0, seen.text


@pytest.mark.case(35)
def test_the_next_up_notices_a_restore_of_an_older_backup(guarded: Machine, tmp_path: Path) -> None:
    backup = guarded.make("wallet-backup", "NODE=guarded", f"INTO={tmp_path}", "PLAIN=1")
    assert backup.code == 0, backup.text
    [file] = tmp_path.iterdir()
    cli(guarded, "walletAddAddresses", "deterministic.wlt", "-n", "4")
    assert guarded.make("up").code == 0
    place = ("--backup-to", str(tmp_path), "--stack", "local")
    restored = guarded.skyinfra("wallet", "restore", "guarded", str(file), "--older", *place)
    assert restored.code == 0, restored.text
    until(lambda: guarded.inspect("container", NODE)["State"]["Status"] == "running", "the node runs again")
    assert fingerprint(guarded)["deterministic.wlt"]["deterministic"].count == 5
    again = guarded.make("up")
    assert again.code == 0, again.text


@pytest.mark.case(4)
def test_the_named_command_restores_a_torn_wallet_from_its_complete_temporary_copy(
    guarded: Machine, tmp_path: Path
) -> None:
    file = place(guarded) / "deterministic.wlt"
    whole = file.read_bytes()
    copy = file.with_name(f"{file.name}.tmp.{hashlib.sha256(whole).hexdigest()[:8]}")

    def torn(_: Path) -> None:
        copy.write_bytes(whole)
        file.write_bytes(whole[:1000])

    with changed(guarded, torn):
        refused = preview(guarded)
        assert refused.code != 0
        said = re.sub(r"\s+", " ", refused.text)
        assert f"the temporary copy {copy.name} next to it is complete, with" in said
        [command] = set(re.findall(r"`\./skyinfra (wallet restore guarded --temporary \S+)`", said))
        restored = guarded.skyinfra(*command.split(), "--backup-to", str(tmp_path))
        assert restored.code == 0, restored.text
        assert (file.read_bytes(), copy.read_bytes()) == (whole, whole)
        [aside] = re.findall(r"(/\S+-before-restore\.\S+)", restored.text)[:1]
        assert Path(aside).stat().st_size > 0, "the torn file is kept"
        assert preview(guarded).code == 0


@pytest.mark.case(4)
def test_the_script_sees_in_the_nodes_image_what_it_sees_under_this_machines_shell(
    guarded: Machine, tmp_path: Path
) -> None:
    chance = random.Random(1)  # noqa: S311 no secret
    for save in saves():
        contents = sorted({state.main for state in states(save) if state.main})
        for number, content in enumerate([save.new, *chance.sample(contents, k=20)]):
            (tmp_path / f"{save.name.replace(':', '')}-{number}.wlt").write_bytes(content)
        (tmp_path / f"{save.name.replace(':', '')}.wlt.tmp.{save.temporary[-8:]}").write_bytes(save.new)
    names = [os.fsdecode(name) for name in (b"b\xf6rse.wlt", b"b\xfcrse.wlt", b"b\xc3\xb6rse\\.wlt")]
    for number, name in enumerate(names):
        (tmp_path / name).write_text(wallet("ABC"[number]))
    here = subprocess.run(["sh", "-c", SCRIPT], cwd=tmp_path, capture_output=True, text=True, check=True)
    image = guarded.inspect("container", NODE)["Config"]["Image"]
    options = ("--rm", "--network", "none", "--user", "0", "-v", f"{tmp_path}:/w", "-w", "/w")
    there = guarded.docker("run", *options, "--entrypoint", "sh", image, "-c", SCRIPT)
    assert there.code == 0, there.text
    seen = read(here.stdout)
    assert read(there.text) == seen
    assert set(map(printable, names)) < set(seen.wallets)
    assert len(seen.temporary) == 15
    assert len(seen.wallets) >= 15
    assert len(seen.damaged) > 150


@pytest.mark.case(36)
def test_a_foreign_container_on_the_wallet_is_refused(guarded: Machine) -> None:
    """Before, other stacks and other spellings of the host were not checked."""
    image = guarded.inspect("container", NODE)["Config"]["Image"]
    other = ("run", "-d", "--name", "stranger", "--network", "none", "-v", f"{WALLET}:/w")
    assert guarded.docker(*other, "--entrypoint", "sleep", image, "600").code == 0
    try:
        for refused in (preview(guarded), guarded.pulumi("up", "--refresh", "--yes", "--stack", "local")):
            assert refused.code != 0
            assert f"'{WALLET}' in use by the container stranger" in re.sub(r"\s+", " ", refused.text)
    finally:
        assert guarded.docker("rm", "-f", "stranger").code == 0
    assert preview(guarded).code == 0


@pytest.mark.case(30)
@pytest.mark.parametrize(
    ("owner", "mode", "shown"),
    [(0, 0o600, "(-rw-------) of 0:0. "), (10000, 0, "(----------) of 10000:10000, because of the mode. ")],
)
def test_files_that_the_node_can_not_use_are_reported_and_the_command_opens_only_them(
    guarded: Machine, owner: int, mode: int, shown: str
) -> None:
    """Before, a wallet copied there by root was called torn, and a database of root's was not checked."""
    image = guarded.inspect("container", NODE)["Config"]["Image"]
    client, here = connect({"engine": guarded.environment()["DOCKER_HOST"]}), {"host": "here"}
    chain = ChainDatabase(client, here, image, f"{NODE}-data")
    database = Path(guarded.inspect("volume", f"{NODE}-data")["Mountpoint"]) / ".skycoin" / "data.db"
    mine, others = place(guarded) / "deterministic.wlt", place(guarded).glob("[!d]*.wlt")
    assert guarded.docker("stop", "-t", "60", NODE).code == 0
    touched, held = {path: path.stat().st_ctime_ns for path in others}, mine.read_bytes()
    for path in (mine, database):
        os.chown(path, owner, owner)
        path.chmod(mode)
    said = " ".join(preview(guarded).text.split())
    kept_out = "The node's user 10000:10000 can't use"
    assert f"{kept_out} 'deterministic.wlt' {shown}This command" in said
    with pytest.raises(ProviderError) as refused:
        chain.look("0.27.1")
    assert f"{kept_out} '.skycoin/data.db' {shown}This command" in str(refused.value)
    for told, path in ((said, mine), (str(refused.value), database)):
        [command] = {*re.findall("`docker ([^`]+)`", told)}
        done = guarded.docker(*shlex.split(command))
        assert done.code == 0, done.text
        seen = path.stat()
        assert (seen.st_uid, seen.st_gid, stat.S_IMODE(seen.st_mode)) == (10000, 10000, 0o600)
    assert {path: path.stat().st_ctime_ns for path in touched} == touched, "they were right"
    assert mine.read_bytes() == held
    assert chain.look("0.27.1") is not None
    assert guarded.docker("start", NODE).code == 0
    seen_again = preview(guarded)
    assert seen_again.code == 0, seen_again.text


@contextmanager
def recorded(target: str, path: Path) -> Iterator[list[bytearray]]:
    """Proxy an engine's socket at `path`; yield all traffic, one text for each direction of a connection."""
    seen: list[bytearray] = []
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()

    def copy(source: socket.socket, into: socket.socket) -> None:
        seen.append(mine := bytearray())
        while data := source.recv(65536):
            mine.extend(data)
            into.sendall(data)
        into.shutdown(socket.SHUT_WR)

    def serve() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            engine = socket.socket(socket.AF_UNIX)
            engine.connect(target)
            for pair in ((client, engine), (engine, client)):
                threading.Thread(target=_quietly, args=(copy, *pair), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield seen
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def _quietly(copy: Callable[[socket.socket, socket.socket], None], *pair: socket.socket) -> None:
    try:
        copy(*pair)
    except OSError:
        return


def test_neither_seeds_nor_addresses_are_in_the_operators_traffic(guarded: Machine, tmp_path: Path) -> None:
    """Recorded during a refresh, a copy before a change, and an inspection while the node is stopped."""
    address = re.findall(r'"address": "(\w+)"', (place(guarded) / "deterministic.wlt").read_text())[0]
    whole = fingerprint(guarded)
    before, proxy = guarded.settings(), tmp_path / "engine.sock"
    nodes = {name: dict(node) for name, node in before["skycoin:nodes"].items()}
    nodes["guarded"]["args"] = ["-log-level=debug"]
    engine = guarded.environment()["DOCKER_HOST"].removeprefix("unix://")
    up = ("pulumi", "up", "--refresh", "--yes", "--skip-preview", "--stack", "local", "--non-interactive")
    with recorded(engine, proxy) as traffic:
        env = {**guarded.environment(), "DOCKER_HOST": f"unix://{proxy}"}
        guarded.change({**before, "skycoin:nodes": nodes})
        try:
            done = guarded.run(*up, env=env)
            assert done.code == 0, done.text
            assert guarded.docker("stop", "-t", "60", NODE).code == 0
            seen = guarded.run(*up, env=env)
            assert seen.code == 0, seen.text
            text = b"\n".join(traffic)
        finally:
            # The state has the proxy as its engine until an `up` without it.
            guarded.change(before)
            restored = guarded.make("up")
    assert restored.code == 0, restored.text
    assert fingerprint(guarded) == whole
    assert whole["deterministic.wlt"]["deterministic"].sha256.encode() in text, "it went through the proxy"
    for secret in (SEED, "abandon abandon", address):
        assert secret.encode() not in text
