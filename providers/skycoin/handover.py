"""The handover: a new container of a node replaces the old one, which is restored if the new one fails.

The old container is stopped, renamed and kept until the new one is healthy. At any moment at most one of the
two may write to the wallet, and at most one starts when the host boots (table in docs/adr/0019): the old one,
with the restart policy `always`, until the new one is confirmed. The restart policy `no` marks an unconfirmed
container. `settle` undoes or finishes a handover that was killed at any step; the containers
record everything that it needs.
"""

import contextlib
import secrets
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from docker.errors import APIError, DockerException, NotFound
from requests.exceptions import RequestException, Timeout

from catalogue.naming import previous_container
from catalogue.node_container import ALIVE, GRACE, NODE, WALLET_HELPER, WRITTEN, limited_stop, stop_seconds
from clients.errors import ServiceError, message_of
from clients.volumes import users
from providers.kind import URN, ProviderError, Values
from providers.skycoin.chain_database import FORGET, PUT_BACK
from providers.skycoin.last_words import last_words

UNCONFIRMED = "no"
CONFIRMED = "unless-stopped"
STANDBY = "always"
"""Restart policies: of a new container, of a confirmed one, and of the old container during a handover."""
POLL = 0.5
"""Seconds between two checks of a container's health."""
RESOURCE = "skycoin.resource"
INPUTS_DIGEST = "skycoin.inputs"
ATTEMPT = "skycoin.attempt"
"""Labels of a node's container, in addition to NODE.

They hold the id of its resource, the SHA-256 of the inputs that it was created from, and the attempt that
created it: a provider whose pulumi was killed may still be running alongside the current one.
"""

Say = Callable[[str], None]
FinishCopy = Callable[[Values, str], None]
"""Function that restores or deletes a container's copy of the chain database.

Arguments: the container's inspection, and the action.
"""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Container to create in a handover, its time limits, and the functions that the handover calls."""

    config: Values
    """Body of the engine's request to create the container."""
    name: str
    grace: int
    """Seconds between the stop signal and SIGKILL, for a new one that fails, and at least for the old one."""
    seconds: int
    """Time limit for the new container to become healthy."""
    keep: Callable[[], None] | None
    """Function that copies the chain database while the old node is stopped; None if no copy is needed."""
    verify: Callable[[str], None]
    """Function that checks the new, healthy container by its id; raises ProviderError if that fails."""
    watch: Callable[[Values, str], None]
    """Function that takes the running old container and the attempt, before that container is stopped."""


class Handover:
    """Handovers on one engine, for one resource."""

    def __init__(
        self, api: Any, resource: str, wallets: Collection[str], say: Say, finish_copy: FinishCopy
    ) -> None:
        """Prepare handovers. `api` is docker-py's low-level API; `say` reports progress.

        `resource` is the id of the resource, a node's container. `wallets` names volumes: that of the current
        wallet, and that of the wanted one.
        """
        self._api = api
        self._resource = resource
        self._wallets = frozenset(wallets)
        self._say = say
        self._finish_copy = finish_copy

    def find(self, name: str) -> Values | None:
        """Inspect a container by name; None if there is none."""
        try:
            container: Values = self._api.inspect_container(name)
        except NotFound:
            return None
        return container

    def settle(self, name: str, *, run: bool = True) -> None:
        """Undo or finish an interrupted handover; do nothing if there was none. Raises ProviderError.

        With `run`, the old container is started if it is restored.
        """
        old = self.interrupted(name)
        if old is None:
            return
        new = [
            container
            for container in self._own_containers()
            if container["Id"] != old["Id"] and self._may_follow(container)
        ]
        for container in new:
            if policy(container) == UNCONFIRMED:
                self.remove(container)
        if any(policy(container) != UNCONFIRMED for container in new):
            with contextlib.suppress(ServiceError, DockerException, OSError):  # the next handover removes it
                self._finish_copy(old, FORGET)
            self.remove(old)
        else:
            self._restore(old, name, run=run, chain=PUT_BACK)

    def _may_follow(self, container: Values) -> bool:
        """True if a container may follow one that was set aside: it has this resource's id, or the wallet."""
        return labels(container).get(RESOURCE) == self._resource or self._uses_wallet(container)

    def interrupted(self, name: str) -> Values | None:
        """Inspect the container that an interrupted handover set aside; None if there is none."""
        container = self.find(previous_container(name))
        if container is None or self._is_anothers(labels(container)):
            return None
        return container if self._uses_wallet(container) else None

    def concerns(self, container: Values) -> bool:
        """True for a container of this resource, and for one that uses the wallet and has no resource."""
        is_anothers = self._is_anothers(labels(container))
        return self.owns(container) or (not is_anothers and self._uses_wallet(container))

    def _uses_wallet(self, container: Values) -> bool:
        return bool(self.wallets_of(container))

    def former_names(self) -> list[str]:
        """Names of this resource's containers before interrupted handovers set them aside."""
        ending = previous_container("")
        names = (container["Name"].lstrip("/") for container in self._own_containers())
        return [name.removesuffix(ending) for name in names if name.endswith(ending)]

    def on_wallet(self) -> Values | None:
        """Inspect any container of this resource that uses the wallet; None if there is none."""
        return next((container for container in self._own_containers() if self._uses_wallet(container)), None)

    def created_for(self, resource: str) -> Values | None:
        """Inspect the container labelled with a resource's id, under any name; None if there is none."""
        own = self._own_containers()
        return next((container for container in own if labels(container).get(RESOURCE) == resource), None)

    def _own_containers(self) -> list[Values]:
        """Inspect all containers that were created for this resource."""
        listed = self._api.containers(all=True, filters={"label": RESOURCE})
        inspected = [self.find(entry["Id"]) for entry in listed]
        return [container for container in inspected if container is not None and self.owns(container)]

    def owns(self, container: Values) -> bool:
        """True for a container of this resource, also if a killed run labelled it with an unrecorded id."""
        return self._is_own(labels(container))

    def _is_own(self, container_labels: Mapping[str, str]) -> bool:
        return container_labels.get(RESOURCE) == self._resource or (
            RESOURCE in container_labels and container_labels.get(NODE) == URN.get()
        )

    def _is_anothers(self, container_labels: Mapping[str, str]) -> bool:
        return RESOURCE in container_labels and not self._is_own(container_labels)

    def wallets_of(self, container: Values | None) -> set[str]:
        """Wallet volumes that a container mounts, among the current one and the wanted one."""
        return set() if container is None else {wallet for wallet in self._wallets if uses(container, wallet)}

    def refuse_second_writer(self, wallets: Collection[str], own: str) -> None:
        """Raise ProviderError if a container other than `own` (an id) may write to one of the wallets.

        Such a container runs, or is another node's, which may start it, or a command writes through it.
        """
        for wallet in sorted(wallets):
            for container in users(self._api, wallet, writing=True):
                owner_labels = container.get("Labels") or {}
                if container["Id"] == own:
                    continue
                if WALLET_HELPER in owner_labels:
                    remedy = WRITTEN
                elif container["State"] in ALIVE:
                    remedy = "Stop that container first."
                elif self._is_anothers(owner_labels):
                    remedy = f"It belongs to {owner_labels.get(NODE)}, which may start it."
                else:
                    continue
                names = ", ".join(name.lstrip("/") for name in container["Names"])
                raise ProviderError(
                    f"the wallet volume {wallet!r} is in use by the container {names}: a wallet has one "
                    f"writer. {remedy}"
                )

    def refuse_anothers_volume(self, volume: str, own: str) -> None:
        """Raise ProviderError if a container of another node, whether it runs or not, may write to a volume.

        The volume is then that node's wallet or database. `own` is the id of this node's container.
        """
        for container in users(self._api, volume, writing=True):
            owner_labels = container.get("Labels") or {}
            if container["Id"] != own and self._is_anothers(owner_labels):
                names = ", ".join(name.lstrip("/") for name in container["Names"])
                raise ProviderError(
                    f"the data volume {volume!r} is in use by the container {names} of another node, "
                    f"{owner_labels.get(NODE)}: give this node another `data-volume`."
                )

    def replace(self, old: Values | None, plan: Plan) -> float | None:
        """Rename `old`, and replace it with a new container once that is healthy and verified.

        Returns the seconds for which the node was down; None if no node was running. Raises ProviderError,
        after which the old container has its own name again and runs if it ran before, unless the error says
        that the attempt was not undone.
        """
        former = "" if old is None else old["Name"].lstrip("/")
        if old is not None and self.find(previous_container(former)) is not None:
            raise ProviderError(
                f"a container that is not this node's is called {previous_container(former)}, and {former} "
                "gets that name while its new container starts: rename that container first"
            )
        attempt, began, on_undo = secrets.token_hex(8), time.monotonic(), ""
        try:
            if old is not None:
                if old["State"]["Running"]:
                    plan.watch(old, attempt)
                self._set_aside(old, former, plan.grace)
            if plan.keep is not None:
                on_undo = FORGET
                plan.keep()
            new = self._create(plan, attempt)
            # Once started, the new version may have written into the database.
            on_undo = on_undo and PUT_BACK
            self.start(new, plan.seconds)
            plan.verify(new)
            if old is not None:
                self._policy(old["Id"], UNCONFIRMED)
            self._policy(new, CONFIRMED)
            self._refuse_ended(new, plan.name)
        except (ProviderError, ServiceError, DockerException, OSError) as error:
            raise ProviderError(self._undone(error, old, plan, attempt, on_undo)) from error
        return time.monotonic() - began if old is not None and old["State"]["Running"] else None

    def start(self, container: str, seconds: int) -> None:
        """Start an existing container and wait until it is healthy. Raises ProviderError."""
        inspected = self._api.inspect_container(container)
        identity, wallets = inspected["Id"], self.wallets_of(inspected)
        self.refuse_second_writer(wallets, identity)
        self._api.start(container)
        try:
            # Two that start at the same moment did not see each other before.
            self.refuse_second_writer(wallets, identity)
        except ProviderError:
            self._stop(inspected)
            raise
        self._await_health(container, seconds)

    def remove(self, container: Values, grace: int = GRACE) -> None:
        """Stop a container with its own stop signal, and remove it; it has at least `grace` seconds."""
        self._stop(container, grace)
        self.discard(container)

    def _set_aside(self, old: Values, name: str, grace: int) -> None:
        if old["State"]["Running"]:
            if not self._keeps_running():
                self._policy(old["Id"], STANDBY)
            self._say(f"stops {name}")
            self._stop(old, grace)
        self._api.rename(old["Id"], previous_container(name))

    def _keeps_running(self) -> bool:
        """True if containers outlive their engine, which would then start the old one beside the new one."""
        return bool(self._api.info().get("LiveRestoreEnabled"))

    def _create(self, plan: Plan, attempt: str) -> str:
        host = {
            **plan.config["HostConfig"],
            "RestartPolicy": {"Name": UNCONFIRMED, "MaximumRetryCount": 0},
        }
        config = {**plan.config, "HostConfig": host, "Labels": {**plan.config["Labels"], ATTEMPT: attempt}}
        created: str = self._api.create_container_from_config(config, plan.name)["Id"]
        return created

    def _undone(self, error: Exception, old: Values | None, plan: Plan, attempt: str, chain: str) -> str:
        """Undo a failed handover; return a message with the error and what is running now."""
        reason = _reason(error)
        try:
            self._undo(old, plan, attempt, chain)
        except (ProviderError, ServiceError, DockerException, OSError) as second:
            undone = f"This attempt was not undone: {_reason(second)}. `pulumi up --refresh` does it."
            return f"{reason}\n{undone}"
        if old is None:
            return f"{reason}\nIts new container was removed; volumes are kept."
        database = " So was its chain database." if chain else ""
        return f"{reason}\nThe old container {old['Name'].lstrip('/')} was restored unchanged.{database}"

    def _undo(self, old: Values | None, plan: Plan, attempt: str, chain: str) -> None:
        """Remove only the container of this attempt, and let the old container run as before."""
        before = None if old is None else self.find(old["Id"])
        new = self.find(plan.name)
        if new is not None and labels(new).get(ATTEMPT) == attempt:
            self.remove(new, plan.grace)
        if old is not None and before is not None:
            # STANDBY marks a handover: the node was running, and an interrupted undo left it stopped.
            run = bool(old["State"]["Running"]) or policy(old) == STANDBY
            self._restore(before, old["Name"].lstrip("/"), run=run, chain=chain)

    def _restore(self, old: Values, name: str, *, run: bool, chain: str) -> None:
        """Give the old container its name back, confirm it and, with `run`, start it.
        `chain` is the action for the copy of its database: PUT_BACK, FORGET, or empty if there is none.
        """
        if old["Name"].lstrip("/") != name:
            self._api.rename(old["Id"], name)
        if run:
            self.refuse_second_writer(self.wallets_of(old), old["Id"])
        if run or chain:
            # A stop whose response was lost may still be in progress and would stop the container again. A
            # board that rebooted runs the old container on the database.
            self._stop(old)
        if chain == PUT_BACK:
            self.put_back(old, name)
        if run:
            self._api.start(old["Id"])
        self._policy(old["Id"], CONFIRMED)
        if chain == FORGET:
            with contextlib.suppress(ServiceError, DockerException, OSError):  # the next handover removes it
                self._finish_copy(old, FORGET)

    def put_back(self, old: Values, name: str) -> None:
        """Restore the chain database's copy. Raises ProviderError; the node then stays stopped."""
        try:
            self._finish_copy(old, PUT_BACK)
        except (ServiceError, DockerException, OSError) as error:
            raise ProviderError(
                f"{_reason(error)}\nThe old container {name} stays stopped until the copy of its chain "
                "database is restored, because the newer version may have written into it. First fix the "
                "cause on its host, for example a full disk (`docker system df`). If the host is behind ssh, "
                "its watchdog tries that once more, and then starts the node anyway; if the node can't read "
                "the database, it exits"
            ) from error

    def _policy(self, container: str, name: str) -> None:
        self._api.update_container(container, restart_policy={"Name": name, "MaximumRetryCount": 0})

    def _stop(self, container: Values, grace: int = GRACE) -> None:
        self._api.stop(container["Id"], timeout=stop_seconds(container, grace))

    def discard(self, container: Values) -> None:
        """Remove a stopped container; the engine refuses to remove a running one."""
        with contextlib.suppress(NotFound):
            self._api.remove_container(container["Id"], v=False, force=False)

    def _await_health(self, container: str, seconds: int) -> None:
        began = time.monotonic()
        name = self._api.inspect_container(container)["Name"].lstrip("/")
        while (passed := time.monotonic() - began) < seconds:
            inspected: Values = self._api.inspect_container(container)
            state = inspected["State"]
            health = (state.get("Health") or {}).get("Status")
            if health == "healthy":
                return
            if state["Status"] in ("exited", "dead") or inspected.get("RestartCount"):
                ended = f"container {name} ended with exit code {state['ExitCode']}"
                raise ProviderError(f"{ended} after {passed:.0f} s. {self._log_of(inspected)}")
            # In steps of five seconds, so that the message does not change at every check.
            waited = f"{passed - passed % 5:.0f} of {seconds} s"
            self._say(f"waits for {name} to be healthy: {health or state['Status']}, {waited}")
            time.sleep(POLL)
        raise ProviderError(f"container {name} is not healthy after {seconds} s. {self._log_of(inspected)}")

    def _refuse_ended(self, container: str, name: str) -> None:
        """Raise ProviderError if a container confirmed a moment ago is gone, or down: no engine starts it."""
        try:
            inspected = self._api.inspect_container(container)
        except NotFound:  # its watchdog has removed it
            raise ProviderError(f"container {name} was removed while it was checked") from None
        except (DockerException, OSError):  # the container is confirmed: an error now would lose it
            return
        if is_down(inspected):
            raise ProviderError(f"container {name} ended while it was checked. {self._log_of(inspected)}")

    def _log_of(self, container: Mapping[str, Any]) -> str:
        """Lines of a container's log that show why it ended, or the reason why the log can't be read."""
        try:
            since = container["State"].get("StartedAt") or ""
            text: bytes = self._api.logs(container["Id"], tail=400, timestamps=True)
        except APIError as error:
            return f"Its log can't be read: {message_of(error)}"
        return last_words(text.decode(errors="replace"), since)


def labels(container: Mapping[str, Any]) -> Mapping[str, str]:
    """Labels of a container; empty if it has none."""
    return container["Config"].get("Labels") or {}


def uses(container: Mapping[str, Any], volume: str) -> bool:
    """True if a container mounts a volume."""
    return any(mount.get("Name") == volume for mount in container.get("Mounts") or ())


def is_down(container: Mapping[str, Any]) -> bool:
    """True for a container that is stopped or restarts in a loop, which engines report as running."""
    return not container["State"]["Running"] or bool(container["State"].get("Restarting"))


def grace_of(inputs: Mapping[str, Any]) -> int:
    """Seconds between the stop signal and SIGKILL, from a container's inputs or state.

    The state of an adopted container has any number that its host reported, or none.
    """
    return limited_stop(int(inputs.get("stopTimeout") or 0)) or GRACE


def policy(container: Mapping[str, Any]) -> str:
    """Name of a container's restart policy."""
    return str(container["HostConfig"]["RestartPolicy"]["Name"] or UNCONFIRMED)


def _reason(error: Exception) -> str:
    """Message of an error; for a lost connection, a plain message instead of the library's."""
    if isinstance(error, RequestException) and not isinstance(error, APIError):
        how = "nothing came in time" if isinstance(error, Timeout) else "the connection was cut"
        return f"its host stopped answering: {how}"
    return message_of(error)
