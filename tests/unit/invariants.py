"""Rules for every program that these tests run; `Engine.run` checks them, so that no test can forget to."""

from collections import Counter

from mocks.engine import PROGRAM_VERSION, STACK, STACK_REFERENCE, Engine
from mocks.previews import first_preview
from review.known_types import REPOSITORY
from review.options import VOLUME
from review.rulebook import rulebook
from review.rules import broken_rules, wanted

RULES = rulebook()


def check_invariants(engine: Engine) -> None:
    """Raise an AssertionError that names the resource and the rule."""
    _urns_are_unique(engine)
    _everything_has_a_component_or_the_stack_as_parent(engine)
    _components_register_outputs_once(engine)
    _rules_hold(engine)
    _nothing_comes_before_the_version_is_checked(engine)
    for entry in engine.registered:
        # No preview shows this, so no review rule can check it.
        deleted_first = entry.type in (VOLUME, REPOSITORY) and entry.delete_before_replace
        assert not deleted_first, f"{entry.name}: would be deleted first"


def _rules_hold(engine: Engine) -> None:
    """Apply the rules of a review to everything that the program creates."""
    broken = broken_rules(wanted(first_preview(engine)), RULES)
    said = [f"{name}: {how}" for rule in broken for name, how in rule.breaches]
    assert not broken, [*said, *(rule.error for rule in broken if rule.error)]


def _nothing_comes_before_the_version_is_checked(engine: Engine) -> None:
    """An older program must not touch what belongs to a newer one's state, also without a preview."""
    checked = {entry.urn for entry in engine.registered if entry.type == PROGRAM_VERSION}
    waiting = [entry for entry in engine.registered if entry.custom and entry.urn not in checked]
    while checked and (
        now := [entry for entry in waiting if checked & {entry.provider, *entry.dependencies}]
    ):
        checked |= {entry.urn for entry in now}
        waiting = [entry for entry in waiting if entry.urn not in checked]
    # A stack that is read is not changed.
    early = [entry.name for entry in waiting if checked and entry.type != STACK_REFERENCE]
    assert not early, f"created before the program's version is checked: {early}"


def _urns_are_unique(engine: Engine) -> None:
    twice = [urn for urn, count in Counter(entry.urn for entry in engine.registered).items() if count > 1]
    assert not twice, f"the engine refuses duplicate URNs: {twice}"


def _everything_has_a_component_or_the_stack_as_parent(engine: Engine) -> None:
    parents = {entry.urn for entry in engine.registered if not entry.custom}
    for entry in engine.registered:
        if entry.type != STACK:
            assert entry.parent in parents, f"{entry.name} hangs under {entry.parent or 'nothing'}"


def _components_register_outputs_once(engine: Engine) -> None:
    for entry in engine.registered:
        if not entry.custom:
            found = [outputs for urn, outputs in engine.outputs if urn == entry.urn]
            assert len(found) == 1, f"{entry.name} registered outputs {len(found)} times"
            assert found[0] or entry.type == STACK, f"{entry.name} registered no outputs"
