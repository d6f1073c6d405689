"""A stack's YAML as frozen, typed values: everything under `skycoin:` keys.

Each model checks a single entry. Rules over several entries are in `rules/`;
`reading.py` applies both and reports all errors at once.
"""

from typing import Annotated

from pydantic import Field

from catalogue.bases import Bases
from settings.fields import Builder, File, Pinned, RegistryName, SecretName, StackName
from settings.host import HostSettings
from settings.image import ImageSettings
from settings.model import Settings
from settings.node import NodeSettings
from settings.registry import RegistrySettings
from settings.rollout import RolloutSettings
from settings.wallets import WalletsSettings
from settings.workspace import WorkspaceSettings, WorkspaceUserSettings


class StackSettings(Settings):
    """All settings of one stack under `skycoin:`."""

    registries: dict[str, RegistrySettings] = Field(default_factory=dict)
    """Registries that images are published to, by name."""
    images: dict[str, ImageSettings] = Field(default_factory=dict)
    """Images to build and publish, by their names in the catalogue: `skycoin` (the node), `skywire` (the
    Skywire visor), `exporter` (the node's metrics), `proxy` (the login before the node's web interface; built
    without an entry if a node has `gui: true`), `registry` (the distribution registry)."""
    workspaces: dict[str, WorkspaceSettings] = Field(default_factory=dict)
    """Development workspaces to build, by their names in the catalogue: `cli`, `python`, `dotnet`,
    `vscode`."""
    workspace_user: WorkspaceUserSettings = Field(default_factory=WorkspaceUserSettings)
    """Ids of the user in the workspaces' images; a container can run with others. Default: `1000` each."""
    hosts: dict[str, HostSettings] = Field(default_factory=dict)
    """Docker engines that containers run on, by name, and the limits of all nodes on each."""
    nodes: dict[str, NodeSettings] = Field(default_factory=dict)
    """Nodes, by name. The container is called `IMAGE-NAME`, such as `skycoin-node-1`."""
    rollout: RolloutSettings | None = None
    """Order in which hosts get a change ([how](stacks.md#rollout)). Default: all hosts at once."""
    wallets: WalletsSettings = Field(default_factory=WalletsSettings)
    """Rules for the [backups](wallets.md#backups) of all nodes' wallets."""
    images_from: StackName | None = None
    """Stack that publishes the images of all nodes: `organization/skycoin/release` on a backend of one's own,
    `ORG/skycoin/release` on Pulumi's."""
    pull_from: RegistryName | None = None
    """Registry that hosts pull images of nodes, exporters, proxies and opened workspaces from; not with
    `images-from`. Default: each image's first registry."""
    bases: Annotated[Bases, Field(strict=False)] = Bases.OFFICIAL
    """Base images: `official` ones by digest, whose Go is 1.26.5, without the security fixes of 1.26.6 to
    1.26.11 (no newer digest was on record), or built from Debian packages, with Go 1.26.11 (`debian`). A
    `glibc` base is always built."""
    build_base: Pinned | None = None
    """Image that builds run on; only with bases `debian`."""
    builder: Builder | None = None
    """Buildx instance for the builds. Default: the machine's."""
    build_ca: File | None = None
    """File of certificate authorities that builds and opened workspaces need; relative to the project."""
    build_secrets: dict[SecretName, str] = Field(default_factory=dict)
    """Secrets for the build steps of `skycoin:images`, by name: [encrypted](stacks.md#secrets-for-builds),
    never in plain text."""
