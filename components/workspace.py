"""An opened workspace: a development image that runs on a host, with one folder of that host mounted.

Creates a container with a fixed name, a home volume that is retained, and a separate bridge network. The
container mounts the given folder and no other path of the host, runs without capabilities under the given
user and group ids, and publishes its page on the host's loopback only.

With a nested Docker engine (`engine`), the container has rights over the host's kernel, unlike any other
container of this program: anyone who may enter it can take over the host. It is therefore refused on an
engine that has a node. The nested engine listens on a socket, never on a port, and has a retained volume.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_docker as docker

from catalogue.confinement import (
    DROPPED_CAPABILITIES,
    LOG_DRIVER,
    LOOPBACK,
    SECURITY_OPTIONS,
    log_options,
)
from catalogue.stack_outputs import OpenedParts
from catalogue.workspaces import DOCKER_DATA, GRACE, HOME, MEMORY, PROCESSES, STAY, WORK, authority_variables
from components.host import Host
from components.kept_volume import kept_volume
from components.pulled_image import HostImage, PulledImage
from components.workspace_preflight import WorkspacePreflight

WAIT = 120
"""Time limit in seconds for the services inside to answer."""
PASSWORD = f"{HOME}/.config/code-server/config.yaml"
"""File with the page's password, which is generated at the first start and stored nowhere else."""
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
"""Shell script that writes the password file and runs the command.

code-server would create that file too, but readable by every user.
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class NestedEngine:
    """A Docker engine in the workspace: the volume of its data, and its rights from the outer engine."""

    volume: str
    capabilities: Sequence[str]
    security: Sequence[str]
    """Security options."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkspaceArgs:
    """Arguments of one opened workspace: its image, its folder and its user."""

    host: Host
    """Host whose engine runs the workspace; the provider in the options must reach the same engine."""
    image: HostImage
    container: str
    """Name of the container and of its network on the host."""
    folder: str
    """Absolute path on the host."""
    user: str
    """`UID:GID`, the owner of files created in the folder."""
    terminal: str
    """Command that a terminal in the workspace runs."""
    home_volume: str
    engine: NestedEngine | None = None
    """Engine to run inside; None runs none and grants no capability."""
    ide_port: int | None = None
    """Port of the page inside the container; None if it has no page."""
    port: int | None = None
    """Port of the page on the host's loopback; None if it has no page."""
    memory: int = MEMORY
    """Limit in MiB."""
    hidden: Sequence[str] = ()
    """Paths in the folder that look empty inside the container."""
    authorities: str = ""
    """Certificate authorities of the network (PEM), in addition to Debian's."""


class Workspace(pulumi.ComponentResource):
    """One workspace, for one user."""

    container: pulumi.Output[str]
    home_volume: pulumi.Output[str]
    enter: str
    """Command that opens a terminal in the workspace as its user, not as the user of the entry point."""
    url: str
    """URL of the page; empty if there is none."""
    sign_in: str
    """Command that shows the page's password; empty if there is no page."""

    def __init__(self, name: str, args: WorkspaceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("skycoin:index:Workspace", name, None, opts)
        preflight = WorkspacePreflight(
            f"{name}-preflight",
            host=args.host,
            container=args.container,
            folder=args.folder,
            nested_engine=args.engine is not None,
            opts=pulumi.ResourceOptions(parent=self),
        )
        home = kept_volume(f"{name}-home", args.home_volume, parent=self, depends_on=[preflight])
        volumes = {HOME: home}
        if args.engine is not None:
            volumes[DOCKER_DATA] = kept_volume(
                f"{name}-docker", args.engine.volume, parent=self, depends_on=[preflight]
            )
        network = docker.Network(
            f"{name}-network",
            name=args.container,
            driver="bridge",
            # Users and the stand-in Docker plugin may have labelled the network: a difference would replace
            # it.
            opts=pulumi.ResourceOptions(parent=self, depends_on=preflight, ignore_changes=["labels"]),
        )
        image = PulledImage(
            f"{name}-pulled",
            host=args.host,
            image=args.image,
            opts=pulumi.ResourceOptions(parent=self, depends_on=preflight),
        )
        container = self._create_container(f"{name}-container", args, image, network, volumes)
        self.container = container.name
        self.home_volume = home.name
        target = f"--user {args.user} {args.container}"
        self.enter = f"docker exec -it {target} {args.terminal}"
        self.url = "" if args.port is None else f"http://{LOOPBACK}:{args.port}/?folder={WORK}"
        self.sign_in = "" if args.port is None else f"docker exec {target} grep ^password: {PASSWORD}"
        self.register_outputs(self.summary)

    @property
    def summary(self) -> OpenedParts[pulumi.Input[str]]:
        """Describe the workspace for the stack's outputs."""
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
            # Empty and read-only, so that the folder's own content at these paths is out of reach.
            tmpfs={f"{WORK}/{path}": "ro,size=4k" for path in args.hidden} or None,
            command=STAY if args.ide_port is None else page_command(args.ide_port),
            working_dir=WORK,
            init=True,
            # Always given: a mode that the provider fills in would replace the container at every run.
            network_mode=network.name,
            ports=_ports(args),
            restart="unless-stopped",
            stop_timeout=GRACE,
            destroy_grace_seconds=GRACE,
            remove_volumes=False,
            memory=args.memory,
            memory_swap=2 * args.memory,
            log_driver=LOG_DRIVER,
            log_opts=log_options("10m"),
            ulimits=[docker.ContainerUlimitArgs(name="nproc", soft=PROCESSES, hard=PROCESSES)],
            # For the entry point, which may start as root and then switches to this user.
            envs=[f"WORKSPACE_USER={args.user}", *authority_variables(args.authorities)],
            **_rights(args),
            **_waiting(args),
            opts=pulumi.ResourceOptions(
                parent=self,
                # Two containers can't share a name and a home volume.
                delete_before_replace=True,
                # The plugin reports a change of these as updated in place, but only writes it to the state.
                replace_on_changes=["healthcheck", "tmpfs", "init"],
            ),
        )


def page_command(port: int) -> list[str]:
    """Command that serves VS Code in the browser behind a password.

    The page listens on all of the container's addresses because the engine publishes its port from there; on
    the host the port is on loopback only.
    """
    server = ["code-server", f"--bind-addr=0.0.0.0:{port}", "--auth=password", f"--config={PASSWORD}"]
    quiet = ["--disable-telemetry", "--disable-update-check", "--disable-getting-started-override"]
    return ["sh", "-euc", WITH_PASSWORD, "sh", *server, *quiet, WORK]


def _rights(args: WorkspaceArgs) -> dict[str, Any]:
    """Rights of the workspace's user; with a nested engine, root's, which the entry point drops."""
    if args.engine is not None:
        return {
            "user": "0:0",
            # In the engine's spelling: the official plugin compares them as text.
            "capabilities": docker.ContainerCapabilitiesArgs(
                adds=[f"CAP_{name}" for name in args.engine.capabilities]
            ),
            "security_opts": list(args.engine.security),
        }
    return {
        "user": args.user,
        "capabilities": docker.ContainerCapabilitiesArgs(drops=DROPPED_CAPABILITIES),
        "security_opts": SECURITY_OPTIONS,
    }


def _waiting(args: WorkspaceArgs) -> dict[str, Any]:
    """Health check, so that `up` ends only once the engine and the page inside answer; empty without both."""
    commands = ["docker version"] if args.engine is not None else []
    if args.ide_port is not None:
        commands.append(f"curl --fail --silent http://{LOOPBACK}:{args.ide_port}/healthz")
    if not commands:
        return {}
    check = docker.ContainerHealthcheckArgs(
        tests=["CMD-SHELL", f"{' && '.join(commands)} >/dev/null"],
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
