"""`skycoin:wallets`: recipients of the backups of the nodes' wallets, and their maximum age."""

from typing import Annotated

from pydantic import Field, model_validator

from settings.fields import Recipient
from settings.model import Settings, each_once


class WalletsSettings(Settings):
    """Rules for the backups of all wallets of a stack."""

    recipients: list[Recipient] = Field(default_factory=list)
    """Public keys that every backup is encrypted to; the private key of one is enough to read it."""
    backup_age: (
        Annotated[int, Field(ge=1, le=3650, examples=[7], json_schema_extra={"unit": "days"})] | None
    ) = None
    """Maximum age of the newest backup of a node's wallets, after which it is reported as too old."""

    @model_validator(mode="after")
    def _each_recipient_once(self) -> "WalletsSettings":
        each_once(recipients=self.recipients)
        return self
