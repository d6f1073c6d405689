"""`skyinfra release pin-plugins`: checksums of Pulumi's official plugins, as their publisher gives them."""

import http.client
import json
import re
import urllib.request

import click

from commands.options import examples
from display.errors import UserError
from local.machine.layout import PROJECT
from local.pulumi.plugins import CHECKSUMS, DIGEST, MACHINES, PLUGINS, archive_name

PUBLISHED = "https://api.github.com/repos/pulumi/pulumi-{name}/releases/tags/v{version}"
"""GitHub's answer about a release, with the SHA-256 of each of its files.

The release's own list of checksums can't be used: that of the docker plugin has SHA-1.
"""
SECONDS = 30
LARGEST = 4_000_000
"""Maximum number of bytes to read of that answer, which has about 2000 for each file."""
HEAD = """\
# SHA-256 of Pulumi's official plugins, recorded by `./skyinfra release pin-plugins` from GitHub's releases.
# The archives come from another server, and are only installed with these.
"""


@click.command(
    short_help="Record the checksums of Pulumi's official plugins.",
    epilog=examples("./skyinfra release pin-plugins"),
)
def pin_plugins() -> None:
    """Record the SHA-256 of Pulumi's official plugins, which GitHub states for the files of their releases.

    Writes local/pulumi/plugin-checksums.txt, which is to be reviewed and committed. New set-ups then download
    these plugins, and refuse one with another checksum. Without a checksum, `make up` downloads a plugin only
    with SKYCOIN_MODE=official. Run it again after each change of a plugin's version.
    """
    recorded: dict[str, str] = {}
    for name, version in PLUGINS.items():
        address = PUBLISHED.format(name=name, version=version)
        published = _published(address)
        for archive in (archive_name(name, machine) for machine in MACHINES):
            if archive not in published:
                raise UserError(
                    f"{address} has no SHA-256 of {archive}; it has those of: "
                    f"{', '.join(sorted(published)) or 'no file'}. Nothing was recorded."
                )
            recorded[archive] = published[archive]
    lines = (f"{sha256}  {archive}\n" for archive, sha256 in recorded.items())
    CHECKSUMS.write_text(HEAD + "".join(lines))
    click.echo(f"{len(recorded)} checksums are in {CHECKSUMS.relative_to(PROJECT)}: review and commit them.")


def _published(address: str) -> dict[str, str]:
    """File name → SHA-256, of the files of a release that have one. Raises UserError."""
    try:
        with urllib.request.urlopen(address, timeout=SECONDS) as answer:
            content: bytes = answer.read(LARGEST)
    except (OSError, http.client.HTTPException) as error:
        raise UserError(f"{address} can't be read: {error}. Nothing was recorded.") from None
    try:
        digests = {asset["name"]: asset["digest"] for asset in json.loads(content)["assets"]}
    except (ValueError, KeyError, TypeError):
        raise UserError(
            f"{address} is not GitHub's answer about a release, or is not complete. Nothing was recorded."
        ) from None
    return {
        name: digest.removeprefix("sha256:")
        for name, digest in digests.items()
        if re.fullmatch(f"sha256:{DIGEST}", str(digest))
    }
