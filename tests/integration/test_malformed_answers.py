"""Answers of an engine in another form than Docker's: each is an error that names the host, never a bug."""

import base64
import copy
import json
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from docker.errors import NotFound

from catalogue.node_container import LAST_HEALTHY, NODE, WALLET_HELPER, WALLET_WRITER
from clients import engine
from clients.deployed_nodes import DeployedNode
from clients.ownership import unusable_files
from commands.node.rollback_digest import digest_for
from display.errors import UserError
from tests.integration.engine_answers import EngineAnswers
from tests.integration.test_engine_connection import frame
from tests.unit.test_wallet_backups import wallet
from wallets.adoption.owner import refuse_managed
from wallets.adoption.reading import read_folder
from wallets.adoption.source import Source
from wallets.adoption.users import refuse_removal, users_of
from wallets.files.archives import to_tar
from wallets.files.contents import File
from wallets.moving import is_running, refuse_one_engine, unrecorded_container
from wallets.volumes.of_node import fingerprint_on_host, volume_of
from wallets.volumes.users import refuse_users

DIGEST = f"sha256:{'a' * 64}"
IMAGE = f"docker.io/skycoin/skycoin@{DIGEST}"
MOUNT = {"Type": "volume", "Name": "wallet", "Source": "/w", "Destination": "/wallet", "RW": True}


def inspected(identity: str, name: str, labels: dict[str, str]) -> dict[str, Any]:
    return {
        "Id": identity,
        "Name": f"/{name}",
        "Image": DIGEST,
        "State": {"Status": "running", "Running": True, "ExitCode": 0, "StartedAt": "2026-01-01T00:00:00Z"},
        "Config": {"Image": IMAGE, "Tty": False, "Labels": labels, "Cmd": ["true"]},
        "HostConfig": {"AutoRemove": True, "RestartPolicy": {"Name": "no"}},
        "Mounts": [MOUNT],
    }


def listed(identity: str, name: str, labels: dict[str, str]) -> dict[str, Any]:
    return {
        "Id": identity,
        "Names": [f"/{name}"],
        "Image": IMAGE,
        "ImageID": DIGEST,
        "State": "running",
        "Labels": labels,
        "Mounts": [MOUNT],
    }


LABELS = {
    "skycoin-one": {NODE: "urn", LAST_HEALTHY: IMAGE},
    "old": {},
    "helper": {WALLET_HELPER: "wallet", WALLET_WRITER: "x 1 2"},
}
HONEST: dict[str, Any] = {
    "GET /info": {"ID": "a", "Name": "attic", "DockerRootDir": "/d", "SystemTime": "2026-01-01T00:00:00Z"},
    "GET /containers/json": [listed(name * 12, name, labels) for name, labels in LABELS.items()],
    **{
        f"GET /containers/{key}/json": inspected(name * 12, name, labels)
        for name, labels in LABELS.items()
        for key in (name, name * 12)
    },
    "GET /volumes": {
        "Volumes": [{"Name": "wallet", "Mountpoint": "/w", "Options": {"device": "/d", "o": "a"}}]
    },
    "GET /volumes/wallet": {"Name": "wallet", "Mountpoint": "/w", "Options": None},
    "GET /volumes/wallet-backups": {"Name": "wallet-backups", "Mountpoint": "/b", "Options": None},
    "GET /images/json": [{"Id": DIGEST, "RepoTags": None, "RepoDigests": [IMAGE], "Labels": {}, "Size": 1}],
    "POST /containers/create": {"Id": "old" * 12},
    "POST /containers/wait": {"StatusCode": 0},
    "POST /containers/exec": {"Id": "exec"},
    "GET /containers/stat": {"name": "wallet"},
    "error": {"message": "No such image: skycoin"},
}
"""Answers of an honest engine by request."""


class Answers(EngineAnswers):
    """A Docker engine; each answer may be replaced."""

    protocol_version = "HTTP/1.1"

    def get(self) -> None:
        """Answer by the request's method and path, without the names of containers that are not there."""
        assert isinstance(self.server, Host)
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = unquote(urlsplit(self.path).path).removeprefix("/v1.41").replace("/exec/exec/", "/exec/")
        answers = self.server.answers
        kind = f"{self.command} {path}"
        *_, last = path.split("/")
        if path.startswith("/containers/") and last in ("wait", "exec"):
            kind = f"{self.command} /containers/{last}"
        if path == "/version":
            self.answer(200, {"ApiVersion": "1.41", "Version": "20.10.24"})
        elif kind in answers:
            self.answer(200, answers[kind])
        elif path == "/_ping" or (
            self.command in ("POST", "DELETE") and last in ("start", "stop", "old" * 12)
        ):
            self.send(204, b"")
        elif last == "logs" or path == "/exec/start":
            self.send(200, frame(1, b"end") if "logs" in answers else b"xyz")
        elif last == "archive" and "path=%2Fwallet" in self.path:
            stat = base64.b64encode(json.dumps(answers["GET /containers/stat"]).encode()).decode()
            archive = to_tar({"mine.wlt": File(data=wallet("one"))}, "wallet", 10000, 10000)
            self.send(200, archive, {"X-Docker-Container-Path-Stat": stat})
        else:
            self.answer(404, answers["error"])

    post = delete = get


class Host(socketserver.ThreadingUnixStreamServer):
    """An engine's socket."""

    daemon_threads = True
    answers: dict[str, Any]

    @property
    def node(self) -> DeployedNode:
        return DeployedNode(
            stack="test",
            name="one",
            host="attic",
            engine=f"unix://{self.server_address!s}",
            ssh_options=(),
            image=IMAGE,
            container="skycoin-one",
            wallet="wallet",
            data=None,
            preflight="urn",
            urns=(),
            protected=(),
        )


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    monkeypatch.setattr(engine, "_shared", {})
    monkeypatch.setattr(engine, "_failures", {})
    monkeypatch.setattr("wallets.volumes.volume.PAUSE", 0)
    monkeypatch.setattr("commands.node.rollback_digest._is_published", lambda *_: False)
    monkeypatch.setattr("clients.wallet_on_host.PAUSE", 0)
    with Host(str(tmp_path / "docker.sock"), Answers) as server:
        server.answers = copy.deepcopy(HONEST)
        threading.Thread(target=server.serve_forever, daemon=True, args=[0.05]).start()
        yield server
        server.shutdown()


def source(host: Host, name: str = "old") -> Source:
    return Source(host.node, name, "")


QUESTIONS: dict[str, tuple[Callable[[Host], object], list[str]]] = {
    "is running": (lambda host: is_running(host.node), ["GET /containers/skycoin-one/json"]),
    "gone": (lambda host: is_running(replace(host.node, container="gone")), ["error"]),
    "make": (lambda host: volume_of(host.node).make(), ["error"]),
    "one engine": (
        lambda host: refuse_one_engine(host.node, replace(host.node, host="attic")),
        ["GET /info"],
    ),
    "unrecorded": (
        lambda host: unrecorded_container(replace(host.node, container=None)),
        ["GET /containers/json", "GET /volumes", "GET /volumes/wallet"],
    ),
    "users": (
        lambda host: refuse_users(volume_of(host.node)),
        ["GET /containers/json", f"GET /containers/{'helper' * 12}/json"],
    ),
    "mounts": (lambda host: source(host).mounts(), ["GET /containers/old/json"]),
    "mounts of a volume": (lambda host: source(host, "wallet").mounts(), ["GET /volumes/wallet"]),
    "managed": (
        lambda host: refuse_managed(Source(replace(host.node, wallet="own", container="own"), "old", ""), []),
        ["GET /containers/json", f"GET /containers/{'skycoin-one' * 12}/json"],
    ),
    "removal": (
        lambda host: refuse_removal(source(host), users_of(source(host)), "/wallet"),
        ["GET /containers/json", f"GET /containers/{'old' * 12}/json", "GET /containers/old/json"],
    ),
    "folder": (lambda host: read_folder(source(host)), ["GET /containers/old/json"]),
    "volume": (
        lambda host: volume_of(host.node).read(),
        ["POST /containers/create", f"GET /containers/{'old' * 12}/json", "GET /images/json"],
    ),
    "fingerprint": (
        lambda host: fingerprint_on_host(host.node),
        ["GET /containers/json", "POST /containers/exec"],
    ),
    "short run": (
        lambda host: unusable_files(
            engine.connect(host.node.host_inputs), host.node.host_inputs, IMAGE, "wallet"
        ),
        [
            "POST /containers/create",
            "POST /containers/wait",
            "GET /images/json",
            f"GET /containers/{'old' * 12}/json",
        ],
    ),
    "rollback": (
        lambda host: digest_for("one", host.node.host_inputs, "skycoin-one", IMAGE, IMAGE, ""),
        ["GET /containers/skycoin-one/json", "GET /images/json"],
    ),
}
"""Questions of `wallet adopt`, `node move` and `node rollback`, and the answers that they read."""
JUNK: list[Any] = [None, 7, "x", [], {}, True, [None], [[7]], {"Id": 7}, 1e400]


def mutants(answer: Any) -> Iterator[Any]:
    """Copies of an answer in which one part is missing or replaced."""
    yield from JUNK
    if isinstance(answer, dict):
        for key, value in answer.items():
            yield {name: part for name, part in answer.items() if name != key}
            for changed in mutants(value):
                yield {**answer, key: changed}
    if isinstance(answer, list):
        for at, part in enumerate(answer):
            for changed in mutants(part):
                yield [*answer[:at], changed, *answer[at + 1 :]]


@pytest.mark.parametrize(("question", "answers"), QUESTIONS.values(), ids=QUESTIONS.keys())
def test_an_answer_in_another_form_is_an_error_that_names_the_host(
    question: Callable[[Host], object], answers: list[str], host: Host
) -> None:
    """Before, these ended as internal errors of the command, with a request to report them."""
    assert STRANGE not in said(host, question)
    for kind in answers:
        honest = host.answers[kind]
        messages = []
        for mutant in mutants(honest):
            host.answers[kind] = mutant
            messages.append(said(host, question))
            assert not messages[-1] or "host attic" in messages[-1], mutant
            assert len(messages[-1]) < 2000
        host.answers[kind] = honest
        assert any(STRANGE in message for message in messages), kind


STRANGE = "does not answer in Docker's form"


def said(host: Host, question: Callable[[Host], object]) -> str:
    """Message of the error that a question ends with; empty if there is none. Any other error fails."""
    with suppress(NotFound):
        try:
            question(host)
        except UserError as error:
            return str(error)
    return ""
