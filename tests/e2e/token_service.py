"""A token service like Docker Hub's and GitHub's: a login there yields a token that the registry accepts.

The flow is distribution's (registry/spec/auth/token): a 401 names realm, service and scope; the realm
answers GET with a signed token for those requested actions that the account is allowed. The registry
verifies it with the service's public key (JWKS).
"""

import base64
import http.server
import itertools
import json
import math
import secrets
import ssl
import subprocess
import threading
import time
import urllib.parse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey

from tests.e2e.faulty import Proxy
from tests.e2e.hosted import log_in, start_registry
from tests.e2e.machine import Machine

PORT = 15447
NAME = "tests-tokens"
"""Name of the service and of the issuer."""
LEEWAY = 60
"""Seconds for which the registry accepts an expired token (registry/auth/token: Leeway)."""
LONG = 300
ALL = frozenset({"pull", "push", "delete"})
PASSWORDS = {user: f"canary-{secrets.token_hex(16)}" for user in ("publisher", "reader")}


@dataclass(frozen=True, slots=True)
class Asked:
    """An answered request for a token."""

    user: str
    """Empty if anonymous."""
    scopes: tuple[str, ...]


class TokenService:
    """A token service on a loopback port, on another host than the registry's (127.0.0.1), until closed."""

    def __init__(self, folder: Path, certificates: Path) -> None:
        self.asked: list[Asked] = []
        self.refused = 0
        """Number of requests with a wrong password."""
        self.lifetimes: Iterator[int] = itertools.repeat(LONG)
        """Seconds for which the registry accepts each of the next tokens, and up to one more."""
        self.may: dict[str, frozenset[str]] = {
            "publisher": ALL,
            "reader": frozenset({"pull"}),
            "": frozenset({"pull"}),
        }
        """User → allowed actions; the empty user is anonymous."""
        self._key = ECKey.generate_key("P-256", {"kid": "tests", "alg": "ES256", "use": "sig"})
        (folder / "jwks.json").write_text(json.dumps({"keys": [self._key.as_dict(private=False)]}))
        service = self

        class Handler(_Handler):
            owner = service

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*_certificate(folder, certificates))
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def realm(self) -> str:
        """Address that the registry names in its challenge."""
        return f"https://127.0.0.1:{self._server.server_address[1]}/token"

    def user_of(self, login: str | None) -> str | None:
        """User of a Basic login, empty without one; None if the password is wrong."""
        if login is None:
            return ""
        user, _, password = base64.b64decode(login.removeprefix("Basic ")).decode().partition(":")
        return user if PASSWORDS.get(user) == password else None

    def token(self, user: str, scopes: list[str]) -> dict[str, Any]:
        """Answer with a token for those requested actions that the user is allowed."""
        self.asked.append(Asked(user, tuple(scopes)))
        access = []
        for scope in scopes:
            kind, name, actions = scope.split(":")
            granted = sorted(self.may[user] & set(actions.split(",")))
            access.append({"type": kind, "name": name, "actions": granted})
        now = int(time.time())
        ends = math.ceil(time.time()) + next(self.lifetimes) - LEEWAY
        claims = {"iss": NAME, "sub": user, "aud": NAME, "exp": ends, "nbf": now - 120, "iat": now}
        token = jwt.encode(
            {"alg": "ES256", "kid": "tests"},
            {**claims, "jti": secrets.token_hex(8), "access": access},
            self._key,
        )
        # Clients rely on this lifetime; the registry ends the token earlier.
        return {"token": token, "access_token": token, "expires_in": LONG}

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()


def _certificate(folder: Path, certificates: Path) -> tuple[Path, Path]:
    """Certificate and key for 127.0.0.1, issued by the set-up's own authority."""
    certificate, key = folder / "token.crt", folder / "token.key"
    authority = ["-CA", str(certificates / "ca.crt"), "-CAkey", str(certificates / "ca.key")]
    new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    name = ["-subj", "/CN=tokens", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run(
        ["openssl", "req", "-x509", *authority, *new, *name, *files], check=True, capture_output=True
    )
    return certificate, key


class _Handler(http.server.BaseHTTPRequestHandler):
    owner: TokenService

    def do_GET(self) -> None:
        asked = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        user = self.owner.user_of(self.headers.get("Authorization"))
        if user is None:
            self.owner.refused += 1
            self._answer(401, {"errors": [{"code": "UNAUTHORIZED", "message": "wrong password"}]})
            return
        scopes = [scope for given in asked.get("scope", []) for scope in given.split()]
        self._answer(200, self.owner.token(user, scopes))

    def do_POST(self) -> None:
        """Refuse OAuth's POST, as GitHub does: clients that try it first go on with GET."""
        self._answer(405, {})

    def _answer(self, status: int, fields: Mapping[str, Any]) -> None:
        content = json.dumps(fields).encode()
        self.send_response_only(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Print nothing: `asked` records each request."""


@dataclass(frozen=True, slots=True)
class TokenRegistry:
    """The registry, the proxy through which all clients reach it, and its token service."""

    machine: Machine
    proxy: Proxy
    service: TokenService

    @property
    def address(self) -> str:
        return self.proxy.address

    def login(self, user: str | None = "publisher", password: str | None = None) -> None:
        """Store a login in the docker config, as `docker login` does; None logs out."""
        log_in(self.machine, self.address, user and (password or PASSWORDS[user]), user or "")

    def reset(self) -> None:
        """Clear faults and records, and restore the publisher's login."""
        self.proxy.faults.clear()
        self.proxy.requests.clear()
        self.proxy.schemes.clear()
        self.service.asked.clear()
        self.service.lifetimes = itertools.repeat(LONG)
        self.login()


def start_token_registry(machine: Machine) -> TokenRegistry:
    """Start all three, and log the machine in as the publisher."""
    folder, certificates = machine.layout.state / "tokens", machine.layout.ca.parent
    folder.mkdir()
    tokens = TokenService(folder, certificates)
    named = f'realm: "{tokens.realm}", service: {NAME}, issuer: {NAME}'
    start_registry(machine, "tokens", PORT, folder, f"token: {{{named}, jwks: {folder}/jwks.json}}")
    registry = TokenRegistry(machine, Proxy(PORT, certificates), tokens)
    registry.login()
    return registry
