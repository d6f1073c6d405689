"""The version of this program."""

VERSION = "0.3.0"
"""Version as MAJOR.MINOR.PATCH (semver.org). A test keeps pyproject.toml and CHANGELOG.md the same."""
