"""One repository of a registry over HTTPS: manifests, blobs, tags (OCI distribution-spec 1.1).

Credentials are the machine's docker config, credential helpers included: none passes through here
into a state or a message. Passing faults (429, 5xx, a cut connection) are tried again, with the
time that Retry-After asks for.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any
from urllib.parse import urljoin, urlsplit

import docker.auth
import requests
from docker.errors import DockerException
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase, HTTPBasicAuth
from requests.utils import parse_dict_header
from urllib3.exceptions import HTTPError
from urllib3.util import Retry

from plugins.base import ProviderError

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
ACCEPT = ", ".join((INDEX, MANIFEST, DOCKER_MANIFEST, DOCKER_LIST))

SECONDS = (10, 60)
"""Time limits of one request: to connect, and between two pieces of an answer."""
TRIES = 4
LONGEST_WAIT = 60
"""Seconds: a registry that asks for more is reported instead of waited for."""
PIECE = 1 << 20

HUB = "docker.io"
HUB_API = "registry-1.docker.io"


class RegistryError(ProviderError):
    """A registry did not do what was asked; the message names it and holds no credential."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest or list, byte for byte: its digest is that of `content`."""

    content: bytes
    media_type: str

    @property
    def digest(self) -> str:
        """`sha256:…`."""
        return f"sha256:{hashlib.sha256(self.content).hexdigest()}"

    @property
    def fields(self) -> Any:
        """The JSON document. Raises RegistryError where it is none."""
        try:
            return json.loads(self.content)
        except ValueError:
            raise RegistryError(f"manifest {self.digest} is no JSON: {self.content[:40]!r}") from None


class _Bearer(AuthBase):
    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def split_name(name: str) -> tuple[str, str]:
    """`HOST[:PORT]/PATH` → (host, path). On Docker Hub a path of one part is an official image."""
    host, _, path = name.partition("/")
    return host, f"library/{path}" if host == HUB and "/" not in path else path


class Repository:
    """One repository, by its full name such as `ghcr.io/skycoin/skycoin`."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.host, self.path = split_name(name)
        self._root = f"https://{HUB_API if self.host == HUB else self.host}/v2/{self.path}/"
        self._auth: AuthBase | None = None
        self._session = requests.Session()
        again = Retry(
            total=TRIES,
            # A registry that is down stays down for longer than a run should wait.
            connect=1,
            backoff_factor=0.5,
            status_forcelist=(429, 500, 502, 503, 504),
            allowed_methods=None,
            raise_on_status=False,
            retry_after_max=LONGEST_WAIT,
        )
        self._session.mount("https://", HTTPAdapter(max_retries=again))
        # As the docker-build plugin: one bundle that a set-up may have extended by its registry's CA.
        self._verify: str | bool = os.environ.get("SSL_CERT_FILE") or True

    def digest_of(self, reference: str) -> str | None:
        """Digest that a tag points to (or a digest itself, where it is there); None where it is not."""
        answer = self._ask("HEAD", f"manifests/{reference}", headers={"Accept": ACCEPT}, missing=True)
        if answer is None:
            return None
        digest = answer.headers.get("Docker-Content-Digest")
        return digest or self.manifest(reference).digest

    def manifest(self, reference: str) -> Manifest:
        """A manifest or list by tag or digest. Raises RegistryError where it is missing or not itself."""
        answer = self._ask("GET", f"manifests/{reference}", headers={"Accept": ACCEPT})
        found = Manifest(answer.content, answer.headers.get("Content-Type", ""))
        if reference.startswith("sha256:") and found.digest != reference:
            raise RegistryError(f"{self.name}@{reference}: the registry answered with {found.digest}")
        return found

    def put_manifest(self, reference: str, manifest: Manifest) -> None:
        """Write a manifest under a tag or its digest."""
        headers = {"Content-Type": manifest.media_type}
        self._ask("PUT", f"manifests/{reference}", headers=headers, data=manifest.content)

    def tags(self) -> list[str]:
        """All tags, in the registry's order; none where the repository is not there."""
        found: list[str] = []
        path: str | None = "tags/list?n=1000"
        while path is not None:
            answer = self._ask("GET", path, missing=True)
            if answer is None:
                return []
            found += answer.json().get("tags") or []
            path = answer.links["next"]["url"] if "next" in answer.links else None
        return found

    def remove(self, reference: str) -> bool:
        """Remove a tag, or a manifest by digest with every tag on it; False where it was not there.

        Raises RegistryError; where the registry has no delete API, that is what the message says.
        """
        return self._ask("DELETE", f"manifests/{reference}", missing=True) is not None

    def config(self, manifest: Manifest) -> Any:
        """Configuration of an image, as JSON."""
        digest = manifest.fields["config"]["digest"]
        content = self._ask("GET", f"blobs/{digest}").content
        if f"sha256:{hashlib.sha256(content).hexdigest()}" != digest:
            raise RegistryError(f"{self.name}: blob {digest} is damaged in the registry")
        return json.loads(content)

    def has_blob(self, digest: str) -> bool:
        """Whether the registry has a blob already."""
        return self._ask("HEAD", f"blobs/{digest}", missing=True) is not None

    @contextmanager
    def blob(self, digest: str) -> Iterator[IO[bytes]]:
        """A blob as a file on disk, its digest checked; read again where the connection was cut."""
        with tempfile.TemporaryFile() as file:
            for left in reversed(range(TRIES)):
                try:
                    found = self._download(digest, file)
                    break
                except (requests.RequestException, HTTPError) as error:
                    if not left:
                        raise RegistryError(f"{self.name}: blob {digest}: {_brief(error)}") from None
            if found != digest:
                raise RegistryError(f"{self.name}: blob {digest} is damaged in the registry")
            file.seek(0)
            yield file

    def put_blob(self, digest: str, file: IO[bytes]) -> None:
        """Send a blob in one piece; an upload that was cut starts again, under a new address."""
        for left in reversed(range(TRIES)):
            try:
                start = self._ask("POST", "blobs/uploads/")
                file.seek(0)
                self._ask(
                    "PUT",
                    urljoin(start.url, start.headers["Location"]),
                    params={"digest": digest},
                    headers={"Content-Type": "application/octet-stream"},
                    data=file,
                )
                return
            except RegistryError:
                if not left:
                    raise

    def _download(self, digest: str, file: IO[bytes]) -> str:
        file.seek(0)
        file.truncate()
        seen = hashlib.sha256()
        with self._ask("GET", f"blobs/{digest}", stream=True) as answer:
            for piece in answer.iter_content(PIECE):
                seen.update(piece)
                file.write(piece)
        return f"sha256:{seen.hexdigest()}"

    def _ask(self, method: str, path: str, *, missing: bool = False, **options: Any) -> Any:
        """The answer; None for 404 where `missing` is fine. Raises RegistryError for everything else."""
        answer = self._send(method, path, **options)
        if answer.status_code == requests.codes.unauthorized:
            self._auth = self._answered(answer.headers.get("WWW-Authenticate", ""))
            answer = self._send(method, path, **options)
        if answer.status_code == requests.codes.not_found and missing:
            return None
        if not answer.ok:
            raise RegistryError(_refusal(self, method, answer))
        return answer

    def _send(self, method: str, path: str, **options: Any) -> requests.Response:
        url = urljoin(self._root, path)
        # An upload's address may be somebody else's storage: no credential goes there.
        own = urlsplit(url)[:2] == urlsplit(self._root)[:2]
        try:
            return self._session.request(
                method,
                url,
                auth=self._auth if own else None,
                verify=self._verify,
                timeout=SECONDS,
                **options,
            )
        except requests.RequestException as error:
            raise RegistryError(f"registry {self.host} ({self.path}): {_brief(error)}") from None

    def _answered(self, challenge: str) -> AuthBase | None:
        """What a 401 asks for: Basic, or a Bearer token from the service that it names."""
        scheme, _, rest = challenge.partition(" ")
        user = self._credentials()
        if scheme.lower() == "basic":
            return HTTPBasicAuth(*user) if user else None
        if scheme.lower() != "bearer":
            return None
        asked: dict[str, str] = parse_dict_header(rest)  # type: ignore[no-untyped-call]
        if urlsplit(asked.get("realm", "")).scheme != "https":
            raise RegistryError(f"registry {self.host}: its token service is not https: {asked.get('realm')}")
        query = {key: asked[key] for key in ("service", "scope") if key in asked}
        try:
            answer = self._session.get(
                asked["realm"], params=query, auth=user, verify=self._verify, timeout=SECONDS
            )
        except requests.RequestException as error:
            raise RegistryError(f"registry {self.host}: its token service: {_brief(error)}") from None
        if not answer.ok:
            raise RegistryError(_refusal(self, "login", answer))
        try:
            fields = answer.json()
            return _Bearer(fields.get("token") or fields["access_token"])
        except (ValueError, KeyError, AttributeError):
            raise RegistryError(f"registry {self.host}: its token service answered without a token") from None

    def _credentials(self) -> tuple[str, str] | None:
        """(user, password) of the docker config for this registry."""
        try:
            found: Mapping[str, str] | None = docker.auth.load_config().resolve_authconfig(
                None if self.host == HUB else self.host
            )
        except DockerException as error:
            raise RegistryError(f"registry {self.host}: the docker config's helper failed: {error}") from None
        if not found:
            return None
        values = {key.lower(): value for key, value in found.items()}
        return (values["username"], values["password"]) if values.get("username") else None


def _refusal(repository: Repository, method: str, answer: requests.Response) -> str:
    """One line: which registry, what it said, what to do."""
    try:
        said = "; ".join(f"{one['code']}: {one.get('message', '')}" for one in answer.json()["errors"])
    except (ValueError, KeyError, TypeError):
        said = answer.reason or ""
    line = f"registry {repository.host} ({repository.path}): {method}: {answer.status_code} {said}".rstrip()
    match answer.status_code:
        case 401 | 403:
            return f"{line}. Log in with an account that may do this: `docker login {repository.host}`"
        case 405 if method == "DELETE":
            return f"{line}. This registry has no delete API: remove it on the registry's own pages"
        case 429:
            wait = answer.headers.get("Retry-After")
            return f"{line}. Too many requests: try again {f'in {wait} s' if wait else 'later'}"
    return line


def _brief(error: Exception) -> str:
    """The innermost reason: urllib3 wraps it in objects whose addresses change with every run."""
    reason = getattr(error, "reason", None) or (error.args[0] if error.args else error)
    inner = getattr(reason, "reason", None) or reason
    return str(inner).partition(": ")[2] if "object at 0x" in str(inner) else str(inner)


def copy_blob(digest: str, source: Repository, target: Repository) -> int:
    """Bring a blob to another repository; the bytes sent, 0 where it was there."""
    if target.has_blob(digest):
        return 0
    with source.blob(digest) as file:
        target.put_blob(digest, file)
        return file.seek(0, os.SEEK_END)
