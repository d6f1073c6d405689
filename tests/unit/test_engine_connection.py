"""Connections to an engine: one that does not answer delays a run only once."""

import http.server
import json
import os
import secrets
import socket
import socketserver
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from docker.errors import NotFound
from requests.exceptions import ConnectionError as RequestsConnectionError

from clients import engine, ssh
from clients.engine import Engine, connect
from clients.errors import SilentHostError
from clients.ssh import LOGINS, SshRelay


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


def frame(stream: int, part: bytes) -> bytes:
    """A part of an exec's output (1) or errors (2), as engines send it."""
    return bytes([stream, 0, 0, 0]) + len(part).to_bytes(4) + part


class Answers(http.server.BaseHTTPRequestHandler):
    """A Docker engine's: its version, and an exec."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.answer(200, {"ApiVersion": "1.41", "Version": "20.10.24", "ExitCode": 0})

    def do_POST(self) -> None:
        """Make an exec; start it: its output has a part in one packet with the header, and one at its end."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path.endswith("/exec"):
            self.answer(201, {"Id": "one"})
        elif "/gone/" in self.path:
            self.answer(404, {"message": "No such exec instance: gone"})
        else:
            assert json.loads(body)["Detach"] is False
            assert isinstance(self.server, Listener)
            upgraded = "Upgrade" in self.headers
            first = b"101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp" if upgraded else b"200 OK"
            self.wfile.write(b"HTTP/1.1 " + first + b"\r\n\r\n" + frame(1, b"begun, "))
            self.server.exec_began.set()
            self.server.exec_may_end.wait(20)
            self.wfile.write(frame(2, b"ended")[: 10 if "/cut/" in self.path else None])
            self.close_connection = True

    def answer(self, code: int, value: object) -> None:
        body = json.dumps(value).encode()
        self.send_response(code)
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

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.exec_began, self.exec_may_end = threading.Event(), threading.Event()
        self.exec_may_end.set()

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


def test_a_client_is_made_again_after_its_engine_went_away_and_came_back(tmp_path: Path) -> None:
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


def test_all_that_an_exec_prints_is_read_also_what_comes_with_the_answers_header(listener: Listener) -> None:
    """docker-py lost it: a look at a wallet was empty, or waited for an end that it had read past."""
    asked = Engine()
    asked.configure({"host": f"unix://{listener.server_address!s}"})
    client = asked.client()
    assert client.api.exec_start("one") == b"begun, ended"
    code, output = client.containers.prepare_model({"Id": "node"}).exec_run(["true"])
    assert (code, output) == (0, b"begun, ended")


def test_an_exec_that_runs_holds_up_no_other_request_and_its_connection_serves_none(
    listener: Listener,
) -> None:
    asked = Engine()
    asked.configure({"host": f"unix://{listener.server_address!s}"})
    api = asked.client().api
    listener.exec_may_end.clear()
    with ThreadPoolExecutor(1) as pool:
        output = pool.submit(api.exec_start, "one")
        assert listener.exec_began.wait(10)
        assert api.get(f"{api.base_url}/info", timeout=5).ok
        listener.exec_may_end.set()
        assert output.result(10) == b"begun, ended"
    assert api.get(f"{api.base_url}/info", timeout=5).ok
    assert listener.connections == 3


def test_an_exec_that_is_refused_is_an_error_of_the_engines(listener: Listener) -> None:
    asked = Engine()
    asked.configure({"host": f"unix://{listener.server_address!s}"})
    with pytest.raises(NotFound, match="No such exec instance: gone"):
        asked.client().api.exec_start("gone")


SLOW_LOGIN = """\
#!/bin/sh
echo "$$ begins" >> "$LOGINS"
sleep 0.1
echo "$$ is in" >> "$LOGINS"
echo answer
cat > /dev/null
"""


@pytest.fixture
def logins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Record of an ssh that takes its time to log in; SLOW_LOGIN stays connected after that."""
    program, record = tmp_path / "ssh", tmp_path / "logins"
    program.write_text(SLOW_LOGIN)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("LOGINS", str(record))
    return record


def test_no_more_than_ten_connections_log_in_at_once(logins: Path) -> None:
    """sshd drops logins beyond ten; all boards behind a jump host share its sshd."""
    relays = [SshRelay(f"ssh://pi@board-{number}.lan", []) for number in range(25)]

    def answered(relay: SshRelay) -> tuple[bytes, socket.socket]:
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(20)
        connection.connect(relay.address.removeprefix("unix://"))
        return connection.recv(100), connection

    with ThreadPoolExecutor(25) as pool:
        answers = list(pool.map(answered, relays))
    assert {said for said, _ in answers} == {b"answer\n"}
    now, most = 0, 0
    for line in logins.read_text().splitlines():
        now += 1 if line.endswith("begins") else -1
        most = max(most, now)
    assert (now, most) == (0, LOGINS) == (0, 10)
    for _, connection in answers:
        connection.close()


LARGE = """\
#!{python}
import fcntl, os
fcntl.fcntl(0, fcntl.F_SETFL, fcntl.fcntl(0, fcntl.F_GETFL) | os.O_NONBLOCK)  # as OpenSSH does
rest = memoryview(bytes(range(256)) * 20000)
while rest:
    rest = rest[os.write(1, rest[:100_000]) :]
"""


def test_a_large_answer_reaches_a_slow_reader_whole(logins: Path) -> None:
    """ssh makes its input nonblocking, which is the same connection: a full one is not one that has gone."""
    put_ssh(logins, LARGE.format(python=sys.executable))
    with socket.socket(socket.AF_UNIX) as reader:
        reader.settimeout(20)
        reader.connect(SshRelay("ssh://pi@attic.lan", []).address.removeprefix("unix://"))
        found = bytearray()
        while part := reader.recv(65536):
            if len(found) < 1_000_000:
                time.sleep(0.02)
            found += part
    assert bytes(found) == bytes(range(256)) * 20000


def test_without_ssh_each_connection_ends_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The eleventh waited forever for one that had logged in."""
    monkeypatch.setenv("PATH", str(tmp_path))
    for _ in range(LOGINS + 2):
        asked = Engine()
        asked.configure({"host": f"ssh://pi@board-{secrets.token_hex(4)}.lan"})
        with pytest.raises(SilentHostError, match="No such file or directory: 'ssh'"):
            asked.client()


def test_an_exec_that_is_cut_off_is_not_taken_for_whole(listener: Listener) -> None:
    asked = Engine()
    asked.configure({"host": f"unix://{listener.server_address!s}"})
    with pytest.raises(RequestsConnectionError, match="in the middle of what an exec prints"):
        asked.client().api.exec_start("cut")


def put_ssh(record: Path, text: str) -> None:
    """Exchange the program ssh: a new file is renamed over it, because the old one may be starting."""
    aside = record.with_name("ssh.new")
    aside.write_text(text)
    aside.chmod(0o755)
    aside.rename(record.with_name("ssh"))


def test_a_login_that_waits_for_its_engine_holds_up_no_other(
    logins: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A container that stops in 60 s answers then; an eleventh host is not kept waiting for it."""
    put_ssh(logins, "#!/bin/sh\ncat > /dev/null\n")
    monkeypatch.setattr(ssh, "LOGIN_SECONDS", 0.2)
    relay = SshRelay("ssh://pi@attic.lan", [])
    silent = [socket.socket(socket.AF_UNIX) for _ in range(LOGINS)]
    for one in silent:
        one.connect(relay.address.removeprefix("unix://"))
    time.sleep(0.5)  # all of them begin with the silent one
    put_ssh(logins, SLOW_LOGIN)
    with socket.socket(socket.AF_UNIX) as eleventh:
        eleventh.settimeout(10)
        eleventh.connect(SshRelay("ssh://pi@shed.lan", []).address.removeprefix("unix://"))
        assert eleventh.recv(100) == b"answer\n"
    for one in silent:
        one.close()
