"""`skyinfra setup rotate`: which keys it changes, and what it refuses. Services that are down stay down."""

import ssl
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from catalogue import exit_codes
from local import rotation
from local.machine.layout import Layout, read_layout
from local.pulumi.cli import remember
from local.registry import certificates
from local.registry.certificates import ensure_certificates, renew_certificates
from local.registry.login import ensure_login
from local.stacks.lock import exclusive
from tests.unit.command_line import Skyinfra
from wallets.errors import WalletError


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    monkeypatch.setenv("SKYCOIN_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("SSL_CERT_FILE", "")
    return read_layout()


@pytest.fixture
def set_up(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> Layout:
    layout.state.mkdir()
    (layout.state / "passphrase").write_text("kept")
    ensure_certificates(layout)
    ensure_login(layout)
    remember(layout, {"DOCKER_HOST": "unix:///set-up.sock"})
    monkeypatch.setattr("local.rotation.ensure_engine_trust", lambda _: None)
    return layout


def keys(layout: Layout) -> dict[str, str]:
    """Path in the set-up's state → text of the file, without logs and locks."""
    files = [path for path in layout.state.rglob("*") if path.is_file() and "logs" not in path.parts]
    return {str(path.relative_to(layout.state)): path.read_text() for path in files if path.name != "lock"}


def vouches(layout: Layout, authority: Path) -> bool:
    """True if an authority has signed the registry's certificate."""
    certificate = layout.ca.parent / "registry.crt"
    command = ["openssl", "verify", "-CAfile", str(authority), str(certificate)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("key", ["login", "ca", "passphrase"])
def test_without_a_set_up_nothing_is_made(key: str, layout: Layout, skyinfra: Skyinfra) -> None:
    ran = skyinfra("setup", "rotate", key)
    assert (ran.code, ran.out) == (exit_codes.FAILED, "")
    assert ran.err == f"error: Nothing is set up in {layout.state}: run `make up` first.\n"
    assert not layout.state.exists()


@pytest.mark.parametrize("key", ["login", "ca", "passphrase", "gui"])
def test_a_running_command_is_reported_and_nothing_is_changed(
    key: str, set_up: Layout, skyinfra: Skyinfra
) -> None:
    before = keys(set_up)
    with exclusive(set_up, "make up"):
        ran = skyinfra("setup", "rotate", key)
    assert ran.code == exit_codes.FAILED
    assert "error: `make up`, process" in ran.err
    assert keys(set_up) == before


@pytest.mark.parametrize("key", ["wallet", "", "PASSPHRASE"])
def test_an_unknown_key_is_refused_with_the_known_ones(key: str, set_up: Layout, skyinfra: Skyinfra) -> None:
    before = keys(set_up)
    ran = skyinfra("setup", "rotate", key)
    assert ran.code == exit_codes.USAGE
    assert "'passphrase', 'login', 'ca', 'gui'" in ran.err
    assert keys(set_up) == before


def test_a_changed_login_changes_nothing_else(set_up: Layout, skyinfra: Skyinfra) -> None:
    before = keys(set_up)
    ran = skyinfra("setup", "rotate", "login")
    assert ran.code == 0
    assert set_up.registry_password.read_text() not in ran.out
    after = keys(set_up)
    changed = {name for name in before | after if before.get(name) != after.get(name)}
    assert changed == {"registry-password", "htpasswd", "docker/config.json"}


def test_an_authority_changes_with_what_it_has_signed(
    set_up: Layout, skyinfra: Skyinfra, tmp_path: Path
) -> None:
    before, former = keys(set_up), tmp_path / "former.crt"
    former.write_text(set_up.ca.read_text())
    assert vouches(set_up, former)
    ran = skyinfra("setup", "rotate", "ca")
    assert ran.code == 0, ran.err
    assert not vouches(set_up, former)
    assert vouches(set_up, set_up.ca)
    assert set_up.trust.read_text().endswith(set_up.ca.read_text())
    assert former.read_text() not in set_up.trust.read_text()
    after = keys(set_up)
    changed = {Path(name).parts[0] for name in before | after if before.get(name) != after.get(name)}
    assert changed == {"certificates"}
    assert after["certificates/machine.crt"] == before["certificates/machine.crt"]
    for name in ("ca.key", "registry.key"):
        assert (set_up.ca.parent / name).stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("name", "is_vouched_for"),
    [
        ("DNS:registry.localhost", True),
        ("IP:127.0.0.1", True),
        ("DNS:bank.example", False),
        ("IP:10.0.0.1", False),
    ],
)
def test_the_authority_vouches_for_no_other_name(
    name: str, is_vouched_for: bool, set_up: Layout, tmp_path: Path
) -> None:
    """Its key is on the disk for ten years, and programs that run as root trust it."""
    folder = set_up.ca.parent
    made = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=other"]
    signed = [
        "-CA",
        str(folder / "ca.crt"),
        "-CAkey",
        str(folder / "ca.key"),
        "-addext",
        f"subjectAltName={name}",
    ]
    files = ["-keyout", str(tmp_path / "key"), "-out", str(tmp_path / "crt")]
    subprocess.run(["openssl", "req", "-x509", *made, *signed, *files], capture_output=True, check=True)
    command = ["openssl", "verify", "-CAfile", str(set_up.ca), str(tmp_path / "crt")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode == 0) is is_vouched_for, done.stderr
    assert is_vouched_for or "permitted subtree violation" in done.stderr


def test_an_old_set_ups_ca_can_be_changed_before_it_has_a_login(set_up: Layout, skyinfra: Skyinfra) -> None:
    set_up.registry_password.unlink()
    assert skyinfra("setup", "rotate", "ca").code == 0
    assert set_up.registry_password.exists()


class Killed(BaseException):
    """Stands for a kill of the process."""


@pytest.mark.parametrize("step", ["making", "first rename", "second rename"])
def test_a_renewal_of_certificates_that_is_killed_leaves_a_complete_pair(
    set_up: Layout, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = set_up.ca.read_text()
    renames = []
    rename = Path.rename

    def killed(*_: object) -> None:
        raise Killed

    def counted(path: Path, target: Path) -> Path:
        renames.append(path)
        if len(renames) == (1 if step == "first rename" else 2):
            raise Killed
        return rename(path, target)

    with monkeypatch.context() as patch:
        if step == "making":
            patch.setattr(certificates, "_make", killed)
        else:
            patch.setattr(Path, "rename", counted)
        with pytest.raises(Killed):
            renew_certificates(set_up)
    ensure_certificates(set_up)
    assert vouches(set_up, set_up.ca)
    assert set_up.trust.read_text().endswith(set_up.ca.read_text())
    assert (set_up.ca.read_text() == before) == (step != "second rename")
    assert sorted(path.name for path in set_up.state.glob("certificates*")) == ["certificates"]
    # A server must be able to load them.
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(set_up.ca.parent / "registry.crt", set_up.ca.parent / "registry.key")


def nodes_with(monkeypatch: pytest.MonkeyPatch, **proxies: str | None) -> list[tuple[str, str]]:
    """Put nodes with these proxies into a state of the set-up; return the requests to their hosts."""
    asked: list[tuple[str, str]] = []

    def shown(node: SimpleNamespace) -> None:
        asked.append(("show", node.proxy))
        if node.proxy == "dead":
            raise WalletError("host attic: does not answer")

    found = {name: SimpleNamespace(name=name, stack="local", proxy=proxy) for name, proxy in proxies.items()}
    monkeypatch.setattr(rotation, "all_stacks", lambda _: ["local"])
    monkeypatch.setattr(rotation, "require_unlocked", lambda *_: None)
    monkeypatch.setattr(rotation, "nodes_of", lambda *_: found)
    monkeypatch.setattr(rotation, "shown_login", shown)
    monkeypatch.setattr(rotation, "renew_password", lambda node: asked.append(("new", node.proxy)))
    return asked


@pytest.mark.usefixtures("set_up")
def test_each_web_interface_gets_a_new_password(monkeypatch: pytest.MonkeyPatch, skyinfra: Skyinfra) -> None:
    asked = nodes_with(monkeypatch, one="one-proxy", two=None, three="three-proxy")
    ran = skyinfra("setup", "rotate", "gui")
    assert ran.code == 0, ran.err
    assert asked == [(what, f"{name}-proxy") for what in ("show", "new") for name in ("one", "three")]
    assert "./skyinfra node password NODE" in ran.out


@pytest.mark.usefixtures("set_up")
@pytest.mark.parametrize(
    ("proxies", "expected"),
    [({"one": None}, "has a web interface"), ({"one": "one-proxy", "two": "dead"}, "does not answer")],
    ids=["none", "dead host"],
)
def test_no_password_is_changed_unless_all_can_be(
    monkeypatch: pytest.MonkeyPatch, skyinfra: Skyinfra, proxies: dict[str, str | None], expected: str
) -> None:
    asked = nodes_with(monkeypatch, **proxies)
    ran = skyinfra("setup", "rotate", "gui")
    assert ran.code == exit_codes.FAILED
    assert expected in ran.err
    assert "new" not in [what for what, _ in asked]


@pytest.mark.usefixtures("set_up")
def test_a_host_that_is_cut_off_half_way_is_named_and_the_others_get_their_passwords(
    monkeypatch: pytest.MonkeyPatch, skyinfra: Skyinfra
) -> None:
    """Before, only the host was named, and nobody knew which nodes had a password that nobody had seen."""
    nodes_with(monkeypatch, one="one-proxy", two="two-proxy", three="three-proxy")

    def renew(node: SimpleNamespace) -> None:
        if node.name == "two":
            raise WalletError("host shed: does not answer")

    monkeypatch.setattr(rotation, "renew_password", renew)
    ran = skyinfra("setup", "rotate", "gui")
    assert ran.code == exit_codes.FAILED
    assert "New passwords: one (stack local), three (stack local). Failed: two (stack local): host" in ran.err
    assert "has a new password" not in ran.out
