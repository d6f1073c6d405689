"""`python -m local COMMAND`: what the Makefile's targets run."""

import argparse
import json
import os
import shlex
import sys
import urllib.request
from collections.abc import Callable, Mapping

from local import (
    base,
    binfmt,
    builder,
    certificates,
    engine,
    packages,
    pulumi_cli,
    registry,
    services,
    teardown,
)
from local.layout import PROJECT, Layout, read_layout
from local.pulumi_cli import STACK
from local.steps import SetupError, fail, step
from local.tools import BUILDKIT, CRANE, REGISTRY, ensure_tool, find_go

NEEDED_GIGABYTES = 15
"""Cold, the caches and images take 12 GB: Go's module and build caches are 8 of them."""


def set_up(layout: Layout) -> dict[str, str]:
    """Make this machine ready; the environment in which pulumi and docker see it."""
    with step("disk space") as this:
        free = base.free_gigabytes(layout.cache)
        this.found = f"{free:.0f} GB free at {layout.cache}"
        if free < NEEDED_GIGABYTES and not layout.cache.exists():
            raise SetupError(
                f"{free:.1f} GB are free at {layout.cache}, {NEEDED_GIGABYTES} are needed: "
                "free some, or set SKYCOIN_CACHE to a folder on a larger disk."
            )
    tools = ["ca-certificates", "curl", "git", "openssl"]
    build = ["mmdebstrap", "runc", "qemu-user-static"]
    packages.ensure_packages(layout, "the set-up", [*tools, *build])
    go = find_go(layout)
    certificates.ensure_certificates(layout)
    certificates.ensure_name(layout)
    certificates.ensure_engine_trust(layout)
    services.start(layout, registry.registry_service(layout, ensure_tool(layout, go, REGISTRY)))
    services.start(layout, builder.builder_service(layout, ensure_tool(layout, go, BUILDKIT)))
    builder.ensure_builder_instance(layout)
    binfmt.ensure_binfmt(layout)
    endpoint = engine.ensure_engine(layout)
    env = pulumi_cli.environment(layout, pulumi_cli.ensure_cli(layout, go), endpoint)
    os.environ["PATH"] = env["PATH"]
    pulumi_cli.ensure_plugins(layout, go, env)
    pulumi_cli.ensure_stack(layout, env, _machine_settings(layout, go))
    pulumi_cli.remember(layout, env)
    return env


def _machine_settings(layout: Layout, go: str) -> dict[str, str]:
    """What the stack `local` must know of this machine."""
    settings = {
        "skycoin:builder": builder.BUILDER,
        "skycoin:registries.local.address": layout.registry,
    }
    if layout.build_ca.read_text():
        settings["skycoin:build-ca"] = os.path.relpath(str(layout.build_ca), str(PROJECT))
    with step("official base images") as this:
        if pulumi_cli.wants_official(layout, pulumi_cli.OFFICIAL_IMAGES):
            this.found = "reached: bases are the official images, by digest"
            return settings | {"skycoin:bases": "official"}
        this.found = "not reached: bases are made from Debian packages"
    reference = base.ensure_base(layout, go, ensure_tool(layout, go, CRANE))
    return settings | {"skycoin:bases": "debian", "skycoin:build-base": reference}


def up(layout: Layout, _: argparse.Namespace) -> int:
    """Set up what is missing, then `pulumi up` of the stack `local`."""
    print(
        "Sets this machine up and runs the node. The first time it takes about 20 minutes on 2 cores, "
        "most of it compiling; with everything there, 15 seconds."
    )
    env = set_up(layout)
    code = pulumi_cli.pulumi(["up", "--yes", "--refresh", "--suppress-outputs", "--stack", STACK], env)
    if code == 0:
        _report(pulumi_cli.stack_outputs(env))
    return code


def _report(outputs: Mapping[str, Mapping[str, Mapping[str, str]]]) -> None:
    for name, node in outputs.get("nodes", {}).items():
        with urllib.request.urlopen(f"{node['rpc']}/api/v1/version", timeout=10) as answer:
            version = json.load(answer)
        print(f"\n{name}: {node['rpc']}, skycoin {version['version']} ({version['commit'][:12]})")
        print(f"  image {node['image']}")
        print(f"  wallet volume {node['wallet_volume']} (kept by every make target)")


def preview(layout: Layout, arguments: argparse.Namespace) -> int:
    """`pulumi preview --refresh`, on a copy of the stack's file: tracked files stay as they are."""
    env = pulumi_cli.known_environment(layout)
    return pulumi_cli.with_stack_file(
        layout,
        arguments.stack,
        env,
        lambda options: pulumi_cli.pulumi(["preview", "--refresh", "--diff", "--run-program", *options], env),
    )


def destroy(layout: Layout, arguments: argparse.Namespace) -> int:
    """Destroy all but protected wallets, and say what stays."""
    env = pulumi_cli.known_environment(layout)
    code = pulumi_cli.with_stack_file(
        layout,
        arguments.stack,
        env,
        lambda options: pulumi_cli.pulumi(
            ["destroy", "--exclude-protected", "--run-program", "--yes", *options], env
        ),
    )
    print("\nKept: wallet and data volumes, and everything published in registries.")
    return code


def print_environment(layout: Layout, _: argparse.Namespace) -> int:
    """Shell lines for `eval "$(make -s env)"`."""
    for name, value in pulumi_cli.known_environment(layout).items():
        print(f"export {name}={shlex.quote(value)}")
    return 0


def main() -> int:
    """Parse the command and run it; SetupError becomes one message and exit code 1."""
    commands: dict[str, Callable[[Layout, argparse.Namespace], int]] = {
        "up": up,
        "down": teardown.down,
        "preview": preview,
        "destroy": destroy,
        "env": print_environment,
    }
    parser = argparse.ArgumentParser(prog="python -m local", description=__doc__)
    parser.add_argument("command", choices=commands)
    parser.add_argument("--stack", default=STACK)
    parser.add_argument("--all", action="store_true", help="down: also remove what up made, wallets excepted")
    arguments = parser.parse_args()
    try:
        return commands[arguments.command](read_layout(), arguments)
    except SetupError as error:
        return fail(error)
    except KeyboardInterrupt:
        return fail(SetupError("interrupted; run the same command again, it goes on where it stopped"))


if __name__ == "__main__":
    sys.exit(main())
