"""An opened workspace: a development image running on a host, over one folder of that host.

Makes a container with a fixed name, a home volume that is kept, and a bridge network of its own. It
mounts the folder that it is given and no other path of the host, runs as the person whose ids it is
given, without capabilities, and shows its page on the host's loopback only.

With an engine inside (`engine`) the container has rights over the host's kernel, the only one of this
program that has: whoever may enter it can own the host. That engine listens on a socket, never on a port.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_docker as docker

from catalogue.workspaces import DOCKER_DATA, HOME, MEMORY, PROCESSES, STAY, WORK, authority_variables
from components.host import Host
from components.node import LOOPBACK
from components.pulled_image import PulledImage

GRACE = 10
"""Seconds between SIGTERM and SIGKILL: editors save as one types, and nothing here has a database."""
WAIT = 120
"""Seconds in which what is inside must answer."""
PASSWORD = f"{HOME}/.config/code-server/config.yaml"
"""File with the page's password, made at its first start and kept nowhere else."""
WITH_PASSWORD = f"""\
file={PASSWORD}
if [ ! -s "$file" ]; then
    (
        umask 077
        mkdir -p "${{file%/*}}"
        key=$(od -An -N24 -tx1 /dev/urandom | tr -d ' \\n')
        printf 'auth: password\\npassword: skycoin-%s\\ncert: false\\n' "$key" > "$file.new"
        mv "$file.new" "$file"
    )
fi
exec "$@"
"""
"""Shell script: code-server makes such a file too, but one that everybody may read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EngineInside:
    """A Docker engine in the workspace: where its data is, and what it needs of the engine outside."""

    volume: str
    capabilities: Sequence[str]
    security: Sequence[str]
    """Security options."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkspaceArgs:
    """What one opened workspace runs, over which folder, as whom."""

    host: Host
    """The engine that it runs on; the provider in the options must reach the same one."""
    image: pulumi.Input[str]
    """`repo@sha256:…`."""
    container: str
    """Name of the container and of its network on the host."""
    folder: str
    """Absolute path on the host."""
    user: str
    """`UID:GID`: files made in the folder belong to them."""
    terminal: str
    """What a terminal in it runs."""
    home_volume: str
    engine: EngineInside | None = None
    """None runs no engine, and gives no capability."""
    ide_port: int | None = None
    """Port of the page inside, or None."""
    port: int | None = None
    """The same on the host's loopback."""
    memory: int = MEMORY
    """Limit in MiB."""
    hidden: Sequence[str] = ()
    """Paths in the folder that are empty inside."""
    authorities: str = ""
    """Certificate authorities of the network (PEM), beside Debian's."""
    pull_from: pulumi.Input[str] | None = None
    """Repository that its host pulls the image from; None is the image's own."""


class Workspace(pulumi.ComponentResource):
    """One workspace that one person works in."""

    container: pulumi.Output[str]
    home_volume: pulumi.Output[str]
    enter: str
    """Command that opens a terminal in it, as the person and not as what runs it."""
    url: str
    """Of its page; empty where it has none."""
    sign_in: str
    """Command that shows the page's password; empty where there is no page."""

    def __init__(self, name: str, args: WorkspaceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("skycoin:index:Workspace", name, None, opts)
        kept = pulumi.ResourceOptions(
            parent=self,
            retain_on_delete=True,
            # Of a volume that was there before, made by somebody else: a difference would replace it.
            ignore_changes=["labels", "driver", "driverOpts"],
        )
        home = docker.Volume(f"{name}-home", name=args.home_volume, opts=kept)
        volumes = {HOME: home}
        if args.engine is not None:
            volumes[DOCKER_DATA] = docker.Volume(f"{name}-docker", name=args.engine.volume, opts=kept)
        network = docker.Network(
            f"{name}-network",
            name=args.container,
            driver="bridge",
            # Of somebody else, or of the stand-in docker plugin: they would replace the network.
            opts=pulumi.ResourceOptions(parent=self, ignore_changes=["labels"]),
        )
        image = PulledImage(
            f"{name}-pulled",
            host=args.host,
            image=args.image,
            pull_from=args.pull_from,
            opts=pulumi.ResourceOptions(parent=self),
        )
        container = self._create_container(f"{name}-container", args, image, network, volumes)
        self.container = container.name
        self.home_volume = home.name
        within = f"--user {args.user} {args.container}"
        self.enter = f"docker exec -it {within} {args.terminal}"
        self.url = "" if args.port is None else f"http://{LOOPBACK}:{args.port}/?folder={WORK}"
        self.sign_in = "" if args.port is None else f"docker exec {within} grep ^password: {PASSWORD}"
        self.register_outputs(self.summary)

    @property
    def summary(self) -> dict[str, pulumi.Input[str]]:
        """{container, home_volume, enter, url, sign_in}: the workspace in the stack's outputs."""
        return {
            "container": self.container,
            "home_volume": self.home_volume,
            "enter": self.enter,
            "url": self.url,
            "sign_in": self.sign_in,
        }

    def _create_container(
        self,
        name: str,
        args: WorkspaceArgs,
        image: PulledImage,
        network: docker.Network,
        volumes: Mapping[str, docker.Volume],
    ) -> docker.Container:
        return docker.Container(
            name,
            name=args.container,
            image=image.ref,
            mounts=[
                docker.ContainerMountArgs(type="bind", source=args.folder, target=WORK),
                *(
                    docker.ContainerMountArgs(type="volume", source=volume.name, target=target)
                    for target, volume in volumes.items()
                ),
            ],
            # Empty and not to be written: what lies there in the folder is out of reach.
            tmpfs={f"{WORK}/{path}": "ro,size=4k" for path in args.hidden} or None,
            command=STAY if args.ide_port is None else page_command(args.ide_port),
            working_dir=WORK,
            init=True,
            # Always the same mode: one that the provider has to fill in replaces it at every run.
            network_mode=network.name,
            ports=_ports(args),
            restart="unless-stopped",
            stop_timeout=GRACE,
            destroy_grace_seconds=GRACE,
            remove_volumes=False,
            memory=args.memory,
            memory_swap=2 * args.memory,
            log_driver="json-file",
            log_opts={"max-size": "10m", "max-file": "3"},
            ulimits=[docker.ContainerUlimitArgs(name="nproc", soft=PROCESSES, hard=PROCESSES)],
            # For its entry point, which may start as root: whom to go on as.
            envs=[f"WORKSPACE_USER={args.user}", *authority_variables(args.authorities)],
            **_rights(args),
            **_waiting(args),
            opts=pulumi.ResourceOptions(
                parent=self,
                # Two containers can't have one name and one home.
                delete_before_replace=True,
                # The plugin takes a change of these as done in place, but only writes it to state.
                replace_on_changes=["healthcheck", "tmpfs", "init"],
            ),
        )


def page_command(port: int) -> list[str]:
    """VS Code's page behind a password.

    The engine publishes the port from all of the container's addresses; the host shows it on loopback only.
    """
    server = ["code-server", f"--bind-addr=0.0.0.0:{port}", "--auth=password", f"--config={PASSWORD}"]
    quiet = ["--disable-telemetry", "--disable-update-check", "--disable-getting-started-override"]
    return ["sh", "-euc", WITH_PASSWORD, "sh", *server, *quiet, WORK]


def _rights(args: WorkspaceArgs) -> dict[str, Any]:
    """Those of a person; with an engine inside those of root, which its entry point drops."""
    if args.engine is not None:
        return {
            "user": "0:0",
            # As the engine reads them back: the official plugin compares them as text.
            "capabilities": docker.ContainerCapabilitiesArgs(
                adds=[f"CAP_{name}" for name in args.engine.capabilities]
            ),
            "security_opts": list(args.engine.security),
        }
    return {
        "user": args.user,
        "capabilities": docker.ContainerCapabilitiesArgs(drops=["ALL"]),
        "security_opts": ["no-new-privileges"],
    }


def _waiting(args: WorkspaceArgs) -> dict[str, Any]:
    """`up` ends when what is inside answers: the engine, the page."""
    asked = ["docker version"] if args.engine is not None else []
    if args.ide_port is not None:
        asked.append(f"curl --fail --silent http://{LOOPBACK}:{args.ide_port}/healthz")
    if not asked:
        return {}
    check = docker.ContainerHealthcheckArgs(
        tests=["CMD-SHELL", f"{' && '.join(asked)} >/dev/null"],
        interval="10s",
        timeout="10s",
        retries=6,
        start_period="1m0s",
    )
    return {"healthcheck": check, "wait": True, "wait_timeout": WAIT}


def _ports(args: WorkspaceArgs) -> list[docker.ContainerPortArgs] | None:
    if args.ide_port is None:
        return None
    return [docker.ContainerPortArgs(internal=args.ide_port, external=args.port, ip=LOOPBACK)]
