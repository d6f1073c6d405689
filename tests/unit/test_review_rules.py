"""Rules of a review: all committed stacks keep each of them, and a planted violation breaks it."""

import copy
import functools
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pulumi.runtime.rpc import UNKNOWN

from catalogue.builds import EXPORT
from catalogue.exit_codes import AT_RISK, FAILED
from commands.review import review
from mocks.engine import BUILD, CONTAINER, NODE_CONTAINER, TAG, VOLUME
from mocks.previews import Preview, first_preview, preview_of
from review.changes import read_changes
from review.first_screen import LIMIT, first_screen
from review.known_types import KNOWN_TYPES, REPOSITORY
from review.markdown import LIMIT as WHOLE
from review.markdown import page
from review.promises import PROMISES
from review.risk import Level, risk_of
from review.rulebook import OWN, rulebook
from review.rules import HIDDEN, Resource, broken_rules, each, wanted
from tests.unit.command_line import Skyinfra
from tests.unit.previews import recounted
from tests.unit.projects import FILES, PROJECT, up
from tests.unit.test_opened import opened

State = dict[str, Any]
PROVIDER = "pulumi:providers:docker"
WALLET = "skycoin-attic-wallet"
LOOSE = ["no-new-privileges", "seccomp=unconfined"]
DIGEST = f"sha256:{64 * 'a'}"
BY_DIGEST = "push-by-digest=true"
HUB = "docker.io/skycoin/skycoin"
UNJUDGED = "so it can't be judged"
UNHEARD = "of which this review knows nothing"
SOCKET = [{"type": "bind", "source": "/var/run/docker.sock", "target": "/var/run/docker.sock"}]


@functools.cache
def stack(name: str) -> str:
    return json.dumps(preview_of(up(name), up(name)))


def planted(name: str, change: Callable[[Preview], None]) -> Preview:
    preview: Preview = json.loads(stack(name))
    change(preview)
    return preview


def state(preview: Preview, kind: str, name: str) -> State:
    """Return the state that the program requests for a resource."""
    [step] = [step for step in preview["steps"] if step["urn"].endswith(f"{kind}::{name}")]
    found: State = step["newState"]
    return found


def unprotected(preview: Preview) -> None:
    state(preview, VOLUME, "attic-wallet")["protect"] = False


def volume_that_goes(preview: Preview) -> None:
    state(preview, VOLUME, "attic-data")["retainOnDelete"] = False


def volume_that_is_replaced(preview: Preview) -> None:
    state(preview, VOLUME, "attic-data")["replaceOnChanges"] = ["driver"]


def volume_that_is_replaced_with_another(preview: Preview) -> None:
    one = state(preview, VOLUME, "attic-data")
    one["replaceWith"] = [one["parent"]]


def volume_with_a_trigger(preview: Preview) -> None:
    state(preview, VOLUME, "attic-data")["replacementTrigger"] = "tomorrow"


def volumes_that_go_with_a_container(preview: Preview) -> None:
    one = copy.deepcopy(next(step for step in preview["steps"] if step["urn"].endswith("::attic-data")))
    one["urn"] = f"urn:pulumi:fleet::skycoin::{CONTAINER}::own"
    one["newState"]["inputs"] = {"image": UNKNOWN, "removeVolumes": True}
    preview["steps"].append(one)


def two_writers(preview: Preview) -> None:
    other = state(preview, NODE_CONTAINER, "shed-container")["inputs"]
    first = state(preview, NODE_CONTAINER, "attic-container")["inputs"]
    other |= {key: first[key] for key in ("mounts", "host", "engine")}


def writer_of_another_type(preview: Preview) -> None:
    volumes_that_go_with_a_container(preview)
    preview["steps"][-1]["newState"]["inputs"] = {
        "image": UNKNOWN,
        "volumes": [{"volumeName": "skycoin-attic-wallet"}],
    }


def own_container(**inputs: Any) -> Callable[[Preview], None]:
    """Plant a container of another kind next to the node attic."""

    def change(preview: Preview) -> None:
        volumes_that_go_with_a_container(preview)
        preview["steps"][-1]["newState"]["inputs"] = {"image": UNKNOWN, **inputs}

    return change


def copies_under_another_name(preview: Preview) -> None:
    own_container(mounts=[reading("purses")])(preview)
    state(preview, NODE_CONTAINER, "attic-container")["inputs"]["backups"] = "purses"


def through(host: Any, change: Callable[[Preview], None]) -> Callable[[Preview], None]:
    """Give a planted container a further provider, with this address."""

    def changed(preview: Preview) -> None:
        change(preview)
        engine = next(step for step in preview["steps"] if step["urn"].endswith(f"{PROVIDER}::attic"))
        other = copy.deepcopy(engine)
        for place in (other, other["newState"]):
            place["urn"] = other["urn"].replace("::attic", "::loft")
        other["newState"]["inputs"]["host"] = host
        state(preview, CONTAINER, "own")["provider"] = f"{other['urn']}::id"
        preview["steps"].insert(0, other)

    return changed


def with_engine(address: str | None, change: Callable[[Preview], None]) -> Callable[[Preview], None]:
    """Give the node attic and what belongs to it another engine."""

    def changed(preview: Preview) -> None:
        change(preview)
        state(preview, NODE_CONTAINER, "attic-container")["inputs"]["engine"] = address
        state(preview, PROVIDER, "attic")["inputs"]["host"] = address

    return changed


def on_the_host_without_a_node(change: Callable[[Preview], None]) -> Callable[[Preview], None]:
    """A container there may have any file, but a volume of a wallet's name counts everywhere."""

    def changed(preview: Preview) -> None:
        change(preview)
        name = "urn:pulumi:fleet::skycoin::pulumi:providers:docker::nas::id"
        state(preview, CONTAINER, "own")["provider"] = name

    return changed


def hidden_of_a_volume(key: str) -> Callable[[Preview], None]:
    def change(preview: Preview) -> None:
        state(preview, VOLUME, "shed-data")["inputs"][key] = HIDDEN

    return change


def volume_with_a_device(preview: Preview) -> None:
    options = {"type": "none", "o": "bind", "device": f"/var/lib/docker/volumes/{WALLET}/_data"}
    state(preview, VOLUME, "shed-data")["inputs"]["driverOpts"] = options


def wallet_for_another_node(preview: Preview) -> None:
    mount = {"type": "volume", "source": WALLET, "target": "/other", "readOnly": True}
    on_attics_host(preview)
    state(preview, NODE_CONTAINER, "shed-container")["inputs"]["mounts"].append(mount)


def on_attics_host(preview: Preview) -> State:
    """Put the node shed on the host of the node attic; return its inputs."""
    inputs: State = state(preview, NODE_CONTAINER, "shed-container")["inputs"]
    first = state(preview, NODE_CONTAINER, "attic-container")["inputs"]
    inputs |= {key: first[key] for key in ("host", "engine")}
    return inputs


def wallet_of_another_node(preview: Preview) -> None:
    """It reads the first node's wallet as its own, and so writes nothing."""
    inputs = on_attics_host(preview)
    inputs["wallet"] = WALLET
    inputs["mounts"] = [reading(WALLET) | {"target": "/wallet"}]


def node_in_the_network_of_another(preview: Preview) -> None:
    on_attics_host(preview)["networkMode"] = "skycoin-attic"


def wallet_under_another_name(preview: Preview) -> None:
    """An alias has this effect: the volume and its name on the host stay the same."""
    for step in preview["steps"]:
        if step["urn"].endswith("::attic-wallet"):
            step["urn"] = step["newState"]["urn"] = step["urn"].replace("attic-wallet", "attic-purse")


def volume_of_another_driver(preview: Preview) -> None:
    state(preview, VOLUME, "shed-data")["inputs"]["driver"] = "sshfs"
    state(preview, VOLUME, "shed-data")["provider"] = state(preview, VOLUME, "attic-data")["provider"]


def tag_that_goes(preview: Preview) -> None:
    state(preview, TAG, "skycoin-hub-latest-tag")["retainOnDelete"] = False


def repository_without_protection(preview: Preview) -> None:
    for step in preview["steps"]:
        if REPOSITORY in step["urn"]:
            step["newState"]["protect"] = False


def repository_that_goes_with_its_images(preview: Preview) -> None:
    for step in preview["steps"]:
        if REPOSITORY in step["urn"]:
            step["newState"]["inputs"]["forceDelete"] = True


def node_by_tag(preview: Preview) -> None:
    state(preview, NODE_CONTAINER, "attic-container")["inputs"]["image"] = "skycoin/skycoin:latest"


def base_by_tag(preview: Preview) -> None:
    state(preview, BUILD, "skycoin-amd64-image")["inputs"]["buildArgs"]["IMAGE_FROM"] = "busybox:latest"


def with_context(location: Any) -> Callable[[Preview], None]:
    """Give a build one more named context."""

    def change(preview: Preview) -> None:
        context = state(preview, BUILD, "skycoin-amd64-image")["inputs"]["context"]
        context["named"] = {**context.get("named", {}), "other": {"location": location}}

    return change


PINNED = f"debian@{DIGEST}"
INLINE = (
    ("FROM debian:13\n", "debian:13"),
    ("from --platform=$BUILDPLATFORM debian AS build\nFROM build\n", "debian"),
    (f"ARG BASE=debian:13\nFROM {PINNED}\nFROM ${{BASE}}", "debian:13"),
    (f"FROM {PINNED} AS base\nFROM base\nCOPY --from=busybox:1 /bin/sh /bin/\n", "busybox:1"),
    (f"FROM {PINNED}\nRUN --mount=type=bind,from=busybox,target=/b \\\n  /b/sh\n", "busybox"),
    (f"# syntax=docker/dockerfile:1\nFROM {PINNED}\n", "docker/dockerfile:1"),
    (f"FROM {PINNED}\nRUN <<-END cat\nfrom x\n\tEND\nFROM debian:$TARGETARCH\n", "debian:$TARGETARCH"),
    (f"# escape=`\nFROM {PINNED}\nRUN a `\n  b\nFROM `\n  debian:13 AS b\n", "debian:13"),
    ("ARG OTHER\nFROM debian:${OTHER:-13}\n", "debian:13"),
)
"""(inline Dockerfile, the first image in it without a digest)."""
KEPT_INLINE = (
    f"ARG IMAGE_FROM\nFROM ${{IMAGE_FROM}} AS Base\nFROM base AS last\nCOPY --from=0 / /\n"
    f'COPY --from=source / /\n# FROM debian:13\nFROM scratch\nFROM "{PINNED}"\nCOPY --from=last / /\n'
)


def foreign_frontend(preview: Preview) -> None:
    """Before, any image could build the variant, and the page said that the change was safe."""
    arguments = state(preview, BUILD, "skycoin-amd64-image")["inputs"]["buildArgs"]
    arguments["BUILDKIT_SYNTAX"] = "docker.io/evil/frontend:latest"


def build_with(**inputs: Any) -> Callable[[Preview], None]:
    def change(preview: Preview) -> None:
        state(preview, BUILD, "skycoin-amd64-image")["inputs"] |= inputs

    return change


def named_export(preview: Preview) -> None:
    [export] = state(preview, BUILD, "skycoin-amd64-image")["inputs"]["exports"]
    export["raw"] += ",name=docker.io/skycoin/skycoin:0.27.1"


def plain_secret(preview: Preview) -> None:
    state(preview, BUILD, "skycoin-amd64-image")["inputs"]["secrets"] = {"a": HIDDEN, "token": "hunter2"}


def open_api(preview: Preview) -> None:
    state(preview, NODE_CONTAINER, "attic-container")["inputs"]["ports"][0]["ip"] = "0.0.0.0"


def other_input(key: str, value: Any) -> Callable[[Preview], None]:
    def change(preview: Preview) -> None:
        state(preview, NODE_CONTAINER, "attic-container")["inputs"][key] = value

    return change


def no_provider(preview: Preview) -> None:
    del state(preview, VOLUME, "attic-data")["provider"]


def default_provider(preview: Preview) -> None:
    name = "urn:pulumi:fleet::skycoin::pulumi:providers:docker::default_4_11_0::6ed0fd"
    state(preview, VOLUME, "attic-data")["provider"] = name


def taken_along(preview: Preview) -> None:
    one = state(preview, VOLUME, "attic-data")
    one["deletedWith"] = one["parent"]


def resource_of(kind: str, provider: str = "") -> Callable[[Preview], None]:
    """Plant a resource of another type."""

    def change(preview: Preview) -> None:
        volumes_that_go_with_a_container(preview)
        step = preview["steps"][-1]
        step["urn"] = f"urn:pulumi:fleet::skycoin::{kind}::own"
        one = {"urn": step["urn"], "type": kind, "custom": True, "inputs": {}, "protect": False}
        step["newState"] = one | ({"provider": provider or step["newState"]["provider"]})

    return change


def reading(volume: str) -> dict[str, Any]:
    return {"type": "volume", "source": volume, "target": "/looked-at", "readOnly": True}


def bound(folder: str) -> dict[str, Any]:
    return {"type": "bind", "source": folder, "target": "/looked-at"}


def with_device(volume: str) -> dict[str, Any]:
    options = {"type": "none", "o": "bind", "device": DEVICE}
    return {"type": "volume", "source": volume, "volumeOptions": {"driverOptions": options}}


DEVICE = f"/var/lib/docker/volumes/{WALLET}/_data"
FOREIGN_FOLDERS = (
    f"/{DEVICE}",
    "/srv/../var/lib/docker",
    "/srv/../run/docker.sock",
    *("/", "/boot", "/etc", "/home", "/home/me", "/home/me/.ssh", "/root", "/usr/local", "/var"),
)
ROOT = own_container(mounts=[bound("/")])

NODE = "attic-container (NodeContainer)"
DATA = "attic-data (Volume)"
PAGE = (PROJECT / "docs" / "review.md").read_text()
RULES = rulebook()
WAYS: list[tuple[dict[str, Any], str]] = [
    ({"mounts": [reading(WALLET)]}, f"mounts {WALLET} on host attic"),
    ({"volumes": [{"volumeName": WALLET, "readOnly": True}]}, f"mounts {WALLET} on host attic"),
    ({"mounts": [reading(f"{WALLET}-backups")]}, f"mounts {WALLET}-backups on host attic"),
    ({"volumes": [{"volumeName": f"{WALLET}-backups"}]}, f"mounts {WALLET}-backups on host attic"),
    (
        {"volumes": [{"fromContainer": "skycoin-attic"}]},
        "has the volumes of the container skycoin-attic",
    ),
    ({"mounts": SOCKET}, "mounts /var/run/docker.sock of its host"),
    ({"volumes": [{"hostPath": "/var", "containerPath": "/host"}]}, "mounts /var of its host"),
    ({"privileged": True}, "is privileged"),
    ({"networkMode": "container:skycoin-attic"}, "has networkMode container:skycoin-attic"),
    ({"networkMode": "host"}, "has networkMode host"),
    ({"pidMode": "host"}, "has pidMode host"),
    ({"devices": [{"hostPath": "/dev/sda"}]}, "mounts /dev/sda of its host"),
    *(({"mounts": [bound(folder)]}, f"mounts {folder} of its host") for folder in FOREIGN_FOLDERS),
    ({"volumes": [{"volumeName": "/etc"}]}, "mounts /etc of its host"),
    ({"volumes": [{"hostPath": UNKNOWN}]}, "mounts a folder of its host that is unknown before `up`"),
    (
        {"mounts": [with_device("any")]},
        f"mounts any, which is the folder or device {DEVICE} of its host",
    ),
    (
        {"capabilities": {"adds": ["CAP_SYS_ADMIN", "CAP_SYS_MODULE"]}},
        "has the capabilities CAP_SYS_ADMIN, CAP_SYS_MODULE",
    ),
    ({"securityOpts": LOOSE}, "has the security option seccomp=unconfined"),
    ({"usernsMode": "host"}, "has usernsMode host"),
    ({"networkMode": "skycoin-attic"}, "is in the network of attic-container"),
    ({"networksAdvanced": [{"name": "skycoin-attic"}]}, "is in the network of attic-container"),
]
"""Inputs of a container next to a node that lead to its wallet, and the page's words."""
PLANTED: list[tuple[str, Callable[[Preview], None], str, str]] = [
    ("fleet", unprotected, "wallets-are-protected", "attic-wallet (Volume) is not protected"),
    ("fleet", volume_that_goes, "volumes-stay", f"{DATA} is deleted if it leaves the stack"),
    (
        "fleet",
        volume_that_is_replaced,
        "volumes-stay",
        f"{DATA} is replaced by an empty volume if an input differs",
    ),
    *(
        ("fleet", change, "volumes-stay", f"{DATA} is replaced by an empty volume {when}")
        for change, when in (
            (volume_that_is_replaced_with_another, "if attic is replaced"),
            (volume_with_a_trigger, "if its `replacement_trigger` differs"),
        )
    ),
    (
        "fleet",
        volumes_that_go_with_a_container,
        "volumes-stay",
        "own (Container) removes its volumes when it is removed",
    ),
    (
        "fleet",
        two_writers,
        "one-writer-of-a-wallet",
        "shed-container (NodeContainer) writes the wallet skycoin-attic-wallet on host attic, and so does "
        "attic-container",
    ),
    (
        "fleet",
        writer_of_another_type,
        "one-writer-of-a-wallet",
        "own (Container) writes the wallet skycoin-attic-wallet on host attic, and so does attic-container",
    ),
    (
        "fleet",
        through("ssh://pi@attic.lan:22", writer_of_another_type),
        "one-writer-of-a-wallet",
        "own (Container) writes the wallet skycoin-attic-wallet on host loft, and so does attic-container",
    ),
    (
        "fleet",
        through("ssh://pi@192.168.1.7", writer_of_another_type),
        "one-writer-of-a-wallet",
        "own (Container) writes the wallet skycoin-attic-wallet on host loft, and so does attic-container",
    ),
    (
        "fleet",
        wallet_of_another_node,
        "one-writer-of-a-wallet",
        "shed-container (NodeContainer) writes the wallet skycoin-attic-wallet on host attic, and so does "
        "attic-container",
    ),
    *(
        ("fleet", own_container(**inputs), "wallets-are-private", f"own (Container) {said}")
        for inputs, said in WAYS
    ),
    *(
        ("fleet", change, "wallets-are-private", "own (Container) mounts / of its host")
        for change in (
            through("ssh://PI@attic.lan:22", ROOT),
            through("ssh://pi@ATTIC.lan.", ROOT),
            through(UNKNOWN, ROOT),
            through("unix:///var/run/docker.sock", with_engine(None, ROOT)),
            through("unix:///var//run/../run/docker.sock", with_engine("unix:///run/docker.sock", ROOT)),
        )
    ),
    (
        "fleet",
        with_engine("unix:///srv/own/docker.sock", own_container(mounts=[bound("/srv/own/data/volumes")])),
        "wallets-are-private",
        "own (Container) mounts /srv/own/data/volumes of its host",
    ),
    (
        "fleet",
        copies_under_another_name,
        "wallets-are-private",
        "own (Container) mounts purses on host attic",
    ),
    (
        "fleet",
        node_in_the_network_of_another,
        "wallets-are-private",
        "shed-container (NodeContainer) is in the network of attic-container",
    ),
    (
        "fleet",
        volume_of_another_driver,
        "wallets-are-private",
        "shed-data (Volume) has the driver sshfs",
    ),
    (
        "fleet",
        wallet_under_another_name,
        "wallets-have-their-name",
        "attic-purse (Volume) is the wallet of attic-container",
    ),
    (
        "fleet",
        volume_with_a_device,
        "wallets-are-private",
        f"shed-data (Volume) is the folder or device /var/lib/docker/volumes/{WALLET}/_data of its host",
    ),
    (
        "fleet",
        wallet_for_another_node,
        "wallets-are-private",
        f"shed-container (NodeContainer) mounts {WALLET} on host attic",
    ),
    (
        "release",
        tag_that_goes,
        "published-images-stay",
        "skycoin-hub-latest-tag (Tag) is deleted if it leaves the stack",
    ),
    ("ecr", repository_without_protection, "published-images-stay", " (Repository) is not protected"),
    (
        "ecr",
        repository_that_goes_with_its_images,
        "published-images-stay",
        " (Repository) is deleted with its images",
    ),
    ("fleet", node_by_tag, "images-by-digest", f"{NODE} has image skycoin/skycoin:latest"),
    (
        "release",
        base_by_tag,
        "images-by-digest",
        "skycoin-amd64-image (Image) has IMAGE_FROM busybox:latest",
    ),
    *(
        ("release", change, "images-by-digest", f"skycoin-amd64-image (Image) {said}")
        for change, said in (
            (with_context("docker-image://debian:13"), "has the named context other debian:13"),
            (with_context("docker-image://debian"), "has the named context other debian"),
            (with_context(HIDDEN), f"keeps context secret, {UNJUDGED}"),
            (build_with(dockerfile={"inline": HIDDEN}), f"keeps dockerfile secret, {UNJUDGED}"),
            (build_with(dockerfile=HIDDEN), f"keeps dockerfile secret, {UNJUDGED}"),
            *(
                (build_with(dockerfile={"inline": text}), f"has an inline Dockerfile with the image {image}")
                for text, image in INLINE
            ),
        )
    ),
    *(
        ("release", change, "builds-push-digests-only", f"skycoin-amd64-image (Image) {said}")
        for change, said in (
            (build_with(tags=[f"{HUB}:0.27.1"]), f"has the tag {HUB}:0.27.1"),
            (build_with(push=True), "has push"),
            (foreign_frontend, "has the build argument BUILDKIT_SYNTAX"),
            (build_with(network="host"), "has network host"),
            *(
                (build_with(**{key: HIDDEN}), f"keeps {key} secret, {UNJUDGED}")
                for key in ("tags", "exports", "buildArgs")
            ),
            (build_with(tags=[HIDDEN]), f"keeps tags secret, {UNJUDGED}"),
            (build_with(exports=[{"raw": HIDDEN}]), f"keeps exports secret, {UNJUDGED}"),
            (build_with(ssh=[{"id": "default"}]), "has ssh"),
            (build_with(cacheTo=[{"registry": {"ref": HUB}}]), "has cacheTo"),
            (build_with(exports=[{"local": {"dest": "/home/me/.ssh"}}]), "exports local"),
            (build_with(exports=[{}]), "exports something other than a digest"),
            (build_with(exports=[{"raw": "type=local,dest=/srv"}]), "exports type=local"),
            (
                build_with(exports=[{"raw": EXPORT.replace("push-by-digest=true,", "")}]),
                f"exports without {BY_DIGEST}",
            ),
            (named_export, "exports name=docker.io/skycoin/skycoin:0.27.1"),
        )
    ),
    (
        "release",
        plain_secret,
        "build-secrets-are-secrets",
        "skycoin-amd64-image (Image) has the build secret token as plain text",
    ),
    ("fleet", open_api, "api-on-loopback", f"{NODE} publishes its API on 0.0.0.0"),
    *(
        ("fleet", other_input("user", user), "nodes-are-confined", f"{NODE} may run as root or in its group")
        for user in ("0:0", "00", "+0:0", "-0:1", "toor", "1000:0")
    ),
    *(
        ("fleet", other_input(key, HIDDEN), "nodes-are-confined", f"{NODE} keeps {key} secret, {UNJUDGED}")
        for key in ("user", "networkMode", "mounts", "capabilities", "securityOpts", "privileged", "readOnly")
    ),
    *(
        ("fleet", other_input(key, HIDDEN), "wallets-are-private", f"{NODE} keeps {key} secret, {UNJUDGED}")
        for key in ("wallet", "backups", "volumes", "networksAdvanced")
    ),
    ("fleet", other_input("ports", HIDDEN), "api-on-loopback", f"{NODE} keeps ports secret, {UNJUDGED}"),
    (
        "fleet",
        other_input("ports", [{"internal": HIDDEN, "ip": "0.0.0.0"}]),
        "api-on-loopback",
        f"{NODE} keeps ports secret, {UNJUDGED}",
    ),
    *(
        (
            "fleet",
            own_container(**{key: HIDDEN}),
            "wallets-are-private",
            f"own (Container) keeps {key} secret, {UNJUDGED}",
        )
        for key in (
            *("mounts", "volumes", "devices", "capabilities", "securityOpts", "privileged"),
            *("networkMode", "pidMode", "ipcMode", "usernsMode", "cgroupnsMode", "networksAdvanced"),
        )
    ),
    *(
        (
            "fleet",
            own_container(**{key: value}),
            "wallets-are-private",
            f"own (Container) keeps {key} secret, {UNJUDGED}",
        )
        for key, value in {
            "mounts": [{"type": "volume", "source": HIDDEN, "target": "/looked-at"}],
            "volumes": [HIDDEN],
            "capabilities": {"adds": HIDDEN},
            "networksAdvanced": [{"name": HIDDEN}],
        }.items()
    ),
    (
        "fleet",
        on_the_host_without_a_node(own_container(mounts=HIDDEN)),
        "wallets-are-private",
        f"own (Container) keeps mounts secret, {UNJUDGED}",
    ),
    *(
        (
            "fleet",
            hidden_of_a_volume(key),
            "wallets-are-private",
            f"shed-data (Volume) keeps {key} secret, {UNJUDGED}",
        )
        for key in ("name", "driver", "driverOpts")
    ),
    (
        "fleet",
        own_container(removeVolumes=HIDDEN),
        "volumes-stay",
        f"own (Container) keeps removeVolumes secret, {UNJUDGED}",
    ),
    ("fleet", other_input("readOnly", False), "nodes-are-confined", f"{NODE} can write its image's files"),
    ("fleet", other_input("capabilities", {}), "nodes-are-confined", f"{NODE} has capabilities"),
    ("fleet", other_input("securityOpts", []), "nodes-are-confined", f"{NODE} can gain privileges"),
    ("fleet", other_input("privileged", True), "nodes-are-confined", f"{NODE} is privileged"),
    ("fleet", other_input("securityOpts", LOOSE), "nodes-are-confined", f"{NODE} can gain privileges"),
    ("fleet", other_input("networkMode", "host"), "nodes-are-confined", f"{NODE} shares its host's network"),
    (
        "fleet",
        other_input("networkMode", "container:other"),
        "nodes-are-confined",
        f"{NODE} shares another container's network",
    ),
    ("fleet", other_input("mounts", SOCKET), "nodes-are-confined", f"{NODE} mounts more than volumes"),
    ("fleet", no_provider, "providers-are-named", f"{DATA} has no explicit provider"),
    ("fleet", default_provider, "providers-are-named", f"{DATA} has no explicit provider"),
    (
        "fleet",
        taken_along,
        "no-implicit-deletion",
        f"{DATA} is deleted implicitly with attic (`deleted_with`)",
    ),
    *(
        ("fleet", resource_of(kind, provider), "known-types", f"has the type {kind}, {UNHEARD}")
        for kind, provider in (
            ("docker:index/service:Service", ""),
            ("docker:index/plugin:Plugin", ""),
            ("docker:index/registryImage:RegistryImage", ""),
            ("docker-build:index:Index", ""),
            ("command:local:Command", "urn:pulumi:fleet::skycoin::pulumi:providers:command::default::id"),
            ("pulumi:providers:command", ""),
            ("skycoin:index:Unheard", ""),
        )
    ),
]
"""(stack, planted violation, the one rule that it breaks, the page's words)."""


def shown(preview: Preview, rules: Any = RULES) -> tuple[str, Any]:
    changes = replace(read_changes(recounted(preview)), broken=broken_rules(wanted(preview), rules))
    return first_screen(changes, "mine").text, changes


@pytest.mark.parametrize(
    ("name", "change", "rule", "said"), PLANTED, ids=lambda one: getattr(one, "__name__", None)
)
def test_a_planted_stack_breaks_its_rule_and_no_other(
    name: str, change: Callable[[Preview], None], rule: str, said: str
) -> None:
    preview = planted(name, change)
    text, changes = shown(preview)
    [broken] = changes.broken
    assert broken.rule.name == rule
    assert "### Broken rules\n" in text
    [line] = [line for line in text.splitlines() if line.startswith(f"- **{rule}**: ")]
    assert f"{said}. {broken.rule.reason} {broken.rule.remedy}" in line
    assert risk_of(changes).level is Level.AT_RISK
    assert "BREAKS 1 RULE" in text.splitlines()[0]


def test_every_rule_is_broken_by_some_planted_stack() -> None:
    assert {rule for _, _, rule, _ in PLANTED} == {rule.name for rule in PROMISES}
    assert len({rule.name for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert rule.reason.endswith("."), rule.name
        assert rule.remedy.endswith("."), rule.name


@pytest.mark.parametrize("name", FILES)
def test_a_committed_stack_keeps_all_rules(name: str) -> None:
    """tests/unit/invariants.py checks this with a full state too, and for every program of the tests."""
    first = json.loads(json.dumps(first_preview(up(name))))
    assert len(wanted(first)) > 3
    assert broken_rules(wanted(first), RULES) == ()


@pytest.mark.parametrize(
    "change",
    [
        build_with(dockerfile={"inline": KEPT_INLINE}),
        build_with(dockerfile={"inline": UNKNOWN}),
        with_context(f"docker-image://{PINNED}"),
        with_context("./images/go-module"),
        with_context(UNKNOWN),
    ],
    ids=["inline", "an inline one that is unknown before up", "an image", "a folder", "unknown"],
)
def test_a_build_may_name_images_by_digest_in_its_contexts_and_in_an_inline_dockerfile(
    change: Callable[[Preview], None],
) -> None:
    def with_source(preview: Preview) -> None:
        change(preview)
        context = state(preview, BUILD, "skycoin-amd64-image")["inputs"]["context"]
        context["named"] = {**context.get("named", {}), "source": {"location": "../skycoin"}}

    assert broken_rules(wanted(planted("release", with_source)), RULES) == ()


def test_a_container_on_an_engine_without_a_node_may_have_its_files() -> None:
    """Such as a registry's, or a monitor's, on another host of the stack."""
    preview = planted("fleet", own_container(mounts=SOCKET, networkMode="host"))
    state(preview, CONTAINER, "own")["provider"] = (
        "urn:pulumi:fleet::skycoin::pulumi:providers:docker::nas::id"
    )
    assert broken_rules(wanted(preview), RULES) == ()


def test_a_container_next_to_a_node_may_have_a_folder_of_its_user() -> None:
    """Such as an opened workspace; and an engine's socket elsewhere in a home forbids no work there."""
    folders = own_container(mounts=[bound("/home/me/src/skycoin"), bound("/srv/work"), bound("/root/src")])
    for change in (folders, with_engine("unix:///srv/docker.sock", folders)):
        assert broken_rules(wanted(planted("fleet", change)), RULES) == ()


def test_a_second_writer_of_a_wallet_under_another_name_breaks_both_rules() -> None:
    def both(preview: Preview) -> None:
        wallet_under_another_name(preview)
        writer_of_another_type(preview)

    broken = broken_rules(wanted(planted("fleet", both)), RULES)
    assert [one.rule.name for one in broken] == ["one-writer-of-a-wallet", "wallets-have-their-name"]


def test_a_component_of_a_users_own_may_have_any_type() -> None:
    def component(preview: Preview) -> None:
        resource_of("house:index:Monitor")(preview)
        preview["steps"][-1]["newState"] |= {"custom": False, "provider": ""}

    assert broken_rules(wanted(planted("fleet", component)), RULES) == ()


[*_, NEWEST] = sorted((PROJECT / "tests" / "states").iterdir())
STATES = sorted(NEWEST.glob("*.json"))


def resources_of(file: Path) -> list[State]:
    found: list[State] = json.loads(file.read_text())["deployment"]["resources"]
    return found


@pytest.mark.parametrize("file", STATES, ids=lambda file: file.stem)
def test_the_resources_of_a_real_state_break_no_rule(file: Path) -> None:
    """They have the inputs that plugins add, and the providers that the engine adds."""
    resources = [
        Resource(urn=one["urn"], inputs=one.get("inputs") or {}, options=one) for one in resources_of(file)
    ]
    assert broken_rules(resources, RULES) == ()


def test_the_known_types_are_those_that_the_program_registers() -> None:
    """A type that the program no longer uses would be allowed to everybody."""
    engines = [*map(up, FILES), opened(dind=True)]
    used = {entry.type for engine in engines for entry in engine.registered if entry.custom}
    for file in STATES:
        used |= {resource["type"] for resource in resources_of(file) if resource.get("custom")}
    of_the_engine = {"pulumi:pulumi:Stack", "pulumi:providers:pulumi"}
    assert used | of_the_engine == KNOWN_TYPES


def test_a_build_with_the_values_that_its_plugin_adds_breaks_no_rule() -> None:
    """So they are in a real state (tests/states)."""
    added = {
        "exec": False,
        "load": False,
        "network": "default",
        "noCache": False,
        "pull": False,
        "target": "",
    }

    def real(preview: Preview) -> None:
        build_with(**added)(preview)
        for export in state(preview, BUILD, "skycoin-amd64-image")["inputs"]["exports"]:
            export["disabled"] = False
        build_with(tags=[UNKNOWN], exports=[{"raw": UNKNOWN}])(preview)

    assert broken_rules(wanted(planted("release", real)), RULES) == ()


def test_deleted_and_refreshed_resources_break_no_rule() -> None:
    preview = planted("fleet", unprotected)
    for step in preview["steps"]:
        step["op"] = "refresh"
    assert wanted(preview) == []
    for step in preview["steps"]:
        step |= {"op": "delete", "newState": None}
    assert wanted(preview) == []


def test_unknown_inputs_break_no_rule() -> None:
    def unknown(preview: Preview) -> None:
        for step in preview["steps"]:
            if step["newState"]["type"] == NODE_CONTAINER:
                step["newState"]["inputs"] |= {"image": UNKNOWN, "ports": UNKNOWN, "mounts": UNKNOWN}

    assert broken_rules(wanted(planted("fleet", unknown)), RULES) == ()


def test_many_breaches_keep_the_first_screens_limit() -> None:
    def all_of_them(preview: Preview) -> None:
        for number in range(300):
            volumes_that_go_with_a_container(preview)
            preview["steps"][-1]["urn"] += f"-{number}{'n' * 100}"
            for change in (unprotected, open_api, no_provider, taken_along, two_writers):
                change(preview) if number == 0 else None

    text, changes = shown(planted("fleet", all_of_them))
    assert len(text) <= LIMIT
    assert "- **volumes-stay**: own-0" in text
    assert " and 297 more: each removes its volumes when it is removed. " in text
    assert text.startswith(f"## Stack mine: WALLET AT RISK, BREAKS {len(changes.broken)} RULES\n")
    whole = page(changes, "mine")
    assert len(whole) <= WHOLE
    below = whole.partition("<summary>Broken rules: ")[2].partition("</details>")[0]
    rows = sum(line.startswith("| ") for line in below.splitlines()[2:]) - 2
    found = sum(len(broken.breaches) for broken in changes.broken)
    assert 0 < rows < found == int(below.partition("<")[0])
    assert f"**Cut here: {found - rows} more lines. " in below


def test_resources_that_do_not_fit_on_the_line_of_a_rule_are_listed_below() -> None:
    def seven(preview: Preview) -> None:
        for number in range(7):
            volumes_that_go_with_a_container(preview)
            preview["steps"][-1]["urn"] += f"-{number}"

    text, changes = shown(planted("fleet", seven))
    names = [f"own-{number} (Container)" for number in range(7)]
    assert (
        f"**volumes-stay**: {', '.join(names[:3])} and 4 more: each removes its volumes when it is removed. "
        in text
    )
    below = page(changes, "mine").removeprefix(text)
    rows = [f"| volumes-stay | {name} | removes its volumes when it is removed |" for name in names]
    head = ["| rule | resource | how |", "| --- | --- | --- |"]
    fold = ["<details><summary>Broken rules: 7</summary>", "", *head, *rows, "", "</details>"]
    assert "\n".join(fold) in below


def test_a_users_rule_is_reported_like_the_projects(own: Path) -> None:
    """The rule is the example in docs/review.md, which is a complete file."""
    example = PAGE.partition("```python\n")[2].partition("```")[0]
    assert example.startswith(OWN.read_text().partition("\n")[0])
    own.write_text(example)
    text, _ = shown(planted("fleet", lambda _: None), rulebook())
    assert "- **volumes-are-ours**: attic-data (Volume), attic-wallet (Volume), " in text
    assert (
        ": each is not ours. Backups find volumes by their names. Set `wallet-volume` and `data-volume`."
        in text
    )


FAULTY = """
from review.rules import Rule, each

def no_such_input(one):
    return one.inputs["colour"]

def named_then_raised(resources):
    yield resources[1], "is <b>\\nwrong"
    raise RuntimeError("x" * 900)

def answers_nothing(resources):
    pass

class Asked:
    def __call__(self, resources):
        raise ValueError

def rule(name, breaches):
    return Rule(name=name, breaches=breaches, reason="It is so.", remedy="Change it.")

OWN_RULES = [
    rule("one-input", each(no_such_input)),
    rule("found-one", named_then_raised),
    rule("no-answer", answers_nothing),
    rule("an-object", Asked()),
]
"""


def test_a_rule_that_raises_an_error_is_named_with_it_and_hides_no_other(own: Path) -> None:
    own.write_text(FAULTY)
    place = "raised an error at review/own_rules.py"
    rules = rulebook()
    text, changes = shown(planted("fleet", open_api), (*rules[len(PROMISES) :], *PROMISES))
    assert text.splitlines()[0] == "## Stack mine: BREAKS 2 RULES, 4 RULES RAISED AN ERROR"
    assert risk_of(changes).level is Level.AT_RISK
    unknown = "could not be checked: it"
    [first, found, second, third, fourth, api] = [
        line for line in text.splitlines() if line.startswith("- **")
    ]
    assert first == f"- **one-input**: {unknown} {place}:5: KeyError: 'colour'"
    name = changes.broken[1].breaches[0][0]
    assert found == f"- **found-one**: {name} is &lt;b> wrong. It is so. Change it."
    assert second.startswith(f"- **found-one**: {unknown} {place}:9: RuntimeError: xxx")
    assert third.startswith(f"- **no-answer**: {unknown} {place}:11: TypeError: 'NoneType' object ")
    assert fourth == f"- **an-object**: {unknown} {place}:16: ValueError"
    assert api.startswith("- **api-on-loopback**: ")
    assert f"RuntimeError: {'x' * 900}\n" in page(changes, "mine"), "whole in the details"


def test_a_rule_that_raises_an_error_ends_with_the_code_of_a_risk(
    skyinfra: Skyinfra, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: Any) -> str:
        raise KeyError("colour")

    rule = replace(PROMISES[0], name="mine", breaches=each(broken))
    monkeypatch.setattr(review, "rulebook", lambda: (rule, *PROMISES))
    done = skyinfra("review", "-s", "fleet", "--preview", "-", given=stack("fleet"))
    assert (done.code, done.out.splitlines()[0]) == (AT_RISK, "## Stack fleet: 1 RULE RAISED AN ERROR")
    assert "unit/test_review_rules.py:" in done.out
    assert "KeyError: 'colour'" in done.out


IMPORTED = "from review.rules import Rule, each\n"
UNUSABLE = {
    "syntax": ("\nOWN_RULES = [\n", ", line 2: SyntaxError: '[' was never closed. "),
    "import": (
        "\n\nfrom review.options import VOLUMES\n",
        ", line 3: ImportError: cannot import name 'VOLUMES' from 'review.options' (",
    ),
    "import-of-nothing": ("import mine\n", ", line 1: ModuleNotFoundError: No module named 'mine'. "),
    "raises": (
        "def rule():\n    return {}['colour']\n\nOWN_RULES = [rule()]\n",
        ", line 2: KeyError: 'colour'. ",
    ),
    "says-nothing": ("\nraise RuntimeError\n", ", line 2: RuntimeError. "),
    "ends": ("import sys\nsys.exit(0)\n", ", line 2: SystemExit: 0. "),
    "nested": ("OWN_RULES = " + "[" * 300, ", line 1: SyntaxError: too many nested parentheses. "),
    "zero": ("OWN_RULES = ()\0\n", ": SyntaxError: source code string cannot contain null bytes. "),
    "not-utf-8": (b"# \xff\nOWN_RULES = 3\n", ", line 2: OWN_RULES is of the type int. "),
    "not-set": ("", ": OWN_RULES is not set. "),
    "one": (
        f"{IMPORTED}\nOWN_RULES = Rule(name='a', breaches=each(str), reason='b.', remedy='c.')\n",
        ", line 3: OWN_RULES is of the type Rule. ",
    ),
    "function": (
        "OWN_RULES = [print]\n",
        ", line 1: OWN_RULES has an entry 1 of the type builtin_function_or_method, not Rule. ",
    ),
    "fields": (
        f"{IMPORTED}OWN_RULES = [Rule(name='a')]\n",
        ", line 2: TypeError: Rule.__init__() missing 3 ",
    ),
    "name-is-a-list": (
        f"{IMPORTED}OWN_RULES_DIR = 1\nOWN_RULES = [Rule(name=['a'], breaches=3, reason='', remedy='')]\n",
        ", line 3: OWN_RULES has a rule 1 whose name is of the type list. ",
    ),
    "no-function": (
        f"{IMPORTED}OWN_RULES = (Rule(name='a', breaches=3, reason='b.', remedy='c.'),)\n",
        ", line 2: OWN_RULES has the rule 'a', whose `breaches` is not a function. ",
    ),
    "name": (
        f"{IMPORTED}OWN_RULES = [Rule(name='volumes-stay', breaches=each(str), reason='b.', remedy='c.')]\n",
        ", line 2: OWN_RULES has the name 'volumes-stay' of another rule. ",
    ),
}
"""Test id → content of the file, and the place and error in the message."""


@pytest.mark.parametrize(("text", "said"), UNUSABLE.values(), ids=UNUSABLE)
def test_a_file_of_own_rules_that_can_not_be_used_is_refused_with_its_line(
    skyinfra: Skyinfra, own: Path, text: str | bytes, said: str
) -> None:
    """Before, every command ended in a traceback."""
    own.write_bytes(text if isinstance(text, bytes) else text.encode())
    done = skyinfra("review", "-s", "fleet", "--preview", "-", given=stack("fleet"))
    assert (done.code, done.out) == (FAILED, "")
    assert done.err.startswith(f"error: review/own_rules.py{said}"), done.err
    assert " sets OWN_RULES to a list of Rule, each with a unique name (docs/review.md, " in done.err
    assert done.err.endswith("shows it, `git checkout review/own_rules.py` reverts it.\n")
    assert skyinfra("review", "--help").code == 0


def test_a_file_of_own_rules_that_is_gone_is_refused(skyinfra: Skyinfra, own: Path) -> None:
    done = skyinfra("review", "-s", "fleet", "--preview", "-", given=stack("fleet"))
    assert (done.code, done.out) == (FAILED, "")
    assert done.err.startswith("error: review/own_rules.py: FileNotFoundError: ")
    assert not own.exists()


def test_the_page_of_documentation_has_every_rule() -> None:
    assert [rule.name for rule in PROMISES if f"\n| `{rule.name}` | " not in PAGE] == []


def test_the_command_ends_with_the_code_of_a_risk(skyinfra: Skyinfra) -> None:
    given = json.dumps(planted("fleet", open_api))
    done = skyinfra("review", "-s", "fleet", "--preview", "-", given=given)
    assert (done.code, done.out.splitlines()[0]) == (AT_RISK, "## Stack fleet: BREAKS 1 RULE")
