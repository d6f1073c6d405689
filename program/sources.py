"""Facts of a source: version, commit, branch, date. Read before any resource is made."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from clients.git import ask_git, is_changed
from settings.image import SourceSettings


@dataclass(frozen=True, kw_only=True, slots=True)
class Provenance:
    """Facts that reach the binary and the labels."""

    version: str
    commit: str
    branch: str
    date: str | None
    """UTC, ISO 8601 with Z; None where the source has none."""

    @property
    def epoch(self) -> str:
        """SOURCE_DATE_EPOCH in seconds (reproducible-builds.org); 0 where there is no date."""
        if self.date is None:
            return "0"
        return str(int(datetime.fromisoformat(self.date).timestamp()))


def provenance(source: SourceSettings, project: Path) -> Provenance:
    """Facts from the settings and, for a working copy, from git: commit, branch, `-dirty` if changed."""
    given = Provenance(
        version=source.version.removeprefix("v"),
        commit=source.commit or "",
        branch=source.branch,
        date=source.date,
    )
    return given if source.path is None else _of_working_copy(given, project / source.path)


def _of_working_copy(given: Provenance, folder: Path) -> Provenance:
    # Checked first: without .git, which no commit can contain, git would look at the folder itself.
    top = ask_git(folder, "rev-parse", "--show-toplevel") if (folder / ".git").exists() else ""
    if not top or Path(top).resolve() != folder.resolve():
        # Unpacked sources inside another repository must not get its commit.
        return replace(given, commit=given.commit or "unknown")
    commit = given.commit or ask_git(folder, "rev-parse", "HEAD") or "unknown"
    # Untracked files count: the build gets them too.
    dirty = "-dirty" if is_changed(folder) else ""
    seconds = ask_git(folder, "log", "-1", "--format=%ct")
    date = datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if seconds else None
    return replace(
        given,
        commit=commit + dirty,
        branch=given.branch or ask_git(folder, "symbolic-ref", "--short", "-q", "HEAD"),
        date=given.date or date,
    )
