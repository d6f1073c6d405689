"""docker:index/network:Network. A change of any input replaces it."""

from typing import Any, ClassVar

from docker.errors import NotFound
from docker.types import IPAMConfig, IPAMPool

from providers.adopting import does_not_exist, is_adopting, refuse_while_adopting
from providers.container.marks import MARK, left_behind, mark
from providers.container.schema import Schema
from providers.docker.kind import SchemaKind
from providers.docker.other_schemas import NETWORK
from providers.docker.state import as_labels, read_result, settled
from providers.kind import ReadResult, Values


class Network(SchemaKind):
    """A network; its id is the engine's."""

    schema: ClassVar[Schema] = NETWORK

    def create(self, inputs: Values) -> tuple[str, Values]:
        """Create the network, or adopt an equal one of a killed `up`; any other of that name is an error.

        A run that adopts (ADR 29) takes any network of that name, and creates none.
        """
        subject = f"network {inputs['name']}"
        with self._engine.asking(subject) as api:
            try:
                network = api.inspect_network(inputs["name"])
            except NotFound:
                if is_adopting():
                    raise does_not_exist(subject) from None
                identity = self._create(api, inputs)
            else:
                labels = network.get("Labels")
                identity = network["Id"] if is_adopting() else left_behind(subject, network, labels, inputs)
            observed = _observed(api.inspect_network(identity), inputs)
        return identity, settled(NETWORK, self.planned(inputs, None), observed)

    @staticmethod
    def _create(api: Any, inputs: Values) -> str:
        labels = {entry["label"]: entry["value"] for entry in inputs.get("labels", [])}
        network = api.create_network(
            inputs["name"],
            driver=inputs.get("driver", "bridge"),
            options=inputs.get("options"),
            ipam=_ipam(inputs),
            internal=bool(inputs.get("internal")),
            attachable=inputs.get("attachable"),
            labels={**labels, MARK: mark(inputs)},
            check_duplicate=True,
        )
        return str(network["Id"])

    def read(self, identity: str, inputs: Values, state: Values) -> ReadResult | None:
        """Find the network by its id (for an import, by its name); None if there is none."""
        with self._engine.asking(f"network {identity}") as api:
            try:
                network = api.inspect_network(identity)
            except NotFound:
                return None
        observed = _observed(network, inputs)
        return read_result(NETWORK, network["Id"], inputs, state, observed)

    def delete(self, identity: str, state: Values) -> None:
        """Remove the network. Raises ServiceError if a container is attached."""
        refuse_while_adopting(f"network {identity}")
        with self._engine.asking(f"network {state.get('name', identity)}") as api:
            try:
                api.remove_network(identity)
            except NotFound:
                return


def _ipam(inputs: Values) -> IPAMConfig | None:
    pools = [
        IPAMPool(
            subnet=entry.get("subnet"),
            iprange=entry.get("ipRange"),
            gateway=entry.get("gateway"),
            aux_addresses=entry.get("auxAddress"),
        )
        for entry in inputs.get("ipamConfigs", [])
    ]
    if not pools and inputs.get("ipamDriver", "default") == "default":
        return None
    return IPAMConfig(driver=inputs.get("ipamDriver", "default"), pool_configs=pools)


def _observed(network: Values, inputs: Values) -> Values:
    ipam = network.get("IPAM") or {}
    labels = {key: value for key, value in (network.get("Labels") or {}).items() if key != MARK}
    return {
        "id": network["Id"],
        "name": network["Name"],
        "driver": network["Driver"],
        "internal": network["Internal"],
        "attachable": network["Attachable"],
        "ingress": network["Ingress"],
        "ipv6": network["EnableIPv6"],
        "scope": network["Scope"],
        "options": network.get("Options") or {},
        "labels": as_labels(labels),
        "ipamDriver": ipam.get("Driver") or "default",
        "ipamOptions": ipam.get("Options") or {},
        "ipamConfigs": _pools(ipam.get("Config") or [], inputs.get("ipamConfigs") or []),
    }


def _pools(pools: list[Values], requested: list[Values]) -> list[Values]:
    """Address pools, without the gateway that the engine chose for a subnet given without one.

    Docker 29 reports that gateway, 20.10 does not: as a difference it would replace the network.
    """
    open_ones = {entry.get("subnet") for entry in requested if not entry.get("gateway")}
    return [
        {
            "subnet": entry.get("Subnet", ""),
            "gateway": "" if entry.get("Subnet") in open_ones else entry.get("Gateway", ""),
            "ipRange": entry.get("IPRange", ""),
            "auxAddress": entry.get("AuxiliaryAddresses") or {},
        }
        for entry in pools
    ]
