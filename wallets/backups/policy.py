"""A stack's present rules for backups, from its file, and the recipients given to a command."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from clients import age
from clients.deployed_nodes import DeployedNode
from settings.reading import SettingsError, parse
from settings.schema import NAMESPACE
from settings.wallets import WalletsSettings
from wallets.errors import WalletError

KEY = "wallets"
EXAMPLES = (
    "age1vhx06swwuly5zvty5z9p6xrzvdkz687gkrknz9xu2k3lpuhrhd3swu5a62",
    "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj",
)
"""Public keys in the documentation. Nobody has the private key of the first; everybody has the second's."""


def rules_of(config: Mapping[str, Any]) -> WalletsSettings:
    """Backup settings in a stack's configuration; the rest is not parsed. Raises WalletError."""
    raw = config.get(f"{NAMESPACE}:{KEY}")
    try:
        return parse({KEY: json.loads(raw) if isinstance(raw, str) else raw or {}}).wallets
    except (SettingsError, ValueError) as error:
        raise WalletError(f"{NAMESPACE}:{KEY} of the stack's file: {error}") from None


def recipients_of(rules: WalletsSettings, given: Sequence[str], files: Sequence[Path]) -> list[str]:
    """All recipients, the stack's and the command's, each once. Raises UserError."""
    return list(dict.fromkeys([*rules.recipients, *given_recipients(given, files)]))


def given_recipients(given: Sequence[str], files: Sequence[Path]) -> list[str]:
    """Recipients given to a command, directly or in files, each once. Raises UserError."""
    for recipient in given:
        if fault := age.recipient_fault(recipient):
            raise WalletError(f"--recipient: {fault}")
    from_files = [recipient for path in files for recipient in age.read_recipients(path)]
    return list(dict.fromkeys([*map(age.without_comment, given), *from_files]))


def refuse_unclear(node: DeployedNode, recipients: Sequence[str], *, plain: bool) -> None:
    """Raise WalletError unless a backup has the user's own recipients, or `--plain` was given without any."""
    for recipient in recipients:
        if recipient in EXAMPLES:
            raise WalletError(
                f"the recipient {recipient} is an example from the documentation, so no backup was created: "
                "nobody has its private key, or everybody. Write your own public key, in "
                f"`{NAMESPACE}:{KEY}` of the stack's file or with --recipient"
            )
    if recipients and plain:
        raise WalletError(
            "--plain: a backup in plain text would ignore the recipients: leave out either --plain or them"
        )
    if not recipients and not plain:
        raise WalletError(
            f"no recipient is given for backups of {node.name}, so none was created. Create a key once, on a "
            "machine that is neither the node's host nor this one: `age-keygen -o wallet-key.txt` (Debian's "
            "package age; keep that file as safe as the money). Then write the public key that it "
            f"prints into the stack's file, `{NAMESPACE}:{KEY}: {{recipients: [age1…]}}`, or give it with "
            "--recipient age1…. --plain writes a file that anyone can read"
        )
