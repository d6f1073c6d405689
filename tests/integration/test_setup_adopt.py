"""Adoption of wallets whose content is read by a real shell."""

import shutil
from pathlib import Path

import pytest

from clients.errors import ServiceError
from providers.adopting import ADOPTING
from providers.kind import URN
from tests.unit.wallet_engine import COPIES, WALLET, WalletEngine, preflight, wallet
from tests.unit.wallet_engine import INPUTS as PROOF


def test_a_wallet_is_adopted_without_a_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "volumes").mkdir()
    engine = WalletEngine(tmp_path / "volumes")
    proof = preflight(engine)
    URN.set("urn:pulumi:fleet::skycoin::skycoin:index:Node$skycoin:index:Preflight::one-preflight")
    _, known = proof.create(PROOF)
    files = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    with monkeypatch.context() as patch:
        patch.setenv(ADOPTING, "1")
        _, adopted = proof.create(PROOF)
    assert adopted == {key: known[key] for key in known if key not in ("walletsCopied", "walletRecorded")}
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == files
    for name in (".identity", ".skyinfra-id"):
        for path in tmp_path.rglob(name):
            path.unlink()
    with monkeypatch.context() as patch:
        patch.setenv(ADOPTING, "1")
        identity, adopted = proof.create(PROOF)
    assert "walletId" not in adopted
    again = proof.update(identity, adopted, PROOF)
    assert again["walletId"]


def unanswered(*_: object, **__: object) -> tuple[int, str]:
    raise ServiceError("host attic: the link dropped")


@pytest.mark.parametrize("change", ["", "grown", "damaged", "copies removed", "not compared"])
def test_adopted_wallets_count_as_copied_only_if_the_newest_copy_equals_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    (tmp_path / "volumes").mkdir()
    engine = WalletEngine(tmp_path / "volumes")
    engine.put(WALLET, mine=wallet("A"))
    URN.set("urn:pulumi:fleet::skycoin::skycoin:index:Node$skycoin:index:Preflight::one-preflight")
    proof = preflight(engine)
    _, known = proof.create(PROOF)
    [copy] = engine.folder(COPIES).glob("2*")
    if change == "grown":
        engine.put(WALLET, mine=wallet("A", "B"))
    elif change == "damaged":
        (copy / "mine.wlt").write_text("")
    elif change == "copies removed":
        shutil.rmtree(copy)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    with monkeypatch.context() as patch:
        patch.setenv(ADOPTING, "1")
        if change == "not compared":
            patch.setattr("providers.skycoin.wallet_copy.short_run", unanswered)
        identity, adopted = proof.create(PROOF)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before
    read = proof.read(identity, PROOF, adopted)
    assert read is not None
    assert proof.diff(read.state, PROOF, PROOF).updates == (("walletsCopied",) if change else ())
    if not change:
        assert read.state == known
