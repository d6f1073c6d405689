"""catalogue/confinement.py: what a container is denied is written once."""

import ast
import subprocess

from catalogue.confinement import LOG_DRIVER, SECURITY_OPTIONS
from catalogue.images import PROJECT

WRITTEN_ONCE = {*SECURITY_OPTIONS, LOG_DRIVER, "ALL", "--cap-drop=ALL"}
CREATORS = ("clients", "components", "fleet", "program", "wallets", "workspaces")
"""Packages that create containers. Rules of a review have their own values, for they judge these."""


def test_no_other_module_spells_what_a_container_is_denied() -> None:
    listed = ["git", "ls-files", *(f"{package}/*.py" for package in CREATORS)]
    files = subprocess.run(listed, cwd=PROJECT, check=True, capture_output=True, text=True).stdout.split()
    assert len(files) > 100
    spelled = {
        (file, node.value)
        for file in files
        for node in ast.walk(ast.parse((PROJECT / file).read_text()))
        if isinstance(node, ast.Constant) and node.value in WRITTEN_ONCE
    }
    assert spelled == set()
