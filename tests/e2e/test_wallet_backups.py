"""Encrypted backups of a running node: created, read without this program, drilled, restored, refused."""

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.boards import start_board
from tests.e2e.contents import unpacked
from tests.e2e.machine import Machine, Result
from tests.e2e.plugin import until
from tests.e2e.test_wallet_identity import MADE
from tests.e2e.tools import age_programs

NODE, PORT = "skycoin-kept", 16427
WALLET = f"{NODE}-wallet"
SEED = "sample assume enjoy museum behind horror mad reward forward reform valley planet"
ADDRESS = "2ULfxDUuenUY5V4Pr8whmoAwFdUseXNyjXC"
TEXT = json.dumps(
    {
        "meta": {
            "coin": "sky",
            "filename": "real.wlt",
            "label": "test1",
            "lastSeed": "67de80ac3ae025c8742bec541da7018d08fa351983557d2bc753e90e24337d13",
            "seed": SEED,
            "tm": "1503458877",
            "type": "deterministic",
            "version": "0.1",
        },
        "entries": [
            {
                "address": ADDRESS,
                "public_key": "03595cffa8e5906b08be0c6bf907c9b6ad70f422b7c875b1a0da2c11114145c71f",
                "secret_key": "7154a28fc9939a759cd00067130507e118e8e068ed0df595d488c2562ce8c9f0",
            }
        ],
    }
)
"""A wallet of Skycoin's own tests (src/wallet/testdata/test1.wlt of v0.27.1), which a node can read."""
CANARIES = (SEED.encode(), b"7154a28fc9939a759cd00067130507e118e8e068ed0df595d488c2562ce8c9f0")


class Key:
    """An age key pair, in a file made by age-keygen."""

    def __init__(self, folder: Path, name: str, machine: Machine) -> None:
        self.file = folder / name
        self.programs = age_programs(machine.layout)
        made = [str(self.programs / "age-keygen"), "-o", str(self.file)]
        subprocess.run(made, check=True, capture_output=True)
        [self.public] = re.findall(r"public key: (age1\S+)", self.file.read_text())


@pytest.fixture(scope="module")
def kept(up: Machine) -> Iterator[Machine]:
    """The stack with a node whose wallet a node can read; restored afterwards."""
    with up.another_node("kept", PORT):
        put(up, TEXT)
        yield up


@pytest.fixture(scope="module")
def key(kept: Machine, tmp_path_factory: pytest.TempPathFactory) -> Key:
    return Key(tmp_path_factory.mktemp("key"), "key.txt", kept)


def put(up: Machine, text: str, name: str = "real.wlt") -> None:
    script = f"umask 077; cat > /wallet/{name}"
    up.pipe("docker", "exec", "-i", NODE, "sh", "-c", script, given=text.encode())


def wallet(up: Machine) -> str:
    return up.docker("exec", NODE, "cat", "/wallet/real.wlt").text


def skyinfra(up: Machine, command: str, *arguments: str) -> Result:
    node = () if command in ("list", "verify") else ("kept",)
    return up.skyinfra("wallet", command, *node, *arguments)


def backup(up: Machine, key: Key, folder: Path | str) -> Path:
    done = skyinfra(up, "backup", "--to", str(folder), "--recipient", key.public)
    assert done.code == 0, done.text
    [made] = re.findall(r"^(\S+\.backup): ", done.text, re.MULTILINE)
    return Path(made)


def made_by_drills(up: Machine) -> str:
    label = ("--filter", "label=skycoin.wallet-drill")
    return up.docker("ps", "-aq", *label).text + up.docker("volume", "ls", "-q", *label).text


def test_age_and_tar_alone_read_a_backup_as_its_header_says(kept: Machine, key: Key, tmp_path: Path) -> None:
    ran = kept.inspect("container", NODE)["State"]["StartedAt"]
    file = backup(kept, key, tmp_path / "to")
    assert kept.inspect("container", NODE)["State"]["StartedAt"] == ran, "the node runs on"
    [line] = [line for line in file.read_text(errors="replace").splitlines() if "| age --decrypt" in line]
    command = line.replace("THIS-FILE", f"'{file}'").replace("key.txt", f"'{key.file}'")
    env = {"PATH": f"{key.programs}:/usr/bin:/bin"}
    (tmp_path / "out").mkdir()
    subprocess.run(["sh", "-c", command], cwd=tmp_path / "out", env=env, check=True)
    assert (tmp_path / "out" / "wallet" / "real.wlt").read_text() == TEXT
    assert not (tmp_path / "out" / "wallet" / ".skyinfra-id").exists()
    document = json.loads((tmp_path / "out" / "backup.json").read_text())
    assert {"node: kept", "stack: local", "wallets: 1"} <= set(document)


def test_no_seed_is_left_in_any_file_or_printed(kept: Machine, key: Key, tmp_path: Path) -> None:
    """A canary in the wallet is searched for wherever this machine writes, after every wallet command."""
    began = time.time() - 1
    file = backup(kept, key, tmp_path / "to")
    from_there = ("--from", str(tmp_path / "to"))
    identity = ("--identity", str(key.file))
    put(kept, TEXT.replace("test1", "changed"))
    said = [
        skyinfra(kept, "list", *from_there),
        skyinfra(kept, "verify", str(file), *identity),
        skyinfra(kept, "check", *from_there, *identity),
        skyinfra(kept, "drill", *from_there, *identity),
        skyinfra(
            kept,
            "restore",
            str(file),
            *identity,
            "--backup-to",
            str(tmp_path / "before"),
            "--recipient",
            key.public,
        ),
    ]
    assert [done.code for done in said] == [0] * len(said), "\n".join(done.text for done in said)
    assert wallet(kept) == TEXT
    [before] = (tmp_path / "before").iterdir()
    assert before.name.endswith("-before-restore.backup")
    for done in said:
        assert not any(canary.decode() in done.text for canary in CANARIES)
    plain = skyinfra(kept, "backup", "--plain", "--to", str(tmp_path / "plain"))
    [found] = (tmp_path / "plain").iterdir()
    assert CANARIES[0] in _new_content(found, began), f"the search would find one: {plain.text}"
    found.unlink()
    volumes = Path(kept.inspect("volume", WALLET)["Mountpoint"]).parents[1]
    beside = [path for path in Path("/tmp").iterdir() if not path.name.startswith("pytest-of-")]
    for folder in (kept.layout.state, kept.checkout, tmp_path, *beside):
        for path in (folder, *folder.rglob("*")):
            if volumes not in path.parents:
                content = _new_content(path, began)
                assert not any(canary in content for canary in CANARIES), path


def _new_content(path: Path, began: float) -> bytes:
    """Content of a file if it was written since then; empty if not, or if it is gone or no regular file."""
    try:
        is_new = path.is_file() and not path.is_symlink() and path.stat().st_mtime >= began
        return unpacked(path) if is_new else b""
    except OSError:
        return b""


def test_backup_check_up_and_review_use_the_stacks_recipients_and_age(
    kept: Machine, key: Key, tmp_path: Path
) -> None:
    before = kept.settings()
    nobody = skyinfra(kept, "backup", "--to", str(tmp_path / "none"))
    assert nobody.code == 1
    assert "no recipient is given for backups of kept" in nobody.text
    assert not (tmp_path / "none").exists()
    kept.change({**before, "skycoin:wallets": {"recipients": [key.public], "backup-age": 7}})
    try:
        made = kept.make("wallet-backup", "NODE=kept", f"INTO={tmp_path}")
        assert made.code == 0, made.text
        assert f"Encrypted to {key.public}" in made.text
        good = skyinfra(kept, "check", "--from", str(tmp_path))
        assert good.code == 0, good.text
        plain = skyinfra(kept, "backup", "--plain", "--to", str(tmp_path))
        assert plain.code == 1
        assert "--plain: a backup in plain text would ignore the recipients" in plain.text
        up = kept.make("up")
        assert re.search(
            r"^  backup less than an hour old, fingerprint [0-9a-f]{16}: ", up.text, re.MULTILINE
        )
        assert "WARNING: no backup is known here" in up.text, "of node-1"
        page = kept.make("review")
        assert re.search(r"\| kept \| backup less than an hour old, fingerprint", page.text), page.text
        assert "| node-1 | **no backup is known here" in page.text
        [file] = tmp_path.iterdir()
        file.rename(tmp_path / "gone")
        assert f"WARNING: the newest known backup is gone: {file}" in kept.make("up").text
    finally:
        kept.change(before)


def test_a_drill_finds_the_same_addresses_and_leaves_nothing(kept: Machine, key: Key, tmp_path: Path) -> None:
    """The drill has a wallet of each type that a node knows."""
    for name, options in MADE.items():
        made = kept.docker("exec", NODE, "skycoin-cli", "walletCreate", f"{name}.wlt", *options)
        assert made.code == 0, made.text
    try:
        backup(kept, key, tmp_path)
    finally:
        files = [f"/wallet/{name}.wlt" for name in MADE]
        assert kept.docker("exec", NODE, "rm", *files).code == 0
    before = kept.docker("volume", "ls", "-q").text
    began = time.monotonic()
    done = skyinfra(kept, "drill", "--from", str(tmp_path), "--identity", str(key.file))
    print(f"a drill took {time.monotonic() - began:.1f} s")
    assert done.code == 0, done.text
    assert re.search(
        r"found its 6 wallets with \d\d addresses\. The drill left nothing on the host\.", done.text
    )
    assert made_by_drills(kept) == ""
    assert kept.docker("volume", "ls", "-q").text == before


def test_a_drill_of_a_wallet_that_no_node_reads_fails_and_leaves_nothing(
    kept: Machine, key: Key, tmp_path: Path
) -> None:
    """The file is well-formed; only a node can say that it is no wallet of Skycoin."""
    put(kept, TEXT.replace(ADDRESS, "nonsense"))
    try:
        backup(kept, key, tmp_path)
    finally:
        put(kept, TEXT)
    done = skyinfra(kept, "drill", "--from", str(tmp_path), "--identity", str(key.file))
    assert done.code == 1
    assert "the node in the drill" in done.text
    assert made_by_drills(kept) == ""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
@pytest.mark.case(38)
def test_a_drill_that_is_ended_leaves_nothing_or_its_heir_removes_it(
    number: signal.Signals, kept: Machine, key: Key, tmp_path: Path
) -> None:
    backup(kept, key, tmp_path)
    drill = ("drill", "kept", "--from", str(tmp_path), "--identity", str(key.file))
    command = ("./skyinfra", "wallet", *drill, "--backend", "set-up")
    with kept.started(*command, env=kept.environment()) as drilling:
        until(lambda: made_by_drills(kept) != "", "the drill has begun", seconds=60)
        os.kill(drilling.pid, number)
    if number is signal.SIGKILL:
        assert made_by_drills(kept) != ""
        done = skyinfra(kept, *drill[:1], *drill[2:])
        assert done.code == 0, done.text
    assert made_by_drills(kept) == ""


@pytest.mark.case(38)
def test_a_wrong_key_a_cut_file_and_another_nodes_backup_change_nothing(
    kept: Machine, key: Key, tmp_path: Path
) -> None:
    file = backup(kept, key, tmp_path / "to")
    other = Key(tmp_path, "other.txt", kept)
    cut = tmp_path / "cut.backup"
    cut.write_bytes(file.read_bytes()[:-20])
    kept.pipe(
        "docker", "exec", "-i", "skycoin-node-1", "sh", "-c", "cat > /wallet/x.wlt", given=TEXT.encode()
    )
    try:
        of_another = kept.skyinfra(
            "wallet", "backup", "node-1", "--to", str(tmp_path / "other"), "--recipient", key.public
        )
        assert of_another.code == 0, of_another.text
    finally:
        assert kept.docker("exec", "skycoin-node-1", "rm", "/wallet/x.wlt").code == 0
    [others] = (tmp_path / "other").glob("*.backup")
    ran = kept.inspect("container", NODE)["State"]["StartedAt"]
    for given, identity, said in (
        (
            file,
            other.file,
            f"is encrypted to {key.public}, but none of the given identities is one of theirs",
        ),
        (file, tmp_path / "none", "can't be read: No such file"),
        (cut, key.file, "is not a complete backup: it was truncated or changed"),
        (others, key.file, "is a backup of node-1 of the stack local, not of kept"),
    ):
        place = ("--backup-to", str(tmp_path / "before"))
        refused = skyinfra(kept, "restore", str(given), "--identity", str(identity), *place)
        assert refused.code == 1
        assert said in refused.text
    assert not (tmp_path / "before").exists()
    assert wallet(kept) == TEXT
    assert kept.inspect("container", NODE)["State"]["StartedAt"] == ran


def test_a_wallet_that_was_removed_comes_back_and_up_accepts_it(
    kept: Machine, key: Key, tmp_path: Path
) -> None:
    file = backup(kept, key, tmp_path)
    assert kept.docker("exec", NODE, "rm", "/wallet/real.wlt").code == 0
    restored = skyinfra(
        kept, "restore", str(file), "--identity", str(key.file), "--backup-to", str(tmp_path / "b")
    )
    assert restored.code == 0, restored.text
    assert wallet(kept) == TEXT
    result = kept.make("up")
    assert result.code == 0, result.text


@contextmanager
def mounted(folder: Path, *options: str) -> Iterator[Path]:
    """Mount a small file system on a folder while the body runs."""
    folder.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


@pytest.mark.case(38)
def test_a_full_or_read_only_folder_gets_no_backup(kept: Machine, key: Key, tmp_path: Path) -> None:
    with mounted(tmp_path / "full", "size=16k") as full:
        (full / "filler").write_bytes(b"x" * 14_000)
        refused = skyinfra(kept, "backup", "--to", str(full), "--recipient", key.public)
        assert refused.code == 1
        assert re.search(r"can't be written: No space left on device\. No backup was created", refused.text)
        assert [path.name for path in full.iterdir()] == ["filler"]
    with mounted(tmp_path / "fixed", "ro") as fixed:
        refused = skyinfra(kept, "backup", "--to", str(fixed), "--recipient", key.public)
        assert refused.code == 1
        assert "Read-only file system" in refused.text


def test_a_hundred_wallets_are_backed_up_in_five_seconds(kept: Machine, key: Key, tmp_path: Path) -> None:
    script = 'umask 077; cat > /tmp/w; for n in $(seq 100); do cp /tmp/w "/wallet/many-$n.wlt"; done'
    kept.pipe("docker", "exec", "-i", NODE, "sh", "-c", script, given=TEXT.encode())
    try:
        took = list[float]()
        while not took or (min(took) >= 5 and len(took) < 3):  # other tests run at the same time
            began = time.monotonic()
            backup(kept, key, tmp_path)
            took.append(time.monotonic() - began)
        print(f"a backup of 101 wallets took {min(took):.1f} s")
        assert min(took) < 5
    finally:
        assert kept.docker("exec", NODE, "sh", "-c", "rm /wallet/many-*.wlt").code == 0


@pytest.fixture(scope="module")
def nas(kept: Machine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, list[str]]]:
    """Address of a folder on another machine, and the ssh options to reach it."""
    board = start_board(kept.layout, "nas", 9)
    folder = tmp_path_factory.mktemp("nas")
    yield f"{board.engine}{folder}/wallets", [f"--ssh-option={word}" for word in board.ssh_options]
    board.end()


def test_a_backup_is_written_to_a_folder_behind_ssh_and_read_back(
    kept: Machine, key: Key, nas: tuple[str, list[str]], tmp_path: Path
) -> None:
    address, options = nas
    done = skyinfra(kept, "backup", "--to", address, "--recipient", key.public, *options)
    assert done.code == 0, done.text
    [made] = re.findall(r"^(ssh://\S+\.backup): ", done.text, re.MULTILINE)
    from_there = ("--from", address, *options)
    listed = skyinfra(kept, "list", *from_there)
    assert re.search(r"kept-wallet-\S+\.backup +kept .* complete$", listed.text, re.MULTILINE), listed.text
    for command in ("check", "drill"):
        result = skyinfra(kept, command, *from_there, "--identity", str(key.file))
        assert result.code == 0, result.text
    put(kept, "torn")
    before = ("--backup-to", f"{address}/before", "--recipient", key.public, *options)
    restored = skyinfra(kept, "restore", made, "--identity", str(key.file), *before)
    assert restored.code == 0, restored.text
    assert wallet(kept) == TEXT
    there = Path(re.sub(r"^ssh://[^/]+", "", address))
    assert [path.name for path in (there / "before").iterdir()] == [
        re.findall(r"saved what was there before: ssh://\S+/(\S+)", restored.text)[0]
    ]


@pytest.mark.parametrize("scheduler", ["cron", "systemd"])
def test_the_unit_that_is_printed_makes_a_backup(
    scheduler: str, kept: Machine, key: Key, tmp_path: Path
) -> None:
    """The printed command is run as cron or systemd would: by a shell, or as words, with its variables."""
    options = ("--to", f"{tmp_path}/a 100% folder", "--recipient", key.public)
    printed = skyinfra(kept, "backup", *options, "--print", scheduler)
    assert printed.code == 0, printed.text
    env = {"PATH": "/usr/bin:/bin", "HOME": str(Path.home())}
    if scheduler == "cron":
        [line] = [line for line in printed.text.splitlines() if line.startswith("17 3 * * * ")]
        subprocess.run(["sh", "-c", line.split(" ", 5)[5].replace("\\%", "%")], env=env, check=True, cwd="/")
    else:
        unit = tmp_path / "b.service"
        unit.write_text(printed.text.partition(".service\n")[2].partition("\n# ")[0])
        known = subprocess.run(
            ["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False
        )
        assert known.returncode == 0, known.stderr
        values = dict(re.findall(r'^Environment="(\w+)=(.*)"$', unit.read_text(), re.MULTILINE))
        [start_line] = re.findall(r"^ExecStart=(.*)$", unit.read_text(), re.MULTILINE)
        words = [word.replace("%%", "%") for word in re.findall(r'"([^"]*)"', start_line)]
        subprocess.run(words, env={**env, **values}, check=True, cwd="/")
    assert len(list((tmp_path / "a 100% folder").glob("kept-wallet-*.backup"))) == 1
