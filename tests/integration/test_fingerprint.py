"""Fingerprints, by the script under this machine's shell and in memory; in the node's image: tests/e2e."""

import hashlib
import itertools
import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest

from clients.fingerprint import (
    NOTHING,
    SCRIPT,
    Fingerprint,
    VolumeWallets,
    digest,
    from_lines,
    lines,
    read,
    script_arguments,
    summary,
)
from tests.unit.wallet_engine import public_key, wallet
from wallets.files.contents import File, damaged
from wallets.files.fingerprint import fingerprint_of, found_in, printable

CANARY = "canary sings in the coal mine"
KEY = "ca" * 32


def entries(*addresses: str, **more: Any) -> list[dict[str, Any]]:
    return [
        {"address": address, "public_key": public_key(address), "secret_key": KEY, **more}
        for address in addresses
    ]


def bip44(external: list[str], change: list[str], *, seed: str = CANARY) -> str:
    """A bip44 wallet as v0.27.1 writes it: external entries, then those of the change chain."""
    both = entries(*external, child_number=0, change=0) + entries(*change, child_number=0, change=1)
    return json.dumps(
        {"meta": {"bip44Coin": "8000", "seed": seed, "type": "bip44"}, "entries": both}, indent=4
    )


def accounts(*chains: list[list[str]]) -> str:
    """A bip44 wallet as later versions write it: accounts with chains."""
    made = [
        {
            "name": f"account {number}",
            "index": number,
            "private_key": CANARY,
            "chains": [
                {"public_key": "02", "chain": str(chain), "entries": entries(*addresses)}
                for chain, addresses in enumerate(its)
            ],
        }
        for number, its in enumerate(chains)
    ]
    return json.dumps({"meta": {"seed": CANARY, "type": "bip44"}, "accounts": made}, indent=4)


def found(folder: Path, before: Fingerprint = NOTHING) -> VolumeWallets:
    command = ["sh", "-c", SCRIPT, "fingerprint", *script_arguments(before)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    for secret in (CANARY, KEY, public_key("A"), "\tA"):
        assert secret not in done.stdout, "only names, counts and hashes leave a host"
    return read(done.stdout)


def put(folder: Path, **wallets: str) -> Fingerprint:
    """Write wallets into a folder; return their fingerprint."""
    for name, text in wallets.items():
        (folder / f"{name}.wlt").write_text(text)
    return found(folder).wallets


TYPES = {
    "deterministic": wallet("A", "B", seed=CANARY),
    "encrypted": wallet("A", "B", seed="", encrypted="true", secrets=CANARY),
    "collection": json.dumps({"meta": {"type": "collection"}, "entries": entries("A", "C")}, indent=4),
    "watched": json.dumps(
        {"meta": {"type": "xpub", "xpub": "xpub6"}, "entries": [{"address": "A"}]}, indent=4
    ),
    "bip44": bip44(["A", "B", "C"], ["D"]),
    "without an address": bip44([], []),
    "accounts": accounts([["A", "B"], ["D"]], [["E"], []]),
    "null": json.dumps({"meta": {"type": "bip44", "seed": CANARY}, "entries": None}),
    "one line": json.dumps(json.loads(bip44(["A", "B"], ["C"])), separators=(",", ":")),
    "tabs": json.dumps(json.loads(wallet("A", "B")), indent="\t"),
    "Windows": wallet("A", "B").replace("\n", "\r\n"),
    "quotes": wallet("A", "B", label='a "b\\" {[,]} \\\\', note='\\"'),
    "entries first": json.dumps({"entries": entries("A"), "meta": {"type": "deterministic", "seed": ""}}),
    "an address elsewhere": json.dumps({"meta": {"type": "x", "address": "Z"}, "other": [{"address": "Z"}]}),
}


@pytest.mark.parametrize("name", TYPES)
def test_a_host_and_this_program_have_the_same_fingerprint_of_every_type(tmp_path: Path, name: str) -> None:
    whole = put(tmp_path, mine=TYPES[name])
    assert list(whole) == ["mine.wlt"]
    assert whole == fingerprint_of({"mine.wlt": File(data=TYPES[name].encode())})
    assert from_lines(list(lines(whole))) == whole


NAMES = {
    b"b\xf6rse.wlt": "b\\xf6rse.wlt",
    b"b\xfcrse.wlt": "b\\xfcrse.wlt",
    b"b\xc3\xb6rse.wlt": "b\u00f6rse.wlt",
    b"b\xef\xbf\xbdrse.wlt": "b\ufffdrse.wlt",
    b"back\\xf6.wlt": "back\\x5cxf6.wlt",
    b"a line\n.wlt": "a line\\x0a.wlt",
    b"\xe2\x82.wlt": "\\xe2\\x82.wlt",
    b"\xe2\x82\xac \xf0\x9f\x92\xb0\xed\xa0\x80.wlt": "\u20ac \U0001f4b0\\xed\\xa0\\x80.wlt",
    b"\xc0\xaf\xe0\x80\xaf\xf5\x80\xf4\x90\x80\x80.wlt": "".join(
        f"\\x{byte:02x}" for byte in b"\xc0\xaf\xe0\x80\xaf\xf5\x80\xf4\x90\x80\x80"
    )
    + ".wlt",
}
"""Name of a wallet file, in bytes → as hosts and this program print it."""


def test_a_host_and_this_program_print_the_same_name_for_every_wallet(tmp_path: Path) -> None:
    """Engines replace each byte that is not UTF-8 in the output of a container."""
    contents = {os.fsdecode(name): File(data=wallet("A").encode()) for name in NAMES}
    for name, file in contents.items():
        (tmp_path / name).write_bytes(file.data)
    whole = found(tmp_path).wallets
    assert sorted(whole) == sorted(NAMES.values())
    assert whole == fingerprint_of(contents)
    assert [printable(os.fsdecode(name)) for name in NAMES] == list(NAMES.values())


def test_wallets_of_any_name_may_grow_but_not_change(tmp_path: Path) -> None:
    for name, letter in zip(NAMES, "ABCDEFGHJ", strict=True):
        (tmp_path / os.fsdecode(name)).write_text(wallet(letter))
    before = found(tmp_path).wallets
    grown = {
        os.fsdecode(name): File(data=wallet(letter, "Z").encode())
        for name, letter in zip(NAMES, "ABCDEFGHJ", strict=True)
    }
    for path, file in grown.items():
        (tmp_path / path).write_bytes(file.data)
    assert found(tmp_path, before).lost(before) == []
    assert found_in(grown, before).lost(before) == []
    (tmp_path / os.fsdecode(b"b\xf6rse.wlt")).write_text(wallet("Y", "Z"))
    (tmp_path / os.fsdecode(b"b\xfcrse.wlt")).unlink()
    assert found(tmp_path, before).lost(before) == [
        "b\\xf6rse.wlt has other addresses than before (deterministic)",
        "b\\xfcrse.wlt (1 address) is gone",
    ]


@pytest.mark.parametrize("name", [".wlt", ".mine.wlt", "minewlt", ".wlt.wlt"])
def test_every_file_that_a_node_reads_as_a_wallet_counts_as_a_wallet(tmp_path: Path, name: str) -> None:
    """Before, a lost `.wlt` went unnoticed; `walletCreate "$EMPTY.wlt"` creates it, and a node loads it."""
    (tmp_path / name).write_text(wallet("A", "B"))
    whole = found(tmp_path).wallets
    assert list(whole) == [name]
    assert whole == fingerprint_of({name: File(data=wallet("A", "B").encode())})
    (tmp_path / name).write_text("torn")
    copy = f"{name}.tmp.{hashlib.sha256(wallet('A').encode()).hexdigest()[:8]}"
    (tmp_path / copy).write_text(wallet("A"))
    torn = found(tmp_path)
    assert (torn.damaged, torn.unfinished_saves()) == ([name], [(name, copy)])


def test_chains_are_known_by_account_and_chain_whatever_version_wrote_them(tmp_path: Path) -> None:
    old = put(tmp_path, mine=bip44(["A", "B"], ["C"]))["mine.wlt"]
    assert {name: chain.count for name, chain in old.items()} == {"bip44/0/0": 2, "bip44/0/1": 1, "secret": 1}
    assert put(tmp_path, mine=accounts([["A", "B"], ["C"]]))["mine.wlt"] == old
    assert "secret" not in put(tmp_path, mine=TYPES["watched"])["mine.wlt"]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (wallet("A"), wallet("A", "B", "C"), []),
        (bip44(["A"], ["C"]), bip44(["A", "B"], ["C", "D"]), []),
        (bip44(["A"], ["C"]), accounts([["A", "B"], ["C"]], [["E"]]), []),
        (wallet("A", "B"), TYPES["encrypted"], []),
        (wallet(seed=""), wallet("A", "B", seed=""), []),
        (wallet(), wallet("A", "B"), []),
        (bip44(["A", "B"], ["C"]), bip44(["A", "B", "D"], []), ["mine.wlt has 0 of 1 address (bip44/0/1)"]),
        (
            bip44(["A", "B"], ["C"]),
            bip44(["A", "X", "B"], ["C"]),
            ["mine.wlt has other addresses than before"],
        ),
        (wallet("A"), bip44(["A"], []), ["mine.wlt has 0 of 1 address (deterministic)"]),
        (wallet("A"), wallet("A", seed=""), ["mine.wlt has lost its seed or secret keys"]),
        (wallet("A"), wallet("B"), ["mine.wlt has other addresses than before (deterministic)"]),
    ],
)
def test_a_chain_that_grew_is_not_a_difference_and_any_other_change_is(
    tmp_path: Path, before: str, after: str, expected: list[str]
) -> None:
    remembered = put(tmp_path, mine=before)
    put(tmp_path, mine=after)
    lost = found(tmp_path, remembered).lost(remembered)
    assert len(lost) == len(expected)
    assert all(text.startswith(start) for text, start in zip(lost, expected, strict=True))


@pytest.mark.parametrize("name", ["deterministic", "bip44", "accounts", "quotes", "one line"])
def test_a_truncated_wallet_and_one_with_a_block_of_zeros_are_damaged(tmp_path: Path, name: str) -> None:
    """A power cut leaves such files: cut off before the last bracket, or with blocks never written."""
    text = TYPES[name].encode()
    step = 1 if name == "one line" else 17
    cut = {f"{end}.wlt": text[:end] for end in [*range(0, len(text), step), len(text) - 1]}
    zeros = {f"z{end}.wlt": text[:end] + bytes(512) + text[end:] for end in range(0, len(text), 90)}
    for file, data in (cut | zeros).items():
        (tmp_path / file).write_bytes(data)
    (tmp_path / "whole.wlt").write_bytes(text)
    seen = found(tmp_path)
    assert list(seen.wallets) == ["whole.wlt"]
    assert sorted(seen.damaged) == sorted(cut | zeros)


def test_a_wlt_file_that_is_not_a_wallet_is_damaged_and_other_files_are_ignored(tmp_path: Path) -> None:
    put(tmp_path, a="[]", b="null", c="{}", d='{"meta": {}}', e="{} " + wallet("A"), f="x")
    (tmp_path / "mine.wlt.bak").write_text(wallet("A"))
    (tmp_path / "folder.wlt").mkdir()
    seen = found(tmp_path)
    assert (seen.wallets, len(seen.damaged)) == ({}, 6)


def test_data_after_the_first_json_value_of_a_wallet_is_ignored_as_by_the_node(
    tmp_path: Path,
) -> None:
    whole = put(tmp_path, mine=TYPES["bip44"])["mine.wlt"]
    for rest in ("}", ' {"meta": "', "\0" * 512, wallet("B"), "\0" * 9 + '"'):
        text = TYPES["bip44"] + rest
        assert put(tmp_path, mine=text)["mine.wlt"] == whole
        assert fingerprint_of({"mine.wlt": File(data=text.encode())})["mine.wlt"] == whole


@pytest.mark.parametrize(
    ("part", "instead"),
    [
        (',\n    "entries"', '\n    "entries"'),
        ('"meta": {', '"meta" {'),
        ('"meta": {', '"meta": {,'),
        ('"entries": [', '"entries": [,'),
        ('"type": "deterministic"', '"type": "deterministic",'),
        ('"type": "deterministic"', '"type": "deterministic" x'),
        ('"type": "deterministic"', '"type": "deterministic", true'),
        ('"type": "deterministic"', '"type": "deterministic", "n": 1 2'),
        ('"type": "deterministic"', '"type": "deterministic", "n": tru'),
        ('"type": "deterministic"', '"type": "deterministic", "n": "a\nb"'),
        ('"type": "deterministic"', '"type": "deterministic", "n": "a\\x"'),
        ('"type": "deterministic"', '"type": "deterministic", "n": x"a"'),
        ('"type": "deterministic"', '"type": "deterministic" "n"'),
        ('"address": "A"', '"address": "A+"'),
        ('"secret_key": ""', '"secret_key": "0"'),
        (public_key("A"), public_key("A")[:-1]),
    ],
)
def test_text_that_is_not_json_and_wrong_keys_are_damaged_on_a_host_and_in_memory(
    tmp_path: Path, part: str, instead: str
) -> None:
    """Before, only brackets were counted, so that a file with blocks of two saves passed as a wallet."""
    text = wallet("A").replace(part, instead, 1)
    assert text != wallet("A")
    assert put(tmp_path, mine=text) == NOTHING
    assert damaged({"mine.wlt": File(data=text.encode())}) == ["mine.wlt"]


def temporary(text: str) -> str:
    return f"mine.wlt.tmp.{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def test_a_temporary_copy_counts_if_it_is_complete_and_holds_more_than_its_wallet(tmp_path: Path) -> None:
    few, many, most = wallet("A"), wallet("A", "B"), wallet("A", "B", "C")
    (tmp_path / temporary(many)).write_text(many)
    (tmp_path / temporary(few)).write_text(few)
    (tmp_path / temporary(most)).write_text(most[:-9])
    (tmp_path / "mine.wlt.tmp.").write_text(many)
    (tmp_path / "mine.wlt.tmp.0123abcd").write_text(many)
    for main, unended in (
        (None, "the file is missing"),
        ("", "the file is incomplete"),
        (most[:-9], "the file is incomplete"),
        (few, "the file has 1 address"),
        (many, ""),
        (most, ""),
    ):
        if main is not None:
            (tmp_path / "mine.wlt").write_text(main)
        seen = found(tmp_path)
        assert sorted(seen.temporary) == sorted([temporary(few), temporary(many)])
        assert seen.unfinished_saves() == ([("mine.wlt", temporary(many))] if unended else [])
        assert not set(seen.wallets) - {"mine.wlt"}
        [*said] = [text for text in seen.faults(NOTHING) if "was interrupted" in text]
        whole = f"the temporary copy {temporary(many)} next to it is complete, with 2 addresses"
        assert said == ([f"a save of mine.wlt was interrupted: {unended}, and {whole}"] if unended else [])


def test_file_names_are_kept_unchanged_and_can_not_run_a_command(tmp_path: Path) -> None:
    names = ["a b", "x=y", "-n", "$(touch evil)", "quo'te", 'dou"ble', "ünï", "new\nline"]
    put(tmp_path, **{name: wallet("A") for name in names})
    evil = TYPES["bip44"].replace('"change": 1', '"change": "0; touch evil; 1"')
    put(tmp_path, bad=evil)
    seen = found(tmp_path)
    assert sorted(seen.wallets) == sorted(f"{printable(name)}.wlt" for name in names)
    assert list(seen.damaged) == ["bad.wlt"]
    assert not (tmp_path / "evil").exists()


def test_a_renamed_wallet_is_the_same_wallet(tmp_path: Path) -> None:
    remembered = put(tmp_path, mine=wallet("A"), other=wallet("B"))
    (tmp_path / "mine.wlt").rename(tmp_path / "moved.wlt")
    assert found(tmp_path, remembered).lost(remembered) == []
    (tmp_path / "moved.wlt").unlink()
    assert found(tmp_path, remembered).lost(remembered) == ["mine.wlt (1 address) is gone"]


def test_a_digest_is_of_all_wallets_and_their_names(tmp_path: Path) -> None:
    seen = [digest(NOTHING)]
    for name, text in (("a", wallet("A")), ("b", wallet("A")), ("c", TYPES["bip44"])):
        seen.append(digest(put(tmp_path, **{name: text})))
    (tmp_path / "a.wlt").rename(tmp_path / "z.wlt")
    seen.append(digest(found(tmp_path).wallets))
    assert len(set(seen)) == 5
    assert all(len(identity) == 16 for identity in seen)
    assert summary(found(tmp_path).wallets) == "3 wallets with 6 addresses"
    assert summary(NOTHING) == "0 wallets with 0 addresses"


def test_a_volume_shows_its_id(tmp_path: Path) -> None:
    assert found(tmp_path).identity == ""
    (tmp_path / ".skyinfra-id").write_text("0123" * 8 + "\n")
    assert found(tmp_path).identity == "0123" * 8
    (tmp_path / ".skyinfra-id").write_text("\n")
    assert found(tmp_path).identity == "", "a block that was never written"


def test_an_answer_that_the_script_did_not_print_is_refused() -> None:
    for printed in ("OCI runtime exec failed", "type\t1\tx\nend", "count\t1\t-\t3\nend", "", "id\t0123"):
        with pytest.raises((ValueError, LookupError)):
            read(printed)


def test_none_of_a_hundred_wallets_is_lost_if_some_of_them_grew(tmp_path: Path) -> None:
    many = {f"w{number}": wallet(*"ABCDEF"[: number % 7]) for number in range(100)}
    remembered = put(tmp_path, **many)
    assert len(remembered) == 100
    put(tmp_path, **{name: wallet(*"ABCDEFGHJ") for name in itertools.islice(many, 50)})
    assert found(tmp_path, remembered).lost(remembered) == []


def as_node(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the script as a node's user."""
    user = ("setpriv", "--reuid=10000", "--regid=10000", "--clear-groups") if os.geteuid() == 0 else ()
    command = [*user, "sh", "-c", SCRIPT, "fingerprint"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.case(30)
@pytest.mark.parametrize(
    ("mode", "held", "expected"),
    [
        (0o777, "mine.wlt", ""),
        (0o311, "mine.wlt", "the wallet's folder can't be listed"),
        (0o555, "mine.wlt", "the wallet's folder can't be written to"),
        (0o555, "", ""),
        (0o777, ".skyinfra-id", ".skyinfra-id can't be read"),
    ],
)
def test_a_folder_that_a_node_can_not_use_is_not_a_wallet(mode: int, held: str, expected: str) -> None:
    """An empty volume passes: it may get its owner only when it is mounted for writing."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "wallet"
        folder.mkdir()
        folder.parent.chmod(0o755)
        if held:
            (folder / held).write_text(wallet("A"))
            (folder / held).chmod(0 if held == ".skyinfra-id" else 0o644)
        folder.chmod(mode)
        done = as_node(folder)
        folder.chmod(0o777)
    assert done.returncode == bool(expected)
    assert (done.stdout.splitlines()[-1], done.stderr) == (expected or "end", "")


def test_a_wallet_that_is_being_saved_is_read(tmp_path: Path) -> None:
    """The wallet's temporary copy comes and goes; listing the folder used to fail when it went."""
    gone = tmp_path / "ls"
    gone.write_text("#!/bin/sh\necho 'ls: ./mine.wlt.tmp.12345678: No such file or directory' >&2\nexit 1\n")
    gone.chmod(0o755)
    (tmp_path / "mine.wlt").write_text(wallet("A"))
    env = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    command = ["sh", "-c", SCRIPT, "fingerprint"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True, env=env)
    assert list(read(done.stdout).wallets) == ["mine.wlt"]
