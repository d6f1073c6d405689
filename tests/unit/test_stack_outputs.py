"""A stack's outputs have the form that their readers expect."""

import types
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NotRequired, Required, get_args, get_origin, get_type_hints, is_typeddict

import pytest

from catalogue.stack_outputs import Node, StackOutputs, VerifiedReport
from mocks.engine import PROOF
from program.exports import Exports
from tests.unit.projects import FILES, up


def faults(value: Any, form: Any, place: str = "") -> Iterator[str]:
    """Yield each place at which a value of JSON does not have the form of a type of stack_outputs."""
    origin, arguments = get_origin(form) or form, get_args(form)
    if origin in (NotRequired, Required):
        yield from faults(value, arguments[0], place)
    elif is_typeddict(origin):
        yield from faults_of_keys(value, origin, arguments, place)
    elif origin is Mapping and isinstance(value, dict):
        for key, one in value.items():
            yield from faults(one, arguments[1], f"{place}.{key}")
    elif origin in (Sequence, list) and isinstance(value, list):
        for number, one in enumerate(value):
            yield from faults(one, arguments[0], f"{place}[{number}]")
    elif not (isinstance(origin, type) and type(value) is origin):
        yield f"{place}: {value!r} is not {form}"


def faults_of_keys(value: Any, form: Any, arguments: Sequence[Any], place: str) -> Iterator[str]:
    hints = get_type_hints(form, include_extras=True)
    given = dict(zip(getattr(form, "__parameters__", ()), arguments, strict=True))
    if not isinstance(value, dict):
        yield f"{place}: {value!r} is not {form.__name__}"
        return
    optional = {key for key, hint in hints.items() if get_origin(hint) is NotRequired}
    needed = {*hints} - optional if form.__total__ else set()
    yield from (f"{place}.{key}: is missing" for key in sorted(needed - {*value}))
    for key, one in value.items():
        if key not in hints:
            yield f"{place}.{key}: nobody knows it"
            continue
        hint = hints[key]
        names = getattr(hint, "__parameters__", ())
        hint = hint[tuple(given[name] for name in names)] if names else given.get(hint, hint)
        yield from faults(one, hint, f"{place}.{key}")


@pytest.mark.parametrize("stack", FILES)
def test_the_outputs_of_a_committed_stack_have_their_form(stack: str) -> None:
    assert list(faults(up(stack).exports(), StackOutputs)) == []


def test_the_report_of_a_verification_has_its_form() -> None:
    assert list(faults(PROOF, VerifiedReport)) == []


def test_the_program_exports_what_readers_know() -> None:
    assert set(Exports.__annotations__) == set(StackOutputs.__annotations__)


def test_every_output_is_one_of_a_committed_stack_or_has_a_test_of_its_own() -> None:
    exported = {name for stack in FILES for name in up(stack).exports()}
    # tests/unit/test_hosted_registry.py and tests/unit/test_program.py
    assert set(StackOutputs.__annotations__) - exported == {"registries", "recipients"}


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"rpc": None}, ".rpc: is missing"),
        ({"colour": "red"}, ".colour: nobody knows it"),
        ({"runs": 1}, ".runs: 1 is not <class 'str'>"),
        ({"login": 1}, ".login: 1 is not <class 'str'>"),
    ],
)
def test_another_form_is_found(change: Mapping[str, Any], fault: str) -> None:
    node = {**up("local").exports()["nodes"]["node-1"], **change}
    form = types.GenericAlias(Node, (str,))
    assert list(faults({key: one for key, one in node.items() if one is not None}, form)) == [fault]
