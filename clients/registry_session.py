"""Requests to one repository of a registry: authentication, retries, redirects and error messages.

Credentials come from the machine's docker config; none passes from here into a state or a message. Temporary
errors (429, 500, 502 to 504, a lost connection) are retried, after the time in Retry-After if there is one.
"""

import os
from pathlib import Path
from typing import Any, Self
from urllib.parse import urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase, HTTPBasicAuth
from requests.utils import parse_dict_header
from urllib3.exceptions import MaxRetryError
from urllib3.util import Retry

from clients.errors import RegistryError, SilentRegistryError
from clients.registry_login import HUB, login_hint, login_of
from clients.trust import SYSTEM_BUNDLES

SECONDS = (10, 60)
"""Time limits of one request in seconds: for the connection, and between two parts of a response."""
TRIES = 4
LONGEST_WAIT = 60
"""Longest Retry-After in seconds that is waited for; a longer one is an error."""
PIECE = 1 << 20
ANSWER_LIMIT = 4 << 20
"""Maximum length of a response other than a blob, in bytes.

Registries should accept manifests of this size (OCI distribution-spec).
"""

HUB_API = "registry-1.docker.io"


class _Patience(Retry):
    """urllib3's retries, except that a Retry-After that is too long is an error."""

    def increment(self, *args: Any, **options: Any) -> Self:
        response, pool = options.get("response"), options.get("_pool")
        if response is not None and pool is not None and (self.get_retry_after(response) or 0) > LONGEST_WAIT:
            raise MaxRetryError(pool, "")
        return super().increment(*args, **options)


class _Plain(requests.exceptions.InvalidSchema):
    """A redirect leads to something that is not an https address."""


class _TooLong(requests.exceptions.RequestException):
    """A response is longer than ANSWER_LIMIT."""


def _read_bounded(answer: requests.Response, **options: Any) -> None:
    """Read a response that is not streamed before requests would read it without a limit.

    The responses of errors and redirects are always read.
    """
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
        if target is not None and _https(target, resp.url) is None:
            raise _Plain(f"a redirect leads to {target}, which is not an https address")
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


class RegistrySession:
    """HTTPS requests to one repository of a registry, with the login and the retries that it needs."""

    def __init__(self, host: str, path: str) -> None:
        self.host, self.path = host, path
        self._root = f"https://{HUB_API if host == HUB else host}/v2/{path}/"
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

    def ask(self, method: str, path: str, *, missing: bool = False, **options: Any) -> Any:
        """Send a request; None for 404 if `missing` allows it.

        Raises RegistryError for every other error, and for a redirect that turns a write into a read: its
        answer says nothing about the write.
        """
        answer = self._send(method, path, **options)
        # A host that a redirect or an upload's address leads to gets no login, and its challenge is ignored.
        if answer.status_code == requests.codes.unauthorized and _origin(answer.url) == _origin(self._root):
            self._auth = self._authentication(answer.headers.get("WWW-Authenticate", ""))
            body = options.get("data")
            if body is not None and not isinstance(body, bytes):
                body.seek(0)
            answer = self._send(method, path, **options)
        if (asked := answer.request.method) != method:
            place = urlsplit(answer.url).hostname
            problem = f"a redirect to {place} made it a {asked}: it is unknown whether anything was changed"
            raise RegistryError(f"registry {self.host} ({self.path}): {method}: {problem}")
        if answer.status_code == requests.codes.not_found and missing:
            return None
        if not answer.ok:
            # 404 and 416 occur if the registry has forgotten an upload; a new upload works.
            passing = answer.status_code >= 500 or answer.status_code in (404, 416)
            raise RegistryError(_error_message(self, method, answer), passing=passing)
        return answer

    def json(self, answer: requests.Response) -> dict[str, Any]:
        """JSON object of a response. Raises RegistryError."""
        try:
            return {**answer.json()}
        except (ValueError, TypeError, RecursionError):
            problem = f"the answer is not a JSON object: {answer.content[:40]!r}"
            raise RegistryError(f"registry {self.host} ({self.path}): {problem}") from None

    def address(self, named: str, base: str) -> str:
        """Address that the registry names, relative to `base`. Raises RegistryError if it is not https."""
        if (url := _https(named, base)) is None:
            problem = f"leads to {named}, which is not an https address"
            raise RegistryError(f"registry {self.host} ({self.path}): {problem}")
        return url

    def _send(self, method: str, path: str, **options: Any) -> requests.Response:
        url = self.address(path, self._root)
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
        except (_Plain, _TooLong, ValueError) as error:  # ValueError: a header that is not text
            raise RegistryError(f"registry {self.host} ({self.path}): {error}") from None
        except OSError as error:  # requests' own errors are of this kind too
            message = f"registry {self.host} ({self.path}): {brief(error)}"
            if "certificate" in str(error):
                hint = "Add its authority to the bundle of SSL_CERT_FILE"
                raise RegistryError(f"{message}. {hint}", passing=True) from None
            raise SilentRegistryError(message, passing=True) from None

    def _authentication(self, challenge: str) -> AuthBase:
        """Authentication for a 401's challenge: Basic, a Bearer token from the service it names, or none.

        Raises RegistryError.
        """
        scheme, _, rest = challenge.partition(" ")
        user = login_of(self.host)
        if scheme.lower() == "basic":
            return HTTPBasicAuth(*user) if user else _Anonymous()
        if scheme.lower() != "bearer":
            return _Anonymous()
        parameters: dict[str, str] = parse_dict_header(rest)  # type: ignore[no-untyped-call]
        # Docker's client sends the login to any realm; Docker Hub's is on another host than its API.
        if _https(parameters.get("realm") or "") is None:
            raise RegistryError(
                f"registry {self.host}: its token service is not at an https address: "
                f"{parameters.get('realm')}. No login is sent there: the registry's configuration must name "
                "a realm with https"
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
        except (OSError, ValueError) as error:
            raise RegistryError(f"registry {self.host}: its token service: {brief(error)}") from None
        if not answer.ok:
            raise RegistryError(_error_message(self, "login", answer))
        try:
            fields = answer.json()
            return _Bearer(fields.get("token") or fields["access_token"])
        except (ValueError, KeyError, AttributeError):
            raise RegistryError(f"registry {self.host}: its token service answered without a token") from None


def _https(named: str, base: str = "") -> str | None:
    """Absolute form of an address that may be relative to `base`; None if it is malformed or not https."""
    try:
        url = urljoin(base, named)
        scheme, host, _ = _origin(url)
    except ValueError:
        return None
    return url if scheme == "https" and host else None


def _origin(url: str) -> tuple[str, str, int]:
    parts = urlsplit(url)
    return parts.scheme, (parts.hostname or "").lower(), parts.port or 443


def _error_message(session: RegistrySession, method: str, answer: requests.Response) -> str:
    """Error message on one line: the registry, its answer, and the remedy if it is known."""
    try:
        reason = "; ".join(
            f"{error['code']}: {error.get('message', '')}" for error in answer.json()["errors"]
        )
    except (ValueError, KeyError, TypeError):
        reason = answer.reason or ""
    line = f"registry {session.host} ({session.path}): {method}: {answer.status_code} {reason}".rstrip()
    match answer.status_code:
        case 401 | 403:
            return f"{line}. Log in with an account that may do this: {login_hint(session.host)}"
        case 405 if method == "DELETE":
            return f"{line}. This registry has no delete API: remove it on the registry's web pages"
        case 429:
            wait = answer.headers.get("Retry-After")
            return f"{line}. Too many requests: try again {f'in {wait} s' if wait else 'later'}"
    return line


def brief(error: Exception) -> str:
    """Innermost reason of an error; urllib3 wraps it in objects whose texts have memory addresses."""
    reason = getattr(error, "reason", None) or (error.args[0] if error.args else error)
    inner = getattr(reason, "reason", None) or reason
    return str(inner).partition(": ")[2] if "object at 0x" in str(inner) else str(inner)
