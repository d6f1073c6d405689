"""How an engine is connected to: one that does not answer costs its time once."""

import http.server
import json
import socketserver
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from clients import engine
from clients.engine import AT_ONCE, Engine, connect
from clients.errors import SilentHostError
from clients.ssh import SshRelay


@pytest.fixture
def tries(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Addresses that were connected to; none of them answers."""
    tried: list[str] = []

    def fail(self: Engine) -> None:
        tried.append(self._host)
        raise SilentHostError(f"no Docker engine answers at {self._host}")

    monkeypatch.setattr(Engine, "_connect", fail)
    monkeypatch.setattr(engine, "_failures", {})
    monkeypatch.setattr(engine, "_shared", {})
    return tried


def test_a_dead_engine_is_not_asked_again_for_each_of_its_resources(tries: list[str]) -> None:
    for _ in range(3):
        with pytest.raises(SilentHostError, match="attic"):
            connect({"engine": "ssh://pi@attic.lan"})
    with pytest.raises(SilentHostError, match="cellar"):
        connect({"engine": "ssh://pi@cellar.lan"})
    assert tries == ["ssh://pi@attic.lan", "ssh://pi@cellar.lan"]


def test_another_way_to_the_same_host_is_tried(tries: list[str]) -> None:
    for options in ([], ["-i", "/key"]):
        with pytest.raises(SilentHostError):
            connect({"engine": "ssh://pi@attic.lan", "sshOptions": options})
    assert len(tries) == 2


def test_a_dead_engine_is_asked_again_after_a_while(
    tries: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "SILENT_FOR", 0.05)
    for _ in range(2):
        with pytest.raises(SilentHostError):
            connect({"engine": "ssh://pi@attic.lan"})
        time.sleep(0.06)
    assert len(tries) == 2


def test_an_engine_that_is_not_there_is_named_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(SilentHostError) as raised:
        connect({"engine": f"unix://{tmp_path}/docker.sock"})
    assert str(raised.value).startswith(f"no Docker engine answers at unix://{tmp_path}/docker.sock: ")
    assert "\n" not in str(raised.value)


class Answers(http.server.BaseHTTPRequestHandler):
    """A Docker engine's: its version, and nothing else."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = json.dumps({"ApiVersion": "1.41", "Version": "20.10.24"}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self) -> str:
        return "unix"

    def log_message(self, *_: object) -> None:
        pass


class Listener(socketserver.ThreadingUnixStreamServer):
    """An engine's socket, and how often it was connected to."""

    daemon_threads = True
    connections = 0

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections += 1
        super().process_request(request, client_address)


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[Listener]:
    with Listener(str(tmp_path / "docker.sock"), Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def test_whatever_is_asked_of_an_engine_goes_through_one_connection(listener: Listener) -> None:
    """docker-py made one for each URL: a host with three resources was connected to nine times."""
    asked = Engine()
    asked.configure({"host": f"unix://{listener.server_address!s}"})
    for path in ("volumes/one", "volumes/two", "containers/json", "info"):
        api = asked.client().api
        assert api.get(f"{api.base_url}/{path}").ok
    assert listener.connections == 1


def test_the_resources_of_an_engine_share_a_client_and_other_ways_to_it_do_not(listener: Listener) -> None:
    place = {"engine": f"unix://{listener.server_address!s}"}
    with ThreadPoolExecutor(8) as pool:
        clients = {id(client) for client in pool.map(lambda _: connect(place), range(24))}
    assert len(clients) == 1
    assert listener.connections == 1
    assert id(connect({**place, "sshOptions": ["-i", "/key"]})) not in clients


def test_a_client_whose_engine_went_away_and_came_back_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "docker.sock"
    found = []
    for _ in range(2):
        with Listener(str(path), Answers) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            found.append(connect({"engine": f"unix://{path}"}))
            assert found[-1].api.version()["Version"] == "20.10.24"
            server.shutdown()
        found[-1].api.close()
        path.unlink()
    assert connect_fails(path)


def connect_fails(path: Path) -> bool:
    try:
        connect({"engine": f"unix://{path}"})
    except SilentHostError:
        return True
    return False


def test_no_more_than_ten_connections_are_made_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    lock, now, most = threading.Lock(), 0, 0

    def slowly(self: Engine) -> str:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.05)
        with lock:
            now -= 1
        return self._host

    monkeypatch.setattr(Engine, "_connect", slowly)

    def connected(number: int) -> str:
        one = Engine()
        one.configure({"host": f"ssh://pi@board-{number}.lan"})
        return str(one.client())

    with ThreadPoolExecutor(40) as pool:
        assert len(set(pool.map(connected, range(40)))) == 40
    assert most == AT_ONCE == 10


def test_the_connections_of_a_relay_share_that_of_the_first_and_end_with_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The caller's own sharing wins, and nothing stays open when the process ends."""
    relay = SshRelay("ssh://pi@attic.lan", ["-o", "ControlPath=/run/mine"])
    options = [word for word in relay._command if word.startswith("Control")]
    assert options[0] == "ControlPath=/run/mine"
    assert options[1:] == [
        "ControlMaster=auto",
        f"ControlPath={relay._folder.name}/shared",
        "ControlPersist=no",
    ]
