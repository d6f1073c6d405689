"""Pulumi on this machine: the CLI, its plugins, the state backend and the stack `local`."""

import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import yaml

from local.layout import PROJECT, Layout, Mode
from local.steps import SetupError, output, run, step
from local.tools import DOCKER_BUILD, LANGUAGE, PULUMI, ensure_tool

STACK = "local"
PLUGINS = {"docker": "5.2.0", "docker-build": "0.0.22"}
OFFICIAL_CLI = "https://get.pulumi.com/releases/sdk/pulumi-v3.259.0-linux-{arch}.tar.gz"
OFFICIAL_IMAGES = "https://registry-1.docker.io/v2/"


def reachable(url: str) -> bool:
    """True where the address answers at all, also with an error, within 5 s."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=5):
            return True
    except urllib.error.HTTPError as error:
        return error.code in (401, 405)
    except (urllib.error.URLError, OSError):
        return False


def wants_official(layout: Layout, url: str) -> bool:
    """Whether the official way is taken for what `url` serves."""
    return layout.mode is Mode.OFFICIAL or (layout.mode is Mode.AUTO and reachable(url))


def ensure_cli(layout: Layout, go: str) -> list[Path]:
    """Folders for PATH that hold the Pulumi CLI and its Python host."""
    found = shutil.which("pulumi")
    if found and output([found, "version"]) and layout.mode is not Mode.EMBEDDED:
        with step("Pulumi CLI") as this:
            this.found = f"{output([found, 'version'])} by {found}"
        return [Path(found).parent]
    url = OFFICIAL_CLI.format(arch="arm64" if os.uname().machine == "aarch64" else "x64")
    if wants_official(layout, url):
        return [_download_cli(layout, url)]
    cli, host = ensure_tool(layout, go, PULUMI), ensure_tool(layout, go, LANGUAGE)
    for program in host.parent.iterdir():
        # The CLI takes a language host that lies beside it; one on PATH it warns of at every run.
        if not (beside := cli.with_name(program.name)).exists():
            os.link(program, beside)
    return [cli.parent]


def _download_cli(layout: Layout, url: str) -> Path:
    """The official release, which brings its language hosts. Not run where the project is developed."""
    folder = layout.cache / "tools" / Path(url).name.removesuffix(".tar.gz")
    with step("Pulumi CLI") as this:
        if not (folder / "pulumi").exists():
            partial = folder.with_name(f"{folder.name}.{os.getpid()}")
            partial.mkdir(parents=True)
            script = 'curl -fsSL "$1" | tar -xz --strip-components=1 -C "$2"'
            run(
                ["bash", "-o", "pipefail", "-c", script, "bash", url, str(partial)],
                log=layout.logs / "cli.log",
            )
            partial.rename(folder)
        this.found = f"official, {folder.name}"
    return folder


def passphrase_file(layout: Layout) -> Path:
    """The passphrase of this machine's stack: made once, mode 0600."""
    path = layout.state / "passphrase"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(32))
    return path


def environment(layout: Layout, tools: Sequence[Path], engine: str) -> dict[str, str]:
    """What `make -s env` exports: plain pulumi and docker then work against this set-up."""
    path = os.pathsep.join([str(Path(sys.executable).parent), *map(str, tools), os.environ["PATH"]])
    return {
        "PATH": path,
        "PULUMI_HOME": str(layout.state / "pulumi"),
        "PULUMI_BACKEND_URL": f"file://{layout.state / 'backend'}",
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(passphrase_file(layout)),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "DOCKER_CONFIG": str(layout.docker_config),
        "DOCKER_HOST": engine,
        "SSL_CERT_FILE": str(layout.trust),
        "BUILDX_NO_DEFAULT_ATTESTATIONS": "1",
    }


def ensure_plugins(layout: Layout, go: str, env: Mapping[str, str]) -> None:
    """The docker-build and docker plugins: official where they can be had, else built or stood in for."""
    (layout.state / "backend").mkdir(parents=True, exist_ok=True)
    for name, version in PLUGINS.items():
        with step(f"Pulumi plugin {name} {version}") as this:
            folder = layout.state / "pulumi" / "plugins" / f"resource-{name}-v{version}"
            marker = folder / "ORIGIN"
            embedded = marker.exists()
            if folder.is_dir() and not embedded and layout.mode is not Mode.EMBEDDED:
                this.found = "official, installed before"
                continue
            install = ["pulumi", "plugin", "install", "resource", name, version, "--reinstall"]
            asked = layout.mode is Mode.OFFICIAL
            if (asked or (layout.mode is Mode.AUTO and not embedded)) and _official(install, env):
                this.found = "official"
                continue
            if asked:
                raise SetupError(f"SKYCOIN_MODE=official, but `{' '.join(install)}` fails here.")
            this.found = _embedded(layout, go, name, env, install)
            marker.write_text(this.found)


def _official(install: Sequence[str], env: Mapping[str, str]) -> bool:
    return output(install, env=env, timeout=300) is not None


def _embedded(layout: Layout, go: str, name: str, env: Mapping[str, str], install: list[str]) -> str:
    if name == "docker-build":
        binary = ensure_tool(layout, go, DOCKER_BUILD)
        origin = "built from its Go module"
    else:
        binary = _stand_in(layout)
        origin = "this project's stand-in (local/docker_plugin), no plugin registry being reached"
    log = layout.logs / "plugins.log"
    run([*install, "--file", str(binary)], log=log, env=env)
    return origin


def _stand_in(layout: Layout) -> Path:
    """The launcher of the stand-in: the engine starts it outside the virtual environment."""
    launcher = layout.state / "pulumi-resource-docker"
    launcher.write_text(
        f'#!/bin/sh\nPYTHONPATH="{PROJECT}" exec "{sys.executable}" -m local.docker_plugin "$@"\n'
    )
    launcher.chmod(0o755)
    return launcher


def ensure_stack(layout: Layout, env: Mapping[str, str], machine: Mapping[str, str]) -> None:
    """The stack `local`: its settings file from the example, what this machine adds to it, its state."""
    with step(f"stack {STACK}") as this:
        this.found = f"settings in {layout.stack_file.relative_to(PROJECT)}"
        if not layout.stack_file.exists():
            shutil.copyfile(PROJECT / "stacks" / "local.example.yaml", layout.stack_file)
            this.found += ", made from stacks/local.example.yaml"
        log = layout.logs / "stack.log"
        state_file = layout.state / "backend" / ".pulumi" / "stacks" / "skycoin" / f"{STACK}.json"
        if not state_file.exists():
            run(["pulumi", "stack", "init", STACK, "--non-interactive"], log=log, env=env, cwd=PROJECT)
        changed = _changed(layout, machine)
        if changed:
            pairs = [part for key, value in changed.items() for part in ("--plaintext", f"{key}={value}")]
            run(
                ["pulumi", "config", "set-all", "--stack", STACK, "--path", *pairs],
                log=log,
                env=env,
                cwd=PROJECT,
            )
            this.found += f", set {', '.join(sorted(changed))}"


def _changed(layout: Layout, machine: Mapping[str, str]) -> dict[str, str]:
    config = (yaml.safe_load(layout.stack_file.read_text()) or {}).get("config") or {}

    def current(path: str) -> object:
        value: object = config
        first, *rest = path.split(".")
        for part in (first, *rest):
            value = value.get(part) if isinstance(value, dict) else None
        return value

    return {path: value for path, value in machine.items() if current(path) != value}


_PROGRESS = re.compile(r"(creating|updating|deleting|refreshing) \(\d+s\)(?!.*error)")


def pulumi(arguments: Sequence[str], env: Mapping[str, str]) -> int:
    """Run pulumi in the project with its output on the screen; its exit code.

    A terminal gets pulumi's own live display. Elsewhere the line per build step is left out: what
    began, what ended and what failed stays.
    """
    everything = {**os.environ, **env}
    if sys.stdout.isatty():
        return subprocess.run(["pulumi", *arguments], env=everything, cwd=PROJECT, check=False).returncode
    command = ["pulumi", *arguments, "--non-interactive"]
    with subprocess.Popen(
        command, env=everything, cwd=PROJECT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        for line in process.stdout or []:
            if not _PROGRESS.search(line):
                print(line, end="", flush=True)
    return process.returncode


def stack_outputs(env: Mapping[str, str]) -> dict[str, dict[str, dict[str, str]]]:
    """Outputs of the stack `local`, empty where it has none."""
    text = output(["pulumi", "-C", str(PROJECT), "stack", "output", "--json", "--stack", STACK], env=env)
    found: dict[str, dict[str, dict[str, str]]] = json.loads(text) if text else {}
    return found


def _environment_file(layout: Layout) -> Path:
    return layout.state / "environment.json"


def remember(layout: Layout, env: Mapping[str, str]) -> None:
    """Keep the environment of a set-up for the other commands; it holds no secret."""
    _environment_file(layout).write_text(json.dumps(dict(env)))


def known_environment(layout: Layout) -> dict[str, str]:
    """The environment of the last set-up. Raises SetupError where there was none."""
    try:
        env: dict[str, str] = json.loads(_environment_file(layout).read_text())
    except OSError:
        raise SetupError(f"Nothing is set up in {layout.state}: run `make up` first.") from None
    return env


def with_stack_file(
    layout: Layout, stack: str, env: Mapping[str, str], action: Callable[[Sequence[str]], int]
) -> int:
    """Run a pulumi action with a stack's options.

    A committed stack's file is used as a copy: Pulumi writes a salt into it, even for a preview.
    """
    committed = PROJECT / "stacks" / f"Pulumi.{stack}.yaml"
    if not committed.exists():
        raise SetupError(f"There is no stack {stack!r}: {committed.relative_to(PROJECT)} does not exist.")
    if stack == STACK:
        return action(["--stack", stack])
    copy = layout.state / "stacks" / committed.name
    copy.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(committed, copy)
    options = ["--stack", stack, "--config-file", str(copy)]
    if output(["pulumi", "-C", str(PROJECT), "stack", "ls", "--json"], env=env, timeout=30) is None:
        raise SetupError("pulumi does not answer: run `make up` first.")
    pulumi(["stack", "select", "--create", *options], env)
    return action(options)
