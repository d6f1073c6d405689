"""Entries of the settings that don't fit each other: references, ports, volumes, tags."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from catalogue.images import CATALOGUE, PROJECT
from settings.names import container_name, repository_of, tags_of, volume_names
from settings.node import NodeSettings
from settings.reading import SettingsError, parse
from settings.rules.images import pinned_version
from tests.unit.yaml_like import DIGEST, EXPORTER, SKYWIRE, changed

NAME = (
    "is not a valid name: up to 40 lower-case letters, digits and '-', "
    "starting and ending with a letter or digit"
)
OTHER_IMAGE = {
    "source": {"path": "x", "version": "v1.0.0"},
    "arches": ["amd64"],
    "channel": "develop",
}
BUILDER_ARGUMENT = (
    "BuildKit itself obeys an argument of this name; choose a name that does not begin with BUILDKIT_"
)
IMAGE_REPOSITORY = "images.skycoin.repository"
WHERE_TO = (
    "missing, and required unless skycoin:registries has exactly one entry (it has {}): "
    "list those to publish to, the one to build in first"
)
OVERWRITE = "and each would overwrite the other's tags: choose another repository"
ONLY_FIRST = "Put another registry first in the `registries` of its images: only the first one gets bases"
NOT_SHORTER = "is not shorter than its wait"
NOT_BELOW = "MiB is not below its memory"
TOO_LOW = "MiB is too low for a node: it must be 0 (none), or 32 or more"
ONE_WRITER = "a wallet has one writer: give each its own volume"


def default_taken(node: str, engine: str, by: str = "one", free: int = 6421) -> str:
    return (
        f"skycoin:nodes.{node}.rpc-port: 6420, the default, is already taken on engine {engine} by "
        f"skycoin:nodes.{by}.rpc-port; write another one, such as rpc-port: {free}"
    )


FAULTS: list[tuple[dict[str, Any], list[str]]] = [
    (
        {"hosts.here.memory": 512, "nodes.one.memory-reservation": 512},
        [f"skycoin:nodes.one: memory-reservation 512 {NOT_BELOW}, 512 MiB: lower it, or raise memory"],
    ),
    (
        {"nodes.one.memory": 256, "hosts.here.go-memory-limit": 300},
        [f"skycoin:nodes.one: go-memory-limit 300 {NOT_BELOW}, 256 MiB: lower it, or raise memory"],
    ),
    (
        {"nodes.one.memory-reservation": 31, "nodes.one.go-memory-limit": 1},
        [
            f"skycoin:nodes.one: memory-reservation 31 {TOO_LOW}",
            f"skycoin:nodes.one: go-memory-limit 1 {TOO_LOW}",
        ],
    ),
    (
        {"hosts.here.health-interval": "5m"},
        [f"skycoin:nodes.one: health-interval 5m0s {NOT_SHORTER}, 300 s: lower it, or raise wait"],
    ),
    (
        {"nodes.two.wait": 10},
        [f"skycoin:nodes.two: health-interval 10s {NOT_SHORTER}, 10 s: lower it, or raise wait"],
    ),
    (
        {"registries.hub": {"kind": "local"}, "images.skycoin.registries": ["local"]},
        ["skycoin:registries.hub: registry.localhost:5443 is the address of local too; keep one"],
    ),
    (
        {"images.exporter": {**EXPORTER, "repository": "skycoin/skycoin"}},
        [
            "skycoin:images.exporter.repository: 'skycoin/skycoin' in local is the repository of "
            f"images.skycoin.repository too, {OVERWRITE}"
        ],
    ),
    (
        {
            "registries.a": {"kind": "oci", "address": "r.example"},
            "registries.b": {"kind": "oci", "address": "r.example/x"},
            "images.skycoin.registries": ["a"],
            "images.skycoin.repository": "x/y",
            "images.exporter": {**EXPORTER, "repository": "y", "registries": ["b"]},
        },
        [
            "skycoin:images.exporter.repository: 'y' in b is the repository of images.skycoin.repository "
            f"too, {OVERWRITE}"
        ],
    ),
    (
        {
            "registries.mirror": {"kind": "oci", "address": "r.example", "optional": True},
            "images.skycoin.registries": ["local", "mirror"],
            "pull-from": "mirror",
        },
        ["skycoin:pull-from: 'mirror' is optional, but hosts can't do without it: name another one"],
    ),
    (
        {
            "registries.hub": {"kind": "hub"},
            "images.skycoin.registries": ["hub"],
            "images.skycoin.base": "glibc",
        },
        [
            "skycoin:registries.hub: the stack builds the base glibc, and would push it to "
            f"docker.io/base/glibc: its first part is not a namespace of yours. {ONLY_FIRST}"
        ],
    ),
    (
        {
            "registries.hub": {"kind": "hub", "namespace": "me"},
            "images.skycoin.registries": ["hub"],
            "images.skycoin.base": "glibc",
        },
        [
            "skycoin:registries.hub: the stack builds the base glibc, and would push it to "
            "docker.io/me/base/glibc: 'me/base/glibc': Docker Hub requires NAMESPACE/NAME: two parts, the "
            f"registry's namespace included. {ONLY_FIRST}"
        ],
    ),
    (
        {
            "workspaces.cli": {"arches": ["amd64"]},
            "images.skycoin.repository": "skycoin/skycoindev-cli",
            "images.exporter": {**EXPORTER, "repository": "skycoin/workspace-base"},
        },
        [
            "skycoin:images.skycoin.repository: 'skycoin/skycoindev-cli' in local is the repository of "
            f"workspaces.cli too, {OVERWRITE}",
            "skycoin:images.exporter.repository: 'skycoin/workspace-base' in local is the repository of "
            f"workspaces too, {OVERWRITE}",
        ],
    ),
    (
        {"images.skycoin.base": "glibc", "images.skycoin.repository": "base/glibc"},
        [
            "skycoin:images.skycoin.repository: 'base/glibc' in local is the repository of "
            f"bases (glibc) too, {OVERWRITE}"
        ],
    ),
    (
        {"images.skycoin.build-args": {"GITHUB_TOKEN": "canary", "FLAVOUR": "vanilla"}},
        [
            "skycoin:images.skycoin.build-args.GITHUB_TOKEN: [not shown]: a build argument stays in the "
            "image's history; a secret is given with `pulumi config set --secret --path "
            "'skycoin:build-secrets.GITHUB_TOKEN'`"
        ],
    ),
    (
        {
            "images.skycoin.source": {
                "git": "http://git.example/skycoin.git",
                "version": "v0.27.1",
                "commit": "1" * 40,
            },
            "images.exporter": EXPORTER,
            "build-secrets": {
                "GIT_AUTH_TOKEN": "canary",
                "GIT_AUTH_HEADER.git.example": "canary",
                "OTHER": "canary",
                "GIT_AUTH_TOKEN.other.example": "canary",
            },
        },
        [
            "skycoin:images.skycoin.source.git: 'http://git.example/skycoin.git': the build secret "
            f"{secret} would be sent there in plain text; give an https:// URL"
            for secret in ("GIT_AUTH_HEADER.git.example", "GIT_AUTH_TOKEN")
        ],
    ),
    # References.
    (
        {"images.skycoin.registries": ["hub"]},
        ["skycoin:images.skycoin.registries: 'hub' is not in skycoin:registries; defined registries: local"],
    ),
    (
        {"registries.local.optional": True},
        [
            "skycoin:images.skycoin.registries: 'local' is optional, but the first registry is where the "
            "image is built: put one that is not optional first"
        ],
    ),
    (
        {"registries": {}},
        [f"skycoin:images.skycoin.registries: {WHERE_TO}".format("none")],
    ),
    (
        {"registries.hub": {"kind": "ghcr", "optional": True}},
        [f"skycoin:images.skycoin.registries: {WHERE_TO}".format("local, hub")],
    ),
    (
        {"images.monero": OTHER_IMAGE},
        ["skycoin:images.monero: no such image; allowed: skycoin, skywire, exporter, registry, proxy"],
    ),
    (
        {"nodes.one.metrics-port": 7979},
        [
            "skycoin:nodes.one.metrics-port: needs the image exporter in skycoin:images "
            "(docs/stacks.md, “Metrics”)"
        ],
    ),
    (
        {"nodes.two.metrics-port": 7979, "images.exporter": EXPORTER},
        [
            "skycoin:nodes.two.metrics-port: attic needs arm32v7, but skycoin:images.exporter is built for "
            "amd64 only: add arm32v7 to its arches"
        ],
    ),
    (
        {"nodes.one.image": "exporter", "images.exporter": EXPORTER},
        ["skycoin:nodes.one.image: 'exporter' is not a node's image; allowed: skycoin"],
    ),
    (
        {
            "nodes.one.metrics-port": 7979,
            "images.exporter": EXPORTER,
            "nodes.one-exporter": {"image": "skycoin", "host": "here", "rpc-port": 6421},
        },
        [
            "skycoin:nodes.one-exporter: container name 'skycoin-one-exporter' is already used by "
            "skycoin:nodes.one.metrics-port; give the node another name"
        ],
    ),
    (
        # The old container has that name during a handover.
        {"nodes.one-previous": {"image": "skycoin", "host": "here", "rpc-port": 6421}},
        [
            "skycoin:nodes.one-previous: container name 'skycoin-one-previous' is already used by "
            "skycoin:nodes.one; give the node another name"
        ],
    ),
    (
        {"rollout": {"first": "shed"}},
        ["skycoin:rollout.first: 'shed' is not the host of a node; hosts are here, attic"],
    ),
    (
        {"pull-from": "hub", "hosts.attic.pull-from": "nowhere"},
        [
            "skycoin:pull-from: 'hub' is not in skycoin:registries; defined registries: local",
            "skycoin:hosts.attic.pull-from: 'nowhere' is not in skycoin:registries; "
            "defined registries: local",
        ],
    ),
    (
        {
            "registries.hub": {"kind": "ghcr", "namespace": "sky"},
            "images.skycoin.registries": ["local"],
            "images.exporter": {**EXPORTER, "arches": ["arm32v7"], "registries": ["local"]},
            "nodes.two.metrics-port": 7979,
            "hosts.attic.pull-from": "hub",
        },
        [
            "skycoin:nodes.two: host attic pulls from 'hub', and skycoin:images.skycoin is not published "
            "there: add hub to its registries",
            "skycoin:nodes.two: host attic pulls from 'hub', and skycoin:images.exporter is not published "
            "there: add hub to its registries",
        ],
    ),
    (
        {
            "registries.hub": {"kind": "ghcr", "namespace": "sky"},
            "images.skycoin.registries": ["local", "hub"],
            "workspaces": {
                "cli": {
                    "arches": ["amd64"],
                    "registries": ["local"],
                    "open": {"host": "here", "folder": "/home/me/project"},
                },
                "python": {"arches": ["amd64"], "registries": ["local"]},
            },
            "pull-from": "hub",
        },
        [
            "skycoin:workspaces.cli.open: host here pulls from 'hub', and skycoin:workspaces.cli is not "
            "published there: add hub to its registries",
        ],
    ),
    (
        {"images": {}, "images-from": "organization/skycoin/release", "pull-from": "local"},
        [
            "skycoin:pull-from: 'local' needs images of this stack; with images-from, the other stack "
            "decides",
        ],
    ),
    (
        {"nodes.one.metrics-port": 6420, "images.exporter": EXPORTER},
        [
            "skycoin:nodes.one.metrics-port: 6420 is already taken on engine local by "
            "skycoin:nodes.one.rpc-port; write another one, such as metrics-port: 6421"
        ],
    ),
    (
        {"nodes.one.host": "shed"},
        ["skycoin:nodes.one.host: 'shed' is not in skycoin:hosts; defined hosts: here, attic"],
    ),
    (
        {"nodes.one.image": "monero"},
        ["skycoin:nodes.one.image: 'monero' is not in skycoin:images; defined images: skycoin"],
    ),
    (
        {"images": {}},
        [
            "skycoin:nodes.one.image: 'skycoin' is not in skycoin:images; defined images: none",
            "skycoin:nodes.two.image: 'skycoin' is not in skycoin:images; defined images: none",
        ],
    ),
    (
        {"nodes.one.tag": "develop"},
        [
            "skycoin:nodes.one.tag: 'develop' is not published here; allowed: latest, 0.27, 0.27.1, "
            "release-v0.27.1"
        ],
    ),
    (
        {"hosts.attic.arch": "arm64v8"},
        [
            "skycoin:nodes.two.host: attic needs arm64v8, but skycoin:images.skycoin is built for amd64, "
            "arm32v7 only: add arm64v8 to its arches"
        ],
    ),
    (
        {"nodes.one.gui": True, "images.skycoin.gui": False},
        ["skycoin:nodes.one.gui: true needs gui: true in skycoin:images.skycoin, which sets it to false"],
    ),
    (
        {"images.skycoin.build-args": {"VERSION": "1", "EXTRA": "x"}},
        ["skycoin:images.skycoin.build-args.VERSION: is set by the program; use another name"],
    ),
    (
        {"images.skycoin.build-args": {"BUILDKIT_SYNTAX": "docker.io/evil/frontend", "HTTPS_PROXY": "x"}},
        [f"skycoin:images.skycoin.build-args.BUILDKIT_SYNTAX: {BUILDER_ARGUMENT}"],
    ),
    (
        {"images.skycoin.build-args": {"A B=": "x", "1A": "x", "": "x", "A\n": "x", "buildkit_syntax": "x"}},
        [
            f"skycoin:images.skycoin.build-args: {name!r}: a build argument's name has letters, digits and "
            "'_', and does not begin with a digit"
            for name in ("", "1A", "A\n", "A B=")
        ],
    ),
    (
        {"images-from": "organization/skycoin/release", "nodes.one.image": "Bad image $x"},
        ["skycoin:nodes.one.image: 'Bad image $x' is not a node's image; allowed: skycoin"],
    ),
    (
        {"nodes.one.renamed-from": "../../x y"},
        ["skycoin:nodes.one.renamed-from: '../../x y' is not the name of a node"],
    ),
    # One engine at several addresses: another user, the default port, a name that DNS does not distinguish.
    *(
        (
            {
                "hosts.root": {"engine": address, "arch": "arm32v7"},
                "nodes.three": {"image": "skycoin", "host": "root", "wallet-volume": "skycoin-two-wallet"},
            },
            [
                default_taken("three", "attic.lan", by="two"),
                "skycoin:nodes.three.wallet-volume: volume 'skycoin-two-wallet' on engine attic.lan is "
                f"already used by skycoin:nodes.two.wallet-volume; {ONE_WRITER}",
            ],
        )
        for address in ("ssh://root@attic.lan:22", "ssh://pi@ATTIC.lan.:022")
    ),
    (
        {"images.skycoin.channel": "feature", "images.skycoin.feature": "x" * 115},
        [
            f"skycoin:images.skycoin.feature: '{'x' * 115}': a tag has at most 120 characters here (128 with "
            "a variant's suffix, such as -arm32v5)"
        ],
    ),
    (
        {
            "hosts.socket": {"engine": "unix:///var/run/docker.sock"},
            "nodes.three": {"image": "skycoin", "host": "socket"},
        },
        [default_taken("three", "local")],
    ),
    (
        {"build-base": f"golang@{DIGEST}"},
        [f"skycoin:build-base: 'golang@{DIGEST}' needs bases: debian; bases is official"],
    ),
    # Each of several conflicts is named.
    (
        {
            "nodes.three": {"image": "skycoin", "host": "here"},
            "nodes.four": {"image": "skycoin", "host": "here"},
        },
        [default_taken("three", "local"), default_taken("four", "local", free=6422)],
    ),
    # Names.
    (
        {"nodes.One": {"image": "skycoin", "host": "here", "rpc-port": 7000}},
        [f"skycoin:nodes: 'One' {NAME}"],
    ),
    ({"hosts.-x": {"engine": "local"}}, [f"skycoin:hosts: '-x' {NAME}"]),
    (
        {f"hosts.{'x' * 41}": {"engine": "local"}},
        [f"skycoin:hosts: '{'x' * 41}' {NAME}"],
    ),
    # Sources.
    (
        {"images.skycoin.source.module": "github.com/other/coin"},
        [
            "skycoin:images.skycoin.source: module 'github.com/other/coin' is not the source of skycoin; "
            "allowed: github.com/skycoin/skycoin"
        ],
    ),
    (
        {"images.skycoin.source.version": "v0.26.0"},
        [
            "skycoin:images.skycoin.source: version v0.26.0 is not the one that "
            "images/skycoin/go.mod pins (v0.27.1); change it there with "
            "`go get github.com/skycoin/skycoin@v0.26.0`"
        ],
    ),
    (
        {"images.skycoin.source.module": None, "images.skycoin.source.path": "nowhere"},
        [
            "skycoin:images.skycoin.source: path 'nowhere' is not a working copy of "
            "github.com/skycoin/skycoin (it has no folder cmd)"
        ],
    ),
    (
        {"images.skycoin.channel": "feature", "images.skycoin.feature": "a" * 115},
        [
            f"skycoin:images.skycoin.feature: '{'a' * 115}': a tag has at most 120 characters here "
            "(128 with a variant's suffix, such as -arm32v5)"
        ],
    ),
    # Ports: each has one user per engine. Two hosts may be one engine.
    (
        {"nodes.two.host": "here"},
        [default_taken("two", "local")],
    ),
    (
        {"hosts.again": {"engine": "local"}, "nodes.two.host": "again"},
        [default_taken("two", "local")],
    ),
    (
        {
            "nodes.two.host": "here",
            "nodes.two.rpc-port": 7000,
            "nodes.one.network": "mainnet",
            "nodes.two.network": "mainnet",
        },
        [
            "skycoin:nodes.two.peer-port: 6000, the default, is already taken on engine local by "
            "skycoin:nodes.one.peer-port; write another one, such as peer-port: 6001"
        ],
    ),
    (
        {"nodes.one.network": "mainnet", "nodes.one.peer-port": 6420},
        [
            "skycoin:nodes.one.peer-port: 6420 is already taken on engine local by "
            "skycoin:nodes.one.rpc-port; write another one, such as peer-port: 6421"
        ],
    ),
    # Volumes.
    (
        {"nodes.one.data-volume": "w", "nodes.one.wallet-volume": "w"},
        [
            "skycoin:nodes.one.wallet-volume: volume 'w' on engine local is already "
            f"used by skycoin:nodes.one.data-volume; {ONE_WRITER}"
        ],
    ),
    (
        {
            "nodes.two.host": "here",
            "nodes.two.rpc-port": 7000,
            "nodes.one.wallet-volume": "w",
            "nodes.two.wallet-volume": "w",
        },
        [
            "skycoin:nodes.two.wallet-volume: volume 'w' on engine local is already "
            f"used by skycoin:nodes.one.wallet-volume; {ONE_WRITER}"
        ],
    ),
    (
        {
            "nodes.two.host": "here",
            "nodes.two.rpc-port": 7000,
            "nodes.one.data-volume": "skycoin-two-wallet",
        },
        [
            "skycoin:nodes.two.wallet-volume: volume 'skycoin-two-wallet' on engine local is already "
            f"used by skycoin:nodes.one.data-volume; {ONE_WRITER}"
        ],
    ),
    (
        {
            "nodes.two.host": "here",
            "nodes.two.rpc-port": 7000,
            "nodes.two.data-volume": "skycoin-one-wallet-backups",
        },
        [
            "skycoin:nodes.two.data-volume: volume 'skycoin-one-wallet-backups' holds the copies of node "
            "one's wallet; give another volume"
        ],
    ),
    (
        {"nodes.two.host": "here", "nodes.two.rpc-port": 7000, "nodes.two.renamed-from": "one"},
        [
            "skycoin:nodes.two.data-volume: volume 'skycoin-one-data' on engine local is already "
            "used by skycoin:nodes.one.data-volume; two writers would damage its data: give each "
            "its own volume",
            "skycoin:nodes.two.wallet-volume: volume 'skycoin-one-wallet' on engine local is already "
            f"used by skycoin:nodes.one.wallet-volume; {ONE_WRITER}",
        ],
    ),
]

FAULTS += [
    # A stack that builds its bases pushes them to the first image's registry, which may be misspelt.
    (
        {**changes, "images.skycoin.registries": ["lokal"]},
        [
            "skycoin:images.skycoin.registries: 'lokal' is not in skycoin:registries; defined registries: "
            "local; did you mean local?"
        ],
    )
    for changes in (
        {"bases": "debian", "build-base": f"registry.example/base@{DIGEST}"},
        {"images.skycoin.base": "glibc"},
    )
]

HUB_PARTS = "Docker Hub requires NAMESPACE/NAME: two parts, the registry's namespace included"
ECR = {"kind": "ecr", "account": "123456789012", "region": "us-east-1"}
FAULTS += [
    # Repositories that a registry does not accept.
    (
        {"registries": {"hub": {"kind": "hub", "namespace": "me"}}, IMAGE_REPOSITORY: "a/b"},
        [f"skycoin:{IMAGE_REPOSITORY}: 'me/a/b': {HUB_PARTS}"],
    ),
    (
        {"registries": {"hub": {"kind": "hub"}}, IMAGE_REPOSITORY: "node"},
        [f"skycoin:{IMAGE_REPOSITORY}: 'node': {HUB_PARTS}"],
    ),
    (
        {"registries": {"ecr": ECR}, IMAGE_REPOSITORY: "sky__coin/node"},
        [
            f"skycoin:{IMAGE_REPOSITORY}: 'sky__coin/node': Amazon's registry accepts a single '.', '_' or "
            "'-' between letters and digits"
        ],
    ),
    (
        {"registries": {"ecr": ECR}, IMAGE_REPOSITORY: "x"},
        [f"skycoin:{IMAGE_REPOSITORY}: 'x': Amazon's registry accepts 2 to 256 characters"],
    ),
    # Pulumi only says: Duplicate resource URN.
    (
        {
            "registries": {"ecr": ECR},
            IMAGE_REPOSITORY: "team/node",
            "images.exporter": {**EXPORTER, "repository": "team-node"},
        },
        [
            "skycoin:images.exporter.repository: 'team-node' in ecr would be 'ecr-team-node' in the state, "
            "as 'team/node' of images.skycoin.repository in ecr is: choose another repository"
        ],
    ),
    (
        {
            "registries": {"a": ECR, "a-b": {**ECR, "region": "eu-central-1"}},
            "images.skycoin.registries": ["a"],
            IMAGE_REPOSITORY: "b/node",
            "images.exporter": {**EXPORTER, "repository": "cc", "registries": ["a-b"]},
            "images.skywire": {**SKYWIRE, "repository": "node", "registries": ["a-b"]},
        },
        [
            "skycoin:images.skywire.repository: 'node' in a-b would be 'a-b-node' in the state, as 'b/node' "
            "of images.skycoin.repository in a is: choose another repository"
        ],
    ),
]

FINE: dict[str, dict[str, Any]] = {
    "one port on two engines": {},
    "a health check that is late, but in time": {"nodes.one.health-interval": "299s"},
    "one volume name on two engines": {"nodes.one.wallet-volume": "w", "nodes.two.wallet-volume": "w"},
    "one peer port, where nobody has peers": {"nodes.two.host": "here", "nodes.two.rpc-port": 7000},
    "a host that declares nothing": {"hosts.attic.arch": None},
    "a registry by name": {"registries.hub": {"kind": "ghcr"}, "images.skycoin.registries": ["hub"]},
    "two registries in an order of their own": {
        "registries.hub": {"kind": "ghcr", "optional": True},
        "images.skycoin.registries": ["local", "hub"],
    },
    "one repository in two registries": {
        "registries.hub": {"kind": "ghcr"},
        "images.skycoin.registries": ["local"],
        "images.exporter": {**EXPORTER, "registries": ["hub"], "repository": "skycoin/skycoin"},
    },
    "two parts on Docker Hub": {"registries": {"hub": {"kind": "hub"}}},
    "a namespace for the first part": {"registries": {"hub": {"kind": "hub", "namespace": "me"}}},
    "many parts on GitHub": {"registries": {"ghcr": {"kind": "ghcr"}}, IMAGE_REPOSITORY: "a/b/c"},
    "a tag that is published": {"nodes.one.tag": "release-v0.27.1"},
    "images of another stack, whose tags and architectures are its own": {
        "images": {},
        "registries": {},
        "images-from": "organization/skycoin/release",
        "nodes.one.tag": "whatever",
        "hosts.attic.arch": "arm64v8",
    },
}


def _faults(raw: Mapping[str, Any]) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        parse(raw)
    return caught.value.faults


@pytest.mark.parametrize(
    ("changes", "faults"), FAULTS, ids=[f"{number} {next(iter(one[0]))}" for number, one in enumerate(FAULTS)]
)
def test_entries_that_do_not_fit_are_reported(changes: dict[str, Any], faults: list[str]) -> None:
    assert _faults(changed(changes)) == faults


@pytest.mark.parametrize("changes", FINE.values(), ids=FINE.keys())
def test_entries_that_only_seem_to_clash_are_allowed(changes: dict[str, Any]) -> None:
    parse(changed(changes))


def test_faults_of_all_rules_come_at_once() -> None:
    raw = changed(
        {
            "images.skycoin.registries": ["hub"],
            "images.monero": OTHER_IMAGE,
            "nodes.one.tag": "develop",
            "nodes.two.host": "here",
            "nodes.two.wallet-volume": "skycoin-one-wallet",
            "hosts.Shed": {"engine": "local"},
        }
    )
    assert [fault.partition(": ")[0] for fault in _faults(raw)] == [
        "skycoin:hosts",
        "skycoin:images.skycoin.registries",
        "skycoin:images.monero",
        "skycoin:nodes.one.tag",
        "skycoin:nodes.two.rpc-port",
        "skycoin:nodes.two.wallet-volume",
    ]


def test_a_node_on_an_unknown_host_is_one_error_and_not_a_crash() -> None:
    raw = changed({"nodes.one.host": "shed", "nodes.two.host": "shed"})
    assert _faults(raw)[:2] == [
        "skycoin:nodes.one.host: 'shed' is not in skycoin:hosts; defined hosts: here, attic",
        "skycoin:nodes.two.host: 'shed' is not in skycoin:hosts; defined hosts: here, attic",
    ]


def test_a_renamed_node_keeps_the_names_of_its_volumes() -> None:
    """If a rename replaced the volume, the wallet would be empty."""
    node = NodeSettings.model_validate({"image": "skycoin", "host": "here", "renamed-from": "node-1"})
    assert volume_names("attic", node) == ("skycoin-node-1-data", "skycoin-node-1-wallet")
    assert container_name("attic", node.image) == "skycoin-attic"


def test_volume_names_given_by_hand_are_used_unchanged() -> None:
    node = NodeSettings.model_validate(
        {"image": "skycoin", "host": "here", "data-volume": "d", "wallet-volume": "w", "renamed-from": "x"}
    )
    assert volume_names("attic", node) == ("d", "w")


def test_tags_follow_channel_version_and_revision() -> None:
    image = parse(changed({"images.skycoin.revision": 3})).images["skycoin"]
    assert tags_of(image) == ["latest", "0.27", "0.27.1-r3", "release-v0.27.1-r3"]
    feature = changed({"images.skycoin.channel": "feature", "images.skycoin.feature": "x"})
    assert tags_of(parse(feature).images["skycoin"]) == ["feature-x"]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (
            {"source": {"path": "x", "version": "v0.7.0"}},
            ".source: path is not a source of exporter; allowed: module",
        ),
        (
            {"build-args": {"LDFLAGS": "x"}},
            ".build-args.LDFLAGS: is set by the program; use another name",
        ),
    ],
)
def test_an_image_that_does_not_fit_its_catalogue_entry_is_refused(
    change: dict[str, Any], fault: str
) -> None:
    settings = changed({"images.exporter": EXPORTER})
    assert parse(settings).images["exporter"].arches == ["amd64"]
    with pytest.raises(SettingsError) as caught:
        parse(changed({"images.exporter": {**EXPORTER, **change}}))
    assert caught.value.faults == [f"skycoin:images.exporter{fault}"]


def test_the_pin_of_an_image_is_read_beside_a_comment_that_is_not_utf_8(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before, such a comment in an image's go.mod ended each `pulumi up` with a traceback."""
    entry = CATALOGUE["skycoin"]
    monkeypatch.setattr("settings.rules.images.PROJECT", tmp_path)
    file = tmp_path / "images" / "skycoin" / "go.mod"
    file.parent.mkdir(parents=True)
    file.write_bytes(f"// caf\udce9\nrequire {entry.module} v1.2.3\n".encode(errors="surrogateescape"))
    assert pinned_version(entry) == "v1.2.3"


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_image_of_the_catalogue_has_its_folder(name: str) -> None:
    entry = CATALOGUE[name]
    assert (PROJECT / entry.context / "README.md").is_file()
    assert (PROJECT / entry.dockerfile).is_file()
    assert "module" not in entry.origins or pinned_version(entry).startswith("v")
    assert not Path(entry.context).is_absolute(), "an absolute path would differ in every checkout"


@pytest.mark.parametrize(
    ("registry", "repository", "path"),
    [
        ({"kind": "hub"}, None, "skycoin/skycoin"),
        ({"kind": "hub", "namespace": "me"}, None, "skycoin"),
        ({"kind": "ghcr", "namespace": "me"}, "node", "node"),
        ({"kind": "oci", "address": "quay.io"}, "a/b/c", "a/b/c"),
    ],
)
def test_a_namespace_is_the_first_part_of_the_default_repository(
    registry: dict[str, Any], repository: str | None, path: str
) -> None:
    given = {} if repository is None else {IMAGE_REPOSITORY: repository}
    settings = parse(changed({"registries": {"there": registry}, **given}))
    assert repository_of("skycoin", settings.images["skycoin"], settings.registries["there"]) == path


@pytest.mark.parametrize(
    "url", ["https://git.example/x.git", "http://127.0.0.1:1/x.git", "git@git.example:x.git"]
)
def test_a_token_may_go_where_nobody_can_eavesdrop(url: str) -> None:
    source = {"git": url, "version": "v0.27.1", "commit": "1" * 40}
    secret = {"GIT_AUTH_TOKEN": "canary"}
    assert parse(changed({"images.skycoin.source": source, "build-secrets": secret})).build_secrets == secret


@pytest.fixture
def linked(tmp_path: Path) -> Path:
    """A working copy with links at its top: two good ones, and three whose targets are not in it."""
    folder = tmp_path / "copy"
    (folder / "cmd" / "skycoin").mkdir(parents=True)
    (folder / "programs").symlink_to("cmd")
    (folder / ".hidden").symlink_to("/nowhere")
    (folder / "cmd" / "deeper").symlink_to("/nowhere")
    (folder / "broken").symlink_to("nowhere")
    (folder / "result").symlink_to("/usr")
    (tmp_path / "outside").mkdir()
    (folder / "up").symlink_to("../outside")
    return folder


def test_a_link_that_leads_out_of_a_working_copy_is_reported(linked: Path) -> None:
    """BuildKit only says: failed to calculate checksum of ref, "/result": not found."""
    source = changed({"images.skycoin.source": {"path": str(linked), "version": "v0.27.1"}})
    assert _faults(source) == [
        f"skycoin:images.skycoin.source: path '{linked}': its link {name} leads to {target}, which is "
        f"not sent to the builder: list {name} in its .dockerignore"
        for name, target in (("broken", "nowhere"), ("result", "/usr"), ("up", "../outside"))
    ]
    (linked / ".dockerignore").write_text("broken\n/result\nup\n")
    assert parse(source).images["skycoin"].source.path == str(linked)
