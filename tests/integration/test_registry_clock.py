"""The clock and a registry's certificate, which openssl reads."""

import re
from datetime import UTC, datetime

import pytest

from local.machine.layout import Layout
from local.machine.steps import SetupError
from local.registry import certificates
from tests.unit.test_wrong_clock import WRONG, Sets, clock

__all__ = ["clock"]


@pytest.mark.case(32)
@WRONG
def test_a_clock_outside_the_registrys_certificate_is_refused_with_both_remedies(
    layout: Layout, clock: Sets, wrong: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Docker, BuildKit and Python each refused the registry in words of their own, minutes later."""
    monkeypatch.setattr(certificates, "DEBIAN_AUTHORITIES", layout.state)
    certificates.ensure_certificates(layout)
    before = layout.ca.read_bytes()
    certificates.ensure_certificates(layout)
    clock(wrong)
    with pytest.raises(SetupError) as refused:
        certificates.ensure_certificates(layout)
    made = datetime.now(UTC).year
    minute = r"-\d\d-\d\d \d\d:\d\d"
    assert re.fullmatch(
        rf"{layout.ca} is valid from {made}{minute} to {made + 10}{minute} UTC, and this machine's clock is "
        rf"at {wrong:%Y-%m-%d %H:%M}: set it \(`sudo timedatectl set-ntp true`\)\. If it is right, "
        r"`\./skyinfra setup rotate ca` makes new certificates\.",
        str(refused.value),
    )
    assert layout.ca.read_bytes() == before
    clock(None)
    certificates.ensure_certificates(layout)


def test_a_registrys_certificate_that_is_none_is_left_to_the_registry(layout: Layout) -> None:
    certificates.ensure_certificates(layout)
    (layout.ca.parent / "registry.crt").write_text("not a certificate")
    certificates.ensure_certificates(layout)
    assert layout.trust.stat().st_size
