"""The version of this program."""

VERSION = "0.3.0"
"""Version as MAJOR.MINOR.PATCH (semver.org).

A test keeps pyproject.toml, CHANGELOG.md and README.md the same.
"""
