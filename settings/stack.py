"""A stack's YAML as frozen, typed values: everything under `skycoin:` keys.

Each model checks what one entry shows. Rules that join several entries are in `rules/`;
`reading.py` applies both and reports every error at once.
"""

from typing import Annotated

from pydantic import Field

from catalogue.bases import Bases
from settings.fields import Pinned, SecretName
from settings.host import HostSettings
from settings.image import ImageSettings
from settings.model import Settings
from settings.node import NodeSettings
from settings.registry import RegistrySettings
from settings.rollout import RolloutSettings
from settings.wallets import WalletsSettings
from settings.workspace import WorkspaceSettings, WorkspaceUserSettings


class StackSettings(Settings):
    """Everything under `skycoin:` of one stack."""

    registries: dict[str, RegistrySettings] = Field(default_factory=dict)
    images: dict[str, ImageSettings] = Field(default_factory=dict)
    workspaces: dict[str, WorkspaceSettings] = Field(default_factory=dict)
    workspace_user: WorkspaceUserSettings = Field(default_factory=WorkspaceUserSettings)
    hosts: dict[str, HostSettings] = Field(default_factory=dict)
    nodes: dict[str, NodeSettings] = Field(default_factory=dict)
    rollout: RolloutSettings | None = None
    """Order in which hosts change; None: all at once."""
    wallets: WalletsSettings = Field(default_factory=WalletsSettings)
    images_from: str | None = None
    pull_from: str | None = None
    """Registry that hosts pull images from, where it is not each image's first one."""
    bases: Annotated[Bases, Field(strict=False)] = Bases.OFFICIAL
    build_base: Pinned | None = None
    builder: str | None = None
    build_ca: str | None = None
    build_secrets: dict[SecretName, str] = Field(default_factory=dict)
    """Encrypted in the YAML: `reading.py` refuses them in clear."""
