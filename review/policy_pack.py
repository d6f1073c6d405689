"""`pulumi-analyzer-policy-skyinfra`: the rules of a review as a policy pack of Pulumi's CLI.

Protocol: pulumi/pulumi `proto/pulumi/analyzer.proto`. Pulumi sends each resource to the pack before acting on
it, and the pack applies the rules for single resources. It applies all others once every resource is known.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc, plugin_pb2

from catalogue.version import VERSION
from providers.servicer import to_values
from providers.serving import serve
from providers.start import end_without_traceback
from review.rulebook import RulesError, rulebook
from review.rules import HIDDEN, Broken, OptionUnavailableError, PerResourceRule, Resource, Rule, broken_rules

NAME = "skyinfra"
MANDATORY = analyzer_pb2.MANDATORY
SIGNATURE, SECRET = "4dabf18193072939515e22adb298388d", "1b47061264138c4ac30d75fd1eb44270"
"""Key and value that mark a secret (sdk/python, `pulumi.runtime.rpc`)."""
SENT_OPTIONS = ("protect", "ignoreChanges", "additionalSecretOutputs", "aliases", "parent")
"""Options of a resource that Pulumi sends to policy packs, by their names in a preview."""


@dataclass(frozen=True, slots=True)
class SentOptions(Mapping[str, Any]):
    """Options that Pulumi sends to policy packs. Reading another is an error: it may or may not be set."""

    options: Mapping[str, Any]

    def __getitem__(self, name: str) -> Any:
        """Read an option. Raises OptionUnavailableError if Pulumi does not send it to policy packs."""
        if name not in self.options:
            raise OptionUnavailableError(name)
        return self.options[name]

    def __iter__(self) -> Iterator[str]:
        """Raise OptionUnavailableError: in a copy, an option that was not sent would seem not to be set."""
        raise OptionUnavailableError("all options")

    def __len__(self) -> int:
        return len(self.options)


@dataclass(eq=False)
class Pack(analyzer_pb2_grpc.AnalyzerServicer):
    """The rules, applied to one preview or update."""

    registered: dict[str, Resource] = field(default_factory=dict)
    """Resources by URN, as the program registered them."""
    gaps: dict[str, str] = field(default_factory=dict)
    """Rule → option that it reads and that Pulumi does not send to policy packs."""

    @cached_property
    def rules(self) -> tuple[Rule, ...]:
        """All rules. Raises RulesError if own_rules.py can't be used."""
        return rulebook()

    def GetPluginInfo(self, request: Any, context: Any) -> plugin_pb2.PluginInfo:
        """Return the version of the program."""
        return plugin_pb2.PluginInfo(version=VERSION)

    def GetAnalyzerInfo(self, request: Any, context: Any) -> analyzer_pb2.AnalyzerInfo:
        """Return the names of all rules; end the run if own_rules.py can't be used."""
        try:
            return analyzer_pb2.AnalyzerInfo(
                name=NAME, version=VERSION, policies=[_policy(rule) for rule in self.rules]
            )
        except RulesError as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
            raise

    def Configure(self, request: Any, context: Any) -> empty_pb2.Empty:
        """Accept no configuration: every rule applies everywhere."""
        return empty_pb2.Empty()

    def Remediate(self, request: Any, context: Any) -> analyzer_pb2.RemediateResponse:
        """Return a resource unchanged."""
        return analyzer_pb2.RemediateResponse()

    def Cancel(self, request: Any, context: Any) -> empty_pb2.Empty:
        """Do nothing: there is nothing to cancel."""
        return empty_pb2.Empty()

    def Analyze(self, request: analyzer_pb2.AnalyzeRequest, context: Any) -> analyzer_pb2.AnalyzeResponse:
        """Apply the rules for single resources, before Pulumi acts on this one."""
        resource = self.registered[request.urn] = _resource(request)
        rules = (rule for rule in self.rules if isinstance(rule.breaches, PerResourceRule))
        return analyzer_pb2.AnalyzeResponse(diagnostics=self._diagnostics(rules, [resource], request.urn))

    def AnalyzeStack(
        self, request: analyzer_pb2.AnalyzeStackRequest, context: Any
    ) -> analyzer_pb2.AnalyzeResponse:
        """Apply all other rules to the resources as registered; this request has only their outputs."""
        registered = [
            self.registered[entry.urn] for entry in request.resources if entry.urn in self.registered
        ]
        rules = (rule for rule in self.rules if not isinstance(rule.breaches, PerResourceRule))
        return analyzer_pb2.AnalyzeResponse(
            diagnostics=[
                *self._diagnostics(rules, registered, ""),
                *(_gap(*gap) for gap in sorted(self.gaps.items())),
            ]
        )

    def _diagnostics(
        self, rules: Iterable[Rule], resources: Sequence[Resource], urn: str
    ) -> Iterator[analyzer_pb2.AnalyzeDiagnostic]:
        for rule in rules:
            for broken in broken_rules(resources, [rule]):
                yield from (_diagnostic(rule.name, sentence, urn=urn) for sentence in _sentences(broken))
                if broken.unavailable:
                    self.gaps[rule.name] = broken.unavailable


def _resource(request: analyzer_pb2.AnalyzeRequest) -> Resource:
    options: dict[str, Any] = {name: _option(getattr(request.options, name)) for name in SENT_OPTIONS}
    # In the form of a preview, but without the provider's id. Components have no provider.
    provider = f"{request.provider.urn}::" if request.provider.urn else ""
    options |= {"provider": provider, "custom": bool(provider)}
    return Resource(
        urn=request.urn,
        inputs=_without_secrets(to_values(request.properties)),
        options=SentOptions(options),
    )


def _option(value: Any) -> Any:
    return value if isinstance(value, bool | str) else [*value]


def _without_secrets(value: Any) -> Any:
    if isinstance(value, dict):
        is_secret = value.get(SIGNATURE) == SECRET
        return HIDDEN if is_secret else {key: _without_secrets(entry) for key, entry in value.items()}
    return [_without_secrets(entry) for entry in value] if isinstance(value, list) else value


def _policy(rule: Rule) -> analyzer_pb2.PolicyInfo:
    return analyzer_pb2.PolicyInfo(
        name=rule.name, displayName=rule.name, description=rule.reason, enforcementLevel=MANDATORY
    )


def _sentences(broken: Broken) -> Iterator[str]:
    for name, how in broken.breaches:
        yield f"{name} {how}. {broken.rule.reason} {broken.rule.remedy}"
    if broken.error:
        yield f"Could not be checked: it raised an error at {broken.error}"


def _gap(name: str, option: str) -> analyzer_pb2.AnalyzeDiagnostic:
    message = (
        f"It also reads `{option}`, which Pulumi does not send to policy packs: "
        "`./skyinfra review` checks it."
    )
    return _diagnostic(name, message, level=analyzer_pb2.ADVISORY)


def _diagnostic(
    name: str, message: str, *, urn: str = "", level: Any = MANDATORY
) -> analyzer_pb2.AnalyzeDiagnostic:
    return analyzer_pb2.AnalyzeDiagnostic(
        policyName=name,
        policyPackName=NAME,
        policyPackVersion=VERSION,
        message=message,
        enforcementLevel=level,
        urn=urn,
    )


if __name__ == "__main__":
    end_without_traceback()
    serve(Pack(), analyzer_pb2_grpc.add_AnalyzerServicer_to_server)
