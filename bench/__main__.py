"""`python -m bench [CASE …]`: ratios as a table, and as JSON in bench/last.json."""

import argparse
import json
import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from bench.cases import CASES
from bench.ratio import Ratio, table
from local.layout import read_layout
from local.pulumi_cli import known_environment
from local.steps import SetupError, fail

LAST = Path(__file__).with_name("last.json")
ROUNDS = 3


def main() -> int:
    """Run the cases, print and keep what they found. Exit code 1: a target was missed."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"of {', '.join(CASES)}; default all")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    given = parser.parse_args()
    if unknown := set(given.cases) - CASES.keys():
        parser.error(f"{', '.join(sorted(unknown))}: allowed are {', '.join(CASES)}")
    layout = read_layout()
    try:
        env = known_environment(layout)
        os.environ["PATH"] = env["PATH"]
        ratios = [CASES[name](layout, env, given.rounds) for name in given.cases or CASES]
    except SetupError as error:
        return fail(error)
    print(table(ratios))
    if not given.cases and given.rounds >= ROUNDS:
        _keep(ratios)
    return 0 if all(one.held for one in ratios) else 1


def _keep(ratios: Sequence[Ratio]) -> None:
    """The record of a whole run: a part or fewer rounds would take the place of better figures."""
    machine = f"{os.cpu_count()} cores, {platform.machine()}"
    found = [{**asdict(one), "median": one.median, "held": one.held} for one in ratios]
    record = {"date": f"{datetime.now(UTC):%Y-%m-%d}", "machine": machine, "ratios": found}
    LAST.write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    sys.exit(main())
