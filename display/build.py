"""An image build, followed in BuildKit's plain progress: its current step, and why it failed."""

import itertools
import re
from collections.abc import Sequence

_LINE = re.compile(r"#([1-9]\d*) (.*)")
_OVER = re.compile(r"(DONE|CACHED|CANCELED|ERROR)\b")
_CLOCK = re.compile(r"#\d+ (\d+\.\d+ )?")
_NOISE = re.compile(
    # apt and dpkg,
    r"\(Reading database|Selecting previously|Preparing to unpack|Unpacking |Setting up |Processing triggers|"
    r"(Get|Hit|Ign):\d|Fetched |Reading (package|state)|Building dependency|Need to get |"
    r"After this operation|\d+ upgraded, |debconf: delaying|"
    # downloads of layers and modules, percentages, and BuildKit's own marks.
    r"sha256:[0-9a-f]{64} |extracting |transferring |resolve |go: downloading |"
    r"CACHED$|DONE \d|.*\b\d+(\.\d+)?%|\.\.\.$|-+$|$"
)
"""Matches lines that only report progress."""
_PLUMBING = re.compile(
    r"(--(mount|network|security|chmod)=\S+|--link|with-build-ca|retry)\s+|@sha256:[0-9a-f]{64}"
)
_TRIFLE = re.compile(
    r"if|then|else|fi|for|do|done|while|case|esac|set|export|cd|true|echo|printf|exit|test|"
    r"mkdir|rm|mv|cp|ln|chmod|chown|install|sed|cat"
)
"""Matches commands of a script that take no time."""
_WIDTH = 90
"""Maximum length of a step's headline, in characters."""
_KEPT = 200
"""Number of last lines that are kept of a running build, to report its failure."""
_LONGEST = 300
"""Maximum length of such a line, in characters; a headline contains its whole script."""
SHOWN = 15
"""Maximum number of lines that are shown of a failed build."""


class Build:
    """One build, read line by line while it runs."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._steps: dict[str, str] = {}
        self._over: set[str] = set()
        self._heard: list[str] = []

    def feed(self, text: str) -> None:
        """Read lines that the build has just printed."""
        for line in text.splitlines():
            # The builder's name, not a step.
            if line.startswith("#0 "):
                continue
            if match := _LINE.match(line):
                self._follow(*match.groups())
            if not _NOISE.match(_CLOCK.sub("", line, count=1)):
                self._lines = [*self._lines[1 - _KEPT :], line.rstrip()]

    def _follow(self, number: str, text: str) -> None:
        self._steps.setdefault(number, text)
        if _OVER.match(text):
            self._over.add(number)
        self._heard = [*(heard for heard in self._heard if heard != number), number]

    @property
    def step(self) -> str:
        """Headline of the newest running step; between two steps, of the last one.

        If there are no steps, because the command is not a build, its last line is used.
        """
        running = [number for number in self._heard if number not in self._over]
        if heard := running or self._heard:
            return gist(" ".join(_PLUMBING.sub("", f"{self._steps[heard[-1]]} ").split()))
        return gist(self._lines[-1]) if self._lines else ""

    def reasons(self) -> list[str]:
        """Last lines that explain the failure; those of the failed step, if one is known."""
        failed = [line.split()[0] for line in self._lines if re.match(r"#\d+ ERROR\b", line)]
        own = [line for line in self._lines if failed and line.startswith(f"{failed[-1]} ")]
        # A step's output begins with its headline, and ends with the error, which Pulumi reports itself.
        explaining = [line for line in own or self._lines if not re.match(r"#\d+ ERROR\b", line)]
        return [_PLUMBING.sub("", _CLOCK.sub("", line, count=1))[:_LONGEST] for line in explaining[-SHOWN:]]


def gist(step: str) -> str:
    """Short headline of a step; for a long script, the names of the programs that it runs."""
    head, run, script = step.partition(" RUN ")
    if run and len(step) > _WIDTH:
        commands = (command.split() for command in re.split(r"&&|\|\||[;|]", script))
        lasting = dict.fromkeys(
            _program(words) for words in commands if words and not _TRIFLE.fullmatch(words[0])
        )
        programs = ", ".join(filter(None, lasting))
        step = f"{head}{run}{programs}" if programs else step
    return step if len(step) <= _WIDTH else f"{step[: _WIDTH - 2].rstrip()} …"


def _program(words: Sequence[str]) -> str:
    """Name such as `go mod download`: at most 3 words of a command, up to its first option, path or quote."""
    plain = itertools.takewhile(re.compile(r"[a-z][a-z0-9_.-]*").fullmatch, words[:3])
    return " ".join(plain)
