"""The replacement of a node's container: checks, copies of the wallet and the chain database, handover."""

import hashlib
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from docker.errors import DockerException

from catalogue.node_container import HANDED_OVER, LAST_REPLACEMENT, NODE
from clients.errors import ServiceError, message_of
from clients.pull import ensure_image, known_as
from clients.wallet_on_host import WalletOnHost
from providers.container.container_schema import CONTAINER
from providers.container.creation import creation
from providers.container.plan import essence
from providers.kind import URN, ProviderError, Values
from providers.log import Status, Warn
from providers.skycoin.chain_database import (
    FORGET,
    PUT_BACK,
    ChainDatabase,
    finish_copy,
    mounted_volume,
    wanted_volume,
)
from providers.skycoin.change_of_user import refuse_running
from providers.skycoin.handover import INPUTS_DIGEST, RESOURCE, Handover, Plan, grace_of, is_down
from providers.skycoin.last_healthy import last_healthy_label
from providers.skycoin.node_proof import Answer, ask_node, refuse_unverified, version_of
from providers.skycoin.older_images import protect_image
from providers.skycoin.proxy_port import proxy_aside
from providers.skycoin.refusals import no_record, refuse_lost_volume, refuse_nested_engine
from providers.skycoin.wallet_copy import copy_wallet
from providers.skycoin.wallet_identity import refuse_changed, refuse_empty, verify_unchanged
from providers.skycoin.watchdog import start_watchdog


@dataclass(frozen=True, kw_only=True)
class Replacement:
    """Replacement of a node's container on its host."""

    client: Any
    handover: Handover
    old: Values | None
    """Inspection of the container to replace; None if the node has none."""
    state: Values
    """State of the resource; empty if it is new or was lost."""
    inputs: Values
    identity: str
    """Id of the resource."""
    now: datetime
    status: Status
    warn: Warn

    def run(self) -> Values:
        """Replace the container. Returns the downtime as part of the state; empty if no node ran.

        Raises ProviderError or ServiceError, after which the old container is unchanged, unless the error
        says that the attempt was not undone.
        """
        self._refuse()
        new_image = ensure_image(self.client, self.inputs["image"], self.inputs, self.status)
        # The old image is not pulled by its name, which may contain a forwarded port that is closed by now.
        image = new_image if self.old is None else self._known_image() or new_image
        access = {**self.inputs, "image": image, "container": self.inputs["name"]}
        wallet = WalletOnHost(self.client, access, self._former)
        self._refuse_empty(wallet, access)
        recorded = verify_unchanged(wallet, self.inputs)
        if self.old is not None and not recorded[0]:
            raise ProviderError(no_record(self.inputs))
        keep = self._chain_copy(image, new_image)
        self.status("copies the wallet")
        copy_wallet(self.client, self.inputs, image, self.now)
        before = self._answer_before()

        def verify(new: str) -> None:
            refuse_unverified(self.client.api, new, new_image, before)
            refuse_changed(wallet, *recorded)

        downtime = self._hand_over(new_image, keep, verify)
        if self.old is not None and keep is not None:
            # The node is confirmed: an error now would lose it.
            try:
                finish_copy(self.client, self.inputs, self.old, FORGET)
            except (ServiceError, DockerException, OSError) as error:
                self.warn(
                    f"host {self.inputs['host']}: the copy of the chain database before this upgrade was not "
                    f"deleted, and takes its space until the next change of the node: {message_of(error)}"
                )
        return {} if downtime is None else {LAST_REPLACEMENT: math.ceil(downtime)}

    def _refuse(self) -> None:
        """Raise ProviderError if the container can't be replaced; no image is pulled before."""
        protect_image(self.inputs)
        refuse_nested_engine(self.client, self.inputs)
        refuse_lost_volume(self.client, self.inputs)
        refuse_running(self.old, self.inputs)
        wallets = {self.inputs["wallet"], *self.handover.wallets_of(self.old)}
        own = "" if self.old is None else self.old["Id"]
        self.handover.refuse_second_writer(wallets, own)
        if data := wanted_volume(self.inputs):
            self.handover.refuse_anothers_volume(data, own)

    def _refuse_empty(self, wallet: WalletOnHost, access: Values) -> None:
        """Raise ProviderError if the node would get an empty volume in place of one with wallets."""
        former = self.state.get("wallet", self.inputs["wallet"])
        if former != self.inputs["wallet"]:
            _, before = WalletOnHost(self.client, {**access, "wallet": former}).recorded()
            refuse_empty(wallet, self.inputs, self.state, before)

    @property
    def _former(self) -> str:
        """Name of the container until now."""
        name: str = self.inputs["name"] if self.old is None else self.old["Name"].lstrip("/")
        return name

    def _known_image(self) -> str | None:
        """Name by which the host knows the old container's image; None if it was removed."""
        return None if self.old is None else known_as(self.client.api, self.old["Config"]["Image"])

    def _answer_before(self) -> Answer | None:
        """Answer of the old node; None if it does not run, or uses another data volume.

        A chain that starts again in another volume has not lost blocks.
        """
        if self.old is None or mounted_volume(self.old) != wanted_volume(self.inputs):
            return None
        return ask_node(self.client.api, self.old["Id"])

    def _hand_over(
        self, new_image: str, keep: Callable[[], None] | None, verify: Callable[[str], None]
    ) -> float | None:
        """Hand over, with the node's proxy out of the way; return what Handover.replace returns."""
        own_labels = {RESOURCE: self.identity, NODE: URN.get(), INPUTS_DIGEST: inputs_digest(self.inputs)}
        labels = {**own_labels, **last_healthy_label(self.old, self.state, self.inputs["image"])}
        config = {**creation(self.inputs), "Image": new_image, "Labels": labels}
        with proxy_aside(self.client.api, config, self._former) as proxy:
            plan = Plan(
                config=config,
                name=self.inputs["name"],
                grace=grace_of(self.inputs),
                seconds=self.inputs["waitTimeout"],
                keep=keep,
                verify=verify,
                watch=lambda old, attempt: start_watchdog(self.inputs, old, attempt, proxy, self.warn),
            )
            return self.handover.replace(self.old, plan)

    def _chain_copy(self, image: str, new_image: str) -> Callable[[], None] | None:
        """Function that copies the chain database of the stopped node; None if no copy is needed.

        Raises ProviderError for a database that the new image refuses, or whose copy has no room.
        """
        old, volume = self.old, wanted_volume(self.inputs)
        version = version_of(self.client.api, new_image)
        before = mounted_volume(old) if old is not None and not is_down(old) else ""
        if before and not (version and before == volume):
            # No new copy is created in that volume, so an undo would restore the copy of an earlier upgrade.
            ChainDatabase(self.client, self.inputs, image, before).finish_copy(FORGET)
        if not volume:
            return None
        chain = ChainDatabase(self.client, self.inputs, image, volume)
        chain.take_empty()
        if not version:
            return None
        on_volume = old is not None and mounted_volume(old) == volume
        is_stopped = old is not None and on_volume and is_down(old)
        if is_stopped and chain.is_too_new(version_of(self.client.api, image)):
            # An interrupted undo left the newer version's database, and the copy next to it.
            chain.finish_copy(PUT_BACK)
        database = chain.begin(version)
        if database is None or not on_volume or not database.is_before(version):
            return None
        chain.refuse_no_room(database)

        def keep() -> None:
            self.status("copies the chain database")
            chain.keep()

        return keep


def inputs_digest(inputs: Values) -> str:
    """SHA-256 of the inputs that a container is created from, in hexadecimal.

    Neither the order of a set nor an empty value requires another container.
    """
    made_from = {key: essence(CONTAINER[key], inputs[key]) for key in HANDED_OVER if key in inputs}
    return hashlib.sha256(json.dumps(made_from, sort_keys=True).encode()).hexdigest()
