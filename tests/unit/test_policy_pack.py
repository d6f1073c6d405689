"""The review's rules as a policy pack, to which the engine passes fewer options than a preview has."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
import yaml
from pulumi.runtime.proto import analyzer_pb2

from mocks.engine import BUILD
from mocks.previews import Preview
from providers.servicer import to_struct
from review.policy_pack import NAME, SECRET, SIGNATURE, Pack
from review.promises import PROMISES
from review.rules import PerResourceRule, wanted
from tests.unit.projects import FILES, PROJECT
from tests.unit.test_review_rules import PLANTED, planted

UNTOLD = {
    "volumes-stay": "retainOnDelete",
    "published-images-stay": "retainOnDelete",
    "no-implicit-deletion": "deletedWith",
}
"""Rule → the first option that it needs and a pack does not get."""
UNSEEN = ("is deleted if it leaves the stack", "is replaced by an empty volume", "is deleted implicitly")
"""Messages about planted violations that only an option in UNTOLD reveals."""
MANDATORY, ADVISORY = analyzer_pb2.MANDATORY, analyzer_pb2.ADVISORY
Said = list[tuple[int, str, str, str]]


def diagnostics_of(preview: Preview, pack: Pack | None = None) -> Said:
    """(level, rule, URN, message) of each diagnostic of a pack for the resources of a preview."""
    pack, found = pack or Pack(), []
    resources = wanted(preview)
    for resource in resources:
        request = analyzer_pb2.AnalyzeRequest(
            urn=resource.urn,
            type=resource.type,
            name=resource.name,
            properties=to_struct(dict(resource.inputs)),
            options=analyzer_pb2.AnalyzerResourceOptions(protect=resource.options["protect"]),
        )
        if provider := resource.options.get("provider"):
            request.provider.urn = provider.rpartition("::")[0]
        found += pack.Analyze(request, None).diagnostics
    all_of_them = [analyzer_pb2.AnalyzerResource(urn=resource.urn) for resource in resources]
    found += pack.AnalyzeStack(analyzer_pb2.AnalyzeStackRequest(resources=all_of_them), None).diagnostics
    return [
        (diagnostic.enforcementLevel, diagnostic.policyName, diagnostic.urn, diagnostic.message)
        for diagnostic in found
    ]


@pytest.mark.parametrize(
    ("name", "change", "rule", "expected"), PLANTED, ids=lambda one: getattr(one, "__name__", None)
)
def test_a_planted_stack_is_refused_by_its_rule_if_the_pack_gets_the_options(
    name: str, change: Callable[[Preview], None], rule: str, expected: str
) -> None:
    found = [diagnostic for diagnostic in diagnostics_of(planted(name, change)) if diagnostic[0] == MANDATORY]
    if any(how in expected for how in UNSEEN):
        assert found == []
        return
    assert found
    [promise] = [promise for promise in PROMISES if promise.name == rule]
    for _, policy, urn, message in found:
        assert (policy, message.endswith(f". {promise.reason} {promise.remedy}")) == (rule, True)
        # A rule over several resources reports for the whole stack.
        assert (urn != "") == isinstance(promise.breaches, PerResourceRule)
        assert expected.replace(": ", " ") in message


@pytest.mark.parametrize("name", FILES)
def test_a_committed_stack_passes_and_unchecked_items_are_reported(name: str) -> None:
    found = diagnostics_of(planted(name, lambda _: None))
    assert {level for level, *_ in found} == {ADVISORY}
    assert {policy: message.split("`")[1] for _, policy, _, message in found}.items() <= UNTOLD.items()
    assert {"volumes-stay", "no-implicit-deletion"} & {policy for _, policy, *_ in found}


def test_a_secret_is_recognized_and_hidden_from_rules() -> None:
    def secret(preview: Preview) -> None:
        for step in preview["steps"]:
            if step["newState"]["type"] == BUILD:
                step["newState"]["inputs"]["secrets"] = {"token": {SIGNATURE: SECRET, "value": "hunter2"}}

    pack = Pack()
    assert [
        diagnostic
        for diagnostic in diagnostics_of(planted("release", secret), pack)
        if diagnostic[0] == MANDATORY
    ] == []
    assert "hunter2" not in str(pack.registered)
    assert "[secret]" in str(pack.registered)


class RefusedError(Exception):
    """Error with which a call ends."""


class Context:
    """A call's context on the server's side."""

    def abort(self, code: grpc.StatusCode, said: str) -> None:
        raise RefusedError(f"{code.name}: {said}")


OWN_RULES = """
from review.rules import Rule, each

print("read")

def lonely(resources):
    yield resources[0], f"is one of {len(resources)}"
    raise ValueError("enough")

def ours(one):
    return "is not ours" if one.name == "attic-data" else ""

def rule(name, breaches):
    return Rule(name=name, breaches=breaches, reason="It is so.", remedy="Change it.")

OWN_RULES = [rule("lonely", lonely), rule("ours", each(ours))]
"""


def test_own_rules_are_asked_too(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own.write_text(OWN_RULES)
    preview = planted("fleet", lambda _: None)
    one, first, error = [diagnostic for diagnostic in diagnostics_of(preview) if diagnostic[0] == MANDATORY]
    count = len(wanted(preview))
    assert (one[1], one[2].rpartition("::")[2], one[3]) == (
        "ours",
        "attic-data",
        "attic-data (Volume) is not ours. It is so. Change it.",
    )
    assert (first[1], first[2]) == ("lonely", "")
    assert first[3].endswith(f" is one of {count}. It is so. Change it.")
    assert error[3] == (
        "Could not be checked: it raised an error at review/own_rules.py:8: ValueError: enough"
    )
    assert capsys.readouterr().out == "", "the engine reads the port there"


def test_breaches_found_before_an_unavailable_option_is_read_are_mandatory(own: Path) -> None:
    own.write_text("""
import sys

from review.rules import Rule

def kept(resources):
    for one in resources:
        yield one, "is looked at"
        one.options["retainOnDelete"]

def copied(resources):
    dict(resources[0].options)
    yield from ()

def leaving(resources):
    sys.exit(1)

FOUND = (kept, copied, leaving)
OWN_RULES = [Rule(name=one.__name__, breaches=one, reason="R.", remedy="M.") for one in FOUND]
""")
    said = [
        diagnostic
        for diagnostic in diagnostics_of(planted("fleet", lambda _: None))
        if diagnostic[1] in ("kept", "copied", "leaving")
    ]
    assert [(level, rule) for level, rule, _, _ in said] == [
        (MANDATORY, "kept"),
        (MANDATORY, "leaving"),
        (ADVISORY, "copied"),
        (ADVISORY, "kept"),
    ]
    assert "is looked at" in said[0][3]
    assert "SystemExit: 1" in said[1][3]
    assert "`retainOnDelete`" in said[3][3]


def test_the_pack_names_all_rules_as_mandatory() -> None:
    info = Pack().GetAnalyzerInfo(None, None)
    assert info.name == NAME
    assert [policy.name for policy in info.policies][: len(PROMISES)] == [rule.name for rule in PROMISES]
    assert {policy.enforcementLevel for policy in info.policies} == {MANDATORY}


def test_own_rules_that_can_not_be_used_end_the_run_with_their_place(own: Path) -> None:
    own.write_text("OWN_RULES = [\n")
    with pytest.raises(RefusedError, match=r"^INVALID_ARGUMENT: review/own_rules\.py, line 1: SyntaxError: "):
        Pack().GetAnalyzerInfo(None, Context())


def test_the_pack_changes_no_resource_and_takes_no_configuration() -> None:
    pack: Any = Pack()
    assert list(pack.Remediate(None, None).remediations) == []
    assert pack.Configure(None, None) == pack.Cancel(None, None)
    assert pack.GetPluginInfo(None, None).version == pack.GetAnalyzerInfo(None, None).version


def test_the_project_says_where_the_packs_program_is() -> None:
    """Pulumi looks for the program `pulumi-analyzer-policy-RUNTIME` of the pack's runtime."""
    [plugin] = yaml.safe_load((PROJECT / "Pulumi.yaml").read_text())["plugins"]["analyzers"]
    pack = PROJECT / "review" / "policy-pack"
    runtime = yaml.safe_load((pack / "PulumiPolicy.yaml").read_text())["runtime"]
    assert plugin == {"name": f"policy-{runtime}", "path": "review/policy-pack"}
    assert (pack / f"pulumi-analyzer-policy-{runtime}").stat().st_mode & 0o111 == 0o111
