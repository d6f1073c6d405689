"""The images of this repository: folder, software, and what their sources must fulfil."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from stacks.settings import SourceSettings

PROJECT = Path(__file__).resolve().parent.parent
DEBIAN_BASE_REPOSITORY = "base/busybox"
DEBIAN_BASE_TAG = "bookworm"
"""What images/busybox is published as, where bases are made from Debian packages."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CatalogueEntry:
    """One folder under images/."""

    name: str
    repository: str
    """Repository under a registry's address where the settings name none."""
    title: str
    module: str
    """Go module of the software; the folder's go.mod pins its version and hashes."""
    url: str

    @property
    def context(self) -> str:
        """Build context relative to the project: the same in every checkout."""
        return f"./images/{self.name}"

    def pinned_version(self) -> str:
        """Version of `module` in the folder's go.mod."""
        text = (PROJECT / "images" / self.name / "go.mod").read_text()
        match = re.search(rf"^(?:require)?\s*{re.escape(self.module)} (v\S+)", text, re.M)
        return match[1] if match else ""

    def source_faults(self, source: SourceSettings) -> Iterator[str]:
        """Why this image can't be built from `source`."""
        if source.module is not None and source.module != self.module:
            yield f"module {source.module!r} is not what {self.name} is made of; allowed is {self.module}"
        elif source.module is not None and source.version != (pinned := self.pinned_version()):
            yield (
                f"version {source.version} is not the one whose hashes images/{self.name}/go.mod pins "
                f"({pinned}); change it there with `go get {self.module}@{source.version}`"
            )
        if source.path is not None and not (PROJECT / source.path / "cmd").is_dir():
            yield f"path {source.path!r} is no working copy of {self.module} (it has no folder cmd)"


CATALOGUE: Mapping[str, CatalogueEntry] = MappingProxyType(
    {
        "skycoin": CatalogueEntry(
            name="skycoin",
            repository="skycoin/skycoin",
            title="Skycoin node",
            module="github.com/skycoin/skycoin",
            url="https://github.com/skycoin/skycoin",
        ),
    }
)
