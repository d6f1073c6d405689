"""docker:index/container:Container. Most changes replace it; limits and restart change in place."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

from docker.errors import APIError, NotFound

from clients.errors import ServiceError
from providers.adopting import does_not_exist, is_adopting, refuse_while_adopting
from providers.container.container_schema import CONTAINER, LIMITS
from providers.container.creation import MEBIBYTE, creation, memory_swap, restart_policy
from providers.container.marks import left_behind
from providers.container.schema import Schema
from providers.docker.container_state import as_read_back, outputs_of
from providers.docker.image import find_or_pull
from providers.docker.kind import SchemaKind
from providers.docker.state import read_result, settled, stored, unfinished
from providers.kind import Change, CheckResult, InitError, ProviderError, ReadResult, Values

POLL = 0.5
"""Seconds between two checks of a container's health."""


class Container(SchemaKind):
    """A container, with the engine's id.

    Two containers can't share a name or a port, so a replacement deletes the old one first.
    """

    schema: ClassVar[Schema] = CONTAINER

    def check(self, name: str, olds: Values, news: Values) -> CheckResult:
        """Check the inputs by the schema; `wait` needs a health check, or it could only time out."""
        result = super().check(name, olds, news)
        if news.get("wait") and not news.get("healthcheck"):
            result.failures.append(("wait", "waiting for health needs a healthcheck"))
        return result

    def diff(self, olds: Values, old_inputs: Values, news: Values) -> Change:
        """Compare with the state in the form in which the container is read back."""
        return super().diff(as_read_back(olds), old_inputs, news)

    def create(self, inputs: Values) -> tuple[str, Values]:
        """Create the container (or adopt an equal one of a killed `up`), start it, and wait if asked to.

        A run that adopts (ADR 29) neither creates nor starts one.
        """
        find_or_pull(self._engine, inputs["image"])
        with self._engine.asking(_subject(inputs)) as api:
            identity = _create_or_adopt(api, inputs)
        plan = self.planned(inputs, None)
        if plan["start"] and not is_adopting():
            with self._kept_on_error(identity, unfinished(CONTAINER, plan) | {"id": identity}):
                self._start(identity, plan)
        with self._engine.asking(_subject(inputs)) as api:
            observed = outputs_of(plan, api.inspect_container(identity))
        return identity, settled(CONTAINER, plan, observed)

    def read(self, identity: str, inputs: Values, state: Values) -> ReadResult | None:
        """Read the container; None if it does not exist.

        If it must run and is stopped, mustRun is false, so that `up` starts it.
        """
        with self._engine.asking(f"container {identity}") as api:
            try:
                container = api.inspect_container(identity)
            except NotFound:
                return None
        observed = outputs_of(state, container)
        return read_result(CONTAINER, container["Id"], inputs, state, observed)

    def update(self, identity: str, olds: Values, news: Values) -> Values:
        """Change memory, CPU and restart policy in place, and start a stopped container that must run."""
        refuse_while_adopting(_subject(news))
        plan = stored(CONTAINER, self.planned(news, olds), olds)
        with self._kept_on_error(identity, plan):
            if any((olds.get(key) or 0) != (plan[key] or 0) for key in LIMITS):
                self._limit(identity, plan)
            if plan["start"] and plan["mustRun"]:
                self._start(identity, plan)
        return plan

    def delete(self, identity: str, state: Values) -> None:
        """Stop the container within destroyGraceSeconds, or at once if unset, and remove it."""
        refuse_while_adopting(f"container {identity}")
        with self._engine.asking(f"container {state.get('name', identity)}") as api:
            try:
                api.stop(identity, timeout=state.get("destroyGraceSeconds") or 0)
                _remove(api, identity, volumes=bool(state.get("removeVolumes")))
            except NotFound:
                return

    def _limit(self, identity: str, plan: Values) -> None:
        with self._engine.asking(_subject(plan)) as api:
            api.update_container(
                identity,
                mem_limit=(plan["memory"] or 0) * MEBIBYTE,
                mem_reservation=(plan["memoryReservation"] or 0) * MEBIBYTE,
                memswap_limit=memory_swap(plan),
                cpu_shares=plan["cpuShares"],
                cpuset_cpus=plan["cpuSet"],
                restart_policy=restart_policy(plan),
            )

    def _start(self, identity: str, plan: Values) -> None:
        with self._engine.asking(_subject(plan)) as api:
            api.start(identity)
            if plan["wait"]:
                _await_health(api, identity, plan)

    @staticmethod
    @contextmanager
    def _kept_on_error(identity: str, state: Values) -> Iterator[None]:
        """Turn an error into InitError: the container exists, and the next `up` tries again."""
        try:
            yield
        except (ProviderError, ServiceError) as error:
            raise InitError(str(error), identity, state) from error


def _subject(inputs: Values) -> str:
    return f"container {inputs['name']}"


def _create_or_adopt(api: Any, inputs: Values) -> str:
    try:
        existing = api.inspect_container(inputs["name"])
    except NotFound:
        if is_adopting():
            raise does_not_exist(_subject(inputs)) from None
        return str(api.create_container_from_config(creation(inputs), inputs["name"])["Id"])
    return left_behind(_subject(inputs), existing, existing["Config"].get("Labels"), inputs)


def _remove(api: Any, identity: str, *, volumes: bool) -> None:
    try:
        api.remove_container(identity, v=volumes, force=True)
    except APIError as error:
        if "already in progress" not in str(error):
            raise
        # A container with `rm` removes itself; only then are its name and ports free.
        api.wait(identity, condition="removed")


def _await_health(api: Any, identity: str, inputs: Values) -> None:
    seconds = inputs.get("waitTimeout") or CONTAINER["waitTimeout"].default
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        state = api.inspect_container(identity)["State"]
        if (state.get("Health") or {}).get("Status") == "healthy":
            return
        if state["Status"] in ("exited", "dead"):
            ended = f"{_subject(inputs)}: ended with exit code {state['ExitCode']}."
            raise ProviderError(f"{ended} {_last_lines(api, identity)}")
        time.sleep(POLL)
    raise ProviderError(f"{_subject(inputs)}: not healthy after {seconds} s. {_last_lines(api, identity)}")


def _last_lines(api: Any, identity: str) -> str:
    text = api.logs(identity, tail=12).decode(errors="replace")
    return f"Its last lines:\n{text.strip()}"
