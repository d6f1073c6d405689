"""`pulumi up` of a stack whose hosts may be dead: silent hosts are skipped, and the others are updated."""

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from catalogue.exit_codes import FAILED, PART
from catalogue.node_container import SKIPPED_HOSTS
from clients.host_checks import remedy_of
from clients.silent_engines import Address, silent
from display.units import count_of
from fleet.outcome import hosts_of_nodes, outcome
from fleet.parts import SkippedParts, addresses, excluded, hosts_of, items_of, skipped_parts
from local.pulumi.command import update


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """A stack to update."""

    options: Sequence[str]
    """`--stack`, and further options that pulumi needs to find it."""
    config: Mapping[str, Any]
    """`config:` of its file."""
    env: Mapping[str, str]
    log: Path
    resources: Callable[[], Sequence[Mapping[str, Any]]]
    """Reads the resources of its present state."""
    is_interrupted: Callable[[], bool]
    """True if the state has pending operations of a killed run."""
    again: str
    """Command to repeat for hosts that were skipped."""

    @property
    def local(self) -> str:
        """Engine that `engine: local` means."""
        return {**os.environ, **self.env}.get("DOCKER_HOST") or "unix:///var/run/docker.sock"


def bring_up_parts(
    target: Target,
    before: Callable[[Collection[Address]], None] = lambda _: None,
    after: Callable[[], None] = lambda: None,
) -> int:
    """Update all hosts that answer; return 0, FAILED, or PART if hosts were skipped.

    `before` is called with the engines that do not answer, `after` if nothing failed. If an engine dies
    during an update, the update ends, and a second one updates the engines that still answer. A rollout ends
    there if that engine's node was being changed, because the change may have stopped the host. Builds that
    a busy builder did not start are repeated once.
    """
    run = _Run(target)
    run.ask()
    before(run.silent)
    while (code := run.update()) and (run.ask() or run.builds_again()) and not run.is_stopped:
        pass
    if code == 0:
        after()
    return run.report(code)


class _Run:
    """One run: the engines that do not answer, and the results of the resources."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._hosts = hosts_of(target.config, target.local)
        self._items = items_of(target.config)
        self._became: dict[str, str] = {}
        self._begun: set[str] = set()
        self._skipped = SkippedParts(of_refresh=frozenset(), of_update=frozenset())
        self._gone: dict[str, Address] = {}
        self._late: list[bool] = []
        self.silent: dict[Address, str] = {}
        self.is_stopped = False
        """True if a host of a rollout died while its node was changed: the next wave must not begin."""

    def ask(self) -> bool:
        """Ask all engines that are not known to be dead; return True if any of these does not answer."""
        resources = self._target.resources()
        known = addresses(resources, self._target.local).values()
        places = {address for _, address in known} | {*self._hosts.values()}
        newly_silent = silent(places - self.silent.keys())
        self.silent |= newly_silent
        self._gone = {host: address for host, address in known if host not in self._hosts}
        self._skipped = skipped_parts(resources, self._hosts, self.silent, self._target.local)
        for host, address in {**dict(known), **self._hosts}.items():
            if address in newly_silent:
                self._tell_silent(host, address, newly_silent[address])
        if unseen := len(self._skipped.of_refresh - self._skipped.of_update):
            what = count_of(unseen, "resource")
            print(f"• not refreshed, because the address in the state does not answer: {what}")
        return bool(newly_silent)

    def _tell_silent(self, host: str, address: Address, reason: str) -> None:
        """Say why a host is skipped or, if its node was changed in a rollout, why the rollout ends there."""
        stops = self._is_rollout and host in hosts_of_nodes(self._items, self._begun)
        self.is_stopped |= stops
        how = "stopped answering when its node was changed" if stops else "is skipped"
        print(f"• host {host} {how}: {address.engine} does not answer: {reason}")
        print(f"  {remedy_of(reason, address.engine, address.ssh_options)}.", flush=True)
        if stops:
            print("  The rollout ends here, because the change may have stopped the host: find out first.")
            print("  To go back, undo the change in the stack's file before the next run. To go on without")
            print(f"  the host, run `{self._target.again}` again, which skips it.", flush=True)

    @property
    def _is_rollout(self) -> bool:
        return self._target.config.get("skycoin:rollout") is not None

    def builds_again(self) -> bool:
        """True if the builder was too busy during the last update, for the first time."""
        again = self._late[-1] and not any(self._late[:-1])
        if again:
            print("• the builder had not started a build step within 10 s: this machine is too busy.")
            print("  Finished builds are kept, and the rest is tried once more.", flush=True)
        return again

    def update(self) -> int:
        """Update all hosts that answer; return pulumi's exit code."""
        unrefreshed = excluded(self._skipped.of_refresh, [])
        new = [item for item in self._items if self._hosts.get(item.host) in self.silent]
        without = excluded(self._skipped.of_update, new)
        cleared = ["--clear-pending-creates", *unrefreshed]
        if self._target.is_interrupted() and (code := self._pulumi("refresh", *cleared)):
            return code
        # One host's failure does not stop the others; a stack on a single engine ends at its first failure.
        goes_on = ["--continue-on-error"] if len({*self._hosts.values()}) > 1 else []
        if self._skipped.of_refresh <= self._skipped.of_update:
            return self._pulumi("up", "--refresh", *goes_on, *without)
        # A host that is silent at its address in the state answers at its new address in the file.
        return self._pulumi("refresh", *unrefreshed) or self._pulumi("up", *goes_on, *without)

    def _pulumi(self, command: str, *options: str) -> int:
        quiet = ["--yes", "--suppress-outputs", *self._target.options]
        names = [host for host, address in self._hosts.items() if address in self.silent]
        env = {**self._target.env, SKIPPED_HOSTS: ",".join(names)}
        ended = update([command, *options, *quiet], env, self._target.log)
        self._late.append(ended.is_late)
        self._begun |= ended.begun
        for urn, word in ended.became.items():
            if word != "unchanged" or self._became.get(urn) in (None, "failed"):
                self._became[urn] = word
        return ended.code

    def report(self, code: int) -> int:
        """Print the table, unless pulumi has reported everything; return the exit code of `skyinfra`."""
        hosts = {
            host: f"{address.engine} does not answer: {self.silent[address]}"
            if address in self.silent
            else ""
            for host, address in {**self._gone, **self._hosts}.items()
            if host in self._hosts or address in self.silent
        }
        reasons = [*filter(None, hosts.values())]
        broken = [urn for urn in self._begun if self._became.get(urn) == "failed"]
        if len({*self._hosts.values()}) > 1 or reasons:
            print(f"\n{outcome(self._items, hosts, self._became, self._skipped.of_update, broken)}")
        ended = FAILED if code else 0  # Pulumi's own codes mean other things than those of `skyinfra`
        if not reasons:
            return ended
        print(
            "\nSkipped resources stay in the state unchanged. When a host answers again, "
            f"`{self._target.again}` catches up."
        )
        return ended or (FAILED if broken or len(reasons) == len(hosts) else PART)
