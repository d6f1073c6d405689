"""Measures processor time and memory of a preview by number of hosts; saves the figures and draws a chart.

No engine answers at these hosts, so only Pulumi, the program and its plugins are measured. Seconds are
processor time, because other work on the machine changes it less than elapsed time.
"""

import contextlib
import json
import os
import re
import statistics
import tempfile
import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from bench.ratio import Ratio
from bench.running import machine, pulumi
from local.machine.layout import PROJECT, Layout
from local.stacks.files import STACK
from local.stacks.stack import init_aside

SIZES = (1, 10, 25, 50)
LIMIT = 1000.0
"""Megabytes that all processes of a preview of the largest stack may use together."""
STACK_OF_HOSTS = "bench-hosts"
MARK = "SKYCOIN_BENCH"
PAUSE = 0.2
KEPT = Path(__file__).with_name("hosts.json")
PICTURE = PROJECT / "docs" / "pictures" / "hosts.svg"


@dataclass(frozen=True, kw_only=True, slots=True)
class Figures:
    """Medians over the rounds, for previews of stacks with one node on each host."""

    date: str
    machine: str
    rounds: int
    hosts: Sequence[int]
    seconds: Sequence[float]
    """Processor time of all processes together."""
    megabytes: Sequence[float]


def memory(layout: Layout, env: Mapping[str, str], rounds: int) -> Ratio:
    """Compare the memory of a preview of the largest stack with the limit; save and draw all figures."""
    runs = {size: [_previewed(layout, env, size) for _ in range(rounds)] for size in SIZES}
    figures = Figures(
        date=f"{datetime.now(UTC):%Y-%m-%d}",
        machine=machine(),
        rounds=rounds,
        hosts=SIZES,
        seconds=[round(statistics.median(seconds for seconds, _ in runs[size]), 2) for size in SIZES],
        megabytes=[round(statistics.median(most for _, most in runs[size]), 1) for size in SIZES],
    )
    KEPT.write_text(json.dumps(asdict(figures), indent=2) + "\n")
    PICTURE.write_text(picture(figures))
    largest = [most for _, most in runs[SIZES[-1]]]
    name = f"memory of a preview of {SIZES[-1]} hosts / 1 GB"
    return Ratio(name=name, unit="MB", ours=largest, peer=[LIMIT] * len(largest), target=1.0)


def kept() -> Figures:
    """Read the figures of the last run."""
    return Figures(**json.loads(KEPT.read_text()))


def _previewed(layout: Layout, env: Mapping[str, str], hosts: int) -> tuple[float, float]:
    """Run one preview; returns (seconds of processor time, megabytes)."""
    mark = str(uuid.uuid4())
    with _stack(layout, env, hosts) as options, _watched(mark) as used:
        pulumi({**env, MARK: mark}, PROJECT, "preview", *options)
    return sum(used.seconds.values()), used.megabytes


@contextmanager
def _stack(layout: Layout, env: Mapping[str, str], hosts: int) -> Iterator[Sequence[str]]:
    names = [f"host-{number}" for number in range(hosts)]
    config: Mapping[str, Any] = {
        "skycoin:images-from": f"organization/skycoin/{STACK}",
        "skycoin:hosts": {
            name: {"engine": f"unix:///nowhere/{name}.sock", "arch": "amd64"} for name in names
        },
        "skycoin:nodes": {name: {"image": "skycoin", "host": name, "network": "none"} for name in names},
    }
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"Pulumi.{STACK_OF_HOSTS}.yaml"
        file.write_text(yaml.safe_dump({"config": config}))
        init_aside(layout, STACK_OF_HOSTS, env)
        try:
            yield "--stack", STACK_OF_HOSTS, "--config-file", str(file)
        finally:
            pulumi(env, PROJECT, "stack", "rm", "--yes", "--force", "--preserve-config", STACK_OF_HOSTS)


@dataclass
class Used:
    """Memory and processor time of a run's processes, as far as they were sampled."""

    megabytes: float = 0
    """Maximum of all processes together, as proportional set size, which counts shared memory once."""
    seconds: dict[str, float] = field(default_factory=dict)
    """Process id → processor time at its last sample."""

    def look(self, mark: bytes) -> None:
        """Sample the processes that have `mark` in their environment."""
        now = 0.0
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):  # it has ended, or is another user's
                if mark in (process / "environ").read_bytes():
                    match = re.search(r"^Pss:\s+(\d+)", (process / "smaps_rollup").read_text(), re.MULTILINE)
                    now += int(match[1]) / 1000 if match else 0
                    fields = (process / "stat").read_text().rpartition(")")[2].split()
                    self.seconds[process.name] = sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")
        self.megabytes = max(self.megabytes, now)


@contextmanager
def _watched(mark: str) -> Iterator[Used]:
    """Sample the processes with this mark while the `with` block runs."""
    used, ended = Used(), threading.Event()

    def watch() -> None:
        while not ended.wait(PAUSE):
            used.look(mark.encode())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield used
    finally:
        ended.set()
        watcher.join()


WIDTH, HEIGHT, LEFT, TOP, ACROSS, DOWN = 640, 300, 72, 40, 512, 200


def picture(figures: Figures) -> str:
    """SVG chart of seconds and megabytes by number of hosts: two lines, each with its own scale."""
    title = f"A preview by hosts: memory, and processor time ({figures.machine}, {figures.date})"
    bottom = TOP + DOWN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
        'font-size="13">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        f'<text x="{LEFT}" y="20" fill="#1b1f24">{title}</text>',
        f'<path d="M{LEFT} {TOP}V{bottom}H{LEFT + ACROSS}V{TOP}" fill="none" stroke="#8c959f"/>',
    ]
    for hosts in figures.hosts:
        x = _x(hosts, figures)
        parts.append(
            f'<text x="{x:.0f}" y="{bottom + 20}" text-anchor="middle" fill="#1b1f24">{hosts}</text>'
        )
    parts.append(f'<text x="{LEFT + ACROSS / 2:.0f}" y="{HEIGHT - 14}" text-anchor="middle">hosts</text>')
    parts += _line(figures, figures.megabytes, top=LIMIT, unit="MB", colour="#0969da", right=False)
    most = 5 * -(-max(figures.seconds) // 5)
    parts += _line(figures, figures.seconds, top=most, unit="s", colour="#bc4c00", right=True)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _x(hosts: int, figures: Figures) -> float:
    return LEFT + ACROSS * hosts / max(figures.hosts)


def _line(
    figures: Figures, values: Sequence[float], *, top: float, unit: str, colour: str, right: bool
) -> list[str]:
    """SVG elements of one line: a dot and a label for each value, and the ends of the scale."""
    points = [
        (_x(hosts, figures), TOP + DOWN * (1 - value / top))
        for hosts, value in zip(figures.hosts, values, strict=True)
    ]
    path = " ".join(f"{x:.0f},{y:.0f}" for x, y in points)
    side, anchor = (LEFT + ACROSS + 6, "start") if right else (LEFT - 6, "end")
    parts = [
        f'<text x="{side}" y="{TOP + 5}" text-anchor="{anchor}" fill="{colour}">{top:.0f} {unit}</text>',
        f'<text x="{side}" y="{TOP + DOWN + 4}" text-anchor="{anchor}" fill="{colour}">0</text>',
        f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>',
    ]
    for (x, y), value in zip(points, values, strict=True):
        label = f"{value:.1f} {unit}" if right else f"{value:.0f} {unit}"
        parts.append(f'<circle cx="{x:.0f}" cy="{y:.0f}" r="3.5" fill="{colour}"/>')
        middle = min(max(x, LEFT + 32), LEFT + ACROSS - 32)
        beside = y - 14 if right else y + 20
        label = f'<text x="{middle:.0f}" y="{beside:.0f}" text-anchor="middle" fill="{colour}">{label}</text>'
        parts.append(label)
    return parts
