"""The local registry requires a login, and bases are pinned by their digests.

The attacks are real: by another user of this machine, and by clients without the login.
"""

import base64
import contextlib
import json
import os
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clients.manifests import sha256_of
from clients.registry import Repository
from local.machine import services
from local.machine.services import Service, port_is_taken
from local.machine.tools import CRANE, REGISTRY, ensure_tool, find_go, tool_path
from local.registry.login import USER
from tests.e2e.machine import Machine, Result
from tests.e2e.test_up import get

NODE = "skycoin-node-1"
BASE = "base/build"
NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
ASK = ("curl", "--insecure", "--silent", "--output", "/dev/null", "--write-out", "%{http_code}")
REQUESTS = {
    "list": ("GET", "_catalog"),
    "pull": ("GET", "skycoin/skycoin/manifests/latest"),
    "push a blob": ("POST", f"{BASE}/blobs/uploads/"),
    "push a base": ("PUT", f"{BASE}/manifests/pushed"),
    "delete": ("DELETE", f"skycoin/skycoin/manifests/sha256:{'0' * 64}"),
}
OPEN = """\
version: 0.1
storage:
  filesystem: {{rootdirectory: {state}/registry}}
  delete: {{enabled: true}}
http:
  addr: 127.0.0.1:{port}
  secret: local
  tls: {{certificate: {state}/certificates/registry.crt, key: {state}/certificates/registry.key}}
"""
"""Settings of the registry as version 0.1.0 wrote them."""


def node_of(up: Machine) -> tuple[str, str]:
    """Id and start time of the node's container; both stay the same unless it is restarted or replaced."""
    found = up.inspect("container", NODE)
    return found["Id"], found["State"]["StartedAt"]


def login_of(up: Machine) -> str:
    return f"{USER}:{up.layout.registry_password.read_text()}"


@pytest.fixture
def no_login(up: Machine, tmp_path: Path) -> dict[str, str]:
    """The set-up's environment, with a docker config that has no login."""
    return {**up.environment(), "DOCKER_CONFIG": str(tmp_path)}


@pytest.fixture
def crane(up: Machine) -> str:
    return str(ensure_tool(up.layout, find_go(up.layout), CRANE))


@pytest.fixture
def base(up: Machine) -> Iterator[tuple[str, str]]:
    """Tag and digest of the base that the set-up builds in; restored afterwards."""
    tag, _, digest = str(up.settings().get("skycoin:build-base", "")).partition("@")
    if not tag.startswith(up.layout.registry):
        pytest.skip("this set-up's bases are official images")
    yield tag, digest
    up.layout.bases.unlink(missing_ok=True)
    assert up.make("up").code == 0


@pytest.mark.case(41)
@pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS)
def test_a_process_of_another_user_can_neither_pull_nor_push(up: Machine, request_: tuple[str, str]) -> None:
    """Before, any local user could push the base in which the next node is compiled."""
    method, path = request_
    ask = [*ASK, "--request", method, f"https://{up.layout.registry}/v2/{path}"]
    assert up.run(*NOBODY, *ask).text == "401"
    assert up.run(*NOBODY, *ask, "--user", f"{USER}:guessed").text == "401"
    assert not up.run(*ask, "--user", login_of(up)).text.startswith("401"), "the login opens nothing either"


@pytest.mark.case(41)
def test_a_process_of_another_user_can_not_read_keys_and_passwords(up: Machine) -> None:
    state = up.layout.state
    keys = [
        up.layout.registry_password,
        up.layout.htpasswd,
        up.layout.docker_config / "config.json",
        state / "passphrase",
        state / "certificates" / "ca.key",
        state / "certificates" / "registry.key",
    ]
    for key in keys:
        assert key.stat().st_mode & 0o077 == 0, key
        assert up.run(*NOBODY, "cat", str(key)).code != 0
    assert up.run(*NOBODY, "ls", str(state / "registry")).code != 0


def test_an_engine_pulls_only_with_the_login(up: Machine, no_login: dict[str, str]) -> None:
    ref = f"{up.layout.registry}/base/busybox:bookworm-local"
    refused = up.docker("pull", ref, env=no_login)
    # The wording is the engine's: for a registry on loopback, its last attempt is without TLS.
    assert refused.code != 0
    assert "Digest: sha256" not in refused.text
    pulled = up.docker("pull", ref)
    assert pulled.code == 0, pulled.text
    assert up.docker("rmi", ref).code == 0


def test_a_client_without_the_login_can_neither_pull_nor_push_a_base(
    up: Machine, no_login: dict[str, str], crane: str, base: tuple[str, str], tmp_path: Path
) -> None:
    tag, digest = base
    assert up.run(crane, "digest", tag, env=no_login).code != 0
    (tmp_path / "layer").mkdir()
    layer = tmp_path / "layer.tar"
    assert up.run("tar", "-cf", str(layer), "-C", str(tmp_path), "layer").code == 0
    pushed = up.run(crane, "append", "-f", str(layer), "-t", tag, "--oci-empty-base", env=no_login)
    assert pushed.code != 0
    assert "401 Unauthorized" in pushed.text, pushed.text
    assert up.run(crane, "digest", tag, env=up.environment()).text.strip() == digest


def test_an_error_without_the_login_says_how_to_get_it(up: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(up.layout.trust))
    monkeypatch.setenv("DOCKER_CONFIG", "/nonexistent")
    with pytest.raises(Exception, match=r'for the registry of `make up`: `eval "\$\(make -s env\)"`'):
        Repository(f"{up.layout.registry}/skycoin/skycoin").digest_of("latest")


@pytest.mark.case(12)
def test_the_login_is_only_in_its_own_files(up: Machine) -> None:
    """The login is in no state, log or file of the checkout."""
    password = up.layout.registry_password.read_text()
    encoded = base64.b64encode(f"{USER}:{password}".encode()).decode()
    canaries = (password.encode(), encoded.encode())
    own = {up.layout.registry_password, up.layout.docker_config / "config.json"}
    assert {path for path in own if any(canary in path.read_bytes() for canary in canaries)} == own
    found = [
        path
        for root in (up.layout.state, up.checkout)
        for path in root.rglob("*")
        if path.is_file()
        and path not in own
        # An engine's folders hold sockets and mounts; its images come from the registry, which is searched.
        and not {"engine", "boards"} & set(path.parts)
        and any(canary in path.read_bytes() for canary in canaries)
    ]
    assert found == []


class Onlooker(threading.Thread):
    """Reads the command lines and environments of all other processes, as root, until it is stopped."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.is_over = threading.Event()
        self.seen: set[bytes] = set()

    def run(self) -> None:
        while not self.is_over.is_set():
            for process in Path("/proc").glob("[0-9]*"):
                if process.name == str(os.getpid()):
                    continue
                for part in ("cmdline", "environ"):
                    with contextlib.suppress(OSError):  # the process has ended
                        self.seen.add((process / part).read_bytes())

    @classmethod
    @contextlib.contextmanager
    def watching(cls) -> Iterator[set[bytes]]:
        onlooker = cls()
        onlooker.start()
        try:
            yield onlooker.seen
        finally:
            onlooker.is_over.set()
            onlooker.join()


@pytest.mark.case(12)
def test_no_process_of_a_new_login_and_of_an_up_gets_a_password_as_argument_or_variable(up: Machine) -> None:
    """The processes of both; the registry reads a hash, and clients read the docker config."""
    logins = [login_of(up)]
    with Onlooker.watching() as seen:
        rotated = up.skyinfra("setup", "rotate", "login")
        assert rotated.code == 0, rotated.text
        logins.append(login_of(up))
        result = up.make("up")
        assert result.code == 0, result.text
    assert logins[0] != logins[1]
    started = b"".join(seen)
    for program in (
        b"rotate\0login",
        b"pulumi\0up",
        b"registry.yml",
        f"DOCKER_CONFIG={up.layout.docker_config}".encode(),
    ):
        assert program in started, "it was not looked at"
    secrets = {login.partition(":")[2] for login in logins} | {
        (up.layout.state / "passphrase").read_text().strip()
    }
    secrets |= {base64.b64encode(login.encode()).decode() for login in logins}
    assert not [text for text in seen if any(secret.encode() in text for secret in secrets)]


def test_a_base_pushed_with_another_digest_is_refused(
    up: Machine, crane: str, base: tuple[str, str], tmp_path: Path
) -> None:
    """The next node would be compiled in it. Here the attacker has the login, which nobody used to need."""
    tag, digest = base
    before = node_of(up)
    layer = tmp_path / "layer.tar"
    (tmp_path / "evil").mkdir()
    assert up.run("tar", "-cf", str(layer), "-C", str(tmp_path), "evil").code == 0
    env = up.environment()
    pushed = up.run(crane, "append", "-f", str(layer), "-t", tag, "--oci-empty-base", env=env)
    assert pushed.code == 0, pushed.text
    refused = up.make("up")
    assert refused.code != 0
    assert f"this set-up has pushed {digest}" in refused.text
    assert "Nothing is built on it. Create another login (`./skyinfra setup rotate login`)" in refused.text
    assert up.settings()["skycoin:build-base"] == f"{tag}@{digest}"
    assert node_of(up) == before
    # The error message names this way back.
    up.layout.bases.unlink()
    mended = up.make("up")
    assert mended.code == 0, mended.text
    assert up.settings()["skycoin:build-base"] == f"{tag}@{digest}", "equal bytes, equal digest"
    assert not re.search(r"\d+ (created|updated|replaced|deleted)", mended.text)
    assert node_of(up) == before


@pytest.fixture
def old_set_up(up: Machine) -> Result:
    """Result of `make up` on a set-up as version 0.1.0 left it, with an open registry and no login."""
    layout = up.layout
    config = layout.docker_config / "config.json"
    logins: dict[str, Any] = json.loads(config.read_text())
    for path in (layout.registry_password, layout.htpasswd, layout.bases, config):
        path.unlink()
    settings = layout.state / "registry.yml"
    settings.write_text(OPEN.format(state=layout.state, port=layout.registry_port))
    open_registry = Service(
        name="registry",
        argv=[str(tool_path(layout, REGISTRY)), "serve", str(settings)],
        env={"OTEL_TRACES_EXPORTER": "none"},
        ready=lambda: port_is_taken(layout.registry_port),
        port=layout.registry_port,
    )
    services.start(layout, open_registry)
    plain = up.pulumi("up", "--yes", "--skip-preview", "--stack", "local")
    assert plain.code == 0, plain.text
    url = f"https://{layout.registry}/v2/_catalog"
    assert up.run(*NOBODY, *ASK, url).text == "200", "the registry is not as it was"
    del logins["auths"][layout.registry]
    config.write_text(json.dumps({**logins, "detachKeys": "ctrl-e,e"}))
    return up.make("up")


def test_a_set_up_without_a_login_gets_one_and_its_node_keeps_running(up: Machine, request: Any) -> None:
    before = node_of(up)
    made: Result = request.getfixturevalue("old_set_up")
    assert made.code == 0, made.text
    assert f"created: user {USER}, password in {up.layout.registry_password}" in made.text
    assert f"docker --config {up.layout.docker_config} pull" in made.text
    assert not re.search(r"\d+ (created|replaced|deleted)", made.text), made.text
    assert node_of(up) == before
    url = f"https://{up.layout.registry}/v2/_catalog"
    assert up.run(*NOBODY, *ASK, url).text == "401"
    config = json.loads((up.layout.docker_config / "config.json").read_text())
    assert config["detachKeys"] == "ctrl-e,e", "what was there stays"
    again = up.make("up")
    assert "made before" in again.text
    assert not re.search(r"\d+ (created|updated|replaced|deleted)", again.text), again.text
    preview = up.pulumi("preview", "--refresh", "--expect-no-changes", "--run-program", "--stack", "local")
    assert preview.code == 0, preview.text
    assert get("/api/v1/version")["version"] == "0.27.1"


def test_an_empty_password_is_refused_with_one_message_and_no_change(up: Machine) -> None:
    password = up.layout.registry_password.read_text()
    before = node_of(up)
    up.layout.registry_password.write_text("")
    refused = up.make("up")
    up.layout.registry_password.write_text(password)
    assert refused.code != 0
    last = refused.text.strip().splitlines()
    said = next(line for line in last if line.startswith("error: "))
    assert said.endswith(
        f"{up.layout.registry_password} is empty: run `./skyinfra setup rotate login`, which creates another "
        "password of the local registry."
    )
    assert node_of(up) == before
    assert up.run(*ASK, "--user", login_of(up), f"https://{up.layout.registry}/v2/").text == "200"


def test_a_client_with_the_login_can_push_a_blob(up: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control for the refusals above: the set-up's own environment may push."""
    for name in ("SSL_CERT_FILE", "DOCKER_CONFIG"):
        monkeypatch.setenv(name, up.environment()[name])
    repository = Repository(f"{up.layout.registry}/tests/login")
    content = up.checkout / "README.md"
    digest = sha256_of(content.read_bytes())
    with content.open("rb") as file:
        repository.put_blob(digest, file)
    assert repository.has_blob(digest)
