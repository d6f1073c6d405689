"""The cases, each with its peer for comparison. They run on the set-up of `make up`, and do not change it."""

import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from bench import boards, hosts, identity
from bench.ratio import Ratio, in_turn
from bench.running import pulumi
from clients.pulumi import stack_outputs
from local.machine.layout import PROJECT, Layout
from local.machine.steps import SetupError
from local.stacks.files import STACK, stack_config
from local.stacks.stack import init_aside

NODES = (10, 200)
"""Numbers of nodes of two fleets; the difference of their previews gives the time per resource."""
GATE = 118.0
"""Milliseconds per resource that Pulumi's own performance tests allow (pulumi/pulumi `tests/performance`)."""
SEED_MEGABYTES = 69.4
"""Unpacked size of the node's image before this project: 68.2 MB over a base of 1.16 MB."""


def no_op(_: Layout, env: Mapping[str, str], rounds: int) -> Ratio:
    """Compare an `up` without changes with that of an empty Python program on the same CLI and backend."""

    def ours() -> None:
        printed = pulumi(env, PROJECT, "up", "--yes", "--stack", STACK)
        if re.search(r"\d+ (created|updated|replaced|deleted)", printed):
            raise SetupError(f"the stack {STACK} had changes: run `make up` first, then again.")

    with _empty_program(env) as (folder, stack):
        times = in_turn(ours, lambda: pulumi(env, folder, "up", "--yes", "--stack", stack), rounds)
    return Ratio(
        name="up without changes / that of an empty program",
        unit="s",
        ours=times[0],
        peer=times[1],
        target=1.5,
    )


@contextmanager
def _empty_program(env: Mapping[str, str]) -> Iterator[tuple[Path, str]]:
    with tempfile.TemporaryDirectory() as name:
        folder, stack = Path(name), "bench"
        (folder / "Pulumi.yaml").write_text("name: empty\nruntime: python\n")
        (folder / "__main__.py").write_text("")
        pulumi(env, folder, "stack", "init", stack)
        try:
            yield folder, stack
        finally:
            pulumi(env, folder, "stack", "rm", "--yes", "--force", stack)


def preview(layout: Layout, env: Mapping[str, str], rounds: int) -> Ratio:
    """Compare the time that one more resource adds to a preview with the time that Pulumi's tests allow."""
    counts: dict[int, int] = {}

    def previewed(nodes: int) -> None:
        with _fleet(layout, env, nodes) as options:
            printed = pulumi(env, PROJECT, "preview", *options)
        counts[nodes] = int(re.findall(r"\+ (\d+) to create", printed)[-1])

    small, large = NODES
    times = in_turn(lambda: previewed(large), lambda: previewed(small), rounds)
    more = counts[large] - counts[small]
    each = [(slow - fast) * 1000 / more for slow, fast in zip(*times, strict=True)]
    name = f"preview, one more resource ({small} to {large} nodes) / what Pulumi's tests allow"
    return Ratio(name=name, unit="ms", ours=each, peer=[GATE] * len(each), target=15 / GATE)


@contextmanager
def _fleet(layout: Layout, env: Mapping[str, str], nodes: int) -> Iterator[Sequence[str]]:
    """Create a stack like `local`, with this number of nodes and an empty state; yield its options."""
    config: dict[str, Any] = stack_config(STACK)
    config["skycoin:nodes"] = {
        f"n{number}": {"image": "skycoin", "host": "here", "rpc-port": 20000 + number}
        for number in range(nodes)
    }
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "Pulumi.bench.yaml"
        file.write_text(yaml.safe_dump({"config": config}))
        options = ("--stack", "bench", "--config-file", str(file))
        init_aside(layout, "bench", env)
        try:
            yield options
        finally:
            pulumi(env, PROJECT, "stack", "rm", "--yes", "--force", "--preserve-config", "bench")


def size(_: Layout, env: Mapping[str, str], __: int) -> Ratio:
    """Compare the unpacked size of each variant of the node with that of the image before this project."""
    tags = stack_outputs(STACK, env)["images"]["skycoin"]
    sizes = [variant["unpacked"] / 1e6 for variant in next(iter(tags.values()))["variants"].values()]
    peer = [SEED_MEGABYTES] * len(sizes)
    return Ratio(
        name="a variant, unpacked / that before this project", unit="MB", ours=sizes, peer=peer, target=0.56
    )


CASES = {
    "no-op": no_op,
    "preview": preview,
    "size": size,
    "hosts": hosts.memory,
    "boards": boards.at_once,
    "waves": boards.in_waves,
    "identity": identity.local,
    "identity-ssh": identity.over_ssh,
}
