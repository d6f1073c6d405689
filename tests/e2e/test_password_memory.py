"""Memory that a node takes for a wallet's password, with the patch and without it (docs/adr/0057)."""

from pathlib import Path

from tests.e2e.judge import build_judge

ONE = 1 << 20
"""KiB that scrypt takes with a wallet's parameters (128 · N · r; N = 2²⁰, r = 8)."""
REST = 100 << 10


def test_passwords_one_after_another_take_the_memory_of_one(tmp_path: Path) -> None:
    """A node with a limit of 1.5 or 2 GiB was killed at the second password within two minutes."""
    assert ONE < build_judge(tmp_path, patched=True).passwords() < ONE + REST


def test_the_published_node_takes_the_memory_of_two(tmp_path: Path) -> None:
    """This is why it is patched; if a version no longer does this, it needs no patch."""
    assert build_judge(tmp_path).passwords() > 2 * ONE
