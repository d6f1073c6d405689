"""Read-only git in folders with other people's content, from which nothing is executed.

A folder can look like a bare repository and contain a config. The config of a real checkout names hooks,
filters and other commands, and a pull request can change the files that they run.
"""

import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

SETTINGS: Mapping[str, str] = MappingProxyType(
    {
        "safe.bareRepository": "explicit",  # git 2.38 and newer
        "core.fsmonitor": "false",
        # Writing the index, as `git status` does, runs a hook.
        "core.hooksPath": os.devnull,
        # `git log` would start gpg.program.
        "log.showSignature": "false",
    }
)
"""Settings that keep git from running commands of a repository (git-config(1))."""
VARIABLES: Mapping[str, str] = MappingProxyType(
    {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "GIT_NO_REPLACE_OBJECTS": "1"}
)
"""Variables for reading only.

`git status` does not write the index, which would run a hook, and `git replace` has no effect, so that an id
stands for one tree.
"""
OFFLINE: Mapping[str, str] = MappingProxyType({"GIT_ALLOW_PROTOCOL": "none", "GIT_NO_LAZY_FETCH": "1"})
"""Variables that keep git from fetching a missing object with a command from the repository's config."""
FILTERS = r"^filter\..*\.(clean|process)$"
FOREIGN = ("local", "worktree")
"""Scopes of settings that come with a repository; all others are the operator's own."""


def guarded(environ: Mapping[str, str], settings: Mapping[str, str] = SETTINGS) -> dict[str, str]:
    """Environment in which every git, even one started by another program, runs with `settings`.

    Variables that point git to another repository, such as those of a git hook, are removed.
    """
    kept = {
        name: value
        for name, value in environ.items()
        if not name.startswith("GIT_") or name.startswith("GIT_CONFIG_")
    }
    first = int(kept.get("GIT_CONFIG_COUNT") or 0)
    for number, (key, value) in enumerate(settings.items(), first):
        kept |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return {**kept, **VARIABLES, "GIT_CONFIG_COUNT": str(first + len(settings))}


def is_checkout(folder: Path) -> bool:
    """True for the top folder of a checkout; False below it, and in a shape like a bare repository's."""
    # Without .git, which no commit can contain, git could take the folder itself for a bare repository.
    top = ask_git(folder, "rev-parse", "--show-toplevel") if (folder / ".git").exists() else ""
    return bool(top) and Path(top).resolve() == folder.resolve()


def ask_git(folder: Path, *arguments: str) -> str:
    """Output of a read-only git command; empty if it fails, as in a folder that is not a checkout."""
    result = _run(folder, SETTINGS, arguments)
    return result.stdout.strip() if result.returncode == 0 else ""


def tree_of(folder: Path) -> str:
    """Id of a folder's tree in the checked-out commit; empty if there is none.

    Equal ids mean equal files, whatever commit, branch or merge they came from.
    """
    return ask_git(folder, "rev-parse", "--verify", "--quiet", "HEAD:./")


def commit_of(folder: Path, revision: str) -> str:
    """Id of the commit that a revision names; empty if it names none."""
    return ask_git(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")


def merge_base(folder: Path, base: str, head: str) -> str:
    """Id of the commit where two histories diverged; empty if they share none."""
    return ask_git(folder, "merge-base", base, head)


def files_of(folder: Path, commit: str, path: str) -> dict[str, str]:
    """Contents of a commit's files by name: one file, or all files of a folder if `path` ends with `/`.

    Links and subfolders are left out.
    """
    listed = _run(folder, SETTINGS, ("ls-tree", "-z", commit, path)).stdout.split("\0")
    blobs = (line.partition("\t") for line in listed if line.startswith("100"))
    return {
        path.rpartition("/")[2]: _run(folder, SETTINGS, ("cat-file", "blob", about.split()[2])).stdout
        for about, _, path in blobs
    }


def changed_between(folder: Path, base: str, head: str = "") -> list[str]:
    """Paths that differ between two commits, or between a commit and the checkout, if tracked."""
    settings = {**SETTINGS, **_no_filters(folder), "diff.relative": "false"}
    # `diff-index` would also list files that were touched without a change.
    command = ("diff-tree", "-r", base, head) if head else ("diff", "--no-renames", "--no-ext-diff", base)
    options = ("-O/dev/null", "--ignore-submodules=dirty", "--name-only", "-z")
    return _run(folder, settings, (*command, *options)).stdout.split("\0")[:-1]


def untracked(folder: Path, path: str) -> list[str]:
    """Paths below `path` that git neither tracks nor ignores."""
    listed = _run(folder, SETTINGS, ("ls-files", "--others", "--exclude-standard", "-z", "--", path))
    return listed.stdout.split("\0")[:-1]


def is_changed(folder: Path) -> bool:
    """True if a checkout or one of its submodules differs from its commit, or git can't tell.

    Untracked files count. Filters of the repository's config are not run, so a file that a filter would
    convert counts as changed if its content is read.
    """
    status = ("status", "--porcelain", "--untracked-files=normal", "--ignore-submodules=dirty")
    result = _run(folder, {**SETTINGS, **_no_filters(folder)}, status)
    return result.returncode != 0 or bool(result.stdout) or any(map(is_changed, _submodules(folder)))


def hidden_from_status(folder: Path, built: str) -> list[str]:
    """Files whose changes `git status` may not report.

    These are tracked files that git is configured to ignore, and all untracked files in the folder
    `built`, even ignored ones.
    """
    tagged = _run(folder, SETTINGS, ("ls-files", "-v", "-z")).stdout.split("\0")
    ignored = _run(folder, SETTINGS, ("ls-files", "--others", "-z", "--", built)).stdout.split("\0")
    # git-ls-files(1): lower case means --assume-unchanged, S means --skip-worktree.
    unseen = [line[2:] for line in tagged if line[:1].islower() or line[:1] == "S"]
    return [*unseen, *filter(None, ignored)]


def _no_filters(folder: Path) -> dict[str, str]:
    """Settings that disable the repository's own filters."""
    listed = _run(folder, SETTINGS, ("config", "--show-scope", "--name-only", "-z", "--get-regexp", FILTERS))
    scopes, keys = (listed.stdout.split("\0")[start::2] for start in (0, 1))
    names = {key.rpartition(".")[0] for scope, key in zip(scopes, keys, strict=False) if scope in FOREIGN}
    return {
        f"{name}.{option}": value
        for name in names
        for option, value in (("clean", ""), ("process", ""), ("required", "false"))
    }


def _submodules(folder: Path) -> Iterator[Path]:
    """Yield the checked-out submodules; git would use the filters in each one's own config."""
    for entry in _run(folder, SETTINGS, ("ls-files", "--stage", "-z")).stdout.split("\0"):
        about, _, path = entry.partition("\t")
        if about.startswith("160000 ") and (folder / path / ".git").exists():
            yield folder / path


def _run(
    folder: Path, settings: Mapping[str, str], arguments: tuple[str, ...]
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["git", "-C", str(folder), *arguments],
        env={**guarded(os.environ, settings), **OFFLINE},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="surrogateescape",
        check=False,
    )
