"""docker:index/container:Container: nearly every input replaces; limits and restart change in place."""

import time

from docker.errors import APIError, NotFound

from local.docker_plugin.container_config import (
    DEFAULTS,
    INPUTS,
    REPLACING,
    creation,
    restart_policy,
    state_of,
)
from local.docker_plugin.engine import Engine
from local.docker_plugin.image import find
from local.docker_plugin.rules import checked, compare
from plugins.base import Change, Checked, Found, InitError, ProviderError, Values

MEBIBYTE = 1024 * 1024
POLL = 0.5
"""Seconds between two looks at a container's health."""


class Container:
    """A container; its id is the engine's."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def check(self, name: str, olds: Values, news: Values) -> Checked:
        """Defaults of the official plugin."""
        result = checked(news, DEFAULTS, INPUTS)
        if not news.get("name"):
            result.failures.append(("name", "a container needs a fixed name"))
        if news.get("wait") and not news.get("healthcheck"):
            result.failures.append(("wait", "waiting for health needs a healthcheck"))
        return result

    def diff(self, olds: Values, old_inputs: Values, news: Values) -> Change:
        """Replacement deletes first: names and ports can't be had twice."""
        return compare(olds, old_inputs, news, REPLACING, delete_first=True)

    def create(self, inputs: Values) -> tuple[str, Values]:
        """Create, start, and wait for health where asked."""
        find(self._engine, inputs["image"])
        api = self._engine.client().api
        try:
            made = api.create_container_from_config(creation(inputs), inputs["name"])
        except APIError as error:
            raise ProviderError(f"container {inputs['name']}: {error.explanation or error}") from error
        self._start(made["Id"], inputs)
        return made["Id"], self._state(made["Id"], inputs)

    def read(self, identity: str, inputs: Values, state: Values) -> Found | None:
        """The container as it is; a stopped one that must run shows mustRun false, so that `up` starts it."""
        try:
            found = self._engine.client().api.inspect_container(identity)
        except NotFound:
            return None
        except APIError as error:
            raise ProviderError(f"container {identity}: {error.explanation or error}") from error
        known = inputs or {
            **DEFAULTS,
            "name": found["Name"].lstrip("/"),
            "image": found["Config"]["Image"],
        }
        return Found(identity=found["Id"], state=state_of({**state, **known}, found), inputs=known)

    def update(self, identity: str, olds: Values, news: Values) -> Values:
        """Memory, CPU and restart policy in place; a stopped container is started."""
        api = self._engine.client().api
        try:
            api.update_container(
                identity,
                mem_limit=(news.get("memory") or 0) * MEBIBYTE,
                memswap_limit=(news.get("memorySwap") or 0) * MEBIBYTE or -1,
                cpu_shares=news.get("cpuShares"),
                cpuset_cpus=news.get("cpuSet"),
                restart_policy=restart_policy(news),
            )
        except APIError as error:
            raise ProviderError(f"container {news['name']}: {error.explanation or error}") from error
        self._start(identity, news)
        return self._state(identity, news)

    def delete(self, identity: str, state: Values) -> None:
        """Stop with destroyGraceSeconds, or at once where there are none; then remove."""
        api = self._engine.client().api
        try:
            api.stop(identity, timeout=state.get("destroyGraceSeconds") or 0)
            api.remove_container(identity, v=bool(state.get("removeVolumes")), force=True)
        except NotFound:
            return
        except APIError as error:
            if "already in progress" in str(error):
                return
            raise ProviderError(f"container {state.get('name')}: {error.explanation or error}") from error

    def _start(self, identity: str, inputs: Values) -> None:
        """Start and wait for health. Raises InitError: the container exists, and is tried again."""
        if not inputs.get("start"):
            return
        api = self._engine.client().api
        try:
            api.start(identity)
            if inputs.get("wait"):
                self._await_health(identity, inputs)
        except APIError as error:
            reason = error.explanation or str(error)
        except ProviderError as error:
            reason = str(error)
        else:
            return
        message = f"container {inputs['name']}: {reason}"
        raise InitError(message, identity, self._state(identity, inputs))

    def _await_health(self, identity: str, inputs: Values) -> None:
        api = self._engine.client().api
        seconds = inputs.get("waitTimeout") or DEFAULTS["waitTimeout"]
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            state = api.inspect_container(identity)["State"]
            if (state.get("Health") or {}).get("Status") == "healthy":
                return
            if state["Status"] in ("exited", "dead"):
                raise ProviderError(f"ended with exit code {state['ExitCode']}. {self._last_lines(identity)}")
            time.sleep(POLL)
        raise ProviderError(f"not healthy after {seconds} s. {self._last_lines(identity)}")

    def _last_lines(self, identity: str) -> str:
        text = self._engine.client().api.logs(identity, tail=12).decode(errors="replace")
        return f"Its last lines:\n{text.strip()}"

    def _state(self, identity: str, inputs: Values) -> Values:
        return state_of(inputs, self._engine.client().api.inspect_container(identity))
