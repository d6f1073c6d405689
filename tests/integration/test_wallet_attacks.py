"""Attacks on the identity of wallet volumes and on their copies: unnoticed losses, and dead ends."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from docker.errors import APIError
from requests.exceptions import ReadTimeout

from clients.errors import ServiceError
from clients.fingerprint import NOTHING, SCRIPT, digest, read, script_arguments
from clients.wallet_on_host import WalletOnHost
from providers.kind import URN, ProviderError, Values
from providers.skycoin.wallet_identity import verify_unchanged
from tests.integration.test_copy_wallet import WALLET as TEXT
from tests.integration.test_copy_wallet import Volumes, volumes
from tests.integration.test_fingerprint import accounts, bip44
from tests.integration.test_preflight import engine, refreshed, remembered
from tests.unit.wallet_engine import COPIES, INPUTS, NODE, WALLET, WalletEngine, preflight, wallet

__all__ = ["engine", "volumes"]


def upgrade(engine: WalletEngine, state: Values, **more: object) -> Values:
    return preflight(engine).update("x", state, {**INPUTS, "image": "registry/skycoin@sha256:2", **more})


def container_made(engine: WalletEngine) -> None:
    """Check the wallet as NodeContainer does before a replacement."""
    verify_unchanged(WalletOnHost(engine, INPUTS), INPUTS)


def test_a_running_node_can_be_renamed(engine: WalletEngine) -> None:
    state = remembered(engine, mine=wallet("A"))
    old = "urn:pulumi:fleet::skycoin::skycoin:index:Node$skycoin:index:NodeContainer::one-container"
    engine.run_node(WALLET, Labels={"skycoin.node": old})
    assert refreshed(engine, state)["walletFault"] == ""
    URN.set("urn:pulumi:fleet::skycoin::skycoin:index:Node$skycoin:index:Preflight::garage-preflight")
    preflight(engine).update("x", state, {**INPUTS, "container": "skycoin-garage"})


def test_a_first_refresh_after_version_0_1_0_works_while_the_node_runs(engine: WalletEngine) -> None:
    """In version 0.1.0, the preflight had no input `container`, and the container no label."""
    engine.put(WALLET, mine=wallet("A"))
    old = {key: value for key, value in INPUTS.items() if key != "container"}
    engine.run_node(WALLET)
    engine.policies[NODE] = "unless-stopped"
    found = preflight(engine).read("x", old, {**old, "walletPresent": True})
    assert found is not None
    preflight(engine).diff(found.state, old, INPUTS)


def test_a_state_of_an_unreleased_version_without_a_container_input_is_accepted(engine: WalletEngine) -> None:
    """The container has the label; the state is of an unreleased version after 0.1.0."""
    engine.put(WALLET, mine=wallet("A"))
    old = {key: value for key, value in INPUTS.items() if key != "container"}
    urn = "urn:pulumi:fleet::skycoin::skycoin:index:Node$skycoin:index:NodeContainer::one-container"
    engine.run_node(WALLET, Labels={"skycoin.node": urn})
    found = preflight(engine).read("x", old, {**old, "walletPresent": True})
    assert found is not None
    preflight(engine).diff(found.state, old, INPUTS)


def test_a_state_without_a_record_does_not_overrule_the_hosts_record(engine: WalletEngine) -> None:
    """Such a state is an older export (`pulumi stack import`), or of an older version of the program."""
    remembered(engine, mine=wallet("A", "B"), other=wallet("C"))
    (engine.folder(WALLET) / "other.wlt").unlink()
    with pytest.raises(ProviderError, match=r"other\.wlt"):
        upgrade(engine, dict(INPUTS))


def test_a_refresh_of_a_state_without_a_record_does_not_overrule_the_hosts_record(
    engine: WalletEngine,
) -> None:
    remembered(engine, mine=wallet("A", "B"), other=wallet("C"))
    (engine.folder(WALLET) / "other.wlt").unlink()
    state = refreshed(engine, dict(INPUTS))
    with pytest.raises(ProviderError, match=r"other\.wlt"):
        upgrade(engine, state)


def test_a_wallet_rolled_back_with_its_state_is_refused(engine: WalletEngine) -> None:
    old = remembered(engine, mine=wallet("A"))
    engine.put(WALLET, mine=wallet("A", "B", "C"))
    upgrade(engine, old)
    engine.put(WALLET, mine=wallet("A"))
    with pytest.raises(ProviderError, match="1 of 3"):
        upgrade(engine, old)


def test_a_loss_is_refused_although_new_wallet_is_still_true(engine: WalletEngine) -> None:
    inputs = {**INPUTS, "newWallet": True}
    engine.create_volume(WALLET)
    state = preflight(engine).create(inputs)[1]
    engine.put(WALLET, mine=wallet("A", "B"))
    found = preflight(engine).read("x", inputs, state)
    assert found is not None
    state = preflight(engine).update("x", found.state, {**inputs, "image": "registry/skycoin@sha256:2"})
    (engine.folder(WALLET) / "mine.wlt").unlink()
    found = preflight(engine).read("x", inputs, state)
    assert found is not None
    with pytest.raises(ProviderError):
        preflight(engine).planned(inputs, found.state)


def test_a_damaged_wallet_that_was_not_recorded_is_reported(
    engine: WalletEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """docs/wallets.md promises that an empty or cut-off wallet file stops `up`, and is named."""
    monkeypatch.setattr("time.sleep", lambda _: None)
    state = remembered(engine, mine=wallet("A"))
    engine.put(WALLET, fresh="")
    assert "fresh.wlt" in refreshed(engine, state)["walletFault"]


def test_losing_one_of_two_empty_wallets_is_noticed(engine: WalletEngine) -> None:
    state = remembered(engine, one=bip44([], [], seed="first"), two=bip44([], [], seed="second"))
    (engine.folder(WALLET) / "one.wlt").unlink()
    assert "one.wlt" in refreshed(engine, state)["walletFault"]


def test_a_hosts_record_that_can_not_be_read_is_an_error(engine: WalletEngine) -> None:
    remembered(engine, mine=wallet("A", "B"))
    memory = engine.folder(f"{WALLET}-backups") / ".identity"
    memory.unlink()
    memory.mkdir()
    engine.put(WALLET, mine=wallet("A"))
    with pytest.raises((ProviderError, ServiceError)):
        container_made(engine)


def refreshed_free(engine: WalletEngine, state: Values) -> Values:
    found = preflight(engine).read("x", INPUTS, state)
    assert found is not None
    return found.state


def test_a_wallet_is_accepted_although_the_hosts_record_is_newer_than_the_state(
    engine: WalletEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`up` wrote the host's record and was killed before its checkpoint; then an older backup is restored."""
    state = remembered(engine, mine=wallet("A"))
    engine.put(WALLET, mine=wallet("A", "B", "C"))
    upgrade(engine, state)  # killed: its state is lost
    engine.put(WALLET, mine=wallet("A"))
    with pytest.raises(ProviderError, match="wallet accept one") as refused:
        container_made(engine)
    [accepted] = re.findall("accept one ([0-9a-f]{16})", str(refused.value))
    monkeypatch.setenv("SKYCOIN_ACCEPT_WALLET", accepted)
    state = refreshed_free(engine, state)
    monkeypatch.delenv("SKYCOIN_ACCEPT_WALLET")
    container_made(engine)


def test_a_refusal_of_a_damaged_wallet_does_not_suggest_only_wallet_accept(
    engine: WalletEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`wallet accept` refuses a damaged file, so the message has to say that it must be moved away."""
    monkeypatch.setattr("time.sleep", lambda _: None)
    state = remembered(engine, mine=wallet("A"), other=wallet("B"))
    engine.put(WALLET, other="")
    said = refreshed(engine, state)["walletFault"]
    assert "wallet accept" not in said or "away" in said


@pytest.mark.parametrize("name", ["a\rb", "a\u2028b", "a\x85b", "a\x0cb"])
def test_a_wallet_file_name_with_a_line_separator_is_compared_correctly(
    engine: WalletEngine, name: str
) -> None:
    state = remembered(engine, **{name: wallet("A")})
    assert refreshed(engine, state)["walletFault"] == ""
    container_made(engine)


@pytest.mark.parametrize("text", ["\n", "\0" * 33])
def test_a_wallet_with_a_blank_id_can_be_accepted(
    engine: WalletEngine, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A power cut can leave an id like this; `wallet accept` must lead to a state that `up` accepts."""
    state = remembered(engine, mine=wallet("A"))
    (engine.folder(WALLET) / ".skyinfra-id").write_text(text)
    said = refreshed(engine, state)["walletFault"]
    [accepted] = re.findall("accept one ([0-9a-f]{16})", said)
    monkeypatch.setenv("SKYCOIN_ACCEPT_WALLET", accepted)
    state = refreshed_free(engine, state)
    monkeypatch.delenv("SKYCOIN_ACCEPT_WALLET")
    assert state["walletId"]
    container_made(engine)


@pytest.mark.parametrize("link", [".skyinfra-id.new", ".skyinfra-id"])
def test_a_link_that_a_node_created_does_not_reach_its_copies(
    engine: WalletEngine, link: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node can write to its wallet volume; the copies must outlive whatever it does there."""
    state = remembered(engine, mine=wallet("A"))
    copy = engine.folder(f"{WALLET}-backups") / "2026-01-01T00-00-00Z"
    copy.mkdir()
    (copy / "mine.wlt").write_text(wallet("A", "B"))
    (engine.folder(WALLET) / ".skyinfra-id").unlink()
    (engine.folder(WALLET) / link).symlink_to(copy / "mine.wlt" if link.endswith("new") else copy)
    [accepted] = re.findall("accept one ([0-9a-f]{16})", refreshed(engine, state)["walletFault"])
    monkeypatch.setenv("SKYCOIN_ACCEPT_WALLET", accepted)
    if link.endswith("new"):
        assert refreshed_free(engine, state)["walletId"]
    else:
        with pytest.raises(ServiceError, match=r"can't be written .* \.skyinfra-id is not a file"):
            refreshed_free(engine, state)
    assert [path.name for path in copy.iterdir()] == ["mine.wlt"]
    assert (copy / "mine.wlt").read_text() == wallet("A", "B")


def test_a_folder_in_place_of_the_id_file_does_not_reset_the_hosts_record(
    engine: WalletEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before, an accepted wallet got a record without an id, with which nothing was compared any more."""
    state = remembered(engine, mine=wallet("A"))
    (engine.folder(WALLET) / ".skyinfra-id").unlink()
    (engine.folder(WALLET) / ".skyinfra-id").mkdir()
    [accepted] = re.findall("accept one ([0-9a-f]{16})", refreshed(engine, state)["walletFault"])
    monkeypatch.setenv("SKYCOIN_ACCEPT_WALLET", accepted)
    with pytest.raises(ServiceError, match=r"\.skyinfra-id is not a file"):
        refreshed_free(engine, state)
    assert WalletOnHost(engine, INPUTS).recorded()[0] == state["walletId"]


def test_a_blank_id_in_an_empty_volume_is_reported(engine: WalletEngine) -> None:
    state = remembered(engine)
    (engine.folder(WALLET) / ".skyinfra-id").write_text("\n")
    said = refreshed(engine, state)["walletFault"]
    assert "id" in said


def test_a_hosts_record_of_another_form_is_an_error(engine: WalletEngine) -> None:
    remembered(engine, mine=wallet("A"))
    (engine.folder(f"{WALLET}-backups") / ".identity").write_text("abc\nhalf a li")
    with pytest.raises((ServiceError, ProviderError)):
        container_made(engine)


def test_a_node_that_stops_between_list_and_exec_is_not_an_error_of_its_wallet(
    engine: WalletEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = remembered(engine, mine=wallet("A"))
    engine.run_node(WALLET)

    def stopped(*_: object, **__: object) -> Values:
        raise APIError("409", explanation="Container is not running")

    monkeypatch.setattr(engine.__class__, "exec_create", stopped)
    assert refreshed(engine, state)["walletFault"] == ""


def test_output_on_stderr_in_the_node_is_ignored(
    engine: WalletEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """exec_start and logs return stdout and stderr as one."""
    state = remembered(engine, mine=wallet("A"))
    engine.run_node(WALLET)
    plain = WalletEngine.exec_start

    def noisy(self: WalletEngine, begun: tuple[list[str], str]) -> bytes:
        return b"sh: can't set tty\n" + plain(self, begun)

    monkeypatch.setattr(WalletEngine, "exec_start", noisy)
    assert refreshed(engine, state)["walletFault"] == ""


def test_a_node_name_that_ends_like_a_resource_name_is_kept_whole(engine: WalletEngine) -> None:
    URN.set("urn:pulumi:fleet::skycoin::skycoin:index:Node$skycoin:index:Preflight::my-container-preflight")
    state = remembered(engine, mine=wallet("A", "B"))
    engine.put(WALLET, mine=wallet("A"))
    assert "accept my-container " in refreshed(engine, state)["walletFault"]


def test_the_last_copy_of_a_wallet_that_vanished_stays(volumes: Volumes) -> None:
    """Nobody accepted the loss of one of two wallets, and more changes follow than copies are kept."""
    (volumes.wallet / "a.wlt").write_text(TEXT)
    assert volumes.run(name="2026-01-01T00-00-00Z", kept=3)[0] == 0
    (volumes.wallet / "b.wlt").write_text(TEXT)
    assert volumes.run(name="2026-01-02T00-00-00Z", kept=3)[0] == 0
    (volumes.wallet / "b.wlt").unlink()
    for day in range(3, 9):
        (volumes.wallet / "a.wlt").write_text(TEXT.replace("quoted", str(day)))
        assert volumes.run(name=f"2026-01-{day:02}T00-00-00Z", kept=3)[0] == 0
    assert list(volumes.copies.glob("*/b.wlt"))


SPENDS = '{"meta": {"type": "deterministic", "seed": "s", "secrets": ""}, "entries": '


@pytest.mark.case(38)
@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f'{SPENDS}[{{"address": "A"}}]}}', f'{SPENDS}[{{"address": "B"}}]}}'),
        (f'{SPENDS}[{{"address": "A"}}, {{"address": "B"}}]}}', f'{SPENDS}[{{"address": "B"}}]}}'),
        (f'{SPENDS}[{{"address": "A"}}]}}', f'{SPENDS}[{{"address": "A"}}]}}'.replace('"s"', '""')),
    ],
    ids=["exchanged", "shrunk", "without its seed"],
)
def test_copies_keep_a_wallet_that_another_with_its_name_replaced(
    before: str, after: str, volumes: Volumes
) -> None:
    """Before, twenty changes after the wrong wallet was accepted, the right one's last copy was removed."""
    (volumes.wallet / "first.wlt").write_text(TEXT)
    volumes.run(name="2026-01-01T00-00-00Z", kept=1)
    (volumes.wallet / "mine.wlt").write_text(before)
    volumes.run(name="2026-01-02T00-00-00Z", kept=1)
    (volumes.wallet / "mine.wlt").write_text(after)
    for day in range(3, 6):
        (volumes.wallet / "first.wlt").write_text(TEXT + " " * day)
        assert volumes.run(name=f"2026-01-0{day}T00-00-00Z", kept=1)[0] == 0
    assert [name[:10] for name in volumes.names()] == ["2026-01-01", "2026-01-02", "2026-01-05"]


@pytest.mark.case(38)
def test_older_copies_of_an_encrypted_wallet_that_grew_are_removed(volumes: Volumes) -> None:
    entries = ['{"address": "A", "secret_key": ""}', '{"address": "B", "secret_key": ""}']
    for day in range(1, 6):
        text = '{"meta": {"type": "deterministic", "seed": "", "secrets": "x"}, "entries": '
        (volumes.wallet / "mine.wlt").write_text(
            f"{text}[{', '.join(entries[: 1 + day // 3])}]}}" + " " * day
        )
        assert volumes.run(name=f"2026-01-0{day}T00-00-00Z", kept=1)[0] == 0
    assert [name[:10] for name in volumes.names()] == ["2026-01-01", "2026-01-05"]


@pytest.mark.case(38)
def test_the_newest_copy_with_a_readable_seed_stays_after_the_wallet_was_encrypted(volumes: Volumes) -> None:
    """Its password may be mistyped or lost. Before, all readable copies were removed as changes followed."""
    readable = (
        '{"meta": {"type": "deterministic", "seed": "s", "secrets": ""}, "entries": [{"address": "A"}]}'
    )
    (volumes.wallet / "first.wlt").write_text(TEXT)
    volumes.run(name="2026-01-01T00-00-00Z", kept=1)
    for day in (2, 3):
        (volumes.wallet / "mine.wlt").write_text(readable + " " * day)
        volumes.run(name=f"2026-01-0{day}T00-00-00Z", kept=1)
    encrypted = readable.replace('"s"', '""').replace('"secrets": ""', '"secrets": "x"')
    for day in range(4, 8):
        (volumes.wallet / "mine.wlt").write_text(encrypted + " " * day)
        assert volumes.run(name=f"2026-01-0{day}T00-00-00Z", kept=1)[0] == 0
    assert [name[:10] for name in volumes.names()] == ["2026-01-01", "2026-01-03", "2026-01-07"]
    (volumes.wallet / "mine.wlt").write_text(readable)
    volumes.run(name="2026-01-08T00-00-00Z", kept=1)
    assert [name[:10] for name in volumes.names()] == ["2026-01-01", "2026-01-08"], "readable again"


COLLECTION = json.dumps(
    {
        "meta": {"type": "collection", "seed": "", "secrets": ""},
        "entries": [{"address": name, "secret_key": name.lower() * 64} for name in "ABC"],
    }
)


def without_keys(*names: str) -> str:
    """Text of the collection of imported keys, in which some have vanished."""
    text = COLLECTION
    for name in names:
        text = text.replace(name.lower() * 64, "")
    return text


@pytest.mark.case(38)
def test_the_last_copy_with_an_imported_key_stays(volumes: Volumes) -> None:
    (volumes.wallet / "first.wlt").write_text(TEXT)
    volumes.run(name="2026-01-01T00-00-00Z", kept=1)
    (volumes.wallet / "imported.wlt").write_text(COLLECTION)
    volumes.run(name="2026-01-02T00-00-00Z", kept=1)
    for day in range(3, 6):
        (volumes.wallet / "imported.wlt").write_text(without_keys("B", "C") + " " * day)
        assert volumes.run(name=f"2026-01-0{day}T00-00-00Z", kept=1)[0] == 0
    assert [name[:10] for name in volumes.names()] == ["2026-01-01", "2026-01-02", "2026-01-05"]


@pytest.mark.case(35)
def test_imported_keys_that_vanish_from_a_collection_are_a_loss(engine: WalletEngine) -> None:
    """No seed brings them back. Before, one key that was left stood for all of them."""
    state = remembered(engine, imported=COLLECTION)
    encrypted = without_keys("A", "B", "C").replace('"secrets": ""', '"secrets": "x"')
    engine.put(WALLET, imported=encrypted)
    assert refreshed(engine, state)["walletFault"] == ""
    engine.put(WALLET, imported=without_keys("B", "C"))
    assert "imported.wlt has 1 of 3 secret keys" in refreshed(engine, state)["walletFault"]
    with pytest.raises(ProviderError, match=r"imported\.wlt has 1 of 3 secret keys"):
        upgrade(engine, state)


def test_a_volumes_id_adds_nothing_to_its_fingerprint(engine: WalletEngine) -> None:
    """Before, a writer of the volume could delete a wallet and forge its lines in the file of the id."""
    state = remembered(engine, mine=wallet("A"), savings=wallet("B", "C"))
    file = engine.folder(WALLET) / ".skyinfra-id"
    printed = subprocess.run(
        ["sh", "-c", SCRIPT, "f"], cwd=engine.folder(WALLET), capture_output=True, text=True, check=True
    ).stdout
    file.write_text(file.read_text() + printed)
    (engine.folder(WALLET) / "savings.wlt").unlink()
    assert "savings.wlt (2 addresses) is gone" in refreshed(engine, state)["walletFault"]


@pytest.mark.case(35)
@pytest.mark.parametrize("place", ["missing", "empty"])
def test_an_empty_volume_never_takes_the_place_of_a_wallet(engine: WalletEngine, place: str) -> None:
    """A misspelt `wallet-volume`. Before, it was created and recorded, and the state forgot the wallet."""
    state = remembered(engine, mine=wallet("A", "B"))
    if place == "empty":
        engine.create_volume("typo")
    volumes, wanted, check = engine.volumes, {**INPUTS, "wallet": "typo"}, preflight(engine)
    acts: list[Callable[[], Values]] = [
        lambda: check.planned(wanted, state),
        lambda: check.update("x", state, wanted),
    ]
    for act in acts:
        with pytest.raises(
            ProviderError, match=r"'typo', which .+, in place of .+ held 1 wallet with 2 addr"
        ):
            act()
    assert engine.volumes == volumes
    new = {**wanted, "newWallet": True}
    assert check.update("x", state, new)["wallets"] == []


@pytest.mark.case(35)
def test_a_volume_of_copies_that_was_created_again_by_hand_has_no_record(engine: WalletEngine) -> None:
    """Before, only its existence counted, and the next change of the node compared nothing."""
    state = refreshed(engine, remembered(engine, mine=wallet("A")))
    assert "walletUnrecorded" not in state
    shutil.rmtree(engine.folder(COPIES))
    engine.create_volume(COPIES)
    state = refreshed(engine, state)
    assert state["walletUnrecorded"] is True
    assert preflight(engine).diff(state, INPUTS, INPUTS).updates == ("wallet",)
    state = preflight(engine).update("x", state, INPUTS)
    assert "walletUnrecorded" not in refreshed(engine, state)


def test_a_fingerprint_script_that_dies_does_not_report_a_torn_wallet_as_intact(
    volumes: Volumes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limits of a copy can cause this: awk killed for its memory (256 MB), or no process left (128)."""
    (volumes.wallet / "a.wlt").write_text(TEXT[:20])
    monkeypatch.setattr("tests.integration.test_copy_wallet.FINGERPRINT", "kill -9 $$")
    code, _ = volumes.run()
    assert code != 0
    assert not list(volumes.copies.glob("*/a.wlt"))


def test_a_copy_that_the_user_named_is_not_removed(volumes: Volumes) -> None:
    (volumes.copies / "2026-01-01T00-00-00Z").mkdir()
    (volumes.copies / "2026-01-02T00-00-00Z-keep").mkdir()
    (volumes.copies / "2026-01-02T00-00-00Z-keep" / "b.wlt").write_text(TEXT)
    for day in range(3, 9):
        (volumes.wallet / "a.wlt").write_text(TEXT.replace("quoted", str(day)))
        assert volumes.run(name=f"2026-01-{day:02}T00-00-00Z", kept=3)[0] == 0
    assert (volumes.copies / "2026-01-02T00-00-00Z-keep").exists()


def test_a_folder_with_a_space_among_the_copies_does_not_prevent_a_copy(volumes: Volumes) -> None:
    (volumes.copies / "2026-01-02T00-00-00Z of mine").mkdir()
    for day in range(3, 9):
        (volumes.wallet / "a.wlt").write_text(TEXT.replace("quoted", str(day)))
        assert volumes.run(name=f"2026-01-{day:02}T00-00-00Z", kept=3)[0] == 0


def test_a_copy_dated_in_the_future_is_followed_by_others_or_names_the_remedy(volumes: Volumes) -> None:
    (volumes.wallet / "a.wlt").write_text(TEXT)
    assert volumes.run(name="2099-01-01T00-00-00Z")[0] == 0
    (volumes.wallet / "a.wlt").write_text(TEXT.replace("quoted", "changed"))
    code, said = volumes.run()
    assert code == 0 or "rename" in said, said


def test_accepting_an_empty_volume_is_recorded(engine: WalletEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    state = remembered(engine, mine=wallet("A"))
    (engine.folder(WALLET) / "mine.wlt").unlink()
    said = refreshed(engine, state)["walletFault"]
    assert "If you accept that the wallet is lost, set `new-wallet: true`" in said
    assert "wallet accept" not in said, "one way to lose a wallet is enough"
    monkeypatch.setenv("SKYCOIN_ACCEPT_WALLET", digest(NOTHING))
    after = refreshed_free(engine, state)
    assert (after["walletFault"], after["wallets"]) == ("", [])


def test_a_command_in_the_node_that_times_out_is_run_next_to_it(
    engine: WalletEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = remembered(engine, mine=wallet("A"))
    engine.run_node(WALLET)

    def late(*_: object, **__: object) -> bytes:
        raise ReadTimeout("read timed out")

    monkeypatch.setattr(engine.__class__, "exec_start", late)
    assert refreshed(engine, state)["walletFault"] == ""


def test_a_missing_image_is_reported_if_a_wallet_was_refused(engine: WalletEngine) -> None:
    state = remembered(engine, mine=wallet("A"))
    engine.put(WALLET, mine=wallet())
    state = refreshed(engine, state)
    engine.pulled = [{"error": "no such registry"}]
    with pytest.raises(ServiceError, match="can't pull registry/skycoin@sha256:1: no such registry"):
        refreshed(engine, state)


def test_a_wallet_of_many_chains_needs_few_files_and_processes_at_a_time(tmp_path: Path) -> None:
    text = accounts(*[[["A" * number], ["B" * number]] for number in range(1, 41)])
    (tmp_path / "a.wlt").write_text(text)
    limited = f"ulimit -n 16; {SCRIPT}"
    first = subprocess.run(["sh", "-c", limited], cwd=tmp_path, capture_output=True, text=True, check=True)
    before = read(first.stdout).wallets
    assert len(before["a.wlt"]) == 81
    command = ["sh", "-c", limited, "fingerprint", *script_arguments(before)]
    again = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert (read(again.stdout).lost(before), again.stderr) == ([], "")
