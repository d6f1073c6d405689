"""The registry client against a real registry that fails: cut, slow, full, refusing, gone."""

import io
import os
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from clients.errors import RegistryError
from clients.manifests import INDEX, Manifest, sha256_of
from clients.registry import Repository, copy_blob
from tests.e2e.faulty import Fault, Proxy
from tests.e2e.hosted import PASSWORD, Hosted
from tests.e2e.machine import Machine

UPLOAD = r"^PUT .*/blobs/uploads/"


@pytest.fixture
def repository(up: Machine, hosted: Hosted, monkeypatch: pytest.MonkeyPatch) -> Iterator[Repository]:
    """A repository of the hosted registry, reached through the proxy with the machine's login."""
    up.lend_login(monkeypatch)
    hosted.login()
    hosted.proxy.faults.clear()
    hosted.proxy.requests.clear()
    yield Repository(f"{hosted.address}/faults")
    hosted.proxy.faults.clear()
    hosted.login()


def blob(size: int = 300_000) -> tuple[str, io.BytesIO]:
    content = os.urandom(size)
    return sha256_of(content), io.BytesIO(content)


def test_an_uploaded_blob_is_downloaded_unchanged(repository: Repository) -> None:
    digest, file = blob()
    assert not repository.has_blob(digest)
    repository.put_blob(digest, file)
    assert repository.has_blob(digest)
    with repository.blob(digest, len(file.getvalue())) as found:
        assert found.read() == file.getvalue()


@pytest.mark.parametrize(
    "fault",
    [
        Fault(matches=UPLOAD, cut_upload=100_000),
        Fault(matches=UPLOAD, status=500, times=2),
        Fault(matches=r"^POST .*/blobs/uploads/", status=503),
        Fault(matches=r"^POST .*/blobs/uploads/", status=429, headers={"Retry-After": "1"}),
        Fault(matches=UPLOAD, delay=2),
        Fault(matches=UPLOAD, status=401, headers={"WWW-Authenticate": 'Basic realm="again"'}),
    ],
    ids=["cut in the middle", "500 twice", "503", "429", "slow", "the login is asked for again"],
)
@pytest.mark.case(10)
def test_a_passing_fault_of_an_upload_is_survived(
    repository: Repository, hosted: Hosted, fault: Fault
) -> None:
    digest, file = blob()
    hosted.proxy.faults.append(replace(fault))
    repository.put_blob(digest, file)
    assert hosted.proxy.faults[0].times == 0, "the fault did not happen"
    with repository.blob(digest, len(file.getvalue())) as found:
        assert found.read() == file.getvalue()


def test_retry_after_is_waited_for(repository: Repository, hosted: Hosted) -> None:
    hosted.proxy.faults.append(Fault(matches="^HEAD", status=429, headers={"Retry-After": "2"}))
    began = time.monotonic()
    assert repository.digest_of("nothing") is None
    assert time.monotonic() - began >= 2


def test_a_registry_that_asks_to_wait_an_hour_is_reported_at_once(
    repository: Repository, hosted: Hosted
) -> None:
    hosted.proxy.faults.append(Fault(matches="^GET", status=429, headers={"Retry-After": "3600"}, times=1000))
    began = time.monotonic()
    with pytest.raises(RegistryError, match=r"429.*Too many requests: try again in 3600 s"):
        repository.manifest("latest")
    assert time.monotonic() - began < 10


@pytest.mark.parametrize(
    ("fault", "complaint"),
    [
        (Fault(matches="^POST", status=202), "an upload without an address"),
        (
            Fault(matches="^POST", status=202, headers={"Location": "http://a.b/c"}),
            "which is not an https address",
        ),
        (Fault(matches="^POST", status=413), "413"),
    ],
    ids=["no address", "clear text", "too large"],
)
def test_an_upload_that_cannot_work_is_refused_at_once(
    repository: Repository, hosted: Hosted, fault: Fault, complaint: str
) -> None:
    hosted.proxy.faults.append(replace(fault, times=100))
    digest, file = blob(100)
    with pytest.raises(RegistryError, match=complaint):
        repository.put_blob(digest, file)
    assert hosted.proxy.count("^POST") == 1, "what is refused for good is not tried again"


def test_an_answer_that_is_not_json_names_the_registry(repository: Repository, hosted: Hosted) -> None:
    hosted.proxy.faults.append(Fault(matches="^GET", status=200, body="<html>", times=10))
    with pytest.raises(
        RegistryError, match=rf"registry {hosted.address} \(faults\): the answer is not a JSON"
    ):
        repository.tags()


@pytest.mark.parametrize(
    "body", ["[]", "null", '{"manifests": [{}]}', '{"config": [], "layers": []}', '{"layers": ["a"]}']
)
def test_an_answer_that_is_not_a_manifest_is_shown(repository: Repository, hosted: Hosted, body: str) -> None:
    hosted.proxy.faults.append(Fault(matches="^GET", status=200, body=body, times=10))
    with pytest.raises(RegistryError, match=r"sha256:[0-9a-f]{64} is not a manifest: b"):
        _ = repository.manifest("latest").fields


def test_a_download_that_is_cut_starts_again(repository: Repository, hosted: Hosted) -> None:
    digest, file = blob()
    repository.put_blob(digest, file)
    hosted.proxy.faults.append(Fault(matches=r"^GET .*/blobs/", cut_download=100_000, times=2))
    with repository.blob(digest, len(file.getvalue())) as found:
        assert found.read() == file.getvalue()


def test_a_registry_that_stays_broken_is_reported_once_the_tries_are_used_up(
    repository: Repository, hosted: Hosted
) -> None:
    hosted.proxy.faults.append(Fault(matches="^GET .*/manifests/", status=500, times=1000))
    with pytest.raises(RegistryError, match=rf"registry {hosted.address} \(faults\): GET: 500"):
        repository.manifest("latest")


def test_too_many_requests_are_retried_when_the_registry_says(repository: Repository, hosted: Hosted) -> None:
    hosted.proxy.faults.append(Fault(matches="^GET", status=429, times=1000))
    with pytest.raises(RegistryError, match=r"429.*Too many requests: try again later"):
        repository.manifest("latest")


@pytest.mark.parametrize("password", ["wrong-password", None], ids=["wrong", "logged out"])
@pytest.mark.case(12)
def test_a_login_that_is_refused_names_the_registry_and_no_password(
    repository: Repository, hosted: Hosted, password: str | None
) -> None:
    hosted.login(password)
    digest, file = blob(100)
    with pytest.raises(RegistryError) as caught:
        repository.put_blob(digest, file)
    assert f"registry {hosted.address} (faults): POST: 401" in str(caught.value)
    assert f"`docker login {hosted.address}`" in str(caught.value)
    assert "wrong-password" not in str(caught.value)


def test_an_account_without_the_right_gets_a_message_about_it(repository: Repository, hosted: Hosted) -> None:
    body = '{"errors":[{"code":"DENIED","message":"requested access to the resource is denied"}]}'
    hosted.proxy.faults.append(Fault(matches="^PUT .*/manifests/", status=403, body=body, times=1000))
    with pytest.raises(RegistryError, match=r"403 DENIED: requested access.*Log in with an account"):
        repository.put_manifest("latest", Manifest(b"{}", INDEX))


def test_a_password_is_sent_to_no_other_host(repository: Repository, hosted: Hosted, up: Machine) -> None:
    """A registry may name another host for an upload; that host gets the bytes, but no login."""
    elsewhere = Proxy(up.layout.registry_port, up.layout.ca.parent)
    challenge = {"WWW-Authenticate": f'Bearer realm="https://{elsewhere.address}/token"'}
    elsewhere.faults.append(Fault(matches="^PUT", status=401, headers=challenge, times=100))
    away = {"Location": f"https://{elsewhere.address}/v2/faults/blobs/uploads/1"}
    hosted.proxy.faults[:] = [Fault(matches="^POST", status=202, headers=away, times=100)]
    digest, file = blob(100)
    with pytest.raises(RegistryError):
        repository.put_blob(digest, file)
    elsewhere.close()
    assert elsewhere.count("^PUT"), "nothing was sent there"
    assert not elsewhere.count("/token"), "a foreign host's challenge was answered"
    assert not [name for names in elsewhere.headers for name in names if name.lower() == "authorization"]


@pytest.mark.case(9)
def test_a_registry_that_is_down_is_reported(up: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(up.layout.trust))
    with pytest.raises(RegistryError, match=r"registry registry.localhost:1 \(a/b\): .*refused"):
        Repository("registry.localhost:1/a/b").digest_of("latest")


def test_an_untrusted_certificate_is_refused(hosted: Hosted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/etc/ssl/certs/ca-certificates.crt")
    with pytest.raises(RegistryError, match="certificate verify failed"):
        Repository(f"{hosted.address}/faults").digest_of("latest")


@pytest.mark.case(10)
def test_a_copy_sends_only_missing_blobs(repository: Repository, hosted: Hosted) -> None:
    """The next run sends only what had not arrived before the cut."""
    digest, file = blob()
    repository.put_blob(digest, file)
    source, target = repository, Repository(f"{hosted.address}/copies")
    assert copy_blob(digest, len(file.getvalue()), source, target) == len(file.getvalue())
    assert copy_blob(digest, len(file.getvalue()), source, target) == 0


def test_no_message_holds_the_password(repository: Repository, hosted: Hosted) -> None:
    for status in (400, 401, 403, 404):
        hosted.proxy.faults[:] = [Fault(matches="^GET .*/manifests/", status=status, times=1000)]
        with pytest.raises(RegistryError) as caught:
            repository.manifest("latest")
        assert PASSWORD not in str(caught.value)
