"""`python -m bench [CASE …]`: ratios as a table, and as JSON in bench/last.json."""

import argparse
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from bench.cases import CASES
from bench.ratio import Ratio, table
from bench.running import machine
from clients.signals import interrupt_on_all
from local.machine.layout import read_layout
from local.machine.steps import SetupError, fail
from local.pulumi.cli import known_environment

LAST = Path(__file__).with_name("last.json")
ROUNDS = 3


def main() -> int:
    """Run the cases, print their ratios and, with enough rounds, save them.

    Returns 1 if a target is missed or a case fails.
    """
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"one of {', '.join(CASES)}; default: all")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    given = parser.parse_args()
    if unknown := set(given.cases) - CASES.keys():
        parser.error(f"{', '.join(sorted(unknown))}: not among {', '.join(CASES)}")
    interrupt_on_all()  # so that boards and stacks are removed too
    layout = read_layout()
    try:
        env = known_environment(layout)
        os.environ["PATH"] = env["PATH"]
        ratios = {name: CASES[name](layout, env, given.rounds) for name in given.cases or CASES}
    except SetupError as error:
        return fail(error)
    print(table(list(ratios.values())))
    if given.rounds >= ROUNDS:
        _keep(ratios)
    return 0 if all(ratio.held for ratio in ratios.values()) else 1


def _keep(ratios: Mapping[str, Ratio]) -> None:
    """Save the ratios of the cases that ran, and keep those of the others."""
    cases = json.loads(LAST.read_text()) if LAST.exists() else {}
    for name, ratio in ratios.items():
        figures = {**asdict(ratio), "median": ratio.median, "held": ratio.held}
        cases[name] = {"date": f"{datetime.now(UTC):%Y-%m-%d}", "machine": machine(), **figures}
    ordered = {name: cases[name] for name in CASES if name in cases}
    LAST.write_text(json.dumps(ordered, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    sys.exit(main())
