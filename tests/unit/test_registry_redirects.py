"""Redirects of a registry: a digest that came over plain HTTP could be anybody's."""

import io
from typing import Any

import pytest
import requests
from requests.adapters import BaseAdapter

from clients.errors import SilentError
from clients.registry import Repository, sha256_of
from display.errors import UserError

MANIFEST = b'{"manifests": []}'


class Wire(BaseAdapter):
    """Answers by URL, in place of the network; keeps what it was asked."""

    def __init__(self, redirects: dict[str, str]) -> None:
        super().__init__()
        self._redirects = redirects
        self.asked: list[str] = []

    def send(self, request: requests.PreparedRequest, **_: Any) -> requests.Response:  # type: ignore[override]
        url = request.url or ""
        self.asked.append(url)
        answer = requests.Response()
        answer.request, answer.url = request, url
        answer.status_code, answer.raw = 200, io.BytesIO(MANIFEST)
        if (target := self._redirects.get(url)) is not None:
            answer.status_code, answer.raw = 307, io.BytesIO()
            answer.headers["Location"] = target
        return answer

    def close(self) -> None:
        """Close nothing: no connection is open."""


def wired(repository: Repository, redirects: dict[str, str]) -> Wire:
    wire = Wire(redirects)
    for scheme in ("https://", "http://"):
        repository._session.mount(scheme, wire)
    return wire


def test_a_redirect_to_plain_http_is_refused_and_not_followed() -> None:
    repository = Repository("r.example/a")
    began = "https://r.example/v2/a/manifests/latest"
    wire = wired(repository, {began: "http://mirror.example/a"})
    with pytest.raises(UserError) as caught:
        repository.manifest("latest")
    said = "registry r.example (a): a redirect leads to http://mirror.example/a, which is not https"
    assert str(caught.value) == said
    assert not isinstance(caught.value, SilentError), "it has answered"
    assert wire.asked == [began]


@pytest.mark.parametrize("target", ["https://mirror.example/a", "/v2/b/manifests/latest"])
def test_a_redirect_that_stays_with_https_is_followed(target: str) -> None:
    repository = Repository("r.example/a")
    wire = wired(repository, {"https://r.example/v2/a/manifests/latest": target})
    assert repository.manifest("latest").digest == sha256_of(MANIFEST)
    assert len(wire.asked) == 2
