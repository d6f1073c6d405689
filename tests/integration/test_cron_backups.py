"""A backup by cron, and the age of the newest one on a review's page, with a command named pulumi."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

from clients.deployed_nodes import DeployedNode
from tests.unit.command_line import Skyinfra
from tests.unit.previews import complete
from tests.unit.test_wallet_commands import ODD, node, record, stack
from wallets.backups.schedule import Scheduler, timer

__all__ = ["node", "stack"]


def test_cron_gets_the_words_unchanged_and_prints_nothing_on_success(tmp_path: Path) -> None:
    folder = tmp_path / ODD
    folder.mkdir()
    said = ["sh", "-c", 'printf "%s|" "$PWD" "$V" "$1"; exit "$2"', "sh", ODD]
    for code, expected in (("0", ""), ("3", f"{folder}|{ODD}|{ODD}|\n")):
        text = timer(Scheduler.CRON, "name", str(folder), [*said, code], {"V": ODD})
        [line] = [line for line in text.splitlines() if not line.startswith("#")]
        command = re.sub(r"\\%", "%", line.split(" ", 5)[5])
        assert not re.search(r"(?<!\\)%", line), "a bare one ends the command"
        done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
        assert (done.stdout, done.stderr) == (expected, "")


def reviewed(skyinfra: Skyinfra, tmp_path: Path) -> str:
    (tmp_path / "pulumi").write_text(f"#!/bin/sh\necho '{json.dumps(complete())}'\n")
    skyinfra.monkeypatch.setattr("commands.review.review.present_file", lambda _: tmp_path)
    ran = skyinfra("review", "-s", "test", "--no-refresh")
    assert ran.code == 0, ran.err
    return ran.out


def test_the_review_page_shows_the_age_of_the_newest_backup_if_the_stack_limits_it(
    stack: dict[str, Any],
    node: DeployedNode,
    skyinfra: Skyinfra,
    tmp_path: Path,
) -> None:
    assert "Backups" not in reviewed(skyinfra, tmp_path)
    stack["skycoin:wallets"] = {"backup-age": 7}
    page = reviewed(skyinfra, tmp_path)
    assert "\n- newest backup of node-1: **no backup is known here" in page.partition("<details>")[0]
    assert "<summary>Backups of wallets: 1</summary>" in page
    assert "| node-1 | **no backup is known here (`./skyinfra wallet backup node-1 -s test`), and" in page
    record(tmp_path / "cache" / "skycoin-infrastructure" / "backups", node, days=3)
    assert re.search(r"\| node-1 \| backup 3 days old, fingerprint", reviewed(skyinfra, tmp_path))
    record(tmp_path / "cache" / "skycoin-infrastructure" / "backups", node, days=8)
    page = reviewed(skyinfra, tmp_path)
    assert re.search(r"\*\*backup 8 days old, .*; the stack requires one every 7 days \(`\./skyinfra", page)
