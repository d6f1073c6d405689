"""One repository of a registry over HTTPS: manifests, blobs, tags (OCI distribution-spec 1.1).

Credentials come from the machine's docker config, credential helpers included; none passes from here into a
state or a message. Temporary errors (429, 5xx, a lost connection) are retried after the time given in
Retry-After.
"""

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self
from urllib.parse import urljoin, urlsplit

import docker.auth
import requests
from docker.errors import DockerException
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase, HTTPBasicAuth
from requests.utils import parse_dict_header
from urllib3.exceptions import HTTPError, MaxRetryError
from urllib3.util import Retry

from catalogue.registries import LOCAL_HOST
from clients.errors import ServiceError, SilentError
from clients.trust import SYSTEM_BUNDLES

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
ACCEPT = ", ".join((INDEX, MANIFEST, DOCKER_MANIFEST, DOCKER_LIST))

SECONDS = (10, 60)
"""Time limits of one request in seconds: for the connection, and between two parts of a response."""
TRIES = 4
LONGEST_WAIT = 60
"""Longest Retry-After in seconds that is waited for; a longer one is an error."""
PIECE = 1 << 20
ANSWER_LIMIT = 4 << 20
"""Most bytes of a response other than a blob.

Registries must accept manifests of this size (OCI distribution-spec).
"""
TAG_PAGES = 1000
"""Most pages of a list of tags; each has a thousand tags if the registry honours the request."""

_ECR = re.compile(r"\d{12}\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?")

HUB = "docker.io"
HUB_API = "registry-1.docker.io"


class RegistryError(ServiceError):
    """A registry failed to handle a request; the message names it and contains no credential."""

    def __init__(self, message: str, *, passing: bool = False) -> None:
        super().__init__(message)
        self.passing = passing
        """True if the same request may succeed a moment later."""


class SilentRegistryError(RegistryError, SilentError):
    """A registry can't be reached."""


def sha256_of(content: bytes) -> str:
    """Digest as registries write it: `sha256:…`."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest or a list, byte for byte; its digest is that of `content`."""

    content: bytes
    media_type: str

    @property
    def digest(self) -> str:
        """`sha256:…`."""
        return sha256_of(self.content)

    @property
    def fields(self) -> dict[str, Any]:
        """The JSON document. Raises RegistryError if it is invalid, or an entry has no digest."""
        try:
            document = json.loads(self.content)
            descriptors = [document[key] for key in ("config",) if key in document]
            descriptors += [
                descriptor for key in ("layers", "manifests") for descriptor in document.get(key) or ()
            ]
            if all(isinstance(descriptor["digest"], str) for descriptor in descriptors):
                return {**document}
        except (ValueError, TypeError, AttributeError, KeyError):
            pass
        raise RegistryError(f"{self.digest} is not a manifest: {self.content[:40]!r}")


class _Patience(Retry):
    """urllib3's retries, except that a Retry-After that is too long is an error."""

    def increment(self, *args: Any, **options: Any) -> Self:
        response, pool = options.get("response"), options.get("_pool")
        if response is not None and pool is not None and (self.get_retry_after(response) or 0) > LONGEST_WAIT:
            raise MaxRetryError(pool, "")
        return super().increment(*args, **options)


class _Plain(requests.exceptions.InvalidSchema):
    """A redirect leads to an address that is not https."""


class _TooLong(requests.exceptions.RequestException):
    """A response is longer than ANSWER_LIMIT."""


def _read_bounded(answer: requests.Response, **options: Any) -> None:
    """Read a complete response, also that of a redirect, before requests would read it without a limit."""
    if options.get("stream") and answer.ok and not answer.is_redirect:
        return
    content = bytearray()
    for piece in answer.iter_content(PIECE):
        content += piece
        if len(content) > ANSWER_LIMIT:
            answer.close()
            raise _TooLong(f"an answer of more than {ANSWER_LIMIT >> 20} MiB: {answer.url}")
    answer._content = bytes(content)


class _Session(requests.Session):
    """Session without the logins in ~/.netrc, which requests adds by default, and without plain HTTP."""

    def __init__(self) -> None:
        super().__init__()
        self.hooks["response"].append(_read_bounded)

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        target = super().get_redirect_target(resp)
        if target is not None and urlsplit(urljoin(resp.url, target)).scheme != "https":
            raise _Plain(f"a redirect leads to {target}, which is not https")
        return target

    def rebuild_auth(self, prepared_request: requests.PreparedRequest, response: requests.Response) -> None:
        before, after = response.request.url or "", prepared_request.url or ""
        if _origin(before) != _origin(after):
            prepared_request.headers.pop("Authorization", None)


class _Anonymous(AuthBase):
    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request


class _Bearer(AuthBase):
    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def split_name(name: str) -> tuple[str, str]:
    """Split `HOST[:PORT]/PATH` into (host, path). On Docker Hub a path of one part is an official image."""
    host, _, path = name.partition("/")
    return host, f"library/{path}" if host == HUB and "/" not in path else path


class Repository:
    """One repository, given by its full name such as `ghcr.io/skycoin/skycoin`."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.host, self.path = split_name(name)
        self._root = f"https://{HUB_API if self.host == HUB else self.host}/v2/{self.path}/"
        self._auth: AuthBase = _Anonymous()
        self._session = _Session()
        again = _Patience(
            total=TRIES,
            # A registry that is down stays so for longer than a run should wait.
            connect=1,
            backoff_factor=0.5,
            status_forcelist=(429, 500, 502, 503, 504),
            allowed_methods=None,
            raise_on_status=False,
        )
        self._session.mount("https://", HTTPAdapter(max_retries=again))
        # Like Go programs such as the docker-build plugin: SSL_CERT_FILE, otherwise the system's bundle.
        bundles = (bundle for bundle in SYSTEM_BUNDLES if Path(bundle).exists())
        self._verify: str | bool = os.environ.get("SSL_CERT_FILE") or next(bundles, True)

    def digest_of(self, reference: str) -> str | None:
        """Digest that a tag points to, or the given digest if it exists; None if missing."""
        answer = self._ask("HEAD", f"manifests/{reference}", headers={"Accept": ACCEPT}, missing=True)
        if answer is None:
            return None
        digest = answer.headers.get("Docker-Content-Digest")
        return digest or self.manifest(reference).digest

    def manifest(self, reference: str) -> Manifest:
        """Fetch a manifest or list by tag or digest.

        Raises RegistryError if it is missing or its digest differs.
        """
        answer = self._ask("GET", f"manifests/{reference}", headers={"Accept": ACCEPT})
        manifest = Manifest(answer.content, answer.headers.get("Content-Type", ""))
        if reference.startswith("sha256:") and manifest.digest != reference:
            raise RegistryError(f"{self.name}@{reference}: the registry answered with {manifest.digest}")
        return manifest

    def put_manifest(self, reference: str, manifest: Manifest) -> None:
        """Write a manifest under a tag or its digest."""
        headers = {"Content-Type": manifest.media_type}
        self._ask("PUT", f"manifests/{reference}", headers=headers, data=manifest.content)

    def tags(self) -> list[str]:
        """List all tags, in the registry's order; empty if the repository does not exist.

        Raises RegistryError.
        """
        names: list[str] = []
        path, visited = "tags/list?n=1000", set[str]()
        while path and path not in visited:
            if len(visited) == TAG_PAGES:
                raise RegistryError(
                    f"registry {self.host} ({self.path}): its tags have over {TAG_PAGES} pages"
                )
            visited.add(path)
            answer = self._ask("GET", path, missing=True)
            if answer is None:
                return []
            names += self._json(answer).get("tags") or []
            path = answer.links.get("next", {}).get("url", "")
        return names

    def remove(self, reference: str) -> bool:
        """Remove a tag, or a manifest by digest with all of its tags; False if it did not exist.

        Raises RegistryError, which says so if the registry has no delete API.
        """
        return self._ask("DELETE", f"manifests/{reference}", missing=True) is not None

    def config(self, manifest: Manifest) -> dict[str, Any]:
        """Fetch an image's configuration, as JSON."""
        digest = manifest.fields["config"]["digest"]
        answer = self._ask("GET", f"blobs/{digest}")
        if sha256_of(answer.content) != digest:
            raise RegistryError(f"{self.name}: blob {digest} is damaged in the registry")
        return self._json(answer)

    def has_blob(self, digest: str) -> bool:
        """True if the registry already has the blob."""
        return self._ask("HEAD", f"blobs/{digest}", missing=True) is not None

    @contextmanager
    def blob(self, digest: str, size: int) -> Iterator[IO[bytes]]:
        """Yield a blob as a file on disk, after checking its digest; a lost connection is retried.

        `size` is the descriptor's, in bytes; no more is read. Raises RegistryError.
        """
        with tempfile.TemporaryFile() as file:
            for tries_left in reversed(range(TRIES)):
                try:
                    received = self._download(digest, size, file)
                    break
                except (requests.RequestException, HTTPError) as error:
                    if not tries_left:
                        raise RegistryError(f"{self.name}: blob {digest}: {_brief(error)}") from None
            if received != digest:
                raise RegistryError(f"{self.name}: blob {digest} is damaged in the registry")
            file.seek(0)
            yield file

    def put_blob(self, digest: str, file: IO[bytes]) -> None:
        """Upload a blob in one piece; after a lost connection the upload starts again at a new address."""
        for tries_left in reversed(range(TRIES)):
            try:
                start = self._ask("POST", "blobs/uploads/")
                if "Location" not in start.headers:
                    raise RegistryError(f"registry {self.host} ({self.path}): an upload without an address")
                file.seek(0)
                self._ask(
                    "PUT",
                    urljoin(start.url, start.headers["Location"]),
                    params={"digest": digest},
                    headers={"Content-Type": "application/octet-stream"},
                    data=file,
                )
                return
            except RegistryError as error:
                if not tries_left or not error.passing:
                    raise

    def _download(self, digest: str, size: int, file: IO[bytes]) -> str:
        file.seek(0)
        file.truncate()
        sha256 = hashlib.sha256()
        with self._ask("GET", f"blobs/{digest}", stream=True) as answer:
            for piece in answer.iter_content(PIECE):
                sha256.update(piece)
                file.write(piece)
                if file.tell() > size:
                    raise RegistryError(
                        f"{self.name}: blob {digest} is longer than the {size} bytes that its manifest names"
                    )
        return f"sha256:{sha256.hexdigest()}"

    def _ask(self, method: str, path: str, *, missing: bool = False, **options: Any) -> Any:
        """Send a request; None for 404 if `missing` allows it. Raises RegistryError for every other error."""
        answer = self._send(method, path, **options)
        # A host that a redirect or an upload's address leads to gets no login, and its challenge is ignored.
        if answer.status_code == requests.codes.unauthorized and _origin(answer.url) == _origin(self._root):
            self._auth = self._authentication(answer.headers.get("WWW-Authenticate", ""))
            body = options.get("data")
            if body is not None and not isinstance(body, bytes):
                body.seek(0)
            answer = self._send(method, path, **options)
        if answer.status_code == requests.codes.not_found and missing:
            return None
        if not answer.ok:
            # 404 during an upload: the registry has forgotten it; a new upload works.
            passing = answer.status_code >= 500 or answer.status_code in (404, 416)
            raise RegistryError(_error_message(self, method, answer), passing=passing)
        return answer

    def _json(self, answer: requests.Response) -> dict[str, Any]:
        try:
            return {**answer.json()}
        except (ValueError, TypeError):
            problem = f"the answer is not a JSON object: {answer.content[:40]!r}"
            raise RegistryError(f"registry {self.host} ({self.path}): {problem}") from None

    def _send(self, method: str, path: str, **options: Any) -> requests.Response:
        url = urljoin(self._root, path)
        if urlsplit(url).scheme != "https":
            raise RegistryError(f"registry {self.host} ({self.path}): leads to {url}, which is not https")
        # An upload's address may be on another company's storage, which must get no credential.
        is_own = _origin(url) == _origin(self._root)
        try:
            return self._session.request(
                method,
                url,
                auth=self._auth if is_own else _Anonymous(),
                verify=self._verify,
                timeout=SECONDS,
                **options,
            )
        except (_Plain, _TooLong) as error:
            raise RegistryError(f"registry {self.host} ({self.path}): {error}") from None
        except OSError as error:  # requests' own errors are of this kind too
            message = f"registry {self.host} ({self.path}): {_brief(error)}"
            if "certificate" in str(error):
                hint = "Add its authority to the bundle of SSL_CERT_FILE"
                raise RegistryError(f"{message}. {hint}", passing=True) from None
            raise SilentRegistryError(message, passing=True) from None

    def _authentication(self, challenge: str) -> AuthBase:
        """Authentication for a 401's challenge: Basic, or a Bearer token from the service that it names."""
        scheme, _, rest = challenge.partition(" ")
        user = self.login()
        if scheme.lower() == "basic":
            return HTTPBasicAuth(*user) if user else _Anonymous()
        if scheme.lower() != "bearer":
            return _Anonymous()
        parameters: dict[str, str] = parse_dict_header(rest)  # type: ignore[no-untyped-call]
        # Docker's client sends the login to any realm; Docker Hub's is on another host than its API.
        if urlsplit(parameters.get("realm", "")).scheme != "https":
            raise RegistryError(
                f"registry {self.host}: its token service is not https: {parameters.get('realm')}. "
                "No login is sent there: the registry's configuration must name a realm with https"
            )
        query = {key: parameters[key] for key in ("service", "scope") if key in parameters}
        try:
            answer = self._session.get(
                parameters["realm"],
                params=query,
                auth=user or _Anonymous(),
                verify=self._verify,
                timeout=SECONDS,
            )
        except OSError as error:
            raise RegistryError(f"registry {self.host}: its token service: {_brief(error)}") from None
        if not answer.ok:
            raise RegistryError(_error_message(self, "login", answer))
        try:
            fields = answer.json()
            return _Bearer(fields.get("token") or fields["access_token"])
        except (ValueError, KeyError, AttributeError):
            raise RegistryError(f"registry {self.host}: its token service answered without a token") from None

    def login(self) -> tuple[str, str] | None:
        """(user, password) for this registry from the docker config."""
        try:
            config: Mapping[str, str] | None = docker.auth.load_config().resolve_authconfig(
                None if self.host == HUB else self.host
            )
        except (DockerException, ValueError) as error:
            raise RegistryError(f"registry {self.host}: the docker config can't be read: {error}") from None
        if not config:
            return None
        values = {key.lower(): value for key, value in config.items()}
        if values.get("identitytoken") or values.get("username") == "<token>":
            raise RegistryError(
                f"registry {self.host}: the docker config has an identity token, which is not supported. "
                f"Log in with a user and a password or access token: `docker login {self.host}`"
            )
        return (values["username"], values["password"]) if values.get("username") else None


def _origin(url: str) -> tuple[str, str, int]:
    parts = urlsplit(url)
    return parts.scheme, (parts.hostname or "").lower(), parts.port or 443


def _error_message(repository: Repository, method: str, answer: requests.Response) -> str:
    """Error message on one line: the registry, its answer, and the remedy."""
    try:
        reason = "; ".join(
            f"{error['code']}: {error.get('message', '')}" for error in answer.json()["errors"]
        )
    except (ValueError, KeyError, TypeError):
        reason = answer.reason or ""
    line = f"registry {repository.host} ({repository.path}): {method}: {answer.status_code} {reason}".rstrip()
    match answer.status_code:
        case 401 | 403:
            return f"{line}. Log in with an account that may do this: {login_hint(repository.host)}"
        case 405 if method == "DELETE":
            return f"{line}. This registry has no delete API: remove it on the registry's web pages"
        case 429:
            wait = answer.headers.get("Retry-After")
            return f"{line}. Too many requests: try again {f'in {wait} s' if wait else 'later'}"
    return line


def login_hint(host: str) -> str:
    """Sentence with the command that adds a login to the docker config."""
    command = login_command(host)
    own = host.partition(":")[0] == LOCAL_HOST
    return f'{command}, or for the registry of `make up`: `eval "$(make -s env)"`' if own else command


def login_command(host: str) -> str:
    """Command that adds a login to the docker config. Amazon's login is a token valid for 12 hours."""
    match = _ECR.fullmatch(host)
    if match is None:
        return f"`docker login {host}`"
    token = f"aws ecr get-login-password --region {match['region']}"
    return f"`{token} | docker login --username AWS --password-stdin {host}`"


def _brief(error: Exception) -> str:
    """Innermost reason of an error; urllib3 wraps it in objects whose texts have memory addresses."""
    reason = getattr(error, "reason", None) or (error.args[0] if error.args else error)
    inner = getattr(reason, "reason", None) or reason
    return str(inner).partition(": ")[2] if "object at 0x" in str(inner) else str(inner)


def copy_blob(digest: str, size: int, source: Repository, target: Repository) -> int:
    """Copy a blob to another repository; return the bytes sent, 0 if it already existed there."""
    if target.has_blob(digest):
        return 0
    with source.blob(digest, size) as file:
        target.put_blob(digest, file)
        return file.seek(0, os.SEEK_END)
