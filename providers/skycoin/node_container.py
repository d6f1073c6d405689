"""skycoin:index:NodeContainer: the container of a node, replaced by a handover (handover.py).

Its inputs are those of docker's Container that a node needs, plus engine, wallet and volume of copies. An
update that fails leaves the state and the old container unchanged and reports no partial resource. The id is
the resource's own, not the engine's: an update keeps it, and deleting a replaced resource finds no container
with its id.
"""

import contextlib
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, ClassVar

from docker.errors import DockerException

from catalogue.naming import is_pinned
from catalogue.node_container import HANDED_OVER, LAST_REPLACEMENT, LIVE, stop_seconds
from clients.engine import connect
from clients.errors import ServiceError
from clients.pull import is_same, known_as
from clients.volumes import has_volume
from providers.adopting import does_not_exist, is_adopting, refuse_while_adopting
from providers.container.container_schema import CONTAINER
from providers.container.inputs import checked
from providers.container.plan import same
from providers.container.schema import FLAG, LIST, MAP, NUMBER, TEXT, Schema
from providers.kind import UNKNOWN, Change, CheckResult, InputsAsState, ProviderError, ReadResult, Values
from providers.log import Say, Status, Warn
from providers.skycoin.chain_database import (
    ChainDatabase,
    finish_copy,
    mounted_volume,
    wanted_volume,
)
from providers.skycoin.change_of_user import has_other_user, refuse_running
from providers.skycoin.handover import (
    CONFIRMED,
    INPUTS_DIGEST,
    RESOURCE,
    Handover,
    grace_of,
    is_down,
    labels,
    policy,
)
from providers.skycoin.last_healthy import OUTPUT as LAST_HEALTHY
from providers.skycoin.last_healthy import last_healthy_label, last_healthy_output
from providers.skycoin.node_proof import version_of
from providers.skycoin.older_images import FAULTS, OlderImages, unbuilt
from providers.skycoin.refusals import no_copies, refuse_foreign
from providers.skycoin.replacement import Replacement, inputs_digest

_ENGINE_ONLY: Schema = {
    "host": TEXT,
    "engine": TEXT,
    "sshOptions": LIST,
    "wallet": TEXT,
    "backups": TEXT,
    "newWallet": FLAG,
    "waitTimeout": NUMBER,
    "pullFrom": TEXT,
    "rollback": MAP,
}
"""Inputs that are not part of the container: a change of them is only recorded in the state."""
INPUTS: Schema = {**{key: CONTAINER[key] for key in (*HANDED_OVER, *LIVE)}, **_ENGINE_ONLY}
VERSION = "version"
"""Input that is never compared: version of the image, for a preview on a host that lacks the image."""
_ACCEPTED: Schema = {**INPUTS, VERSION: TEXT}
RUNS, POLICY, INTERRUPTED = "mustRun", "restart", "handover"
"""Keys of the state that are not inputs.

They record whether the container runs, its restart policy, and whether a handover was interrupted.
"""
_MEBIBYTE = 1024 * 1024


class NodeContainer(InputsAsState):
    """A node's container. Its id is `<name>/<random>`, or the engine's in a state of version 0.1.0."""

    inputs: ClassVar[tuple[str, ...]] = tuple(_ACCEPTED)

    def __init__(
        self,
        status: Status,
        warn: Warn,
        client: Callable[[Values], Any] = connect,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        say: Say = lambda _: None,
    ) -> None:
        self._status = status
        self._warn = warn
        self._client = client
        self._now = now
        self._older = OlderImages(say, warn)

    def check(self, name: str, olds: Values, news: Values) -> CheckResult:
        """Check the inputs against the schema; change none."""
        return CheckResult(inputs=news, failures=checked(_ACCEPTED, news).failures)

    def diff(self, olds: Values, old_inputs: Values, news: Values) -> Change:
        """Report every change as an update: the handover replaces the container."""
        # A docker Container in a state of version 0.1.0 has the plugin's spelling, and no host.
        keys = INPUTS if "host" in old_inputs else (*HANDED_OVER, *LIVE)
        before, after = ({key: side[key] for key in keys if key in side} for side in (old_inputs, news))
        changed = _changed_inputs(olds if "host" in olds else {}, before, after)
        if olds.get(RUNS) is False:
            changed.add(RUNS)
        if olds.get(POLICY) not in (None, CONFIRMED):
            changed.add(POLICY)
        if olds.get(INTERRUPTED):
            changed.add(INTERRUPTED)
        return Change(updates=tuple(sorted(changed)))

    def planned(self, news: Values, olds: Values | None) -> Values:
        """State that the inputs would produce.

        A preview also reports what happens to older images and the chain.

        Raises ProviderError if `up` would refuse the chain database, or the change of a running node's user.
        """
        if olds is not None and "host" in olds and UNKNOWN not in (news["host"], news.get("engine")):
            with contextlib.suppress(ServiceError, *FAULTS):
                self._preview_effects(olds, news)
        return super().planned(news, olds)

    def _preview_effects(self, olds: Values, news: Values) -> None:
        client = self._client(news)
        handover = self._handover(client, "", olds)
        old = None if handover.interrupted(olds["name"]) else handover.find(olds["name"])
        if old is None or not self._needs_new_container(old, olds, news):
            return
        refuse_running(old, news)
        self._preview_chain(client, old, news)
        if is_pinned(olds["image"]):
            image = news["image"] if is_pinned(news["image"]) else unbuilt(olds["image"])
            protected = [image, *last_healthy_label(old, olds, image).values()]
            self._older.foresee(client.api, olds, news, protected, old["Id"])

    def _preview_chain(self, client: Any, old: Values, news: Values) -> None:
        version, image = _version(client, news), known_as(client.api, old["Config"]["Image"])
        if not (version and image and (volume := wanted_volume(news))):
            return
        chain = ChainDatabase(client, news, image, volume)
        database = chain.look(version)
        if database is not None and volume == mounted_volume(old) and database.is_before(version):
            chain.refuse_no_room(database)
            self._warn(chain.foretold(database, version))

    def create(self, inputs: Values) -> tuple[str, Values]:
        """Create the container, or hand over to it if this node already has one.

        If a creation was killed and the node was then renamed, its container still has the former name.
        """
        if is_adopting():
            return self._adopt(inputs)
        client = self._client(inputs)
        identity = f"{inputs['name']}/{secrets.token_hex(8)}"
        handover = self._handover(client, identity, inputs)
        for name in dict.fromkeys((inputs["name"], *handover.former_names())):
            self._settle(handover, name, inputs)
        old = handover.find(inputs["name"]) or handover.on_wallet()
        if old is not None:
            refuse_foreign(old, inputs)
        outputs = self._replace(client, handover, old, {}, inputs, identity)
        if old is not None:
            # An error here would lose the id of the new container; `settle` removes the old one later.
            with contextlib.suppress(DockerException, OSError):
                handover.discard(old)
        return identity, {**self._state(client, inputs), **outputs}

    def _adopt(self, inputs: Values) -> tuple[str, Values]:
        """Adopt the node's existing container; if it differs from the inputs, the next preview shows that."""
        handover = self._handover(self._client(inputs), "", inputs)
        container = handover.find(inputs["name"]) or handover.interrupted(inputs["name"])
        if container is None:
            raise does_not_exist(f"container {inputs['name']} on host {inputs['host']}")
        refuse_foreign(container, inputs)
        adopted = self.read(labels(container).get(RESOURCE, container["Id"]), inputs, inputs)
        if adopted is None:
            raise does_not_exist(f"container {inputs['name']} on host {inputs['host']}")
        return adopted.identity, adopted.state

    def read(self, identity: str, inputs: Values, state: Values) -> ReadResult | None:
        """Read the container; one that an interrupted handover set aside counts too. None if there is none.
        If a killed `up --replace` confirmed a container, the resource takes over that container's id.
        """
        if not inputs:
            raise ProviderError(
                "a node's container can't be imported: `pulumi up` adopts a container with its name"
            )
        client = self._client(inputs)
        handover = self._handover(client, identity, inputs)
        old, new = handover.interrupted(inputs["name"]), handover.find(inputs["name"])
        container = new or old or handover.created_for(identity)
        if container is None:
            return None
        if handover.owns(container) and policy(container) == CONFIRMED:
            identity = labels(container)[RESOURCE]
        observed = {**_observed_state({**state, **inputs}, container), "name": inputs["name"]}
        if not _limits_memory(client):
            observed.update({key: inputs[key] for key in LIVE if key in inputs})
        is_aside = old is not None or container["Name"].lstrip("/") != inputs["name"]
        observed[INTERRUPTED] = (
            is_aside or not _belongs_to(container, identity) or _is_stale(container, inputs)
        )
        # Version 0.1.0 lacks the input.
        if "backups" in inputs and not has_volume(client.api, inputs["backups"]):
            self._warn(no_copies(inputs))
        return ReadResult(identity=identity, state=observed, inputs=inputs)

    def update(self, identity: str, olds: Values, news: Values) -> Values:
        """Hand over if the change needs a new container; else set limits and start a stopped container."""
        refuse_while_adopting(f"container {news['name']} on host {news['host']}")
        client = self._client(news)
        handover = self._handover(client, identity, olds, news)
        self._settle(handover, olds["name"], news)
        carried_outputs = {key: olds[key] for key in (LAST_REPLACEMENT,) if key in olds}
        old = handover.find(olds["name"])
        if old is not None and olds["name"] != news["name"] and not handover.concerns(old):
            old = None  # Another container has taken the former name.
        # A killed `up --replace` that also renamed the node has confirmed a container for another resource.
        old = old or handover.created_for(identity) or handover.on_wallet()
        if old is None or not _belongs_to(old, identity) or self._needs_new_container(old, olds, news):
            if old is not None and not _belongs_to(old, identity):
                refuse_foreign(old, news)
            carried_outputs |= self._replace(client, handover, old, olds, news, identity)
            if old is not None:
                handover.discard(old)
            self._older.remove(client.api, olds, news)
        else:
            self._adjust(client, handover, old, news)
        return {**self._state(client, news), **carried_outputs}

    def delete(self, identity: str, state: Values) -> None:
        """Stop the container gracefully and remove it, if it bears this id. Volumes are kept.

        If a handover was interrupted, its new container is removed too: nothing else would find it. A
        confirmed one stays: it belongs to the resource that has replaced this one.
        """
        refuse_while_adopting(f"container {state['name']}")
        handover = self._handover(self._client(state), identity, state)
        interrupted = handover.interrupted(state["name"]) is not None
        handover.settle(state["name"], run=False)
        for find, sought in ((handover.find, state["name"]), (handover.created_for, identity)):
            container = find(sought)
            if container is None:
                continue
            is_left = interrupted and handover.owns(container) and policy(container) != CONFIRMED
            if is_left or _belongs_to(container, identity):
                handover.remove(container, grace_of(state))
            elif interrupted and handover.owns(container):
                name = state["name"]
                self._warn(
                    f"container {name} on host {state['host']} stays: `up --replace` has created it in place "
                    f"of this one. If the node is to go too: `docker stop -t 60 {name} && "
                    f"docker container rm {name}` (volumes stay)."
                )

    def _handover(self, client: Any, identity: str, *sides: Values) -> Handover:
        wallets = {side["wallet"] for side in sides if "wallet" in side}
        return Handover(
            client.api,
            identity,
            wallets,
            self._status,
            lambda *arguments: finish_copy(client, sides[-1], *arguments),
        )

    @staticmethod
    def _settle(handover: Handover, name: str, inputs: Values) -> None:
        """Undo or finish an interrupted handover, without starting an old container of another user.

        Raises ProviderError if that container runs, as it does on a board that was started in the meantime.
        """
        old = handover.interrupted(name)
        if old is not None and old["State"]["Running"]:
            refuse_running(old, inputs)
        handover.settle(name, run=old is None or not has_other_user(old, inputs))

    @staticmethod
    def _needs_new_container(old: Values, olds: Values, news: Values) -> bool:
        """True if the container is known not to have been created from `news`."""
        if INPUTS_DIGEST in labels(old):
            return _is_stale(old, news) or old["Name"].lstrip("/") != news["name"]
        return bool(_changed_inputs(olds, {}, news) & {*HANDED_OVER})

    def _replace(
        self,
        client: Any,
        handover: Handover,
        old: Values | None,
        state: Values,
        inputs: Values,
        identity: str,
    ) -> Values:
        return Replacement(
            client=client,
            handover=handover,
            old=old,
            state=state,
            inputs=inputs,
            identity=identity,
            now=self._now(),
            status=self._status,
            warn=self._warn,
        ).run()

    @staticmethod
    def _adjust(client: Any, handover: Handover, old: Values, news: Values) -> None:
        memory, reservation = ((news.get(key) or 0) * _MEBIBYTE for key in LIVE)
        current_reservation = old["HostConfig"].get("MemoryReservation") or 0
        if current_reservation and not reservation:
            reservation = memory  # Engines can't remove a reservation; one equal to the limit has no effect.
        differs = (old["HostConfig"]["Memory"], current_reservation) != (memory, reservation)
        if (differs and _limits_memory(client)) or policy(old) != CONFIRMED:
            client.api.update_container(
                old["Id"],
                mem_limit=memory,
                mem_reservation=reservation,
                # Twice the memory is the engine's default at creation; the old value may be too small.
                memswap_limit=2 * memory,
                restart_policy={"Name": CONFIRMED, "MaximumRetryCount": 0},
            )
        if is_down(old):
            # A handover that was killed during its undo may have left it so.
            client.api.stop(old["Id"], timeout=stop_seconds(old, grace_of(news)))
            if _is_database_too_new(client, news, old):
                handover.put_back(old, news["name"])
            handover.start(news["name"], news["waitTimeout"])

    def _state(self, client: Any, inputs: Values) -> Values:
        try:
            return _observed_state(inputs, client.api.inspect_container(inputs["name"]))
        except (DockerException, OSError):  # the container is confirmed: an error now would lose it
            return {**inputs, RUNS: True, POLICY: CONFIRMED}


def _changed_inputs(olds: Values, old_inputs: Values, news: Values) -> set[str]:
    """Names of the inputs that differ from the state or, if that lacks them, from the old inputs.

    Parts that only spell out a default do not count.
    """
    return {
        key
        for key in {*old_inputs, *news} & {*INPUTS}
        if not same(INPUTS[key], olds.get(key, old_inputs.get(key)), news.get(key))
    }


def _observed_state(inputs: Values, container: Values) -> Values:
    """State: the inputs, corrected by the engine's values for the inputs that are given."""
    config, host = container["Config"], container["HostConfig"]
    engine_values = {
        "name": container["Name"].lstrip("/"),
        "image": _named(config["Image"], inputs),
        "command": config.get("Cmd") or [],
        "networkMode": host["NetworkMode"],
        "readOnly": host["ReadonlyRootfs"],
        "user": config.get("User"),
        "stopSignal": config.get("StopSignal"),
        "stopTimeout": config.get("StopTimeout"),
        "logDriver": host["LogConfig"]["Type"],
        "memory": host["Memory"] // _MEBIBYTE,
        "memoryReservation": (host.get("MemoryReservation") or 0) // _MEBIBYTE,
    }
    reported = {key: value for key, value in engine_values.items() if key in inputs}
    known = {key: value for key, value in inputs.items() if key != LAST_HEALTHY}
    running = {RUNS: not is_down(container), POLICY: policy(container)}
    return {**known, **reported, **last_healthy_output(container), **running}


def _version(client: Any, inputs: Values) -> str:
    """Version of the requested image; empty if a preview does not know it."""
    image = inputs["image"]
    known = known_as(client.api, image) if is_pinned(image) else None
    version = version_of(client.api, known) if known else inputs.get(VERSION)
    return "" if version in (None, UNKNOWN) else str(version)


def _named(image: str, inputs: Values) -> str:
    """Name of a container's image; the requested name, if the host has the same image under another name."""
    requested: str = inputs.get("image", image)
    return requested if is_same(image, requested) else image


def _limits_memory(client: Any) -> bool:
    """False if the kernel has no memory limits (Raspberry Pi OS by default): the engine ignores them."""
    return client.api.info().get("MemoryLimit") is not False


def _is_stale(container: Values, inputs: Values) -> bool:
    """True for a container that was created from other inputs, by its label."""
    return labels(container).get(INPUTS_DIGEST, inputs_digest(inputs)) != inputs_digest(inputs)


def _belongs_to(container: Values, identity: str) -> bool:
    """True for the resource's container; in a state of version 0.1.0 its id is the engine's."""
    return labels(container).get(RESOURCE) == identity or container["Id"] == identity


def _is_database_too_new(client: Any, inputs: Values, old: Values) -> bool:
    """True if a stopped node can't read its database; False also if that can't be determined.

    A node that starts on a newer database refuses it and changes nothing.
    """
    image = known_as(client.api, old["Config"]["Image"])
    if image and (volume := mounted_volume(old)):
        with contextlib.suppress(ProviderError, ServiceError, DockerException, OSError):
            return ChainDatabase(client, inputs, image, volume).is_too_new(version_of(client.api, image))
    return False
