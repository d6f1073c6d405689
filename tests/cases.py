"""The faults and bad input that the tests try, by number: a run ends with the table of what came out.

A test names its case with `@pytest.mark.case(NUMBER)`.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from types import MappingProxyType

CASES: Mapping[int, str] = MappingProxyType(
    {
        1: "SIGKILL of the node in the middle of wallet writes",
        2: "docker stop under load",
        3: "power cut while it writes",
        4: "torn wallet beside a good temporary copy",
        5: "chain database corrupt",
        6: "downgrade below the database's version",
        7: "data volume full",
        8: "disk full on the builder",
        9: "registry down before the push",
        10: "registry cut in the middle of a blob",
        11: "one variant's push fails",
        12: "wrong or expired credentials",
        13: "registry that refuses deletes",
        14: "tag moved by someone else",
        15: "Ctrl-C or kill of pulumi up",
        16: "two ups at once",
        17: "stale lock of a dead process",
        18: "container removed, stopped or edited by hand",
        19: "wallet volume removed by hand",
        20: "pulumi destroy",
        21: "node renamed, resource moved",
        22: "ssh host down, wrong key, unknown host key",
        23: "image of another architecture than the host",
        24: "base image of the wrong platform",
        25: "port taken",
        26: "impossible names, tags, architectures, keys",
        27: "a secret given as a plain value",
        28: "wrong or missing passphrase",
        29: "node arguments with quotes, spaces, newlines",
        30: "user-id mismatch, read-only volume",
        31: "Swarm node lost and back",
        32: "umask 077, no HOME, other locale and time zone",
        33: "secret file, socket, 1 GB file, broken link in a context",
        34: "state file truncated",
    }
)

Outcome = tuple[tuple[str, ...], str]
"""(numbers of a test's cases, its outcome)."""


def table(outcomes: Iterable[Outcome]) -> list[str]:
    """One line a case that was tried: its number, what it is, how its tests ended."""
    counts: dict[int, Counter[str]] = defaultdict(Counter)
    for numbers, outcome in outcomes:
        for number in numbers:
            counts[int(number)][outcome] += 1
    rows = [
        (str(number), CASES[number], ", ".join(f"{many} {what}" for what, many in sorted(found.items())))
        for number, found in sorted(counts.items())
    ]
    width = max((len(what) for _, what, _ in rows), default=0)
    return [f"{number:>4}  {what:{width}}  {ended}" for number, what, ended in rows]
