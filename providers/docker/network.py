"""docker:index/network:Network. Everything in it replaces."""

from typing import Any, ClassVar

from docker.errors import NotFound

from clients.engine import Engine
from providers.base import Change, Checked, Found, Values
from providers.docker.rules import MARK, checked, compare, left_behind, mark

INPUTS = ("name", "driver", "internal", "attachable", "options")
COMPUTED = ("driver", "internal", "options")


class Network:
    """A network; its id is the engine's."""

    computed: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def check(self, name: str, olds: Values, news: Values) -> Checked:
        """The program names every network."""
        result = checked(news, {}, INPUTS)
        if not news.get("name"):
            result.failures.append(("name", "a network needs a fixed name"))
        return result

    def diff(self, olds: Values, old_inputs: Values, news: Values) -> Change:
        """Every input replaces."""
        return compare(olds, old_inputs, news, INPUTS, computed=COMPUTED)

    def create(self, inputs: Values) -> tuple[str, Values]:
        """Make it, or take what a killed `up` made of the same; two of one name are refused."""
        subject = f"network {inputs['name']}"
        with self._engine.asking(subject) as api:
            try:
                found = api.inspect_network(inputs["name"])
            except NotFound:
                identity = self._made(api, inputs)
            else:
                identity = left_behind(subject, found, found.get("Labels"), inputs)
            return identity, self._state(api.inspect_network(identity))

    @staticmethod
    def _made(api: Any, inputs: Values) -> str:
        made = api.create_network(
            inputs["name"],
            driver=inputs.get("driver", "bridge"),
            options=inputs.get("options"),
            internal=bool(inputs.get("internal")),
            attachable=inputs.get("attachable"),
            labels={MARK: mark(inputs)},
            check_duplicate=True,
        )
        return str(made["Id"])

    def read(self, identity: str, inputs: Values, state: Values) -> Found | None:
        """The network of that id (or name, for an import), or None."""
        with self._engine.asking(f"network {identity}") as api:
            try:
                network = api.inspect_network(identity)
            except NotFound:
                return None
        found = self._state(network)
        return Found(
            identity=network["Id"],
            state=found,
            inputs=inputs or {"name": found["name"], "driver": found["driver"]},
        )

    def update(self, identity: str, olds: Values, news: Values) -> Values:
        """Nothing of a network changes in place."""
        return {**olds, **news}

    def delete(self, identity: str, state: Values) -> None:
        """Remove it. Raises ProviderError where a container is attached."""
        with self._engine.asking(f"network {state.get('name', identity)}") as api:
            try:
                api.remove_network(identity)
            except NotFound:
                return

    @staticmethod
    def _state(network: Values) -> Values:
        ipam = network.get("IPAM") or {}
        return {
            "name": network["Name"],
            "driver": network["Driver"],
            "internal": network["Internal"],
            "attachable": network["Attachable"],
            "scope": network["Scope"],
            "options": network.get("Options") or {},
            "ipamDriver": ipam.get("Driver") or "default",
            "ipamConfigs": [
                {"subnet": entry.get("Subnet", ""), "gateway": entry.get("Gateway", "")}
                for entry in ipam.get("Config") or []
            ],
        }
