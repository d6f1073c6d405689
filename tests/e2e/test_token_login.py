"""A registry with token login, as Docker Hub and GitHub have it: push, tags, pull, retention, record.

The registry is a real one and verifies each token; the token service is tests/e2e/token_service.py, on
another host. Each test starts from what the ones before it published.
"""

import base64
import io
import itertools
import os
from collections.abc import Iterator

import pytest

from clients.errors import RegistryError
from clients.manifests import sha256_of
from clients.registry import Repository
from tests.e2e.faulty import Fault
from tests.e2e.machine import Machine
from tests.e2e.test_retention import publish, retention
from tests.e2e.test_sources import holding
from tests.e2e.tiny import TWO, Tiny
from tests.e2e.token_service import LONG, PASSWORDS, TokenRegistry, start_token_registry

PATH = "tiny/node"
UPLOAD = r"^PUT .*/blobs/uploads/"


@pytest.fixture(scope="module")
def tokens(up: Machine) -> Iterator[TokenRegistry]:
    """The registry; the machine's login for it is removed afterwards."""
    registry = start_token_registry(up)
    yield registry
    registry.login(None)
    registry.proxy.close()
    registry.service.close()


@pytest.fixture
def registry(tokens: TokenRegistry, monkeypatch: pytest.MonkeyPatch) -> Iterator[TokenRegistry]:
    """The registry with the publisher's login, which the test itself uses too."""
    tokens.machine.lend_login(monkeypatch)
    tokens.reset()
    yield tokens
    tokens.reset()


@pytest.fixture(scope="module")
def tiny(up: Machine, tokens: TokenRegistry) -> Iterator[Tiny]:
    """The stack, with its first release published."""
    stack = Tiny(up, "tokens")
    stack.write_release(tokens.address, PATH, "one", 0)
    assert stack.pulumi("stack", "init", "--no-select").code == 0
    first = stack.up()
    assert first.code == 0, first.text
    yield stack
    stack.remove()


def repository_of(registry: TokenRegistry, path: str = PATH) -> Repository:
    """A repository, accessed with the machine's current login."""
    return Repository(f"{registry.address}/{path}")


def blob(size: int = 300_000) -> tuple[str, io.BytesIO]:
    content = os.urandom(size)
    return sha256_of(content), io.BytesIO(content)


def test_a_release_is_published_verified_and_recorded(tiny: Tiny, registry: TokenRegistry) -> None:
    """BuildKit and this program's own client publish; a second `up` sends no request."""
    repository = repository_of(registry)
    whole = repository.manifest("latest")
    assert [repository.digest_of(tag) for tag in ("1.2", "1.2.3", "release-v1.2.3")] == [whole.digest] * 3
    assert len(whole.fields["manifests"]) == len(TWO)
    verified = tiny.outputs()["verification"]["skycoin"]
    assert sorted(verified) == sorted(TWO)
    record = tiny.machine.skyinfra("release", "record", "-s", tiny.name)
    assert record.code == 0, record.text
    assert whole.digest in record.text
    registry.proxy.requests.clear()
    unchanged = tiny.pulumi("up", "--yes", "--expect-no-changes")
    assert unchanged.code == 0, unchanged.text
    assert registry.proxy.requests == []


@pytest.mark.usefixtures("tiny")
def test_the_registry_itself_is_never_sent_a_password(registry: TokenRegistry) -> None:
    """The registry gets tokens; the password goes from the docker config to the token service alone."""
    digest, file = blob()
    repository_of(registry, "tiny/blobs").put_blob(digest, file)
    assert registry.proxy.schemes == {"", "Bearer"}
    [asked] = registry.service.asked
    [scope] = asked.scopes
    repository, _, actions = scope.rpartition(":")
    # The registry's challenge lists the actions in any order.
    assert (asked.user, repository, {*actions.split(",")}) == (
        "publisher",
        "repository:tiny/blobs",
        {"pull", "push"},
    )
    password = PASSWORDS["publisher"]
    login = base64.b64encode(f"publisher:{password}".encode()).decode()
    layout = registry.machine.layout
    for root in (layout.state / "backend", layout.logs, registry.machine.checkout):
        assert holding(root, 0, (password, login)) == {password: [], login: []}, root


@pytest.mark.case(47)
def test_a_token_that_ends_in_the_middle_of_an_upload_is_renewed(registry: TokenRegistry) -> None:
    registry.service.lifetimes = itertools.chain([1], itertools.repeat(LONG))
    registry.proxy.faults.append(Fault(matches=UPLOAD, delay=3))
    repository = repository_of(registry, "tiny/blobs")
    digest, file = blob()
    repository.put_blob(digest, file)
    assert registry.proxy.faults[0].times == 0, "no upload was slow"
    assert registry.proxy.count(f"{UPLOAD}.* 401") == 1
    assert len(registry.service.asked) == 2
    assert repository.has_blob(digest)


@pytest.mark.case(47)
def test_an_up_whose_tokens_end_while_it_pushes_completes(tiny: Tiny, registry: TokenRegistry) -> None:
    """BuildKit pushes and this program tags; each renews a token that the registry no longer accepts."""
    tiny.write_release(registry.address, PATH, "two", 1)
    registry.service.lifetimes = itertools.repeat(2)
    registry.proxy.faults.append(Fault(matches=UPLOAD, delay=4, times=2))
    result = tiny.up()
    assert result.code == 0, result.text
    assert registry.proxy.faults[0].times == 0, "no upload was slow"
    assert registry.proxy.count(" 401$") > 1
    repository = repository_of(registry)
    assert repository.digest_of("1.2.3-r1") == repository.digest_of("latest") is not None


@pytest.mark.usefixtures("tiny")
def test_an_engine_pulls_with_a_login_and_without_one(registry: TokenRegistry) -> None:
    """An anonymous pull, as of public repositories, gets a token without a user."""
    ref = f"{registry.address}/{PATH}:latest"
    pulled = registry.machine.docker("pull", ref)
    assert pulled.code == 0, pulled.text
    assert registry.service.asked[-1].user == "publisher"
    registry.login(None)
    registry.machine.docker("rmi", ref)
    again = registry.machine.docker("pull", ref)
    assert again.code == 0, again.text
    assert registry.service.asked[-1].user == ""
    registry.machine.docker("rmi", ref)


@pytest.mark.case(47)
@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize("user", ["reader", None], ids=["reader", "nobody"])
def test_a_login_that_may_only_read_reads_and_neither_pushes_nor_deletes(
    registry: TokenRegistry, user: str | None
) -> None:
    registry.login(user)
    repository = repository_of(registry)
    before = repository.manifest("latest")
    digest, file = blob(100)
    with pytest.raises(RegistryError, match=r"POST: 401.*Log in with an account that may do this"):
        repository.put_blob(digest, file)
    with pytest.raises(RegistryError, match=r"PUT: 401.*Log in with an account that may do this"):
        repository.put_manifest("latest", before)
    with pytest.raises(RegistryError, match=r"DELETE: 401.*Log in with an account that may do this"):
        repository.remove("latest")
    assert repository.digest_of("latest") == before.digest


@pytest.mark.case(47)
def test_an_up_by_a_reader_is_refused_and_changes_nothing(tiny: Tiny, registry: TokenRegistry) -> None:
    before = repository_of(registry).digest_of("latest")
    tiny.write_release(registry.address, PATH, "three", 2)
    registry.login("reader")
    refused = tiny.up()
    assert refused.code != 0
    assert registry.address in refused.text
    assert PASSWORDS["reader"] not in refused.text
    assert repository_of(registry).digest_of("latest") == before
    registry.login()
    again = tiny.up()
    assert again.code == 0, again.text
    assert repository_of(registry).digest_of("1.2.3-r2") is not None


@pytest.mark.case(12)
@pytest.mark.usefixtures("tiny")
def test_a_wrong_password_is_reported_by_its_registry_and_not_tried_again(registry: TokenRegistry) -> None:
    registry.login("publisher", "wrong-password")
    before = registry.service.refused
    with pytest.raises(RegistryError) as caught:
        repository_of(registry).manifest("latest")
    text = str(caught.value)
    assert f"registry {registry.address} ({PATH}): login: 401" in text
    assert f"`docker login {registry.address}`" in text
    assert "wrong-password" not in text
    assert registry.service.refused == before + 1


def test_retention_deletes_with_tokens(registry: TokenRegistry) -> None:
    repository = repository_of(registry, "tiny/retention")
    for number in (1, 2):
        publish(repository, f"feature-{number}", f"2026-01-0{number}")
    registry.login("reader")
    refused = retention(repository, "--keep", "1", "--delete")
    assert refused.returncode != 0
    assert "Log in with an account that may do this" in refused.stderr
    registry.login()
    done = retention(repository, "--keep", "1", "--delete")
    assert done.returncode == 0, done.stderr
    after = repository_of(registry, "tiny/retention")
    assert after.digest_of("feature-1") is None
    assert after.digest_of("feature-2") is not None


@pytest.mark.parametrize("host", ["127.0.0.1", "tokens.example"])
def test_no_login_goes_to_a_token_service_without_tls(registry: TokenRegistry, host: str) -> None:
    """The docker client would send it wherever the registry says; here that is an error."""
    challenge = {"WWW-Authenticate": f'Bearer realm="http://{host}:1/token",service="s",scope="x"'}
    registry.proxy.faults.append(Fault(matches="^GET", status=401, headers=challenge, times=100))
    with pytest.raises(RegistryError) as caught:
        repository_of(registry).manifest("latest")
    text = str(caught.value)
    assert (
        f"registry {registry.address}: its token service is not at an https address: http://{host}:1/token"
        in text
    )
    assert "No login is sent there" in text
    assert registry.service.asked == []


def test_a_token_service_with_an_untrusted_certificate_gets_no_login(
    registry: TokenRegistry,
) -> None:
    elsewhere = registry.service.realm.replace("127.0.0.1", "localhost")
    challenge = {"WWW-Authenticate": f'Bearer realm="{elsewhere}",service="s"'}
    registry.proxy.faults.append(Fault(matches="^GET", status=401, headers=challenge, times=100))
    with pytest.raises(RegistryError, match=r"its token service: .*certificate"):
        repository_of(registry).manifest("latest")
    assert registry.service.asked == []
