"""Events of a Pulumi update, as lines and rows for people.

Unchanged resources are counted, not listed. Long operations are reported when they begin, while they run, and
when they end. An event of an unknown kind or form is ignored.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from display.build import Build
from display.changes import Step, changes, name_of, step_of
from display.printable import printable
from display.protected_wallets import remedied

QUIET = 14.0
"""Seconds of silence after which something is printed; with the delay to notice it, at most 15 s."""
STUCK = 10.0
"""Seconds without an event after which an update counts as stuck, if a failure allows it (`is_stuck`)."""
_BRIEF = 1.0
"""Seconds below which an operation gets no row, because it would only flicker."""
_INDENT = "    "
_BUILD = "docker-build:index:Image"
_LASTING = (
    _BUILD,
    "docker:index/container:Container",
    "skycoin:index:NodeContainer",
)
"""Types with long operations: builds, and containers that must become healthy."""
_UNTOLD = ("pulumi:pulumi:Stack", "pulumi:providers:")
"""Types that users did not ask for by name."""
_DOING = {
    "create": "creating",
    "create-replacement": "replacing",
    "replace": "replacing",
    "delete-replaced": "replacing",
    "update": "updating",
    "delete": "deleting",
    "import": "importing",
    "read": "reading",
    "refresh": "refreshing",
}
_DONE = {
    "create": "created",
    "create-replacement": "replaced",
    "update": "updated",
    "delete": "deleted",
    "import": "imported",
    "refresh": "refreshed",
}
_UNCHANGING = ("same", "refresh", "read")
"""Operations that change nothing."""
_COUNTED = ("create", "import", "update", "replace", "delete", "same")
_MARKS = re.compile(r"<\{%.*?%\}>|\x1b(\[[0-9;?]*[A-Za-z]|\][^\x07]*\x07)")
_ON_TOP = (
    "an unhandled error occurred",
    "update failed",
    "preview failed",
    "destroy failed",
    "refresh failed",
)
"""Beginnings of messages that Pulumi adds after an error that was already reported."""
_GONE = re.compile(r"failed to get manifest ([^\s@]+)\S*: request failed: not found\b")
"""docker-build's warning about an image whose registry was emptied; it creates that image again."""
_LATE = "did not complete successfully: exit code: 4294967295"
"""Error of a build step that the builder killed because it had not started within 10 s.

BuildKit's WaitForStart (executor/runcexecutor/executor.go); seen on a machine with busy disk and processors.
"""


@dataclass(slots=True)
class Operation:
    """One resource that is being changed."""

    step: Step
    began: float
    build: Build = field(default_factory=Build)
    told: bool = False

    @property
    def worth_showing(self) -> bool:
        """True if its beginning is worth a line; reading existing resources takes no time."""
        return self.step.type in _LASTING and self.step.op not in ("refresh", "read")

    @property
    def waits(self) -> bool:
        """True for a container that counts as created only once it is healthy."""
        new = self.step.new
        return self.step.op != "delete" and new.get("wait", "waitTimeout" in new) is True

    @property
    def doing(self) -> str:
        """Text such as `creating node-1-container`."""
        return f"{_DOING.get(self.step.op, self.step.op)} {self.step.name}"


@dataclass(frozen=True, slots=True)
class Row:
    """One running operation, for a live display."""

    doing: str
    step: str
    seconds: float


@dataclass(slots=True)
class Failure:
    """Errors of one failed resource or, under an empty URN, of the program."""

    errors: list[str] = field(default_factory=list)
    build: Build | None = None


class Update:
    """A running update. Times are seconds of the caller's clock."""

    def __init__(self, began: float) -> None:
        self._began = self._spoke = began
        self._planning = True
        self._running: dict[str, Operation] = {}
        self._since: dict[str, float] = {}
        self._failures: dict[str, Failure] = {}
        self._remarks: dict[tuple[str, str], list[str]] = {}
        self._done: Counter[str] = Counter()
        self._became: dict[str, str] = {}
        self.begun: set[str] = set()
        """URNs whose change has begun, whatever came of it."""
        self._summary: Mapping[str, int] = {}
        self._stopped = self._is_halved = False
        self._heard_at = began
        self.heard = False
        """True once an event has arrived."""

    def take(self, event: Mapping[str, Any], now: float) -> list[str]:
        """Process an event; returns the lines to print at once."""
        kinds = {
            "preludeEvent": self._on_prelude,
            "resourcePreEvent": self._begins,
            "resOutputsEvent": self._ends,
            "resOpFailedEvent": self._fails,
            "diagnosticEvent": self._on_diagnostic,
            "errorEvent": self._breaks,
            "summaryEvent": self._sums_up,
        }
        lines: list[str] = []
        for kind, method in kinds.items():
            if isinstance(body := event.get(kind), dict):
                self.heard, self._heard_at = True, now
                lines += method(body, now)
        return self._spoken(lines, now)

    def interrupt(self) -> list[str]:
        """Record a Ctrl-C, after which failures are reported as stopped; returns the lines to print."""
        again, self._stopped = self._stopped, True
        how = (
            "interrupted again: pulumi ends at once"
            if again
            else "interrupted: pulumi finishes its running operations …"
        )
        return ["", f"{_INDENT}{how}"]

    def beats(self, now: float) -> list[str]:
        """Lines for an output that has no live rows: long operations, and a sign of life after a silence."""
        lines = []
        for operation in self._running.values():
            if not self._planning and not operation.told and operation.worth_showing:
                operation.told = True
                lines.append(f"… {operation.doing}{', and waiting until it is healthy' * operation.waits}")
        if not lines and now - self._spoke >= QUIET:
            lines = [self._sign_of_life(now)]
        return self._spoken(lines, now)

    def rows(self, now: float) -> list[Row]:
        """Rows of running operations, without brief ones, oldest first; if none, one row for the update."""
        lasting = (
            operation
            for operation in self._running.values()
            if operation.worth_showing or now - operation.began >= _BRIEF
        )
        running = sorted(lasting, key=lambda operation: operation.began)
        rows = [Row(operation.doing, operation.build.step, now - operation.began) for operation in running]
        return rows or [Row("previewing" if self._planning else "updating", "", now - self._began)]

    def end(self, code: int, now: float, log: str) -> list[str]:
        """Last lines: remarks, warnings, errors with their reasons, and counts."""
        lines = [f"{_INDENT}{line}" for remark in self._remarks.items() for line in _remarked(*remark)]
        counts = self._counts()
        duration = f"({seconds(now - self._began)})"
        if code == 0:
            return [*lines, f"{_INDENT}{counts or 'nothing to do'} {duration}"]
        how = "interrupted" if self._stopped else "failed"
        failed = f"{how}; {counts} {duration}" if counts and not self._planning else f"{how} {duration}"
        return [*lines, f"{_INDENT}{failed}", *self._reasons(), f"The whole log: {log}"]

    @property
    def _errors(self) -> list[str]:
        """Errors that the engine reported, without the messages that Pulumi adds after them."""
        errors = (error for failure in self._failures.values() for error in failure.errors)
        return [error for error in errors if not error.startswith(_ON_TOP)]

    @property
    def explained(self) -> bool:
        """True if the engine reported an error; other errors are only in the command's output."""
        return bool(self._errors)

    @property
    def is_late(self) -> bool:
        """True if nothing failed except builds with a step that the builder did not start in time."""
        return bool(self._errors) and all(_LATE in error for error in self._errors)

    def is_stuck(self, now: float) -> bool:
        """True if nothing progresses and pulumi waits forever.

        With `--continue-on-error`, pulumi never answers the program if a replacement that deletes first fails
        at that deletion (Pulumi 3.259, executeChain in step_executor.go).
        """
        return self._is_halved and not self._running and now - self._heard_at >= STUCK

    @property
    def became(self) -> dict[str, str]:
        """{URN: created, updated, unchanged, failed …}: the results of the update."""
        return {**self._became, **{urn: "failed" for urn in self._failures if urn}}

    def _spoken(self, lines: list[str], now: float) -> list[str]:
        if lines:
            self._spoke = now
        return [f"{_INDENT}{line}" for line in lines]

    def _sign_of_life(self, now: float) -> str:
        """One line about all running operations, with a different operation first each time."""
        if not self._running:
            return f"… {self.rows(now)[0].doing} ({seconds(now - self._began)})"
        urn, operation = next(iter(self._running.items()))
        self._running[urn] = self._running.pop(urn)
        step = f": {operation.build.step}" if operation.build.step else ""
        others = len(self._running) - 1
        more = f"; {others} more running" if others else ""
        return f"… {operation.doing}{step} ({seconds(now - operation.began)}){more}"

    def _on_prelude(self, _: Mapping[str, Any], now: float) -> list[str]:
        """Handle the start of a preview or an update; each has its own prelude."""
        self._running, self._since, self._summary = {}, {}, {}
        self._done.clear()
        return []

    def _begins(self, body: Mapping[str, Any], now: float) -> list[str]:
        step = step_of(body)
        if step is None:
            return []
        self._planning = bool(body.get("planning"))
        if not self._planning and step.op not in _UNCHANGING:
            self.begun.add(step.urn)
        if step.op != "same" and step.custom and not step.type.startswith(_UNTOLD):
            began = self._since.setdefault(step.urn, now)
            before = self._running.pop(step.urn, None)
            self._running[step.urn] = Operation(step, began, told=before is not None and before.told)
        return []

    def _ends(self, body: Mapping[str, Any], now: float) -> list[str]:
        step = step_of(body)
        if step is None:
            return []
        self._running.pop(step.urn, None)
        if self._planning:
            return []
        began = self._since.get(step.urn, now)
        if step.op not in ("replace", "delete-replaced"):
            # The resource's next event is of another operation.
            self._since.pop(step.urn, None)
        if step.op != "refresh":
            self._done["replace" if step.op == "create-replacement" else step.op] += 1
            self._became[step.urn] = "unchanged" if step.op == "same" else _DONE.get(step.op, "replaced")
        return self._report_step(step, now - began)

    def _report_step(self, step: Step, duration: float) -> list[str]:
        if step.op not in _DONE or not step.custom or step.type.startswith(_UNTOLD):
            return []
        changed = changes(step) if step.op in ("update", "create-replacement", "refresh") else []
        if step.op == "refresh" and not changed:
            return []
        kept = " [retain: it stays where it is]" if step.op == "delete" and step.retained else ""
        what = f": {', '.join(changed)}" if changed else ""
        return [f"✓ {_DONE[step.op]} {step.name}{what}{kept} ({seconds(duration)})"]

    def _fails(self, body: Mapping[str, Any], now: float) -> list[str]:
        step = step_of(body)
        if step is None:
            return []
        running = self._running.pop(step.urn, None)
        failure = self._failures.setdefault(step.urn, Failure())
        duration = now - self._since.get(step.urn, now)
        self._is_halved = self._is_halved or step.op == "delete-replaced"
        failure.build = running.build if running and step.type == _BUILD else None
        how = "was stopped" if self._stopped else "failed"
        return [f"✗ {_DOING.get(step.op, step.op)} {step.name} {how} ({seconds(duration)})"]

    def _on_diagnostic(self, body: Mapping[str, Any], _: float) -> list[str]:
        urn, severity, text = str(body.get("urn") or ""), body.get("severity"), message(body)
        if body.get("ephemeral"):
            if urn in self._running:
                self._running[urn].build.feed(text)
        elif severity == "error":
            errors = self._failures.setdefault(urn, Failure()).errors
            if text not in errors:
                errors.append(text)
        elif text.strip() and severity != "debug":
            warning = "warning: " if severity == "warning" else ""
            urns = self._remarks.setdefault((warning, _plain(text.strip())), [])
            urns += [urn] if urn not in urns else []
        return []

    def _breaks(self, body: Mapping[str, Any], _: float) -> list[str]:
        self._failures.setdefault("", Failure()).errors.append(str(body.get("error") or "").strip())
        return []

    def _sums_up(self, body: Mapping[str, Any], now: float) -> list[str]:
        self._running = {}
        counts = body.get("resourceChanges")
        self._summary = counts if isinstance(counts, dict) else {}
        if not body.get("isPreview") or self._failures or not set(self._summary) - {"same"}:
            return []
        return [f"previewed: {_numbers(self._summary, planned=True)} ({seconds(now - self._began)})"]

    def _counts(self) -> str:
        return _numbers(self._summary or self._done, planned=False)

    def _reasons(self) -> list[str]:
        """Each error once, with all resources that failed with it, and the last lines of a failed build."""
        by_error: dict[str, list[str]] = {}
        for urn, failure in self._failures.items():
            for error in failure.errors:
                by_error.setdefault(error, []).append(urn)
        own = [error for error in by_error if not error.startswith(_ON_TOP)] or list(by_error)
        lines = []
        for error in own:
            if self._stopped and re.search(r"\bcancell?ed\b", error):
                continue
            urns = by_error[error]
            lines += ["", *_titled(error, urns)]
            builds = [build for urn in urns if (build := self._failures[urn].build)]
            lines += [f"  | {line}" for build in builds[:1] for line in build.reasons()]
        return [*lines, ""]


def _titled(error: str, urns: Sequence[str]) -> list[str]:
    """Lines of an error, after the names of the failed resources; a program's error has none."""
    names = [name_of(urn) for urn in urns if urn and not _of_stack(urn)]
    title = f"error: {', '.join(names)}:" if names else "error:"
    return f"{title}{chr(10) if len(names) > 1 else ' '}{remedied(error)}".splitlines()


def _of_stack(urn: str) -> bool:
    return "::pulumi:pulumi:Stack::" in urn


def _plain(text: str) -> str:
    """Replace docker-build's warning about an image that its registry lost; any other text is unchanged."""
    gone = _GONE.match(text)
    return f"{gone[1]} is no longer in the registry, so it is built again" if gone else text


def _remarked(remark: tuple[str, str], urns: Sequence[str]) -> list[str]:
    """Lines of a remark or a warning, after the names of all resources that it is about."""
    warning, text = remark
    names = ", ".join(name_of(urn) for urn in urns if urn and not _of_stack(urn))
    return f"{warning}{names}{': ' if names else ''}{text}".splitlines()


def _numbers(counts: Mapping[str, Any], *, planned: bool) -> str:
    """Counts such as `8 created, 55 unchanged`, or `8 to create, 55 unchanged`."""
    words = [(op, f"to {op}" if planned else _DONE.get(op, f"{op}d")) for op in _COUNTED if op != "same"]
    known = [f"{counts[op]} {word}" for op, word in (*words, ("same", "unchanged")) if counts.get(op)]
    return ", ".join(known)


def message(body: Mapping[str, Any]) -> str:
    """Text of a diagnostic without colours, control characters and surrounding line breaks."""
    return printable(_MARKS.sub("", str(body.get("message") or ""))).strip("\n")


def seconds(count: float) -> str:
    """Seconds such as `0.3 s` or `45 s`."""
    return f"{count:.0f} s" if count >= 9.95 else f"{count:.1f} s"
