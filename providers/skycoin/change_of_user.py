"""Checks before a node gets another user: it must be stopped, and its volumes must belong to the new user.

The operator changes their owner. This program never does that in a volume that has a file, so no failure,
kill or power cut leaves a wallet that belongs to two users (ADR 51).
"""

import contextlib
from collections.abc import Callable, Collection, Iterator
from typing import Any

from docker.errors import NotFound

from catalogue.naming import copies_volume, previous_container
from catalogue.node_container import NODE, USER, user_of
from clients.ownership import explained, unusable_files
from clients.pull import known_as
from clients.volumes import has_volume
from providers.kind import ProviderError, Values
from providers.skycoin.chain_database import mounted_volume
from providers.skycoin.handover import CONFIRMED, STANDBY, labels, policy, uses
from providers.skycoin.node_urn import container_urn


def refuse_unprepared(connect: Callable[[Values], Any], olds: Values, news: Values) -> None:
    """Raise ProviderError, with the commands to run, if a node gets another user and is not prepared for it.

    `olds` is a preflight's state, `news` its inputs. The host is not asked if the user stays the same.
    """
    if user_of(olds) == user_of(news):
        return
    client = connect(news)
    wallets = {side["wallet"] for side in (olds, news) if "wallet" in side}
    by_name = _containers(client, olds.get("container") or news["container"], wallets)
    containers = [
        container for container in by_name if uses(container, news["wallet"]) or not _is_anothers(container)
    ]
    steps = [_stop(container) for container in containers if _may_run(container)]
    steps += _owner_commands(client, containers, olds, news)
    if steps:
        raise ProviderError(_refusal(news, user_of(olds), steps))


def _containers(client: Any, name: str, wallets: Collection[str]) -> list[Values]:
    """Inspect the node's container, and the one that an interrupted handover has set aside.

    A container without any of the wallets merely has the same name, and is left out.
    """
    containers = []
    for candidate in (name, previous_container(name)):
        with contextlib.suppress(NotFound):
            containers.append(client.api.inspect_container(candidate))
    return [container for container in containers if any(uses(container, wallet) for wallet in wallets)]


def _is_anothers(container: Values) -> bool:
    return labels(container).get(NODE, container_urn()) != container_urn()


def _owner_commands(client: Any, containers: list[Values], olds: Values, news: Values) -> Iterator[str]:
    """Yield the explanation and the command for each volume that the new user can't use."""
    images = (*(container["Config"]["Image"] for container in containers), olds.get("image"), news["image"])
    image = next(filter(None, (known_as(client.api, reference) for reference in images if reference)), None)
    if image is None:
        return  # no image to check with; `up` pulls one and checks again
    data = (mounted_volume(container) for container in containers)
    volumes = dict.fromkeys([news["wallet"], copies_volume(news["wallet"]), *data])
    for volume in filter(None, volumes):
        if not has_volume(client.api, volume):
            continue
        if files := unusable_files(client, news, image, volume):
            yield f"{volume}: {explained(volume, image, files, user_of(news))}"


def refuse_running(old: Values | None, inputs: Values) -> None:
    """Raise ProviderError if a node's container that runs, or may start automatically, gets another user.

    A container that this program did not create counts only if the node's user is not the default.
    """
    if old is None or not _may_run(old) or not has_other_user(old, inputs):
        return
    raise ProviderError(_refusal(inputs, _user(old), [_stop(old)]))


def refuse_running_of(client: Any, inputs: Values) -> None:
    """Raise ProviderError if a new preflight finds a running container of its node with another user."""
    for container in _containers(client, inputs["container"], [inputs["wallet"]]):
        refuse_running(container, inputs)


def has_other_user(old: Values, inputs: Values) -> bool:
    """True if a container runs as a user other than the one in the inputs."""
    is_ours = NODE in labels(old)
    return (is_ours or user_of(inputs) != USER) and _user(old) != user_of(inputs)


def _user(container: Values) -> str:
    """User of a container; the default of this program's images if it was created without one."""
    return container["Config"].get("User") or USER


def _may_run(container: Values) -> bool:
    """True if a container runs, or a restarted engine would start it, as after an interrupted handover."""
    return bool(container["State"]["Running"]) or policy(container) == STANDBY


def _stop(container: Values) -> str:
    name = container["Name"].lstrip("/")
    update = f"docker update --restart {CONFIRMED} {name} && " if policy(container) == STANDBY else ""
    return f"Stop it: `{update}docker stop -t 60 {name}`."


def _refusal(inputs: Values, former: str, steps: list[str]) -> str:
    explanation = (
        f"host {inputs['host']}: the node's user changes from {former} to {user_of(inputs)}. That needs a "
        "stopped node, whose volumes belong to the new user: this program never changes the owner of a "
        "wallet. The node was not changed."
    )
    return "\n".join(
        [explanation, *steps, "Then run the same command again (docs/wallets.md, “Another user”)."]
    )
