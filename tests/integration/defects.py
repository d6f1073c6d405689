"""Defects of the program, each of which breaks a promise about wallets; the simulations must meet them."""

import shutil
from collections.abc import Callable

import pytest

from catalogue.naming import copies_volume
from clients.fingerprint import SCRIPT
from providers.kind import Values
from providers.skycoin.handover import Handover

DISCARD = Handover.discard

Defect = Callable[[pytest.MonkeyPatch], None]


def removal_with_volumes(patch: pytest.MonkeyPatch) -> None:
    """The removal of an old container takes its volumes, and the copies of its wallet, with it."""

    def discard(handover: Handover, container: Values) -> None:
        DISCARD(handover, container)
        for mount in container["Mounts"]:
            for volume in (mount["Name"], copies_volume(mount["Name"])):
                shutil.rmtree(handover._api.folder(volume), ignore_errors=True)
                handover._api.forget(volume)

    patch.setattr(Handover, "discard", discard)


def no_copy(patch: pytest.MonkeyPatch) -> None:
    """The wallet is not copied before its node's container is replaced."""
    patch.setattr("providers.skycoin.replacement.copy_wallet", lambda *_: "")


def no_copy_of_growth(patch: pytest.MonkeyPatch) -> None:
    """A wallet that has grown is no reason to copy it."""
    patch.setattr("providers.skycoin.preflight._has_uncopied", lambda _: False)


def no_guard_against_writers(patch: pytest.MonkeyPatch) -> None:
    """Neither the preflight nor the handover looks for another container on the wallet."""
    patch.setattr("clients.wallet_on_host.WalletOnHost.other_users", lambda *_: "")
    patch.setattr(Handover, "refuse_second_writer", lambda *_: None)


def no_comparison(patch: pytest.MonkeyPatch) -> None:
    """Any wallet, even an empty or missing one, counts as the recorded one."""
    patch.setattr("providers.skycoin.wallet_identity.fault", lambda *_: "")


def no_undo(patch: pytest.MonkeyPatch) -> None:
    """A handover that fails leaves the old container stopped."""
    patch.setattr(Handover, "_undo", lambda *_: None)


def printed_seeds(patch: pytest.MonkeyPatch) -> None:
    """The script that reads wallets on their host prints them."""
    patch.setattr("clients.wallet_on_host.SCRIPT", f"cat *.wlt 2> /dev/null\n{SCRIPT}")
