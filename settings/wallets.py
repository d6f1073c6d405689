"""`skycoin:wallets`: recipients and maximum age of the backups of the nodes' wallets."""

from typing import Annotated

from pydantic import Field

from settings.fields import Recipient
from settings.model import Settings, each_once


class WalletsSettings(Settings):
    """Rules for the backups of all wallets of a stack."""

    key_rules = (each_once("recipients"),)

    recipients: list[Recipient] = Field(default_factory=list)
    """Public keys that every backup is encrypted to; the private key of one is enough to read it."""
    backup_age: (
        Annotated[int, Field(ge=1, le=3650, examples=[7], json_schema_extra={"unit": "days"})] | None
    ) = None
    """Maximum age of the newest backup of a node's wallets, after which it is reported as too old."""
