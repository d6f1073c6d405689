"""`skyinfra release pin-plugins`: checksums of Pulumi's official plugins, as their publisher gives them."""

import http.client
import urllib.request

import click

from commands.options import examples
from display.errors import UserError
from local.machine.layout import PROJECT
from local.pulumi.plugins import CHECKSUMS, MACHINES, PLUGINS, archive_name, checksums_in

PUBLISHED = "https://github.com/pulumi/pulumi-{name}/releases/download/v{version}/pulumi-{name}_{version}_checksums.txt"
"""Checksums of a release, by goreleaser's default name, which both repositories keep."""
SECONDS = 30
LARGEST = 1_000_000
"""Most bytes to read of a list of checksums, which has a line for each archive."""
HEAD = """\
# SHA-256 of Pulumi's official plugins, recorded by `./skyinfra release pin-plugins` from GitHub's releases.
# The archives come from another server, and are only installed with these.
"""


@click.command(
    short_help="Record the checksums of Pulumi's official plugins.",
    epilog=examples("./skyinfra release pin-plugins"),
)
def pin_plugins() -> None:
    """Record the SHA-256 of Pulumi's official plugins, from the checksums of their releases on GitHub.

    Writes local/pulumi/plugin-checksums.txt, which is to be reviewed and committed. New set-ups then download
    these plugins, and refuse one with another checksum; without a checksum, `make up` uses its own plugins.
    Run it again after each change of a plugin's version.
    """
    recorded: dict[str, str] = {}
    for name, version in PLUGINS.items():
        address = PUBLISHED.format(name=name, version=version)
        published = checksums_in(_read(address))
        for archive in (archive_name(name, machine) for machine in MACHINES):
            if archive not in published:
                raise UserError(
                    f"{address} has no checksum of {archive}; it has those of: "
                    f"{', '.join(sorted(published)) or 'no file'}. Nothing was recorded."
                )
            recorded[archive] = published[archive]
    lines = (f"{sha256}  {archive}\n" for archive, sha256 in recorded.items())
    CHECKSUMS.write_text(HEAD + "".join(lines))
    click.echo(f"{len(recorded)} checksums are in {CHECKSUMS.relative_to(PROJECT)}: review and commit them.")


def _read(address: str) -> str:
    try:
        with urllib.request.urlopen(address, timeout=SECONDS) as answer:
            content: bytes = answer.read(LARGEST)
    except (OSError, http.client.HTTPException) as error:
        raise UserError(f"{address} can't be read: {error}. Nothing was recorded.") from None
    return content.decode(errors="replace")
