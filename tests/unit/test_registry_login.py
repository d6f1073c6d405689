"""The local registry's login: who has it, where it is, and what is refused."""

import base64
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import bcrypt
import pytest
import requests

from clients.registry_login import login_of
from clients.registry_session import RegistrySession, _error_message
from local.machine.layout import Layout, read_layout
from local.machine.services import Service, fingerprint
from local.machine.steps import SetupError
from local.registry.login import USER, authorization, ensure_login, renew_login
from local.registry.server import registry_service

OTHER = {"auths": {"ghcr.io": {"auth": "eDp5"}}, "detachKeys": "ctrl-e,e"}


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    monkeypatch.setenv("SKYCOIN_STATE", str(tmp_path / "state"))
    found = read_layout()
    found.docker_config.mkdir(parents=True)
    return found


def config_file(layout: Layout) -> Path:
    return layout.docker_config / "config.json"


def config(layout: Layout) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(config_file(layout).read_text())
    return found


def password(layout: Layout) -> str:
    return layout.registry_password.read_text()


def test_a_login_is_created_once_and_readable_by_its_owner_alone(layout: Layout) -> None:
    ensure_login(layout)
    files = (layout.registry_password, layout.htpasswd, config_file(layout))
    assert [path.stat().st_mode & 0o777 for path in files] == [0o600] * 3
    texts = [path.read_text() for path in files]
    assert len(texts[0]) >= 32
    ensure_login(layout)
    assert [path.read_text() for path in files] == texts


def test_the_registry_gets_only_a_hash_and_clients_find_the_password(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    ensure_login(layout)
    user, _, hashed = layout.htpasswd.read_text().strip().partition(":")
    assert user == USER
    assert bcrypt.checkpw(password(layout).encode(), hashed.encode())
    assert password(layout) not in layout.htpasswd.read_text()
    monkeypatch.setenv("DOCKER_CONFIG", str(layout.docker_config))
    credentials = login_of(layout.registry)
    assert credentials == (USER, password(layout))
    encoded = base64.b64encode(f"{USER}:{password(layout)}".encode()).decode()
    assert authorization(layout) == {"Authorization": f"Basic {encoded}"}


def test_other_logins_and_settings_stay(layout: Layout) -> None:
    config_file(layout).write_text(json.dumps(OTHER))
    ensure_login(layout)
    found = config(layout)
    assert found["auths"].pop(layout.registry)
    assert found == OTHER


def test_a_credential_store_is_not_asked_for_the_set_ups_password(layout: Layout) -> None:
    """With such a store, Docker's tools look nowhere else, so this registry is exempt from it."""
    config_file(layout).write_text(json.dumps({"credsStore": "pass", "credHelpers": {"a.example": "ecr"}}))
    ensure_login(layout)
    assert config(layout)["credHelpers"] == {"a.example": "ecr", layout.registry: ""}
    assert config(layout)["credsStore"] == "pass"


@pytest.mark.parametrize("text", ["{", "[]", '"x"', "null", '{"auths": []}', '{"credHelpers": 1}'])
def test_a_damaged_docker_config_is_reported_and_nothing_is_made(layout: Layout, text: str) -> None:
    config_file(layout).write_text(text)
    with pytest.raises(
        SetupError, match=r"docker/config\.json is not a docker config: correct it.*Nothing was"
    ):
        ensure_login(layout)
    assert config_file(layout).read_text() == text
    assert not layout.registry_password.exists()
    assert not layout.htpasswd.exists()


@pytest.mark.parametrize("gone", ["htpasswd", "config.json", "a logout", "another hash", "no hash"])
def test_a_lost_file_of_a_login_is_written_again(layout: Layout, gone: str) -> None:
    ensure_login(layout)
    before = password(layout)
    match gone:
        case "htpasswd":
            layout.htpasswd.unlink()
        case "config.json":
            config_file(layout).unlink()
        case "a logout":
            config_file(layout).write_text(json.dumps({"auths": {}}))
        case "another hash":
            layout.htpasswd.write_text(f"{USER}:{bcrypt.hashpw(b'other', bcrypt.gensalt(4)).decode()}\n")
        case "no hash":
            layout.htpasswd.write_text("nonsense")
    ensure_login(layout)
    assert password(layout) == before
    assert bcrypt.checkpw(before.encode(), layout.htpasswd.read_text().strip().partition(":")[2].encode())
    assert layout.registry in config(layout)["auths"]


@pytest.mark.parametrize("text", ["", "\n", " "])
def test_an_empty_password_is_refused_with_the_command_that_creates_one(layout: Layout, text: str) -> None:
    ensure_login(layout)
    layout.registry_password.write_text(text)
    before = (layout.htpasswd.read_text(), config_file(layout).read_text())
    with pytest.raises(SetupError, match=r"registry-password is empty: run `./skyinfra setup rotate login`"):
        ensure_login(layout)
    assert (layout.htpasswd.read_text(), config_file(layout).read_text()) == before
    renew_login(layout)
    assert len(password(layout)) >= 32


def test_a_new_login_prints_what_a_script_needs_from_now_on(
    layout: Layout, capsys: pytest.CaptureFixture[str]
) -> None:
    ensure_login(layout)
    output = capsys.readouterr().out
    assert f"docker --config {layout.docker_config} pull" in output
    assert 'eval "$(make -s env)"' in output
    assert password(layout) not in output
    ensure_login(layout)
    assert "made before" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("host", "own"),
    [("registry.localhost:5443", True), ("registry.localhost", True), ("registry.localhost.example", False)],
)
def test_a_refusal_of_the_set_ups_registry_says_where_its_login_is(host: str, own: bool) -> None:
    """The user has no login, or the one from before a rotation."""
    answer = requests.Response()
    answer.status_code, answer.reason = 401, "Unauthorized"
    line = _error_message(RegistrySession(host, "a/b"), "GET", answer)
    assert f"`docker login {host}`" in line
    assert ('or for the registry of `make up`: `eval "$(make -s env)"`' in line) == own


def test_a_new_login_replaces_the_old_one_everywhere(layout: Layout) -> None:
    config_file(layout).write_text(json.dumps(OTHER))
    ensure_login(layout)
    before = password(layout)
    renew_login(layout)
    assert password(layout) != before
    hashed = layout.htpasswd.read_text().strip().partition(":")[2].encode()
    assert not bcrypt.checkpw(before.encode(), hashed)
    assert bcrypt.checkpw(password(layout).encode(), hashed)
    assert authorization(layout)["Authorization"].endswith(config(layout)["auths"][layout.registry]["auth"])
    assert config(layout)["auths"]["ghcr.io"] == OTHER["auths"]["ghcr.io"]  # type: ignore[index]


def test_an_old_set_up_has_no_login_to_change(layout: Layout) -> None:
    with pytest.raises(
        SetupError, match=r"of an earlier version, whose registry has no login: run `make up`"
    ):
        renew_login(layout)
    assert not layout.htpasswd.exists()


def test_the_registry_requires_the_login_and_its_folder_is_private(layout: Layout) -> None:
    ensure_login(layout)
    service = registry_service(layout, Path("/bin/registry"))
    settings = (layout.state / "registry.yml").read_text()
    assert f"auth:\n  htpasswd: {{realm: {layout.registry}, path: {layout.htpasswd}}}\n" in settings
    assert (layout.state / "registry").stat().st_mode & 0o777 == 0o700
    assert password(layout) not in f"{settings} {service.argv} {service.env}"


def test_another_login_or_certificate_is_another_service(layout: Layout) -> None:
    """The registry reads both only at its start, so `make up` restarts it, even after a killed rotation."""
    ensure_login(layout)
    layout.ca.parent.mkdir()
    (layout.ca.parent / "registry.crt").write_text("one")
    first = fingerprint(registry_service(layout, Path("/bin/registry")))
    assert fingerprint(registry_service(layout, Path("/bin/registry"))) == first
    renew_login(layout)
    second = fingerprint(registry_service(layout, Path("/bin/registry")))
    (layout.ca.parent / "registry.crt").write_text("two")
    third = fingerprint(registry_service(layout, Path("/bin/registry")))
    assert len({first, second, third}) == 3


def test_a_missing_file_is_not_reported_as_a_fault_of_a_service(tmp_path: Path) -> None:
    service = Service(name="one", argv=["true"], ready=lambda: True)
    assert fingerprint(replace(service, reads=[tmp_path / "none"])) == fingerprint(service)
