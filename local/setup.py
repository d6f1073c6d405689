"""The set-up of a machine, step by step: everything `make up` does before `pulumi up`."""

import os
import shutil
from collections.abc import Mapping
from types import MappingProxyType

from catalogue.bases import OFFICIAL_GO
from local.builds import base, builder
from local.engines import binfmt, engine, own_engine
from local.machine import download, packages, services
from local.machine.layout import LOCK, PROJECT, EngineChoice, Layout, Mode
from local.machine.private_files import is_partial
from local.machine.steps import SetupError, step
from local.machine.tools import BUILDKIT, CRANE, GO_VERSION, REGISTRY, ensure_tool, find_go
from local.pulumi import cli, docker_plugin_change, docker_plugin_choice, plugins
from local.pulumi.docker_plugin_choice import DockerPlugin
from local.registry import certificates, login, server
from local.stacks import checkout, setup_backup_journal
from local.stacks.files import STACK, stack_config, stack_file
from local.stacks.lock import exclusive
from local.stacks.lost_passphrase import refuse_lost
from local.stacks.stack import ensure_stack
from local.stacks.states import own_stacks

NEEDED_GIGABYTES = 15
"""Free space needed at first: caches and images take 12 GB, of which Go's module and build caches are 8."""


def set_up(
    layout: Layout, stack: str = STACK, settings: Mapping[str, str | None] = MappingProxyType({})
) -> dict[str, str]:
    """Prepare this machine and a stack with these settings; return the environment for pulumi."""
    own = layout.engine is EngineChoice.OWN
    if not own:
        engine.refuse_without_access()
    claim_state(layout)
    stack_config(stack)  # an error in the file is reported now, not after minutes of work
    with step("disk space") as this:
        free = base.free_gigabytes(layout.cache)
        this.found = f"{free:.0f} GB free at {layout.cache}"
        if free < NEEDED_GIGABYTES and not layout.cache.exists():
            raise SetupError(
                f"{free:.1f} GB are free at {layout.cache}, but {NEEDED_GIGABYTES} are needed: "
                "make room, or set SKYCOIN_CACHE to a folder on a larger disk."
            )
    tools = ["ca-certificates", "curl", "git", "openssl"]
    # Docker's own packages include a runc and conflict with Debian's.
    build = ["mmdebstrap", "qemu-user-static", *([] if shutil.which("runc") else ["runc"])]
    packages.ensure_packages(layout, "the set-up", [*tools, *build])
    go = find_go(layout)
    certificates.ensure_certificates(layout)
    certificates.ensure_name(layout)
    certificates.ensure_engine_trust(layout)
    login.ensure_login(layout)
    services.start(layout, server.registry_service(layout, ensure_tool(layout, go, REGISTRY)))
    services.start(layout, builder.builder_service(layout, ensure_tool(layout, go, BUILDKIT)))
    builder.ensure_builder_instance(layout)
    binfmt.ensure_binfmt(layout)
    endpoint = own_engine.ensure_own_engine(layout) if own else engine.ensure_engine(layout)
    refuse_another_engine(layout, endpoint)
    env = cli.environment(layout, cli.ensure_cli(layout, go), endpoint)
    os.environ["PATH"] = env["PATH"]
    plugins.ensure_plugin(layout, go, env, "docker-build", layout.mode)
    _ensure_docker_plugin(layout, go, env)
    ensure_stack(layout, env, {**_machine_settings(layout, go, stack), **settings}, stack)
    cli.remember(layout, env)
    return env


def _ensure_docker_plugin(layout: Layout, go: str, env: Mapping[str, str]) -> None:
    """Install and record the docker plugin of this set-up; change it if SKYCOIN_MODE requires another."""
    docker_plugin_change.settle(layout)
    made, asked = docker_plugin_choice.recorded(layout), docker_plugin_choice.requested(layout)

    def install(wanted: DockerPlugin | None) -> bool:
        modes = {None: Mode.AUTO, DockerPlugin.OFFICIAL: Mode.OFFICIAL, DockerPlugin.STAND_IN: Mode.EMBEDDED}
        return plugins.ensure_plugin(layout, go, env, "docker", modes[wanted])

    replacement = asked if made and asked is not made else None
    held = docker_plugin_change.holding(layout) if replacement else []
    if held or not replacement:
        official = install(made or asked)
        docker_plugin_choice.record(layout, DockerPlugin.OFFICIAL if official else DockerPlugin.STAND_IN)
    if replacement:
        docker_plugin_change.change(
            layout,
            env,
            held,
            lambda: install(replacement),
            lambda: docker_plugin_choice.record(layout, replacement),
        )


def claim_state(layout: Layout, *, adopts: bool = False) -> None:
    """Create the state folder if necessary. Its passphrase is created first and marks it as a set-up's.

    `adopts` allows a new set-up although the stack's file belongs to a lost state.

    Raises SetupError if the folder contains anything else, because `make down ALL=1` removes by name there,
    if the passphrase is lost, or if the set-up or the stack's file belongs to another checkout, user or
    state.
    """
    cli.leave_former_place(layout)
    if setup_backup_journal.is_unfinished(layout):
        with exclusive(layout, "make up"):
            pass  # `exclusive` finishes the restore
    if (layout.state / "passphrase").exists():
        _make_private(layout)
        cli.passphrase_file(layout)  # raises for an empty one
        checkout.claim(layout)
        return
    checkout.refuse_other_users(layout)
    passphrase = layout.state / "passphrase"
    if cli.is_set_up(layout):
        refuse_lost(passphrase)
    if not adopts:
        checkout.refuse_lost_state(layout)
    if halves := setup_backup_journal.halves(layout):
        raise SetupError(
            f"A restore into {layout.state} is running, or was interrupted before it restored anything: "
            f"run `./skyinfra setup restore` again, or `rm -r {' '.join(map(str, halves))}` for a new set-up."
        )
    names = sorted(path.name for path in layout.state.iterdir()) if layout.state.is_dir() else []
    content = [name for name in names if name != LOCK and not is_partial(name, passphrase)]
    if content:
        raise SetupError(
            f"The state folder {layout.state} has no file `passphrase`, but {', '.join(content[:5])}: "
            "it does not belong to a set-up, or has lost the passphrase of its state. Set "
            "SKYCOIN_STATE to a new folder, or restore the passphrase."
        )
    _make_private(layout)
    cli.passphrase_file(layout)
    checkout.claim(layout)


def _make_private(layout: Layout) -> None:
    """Create the state folder, and keep other users out, whatever the modes of its files are."""
    layout.state.mkdir(mode=0o700, parents=True, exist_ok=True)
    if layout.state.stat().st_uid == os.geteuid():
        layout.state.chmod(0o700)


def refuse_another_engine(layout: Layout, endpoint: str) -> None:
    """Raise SetupError if stacks run on an engine other than this one: a refresh would miss all of them."""
    before = cli.last_engine(layout)
    if before not in (None, endpoint) and own_stacks(layout):
        raise SetupError(
            f"This set-up runs on the engine at {before}, but {endpoint} is selected (DOCKER_HOST, or the "
            "docker context). Unset that; or run `make destroy` first, which keeps the wallets on the old "
            "engine."
        )


def _machine_settings(layout: Layout, go: str, stack: str) -> dict[str, str | None]:
    """Settings of this machine for its stacks; None removes a setting."""
    own = layout.build_ca.read_text()
    settings: dict[str, str | None] = {
        "skycoin:builder": builder.BUILDER,
        "skycoin:registries.local.address": layout.registry,
        "skycoin:build-ca": os.path.relpath(str(layout.build_ca), str(PROJECT)) if own else None,
    }
    with step("base images") as this:
        bases, reason = _bases(layout, stack)
        this.found = (
            f"bases are the official images, by digest ({reason}); their Go {OFFICIAL_GO} lacks security "
            f"fixes up to {GO_VERSION} (catalogue/bases.py)"
            if bases == "official"
            else f"bases are built from Debian packages ({reason})"
        )
    if bases == "official":
        return settings | {"skycoin:bases": bases, "skycoin:build-base": None}
    reference = base.ensure_base(layout, go, ensure_tool(layout, go, CRANE))
    return settings | {"skycoin:bases": bases, "skycoin:build-base": reference}


def _bases(layout: Layout, stack: str) -> tuple[str, str]:
    """Choice of bases, with its reason; a recorded one stays: another would rebuild every image."""
    for own in (stack, STACK):
        if (recorded := stack_config(own).get("skycoin:bases")) in ("official", "debian"):
            return str(recorded), f"recorded in stacks/{stack_file(own).name}"
    if layout.mode is not Mode.AUTO:
        return (
            "official" if layout.mode is Mode.OFFICIAL else "debian",
            f"chosen by SKYCOIN_MODE={layout.mode}",
        )
    if download.reachable(cli.OFFICIAL_IMAGES):
        return "official", "Docker Hub was reached"
    return "debian", "Docker Hub was not reached"
