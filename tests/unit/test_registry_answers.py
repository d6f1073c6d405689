"""Answers of a registry: over plain HTTP they could come from anyone, and an endless one fills memory."""

import io
import json
from typing import Any

import pytest
import requests
from requests.adapters import BaseAdapter

from clients.errors import RegistryError, SilentError
from clients.manifests import MANIFEST as OCI
from clients.manifests import Manifest, sha256_of
from clients.registry import TAG_PAGES, Repository
from clients.registry_session import ANSWER_LIMIT
from display.errors import UserError

MANIFEST = b'{"manifests": []}'


class Wire(BaseAdapter):
    """In place of the network: redirects by URL, and one body for all other URLs. Records all requests."""

    def __init__(self, redirects: dict[str, str], body: bytes) -> None:
        super().__init__()
        self._redirects = redirects
        self._body = body
        self.asked: list[str] = []
        self.headers: dict[str, str] = {}
        self.status, self.moved = 200, 307

    def send(self, request: requests.PreparedRequest, **_: Any) -> requests.Response:  # type: ignore[override]
        url = request.url or ""
        self.asked.append(url)
        answer = requests.Response()
        answer.request, answer.url = request, url
        answer.status_code, answer.raw = self.status, io.BytesIO(self._body)
        answer.headers.update(self.headers)
        if (target := self._redirects.get(url)) is not None:
            answer.status_code = self.moved
            answer.headers["Location"] = target
        return answer

    def close(self) -> None:
        """Close nothing: no connection is open."""


def wired(repository: Repository, redirects: dict[str, str], body: bytes = MANIFEST) -> Wire:
    wire = Wire(redirects, body)
    for scheme in ("https://", "http://"):
        repository._session._session.mount(scheme, wire)
    return wire


def test_a_redirect_to_plain_http_is_refused_and_not_followed() -> None:
    repository = Repository("r.example/a")
    began = "https://r.example/v2/a/manifests/latest"
    wire = wired(repository, {began: "http://mirror.example/a"})
    with pytest.raises(UserError) as caught:
        repository.manifest("latest")
    said = (
        "registry r.example (a): a redirect leads to http://mirror.example/a, which is not an https address"
    )
    assert str(caught.value) == said
    assert not isinstance(caught.value, SilentError), "it has answered"
    assert wire.asked == [began]


@pytest.mark.parametrize("target", ["https://mirror.example/a", "/v2/b/manifests/latest"])
def test_a_redirect_that_stays_with_https_is_followed(target: str) -> None:
    repository = Repository("r.example/a")
    wire = wired(repository, {"https://r.example/v2/a/manifests/latest": target})
    assert repository.manifest("latest").digest == sha256_of(MANIFEST)
    assert len(wire.asked) == 2


@pytest.mark.parametrize("moved", [302, 303])
@pytest.mark.parametrize("status", [200, 404])
def test_a_write_or_removal_that_a_redirect_turns_into_a_read_is_an_error(moved: int, status: int) -> None:
    """`requests` follows these redirects with GET; what answered counted as “written” or “removed”."""
    repository = Repository("r.example/a")
    login = "https://login.example/?next=secret"
    wire = wired(repository, {"https://r.example/v2/a/manifests/x": login})
    wire.moved, wire.status = moved, status
    told = "a redirect to login.example made it a GET: it is unknown whether anything was changed"
    with pytest.raises(RegistryError, match=rf"registry r\.example \(a\): DELETE: {told}") as caught:
        repository.remove("x")
    assert "secret" not in str(caught.value)
    with pytest.raises(RegistryError, match=rf"registry r\.example \(a\): PUT: {told}"):
        repository.put_manifest("x", Manifest(MANIFEST, OCI))


def test_a_manifest_is_written_only_if_the_registry_says_that_it_created_it() -> None:
    """A proxy's own page answers 200, and was taken for success."""
    repository, manifest = Repository("r.example/a"), Manifest(MANIFEST, OCI)
    wire = wired(repository, {"https://r.example/v2/a/manifests/moved": "https://r.example/v2/b/manifests/x"})
    told = r"r\.example/a: manifest x is not written: the"
    with pytest.raises(RegistryError, match=rf"{told} answer is 200, not 201"):
        repository.put_manifest("x", manifest)
    wire.status = 201
    repository.put_manifest("x", manifest)
    repository.put_manifest("moved", manifest)
    wire.headers = {"Docker-Content-Digest": manifest.digest}
    repository.put_manifest("x", manifest)
    wire.headers = {"Docker-Content-Digest": sha256_of(b"")}
    with pytest.raises(RegistryError, match=rf"{told} registry has stored {sha256_of(b'')}, not"):
        repository.put_manifest("x", manifest)


@pytest.mark.parametrize(
    "moved", [{}, {"https://r.example/v2/a/manifests/latest": "https://mirror.example/a"}]
)
def test_an_answer_that_is_too_long_is_read_to_its_limit_only(moved: dict[str, str]) -> None:
    """The limit holds for a redirect's body too, which `requests` reads completely before it goes on."""
    repository = Repository("r.example/a")
    wire = wired(repository, moved, b" " * (ANSWER_LIMIT + 1))
    with pytest.raises(RegistryError) as caught:
        repository.manifest("latest")
    said = "registry r.example (a): an answer of more than 4 MiB: https://r.example/v2/a/manifests/latest"
    assert str(caught.value) == said
    assert len(wire.asked) == 1


ADDRESSES = ("https://[x/t", "https://r.example:port/t", "https://r.example:99999/t")


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_that_is_none_is_an_error_of_the_registry(address: str) -> None:
    """Each ended a command with Python's ValueError, wherever the registry named it."""
    began = "https://r.example/v2/a/manifests/x"
    named = Repository("r.example/a")
    wired(named, {began: address})
    with pytest.raises(RegistryError, match=r"registry r\.example"):
        named.manifest("x")
    asks = Repository("r.example/a")
    wire = wired(asks, {})
    wire.status, wire.headers = 401, {"WWW-Authenticate": f'Bearer realm="{address}"'}
    with pytest.raises(RegistryError, match=r"registry r\.example"):
        asks.manifest("x")
    wire.status, wire.headers = 202, {"Location": address}
    with pytest.raises(RegistryError, match=r"registry r\.example"):
        asks.put_blob(sha256_of(b""), io.BytesIO())
    pages = Repository("r.example/a")
    wired(pages, {}, b'{"tags": []}').headers = {"Link": f'<{address}>; rel="next"'}
    with pytest.raises(RegistryError, match=r"registry r\.example"):
        pages.tags()


@pytest.mark.parametrize("tags", [1, "latest", [1], {"latest": 1}])
def test_a_list_of_tags_that_is_none_is_an_error_of_the_registry(tags: object) -> None:
    repository = Repository("r.example/a")
    wired(repository, {}, json.dumps({"tags": tags}).encode())
    with pytest.raises(RegistryError, match=r"registry r\.example \(a\): its tags are not a list of names"):
        repository.tags()


def test_a_redirect_that_is_not_text_is_an_error_of_the_registry() -> None:
    repository = Repository("r.example/a")
    wired(repository, {"https://r.example/v2/a/manifests/x": "https://\xff/t"})
    with pytest.raises(RegistryError, match=r"registry r\.example \(a\): .*can't decode"):
        repository.manifest("x")


DIGEST: dict[str, Any] = {"digest": sha256_of(b"")}


@pytest.mark.parametrize(
    "fields",
    [
        {"manifests": [{**DIGEST, "platform": {"os": 1}}]},
        {"manifests": [{**DIGEST, "platform": "linux"}]},
        {"manifests": [{"digest": None}]},
        {"manifests": 1},
        {"config": {**DIGEST, "size": "1"}},
        {"layers": [{**DIGEST, "size": 1}]},
        {"layers": [{**DIGEST, "mediaType": OCI}]},
        {"annotations": [1]},
        {"annotations": {"a": 1}},
    ],
    ids=json.dumps,
)
def test_a_manifest_with_a_field_of_a_wrong_type_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(RegistryError, match="is not a manifest"):
        _ = Manifest(json.dumps(fields).encode(), OCI).fields


def test_null_in_a_manifest_is_an_absent_field() -> None:
    """Go reads and writes it so; a platform that was null ended a preview with an AttributeError."""
    fields = {"manifests": [{**DIGEST, "platform": None}], "layers": None, "annotations": None}
    assert Manifest(json.dumps(fields).encode(), OCI).fields == {"manifests": [DIGEST]}


@pytest.mark.parametrize(
    "body", [b"[" * 100_000, b'{"os": 1}', b'{"config": {"Labels": 1}}', b'{"config": 1}']
)
def test_a_configuration_that_is_none_is_an_error_of_the_registry(body: bytes) -> None:
    repository = Repository("r.example/a")
    wired(repository, {}, body)
    image = {"config": {"digest": sha256_of(body), "size": len(body)}}
    with pytest.raises(RegistryError, match=rf"{sha256_of(body)} is not an image's configuration: b"):
        repository.config(Manifest(json.dumps(image).encode(), OCI))


def test_parameters_of_a_content_type_are_not_part_of_the_media_type() -> None:
    repository = Repository("r.example/a")
    wire = wired(repository, {})
    wire.headers = {"Content-Type": f"{OCI} ; charset=utf-8"}
    assert repository.manifest("latest").media_type == OCI


def test_an_answer_of_exactly_the_limit_is_accepted() -> None:
    repository = Repository("r.example/a")
    wired(repository, {}, b" " * ANSWER_LIMIT)
    assert len(repository.manifest("latest").content) == ANSWER_LIMIT


def test_a_blob_may_be_larger() -> None:
    repository, blob = Repository("r.example/a"), b" " * (ANSWER_LIMIT + 1)
    wired(repository, {}, blob)
    with repository.blob(sha256_of(blob), len(blob)) as file:
        assert file.read() == blob


def test_a_blob_longer_than_its_size_in_the_manifest_is_not_read_further() -> None:
    """An endless answer would fill the disk before the digest is compared."""
    repository, blob = Repository("r.example/a"), b" " * (8 << 20)
    wired(repository, {}, blob)
    wanted = rf"blob {sha256_of(blob)} is longer than the 7 bytes that its manifest names"
    with pytest.raises(RegistryError, match=wanted), repository.blob(sha256_of(blob), 7):
        pass


def test_a_list_of_tags_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    repository, asked = Repository("r.example/a"), list[str]()
    monkeypatch.setattr(repository._session, "ask", lambda _, path, **__: endless(asked, path))
    with pytest.raises(RegistryError, match="its tags have over 1000 pages"):
        repository.tags()
    assert len(asked) == TAG_PAGES


def test_a_page_of_tags_that_leads_to_itself_is_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    repository, asked = Repository("r.example/a"), list[str]()
    monkeypatch.setattr(
        repository._session, "ask", lambda _, path, **__: endless(asked, path, following="tags/list?n=1000")
    )
    assert repository.tags() == ["latest"]
    assert len(asked) == 1


def endless(asked: list[str], path: str, following: str | None = None) -> requests.Response:
    asked.append(path)
    answer = requests.Response()
    answer.raw = io.BytesIO(b'{"tags": ["latest"]}')
    answer.headers["Link"] = f'<{following or f"tags/list?last={len(asked)}"}>; rel="next"'
    return answer
