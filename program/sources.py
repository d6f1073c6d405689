"""Provenance of a source: version, commit, branch and date, read before any resource is created."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from clients.git import ask_git, is_changed, is_checkout
from settings.image import SourceSettings


@dataclass(frozen=True, kw_only=True, slots=True)
class Provenance:
    """Facts about a source that go into the binary and the labels."""

    version: str
    commit: str
    branch: str
    date: str | None
    """UTC, ISO 8601 with Z; None if the source has no date."""

    @property
    def epoch(self) -> str:
        """SOURCE_DATE_EPOCH in seconds (reproducible-builds.org); 0 if there is no date."""
        if self.date is None:
            return "0"
        return str(int(datetime.fromisoformat(self.date).timestamp()))


def provenance(source: SourceSettings, project: Path) -> Provenance:
    """Facts from the settings and, for a working copy, from git: commit (with `-dirty`), branch and date."""
    given = Provenance(
        version=source.version.removeprefix("v"),
        commit=source.commit or "",
        branch=source.branch,
        date=source.date,
    )
    return given if source.path is None else _of_working_copy(given, project / source.path)


def _of_working_copy(given: Provenance, folder: Path) -> Provenance:
    if not is_checkout(folder):
        # Unpacked sources inside another repository must not get that repository's commit.
        return replace(given, commit=given.commit or "unknown")
    commit = given.commit or ask_git(folder, "rev-parse", "HEAD") or "unknown"
    # Untracked files count, because the build gets them too.
    dirty = "-dirty" if is_changed(folder) else ""
    seconds = ask_git(folder, "log", "-1", "--format=%ct")
    date = datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if seconds else None
    return replace(
        given,
        commit=commit + dirty,
        branch=given.branch or ask_git(folder, "symbolic-ref", "--short", "-q", "HEAD"),
        date=given.date or date,
    )
