"""Search for engines that do not answer. Ten are asked at a time, so that their time limits do not add up.

A ping is one request of the Docker Engine API. It is sent in the same way as the providers' requests
(clients/ssh.py), so a host that rejects the ssh key, has no docker, or has a stopped engine counts as silent,
like one without power.
"""

import re
import socket
import subprocess
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from clients.limited_run import LARGEST, EndlessOutputError, limited_run
from clients.ssh import LOGINS, Login, ssh_command
from display.printable import printable_line
from display.units import size

SECONDS = 20
"""Seconds in which an engine must answer, connection included; a Raspberry Pi Zero takes 5."""
CONNECT_SECONDS = 15
"""Seconds for the connection alone, so that ssh reports its error before the time limit ends."""
_BEHIND_JUMP = "open failed: connect failed: "
_SILENCE = (
    rf"(connect to host \S+ port \d+: |{_BEHIND_JUMP})"
    "((Connection|Operation) timed out|No route to host|Host is down|Network is unreachable)"
    "|Could not resolve hostname"
)
"""Messages of OpenSSH for a host from which nothing came."""
_PING = b"GET /_ping HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Address:
    """Address of an engine, and the ssh options to reach it."""

    engine: str
    """`unix:///PATH`, `ssh://USER@HOST[:PORT]`, or anything else that DOCKER_HOST accepts."""
    ssh_options: tuple[str, ...] = ()


def silent(addresses: Collection[Address]) -> dict[Address, str]:
    """Engines that do not answer, with the reason. Only ssh:// and unix:// addresses are asked."""
    if not addresses:
        return {}
    with ThreadPoolExecutor(LOGINS) as pool:
        reasons = dict(zip(addresses, pool.map(_silence, addresses), strict=True))
    return {address: reason for address, reason in reasons.items() if reason}


def _silence(address: Address) -> str:
    """Reason why an engine does not answer; empty if it does."""
    if address.engine.startswith("ssh://"):
        return _behind_ssh(address)
    if address.engine.startswith("unix://"):
        return _at_socket(address.engine.removeprefix("unix://"))
    return ""


def _at_socket(path: str) -> str:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(SECONDS)
        try:
            connection.connect(path)
            connection.sendall(_PING)
            return _fault(connection.recv(4096))
        except OSError as error:
            return error.strerror or f"no answer in {SECONDS} s"


def is_off(engine: str) -> bool:
    """True if no engine listens at a socket of this machine, so that none of its containers runs."""
    if not engine.startswith("unix://"):
        return False
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(engine.removeprefix("unix://"))
        except (FileNotFoundError, ConnectionRefusedError):
            return True
        except OSError:
            return False
    return False


def _behind_ssh(address: Address) -> str:
    patience = ("-o", f"ConnectTimeout={CONNECT_SECONDS}")
    command = ssh_command(address.engine, [*address.ssh_options, *patience])
    try:
        with Login():
            _, printed, said_by_ssh = limited_run(command, _PING, SECONDS)
    except subprocess.TimeoutExpired:
        return f"no answer in {SECONDS} s"
    except EndlessOutputError:
        return f"it prints more than {size(LARGEST)}"
    errors = said_by_ssh.decode(errors="replace").strip().splitlines()
    fault = _fault(printed)
    # What a jump host says about the host behind it comes before the lines of a connection that ends.
    said = [line for line in errors if _BEHIND_JUMP in line] or errors[-1:]
    return printable_line(said[0].strip()) if fault and said else fault


def is_silence(reason: str) -> bool:
    """True if the reason shows that a host behind ssh has not answered at all, not even by refusing."""
    return re.search(_SILENCE, reason) is not None


def _fault(answer: bytes) -> str:
    """Describe the error in the answer to a ping; empty if there is none."""
    status, _, _ = answer.partition(b"\r\n")
    if status.startswith(b"HTTP/1.") and b" 200" in status:
        return ""
    return (
        f"it answers {status.decode(errors='replace')[:80]!r}"
        if status
        else "the connection ends without an answer"
    )
