"""Configuration of a timer that runs a command daily, for cron or systemd; nothing is installed."""

import shlex
from collections.abc import Mapping, Sequence
from enum import StrEnum

PERCENT = r"\%"
"""Escaped percent sign; a bare one ends the command in a crontab(5)."""


class Scheduler(StrEnum):
    """Service that runs the command."""

    CRON = "cron"
    SYSTEMD = "systemd"


def timer(
    scheduler: Scheduler, name: str, folder: str, command: Sequence[str], env: Mapping[str, str]
) -> str:
    """Configuration with comments that say where to install it; the command runs in `folder`."""
    if scheduler is Scheduler.CRON:
        return _cron(name, folder, command, env)
    return _systemd(name, folder, command, env)


def _cron(name: str, folder: str, command: Sequence[str], env: Mapping[str, str]) -> str:
    variables = [f"{key}={value}" for key, value in env.items()]
    run = shlex.join(["env", *variables, *command])
    line = f'cd {shlex.quote(folder)} && output=$({run} 2>&1) || echo "$output"'
    return (
        f"# {name}, every day: add this line with `crontab -e`. cron mails the output of a failed run.\n"
        f"17 3 * * * {line.replace('%', PERCENT)}\n"
    )


def _systemd(name: str, folder: str, command: Sequence[str], env: Mapping[str, str]) -> str:
    lines = "".join(f"Environment={_quoted(f'{key}={value}')}\n" for key, value in env.items())
    return f"""\
# {name}, every day. Write the two parts into ~/.config/systemd/user/ under the names shown above them,
# then: systemctl --user enable --now {name}.timer && loginctl enable-linger
# A failed run is in `systemctl --user --failed`, and its output in `journalctl --user -u {name}`.

# {name}.service
[Unit]
Description=Backup of the wallets of a Skycoin node

[Service]
Type=oneshot
WorkingDirectory={folder.replace("%", "%%")}
{lines}ExecStart={" ".join(_quoted(word).replace("$", "$$") for word in command)}

# {name}.timer
[Unit]
Description=Backup of the wallets of a Skycoin node, every day

[Timer]
OnCalendar=daily
Persistent=true
RandomizedDelaySec=1h

[Install]
WantedBy=timers.target
"""


def _quoted(word: str) -> str:
    """A word of a unit file, systemd.syntax(7)."""
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%") + '"'
