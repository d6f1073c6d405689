"""The base image of embedded builds, identified by the digest that was pushed, not by its tag."""

import json
from pathlib import Path

import pytest

from local.builds.base import ensure_base
from local.machine.layout import Layout, read_layout
from local.machine.steps import SetupError

CRANE = """#!/bin/sh
# A registry of one tag: the file `digest` beside this one.
here=${0%/*}
echo "$* $DOCKER_CONFIG" >> "$here/asked"
case $1 in
  digest) cat "$here/digest" 2>/dev/null ;;
  append) sha256sum < "$3" | sed 's/ .*//; s/^/sha256:/' > "$here/digest" ;;
esac
"""
OTHER = "sha256:" + "e" * 64


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    monkeypatch.setenv("SKYCOIN_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("SKYCOIN_CACHE", str(tmp_path / "cache"))
    tarball = tmp_path / "base.tar.gz"
    tarball.write_text("the base")
    monkeypatch.setattr("local.builds.base._ensure_tarball", lambda *_: tarball)
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    found = read_layout()
    found.state.mkdir()
    return found


@pytest.fixture
def crane(tmp_path: Path) -> Path:
    program = tmp_path / "crane"
    program.write_text(CRANE)
    program.chmod(0o755)
    return program


def registry_has(crane: Path) -> str:
    return crane.with_name("digest").read_text().strip()


def pushes(crane: Path) -> int:
    return crane.with_name("asked").read_text().count("append ")


def test_the_digest_of_a_pushed_base_is_recorded(layout: Layout, crane: Path) -> None:
    first = ensure_base(layout, "go", crane)
    assert first.endswith(f"@{registry_has(crane)}")
    assert list(json.loads(layout.bases.read_text()).values()) == [registry_has(crane)]
    assert layout.bases.stat().st_mode & 0o777 == 0o600
    assert ensure_base(layout, "go", crane) == first
    assert pushes(crane) == 1
    lines = crane.with_name("asked").read_text().splitlines()
    assert all(line.endswith(str(layout.docker_config)) for line in lines), "the login is in no command line"


def test_a_base_with_another_digest_is_refused_and_the_remedy_named(layout: Layout, crane: Path) -> None:
    first = ensure_base(layout, "go", crane)
    crane.with_name("digest").write_text(OTHER)
    with pytest.raises(SetupError, match=r"Nothing is built on it.*setup rotate login") as caught:
        ensure_base(layout, "go", crane)
    assert OTHER in str(caught.value)
    assert first.partition("@")[2] in str(caught.value)
    assert f"then remove {layout.bases}" in str(caught.value)
    assert (registry_has(crane), pushes(crane)) == (OTHER, 1)
    layout.bases.unlink()
    assert ensure_base(layout, "go", crane) == first
    assert pushes(crane) == 2


@pytest.mark.parametrize("kept", [None, "{", "[]"])
def test_a_base_without_a_recorded_digest_is_pushed_again(
    layout: Layout, crane: Path, kept: str | None
) -> None:
    """Earlier versions kept no digest. Equal bytes have an equal digest, so the new push rebuilds nothing."""
    crane.with_name("digest").write_text(OTHER)
    if kept is not None:
        layout.bases.write_text(kept)
    assert not ensure_base(layout, "go", crane).endswith(OTHER)
    assert pushes(crane) == 1


def test_a_base_that_left_the_registry_is_pushed_again(layout: Layout, crane: Path) -> None:
    first = ensure_base(layout, "go", crane)
    crane.with_name("digest").unlink()
    assert ensure_base(layout, "go", crane) == first
    assert pushes(crane) == 2


def test_a_push_that_the_registry_does_not_show_keeps_no_digest(layout: Layout, crane: Path) -> None:
    crane.write_text("#!/bin/sh\n[ $1 != digest ]\n")
    with pytest.raises(SetupError, match="was pushed, but the registry does not show it"):
        ensure_base(layout, "go", crane)
    assert not layout.bases.exists()
