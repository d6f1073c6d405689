"""The watchdog's script in a real shell, on a board whose `docker` and `sleep` are scripts of these tests."""

import os
import subprocess
from pathlib import Path

import pytest

from providers.skycoin import wallet_copy, watchdog
from tests.unit.node_engine import DATA, WALLET

NAME = "skycoin-one"

BOARD_COMMANDS = """#!/bin/sh
here=${0%/*}
echo "${0##*/} $*" >> "$here/calls"
asked() { grep -c "$1" "$here/calls"; }
case $* in
    PARTS
    "ps -aq --filter id=old") echo old ;;
    "inspect -f {{.State.StartedAt}}"*) echo "started false" ;;
    "inspect -f {{.Name}}"*) echo "/one-previous" ;;
    "ps -aq --no-trunc --filter label=skycoin.attempt=attempt") [ -e "$here/gone" ] || echo new ;;
    "inspect -f {{.HostConfig.RestartPolicy.Name}} new") echo no ;;
    "volume inspect"*) echo /volumes/wallet/_data ;;
    "rm new") : > "$here/gone" ;;
esac
"""
"""`docker` and `sleep` of a board: the old node is stopped, and nobody has confirmed the new one."""


def commands_of_watchdog(tmp_path: Path, *parts: str, code: int = 0) -> list[str]:
    """Run the watchdog on a board whose `docker` has these special answers; return what it ran."""
    for name in ("docker", "sleep"):
        (tmp_path / name).write_text(BOARD_COMMANDS.replace("PARTS", "\n    ".join(parts)))
        (tmp_path / name).chmod(0o755)
    words = [NAME, "old", "started", "attempt", "20", "60", WALLET, "", "", "proxy", "copied"]
    env = {"PATH": f"{tmp_path}:{os.defpath}"}
    done = subprocess.run(["sh", "-c", watchdog.SCRIPT, "sh", *words], env=env, check=False, timeout=120)
    assert done.returncode == code
    return (tmp_path / "calls").read_text().splitlines()


BACK = [
    f"docker rename old {NAME}",
    f"docker ps -aq --filter label=skycoin.wallet-helper={WALLET} --filter label=skycoin.wallet-writer",
    "docker start old",
    "docker update --restart unless-stopped old",
    "docker start proxy",
]
"""Commands with which a watchdog ends that brings the old node back."""


def test_a_watchdog_stops_the_new_node_and_starts_the_old_one(tmp_path: Path) -> None:
    calls = commands_of_watchdog(tmp_path)
    assert [call for call in calls if call.startswith(("docker stop", "docker rm"))] == [
        "docker stop -t 60 new",
        "docker rm new",
    ]
    assert calls[-5:] == BACK
    assert calls.count("sleep 10") == 2


def test_no_time_passes_for_a_watchdog_while_the_chain_is_copied(tmp_path: Path) -> None:
    """Otherwise, it would start the old node during a slow copy, which then overwrites the database."""
    asks = f"docker ps -q --filter label={wallet_copy.LABEL}=copied"
    calls = commands_of_watchdog(
        tmp_path, f'"{asks.removeprefix("docker ")}") [ "$(asked sleep)" -gt 2 ] || echo copy ;;'
    )
    assert calls[:8] == ["sleep 10", asks] * 4, "20 seconds are two of them, after two of the copy"
    assert calls.count("sleep 10") == 4


def test_a_watchdog_waits_for_a_copy_that_hangs_no_longer_than_an_hour(tmp_path: Path) -> None:
    """Before, the node stayed down until the operator came: the program that ends such a copy is cut off."""
    calls = commands_of_watchdog(tmp_path, f'"ps -q --filter label={wallet_copy.LABEL}"*) echo copy ;;')
    assert calls.count("sleep 10") == 360 + 2
    assert calls[-5:] == BACK


WRITERS = f'"ps -aq --filter label=skycoin.wallet-helper={WALLET} --filter label=skycoin.wallet-writer")'


@pytest.mark.case(39)
def test_a_watchdog_lets_a_restore_finish_before_it_starts_the_old_node(tmp_path: Path) -> None:
    """A restore has stopped the node and writes through a container that is created and never runs."""
    calls = commands_of_watchdog(tmp_path, f'{WRITERS} [ "$(asked sleep)" -gt 5 ] || echo writer ;;')
    assert (calls.count("sleep 10"), calls.count("sleep 30")) == (2, 4)
    assert "docker stop -t 60 new" not in calls[: calls.index("sleep 30")]
    assert calls[-5:] == BACK


@pytest.mark.case(39)
@pytest.mark.parametrize(
    "command",
    [
        '"ps -aq --filter label=skycoin.wallet-helper"*',
        '"ps -aq --filter id=old"*',
        '"inspect -f {{.State.StartedAt}}"*',
        '"ps -aq --no-trunc"*',
        '"inspect -f {{.HostConfig.RestartPolicy.Name}}"*',
        '"stop"*',
        '"rm new"*',
        '"volume inspect"*',
        '"ps -q"',
        '"inspect -f {{.Config.User}}"*',
        '"inspect -f {{.Name}}"*',
        '"rename"*',
        '"start old"*',
    ],
)
def test_a_watchdog_repeats_a_command_that_failed_on_a_board_without_memory(
    tmp_path: Path, command: str
) -> None:
    """A version that eats the memory: the kernel ends single commands, just when a watchdog is needed.

    Before, one failure left the node down, and a list that could not be read counted as empty.
    """
    fails = f'esac; case $* in {command}) [ -e "$here/once" ] || {{ : > "$here/once"; exit 137; }} ;;'
    calls = commands_of_watchdog(tmp_path, fails, "esac; case $* in")
    assert calls[-5:] == BACK
    assert (tmp_path / "once").exists()


@pytest.mark.case(36, 39)
def test_a_watchdog_starts_nothing_if_it_can_not_see_who_uses_the_wallet(tmp_path: Path) -> None:
    calls = commands_of_watchdog(tmp_path, '"volume inspect"*) exit 1 ;;', code=1)
    assert "docker start old" not in calls
    assert calls.count("sleep 30") == 120


@pytest.mark.case(36, 39)
def test_a_watchdog_starts_nothing_next_to_a_container_on_the_wallets_folder(tmp_path: Path) -> None:
    """`docker ps --filter volume=` finds only containers that mount the volume by its name."""
    calls = commands_of_watchdog(
        tmp_path,
        '"ps -q") echo other ;;',
        '"inspect -f {{range .Mounts}}"*" other") echo /volumes/wallet/_data ;;',
        code=1,
    )
    assert "docker start old" not in calls
    assert "sleep 30" not in calls


@pytest.mark.case(39)
def test_a_node_that_is_confirmed_while_its_watchdog_stops_it_is_started_again(tmp_path: Path) -> None:
    calls = commands_of_watchdog(
        tmp_path,
        '"inspect -f {{.HostConfig.RestartPolicy.Name}} new")',
        '    [ "$(asked stop)" = 0 ] && echo no || echo unless-stopped ;;',
    )
    assert calls[-1] == "docker start new"
    assert not {"docker rm new", "docker start old"} & set(calls)


OTHER_USERS = """#!/bin/sh
echo "$*" >> "${0%/*}/calls"
case $* in
    *id=old*) echo old ;;
    *StartedAt*) echo started false ;;
    *Config.User*) echo 12000:12001 ;;
    *Image*) echo sha256:old ;;
    *Name*) echo /skycoin-one ;;
esac
"""


def test_a_watchdog_puts_the_chain_back_as_the_old_nodes_user(tmp_path: Path) -> None:
    (tmp_path / "docker").write_text(OTHER_USERS)
    (tmp_path / "docker").chmod(0o755)
    words = [NAME, "old", "started", "attempt", "0", "60", WALLET, DATA, "script", "", WALLET]
    env = {"PATH": f"{tmp_path}:{os.defpath}"}
    subprocess.run(["sh", "-c", watchdog.SCRIPT, "sh", *words], env=env, check=True, timeout=60)
    [put_back] = [line for line in (tmp_path / "calls").read_text().splitlines() if line.startswith("run ")]
    assert put_back.endswith(
        f"-v {DATA}:/data --user 12000:12001 sha256:old -c script chain-database put-back"
    )


WITHOUT_NEW = """#!/bin/sh
echo "$*" >> "$0.log"
case $* in
*id=old*) echo old ;;
*StartedAt*) echo 2026 false ;;
*Name*) echo /skycoin-one-previous ;;
ps*attempt*) ;;
start*old) exit "$FAILS" ;;
esac
"""
"""The `docker` of a board whose old container is stopped and whose new one is gone."""


@pytest.mark.parametrize(
    ("proxy", "fails", "started"),
    [("proxy", 0, ["old", "proxy"]), ("", 0, ["old"]), ("proxy", 1, ["old"] * 120)],
    ids=["made way", "none", "the node does not start"],
)
def test_a_watchdog_starts_the_proxy_after_the_node(
    tmp_path: Path, proxy: str, fails: int, started: list[str]
) -> None:
    for name in ("docker", "sleep"):
        (tmp_path / name).write_text(WITHOUT_NEW)
        (tmp_path / name).chmod(0o755)
    words = [NAME, "old", "2026", "attempt", "0", "60", "w", "", "", proxy, "w"]
    env = {"PATH": f"{tmp_path}:{os.defpath}", "FAILS": str(fails)}
    subprocess.run(["sh", "-c", watchdog.SCRIPT, "sh", *words], env=env, check=False, capture_output=True)
    calls = (tmp_path / "docker.log").read_text().splitlines()
    assert [call.removeprefix("start ") for call in calls if call.startswith("start ")] == started
