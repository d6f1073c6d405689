"""A registry that the stack itself runs, from this repository's image, with the node published in it.

The volume of secrets is filled as docs/stacks.md describes; the certificate is from the tests' authority.
"""

import io
import json
import tarfile
from collections.abc import Iterator
from typing import Any

import bcrypt
import pytest

from catalogue.arch import ARCHES
from clients.errors import RegistryError
from clients.manifests import ACCEPT, MANIFEST, Manifest, sha256_of
from clients.registry import Repository
from tests.e2e.hosted import PASSWORD, USER, log_in
from tests.e2e.machine import Machine, Result
from tests.e2e.states import record
from tests.e2e.test_registry_login import ASK
from tests.unit.yaml_like import REGISTRY

PORT = 15445
READERS_PORT = 15451
READERS_ADDRESS = f"registry.localhost:{READERS_PORT}"
READER, READERS_PASSWORD = "reader", "readers-canary"
ADDRESS = f"registry.localhost:{PORT}"
CONTAINER = "registry-community"
DATA, SECRETS = f"{CONTAINER}-data", f"{CONTAINER}-secrets"
PATH = "skycoin/skycoin"


def secrets_of(up: Machine) -> bytes:
    """Archive of the files that docs/stacks.md packs, readable only by user 10000."""
    certificates = up.layout.ca.parent
    hashed, read = (
        bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()
        for password in (PASSWORD, READERS_PASSWORD)
    )
    files = {
        "tls.crt": (certificates / "registry.crt").read_bytes(),
        "tls.key": (certificates / "registry.key").read_bytes(),
        "htpasswd": f"{USER}:{hashed}\n".encode(),
        "readers": f"{READER}:{read}\n".encode(),
    }
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode, member.uid, member.gid = len(content), 0o400, 10000, 10000
            archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


@pytest.fixture(scope="module")
def wanted(up: Machine) -> Iterator[dict[str, Any]]:
    """The settings with the registry, once its image is built; the stack is restored afterwards."""
    before = up.settings()
    images = before["skycoin:images"]
    with_image = {**before, "skycoin:images": {**images, "registry": dict(REGISTRY)}}
    up.change(with_image)
    result = up.pulumi("up", "--yes", "--skip-preview", "--stack", "local")
    assert result.code == 0, result.text
    community = {"kind": "hosted", "host": "here", "address": ADDRESS, "readers-port": READERS_PORT}
    node = {**images["skycoin"], "registries": ["local", "community"]}
    yield {
        **with_image,
        "skycoin:registries": {**before["skycoin:registries"], "community": community},
        "skycoin:images": {"registry": dict(REGISTRY), "skycoin": node},
    }
    up.change(before)
    # Still logged in: a test that ends early leaves published tags in the state, and this run looks at them.
    result = up.make("up")
    assert result.code == 0, result.text
    log_in(up, ADDRESS, None)
    assert up.docker("volume", "rm", DATA, SECRETS).code == 0


@pytest.fixture(scope="module")
def empty(up: Machine, wanted: dict[str, Any]) -> Result:
    """Result of an `up` before the volume of secrets is filled."""
    up.change(wanted)
    return up.pulumi("up", "--yes", "--skip-preview", "--stack", "local")


@pytest.fixture(scope="module")
def published(up: Machine, wanted: dict[str, Any], empty: Result) -> Result:
    """Result of an `up` after it is filled, with a login on this machine."""
    assert empty.code != 0
    ref = up.outputs()["images"]["registry"]["latest"]["ref"]
    fill = ["docker", "run", "--rm", "-i", "--network", "none", "-v", f"{SECRETS}:/secrets", ref]
    up.pipe(*fill, "tar", "-C", "/secrets", "-xf", "-", given=secrets_of(up))
    log_in(up, ADDRESS, PASSWORD)
    result = up.pulumi("up", "--yes", "--stack", "local")
    assert result.code == 0, result.text
    return result


@pytest.fixture
def repositories(up: Machine, monkeypatch: pytest.MonkeyPatch) -> tuple[Repository, Repository]:
    """(local, community) repositories, read by the test itself."""
    up.lend_login(monkeypatch)
    return Repository(f"{up.layout.registry}/{PATH}"), Repository(f"{ADDRESS}/{PATH}")


def test_an_empty_volume_of_secrets_is_reported_and_nothing_is_published(empty: Result) -> None:
    assert empty.code != 0
    assert "No /secrets/tls.crt that user 10000 may read: fill the volume of secrets" in empty.text
    assert "Traceback" not in empty.text


@pytest.mark.usefixtures("published")
@pytest.mark.parametrize("tag", ["latest", "0.27", "0.27.1", "release-v0.27.1"])
def test_the_node_is_in_both_registries_by_the_same_digests(
    repositories: tuple[Repository, Repository], tag: str
) -> None:
    local, community = repositories
    assert community.digest_of(tag) == local.digest_of(tag) is not None
    children = [entry["digest"] for entry in community.manifest(tag).fields["manifests"]]
    assert [community.digest_of(f"{tag}-{arch}") for arch in ARCHES] == children


@pytest.mark.usefixtures("published")
def test_the_registry_requires_a_login(up: Machine, repositories: tuple[Repository, Repository]) -> None:
    log_in(up, ADDRESS, None)
    try:
        with pytest.raises(RegistryError, match="401"):
            repositories[1].digest_of("latest")
    finally:
        log_in(up, ADDRESS, PASSWORD)


@pytest.mark.usefixtures("published")
def test_a_manifest_that_leads_elsewhere_is_refused_and_no_trace_is_sent(
    up: Machine, repositories: tuple[Repository, Repository]
) -> None:
    """A layer's URL makes everyone who pulls the image contact another server."""
    community = repositories[1]
    fields = dict(community.manifest("latest-amd64").fields)
    fields["layers"] = [{**layer, "urls": ["https://elsewhere.example/layer"]} for layer in fields["layers"]]
    with pytest.raises(RegistryError):
        community.put_manifest("leads-elsewhere", Manifest(json.dumps(fields).encode(), MANIFEST))
    assert community.digest_of("leads-elsewhere") is None
    logs = up.docker("logs", CONTAINER).text
    assert "invalid URL on layer" in logs
    assert "traces export" not in logs


@pytest.mark.case(47)
@pytest.mark.usefixtures("published")
def test_a_reader_can_pull_but_neither_push_nor_delete(
    up: Machine, repositories: tuple[Repository, Repository]
) -> None:
    """Before, every login could overwrite and delete releases."""
    local, community = repositories
    latest = local.manifest("latest")
    log_in(up, READERS_ADDRESS, READERS_PASSWORD, READER)
    try:
        reading = Repository(f"{READERS_ADDRESS}/{PATH}")
        assert reading.manifest("latest") == latest
        for write in (
            lambda: reading.put_manifest("mine", latest),
            lambda: reading.put_blob(sha256_of(b"mine"), io.BytesIO(b"mine")),
            lambda: reading.remove("latest"),
            lambda: reading.remove(latest.digest),
        ):
            with pytest.raises(RegistryError, match="405"):
                write()
        log_in(up, READERS_ADDRESS, PASSWORD)
        with pytest.raises(RegistryError, match="401"):
            Repository(f"{READERS_ADDRESS}/{PATH}").digest_of("latest")
    finally:
        log_in(up, READERS_ADDRESS, None)
    assert (community.digest_of("latest"), community.digest_of("mine")) == (latest.digest, None)
    mounts = up.inspect("container", f"{CONTAINER}-readers")["Mounts"]
    assert {mount["Name"]: mount["RW"] for mount in mounts} == {DATA: False, SECRETS: False}


@pytest.mark.usefixtures("published")
def test_a_hosted_registry_is_confined_listens_on_loopback_and_has_limits(up: Machine) -> None:
    container = up.inspect("container", CONTAINER)
    host = container["HostConfig"]
    assert host["PortBindings"] == {"5000/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(PORT)}]}
    assert (host["ReadonlyRootfs"], host["CapDrop"], host["Privileged"]) == (True, ["ALL"], False)
    assert (host["Memory"], container["Config"]["User"]) == (256 << 20, "10000:10000")
    assert container["State"]["Health"]["Status"] == "healthy"
    mounts = {mount["Destination"]: (mount["Name"], mount["RW"]) for mount in container["Mounts"]}
    assert mounts == {"/var/lib/registry": (DATA, True), "/secrets": (SECRETS, False)}


@pytest.mark.usefixtures("published")
def test_no_key_and_no_password_hash_is_in_the_state_or_the_log(up: Machine) -> None:
    packed = secrets_of(up)
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        key = archive.extractfile("tls.key")
        assert key is not None
        line = key.read().decode().splitlines()[1]
    state = up.pulumi("stack", "export", "--show-secrets", "--stack", "local").text
    for text in (state, json.dumps(up.inspect("container", CONTAINER)), up.docker("logs", CONTAINER).text):
        assert line not in text
        assert PASSWORD not in text
        assert "$2b$" not in text


@pytest.mark.records
@pytest.mark.usefixtures("published")
def test_a_second_up_changes_nothing(up: Machine) -> None:
    result = up.pulumi("preview", "--expect-no-changes", "--refresh", "--run-program", "--stack", "local")
    assert result.code == 0, result.text
    record(up, "hosted", "local")


@pytest.fixture
def anonymous(up: Machine, wanted: dict[str, Any], published: Result) -> Iterator[None]:
    """The registry, whose readers need no login; restored afterwards."""
    assert published.code == 0
    registries = wanted["skycoin:registries"]
    community = {**registries["community"], "anonymous-readers": True}
    up.change({**wanted, "skycoin:registries": {**registries, "community": community}})
    result = up.pulumi("up", "--yes", "--skip-preview", "--stack", "local")
    assert result.code == 0, result.text
    yield
    up.change(wanted)
    result = up.pulumi("up", "--yes", "--skip-preview", "--stack", "local")
    assert result.code == 0, result.text


@pytest.mark.case(47)
@pytest.mark.usefixtures("anonymous")
def test_anonymous_readers_can_pull_but_neither_push_nor_delete(
    up: Machine, repositories: tuple[Repository, Repository]
) -> None:
    def status(method: str, path: str, address: str = READERS_ADDRESS) -> str:
        url = f"https://{address}/v2/{path}"
        return up.run(*ASK, "--header", f"Accept: {ACCEPT}", "--request", method, url).text

    community = repositories[1]
    latest = community.manifest("latest")
    child = community.manifest(latest.fields["manifests"][0]["digest"])
    layer = child.fields["layers"][0]["digest"]
    read = ("", f"{PATH}/tags/list", f"{PATH}/manifests/latest", f"{PATH}/manifests/{child.digest}")
    for path in (*read, f"{PATH}/blobs/{layer}"):
        assert status("GET", path) == "200", path
        assert status("GET", path, ADDRESS) == "401", "the port for publishing"
    writes = (
        ("PUT", f"{PATH}/manifests/latest"),
        ("PUT", f"{PATH}/manifests/mine"),
        ("DELETE", f"{PATH}/manifests/{latest.digest}"),
        ("DELETE", f"{PATH}/blobs/{layer}"),
        ("POST", f"{PATH}/blobs/uploads/"),
        ("POST", f"{PATH}/blobs/uploads/?mount={layer}&from={PATH}"),
    )
    assert {write: status(*write) for write in writes} == dict.fromkeys(writes, "405")
    assert (community.digest_of("latest"), community.digest_of("mine")) == (latest.digest, None)
    assert status("GET", f"{PATH}/manifests/mine") == "404"


@pytest.mark.usefixtures("published")
def test_published_images_survive_the_registrys_container(
    up: Machine, repositories: tuple[Repository, Repository]
) -> None:
    before = (repositories[1].digest_of("0.27.1"), up.inspect("container", CONTAINER)["Id"])
    kind = "skycoin:index:HostedRegistry$docker:index/container:Container"
    urn = f"urn:pulumi:local::skycoin::{kind}::community-on-local-container"
    replaced = up.pulumi("up", "--yes", "--skip-preview", "--stack", "local", "--replace", urn)
    assert replaced.code == 0, replaced.text
    assert repositories[1].digest_of("0.27.1") == before[0] is not None
    assert up.inspect("container", CONTAINER)["Id"] != before[1]


@pytest.mark.usefixtures("published")
def test_a_registry_that_leaves_the_stack_loses_its_container_and_keeps_its_volumes(
    up: Machine, wanted: dict[str, Any]
) -> None:
    registries = {"local": wanted["skycoin:registries"]["local"]}
    image = {**wanted["skycoin:images"]["skycoin"], "registries": ["local"]}
    images = {**wanted["skycoin:images"], "skycoin": image}
    up.change({**wanted, "skycoin:registries": registries, "skycoin:images": images})
    result = up.pulumi("up", "--yes", "--skip-preview", "--stack", "local")
    assert result.code == 0, result.text
    assert up.docker("container", "inspect", CONTAINER).code != 0
    assert up.docker("volume", "inspect", DATA, SECRETS).code == 0
