"""The preflight's decisions, with a fake engine. With a real one: tests/e2e."""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from catalogue.arch import RUNS
from catalogue.node_container import NODE as NODE_LABEL
from catalogue.node_container import WALLET_HELPER
from clients.errors import ServiceError
from clients.fingerprint import NOTHING, SCRIPT, digest, from_lines, lines
from clients.host_facts import HostError, HostFacts, Obstacle
from clients.wallet_on_host import WalletOnHost
from providers.kind import URN, Change, ProviderError, Values
from providers.skycoin.host_findings import HostFindings
from providers.skycoin.preflight import Preflight
from providers.skycoin.wallet_copy import NotCopiedError
from tests.unit.wallet_engine import COPIES, INPUTS, NODE, WALLET, Container, WalletEngine, preflight, wallet

UNCOPIED = Change(updates=("walletsCopied",))


@pytest.fixture
def engine(tmp_path: Path) -> WalletEngine:
    URN.set("urn:pulumi:fleet::skycoin::skycoin:index:Node$skycoin:index:Preflight::one-preflight")
    (tmp_path / "volumes").mkdir()
    return WalletEngine(tmp_path / "volumes")


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)


def test_the_first_preflight_creates_and_records_the_wallet_volume_with_an_id(engine: WalletEngine) -> None:
    identity, state = preflight(engine).create(INPUTS)
    assert identity == "attic/skycoin-one-wallet"
    assert engine.volumes == {WALLET, COPIES}
    assert (state["runs"], state["wallets"], state["walletFault"]) == ("native", [], "")
    assert re.fullmatch("[0-9a-f]{32}", state["walletId"])
    assert (engine.folder(WALLET) / ".skyinfra-id").read_text() == f"{state['walletId']}\n"
    assert engine.probe.removed


def test_probe_gets_no_network_no_rights_and_no_volume(engine: WalletEngine) -> None:
    preflight(engine).create(INPUTS)
    assert engine.asked[0] == {
        "image": INPUTS["image"],
        "command": INPUTS["probe"],
        "network_mode": "none",
        "read_only": True,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
        "mem_limit": "256m",
        "pids_limit": 128,
    }


@pytest.mark.parametrize(
    ("machine", "platform", "native"),
    [
        ("x86_64", "linux/amd64", True),
        ("x86_64", "linux/arm/v7", False),
        ("aarch64", "linux/arm/v6", True),
        ("armv7l", "linux/arm64/v8", False),
        ("armv6l", "linux/arm/v7", False),
        ("armv6l", "linux/arm/v6", True),
        ("riscv64", "linux/amd64", False),
        ("x86_64", None, True),
    ],
)
def test_foreign_variants_are_refused_unless_emulation_is_allowed(
    engine: WalletEngine, machine: str, platform: str | None, native: bool
) -> None:
    engine.machine, inputs = machine, {**INPUTS, "platform": platform}
    if native:
        assert preflight(engine).create(inputs)
    else:
        with pytest.raises(ProviderError, match=f"host attic is {machine} and does not run {platform}"):
            preflight(engine).create(inputs)
        assert not engine.volumes, "nothing is made on a host that fails"
        assert not engine.asked
    _, state = preflight(engine).create({**inputs, "emulation": "allowed"})
    assert state["runs"] == ("native" if native else "emulated")


def test_every_arm_processor_runs_what_older_ones_run() -> None:
    assert set(RUNS["armv6l"]) < set(RUNS["armv7l"]) < set(RUNS["aarch64"])


def test_missing_binfmt_is_explained(engine: WalletEngine) -> None:
    engine.machine, engine.probe = "x86_64", Container(1, b"exec format error")
    with pytest.raises(ProviderError, match="install qemu-user-static"):
        preflight(engine).create({**INPUTS, "emulation": "allowed"})
    assert engine.probe.removed


def remembered(engine: WalletEngine, **wallets: str) -> Values:
    """State of a node after a preflight that found these wallets in its volume."""
    engine.put(WALLET, **wallets)
    return preflight(engine).create(INPUTS)[1]


def refreshed(engine: WalletEngine, state: Values) -> Values:
    """State after a refresh, which changes nothing on the host."""
    before, made = contents(engine), len(engine.asked)
    found = preflight(engine).read("attic", INPUTS, state)
    assert found is not None
    assert contents(engine) == before
    assert all(
        mount["mode"] == "ro" for container in engine.asked[made:] for mount in container["volumes"].values()
    )
    return found.state


def contents(engine: WalletEngine) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in engine.root.rglob("*") if path.is_file()}


def copies(engine: WalletEngine) -> list[dict[str, str]]:
    """Wallets of each copy on the host, oldest first."""
    folders = sorted(path for path in engine.folder(COPIES).iterdir() if path.is_dir())
    return [{path.stem: path.read_text() for path in folder.glob("*.wlt")} for folder in folders]


def empty(engine: WalletEngine) -> None:
    """Replace the volume with a new, empty volume."""
    for path in engine.folder(WALLET).iterdir():
        path.unlink()


def remove(engine: WalletEngine, volume: str = WALLET) -> None:
    shutil.rmtree(engine.folder(volume))


@pytest.mark.case(19)
def test_a_missing_wallet_stops_the_preview_until_new_wallet_is_set(engine: WalletEngine) -> None:
    state = remembered(engine, mine=wallet("A", "B"))
    remove(engine)
    state = refreshed(engine, state)
    with pytest.raises(
        ProviderError, match=r"'skycoin-one-wallet' is gone\. It held 1 wallet with 2 addresses"
    ) as refused:
        preflight(engine).planned(INPUTS, state)
    assert "`docker volume create skycoin-one-wallet`. Then restore a backup: `" in str(refused.value)
    assert "FILE -s fleet` (with `--identity KEY-FILE` if it is encrypted)" in str(refused.value)
    allowed = {**INPUTS, "newWallet": True}
    assert preflight(engine).diff(state, INPUTS, allowed) == Change(updates=("newWallet", "wallet"))
    assert preflight(engine).planned(allowed, state)["newWallet"] is True
    assert WALLET not in engine.volumes


@pytest.mark.case(19)
def test_an_update_never_recreates_a_lost_wallet_unless_new_wallet_is_set(engine: WalletEngine) -> None:
    state = remembered(engine, mine=wallet("A"))
    remove(engine)
    upgrade = {**INPUTS, "image": "registry/skycoin@sha256:2"}
    with pytest.raises(ProviderError, match="is gone") as refused:
        preflight(engine).update("attic", state, upgrade)
    assert "If you accept that the wallet is lost, set `new-wallet: true` on" in str(refused.value)
    assert WALLET not in engine.volumes
    again = preflight(engine).update("attic", state, {**upgrade, "newWallet": True})
    assert (again["wallets"], WALLET in engine.volumes) == ([], True)
    assert again["walletId"] != state["walletId"]


@pytest.mark.case(19)
def test_new_wallet_that_stays_in_the_file_accepts_no_later_loss(engine: WalletEngine) -> None:
    """The docs said that it does."""
    stays = {**INPUTS, "newWallet": True}
    state = {**remembered(engine, mine=wallet("A")), "newWallet": True}
    remove(engine)
    with pytest.raises(ProviderError, match="is gone"):
        preflight(engine).update("attic", state, {**stays, "image": "registry/skycoin@sha256:2"})
    with pytest.raises(ProviderError, match="is gone"):
        preflight(engine).planned(stays, refreshed(engine, state))
    with pytest.raises(ProviderError, match="'other', which does not exist"):
        preflight(engine).update("attic", state, {**stays, "wallet": "other"})
    assert not {WALLET, "other"} & {*engine.volumes}
    assert preflight(engine).create(stays)[1]["wallets"] == [], "a state that was lost does not know it"


def test_a_wallet_that_has_grown_is_copied_by_an_up_that_changes_nothing_else(engine: WalletEngine) -> None:
    """Before, a key that was imported between two backups was in the wallet volume alone."""
    _, state = preflight(engine).create(INPUTS)
    assert (preflight(engine).diff(refreshed(engine, state), INPUTS, INPUTS), copies(engine)) == (
        Change(),
        [],
    )
    wanted: list[dict[str, str]] = []
    for wallets in ({"mine": wallet("A")}, {"mine": wallet("A", "B"), "other": wallet("C")}):
        engine.put(WALLET, **wallets)
        state = refreshed(engine, state)
        assert (preflight(engine).diff(state, INPUTS, INPUTS), copies(engine)) == (UNCOPIED, wanted)
        state = preflight(engine).update("attic", state, INPUTS)
        wanted.append(wallets)
        assert copies(engine) == wanted
        usual = len(engine.asked)
        assert refreshed(engine, state) == state
        assert len(engine.asked) == usual + 1, "the new copy is not read as a change of the host's record"
        assert preflight(engine).diff(state, INPUTS, INPUTS) == Change()


def test_a_key_that_an_encryption_hides_and_the_encryption_itself_are_copied(engine: WalletEngine) -> None:
    """The digest for people says the same of both; the wallets differ."""
    key = {"secret_key": "ab" * 32}
    plain, sealed = (
        json.loads(wallet("A", kind="collection", **more)) for more in ({}, {"secrets": "c2VjcmV0"})
    )
    plain["entries"][0] |= key
    state = remembered(engine, mine=json.dumps(plain))
    engine.put(WALLET, mine=json.dumps(sealed))
    state = refreshed(engine, state)
    assert preflight(engine).diff(state, INPUTS, INPUTS) == UNCOPIED
    preflight(engine).update("attic", state, INPUTS)
    assert [json.loads(copy["mine"]) for copy in copies(engine)] == [plain, sealed]


def test_a_wallet_of_a_state_that_names_no_copy_is_copied_once(engine: WalletEngine) -> None:
    """Versions before 0.3.0 recorded a grown wallet, and did not copy it."""
    state = remembered(engine, mine=wallet("A"))
    del state["walletsCopied"]
    assert preflight(engine).diff(state, INPUTS, INPUTS) == UNCOPIED
    state = preflight(engine).update("attic", state, INPUTS)
    assert (preflight(engine).diff(state, INPUTS, INPUTS), len(copies(engine))) == (Change(), 1)


def test_a_grown_wallet_that_can_not_be_copied_is_an_error_and_is_copied_later(engine: WalletEngine) -> None:
    state = remembered(engine, mine=wallet("A"))
    engine.put(WALLET, mine=wallet("A", "B"))
    state = refreshed(engine, state)
    later = engine.folder(COPIES) / "2999-01-01T00-00-00Z"
    later.mkdir()
    with pytest.raises(NotCopiedError, match="the newest copy is of 2999-01-01T00-00-00Z: set the clock"):
        preflight(engine).update("attic", state, INPUTS)
    later.rmdir()
    assert preflight(engine).diff(state, INPUTS, INPUTS) == UNCOPIED
    preflight(engine).update("attic", state, INPUTS)
    assert copies(engine)[-1] == {"mine": wallet("A", "B")}


def empty_by_hand(engine: WalletEngine) -> None:
    """Remove what `rm -r /copies/*` removes, which leaves the host's record."""
    for path in engine.folder(COPIES).glob("[!.]*"):
        shutil.rmtree(path)


@pytest.mark.case(35)
@pytest.mark.parametrize("is_refreshed", [True, False])
@pytest.mark.parametrize(
    "lose", [lambda engine: remove(engine, COPIES), empty_by_hand], ids=["gone", "emptied"]
)
def test_copies_that_are_gone_are_made_again_by_the_next_update(
    engine: WalletEngine, lose: Callable[[WalletEngine], None], *, is_refreshed: bool
) -> None:
    """Before, an update without a refresh wrote the record alone, so that no later `up` missed the copies."""
    state = remembered(engine, mine=wallet("A"))
    lose(engine)
    assert COPIES not in engine.volumes or copies(engine) == []
    if is_refreshed:
        state = refreshed(engine, state)
        assert len(preflight(engine).diff(state, INPUTS, INPUTS).updates) == 1
    state = preflight(engine).update("attic", state, {**INPUTS, "memory": 1024})
    assert copies(engine) == [{"mine": wallet("A")}]
    assert preflight(engine).diff(refreshed(engine, state), INPUTS, INPUTS) == Change()


@pytest.mark.case(35)
def test_a_wallet_that_its_node_could_not_read_is_copied_again_if_its_copies_are_gone(
    engine: WalletEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such a refresh does not say that the host's record is gone, too."""
    state = remembered(engine, mine=wallet("A"))
    remove(engine, COPIES)
    engine.foreign = {WALLET: OWN_FOLDER}
    with monkeypatch.context() as patch:
        patch.setattr("clients.wallet_on_host.SCRIPT", SCRIPT.replace("[ -w . ]", "false"))
        state = refreshed(engine, state)
    assert "walletKeptOut" in state
    preflight(engine).update("attic", state, INPUTS)
    assert copies(engine) == [{"mine": wallet("A")}]


@pytest.mark.case(35)
def test_a_copy_that_is_removed_by_hand_is_not_made_again_while_another_is_there(
    engine: WalletEngine,
) -> None:
    """docs/wallets.md says how to remove one in which a seed is readable."""
    state = remembered(engine, mine=wallet("A"))
    (engine.folder(COPIES) / "2026-01-01T00-00-00Z").mkdir()
    state = refreshed(engine, state)
    (engine.folder(COPIES) / "2026-01-01T00-00-00Z").rmdir()
    assert preflight(engine).diff(refreshed(engine, state), INPUTS, INPUTS) == Change()


def test_an_empty_wallet_that_was_accepted_by_its_fingerprint_is_not_refused_for_its_copies(
    engine: WalletEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new container still is, until `new-wallet: true` marks the copies as those of another wallet."""
    state = remembered(engine, mine=wallet("A"))
    empty_but_id(engine)
    monkeypatch.setenv("SKYCOIN_ACCEPT_WALLET", digest({}))
    state = preflight(engine).update("attic", state, {**INPUTS, "memory": 1024})
    assert (state["wallets"], state["walletsCopied"]) == ([], [])
    assert copies(engine) == [{"mine": wallet("A")}]
    engine.put(WALLET, mine=wallet("A"))
    assert preflight(engine).diff(refreshed(engine, state), INPUTS, INPUTS).updates == ("walletsCopied",)


def test_an_empty_wallet_that_is_newly_accepted_is_marked_among_its_copies_by_the_preflight(
    engine: WalletEngine,
) -> None:
    """No other step marks it while the node's container stays as it is."""
    state = remembered(engine, mine=wallet("A"))
    empty_but_id(engine)
    state = preflight(engine).update("attic", state, {**INPUTS, "newWallet": True})
    assert sorted(path.name[20:] for path in engine.folder(COPIES).glob("2*")) == ["", "-new-wallet"]
    assert state["walletsCopied"] == []


def test_without_a_time_of_the_last_change_a_wallet_is_compared_with_its_copy_by_each_update(
    engine: WalletEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(WalletOnHost, "copies_changed", lambda _: "")
    state = remembered(engine, mine=wallet("A"))
    state = preflight(engine).update("attic", state, {**INPUTS, "memory": 1024})
    assert copies(engine) == [{"mine": wallet("A")}]
    remove(engine, COPIES)
    preflight(engine).update("attic", state, {**INPUTS, "memory": 512})
    assert copies(engine) == [{"mine": wallet("A")}]


def test_a_wallet_that_never_had_a_file_has_no_copy(engine: WalletEngine) -> None:
    _, state = preflight(engine).create(INPUTS)
    (engine.folder(COPIES) / "note").touch()
    state = refreshed(engine, state)
    assert preflight(engine).diff(state, INPUTS, INPUTS) == Change()
    preflight(engine).update("attic", state, {**INPUTS, "memory": 1024})
    assert copies(engine) == []


@pytest.mark.case(35)
@pytest.mark.parametrize(
    ("wallets", "expected"),
    [
        ({}, "holds no wallet. It held 2 wallets with 3 addresses"),
        ({"mine": wallet("A", "B")}, "has changed: other.wlt (1 address) is gone"),
        ({"mine": wallet("A"), "other": wallet("C")}, "mine.wlt has 1 of 2 addresses (deterministic)"),
        ({"mine": wallet("A", "X"), "other": wallet("C")}, "mine.wlt has other addresses than before"),
        ({"mine": wallet("X", "A", "B"), "other": wallet("C")}, "mine.wlt has other addresses than before"),
        (
            {"mine": wallet("A", "B", seed=""), "other": wallet("C")},
            "mine.wlt has lost its seed or secret keys",
        ),
        ({"mine": wallet("A", "B")[:-9], "other": wallet("C")}, "mine.wlt is empty, truncated or unreadable"),
        ({"mine": "", "other": wallet("C")}, "mine.wlt is empty, truncated or unreadable"),
    ],
)
def test_a_reduced_wallet_is_noticed_by_a_refresh_and_refused(
    engine: WalletEngine, wallets: dict[str, str], expected: str
) -> None:
    """Before, only the volume's name was compared."""
    state = remembered(engine, mine=wallet("A", "B"), other=wallet("C"))
    for path in engine.folder(WALLET).glob("*.wlt"):
        path.unlink()
    engine.put(WALLET, **wallets)
    state = refreshed(engine, state)
    with pytest.raises(ProviderError, match=re.escape(expected)) as refused:
        preflight(engine).planned(INPUTS, state)
    assert "./skyinfra wallet restore one FILE -s fleet" in str(refused.value)
    with pytest.raises(ProviderError, match=re.escape(expected)):
        preflight(engine).update("attic", state, {**INPUTS, "image": "registry/skycoin@sha256:2"})
    covered = {**INPUTS, "newWallet": True}
    if wallets:  # The setting applies only to an empty volume.
        with pytest.raises(ProviderError, match=re.escape(expected)):
            preflight(engine).planned(covered, state)
        with pytest.raises(ProviderError, match=re.escape(expected)):
            preflight(engine).update("attic", state, covered)
    else:
        assert preflight(engine).update("attic", state, covered)["wallets"] == []


@pytest.mark.case(4)
@pytest.mark.parametrize(
    ("main", "said"),
    [
        (wallet("A", "B")[:-9], "the file is incomplete"),
        ("", "the file is incomplete"),
        (None, "the file is missing"),
        (wallet("A"), "the file has 1 address"),
    ],
)
@pytest.mark.parametrize("is_remembered", [True, False])
def test_a_save_that_did_not_end_is_refused_with_the_command_that_takes_its_temporary_copy(
    engine: WalletEngine,
    main: str | None,
    said: str,
    is_remembered: bool,
) -> None:
    new = wallet("A", "B")
    copy = f"mine.wlt.tmp.{hashlib.sha256(new.encode()).hexdigest()[:8]}"
    state = remembered(engine, **({"mine": wallet("A")} if is_remembered else {}))
    empty_but_id(engine)
    if main is not None:
        engine.put(WALLET, mine=main)
    (engine.folder(WALLET) / copy).write_text(new)
    state = refreshed(engine, state)
    told = (
        f"a save of mine.wlt was interrupted: {said}, and the temporary copy {copy} next to it is complete, "
        "with 2 addresses"
    )
    for settings in (INPUTS, {**INPUTS, "newWallet": True}):
        with pytest.raises(ProviderError, match=re.escape(told)) as refused:
            preflight(engine).planned(settings, state)
        assert f"`./skyinfra wallet restore one --temporary {copy} -s fleet`" in str(refused.value)
    engine.put(WALLET, mine=new)
    assert refreshed(engine, state)["walletFault"] == "", "the copy that is left says nothing any more"


def test_a_torn_wallet_that_was_never_recorded_is_refused_too(engine: WalletEngine) -> None:
    """Before, a wallet whose first save was truncated passed, and the node did not start."""
    state = remembered(engine, other=wallet("C"))
    engine.put(WALLET, mine=wallet("A")[:-9])
    said = refreshed(engine, state)["walletFault"]
    assert "has changed: mine.wlt is empty, truncated or unreadable" in said
    assert "wallet accept" not in said, "it accepts none that is torn"


def empty_but_id(engine: WalletEngine) -> None:
    for path in engine.folder(WALLET).glob("*.wlt*"):
        path.unlink()


def test_a_wallet_that_grew_or_was_encrypted_or_renamed_has_no_fault(engine: WalletEngine) -> None:
    state = remembered(engine, mine=wallet("A", "B"), other=wallet("C"))
    engine.put(WALLET, mine=wallet("A", "B", "D", seed="", secrets="c2VjcmV0"), third=wallet("E"))
    (engine.folder(WALLET) / "other.wlt").rename(engine.folder(WALLET) / "renamed.wlt")
    state = refreshed(engine, state)
    assert preflight(engine).diff(state, INPUTS, INPUTS) == UNCOPIED
    assert sorted(from_lines(state["wallets"])) == ["mine.wlt", "renamed.wlt", "third.wlt"]
    engine.put(WALLET, mine=wallet("A", "B"))
    assert "mine.wlt has 2 of 3 addresses" in refreshed(engine, state)["walletFault"], (
        "it is older than it was"
    )


@pytest.mark.case(35)
def test_a_volume_created_again_and_an_exchanged_one_are_other_volumes_with_the_same_wallets_too(
    engine: WalletEngine,
) -> None:
    state = remembered(engine)
    (engine.folder(WALLET) / ".skyinfra-id").write_text("another\n")
    engine.put(WALLET, mine=wallet("A"))
    assert "does not have the recorded id" in refreshed(engine, state)["walletFault"]
    empty(engine)
    assert "does not have the recorded id" in refreshed(engine, state)["walletFault"]


@pytest.mark.case(35)
def test_the_printed_command_accepts_its_fingerprint(
    engine: WalletEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = remembered(engine, mine=wallet("A", "B"))
    engine.put(WALLET, mine=wallet("X"))
    said = refreshed(engine, state)["walletFault"]
    [accepted] = re.findall(r"`\./skyinfra wallet accept one ([0-9a-f]{16}) -s fleet`", said)
    monkeypatch.setenv("SKYCOIN_ACCEPT_WALLET", "0123456789abcdef")
    assert refreshed(engine, state)["walletFault"] == said
    monkeypatch.setenv("SKYCOIN_ACCEPT_WALLET", accepted)
    found = preflight(engine).read("attic", INPUTS, state)
    assert found is not None
    monkeypatch.delenv("SKYCOIN_ACCEPT_WALLET")
    assert digest(from_lines(found.state["wallets"])) == accepted
    assert refreshed(engine, found.state)["walletFault"] == ""
    assert preflight(engine).diff(found.state, INPUTS, INPUTS) == UNCOPIED
    assert copies(engine) == [{"mine": wallet("A", "B")}], "a refresh copies nothing"


@pytest.mark.case(35)
def test_without_its_state_a_reduced_wallet_is_refused_by_the_hosts_record(
    engine: WalletEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = remembered(engine, mine=wallet("A", "B"))
    assert preflight(engine).create(INPUTS)[1]["wallets"] == before["wallets"]
    engine.put(WALLET, mine=wallet("A"))
    with pytest.raises(ProviderError, match=r"mine\.wlt has 1 of 2 addresses") as refused:
        preflight(engine).create(INPUTS)
    [accepted] = re.findall("SKYCOIN_ACCEPT_WALLET=([0-9a-f]{16})", str(refused.value))
    commands = re.findall("`(./skyinfra [^`]+)`", str(refused.value))
    assert commands == [
        "./skyinfra wallet restore one --copy TIME -s fleet",
        "./skyinfra wallet copies one -s fleet",
        "./skyinfra wallet restore one FILE -s fleet",
    ], "before, only the last: the copies on the host were not named"
    advised = ["new-wallet: true", "pulumi up", *commands, "--identity KEY-FILE"]
    empty(engine)
    with pytest.raises(ProviderError, match="holds no wallet") as refused:
        preflight(engine).create(INPUTS)
    assert re.findall("`([^`]+)`", str(refused.value)) == advised
    remove(engine)
    with pytest.raises(ProviderError, match="is gone") as refused:
        preflight(engine).create(INPUTS)
    assert re.findall("`([^`]+)`", str(refused.value)) == advised
    assert WALLET not in engine.volumes
    engine.put(WALLET, mine=wallet("A"))
    monkeypatch.setenv("SKYCOIN_ACCEPT_WALLET", accepted)
    assert preflight(engine).create(INPUTS)[1]["walletId"] != before["walletId"]


def test_without_its_state_a_damaged_wallet_is_first_moved_away(
    engine: WalletEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before, the message named a fingerprint to accept, and a damaged wallet is never accepted."""
    monkeypatch.setattr("time.sleep", lambda _: None)
    remembered(engine, mine=wallet("A", "B"))
    engine.put(WALLET, mine="", other=wallet("C"))
    with pytest.raises(ProviderError, match=r"mine\.wlt is empty, truncated") as refused:
        preflight(engine).create(INPUTS)
    assert str(refused.value).endswith("First move mine.wlt out of the volume, and run `pulumi up` again.")


def test_a_node_that_runs_is_asked_itself_and_only_hashes_leave_it(engine: WalletEngine) -> None:
    state = remembered(engine, mine=wallet("A", "B"))
    engine.run_node(WALLET)
    made = len(engine.asked)
    engine.put(WALLET, mine=wallet("A", "B", "C"))
    assert from_lines(refreshed(engine, state)["wallets"])["mine.wlt"]["deterministic"].count == 3
    assert len(engine.asked) == made, "no container is made for it"
    assert len(engine.executed) == 1
    assert "canary" not in str(state)


@pytest.mark.parametrize("lost", [1, 4, 20, 60, 10_000])
def test_an_answer_that_an_engine_has_cut_off_is_not_a_loss(engine: WalletEngine, lost: int) -> None:
    """Before, output of `docker exec` that a busy engine lost made an intact wallet look changed."""
    state = remembered(engine, mine=wallet("A", "B"))
    engine.run_node(WALLET)
    engine.lost = lost
    assert refreshed(engine, state) == state


@pytest.mark.case(36)
@pytest.mark.parametrize(
    ("more", "policy", "is_refused"),
    [
        ({}, "no", True),
        ({"State": "restarting"}, "no", True),
        ({"State": "exited"}, "unless-stopped", True),
        ({"State": "exited"}, "on-failure", True),
        ({"State": "exited"}, "no", False),
        ({"State": "exited", "Labels": {"skycoin.node": "urn:of:another"}}, "no", True),
        ({"Mounts": [{"Name": WALLET, "Destination": "/w", "RW": False}]}, "no", False),
        ({"Names": ["/skycoin-one-previous"]}, "no", False),
        ({"Names": ["/skycoin-one"]}, "no", False),
    ],
)
def test_a_second_user_of_a_wallet_is_refused_whatever_its_stack_calls_the_host(
    engine: WalletEngine, more: Values, policy: str, is_refused: bool
) -> None:
    """Before, volumes were compared only within a stack, and hosts only by the spelling of their address."""
    state = remembered(engine, mine=wallet("A"))
    engine.run_node(WALLET, "stranger", **more)
    engine.policies["stranger"] = policy
    seen = refreshed(engine, state)
    assert seen["walletFault"] == ""
    kept_out = seen.get("walletKeptOut", "")
    if not is_refused:
        assert kept_out == ""
        assert preflight(engine).create(INPUTS)
        return
    assert "'skycoin-one-wallet' is in use by the container stranger" in kept_out
    for act in (
        lambda: preflight(engine).create(INPUTS),
        lambda: preflight(engine).update("x", state, INPUTS),
    ):
        with pytest.raises(ProviderError, match="a wallet has one writer"):
            act()


@pytest.mark.case(36)
@pytest.mark.parametrize(
    ("place", "writes", "is_refused"),
    [
        ("", True, True),
        ("/sub", True, True),
        ("", False, False),
        ("-backups", True, False),
        ("/..", True, False),
    ],
)
def test_a_container_on_the_folder_of_the_volume_is_a_second_user_too(
    engine: WalletEngine, place: str, writes: bool, is_refused: bool
) -> None:
    """For the engine that is a bind mount, which has no volume. A mount of a folder above is a monitor's."""
    state = remembered(engine, mine=wallet("A"))
    folder = os.path.normpath(f"{engine.folder(WALLET)}{place}")
    mount = {"Type": "bind", "Source": folder, "Destination": "/wallet", "RW": writes}
    engine.run_node(WALLET, "stranger", Mounts=[mount])
    kept_out = refreshed(engine, state).get("walletKeptOut", "")
    assert ("is in use by the container stranger" in kept_out) == is_refused


@pytest.mark.case(36)
@pytest.mark.parametrize("state", ["running", "exited"])
def test_a_node_with_another_nodes_name_by_mistake_does_not_get_its_wallet(
    engine: WalletEngine, state: str
) -> None:
    """Before, the stack recorded that wallet as the node's, and a move of the node carried it away."""
    engine.put(WALLET, mine=wallet("A"))
    own = {**INPUTS, "container": "skycoin-two", "wallet": "skycoin-two-wallet"}
    _, known = preflight(engine).create(own)
    engine.run_node(WALLET, NODE, Labels={NODE_LABEL: "urn of another"}, State=state)
    for act in (
        lambda: preflight(engine).create(INPUTS),
        lambda: preflight(engine).update("x", known, INPUTS),
    ):
        with pytest.raises(ProviderError, match=f"in use by the container {NODE}: a wallet has one writer"):
            act()


@pytest.mark.case(38)
def test_no_node_is_handed_over_while_a_restore_writes_or_after_it_was_killed(engine: WalletEngine) -> None:
    """Before, a node was started on a wallet that was half restored, or its loss was to be accepted."""
    state = remembered(engine, mine=wallet("A"))
    engine.put(WALLET, mine=wallet())
    engine.run_node(WALLET, "helper", State="created", Labels={WALLET_HELPER: WALLET})
    assert "`./skyinfra wallet restore` is writing to it" in refreshed(engine, state)["walletKeptOut"]
    with pytest.raises(ProviderError, match=r"wait for its end\. If that command was killed, run it again"):
        preflight(engine).update("x", state, INPUTS)


@pytest.mark.case(21, 36)
def test_a_nodes_own_container_keeps_its_wallet_when_its_stack_gets_another_name(
    engine: WalletEngine,
) -> None:
    """Its label still has the URN of the stack's former name."""
    state = remembered(engine, mine=wallet("A"))
    engine.run_node(WALLET, NODE, Labels={NODE_LABEL: "urn of before"})
    assert refreshed(engine, state) == state
    assert preflight(engine).update("x", state, {**INPUTS, "container": "skycoin-uno"})


@pytest.mark.case(36)
def test_a_preview_of_a_host_without_a_shell_shows_that_its_wallet_is_in_use(engine: WalletEngine) -> None:
    """Its ssh key reaches Docker only, so that its other checks are unknown."""

    def no_shell(*_: object) -> HostFacts:
        raise HostError(Obstacle.NO_SHELL, "command refused")

    state = remembered(engine, mine=wallet("A"))
    engine.run_node(WALLET, "stranger")
    check = Preflight(HostFindings(lambda _: None, no_shell), lambda _: engine)
    with pytest.raises(ProviderError, match="is in use by the container stranger"):
        check.planned(INPUTS, refreshed(engine, state))


@pytest.mark.case(36)
@pytest.mark.parametrize("is_deployed", [True, False])
def test_a_node_on_another_nodes_wallet_is_told_its_own_and_not_to_remove_the_other(
    engine: WalletEngine, is_deployed: bool
) -> None:
    """Before, two nodes with exchanged `wallet-volume`s were each told to remove the other's container."""
    state = remembered(engine, mine=wallet("A"))
    engine.put("other-wallet", mine=wallet("B"))
    engine.run_node("other-wallet", "skycoin-two", Labels={NODE_LABEL: "urn of two"})
    line = "another `wallet-volume`"
    if is_deployed:
        engine.run_node(WALLET)
        line = f"`wallet-volume: {WALLET}`"
    with pytest.raises(ProviderError, match="in use by the container skycoin-two") as refused:
        preflight(engine).update("x", state, {**INPUTS, "wallet": "other-wallet"})
    assert f"don't remove it. Give each node its own volume; this one needs {line}" in str(refused.value)
    assert "docker" not in str(refused.value)


@pytest.mark.case(36)
def test_a_node_can_change_from_a_wallet_in_use_elsewhere_to_its_own_wallet(engine: WalletEngine) -> None:
    """Before, a refreshed `up` refused, whatever wallet the stack's file named, because of the old one."""
    state = remembered(engine, mine=wallet("A"))
    engine.run_node(WALLET, "stranger")
    state = refreshed(engine, state)
    check = preflight(engine)
    assert check.diff(state, INPUTS, INPUTS).updates == ("wallet",)
    for act in (check.planned, lambda news, olds: check.update("x", olds, news)):
        with pytest.raises(ProviderError, match="is in use by the container stranger"):
            act(INPUTS, state)
    wanted = {**INPUTS, "wallet": "my-wallet"}
    new = {**wanted, "newWallet": True}
    assert check.planned(new, state)["wallet"] == "my-wallet", "up creates it"
    engine.put("my-wallet", mine=wallet("B"))
    assert check.diff(state, INPUTS, wanted).updates == ("wallet",)
    assert check.planned(wanted, state)["wallet"] == "my-wallet"
    assert check.update("x", state, wanted)["wallets"] == check.create(wanted)[1]["wallets"]


def test_a_wallet_that_can_not_be_written_is_explained(engine: WalletEngine) -> None:
    """The message names the user that the node runs as."""
    engine.create_volume(WALLET)
    (engine.folder(WALLET) / ".skyinfra-id.new").mkdir()
    with pytest.raises(
        ServiceError, match=r"can't be written by the node's user 10000:10000: .*skyinfra-id\.new"
    ):
        preflight(engine).create(INPUTS)


FOREIGN = b"unreadable -rw------- 0 0 /volume/mine.wlt\nend"
CLOSED = b"unreadable ---------- 10000 10000 /volume/mine.wlt\nend"
OWN_FOLDER = b"unwritable drwxr-xr-x 0 0 /volume\nend"


@pytest.mark.case(30)
@pytest.mark.parametrize(
    ("files", "owner", "command"),
    [(FOREIGN, "0:0", "chown -h 10000:10000 '{}' +"), (CLOSED, "10000:10000", "chmod u+rwX '{}' ';'")],
)
def test_a_wallet_that_the_node_may_not_read_is_not_called_lost(
    engine: WalletEngine, files: bytes, owner: str, command: str
) -> None:
    """Before, a wallet that root had copied there was refused as damaged, to be restored from a backup."""
    state = remembered(engine, mine=wallet("A"))
    engine.put(WALLET, mine="")
    engine.foreign = {WALLET: files}
    noted = refreshed(engine, state)
    assert noted["walletFault"] == "", "a fault ends the refresh in which another user may come"
    said = noted["walletKeptOut"]
    assert said.endswith(f"-exec {command}`.")
    assert "mine.wlt" in said
    assert f"of {owner}" in said
    assert "restore" not in said
    engine.put(WALLET, mine=wallet("A"))
    assert refreshed(engine, noted) == state


@pytest.mark.case(30)
@pytest.mark.parametrize("name", ["other.wlt", "unwritable.wlt"])
def test_a_torn_wallet_next_to_a_file_of_another_user_is_reported_as_torn(
    engine: WalletEngine, name: str
) -> None:
    state = remembered(engine, unwritable=wallet("A"))
    engine.put(WALLET, unwritable="")
    reason = name.removesuffix(".wlt") if name == "unwritable.wlt" else "unreadable"
    listed = FOREIGN.replace(b"mine.wlt", name.encode()).replace(b"unreadable", reason.encode())
    engine.foreign = {WALLET: listed}
    assert "Restore a backup" in refreshed(engine, state)["walletFault"]


@pytest.mark.case(30)
@pytest.mark.parametrize("volume", [WALLET, COPIES])
def test_a_wallet_that_can_not_be_written_names_the_file_of_another_user(
    engine: WalletEngine, volume: str
) -> None:
    """The shell's error stays in the message: before, any foreign file hid a full disk."""
    engine.create_volume(WALLET)
    (engine.folder(WALLET) / ".skyinfra-id.new").mkdir()
    engine.foreign = {volume: OWN_FOLDER}
    told = r"10000: .*skyinfra-id\.new.*\. The node's .* the volume's own folder \(drwxr-xr-x\) of 0:0"
    with pytest.raises(ServiceError, match=told):
        preflight(engine).create(INPUTS)


@pytest.mark.case(38)
@pytest.mark.parametrize("record", ["record", "record_as_copy"])
def test_a_record_of_the_wallet_on_a_full_disk_says_so_and_leaves_nothing(
    engine: WalletEngine, record: str
) -> None:
    """Before, the shell in the node's image said nothing, and half a record stayed."""
    engine.put(WALLET, mine=wallet("A"))
    wallets = WalletOnHost(engine, INPUTS)
    wallets.record(NOTHING)
    before = (engine.folder(COPIES) / ".identity").read_text()
    (engine.folder(COPIES) / ".identity.new").symlink_to("/dev/full")
    told = r": [^:]*write error: No space left on device\. Free space on that host's disk, and try again$"
    with pytest.raises(ServiceError, match=told):
        getattr(wallets, record)(wallets.read_wallets(NOTHING).wallets)
    assert [path.name for path in engine.folder(COPIES).iterdir()] == [".identity"]
    assert (engine.folder(COPIES) / ".identity").read_text() == before


@pytest.mark.case(30)
def test_a_folder_that_the_node_may_only_read_is_refused_by_a_preview_and_by_up(
    engine: WalletEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before, only the new node noticed, and then neither it nor the old one started."""
    state = remembered(engine, mine=wallet("A"))
    monkeypatch.setattr("clients.wallet_on_host.SCRIPT", SCRIPT.replace("[ -w . ]", "false"))
    engine.foreign = {WALLET: OWN_FOLDER}
    told = (
        r"skycoin-one-wallet can't be read and written: the wallet's folder can't be written to\. "
        r"The node's user 10000:10000 can't use the volume's own folder \(drwxr-xr-x\) of 0:0\. "
    )
    seen = refreshed(engine, state)
    assert preflight(engine).diff(seen, INPUTS, INPUTS).updates == ("wallet",)
    with pytest.raises(ProviderError, match=told + ".* The node was not changed"):
        preflight(engine).planned(INPUTS, seen)
    for act in (
        lambda: preflight(engine).create(INPUTS),
        lambda: preflight(engine).update("x", state, INPUTS),
    ):
        with pytest.raises(ServiceError, match=told):
            act()


@pytest.mark.case(30)
@pytest.mark.parametrize("listed", [b"", b"Killed"], ids=["nothing", "cut off"])
def test_a_failed_search_for_owners_does_not_hide_a_damaged_wallet(
    engine: WalletEngine, listed: bytes
) -> None:
    state = remembered(engine, mine=wallet("A"))
    engine.put(WALLET, mine="")
    engine.foreign = {WALLET: listed}
    assert "mine.wlt is empty, truncated or unreadable" in refreshed(engine, state)["walletFault"]


@pytest.mark.case(30)
def test_a_search_for_owners_pulls_no_image(engine: WalletEngine) -> None:
    engine.pulled = [{"status": "Pulled"}]
    engine.foreign = {WALLET: FOREIGN}
    assert WalletOnHost(engine, INPUTS).kept_out(WALLET) == ""
    assert engine.asked == []


@pytest.mark.case(30)
def test_a_readable_file_of_another_user_does_not_prevent_reading(engine: WalletEngine) -> None:
    readable = b"unwritable -rw-r--r-- 0 0 /volume/other.wlt\n"
    engine.foreign = {WALLET: readable + FOREIGN}
    on_host = WalletOnHost(engine, INPUTS)
    assert "'other.wlt'" not in on_host.kept_out(WALLET)
    assert "'mine.wlt'" in on_host.kept_out(WALLET)
    assert "use 'other.wlt'" in on_host.kept_out(WALLET, is_to_write=True)


@pytest.mark.case(30)
def test_a_record_and_a_wallet_that_can_not_be_entered_are_errors_and_not_empty(
    engine: WalletEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before, a folder that only its owner could enter passed for an empty one."""
    state = remembered(engine, mine=wallet("A"))
    monkeypatch.setattr(WalletEngine, "create_volume", lambda *_: None)
    for volume in (COPIES, WALLET):
        folder = engine.folder(volume)
        folder.rename(folder.with_name("aside"))
        folder.write_text("no folder, which root can't enter either")
        with pytest.raises(ServiceError, match=f"{volume} can't be read.*: .*cd"):
            preflight(engine).update("", state, INPUTS)
        folder.unlink()
        folder.with_name("aside").rename(folder)
    assert refreshed(engine, state)["walletFault"] == ""


def test_a_missing_image_leaves_the_record_unchanged(engine: WalletEngine) -> None:
    """A refresh pulls nothing: the registry may be gone too."""
    state = remembered(engine, mine=wallet("A"))
    engine.pulled = [{"error": "no such registry"}]
    assert refreshed(engine, state) == state


@pytest.mark.case(35)
def test_a_record_that_is_gone_from_its_host_is_written_again_after_a_comparison(
    engine: WalletEngine,
) -> None:
    """Before, without the record, a plain `pulumi up` replaced the node's container without a comparison."""
    state = remembered(engine, mine=wallet("A", "B"))
    assert refreshed(engine, state) == state
    remove(engine, COPIES)
    usual = len(engine.asked)
    seen = refreshed(engine, state)
    assert seen == {**state, "walletUnrecorded": True}
    assert len(engine.asked) == usual + 1, "the wallet is read once, as by any refresh"
    assert preflight(engine).diff(seen, INPUTS, INPUTS) == Change(updates=("wallet",))
    empty_but_id(engine)
    with pytest.raises(ProviderError, match="holds no wallet"):
        preflight(engine).update("attic", seen, INPUTS)
    assert COPIES not in engine.volumes
    engine.put(WALLET, mine=wallet("A", "B", "C"))
    mended = preflight(engine).update("attic", seen, INPUTS)
    assert "walletUnrecorded" not in mended
    identity, wallets = WalletOnHost(engine, INPUTS).recorded()
    assert (identity, sorted(lines(wallets))) == (mended["walletId"], mended["wallets"])
    assert copies(engine) == [{"mine": wallet("A", "B", "C")}]
    assert preflight(engine).diff(refreshed(engine, mended), INPUTS, INPUTS) == Change()


def test_a_record_that_is_gone_is_noticed_also_without_the_image(engine: WalletEngine) -> None:
    state = remembered(engine, mine=wallet("A"))
    engine.pulled = [{"error": "no such registry"}]
    remove(engine, COPIES)
    assert refreshed(engine, state) == {**state, "walletUnrecorded": True}


def test_a_state_of_version_0_1_0_records_the_wallets_of_the_first_refresh(engine: WalletEngine) -> None:
    engine.put(WALLET, mine=wallet("A"))
    state = refreshed(engine, {**INPUTS, "walletPresent": True})
    assert (list(from_lines(state["wallets"])), state["walletId"], state["walletFault"]) == (
        ["mine.wlt"],
        "",
        "",
    )
    assert preflight(engine).update("attic", state, INPUTS)["walletId"]


def test_a_node_does_not_move_to_another_engine_without_its_wallet(engine: WalletEngine) -> None:
    """An empty volume would be created there, while the container stays where it is."""
    moved = {**INPUTS, "host": "shed", "engine": "ssh://pi@shed.lan"}
    for stack, option in (("local", ""), ("fleet", " -s fleet")):
        URN.set(f"urn:pulumi:{stack}::skycoin::skycoin:index:Node$skycoin:index:Preflight::node-1-preflight")
        with pytest.raises(
            ProviderError, match=r"changed from ssh://pi@attic\.lan to ssh://pi@shed\.lan"
        ) as refused:
            preflight(engine).diff({}, INPUTS, moved)
        assert f"`./skyinfra node move node-1 --to shed{option}` moves both; if attic is dead, add" in str(
            refused.value
        )
    with pytest.raises(ProviderError, match=r"this machine's engine.* Give attic its old engine again"):
        preflight(engine).diff({}, INPUTS, {**INPUTS, "engine": None})


def test_dockers_own_socket_is_another_engine_than_this_machines(engine: WalletEngine) -> None:
    """DOCKER_HOST may name a rootless engine, which has the wallet."""
    here = {**INPUTS, "engine": None}
    with pytest.raises(ProviderError, match="changed from this machine's engine to unix:///var/run/docker"):
        preflight(engine).diff({}, here, {**here, "engine": "unix:///var/run/docker.sock"})


WAYS: list[tuple[list[str], list[str]]] = [
    (["-J", "one"], ["-J", "two"]),
    (["-p", "2201"], ["-p", "2202"]),
    ([], ["-o", "ProxyJump two"]),
]


@pytest.mark.parametrize(("before", "after"), WAYS)
def test_another_host_at_the_same_address_behind_other_ssh_options_is_a_move(
    before: list[str], after: list[str], engine: WalletEngine
) -> None:
    """Such as two sites with the same private addresses: the wallet was said to be gone."""
    was = {**INPUTS, "sshOptions": [*before, "-i", "old"]}
    moved = {**was, "host": "shed", "sshOptions": [*after, "-i", "new"]}
    with pytest.raises(ProviderError, match="neither its container nor the wallet volume"):
        preflight(engine).diff({}, was, moved)
    assert preflight(engine).diff({}, was, {**moved, "host": was["host"]}) == Change(updates=("sshOptions",))
    same = {**moved, "sshOptions": [*before, "-i", "new"]}
    assert preflight(engine).diff({}, was, same) == Change(updates=("host", "sshOptions"))


def test_a_pull_that_ends_early_reports_why(engine: WalletEngine) -> None:
    """The engine answers with status 200, and the error is a line of the body."""
    engine.pulled = [{"status": "Pulling"}, {"error": "unexpected EOF"}]
    with pytest.raises(ServiceError, match="host attic can't pull registry/skycoin@sha256:1: unexpected EOF"):
        preflight(engine).create(INPUTS)
    assert not engine.volumes


@pytest.mark.parametrize("address", ["ssh://admin@attic.lan", "ssh://pi@attic.lan:22"])
def test_another_login_on_the_same_host_is_not_a_move(engine: WalletEngine, address: str) -> None:
    """The new login is used to look for the wallet before anything else is done."""
    change = preflight(engine).diff({}, INPUTS, {**INPUTS, "engine": address})
    assert change == Change(updates=("engine",))
    with pytest.raises(ProviderError, match="is gone"):
        preflight(engine).update("attic", INPUTS, {**INPUTS, "engine": address})


def test_a_move_is_refused_even_if_new_wallet_is_set(engine: WalletEngine) -> None:
    """Otherwise, the outputs would name the new host while the container stays on the old one."""
    moved = {**INPUTS, "engine": "ssh://pi@shed.lan", "wallet": "other", "newWallet": True}
    with pytest.raises(ProviderError, match="neither its container nor the wallet volume"):
        preflight(engine).diff({}, INPUTS, moved)


def test_an_update_checks_the_host_before_it_creates_a_volume(engine: WalletEngine) -> None:
    engine.machine = "x86_64"
    with pytest.raises(ProviderError, match="does not run"):
        preflight(engine).update("attic", INPUTS, {**INPUTS, "wallet": "another"})
    assert not engine.volumes


def test_another_wallet_volume_is_adopted_with_its_hosts_record(engine: WalletEngine) -> None:
    state = remembered(engine, mine=wallet("A"))
    engine.put("older", other=wallet("B", "C"))
    news = {**INPUTS, "wallet": "older"}
    assert sorted(from_lines(preflight(engine).update("attic", state, news)["wallets"])) == ["other.wlt"]
    engine.put("older", other=wallet("B"))
    with pytest.raises(ProviderError, match=r"other\.wlt has 1 of 2 addresses"):
        preflight(engine).update("attic", state, news)


def test_equal_inputs_are_not_a_change_and_an_unknown_image_is_one(engine: WalletEngine) -> None:
    assert preflight(engine).diff({}, INPUTS, INPUTS) == Change()
    changed = preflight(engine).diff({}, INPUTS, {**INPUTS, "image": "unknown"})
    assert changed == Change(updates=("image",))


def test_deleting_the_preflight_touches_no_volume(engine: WalletEngine) -> None:
    engine.put(WALLET, mine=wallet("A"))
    preflight(engine).delete("attic", INPUTS)
    assert engine.volumes == {WALLET}
    assert not engine.asked


def test_unknown_inputs_are_refused(engine: WalletEngine) -> None:
    assert preflight(engine).check("x", {}, {**INPUTS, "colour": 1}).failures == [("colour", "no such input")]
