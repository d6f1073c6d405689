"""The process to which a container on a wallet belongs, so that no command removes a container in use.

Only on the same machine can a process be looked up. One of another machine, of another container, or from
before a reboot is taken to be working.
"""

import os
from pathlib import Path

_STATE, _START = 0, 19
"""Places after the name in /proc/PID/stat (proc_pid_stat(5))."""


def this_process() -> str:
    """Boot, namespace, number and start of this process, for a label; empty on a system without /proc."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        namespace = Path("/proc/self/ns/pid").readlink()
        return f"{boot} {namespace} {os.getpid()} {_facts(os.getpid())[_START]}"
    except OSError:
        return ""


def has_ended(process: str) -> bool:
    """True if a process has certainly ended, or is this process, which does one thing at a time."""
    mine = this_process()
    if not process or process.split(" ")[:2] != mine.split(" ")[:2]:
        return False
    if process == mine:
        return True
    number, start = process.split(" ")[2:]
    try:
        facts = _facts(int(number))
    except OSError:
        return not _is_there(int(number))
    return facts[_START] != start or facts[_STATE] == "Z"


def _facts(number: int) -> list[str]:
    return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()


def _is_there(number: int) -> bool:
    """True if a process exists, even one that this user may not look at."""
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
