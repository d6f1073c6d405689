"""A node that is rolled back: what it runs, what each run says, and what its state records."""

from typing import Any

import pulumi
import pytest

from mocks.engine import NODE_CONTAINER, PREFLIGHT, PULLED
from tests.unit.engine import Engine
from tests.unit.projects import FILES, RELEASE_STACK, published, run_program, stack_settings

OLD = f"sha256:{'e' * 64}"
ROLLBACK = {"digest": OLD, "reason": "stops at block 5.", "date": "2026-11-26T14:00:00Z"}
HELD = "one has been rolled back to sha256:eeeeeeeeeeee since 2026-11-26T14:00:00Z: stops at block 5."


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Warnings of the program."""
    heard: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", heard.append)
    return heard


def run(stack: str, engine: Engine | None = None, **rollback: Any) -> Engine:
    settings = stack_settings(FILES[stack])
    host = next(iter(settings["hosts"]))
    node = {"image": "skycoin", "host": host, "rollback": {**ROLLBACK, **rollback}}
    other = {"image": "skycoin", "host": host, "rpc-port": 6421}
    return run_program(
        engine or Engine(stacks=published()), {**settings, "nodes": {"one": node, "other": other}}, stack
    )


@pytest.mark.parametrize(
    ("stack", "repository", "option"),
    [("local", "registry.localhost:5443", ""), ("fleet", "docker.io", " -s fleet")],
)
def test_a_node_stays_at_the_digest_of_its_images_repository_and_each_run_says_so(
    stack: str, repository: str, option: str, said: list[str]
) -> None:
    engine = run(stack)
    held = f"{repository}/skycoin/skycoin@{OLD}"
    for kind, name in ((NODE_CONTAINER, "container"), (PREFLIGHT, "preflight"), (PULLED, "pulled")):
        assert engine.one(kind, f"one-{name}").inputs["image"] == held
        assert engine.one(kind, f"other-{name}").inputs["image"] != held
    assert engine.one(NODE_CONTAINER, "one-container").inputs.get("version") is None, "its image says it"
    assert said == [f"{HELD} `./skyinfra node lift-rollback one{option}` lifts that"]


def test_a_rollback_is_recorded_in_the_state_of_the_container(said: list[str]) -> None:
    engine = run("local")
    assert engine.one(NODE_CONTAINER, "one-container").inputs["rollback"] == ROLLBACK
    assert "rollback" not in engine.one(NODE_CONTAINER, "other-container").inputs
    assert len(said) == 1


def test_a_preview_knows_the_digest_before_the_stacks_own_image_is_built(said: list[str]) -> None:
    engine = run("local", Engine(preview=True))
    image = engine.one(NODE_CONTAINER, "one-container").inputs["image"]
    assert image == f"registry.localhost:5443/skycoin/skycoin@{OLD}"
    assert len(said) == 1


def test_a_rollback_to_the_digest_that_the_stack_has_is_superfluous(said: list[str]) -> None:
    variants = published()[RELEASE_STACK]["images"]["skycoin"]["latest"]["variants"]
    engine = run("fleet", digest=variants["arm64v8"]["digest"])
    image = engine.one(NODE_CONTAINER, "other-container").inputs["image"]
    assert engine.one(NODE_CONTAINER, "one-container").inputs["image"] == image
    assert said[1:] == [
        "one: its rollback is not needed, because the stack has that digest for it anyway: "
        "`./skyinfra node lift-rollback one -s fleet`"
    ]


@pytest.mark.usefixtures("said")
def test_in_a_rollout_a_rolled_back_node_is_treated_like_any_other() -> None:
    settings = stack_settings(FILES["fleet"])
    settings["nodes"]["attic"]["rollback"] = ROLLBACK
    settings["rollout"] = {"first": "attic"}
    engine = run_program(Engine(stacks=published()), settings, "fleet")
    first, second = (engine.one(NODE_CONTAINER, f"{name}-container") for name in ("attic", "shed"))
    assert first.urn in second.dependencies
    assert (first.inputs["image"].endswith(OLD), second.inputs["image"].endswith(OLD)) == (True, False)
