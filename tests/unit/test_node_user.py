"""Users that a node can't run as. With volumes of such users: tests/integration/test_another_user.py."""

import pytest

from catalogue.images import EXPORTER_UID, PROXY_UID
from catalogue.node_container import LARGEST_ID, user_fault


@pytest.mark.parametrize(
    ("user", "fault"),
    [
        ("12000:12000", ""),
        (f"{LARGEST_ID}:{LARGEST_ID}", ""),
        ("0:12000", "a user is UID:GID"),
        ("12000", "a user is UID:GID"),
        (f"12000:{LARGEST_ID + 1}", f"the largest id is {LARGEST_ID}"),
        (f"{EXPORTER_UID}:12000", f"{EXPORTER_UID} is the ID of exporters"),
        (f"12000:{PROXY_UID}", f"{PROXY_UID} is the ID of the login"),
    ],
)
def test_a_user_whose_files_would_not_be_separate_is_refused(user: str, fault: str) -> None:
    said = user_fault(user)
    assert said.startswith(fault)
    assert bool(said) == bool(fault)
