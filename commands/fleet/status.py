"""`skyinfra fleet status`: the state of the nodes and hosts of a stack."""

import json
import os
import re
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import click
from rich.console import Console
from rich.live import Live
from rich.text import Text

from catalogue.exit_codes import PART
from catalogue.naming import engine_name
from catalogue.stack_outputs import StackOutputs
from clients.deployed_nodes import DeployedNode, nodes_of
from commands.backend import Backend, Choice
from commands.options import chosen, examples, with_stack
from display.errors import UserError
from fleet import report
from fleet.hosts import Hosts
from fleet.images import image_hosts
from fleet.nodes import Backup, FleetNode, Status, not_deployed
from local.stacks.missing_nodes import listed_nodes
from wallets.backups.records import recorded

EVERY = 5.0
"""Seconds between two rounds of `--watch`."""


@click.command(
    short_help="Show what runs on all hosts of a stack.",
    epilog=examples(
        "./skyinfra fleet status",
        "./skyinfra fleet status -s fleet --watch",
        "./skyinfra fleet status -s fleet --json > status.json",
    ),
)
@with_stack
@click.option("--json", "as_json", is_flag=True, help="Print JSON (docs/fleet-status.md).")
@click.option("--watch", is_flag=True, help="Repeat every 5 s, until Ctrl-C.")
def status(stack: str | None, backend: Choice, as_json: bool, watch: bool) -> int:
    """Show each node of a stack: its chain, container and backup, and its host's disk and images.

    Hosts are asked ten at a time, and nothing is changed on them. The exit code is 4 if a node needs
    attention, is only in the stack's file, or its host does not answer within 25 s, and 0 if all are synced,
    syncing, starting, or offline as their settings say.
    """
    selected, name = chosen(stack, backend)
    selected.refuse_unknown(name)
    resources = selected.resources(name)
    nodes, absent = fleet_nodes(selected, name, resources), _absent(name, resources)
    if not (nodes or absent or as_json):
        click.echo(f"The stack {name} has no node.")
        return 0
    hosts = Hosts(nodes)
    try:
        if watch:
            _watch(hosts, name, as_json, absent)
            return 0
        seen, now = [*hosts.look(), *absent], datetime.now(UTC)
        if as_json:
            click.echo(json.dumps(report.as_json(name, seen, now), indent=1))
        else:
            Console(soft_wrap=True).print(_coloured(report.text(seen, now, _width())))
        return 0 if all(node_status.is_ok for node_status in seen) else PART
    finally:
        hosts.close()


def fleet_nodes(backend: Backend, stack: str, resources: Sequence[Mapping[str, Any]]) -> list[FleetNode]:
    """Deployed nodes in a stack's state, with their newest known backups. Raises UserError."""
    tags = _tags(resources)
    repositories = {engine_name(host.engine or ""): host.repositories for host in image_hosts(resources)}
    nodes = sorted(nodes_of(stack, resources).values(), key=lambda node: (node.host, node.name))
    return [
        FleetNode(
            deployed=node,
            tag=tags.get(node.image.rpartition("@")[2], ""),
            backup=_known_backup(backend, node),
            repositories=repositories[engine_name(node.engine or "")],
        )
        for node in nodes
        if node.container is not None
    ]


def _absent(stack: str, resources: Sequence[Mapping[str, Any]]) -> list[Status]:
    """Nodes that only the stack's file has: a new one, or one whose container was destroyed."""
    try:
        listed = listed_nodes(stack)
    except UserError as error:
        click.echo(f"warning: nodes that are not deployed are not shown: {error}", err=True)
        return []
    deployed = {name for name, node in nodes_of(stack, resources).items() if node.container is not None}
    return [
        not_deployed(stack, str(name), str(entry.get("host") or report.NOTHING))
        for name, entry in listed.items()
        if isinstance(entry, dict) and not {name, entry.get("renamed-from")} & deployed
    ]


def _known_backup(backend: Backend, node: DeployedNode) -> Backup | None:
    record = recorded(backend.backup_records, node)
    return None if record is None else Backup(time=record.time, file=record.file, is_gone=record.is_gone)


def _tags(resources: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Digest of a variant or a manifest list → its most exact tag, from the stack's outputs in its state."""
    [root] = [resource for resource in resources if resource["type"] == "pulumi:pulumi:Stack"] or [{}]
    tags: dict[str, str] = {}
    outputs: StackOutputs = root.get("outputs") or StackOutputs()
    for releases in (outputs.get("images") or {}).values():
        for tag, release in sorted(releases.items(), key=lambda entry: _exactness(entry[0])):
            for image in (release, *release["variants"].values()):
                tags[image["digest"]] = tag
    return tags


def _exactness(tag: str) -> tuple[int, int]:
    """Sort key by exactness: `0.27.1` is more exact than `0.27`, and shorter than `release-v0.27.1`."""
    return len(re.findall(r"\d+", tag)), -len(tag)


def _width() -> int | None:
    """Width of the terminal in columns; None through a pipe, so that nothing is cut."""
    return Console().width if sys.stdout.isatty() else None


def _coloured(shown: str) -> Text:
    text = Text(shown)
    for state, style in report.STYLES.items():
        text.highlight_words([state.value], style)
    return text


def _watch(hosts: Hosts, stack: str, as_json: bool, absent: Sequence[Status]) -> None:
    """Show the status again and again, until Ctrl-C or a closed terminal, which are no errors."""
    try:
        if as_json or not sys.stdout.isatty() or os.environ.get("TERM", "dumb") == "dumb":
            while True:
                seen, now = [*hosts.look(), *absent], datetime.now(UTC)
                shown = (
                    json.dumps(report.as_json(stack, seen, now)) if as_json else report.text(seen, now, None)
                )
                click.echo(shown if as_json else f"{shown}\n")
                time.sleep(EVERY)
        with Live(console=Console(), auto_refresh=False, transient=False) as live:
            # A closed terminal is no longer a terminal, and rich then prints nothing.
            while sys.stdout.isatty():
                seen, now = [*hosts.look(), *absent], datetime.now(UTC)
                # The last line stays free for the cursor when this ends.
                width, height = live.console.size
                live.update(_coloured(report.screen(seen, now, width, height - 1)), refresh=True)
                time.sleep(EVERY)
    except KeyboardInterrupt:
        return
