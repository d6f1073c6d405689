"""The project's promises as rules over resources. Your own rules belong in own_rules.py."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from pulumi.runtime.rpc import UNKNOWN

from catalogue.images import PROXY_PORT
from catalogue.node_container import RPC_PORT, USER_FORM
from catalogue.urns import name_of
from clients.pulumi import CONTAINER, NODE_CONTAINER
from review.build_access import reaches_out
from review.dockerfiles import context_images, dockerfile_images
from review.known_types import REPOSITORY, unknown_type
from review.options import BUILD, TAG, VOLUME
from review.restarts import CONTAINERS
from review.rules import HIDDEN, Resource, Rule, each, secret_inputs
from review.wallet_access import is_outside, listed, misnamed, readers, writers

PROXY = "skycoin:index:Proxy$"
"""Part of the URN of each resource of a node's proxy."""
EXPLICIT = ("docker:", "docker-build:", "aws:")
"""Plugins that access a machine or an account, for which the program must give an explicit provider."""
PLACED = ("IMAGE_FROM", "BUILD_FROM")
"""Build arguments that name images."""
CONFINING = ("user", "readOnly", "capabilities", "securityOpts", "networkMode", "mounts", "privileged")
"""Inputs that confine a node's container."""


def _unprotected(resource: Resource) -> str:
    return "" if resource.options.get("protect") or not resource.is_wallet else "is not protected"


def _volume_lost(resource: Resource) -> str:
    if resource.type == CONTAINER and resource.inputs.get("removeVolumes") is True:
        return "removes its volumes when it is removed"
    if resource.type == CONTAINER:
        return next(secret_inputs(resource, "removeVolumes"), "")
    if resource.type != VOLUME:
        return ""
    if not resource.options.get("retainOnDelete"):
        return "is deleted if it leaves the stack"
    causes = {
        "replaceOnChanges": "an input differs",
        "replaceWith": f"{', '.join(map(name_of, resource.options.get('replaceWith') or ()))} is replaced",
        "replacementTrigger": "its `replacement_trigger` differs",
    }
    given = [cause for option, cause in causes.items() if resource.options.get(option)]
    return f"is replaced by an empty volume if {' or '.join(given)}" if given else ""


def _unpublished(resource: Resource) -> str:
    if resource.type not in (TAG, BUILD, REPOSITORY):
        return ""
    if resource.type == REPOSITORY and not resource.options.get("protect"):
        return "is not protected"
    if resource.type == REPOSITORY and resource.inputs.get("forceDelete") is not False:
        return "is deleted with its images"
    # Checked last, because Pulumi does not send this option to policy packs.
    return "" if resource.options.get("retainOnDelete") else "is deleted if it leaves the stack"


def _unpinned(resource: Resource) -> str:
    if resource.type in CONTAINERS:
        named = iter([("image", resource.inputs.get("image"))])
    elif resource.type == BUILD:
        if secret := [*secret_inputs(resource, "context", "dockerfile")]:
            return secret[0]
        named = _images_of_build(resource)
    else:
        return ""
    return next((f"has {name} {image}" for name, image in named if not _is_pinned(image)), "")


def _images_of_build(build: Resource) -> Iterator[tuple[str, object]]:
    """Yield (what names an image, the image): arguments, named contexts, and an inline Dockerfile."""
    arguments = _mapping(build, "buildArgs")
    yield from ((name, arguments[name]) for name in PLACED if name in arguments)
    contexts = _mapping(build, "context").get("named") or {}
    yield from ((f"the named context {name}", image) for name, image in context_images(contexts))
    inline = _mapping(build, "dockerfile").get("inline")
    if isinstance(inline, str) and inline != UNKNOWN:
        images = dockerfile_images(inline, arguments, contexts)
        yield from (("an inline Dockerfile with the image", image) for image in images)


def _is_pinned(image: object) -> bool:
    return image in (UNKNOWN, "scratch") or "@sha256:" in str(image)


def _plain_secret(resource: Resource) -> str:
    secrets = _mapping(resource, "secrets") if resource.type == BUILD else {}
    known = {name: value for name, value in secrets.items() if value not in (None, UNKNOWN, HIDDEN)}
    plain = [name for name, value in known.items() if not isinstance(value, Mapping)]
    return f"has the build secret {plain[0]} as plain text" if plain else ""


def _reachable(resource: Resource) -> str:
    # With a web interface, the proxy publishes the node's port.
    api_port = {NODE_CONTAINER: RPC_PORT, CONTAINER: PROXY_PORT if PROXY in resource.urn else None}.get(
        resource.type
    )
    if not api_port:
        return ""
    published = [
        str(port.get("ip")) for port in listed(resource, "ports") if port.get("internal") == api_port
    ]
    open_to = (f"publishes its API on {ip}" for ip in published if ip != "127.0.0.1")
    return next(chain(secret_inputs(resource, "ports"), open_to), "")


def _unconfined(resource: Resource) -> str:
    if resource.type != NODE_CONTAINER:
        return ""
    given = resource.inputs
    user = given.get("user") or ""
    held = {
        **dict.fromkeys(secret_inputs(resource, *CONFINING), False),
        "may run as root or in its group": user == UNKNOWN or bool(USER_FORM.fullmatch(str(user))),
        "can write its image's files": given.get("readOnly") is True,
        "has capabilities": _mapping(resource, "capabilities") == {"drops": ["ALL"]},
        "can gain privileges": list(given.get("securityOpts") or ()) == ["no-new-privileges"],
        "shares its host's network": given.get("networkMode") != "host",
        "shares another container's network": not is_outside(str(given.get("networkMode"))),
        "mounts more than volumes": all(
            mount.get("type") == "volume" for mount in listed(resource, "mounts")
        ),
        "is privileged": not given.get("privileged"),
    }
    return next((how for how, holds in held.items() if not holds), "")


def _without_provider(resource: Resource) -> str:
    if resource.type.startswith(EXPLICIT) and (
        not resource.provider or resource.provider.startswith("default")
    ):
        return "has no explicit provider"
    return ""


def _deleted_with(resource: Resource) -> str:
    gone = resource.options.get("deletedWith")
    return f"is deleted implicitly with {str(gone).rpartition('::')[2]} (`deleted_with`)" if gone else ""


def _mapping(resource: Resource, key: str) -> Mapping[str, Any]:
    value = resource.inputs.get(key)
    return value if isinstance(value, Mapping) else {}


PROMISES: Sequence[Rule] = (
    Rule(
        name="wallets-are-protected",
        breaches=each(_unprotected),
        reason="Pulumi would not refuse to take its node out of the stack, or to destroy the stack.",
        remedy="Give the wallet volume of each node `protect=True` (components/node.py).",
    ),
    Rule(
        name="volumes-stay",
        breaches=each(_volume_lost),
        reason="Its data would be lost.",
        remedy="Give each volume `retain_on_delete=True` and no option that replaces it, and no container "
        "`removeVolumes`.",
    ),
    Rule(
        name="one-writer-of-a-wallet",
        breaches=writers,
        reason="Two nodes that write one wallet lose each other's entries.",
        remedy="Give each node a separate `wallet-volume`.",
    ),
    Rule(
        name="wallets-are-private",
        breaches=readers,
        reason="Whoever reads a wallet that has no password can spend its coins.",
        remedy="On an engine with a node, give no other container its wallet or the copies, system folders, "
        "added rights, or a network or namespace of the node or the host; and no volume a device.",
    ),
    Rule(
        name="wallets-have-their-name",
        breaches=misnamed,
        reason="Nothing else would say that this volume needs a wallet's protection.",
        remedy="Name the wallet volume of each node `NODE-wallet` in Pulumi (components/node.py).",
    ),
    Rule(
        name="published-images-stay",
        breaches=each(_unpublished),
        reason="A machine that runs it could not pull it again.",
        remedy="Give images, tags and repositories `retain_on_delete=True`; repositories also `protect=True` "
        "and `force_delete=False`.",
    ),
    Rule(
        name="images-by-digest",
        breaches=each(_unpinned),
        reason="A tag may point to another image tomorrow, and the review would not show it.",
        remedy="Name the image as `REPOSITORY@sha256:DIGEST`.",
    ),
    Rule(
        name="builds-push-digests-only",
        breaches=each(reaches_out),
        reason="It could publish something that was not verified, or read and write outside the build.",
        remedy="Give it the inputs of components/variant.py, and leave tags to the lists of an image.",
    ),
    Rule(
        name="build-secrets-are-secrets",
        breaches=each(_plain_secret),
        reason="The state would have it in plain text.",
        remedy="Set it by `pulumi config set --secret`, and pass it on as a secret output.",
    ),
    Rule(
        name="api-on-loopback",
        breaches=each(_reachable),
        reason="Anyone who can reach a node's API can use its `api-sets` and, if WALLET is one, its wallets.",
        remedy="Publish it on 127.0.0.1, and reach it through ssh.",
    ),
    Rule(
        name="nodes-are-confined",
        breaches=each(_unconfined),
        reason="A compromised node could reach more than its volumes.",
        remedy="Give its container the settings of `container_settings` (components/node.py).",
    ),
    Rule(
        name="providers-are-named",
        breaches=each(_without_provider),
        reason="It would be created on whatever engine or account the environment has.",
        remedy="Give it `provider=`, or a parent that has one.",
    ),
    Rule(
        name="no-implicit-deletion",
        breaches=each(_deleted_with),
        reason="Pulumi checks neither protection nor retention of what is deleted implicitly.",
        remedy="Leave out `deleted_with`.",
    ),
    Rule(
        name="known-types",
        breaches=each(unknown_type),
        reason="It may run commands, publish images or reach wallets, and no other rule would see it.",
        remedy="Take it out, or add its type to KNOWN_TYPES (review/known_types.py) once you know what it "
        "does.",
    ),
)
