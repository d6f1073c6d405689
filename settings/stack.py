"""A stack's YAML as frozen, typed values: everything under `skycoin:` keys.

Each model has the types and the rules of a single entry. Rules over several entries are in `rules/`;
`reading.py` applies all of them and reports all errors at once.
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
    without an entry if a node has `gui: true`), `registry` (CNCF Distribution)."""
    workspaces: dict[str, WorkspaceSettings] = Field(default_factory=dict)
    """Development workspaces to build, by their names in the catalogue: `cli`, `python`, `dotnet`,
    `vscode`."""
    workspace_user: WorkspaceUserSettings = Field(default_factory=WorkspaceUserSettings)
    """IDs of the user in the workspaces' images; a container can run as another user. Default: `1000`
    each."""
    hosts: dict[str, HostSettings] = Field(default_factory=dict)
    """Docker engines that containers run on, by name, and the limits of all nodes on each."""
    nodes: dict[str, NodeSettings] = Field(default_factory=dict)
    """Nodes, by name. The container is called `IMAGE-NAME`, such as `skycoin-node-1`."""
    rollout: RolloutSettings | None = None
    """Order in which hosts are updated ([how](stacks.md#rollout)). Default: all hosts at once."""
    wallets: WalletsSettings = Field(default_factory=WalletsSettings)
    """Rules for the [backups](wallets.md#backups) of all nodes' wallets."""
    images_from: StackName | None = None
    """Stack that publishes the images of all nodes, exporters, proxies and hosted registries:
    `organization/skycoin/release` on a DIY backend, `ORG/skycoin/release` on Pulumi Cloud."""
    pull_from: RegistryName | None = None
    """Registry that hosts pull images of nodes, exporters, proxies and opened workspaces from; not with
    `images-from`. Default: each image's first registry."""
    bases: Annotated[Bases, Field(strict=False)] = Bases.OFFICIAL
    """Base images: Docker Official Images by digest (`official`), with Go 1.26.5, which lacks the security
    fixes of 1.26.6 to 1.26.11; or images built from Debian packages (`debian`), with Go 1.26.11. A `glibc`
    base is built in both cases."""
    build_base: Pinned | None = None
    """Image in which builds run; required with `bases: debian`, else not allowed."""
    builder: Builder | None = None
    """Buildx instance to build with. Default: the engine's own builder."""
    build_ca: File | None = None
    """File with CA certificates that builds and opened workspaces trust, relative to the project. Default:
    none."""
    build_secrets: dict[SecretName, str] = Field(default_factory=dict)
    """Secrets for the build steps of `skycoin:images`, by name: [encrypted](stacks.md#secrets-for-builds),
    never in plain text."""
