"""docker:index/container:Container: nearly every input replaces; limits and restart change in place."""

import time
from typing import Any, ClassVar

from docker.errors import APIError, NotFound

from clients.engine import Engine
from clients.errors import ServiceError
from providers.base import Change, Checked, Found, InitError, ProviderError, Values
from providers.docker.container_config import (
    COMPUTED,
    DEFAULTS,
    FIELDS,
    INPUTS,
    LIMITS,
    MEBIBYTE,
    REPLACING,
    creation,
    duration_faults,
    memory_swap,
    restart_policy,
)
from providers.docker.container_state import imported_inputs, state_of
from providers.docker.image import find
from providers.docker.rules import check_parts, checked, compare, left_behind

POLL = 0.5
"""Seconds between two looks at a container's health."""


class Container:
    """A container; its id is the engine's."""

    computed: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def check(self, name: str, olds: Values, news: Values) -> Checked:
        """Defaults of the official plugin."""
        result = checked(news, DEFAULTS, INPUTS)
        result.failures.extend(check_parts(news, FIELDS))
        result.failures.extend(duration_faults(news.get("healthcheck")))
        if not news.get("name"):
            result.failures.append(("name", "a container needs a fixed name"))
        if not news.get("image"):
            result.failures.append(("image", "a container needs an image"))
        if news.get("wait") and not news.get("healthcheck"):
            result.failures.append(("wait", "waiting for health needs a healthcheck"))
        return result

    def diff(self, olds: Values, old_inputs: Values, news: Values) -> Change:
        """Replacement deletes first: names and ports can't be had twice."""
        return compare(olds, old_inputs, news, REPLACING, computed=COMPUTED, delete_first=True)

    def create(self, inputs: Values) -> tuple[str, Values]:
        """Create (or take what a killed `up` made of the same), start, and wait for health where asked."""
        find(self._engine, inputs["image"])
        with self._engine.asking(_subject(inputs)) as api:
            identity = _made(api, inputs)
        if inputs.get("start"):
            self._start(identity, inputs)
        return identity, self._state(identity, inputs)

    def read(self, identity: str, inputs: Values, state: Values) -> Found | None:
        """The container as it is; a stopped one that must run shows mustRun false, so that `up` starts it."""
        with self._engine.asking(f"container {identity}") as api:
            try:
                found = api.inspect_container(identity)
            except NotFound:
                return None
        known = inputs or imported_inputs(found)
        return Found(identity=found["Id"], state=state_of({**state, **known}, found), inputs=known)

    def update(self, identity: str, olds: Values, news: Values) -> Values:
        """Memory, CPU and restart policy in place; a stopped container that must run is started."""
        if any((olds.get(key) or 0) != (news.get(key) or 0) for key in LIMITS):
            self._limit(identity, news)
        if news.get("start") and news.get("mustRun"):
            self._start(identity, news)
        return self._state(identity, news)

    def delete(self, identity: str, state: Values) -> None:
        """Stop with destroyGraceSeconds, or at once where there are none; then remove."""
        with self._engine.asking(f"container {state.get('name', identity)}") as api:
            try:
                if not state.get("attach"):
                    api.stop(identity, timeout=state.get("destroyGraceSeconds") or 0)
                _remove(api, identity, volumes=bool(state.get("removeVolumes")))
            except NotFound:
                return

    def _limit(self, identity: str, news: Values) -> None:
        memory = (news.get("memory") or 0) * MEBIBYTE
        with self._engine.asking(_subject(news)) as api:
            api.update_container(
                identity,
                mem_limit=memory,
                # Twice the memory is what the engine takes at creation; the old one may be too small.
                memswap_limit=memory_swap(news) or 2 * memory,
                cpu_shares=news.get("cpuShares"),
                cpuset_cpus=news.get("cpuSet"),
                restart_policy=restart_policy(news),
            )

    def _start(self, identity: str, inputs: Values) -> None:
        """Start and wait for health. Raises InitError: the container exists, and is tried again."""
        try:
            with self._engine.asking(_subject(inputs)) as api:
                api.start(identity)
                if inputs.get("wait"):
                    _await_health(api, identity, inputs)
        except (ProviderError, ServiceError) as error:
            raise InitError(str(error), identity, self._state(identity, inputs)) from error

    def _state(self, identity: str, inputs: Values) -> Values:
        with self._engine.asking(_subject(inputs)) as api:
            return state_of(inputs, api.inspect_container(identity))


def _subject(inputs: Values) -> str:
    return f"container {inputs['name']}"


def _made(api: Any, inputs: Values) -> str:
    try:
        found = api.inspect_container(inputs["name"])
    except NotFound:
        return str(api.create_container_from_config(creation(inputs), inputs["name"])["Id"])
    return left_behind(_subject(inputs), found, found["Config"].get("Labels"), inputs)


def _remove(api: Any, identity: str, *, volumes: bool) -> None:
    try:
        api.remove_container(identity, v=volumes, force=True)
    except APIError as error:
        if "already in progress" not in str(error):
            raise
        # One with `rm` goes by itself: its name and ports are free when it has gone.
        api.wait(identity, condition="removed")


def _await_health(api: Any, identity: str, inputs: Values) -> None:
    seconds = inputs.get("waitTimeout") or DEFAULTS["waitTimeout"]
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
