"""Bad input in one entry of a stack's YAML: the error's line, with key, value and what is allowed."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from catalogue.boards import BOARDS, SERVER
from catalogue.naming import Channel
from catalogue.registries import RegistryKind
from settings.host import HostSettings
from settings.limits import limited
from settings.node import NodeSettings, PeerNetwork
from settings.reading import SettingsError, parse, read_settings, secrets_in_clear, written_config
from settings.registry import REGISTRY_KEYS, RegistrySettings
from settings.stack import StackSettings
from tests.unit.yaml_like import COMMIT, DIGEST, as_pulumi_gives_it, changed

IMAGE = "images.skycoin."
SOURCE = "images.skycoin.source."
HOST = "hosts.attic."
NODE = "nodes.one."
ARCHES = "must be one of amd64, arm32v5, arm32v6, arm32v7, arm64v8"
TAG = "a tag has letters, digits, '_', '.' and '-', and begins with a letter, a digit or '_'"
VOLUME = (
    "a volume's name has up to 128 letters, digits, '_', '.', '-', and begins with a letter or digit "
    "(no path)"
)
ENGINE = "must be local, unix:///PATH, ssh://USER@HOST or ssh://USER@HOST:PORT"

LIMITS = (
    "memory, memory-reservation, go-memory-limit, log-size, start-period, health-interval, health-timeout, "
    "health-retries, wait"
)
TIME = "a time is from 1s to 1h, such as 90s, 3m or 2m30s"
LOG = "must be a number of MiB (m) or GiB (g), such as 5m or 1g"

SECRET = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX"
PUBLIC = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJeC6YRqiCD4byRpfQi7B6SaY+/BIjX0pBJ/O/T4cDaz"
ONCE = f"{PUBLIC} more than once"
MANAGED_FLAG = " could move a wallet or open the node to others, which only its settings may; remove it"
NEVER_HEALTHY = (
    "the node needs READ or STATUS, because its health check asks its API: without both it is never healthy"
)
STACK_NAME = (
    "must be a stack's name, ORGANIZATION/PROJECT/STACK, such as organization/skycoin/release; each part "
    "has letters, digits, '_', '.' and '-'"
)
BUILDER = "must be the name of a buildx instance, without blanks"

UNKNOWN_KEYS = [
    (
        "imagse",
        "registries, images, workspaces, workspace-user, hosts, nodes, rollout, wallets, images-from, "
        "pull-from, bases, build-base, builder, build-ca, build-secrets",
    ),
    (
        "registries.local.adress",
        "kind, address, namespace, account, region, keep-features, keep-develop, host, port, listen, memory, "
        "readers-port, anonymous-readers, optional",
    ),
    (
        "images.skycoin.arch",
        "source, arches, channel, feature, revision, registries, repository, base, gui, layers, build-args",
    ),
    ("images.skycoin.source.tag", "module, git, path, debian, version, commit, branch, date"),
    ("hosts.attic.user", f"engine, arch, emulation, board, ssh-options, pull-from, {LIMITS}"),
    (
        "nodes.one.wallet",
        "image, tag, host, rpc-port, metrics-port, peer-port, network, gui, api-sets, args, data-volume, "
        f"wallet-volume, user, renamed-from, new-wallet, rollback, {LIMITS}",
    ),
]

SLIPS = {"imagse": None, "registries.local.adress": "address"}
"""Unknown key → the similar key that the error suggests; None if that key is already given."""

FAULTS: list[tuple[str, Any, str]] = [
    # Architectures: upstream's five names and no others.
    ("images.skycoin.arches", ["arm32v9"], f'skycoin:images.skycoin.arches[0]: "arm32v9": {ARCHES}'),
    (
        "images.skycoin.arches",
        ["linux/arm/v9"],
        f'skycoin:images.skycoin.arches[0]: "linux/arm/v9": {ARCHES}',
    ),
    ("images.skycoin.arches", ["amd64", "GOARM=8"], f'skycoin:images.skycoin.arches[1]: "GOARM=8": {ARCHES}'),
    ("hosts.attic.arch", "arm", f'skycoin:hosts.attic.arch: "arm": {ARCHES}'),
    (
        "images.skycoin.arches",
        [],
        "skycoin:images.skycoin.arches: []: must be a list with at least one entry, such as "
        "[amd64]; each entry is one of amd64, arm32v5, arm32v6, arm32v7, arm64v8",
    ),
    (
        "images.skycoin.arches",
        "amd64",
        'skycoin:images.skycoin.arches: "amd64": must be a list with at least one entry, such as '
        "[amd64]; each entry is one of amd64, arm32v5, arm32v6, arm32v7, arm64v8",
    ),
    # Tags and repositories.
    ("images.skycoin.feature", "my tag", f'skycoin:images.skycoin.feature: "my tag": {TAG}'),
    (
        "images.skycoin.feature",
        "a" * 129,
        f'skycoin:images.skycoin.feature: "{"a" * 129}": a tag has at most 120 characters here '
        "(128 with a variant's suffix, such as -arm32v5)",
    ),
    ("nodes.one.tag", "-x", f'skycoin:nodes.one.tag: "-x": {TAG}'),
    (
        "images.skycoin.repository",
        "Skycoin/Skycoin",
        'skycoin:images.skycoin.repository: "Skycoin/Skycoin": a repository is lower-case letters and '
        "digits, with '.', '_', '-' inside and '/' between parts",
    ),
    (
        "registries.local.address",
        "https://docker.io",
        'skycoin:registries.local.address: "https://docker.io": a registry\'s address is HOST or HOST:PORT, '
        "with or without a /NAMESPACE; no scheme, no spaces",
    ),
    (
        "registries.local.kind",
        "quay",
        'skycoin:registries.local.kind: "quay": must be one of local, oci, hub, ghcr, ecr, hosted',
    ),
    (
        "registries.local",
        5,
        "skycoin:registries.local: 5: must be an entry with the keys kind, address, namespace, account, "
        "region, keep-features, keep-develop, host, port, listen, memory, readers-port, anonymous-readers, "
        "optional",
    ),
    # Sources and versions.
    (
        "images.skycoin.source.version",
        "latest",
        'skycoin:images.skycoin.source.version: "latest": a version is vMAJOR.MINOR.PATCH, such as v0.27.1',
    ),
    (
        "images.skycoin.source.version",
        0.27,
        "skycoin:images.skycoin.source.version: 0.27: must be text (vMAJOR.MINOR.PATCH); a number "
        "needs quotes",
    ),
    (
        "images.skycoin.source.version",
        None,
        "skycoin:images.skycoin.source.version: missing, but required (vMAJOR.MINOR.PATCH, such as v0.27.1)",
    ),
    (
        "images.skycoin.source",
        None,
        "skycoin:images.skycoin.source: missing, but required (the keys module, git, path, debian, "
        "version, commit, branch, date)",
    ),
    (
        "nodes.one.image",
        None,
        "skycoin:nodes.one.image: missing, but required (an image that a node runs, such as skycoin)",
    ),
    (
        "images.skycoin.source.commit",
        "13141d8",
        'skycoin:images.skycoin.source.commit: "13141d8": a commit is 40 hexadecimal digits, in lower case',
    ),
    (
        "images.skycoin.source.date",
        "2020-11-23",
        'skycoin:images.skycoin.source.date: "2020-11-23": a date is a time in UTC, in quotes: '
        '"2020-11-23T01:01:48Z"',
    ),
    *(
        (
            "images.skycoin.source.branch",
            branch,
            f"skycoin:images.skycoin.source.branch: {json.dumps(branch)}: a branch has no blanks",
        )
        for branch in ("my branch", "a -X main.Version=9", "a\nb", " ")
    ),
    (
        "images.skycoin.channel",
        "beta",
        'skycoin:images.skycoin.channel: "beta": must be one of develop, release, feature',
    ),
    (
        "images.skycoin.revision",
        -1,
        "skycoin:images.skycoin.revision: -1: must be a whole number, 0 or more",
    ),
    (
        "images.skycoin.base",
        "alpine",
        'skycoin:images.skycoin.base: "alpine": must be one of busybox, glibc',
    ),
    ("images.skycoin.layers", 3, "skycoin:images.skycoin.layers: 3: must be one of 1, 2"),
    ("images.skycoin.gui", "yes", 'skycoin:images.skycoin.gui: "yes": must be true or false'),
    (
        "images.skycoin.build-args",
        {"A": 1},
        "skycoin:images.skycoin.build-args.A: 1: must be text; a number needs quotes",
    ),
    ("bases", "alpine", 'skycoin:bases: "alpine": must be one of official, debian'),
    # Pulumi passes on a key without a value as an empty text.
    *(
        ("images-from", value, f'skycoin:images-from: "{value}": {STACK_NAME}')
        for value in ("", "my stack", "a/b/c/d")
    ),
    *(("builder", value, f'skycoin:builder: "{value}": {BUILDER}') for value in ("", "my builder", "-x")),
    (
        "build-base",
        "golang:1.26",
        "skycoin:build-base: \"golang:1.26\": 'golang:1.26' is not pinned: a reference ends with @sha256: "
        "and 64 hex digits",
    ),
    # Hosts.
    (
        "hosts.attic.engine",
        "tcp://10.0.0.1:2375",
        f'skycoin:hosts.attic.engine: "tcp://10.0.0.1:2375": {ENGINE}',
    ),
    (
        "hosts.attic.engine",
        "ssh://pi@attic.lan:99999",
        'skycoin:hosts.attic.engine: "ssh://pi@attic.lan:99999": a port is from 1 to 65535',
    ),
    # A Cyrillic letter looks like a Latin one on a page.
    (
        "hosts.attic.engine",
        "ssh://pi@\u0430ttic.lan",
        f'skycoin:hosts.attic.engine: "ssh://pi@\u0430ttic.lan": {ENGINE}',
    ),
    ("hosts.attic.engine", "ssh://attic.lan", f'skycoin:hosts.attic.engine: "ssh://attic.lan": {ENGINE}'),
    (
        "hosts.attic.board",
        "raspberry-pi-9",
        f'skycoin:hosts.attic.board: "raspberry-pi-9": must be one of {", ".join(BOARDS)}',
    ),
    (
        "hosts.attic.emulation",
        True,
        "skycoin:hosts.attic.emulation: true: must be one of refused, allowed",
    ),
    # Nodes.
    (
        "nodes.one.rpc-port",
        80,
        "skycoin:nodes.one.rpc-port: 80: must be a whole number from 1024 to 65535",
    ),
    (
        "nodes.one.rpc-port",
        65536,
        "skycoin:nodes.one.rpc-port: 65536: must be a whole number from 1024 to 65535",
    ),
    (
        "nodes.one.rpc-port",
        "6420",
        'skycoin:nodes.one.rpc-port: "6420": must be a whole number from 1024 to 65535',
    ),
    (
        "nodes.one.peer-port",
        1023,
        "skycoin:nodes.one.peer-port: 1023: must be a whole number from 1024 to 65535",
    ),
    (
        "nodes.one.network",
        "testnet",
        'skycoin:nodes.one.network: "testnet": must be one of none, mainnet',
    ),
    (
        "nodes.one.api-sets",
        ["READ", "ALL"],
        'skycoin:nodes.one.api-sets[1]: "ALL": must be one of READ, TXN, STATUS, NET_CTRL, PROMETHEUS, '
        "STORAGE, WALLET, INSECURE_WALLET_SEED",
    ),
    # v0.27.1 ends at once if it is given this set of earlier versions (src/skycoin/config.go).
    (
        "nodes.one.api-sets",
        ["READ", "DEPRECATED_WALLET_SPEND"],
        'skycoin:nodes.one.api-sets[1]: "DEPRECATED_WALLET_SPEND": must be one of READ, TXN, STATUS, '
        "NET_CTRL, PROMETHEUS, STORAGE, WALLET, INSECURE_WALLET_SEED",
    ),
    ("nodes.one.memory", 10, "skycoin:nodes.one.memory: 10: must be a whole number of MiB, 64 or more"),
    (
        "hosts.attic.memory",
        63,
        "skycoin:hosts.attic.memory: 63: must be a whole number of MiB, 64 or more",
    ),
    (
        "nodes.one.memory-reservation",
        -1,
        "skycoin:nodes.one.memory-reservation: -1: must be a whole number of MiB, 0 or more",
    ),
    (
        "hosts.attic.go-memory-limit",
        "512MiB",
        'skycoin:hosts.attic.go-memory-limit: "512MiB": must be a whole number of MiB, 0 or more',
    ),
    ("nodes.one.log-size", "10", f'skycoin:nodes.one.log-size: "10": {LOG}'),
    ("nodes.one.log-size", "0m", f'skycoin:nodes.one.log-size: "0m": {LOG}'),
    ("hosts.attic.log-size", "500k", f'skycoin:hosts.attic.log-size: "500k": {LOG}'),
    ("nodes.one.start-period", "", f'skycoin:nodes.one.start-period: "": {TIME}'),
    ("nodes.one.start-period", "0s", f'skycoin:nodes.one.start-period: "0s": {TIME}'),
    ("nodes.one.start-period", "3 min", f'skycoin:nodes.one.start-period: "3 min": {TIME}'),
    ("nodes.one.health-interval", "61m", f'skycoin:nodes.one.health-interval: "61m": {TIME}'),
    ("hosts.attic.health-timeout", "m", f'skycoin:hosts.attic.health-timeout: "m": {TIME}'),
    (
        "nodes.one.health-retries",
        0,
        "skycoin:nodes.one.health-retries: 0: must be a whole number from 1 to 100",
    ),
    (
        "nodes.one.wait",
        3601,
        "skycoin:nodes.one.wait: 3601: must be a whole number of seconds from 10 to 3600",
    ),
    ("nodes.one.data-volume", "/srv/sky", f'skycoin:nodes.one.data-volume: "/srv/sky": {VOLUME}'),
    ("nodes.one.wallet-volume", "../wallet", f'skycoin:nodes.one.wallet-volume: "../wallet": {VOLUME}'),
    ("nodes", "one", 'skycoin:nodes: "one": must have an entry for each name, NAME: VALUE'),
    # Backups of wallets.
    (
        "wallets",
        {"recipients": ["age1x"]},
        'skycoin:wallets.recipients[0]: "age1x": a recipient is a public key: age1… as `age-keygen` prints '
        "it, or ssh-ed25519 … or ssh-rsa … (invalid Bech32 encoding)",
    ),
    (
        "wallets",
        {"recipients": [SECRET]},
        'skycoin:wallets.recipients[0]: "[secret]": that is a secret key, which must not be stored '
        "on this machine; `age-keygen -y FILE` prints its public key",
    ),
    (
        "wallets",
        {"identity": SECRET},
        'skycoin:wallets.identity: unknown key (value "[secret]"); allowed here: recipients, backup-age',
    ),
    ("wallets", {"recipients": [PUBLIC, f"{PUBLIC} me"]}, "skycoin:wallets: recipients names " + ONCE),
    (
        "wallets",
        {"backup-age": 0},
        "skycoin:wallets.backup-age: 0: must be a whole number of days from 1 to 3650",
    ),
]

ENTRY_FAULTS: list[tuple[dict[str, Any], str, str]] = [
    (
        {IMAGE + "arches": ["amd64", "arm32v7", "amd64"]},
        "skycoin:images.skycoin",
        "arches names amd64 more than once",
    ),
    (
        {IMAGE + "channel": "feature"},
        "skycoin:images.skycoin",
        "channel feature needs feature: NAME, and no other channel allows it",
    ),
    (
        {IMAGE + "feature": "x"},
        "skycoin:images.skycoin",
        "channel feature needs feature: NAME, and no other channel allows it",
    ),
    (
        {IMAGE + "channel": "develop", IMAGE + "revision": 1},
        "skycoin:images.skycoin",
        "revision 1 needs channel release; channel is develop: remove revision",
    ),
    (
        {SOURCE + "module": None},
        "skycoin:images.skycoin.source",
        "give exactly one of module, git, path, debian (given: none)",
    ),
    (
        {SOURCE + "git": "https://github.com/skycoin/skycoin.git", SOURCE + "path": "../skycoin"},
        "skycoin:images.skycoin.source",
        "give exactly one of module, git, path, debian (given: module, git, path)",
    ),
    (
        {SOURCE + "commit": None},
        "skycoin:images.skycoin.source",
        "module needs commit, 40 hexadecimal digits; only path and debian don't need it",
    ),
    (
        {"registries.local.kind": "oci"},
        "skycoin:registries.local",
        "kind oci: address is missing; allowed: address (required), optional",
    ),
    (
        {"registries.local": {"kind": "oci", "address": None}},
        "skycoin:registries.local",
        "kind oci: address is missing; allowed: address (required), optional",
    ),
    (
        {"registries.local.namespace": "me"},
        "skycoin:registries.local",
        "kind local: namespace is not allowed; allowed: address, optional",
    ),
    (
        {"registries.local": {"kind": "hub", "region": "us-east-1", "account": "123456789012"}},
        "skycoin:registries.local",
        "kind hub: account is not allowed; region is not allowed; allowed: address, namespace, optional",
    ),
    (
        {"registries.local": {"kind": "ghcr", "keep-features": 3}},
        "skycoin:registries.local",
        "kind ghcr: keep-features is not allowed; allowed: address, namespace, optional",
    ),
    (
        {"registries.local": {"kind": "ecr", "address": "x", "region": "us-east-1"}},
        "skycoin:registries.local",
        "kind ecr: address is not allowed; account is missing; allowed: account (required), "
        "region (required), namespace, keep-features, keep-develop, optional",
    ),
    *(
        (
            {"registries.local": {"kind": "ecr", "account": account, "region": "us-east-1"}},
            "skycoin:registries.local.account",
            'an AWS account ID is 12 digits, in quotes: "123456789012"',
        )
        for account in (123456789012, "12345678901", "1234-5678-9012")
    ),
    *(
        (
            {"registries.local": {"kind": "ecr", "account": "123456789012", "region": region}},
            "skycoin:registries.local.region",
            "must be an AWS region, such as eu-central-1",
        )
        for region in ("Frankfurt", "eu-central", "EU-CENTRAL-1", "eu-central-1a")
    ),
    *(
        (
            {"registries.local": {"kind": "ecr", "account": "1" * 12, "region": "us-east-1", key: 0}},
            f"skycoin:registries.local.{key}",
            "must be a whole number from 1 to 1000",
        )
        for key in ("keep-features", "keep-develop")
    ),
    (
        {HOST + "board": "raspberry-pi-zero"},
        "skycoin:hosts.attic",
        "arch arm32v7 does not run on board raspberry-pi-zero; allowed: arm32v6, arm32v5",
    ),
    (
        {"images.skycoin.source.date": "2020-13-45T99:99:99Z"},
        "skycoin:images.skycoin.source.date",
        'a date is a time in UTC, in quotes: "2020-11-23T01:01:48Z" (month must be in 1..12)',
    ),
    (
        {"images.skycoin.channel": "feature", "images.skycoin.feature": "x-amd64"},
        "skycoin:images.skycoin.feature",
        "a tag can't end with -amd64, as the tags of variants do: choose another name",
    ),
    (
        {"registries.local.address": "docker.io:99999"},
        "skycoin:registries.local.address",
        "a registry's address is HOST or HOST:PORT, with or without a /NAMESPACE; no scheme, no spaces",
    ),
    (
        {"images.skycoin.source.version": "v0.27.1\N{ARABIC-INDIC DIGIT ONE}"},
        "skycoin:images.skycoin.source.version",
        "a version is vMAJOR.MINOR.PATCH, such as v0.27.1",
    ),
    (
        {"hosts.here.ssh-options": ["-p", "22"]},
        "skycoin:hosts.here",
        "ssh-options need an ssh:// engine; engine is local: remove them",
    ),
    (
        {NODE + "args": ["-disable-pex", "-wallet-dir=/tmp"]},
        "skycoin:nodes.one",
        f"args: -wallet-dir{MANAGED_FLAG}",
    ),
    (
        {NODE + "args": ["--web-interface-addr", "0.0.0.0"]},
        "skycoin:nodes.one",
        f"args: -web-interface-addr{MANAGED_FLAG}",
    ),
    *(
        (
            {NODE + "args": args},
            "skycoin:nodes.one",
            f"args: {stray!r} is not a flag: the node would ignore it and the rest; write -flag=value",
        )
        for args, stray in (
            (["--", "sh"], "--"),
            (["-log-level=debug", "-"], "-"),
            (["skycoin", "-disable-pex"], "skycoin"),
            (["-log-level", "debug", "info"], "info"),
            (["---log-level=debug"], "---log-level=debug"),
            (["-disable-pex", "true"], "true"),
            ([""], ""),
        )
    ),
    (
        {NODE + "args": ["-verify-db", "-log-level"]},
        "skycoin:nodes.one",
        "args: -log-level has no value; write -log-level=value",
    ),
    *(
        (
            {NODE + "api-sets": sets, NODE + "args": args},
            "skycoin:nodes.one",
            f"{key}: {NEVER_HEALTHY}",
        )
        for key, sets, args in (
            ("api-sets", ["TXN"], []),
            ("api-sets", ["WALLET", "TXN"], ["-disable-api-sets=WALLET"]),
            ("args", ["READ"], ["-disable-api-sets=STATUS,READ"]),
            ("args", ["READ", "STATUS"], ["-log-level", "debug", "--disable-api-sets", "READ,STATUS"]),
        )
    ),
    (
        {NODE + "args": ["-log-levl=debug"]},
        "skycoin:nodes.one",
        "args: -log-levl is not allowed; docs/stacks.md lists the allowed flags; did you mean log-level?",
    ),
]


@pytest.mark.parametrize(
    ("sets", "args"),
    [(["STATUS"], []), (["READ", "STATUS"], ["-disable-api-sets=READ"]), (["READ"], ["-disable-api-sets="])],
)
def test_one_of_the_api_sets_of_the_health_check_is_enough(sets: list[str], args: list[str]) -> None:
    assert parse(changed({NODE + "api-sets": sets, NODE + "args": args})).nodes["one"].api_sets == sets


def test_a_flags_value_may_be_an_argument_of_its_own() -> None:
    args = ["-log-level", "debug", "--disable-pex", "-peerlist-size=1", "-max-connections", "5", "-verify-db"]
    assert parse(changed({NODE + "args": args})).nodes["one"].args == args


def _faults(raw: Mapping[str, Any]) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        parse(raw)
    return caught.value.faults


def test_the_configuration_that_all_cases_start_from_is_valid() -> None:
    settings = parse(changed({}))
    assert settings.nodes["one"].rpc_port == 6420
    assert settings.images["skycoin"].channel is Channel.RELEASE


def test_an_empty_configuration_is_an_empty_stack() -> None:
    assert parse({}) == StackSettings()


@pytest.mark.parametrize(("path", "allowed"), UNKNOWN_KEYS, ids=[path for path, _ in UNKNOWN_KEYS])
def test_an_unknown_key_is_named_with_its_siblings(path: str, allowed: str) -> None:
    meant = SLIPS.get(path)
    hint = f"; did you mean {meant}? Allowed here: " if meant else "; allowed here: "
    assert _faults(changed({path: "x"})) == [f'skycoin:{path}: unknown key (value "x"){hint}{allowed}']


def test_yaml_has_one_spelling_of_a_key() -> None:
    faults = _faults(changed({NODE + "rpc-port": 7000, NODE + "rpc_port": 7001}))
    assert faults[0].startswith("skycoin:nodes.one.rpc_port: unknown key (value 7001); allowed here: image,")
    [fault] = _faults(changed({NODE + "rpc_port": 7001}))
    assert fault.startswith("skycoin:nodes.one.rpc_port: unknown key (value 7001); did you mean rpc-port? ")


def test_a_plain_secret_under_another_spelling_of_its_key_is_refused_and_not_shown() -> None:
    given = as_pulumi_gives_it(changed({"build_secrets": {"GIT_AUTH_TOKEN": "canary"}}))
    with pytest.raises(SettingsError) as refused:
        read_settings(given)
    [fault] = refused.value.faults
    assert fault.startswith(
        "skycoin:build_secrets: unknown key (value not shown). No setting accepts a login"
    )


@pytest.mark.parametrize(
    ("path", "value", "fault"), FAULTS, ids=[f"{path}={str(value)[:20]}" for path, value, _ in FAULTS]
)
def test_a_bad_value_gives_one_line(path: str, value: object, fault: str) -> None:
    assert _faults(changed({path: value})) == [fault]


@pytest.mark.parametrize(
    ("changes", "key", "allowed"),
    ENTRY_FAULTS,
    ids=[" ".join(changes) + f" {number}" for number, (changes, _, _) in enumerate(ENTRY_FAULTS)],
)
def test_values_that_do_not_fit_together_give_one_line(
    changes: dict[str, Any], key: str, allowed: str
) -> None:
    [fault] = _faults(changed(changes))
    assert fault.startswith(key)
    assert fault.endswith(f": {allowed}")
    assert "\n" not in fault


ROLLBACK = {"digest": DIGEST, "reason": "stops at block 5", "date": "2026-11-26T14:00:00Z"}


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("digest", "latest", '"latest": a digest is sha256: and 64 hexadecimal digits'),
        ("digest", f"skycoin@{DIGEST}", f'"skycoin@{DIGEST}": a digest is sha256: and 64 hexadecimal digits'),
        ("reason", "", '"": a reason is one line of 1 to 200 printable characters'),
        ("reason", "two\nlines", r'"two\nlines": a reason is one line of 1 to 200 printable characters'),
        ("date", "2026-11-26", '"2026-11-26": a date is a time in UTC, in quotes: "2020-11-23T01:01:48Z"'),
        ("date", None, 'missing, but required (UTC, in quotes, such as "2020-11-23T01:01:48Z")'),
        ("since", "x", 'unknown key (value "x"); allowed here: digest, reason, date'),
    ],
)
def test_a_rollback_has_a_digest_a_reason_and_a_date(key: str, value: str | None, said: str) -> None:
    rollback = {name: given for name, given in {**ROLLBACK, key: value}.items() if given is not None}
    assert _faults(changed({"nodes.one.rollback": rollback})) == [f"skycoin:nodes.one.rollback.{key}: {said}"]


def test_six_faults_are_six_lines_at_once() -> None:
    """Nobody has to mend one line and run again to see the next error."""
    raw = changed(
        {
            "registries.local.adress": "x",
            IMAGE + "arches": ["arm32v9", "amd64"],
            IMAGE + "repository": "Sky",
            HOST + "board": "raspberry-pi-9",
            NODE + "rpc-port": 80,
            "nodes.two.wallet-volume": "/w",
        }
    )
    with pytest.raises(SettingsError) as caught:
        parse(raw)
    keys = [fault.partition(": ")[0] for fault in caught.value.faults]
    assert sorted(keys) == [
        "skycoin:hosts.attic.board",
        "skycoin:images.skycoin.arches[0]",
        "skycoin:images.skycoin.repository",
        "skycoin:nodes.one.rpc-port",
        "skycoin:nodes.two.wallet-volume",
        "skycoin:registries.local.adress",
    ]
    lines = str(caught.value).splitlines()
    assert lines[0] == "6 configuration errors, nothing was changed:"
    assert lines[1:] == [f"  - {fault}" for fault in caught.value.faults]


def test_one_error_is_counted_once() -> None:
    assert str(SettingsError(["x"])).splitlines()[0] == "1 configuration error, nothing was changed:"


def test_a_long_value_is_cut() -> None:
    [fault] = _faults(changed({"bases": "x" * 1000}))
    assert len(fault) < 300
    assert "…" in fault


def _answer(raw: Mapping[str, Any]) -> list[str]:
    """Errors in the settings; none if they are valid."""
    try:
        parse(raw)
    except SettingsError as error:
        return error.faults
    return []


def _scalars() -> st.SearchStrategy[Any]:
    return st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=5))


JSON = st.recursive(
    _scalars(),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)
KEYS = [path for path, _, _ in FAULTS] + [path for path, _ in UNKNOWN_KEYS]


@given(st.dictionaries(st.sampled_from(sorted(set(KEYS))), JSON, min_size=1, max_size=3))
def test_whatever_the_yaml_holds_the_answer_is_settings_or_a_list_of_faults(changes: dict[str, Any]) -> None:
    raw = changed({})
    for path, value in changes.items():
        place, (*above, key) = raw, path.split(".")
        for part in above:
            place = place[part] if isinstance(place.get(part), dict) else {}
        place[key] = value
    assert all(fault.startswith("skycoin:") for fault in _answer(raw))


def test_pulumis_configuration_is_read_by_namespace() -> None:
    """Pulumi passes strings on as they are, and everything else as JSON."""
    given = as_pulumi_gives_it(changed({"builder": "[odd"})) | {"docker:host": "x", "pulumi:y": "[1]"}
    settings = read_settings(given)
    assert settings.builder == "[odd"
    assert settings.hosts["attic"].engine == "ssh://pi@attic.lan"


SECRETS = {"skycoin:build-secrets": '{"GIT_AUTH_TOKEN": "canary"}'}


@pytest.mark.case(27)
def test_a_plain_secret_is_refused_among_the_other_faults_and_never_shown() -> None:
    with pytest.raises(SettingsError) as refused:
        read_settings({**as_pulumi_gives_it({"bases": "alpine"}), **SECRETS})
    assert refused.value.faults == [
        "skycoin:build-secrets: [not shown]: given in plain text; "
        "remove it from the YAML, and set each with "
        "`pulumi config set --secret --path 'skycoin:build-secrets.NAME'`, which asks for the value",
        'skycoin:bases: "alpine": must be one of official, debian',
    ]


def test_an_encrypted_secret_is_accepted() -> None:
    settings = read_settings(SECRETS, ["skycoin:build-secrets"])
    assert settings.build_secrets == {"GIT_AUTH_TOKEN": "canary"}


@pytest.mark.parametrize("content", ["config: {}\n".encode("utf-16"), b"# caf\xe9\nconfig: {}\n"])
def test_a_stack_file_that_is_not_utf_8_is_an_error_with_its_name(content: bytes, tmp_path: Path) -> None:
    """Before, it was a traceback; Pulumi itself reads UTF-16, which editors on Windows may write."""
    file = tmp_path / "Pulumi.mine.yaml"
    file.write_bytes(content)
    said = rf"{tmp_path.name}/Pulumi\.mine\.yaml is not valid YAML: 'utf-8' codec can't decode byte 0x"
    with pytest.raises(SettingsError, match=said):
        read_settings({}, (), file)
    file.unlink()
    file.mkdir()
    assert written_config(file) == {}


@pytest.mark.case(27)
def test_a_plain_secret_next_to_an_encrypted_one_is_refused(tmp_path: Path) -> None:
    """Pulumi marks a whole key as secret if one value in it is encrypted."""
    file = tmp_path / "Pulumi.mine.yaml"
    secrets = {"A": {"secure": "v1:x"}, "TOKEN": "canary", "B": {"other": "canary"}}
    file.write_text(yaml.safe_dump({"config": {"skycoin:build-secrets": secrets}}))
    assert secrets_in_clear(written_config(file)) == ["B", "TOKEN"]
    with pytest.raises(SettingsError) as refused:
        read_settings(SECRETS, ["skycoin:build-secrets"], file)
    [line] = refused.value.faults
    assert line.startswith("skycoin:build-secrets: [not shown]: B, TOKEN given in plain text; remove it from")
    assert "canary" not in str(refused.value)
    assert "Pulumi.mine.yaml:2:3 (the line is not shown: it may hold a secret)" in str(refused.value)


def test_secrets_that_are_encrypted_as_one_value_are_not_called_plain(tmp_path: Path) -> None:
    """`pulumi config set --secret skycoin:build-secrets '{…}'` writes that: a review could not name them."""
    file = tmp_path / "Pulumi.mine.yaml"
    file.write_text("config:\n  skycoin:build-secrets:\n    secure: v1:x\n")
    with pytest.raises(SettingsError) as refused:
        read_settings(SECRETS, ["skycoin:build-secrets"], file)
    [fault] = refused.value.faults
    assert fault.startswith(
        "skycoin:build-secrets: [not shown]: encrypted as one value, which hides the names; "
    )
    assert "set each with `pulumi config set --secret --path 'skycoin:build-secrets.NAME'`" in fault


@pytest.mark.parametrize(
    "text",
    [
        "",
        "config:\n",
        "config: {'skycoin:build-secrets': {A: {secure: x}}}",
        "config: {a: b}",
        "- a",
        "config: [a]",
    ],
)
def test_a_file_without_a_plain_secret_has_none(tmp_path: Path, text: str) -> None:
    file = tmp_path / "Pulumi.mine.yaml"
    assert secrets_in_clear(written_config(file)) == []
    file.write_text(text)
    assert secrets_in_clear(written_config(file)) == []


GIT = {"version": "v1.2.3", "commit": "a" * 40}


@pytest.mark.case(27)
@pytest.mark.parametrize(
    "login", ["https://canary@", "HTTPS://canary@", "http://user:canary@", "ssh://git:canary@"]
)
def test_a_login_in_a_url_is_refused_and_not_shown(login: str) -> None:
    source = {**GIT, "git": f"{login}example.org/x.git"}
    [line] = _faults(changed({"images.skycoin.source": source}))
    scheme = login.partition("//")[0]
    assert line == (
        f'skycoin:images.skycoin.source.git: "{scheme}//[not shown]@example.org/x.git": '
        "a login in a URL would be in the state in plain text; "
        "give GIT_AUTH_TOKEN as a build secret (docs/stacks.md)"
    )
    [line] = _faults(changed({"images.skycoin.build-args": {"A": source["git"]}}))
    assert line.startswith("skycoin:images.skycoin.build-args.A: [not shown]: a build argument stays")


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/a@b.git",
        "http://127.0.0.1:8080/x.git",
        "ssh://git@example.org/x",
        "ssh://git@example.org:2222/~x/y.git",
        "git://example.org/x",
        "git@example.org:x/y",
    ],
)
def test_a_git_url_without_a_login_is_accepted(url: str) -> None:
    assert parse(changed({"images.skycoin.source": {**GIT, "git": url}})).images["skycoin"].source.git == url


@pytest.mark.parametrize(
    "url",
    [
        "https://github.com/skycoin/skycoin",
        "https://github.com/skycoin/skycoin.git#develop",
        "https://github.com/skycoin/skycoin.git?ref=develop",
        "https://github.com/skycoin/skycoin#.git",
        "https://.git",
        "HTTPS://github.com/skycoin/skycoin.git",
        "github.com/skycoin/skycoin",
        "git@github.com:skycoin/skycoin#develop",
        "git@github.com",
        "ssh://git@github.com",
        "git://example.org/x?y",
        "/tmp/x",
        "../skycoin.git",
        "docker-image://alpine",
        "file:///tmp/x.git",
        " https://x/y.git",
        "https://x/y.git\n",
        "https://x/y z.git",
        "https://x/y\x00.git",
        "",
    ],
)
def test_what_buildkit_would_not_fetch_with_git_at_the_commit_is_refused(url: str) -> None:
    """BuildKit downloaded the page of a URL without `.git`, and a fragment replaced the commit."""
    [line] = _faults(changed({"images.skycoin.source": {**GIT, "git": url}}))
    assert line == (
        f"skycoin:images.skycoin.source.git: {json.dumps(url)}: must be https://HOST/PATH.git, "
        "http://HOST/PATH.git, ssh://USER@HOST/PATH, git://HOST/PATH or git@HOST:PATH, without blanks, '#' "
        "and '?' (the commit is the key commit)"
    )


@pytest.mark.case(27)
@pytest.mark.parametrize(
    "value", ['["canary"]', '{"a b": "canary"}', '{"build-ca": "canary"}', '{"A": ["canary"]}']
)
def test_an_error_about_a_secret_does_not_show_its_value(value: str) -> None:
    with pytest.raises(SettingsError) as refused:
        read_settings({"skycoin:build-secrets": value}, ["skycoin:build-secrets"])
    [line] = refused.value.faults
    assert line.startswith("skycoin:build-secrets")
    assert "canary" not in line


@pytest.mark.case(27)
@pytest.mark.parametrize("path", ["registries.local.password", "images.skycoin.github-token", "secret"])
def test_a_login_in_the_yaml_is_refused_and_not_shown(path: str) -> None:
    [line] = _faults(changed({path: "canary"}))
    assert line == (
        f"skycoin:{path}: unknown key (value not shown). No setting accepts a login: use `docker login`. "
        "A secret for builds is given with `pulumi config set --secret --path 'skycoin:build-secrets.NAME'`"
    )


@pytest.mark.case(27)
@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("nodes.one.args", ["-blockchain-secret-key=canary"]),
        ("nodes.one.args", ["-web-interface-password=canary"]),
        ("images.skycoin.build-args", {"NPM_TOKEN": 7, "A": "canary"}),
        (
            "images.skycoin",
            {"build-args": {"A": "canary"}, "arches": ["amd64", "amd64"], "channel": "release"},
        ),
    ],
    ids=["a secret flag", "a flag that settings own", "a token that is no text", "another key is wrong"],
)
def test_an_error_shows_no_value_that_may_be_a_secret(path: str, value: object) -> None:
    lines = _faults(changed({path: value}))
    assert lines
    assert not [line for line in lines if "canary" in line]


def test_a_missing_certificate_file_is_reported_with_the_other_errors() -> None:
    given = as_pulumi_gives_it({"build-ca": "no/ca.crt", "bases": "debian"})
    with pytest.raises(SettingsError) as refused:
        read_settings(given)
    assert refused.value.faults == [
        "skycoin:build-base: missing; bases: debian needs it, as REPOSITORY@sha256:… (`make up` sets both)",
        "skycoin:build-ca: 'no/ca.crt' is not a file",
    ]


PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"


def test_an_existing_certificate_file_is_accepted(tmp_path: Path) -> None:
    file = tmp_path / "ca.crt"
    for content in (f"# Müller CA\n{PEM}", "\n"):  # builds add nothing of an empty one
        file.write_text(content, encoding="utf-8")
        assert read_settings(as_pulumi_gives_it({"build-ca": str(file)})).build_ca == str(file)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"\x30\x82\x05\xff", "has no certificate in PEM's form ({remedy})"),
        (b"Bag Attributes\n", "has no certificate in PEM's form ({remedy})"),
        (f"# M\xfcller\n{PEM}".encode("latin-1"), "is not text in UTF-8: remove its comments, or convert it"),
        (
            f"{PEM}-----BEGIN EC PRIVATE KEY-----\ncanary\n".encode(),
            "has a private key, which builds and workspaces would get: leave only certificates in it",
        ),
    ],
    ids=["binary", "no certificate", "another encoding", "private key"],
)
def test_a_certificate_file_that_builds_could_not_use_is_refused(
    tmp_path: Path, content: bytes, fault: str
) -> None:
    """Before, a binary certificate ended in a traceback, and a key got into the state in plain text."""
    file = tmp_path / "ca.crt"
    file.write_bytes(content)
    with pytest.raises(SettingsError) as refused:
        read_settings(as_pulumi_gives_it({"build-ca": str(file)}))
    remedy = "`openssl x509 -inform DER -in FILE` converts a binary one"
    assert refused.value.faults == [f"skycoin:build-ca: {str(file)!r} {fault.format(remedy=remedy)}"]


def test_paths_that_the_system_refuses_are_errors_of_the_configuration(tmp_path: Path) -> None:
    long, link = "x" * 300, tmp_path / "link"
    link.symlink_to("link")
    source = {"path": long, "version": "v0.27.1"}
    assert _faults(changed({"build-ca": long, "images.skycoin.source": source})) == [
        f"skycoin:build-ca: {long!r} can't be read: File name too long",
        f"skycoin:images.skycoin.source: path {long!r} can't be read: File name too long",
    ]
    assert _faults(changed({"build-ca": str(link)})) == [
        f"skycoin:build-ca: {str(link)!r} can't be read: Too many levels of symbolic links"
    ]
    for absent in ("x\0y", str(tmp_path)):
        assert _faults(changed({"build-ca": absent})) == [f"skycoin:build-ca: {absent!r} is not a file"]


def test_a_host_gets_its_own_variant_or_its_boards() -> None:
    assert HostSettings(engine="local", arch="arm64v8").variant == "arm64v8"
    assert HostSettings(engine="local", board="raspberry-pi-zero").variant == "arm32v6"
    assert HostSettings(engine="local").variant is None


def test_a_nodes_defaults_are_the_safe_ones() -> None:
    node = NodeSettings(image="skycoin", host="here")
    assert node.network is PeerNetwork.NONE
    assert node.api_sets == ["READ", "TXN"], "WALLET and INSECURE_* only by name"
    assert node.gui is False


@pytest.mark.parametrize(
    "options",
    [
        ["-o", "StrictHostKeyChecking no"],
        ["-o", "stricthostkeychecking=off"],
        ["-o", "StrictHostKeyChecking=accept-new"],
        ["-o", 'StrictHostKeyChecking="no"'],
        ["-oStrictHostKeyChecking=no"],
        ["-o", "UserKnownHostsFile=/dev/null"],
        ["-o", "UserKnownHostsFile none"],
        ["-o", "KnownHostsCommand=/bin/echo"],
        ["-F", "/tmp/config"],
        ["-i"],
    ],
)
def test_ssh_options_that_skip_the_host_key_check_are_refused(options: list[str]) -> None:
    """Options that are not known to be harmless are refused too."""
    [fault] = _faults(changed({HOST + "ssh-options": options}))
    assert fault.startswith("skycoin:hosts.attic: ")
    assert "ssh-options: " in fault


@pytest.mark.parametrize(
    "options",
    [
        ["-o", "StrictHostKeyChecking=yes"],
        ["-i", "/home/no/key", "-o", "IdentitiesOnly=yes"],
        ["-o", "UserKnownHostsFile=/etc/fleet/known_hosts"],
    ],
)
def test_other_ssh_options_are_allowed(options: list[str]) -> None:
    assert parse(changed({HOST + "ssh-options": options})).hosts["attic"].ssh_options == options


@pytest.mark.parametrize(
    "argument", ["; rm -rf /", "$(x)", "wallet-dir", "-log-level=debug", "a\nb", "'\"", ""]
)
def test_other_arguments_are_allowed_as_written(argument: str) -> None:
    args = ["-user-agent-remark", argument]
    raw = json.loads(json.dumps(changed({NODE + "args": args})))
    assert parse(raw).nodes["one"].args == args


def test_a_git_source_needs_its_commit_too() -> None:
    git = {SOURCE + "module": None, SOURCE + "git": "https://github.com/skycoin/skycoin.git"}
    assert parse(changed(git)).images["skycoin"].source.commit == COMMIT
    assert _faults(changed(git | {SOURCE + "commit": None}))[0].endswith("only path and debian don't need it")


@pytest.mark.parametrize(
    ("registry", "root"),
    [
        ({"kind": "local"}, "registry.localhost:5443"),
        ({"kind": "local", "address": "registry.localhost:15443"}, "registry.localhost:15443"),
        ({"kind": "local", "address": "127.0.0.1:5000"}, "127.0.0.1:5000"),
        ({"kind": "oci", "address": "quay.io/skycoin"}, "quay.io/skycoin"),
        ({"kind": "hub"}, "docker.io"),
        ({"kind": "hub", "namespace": "me"}, "docker.io/me"),
        ({"kind": "hub", "address": "mirror.lan"}, "mirror.lan"),
        ({"kind": "ghcr", "namespace": "skycoin/images"}, "ghcr.io/skycoin/images"),
        (
            {"kind": "ecr", "account": "000000000001", "region": "us-gov-west-1"},
            "000000000001.dkr.ecr.us-gov-west-1.amazonaws.com",
        ),
        (
            {"kind": "ecr", "account": "123456789012", "region": "cn-north-1", "namespace": "team"},
            "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/team",
        ),
    ],
)
def test_a_registrys_repositories_are_under_its_address(registry: dict[str, Any], root: str) -> None:
    assert RegistrySettings.model_validate(registry).root == root


@pytest.mark.parametrize("address", ["docker.io", "registry.lan:5000", "localhost.example", "128.0.0.1"])
def test_a_registry_of_other_machines_is_not_local(address: str) -> None:
    """In a local one, every tag may move: published releases could be overwritten."""
    with pytest.raises(
        SettingsError, match=rf"address {address} is not of this machine: kind local is .* oci"
    ):
        parse({"registries": {"local": {"kind": "local", "address": address}}})


def test_every_kind_of_registry_lists_its_allowed_keys() -> None:
    assert set(REGISTRY_KEYS) == set(RegistryKind)
    taken = {key for needed, others in REGISTRY_KEYS.values() for key in (*needed, *others, "optional")}
    assert taken | {"kind"} == {field.alias for field in RegistrySettings.model_fields.values()}


def test_a_board_accepts_each_variant_that_its_processor_runs() -> None:
    """Before, no board fitted a Raspberry Pi 3 with a 64-bit system."""
    assert HostSettings(engine="local", board="raspberry-pi-3").variant == "arm32v7"
    assert HostSettings(engine="local", board="raspberry-pi-3", arch="arm64v8").variant == "arm64v8"


@pytest.mark.parametrize(
    ("given", "taken"),
    [("90s", "1m30s"), ("3m", "3m0s"), ("2m30s", "2m30s"), ("1h", "1h0m0s"), ("59s", "59s"), ("120m", None)],
)
def test_a_time_is_kept_as_go_prints_it(given: str, taken: str | None) -> None:
    """Engines print times like this, and another spelling would be a difference in every run."""
    if taken is None:
        with pytest.raises(SettingsError):
            parse(changed({"nodes.one.start-period": given}))
    else:
        assert parse(changed({"nodes.one.start-period": given})).nodes["one"].start_period == taken


def test_a_nodes_limits_win_over_its_hosts_and_those_over_the_boards() -> None:
    given = {"memory": 512, "log-size": "1m", "health-retries": 9, "start-period": "4m"}
    host = HostSettings.model_validate({"engine": "local", **given})
    node = NodeSettings.model_validate({"image": "skycoin", "host": "here", "log-size": "3m", "wait": 900})
    found = limited(BOARDS["raspberry-pi-4"], host, node)
    assert (found.memory, found.log_size, found.health_retries, found.wait) == (512, "3m", 9, 900)
    assert (found.start_period, found.health_interval, found.arch) == ("4m0s", "10s", "arm64v8")


def test_soft_limits_follow_the_memory_of_a_board_unless_they_are_given() -> None:
    board, nothing = BOARDS["raspberry-pi-4"], HostSettings(engine="local")
    node = NodeSettings(image="skycoin", host="here", memory=600)
    followed = limited(board, nothing, node)
    assert (followed.memory_reservation, followed.go_memory_limit) == (400, 540)
    own = {"memory": 600, "memory-reservation": 100, "go-memory-limit": 0}
    chosen = limited(board, nothing, NodeSettings.model_validate({"image": "skycoin", "host": "here", **own}))
    assert (chosen.memory_reservation, chosen.go_memory_limit) == (100, None)
    server = limited(SERVER, nothing, node)
    assert (server.memory, server.memory_reservation, server.go_memory_limit) == (600, None, None)


def test_a_key_without_a_namespace_is_refused(tmp_path: Path) -> None:
    """Pulumi would use it in place of the key that people look at."""
    file = tmp_path / "Pulumi.mine.yaml"
    file.write_text("config:\n  skycoin:hosts: {}\n  hosts: {evil: {engine: local}}\n  docker:host: x\n")
    with pytest.raises(SettingsError) as error:
        read_settings(as_pulumi_gives_it(changed({})), path=file)
    assert error.value.faults == [
        "hosts: a key without a namespace, which Pulumi would use in place of `skycoin:hosts`: write "
        "`skycoin:hosts`"
    ]


def test_a_file_that_pulumi_reads_and_pyyaml_does_not_is_read(tmp_path: Path) -> None:
    """The 31st of November and `=` are text to Pulumi; PyYAML raised errors without a message for users."""
    file = tmp_path / "Pulumi.mine.yaml"
    file.write_text("config:\n  other:at: 2020-11-31T01:01:48Z\n  skycoin:builder: =\n  hosts: x\n")
    with pytest.raises(SettingsError) as error:
        read_settings(SECRETS | as_pulumi_gives_it({"bases": 1}), ["skycoin:build-secrets"], file)
    assert [fault.partition(":")[0] for fault in error.value.faults] == ["hosts", "skycoin"]
    file.write_text("config:\n  other:at: 2020-11-31T01:01:48Z\n  skycoin:builder: =\n")
    assert read_settings(as_pulumi_gives_it(changed({"builder": "="})), path=file).builder == "="


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("config:\n  a: b: c\n", "mapping values are not allowed here\n"),
        ("a: " + 1000 * "[\n" + 1000 * "]", "maximum recursion depth exceeded"),
        ("a: \x01\n", "unacceptable character"),
    ],
    ids=["not YAML", "too deep", "control character"],
)
def test_a_stacks_file_that_cannot_be_read_is_an_error_of_the_configuration(
    tmp_path: Path, text: str, fault: str
) -> None:
    """It may have secrets in plain text: that can't be known then."""
    file = tmp_path / "Pulumi.mine.yaml"
    file.write_text(text)
    for keys in ([], ["skycoin:build-secrets"]):
        with pytest.raises(SettingsError) as error:
            read_settings(SECRETS if keys else {}, keys, file)
        assert fault in str(error.value)
        assert f"{tmp_path.name}/Pulumi.mine.yaml" in str(error.value)


def test_an_encrypted_value_that_is_not_a_build_secret_is_refused() -> None:
    """Such a value would be decrypted into a build argument, or a flag of a node."""
    secret_keys = ["skycoin:images", "skycoin:build-secrets", "docker:password"]
    with pytest.raises(SettingsError) as error:
        read_settings(as_pulumi_gives_it(changed({})), secret_keys)
    assert error.value.faults == [
        "skycoin:images: [not shown]: has an encrypted value, which would be in the state in plain text; "
        "only `skycoin:build-secrets` accepts secrets"
    ]


def test_encrypted_values_that_are_no_build_secrets_are_reported_in_one_order() -> None:
    """Before, the order was another one in each run, and so was a review's page with the errors."""
    keys = [
        f"skycoin:{key}" for key in ("bases", "builder", "hosts", "images", "nodes", "registries", "rollout")
    ]
    with pytest.raises(SettingsError) as refused:
        read_settings({}, [*reversed(keys), keys[0]])
    assert [fault.split(": ")[0] for fault in refused.value.faults] == keys
