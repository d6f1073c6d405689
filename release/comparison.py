"""Comparison of a release with an earlier one: Go modules, Debian packages, vulnerabilities, sizes, layers.

Both sides are release records (release/record.py), so they describe what was published and read back.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypedDict, TypeVar, cast

from catalogue.go_modules import Difference, Modules, differences
from catalogue.stack_outputs import Layer
from catalogue.version_order import precedence
from display.markdown import one_line, plain, table
from release.record import RecordError, ReleasedVariant, ReleaseRecord, megabytes
from release.vulnerabilities import Index, gained_and_gone

Entry = TypeVar("Entry")
NO_RECORD = "this is not a release record: give it the output of `./skyinfra release record --format json`"
_KEYS = frozenset(("image", "source", "tags", "variants"))
_MODULE_HEADS = ("program", "module", "before", "now", "variants")
_PACKAGE_HEADS = ("Debian package", "before", "now", "variants")
_VULNERABILITY_HEADS = ("program", "what happened", "id", "module", "fixed in", "what it is", "variants")
_SIZE_HEADS = ("variant", "to download, before", "now", "new layers", "to download with the earlier one")


class ModuleDifference(TypedDict):
    """A Go module of a program whose version differs, or that only one of the records has."""

    program: str
    module: str
    before: str
    """Version before; empty if the module is new."""
    after: str
    """Version after; empty if the module is gone."""
    variants: Sequence[str]
    """Architectures in which it differs in this way."""


class PackageDifference(TypedDict):
    """A Debian package whose version differs, or that only one of the records has."""

    package: str
    before: str
    """Version before; empty if the package is new."""
    after: str
    """Version after; empty if the package is gone."""
    variants: Sequence[str]
    """Architectures in which it differs in this way."""


class SizeDifference(TypedDict):
    """Sizes of a variant in the registry, in bytes, compressed, and its layers."""

    before: int
    after: int
    layers: int | None
    """Number of layers after; None if the later record does not have them."""
    new_layers: int | None
    """Number of layers that the earlier image does not have; None if a record does not have its layers."""
    new_size: int | None
    """Bytes of those layers; None together with their number."""


class Differences(TypedDict):
    """Differences between two records, in the variants that both have."""

    version: str
    """Version of the software in the earlier record."""
    modules: Sequence[ModuleDifference]
    variants_without_modules: Sequence[str]
    """Variants whose modules were not compared, because a record does not have them."""
    packages: Sequence[PackageDifference]
    """Changed Debian packages, of variants whose packages both records have."""
    sizes: Mapping[str, SizeDifference]
    """Sizes by variant, also of those that are equal."""


class VulnerabilityDifference(TypedDict):
    """A known vulnerability that a program gains or loses with the version of a module."""

    program: str
    gained: bool
    """False if it is gone."""
    module: str
    version: str
    """Version that has the vulnerability: the later one if it is gained, the earlier one if it is gone."""
    identity: str
    """Id in the Go vulnerability database, such as GO-2026-6610."""
    fixed: str
    """First later version without it; empty if there is none."""
    summary: str
    variants: Sequence[str]
    """Architectures whose program gains or loses it."""


class Comparison(Differences):
    """Differences with the known vulnerabilities that come and go; `since` of the command's JSON."""

    vulnerabilities: Sequence[VulnerabilityDifference]
    """Empty if none differ, or if they could not be looked up."""
    looked_up: str
    """Sentences about the database, or why it was not read; empty if no module differs."""


def checked_record(record: object, image: str) -> ReleaseRecord:
    """Check those parts of an earlier release's record that are compared or shown.

    Raises RecordError if it is not a record, or if it is one of another image.
    """
    if not isinstance(record, dict) or not record.keys() >= _KEYS:
        raise RecordError(NO_RECORD)
    if record["image"] != image:
        raise RecordError(f"this is the record of image {record['image']!r}, not of {image!r}")
    try:
        _check_form(record)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise RecordError(NO_RECORD) from None
    return cast("ReleaseRecord", record)


def _check_form(record: Mapping[str, Any]) -> None:
    """Validate the parts that are compared or shown: the file is untrusted. Raises ValueError and others."""
    if not all(text.isprintable() for text in _texts(record)):
        raise ValueError("control characters")
    _demand(str, record["source"]["version"])
    for variant in record["variants"].values():
        layers = _layers(variant) or ()
        _demand(int, variant["size"], *(layer["size"] for layer in layers))
        _demand(str, *(layer["digest"] for layer in layers))
        packages = _packages(variant)
        _demand(str, *({} if packages is None else packages).values())
    for row in record.get("programs") or ():
        _demand(list, row["variants"])
        _demand(str, row["program"], *row["variants"])
        for version in row["modules"].values():
            precedence(version)


def _texts(part: Any) -> Iterator[str]:
    """Yield all strings of a JSON value, including keys."""
    if isinstance(part, str):
        yield part
    elif isinstance(part, dict):
        yield from _texts([*part.keys(), *part.values()])
    elif isinstance(part, list):
        for item in part:
            yield from _texts(item)


def _demand(kind: type, *values: Any) -> None:
    if not all(type(value) is kind for value in values):
        raise TypeError(kind.__name__)


def compared(before: ReleaseRecord, after: ReleaseRecord) -> Differences:
    """Differences from the earlier record. Variants that only one record has are left out."""
    shared = [variant for variant in after["variants"] if variant in before["variants"]]
    known = [variant for variant in shared if _programs(before, variant) and _programs(after, variant)]
    return {
        "version": before["source"]["version"],
        "modules": _module_differences(before, after, known),
        "variants_without_modules": [variant for variant in shared if variant not in known],
        "packages": _package_differences(before["variants"], after["variants"], shared),
        "sizes": {
            variant: _size(before["variants"][variant], after["variants"][variant]) for variant in shared
        },
    }


def _programs(record: ReleaseRecord, variant: str) -> dict[str, Modules]:
    """Modules of each program of a variant; empty if the record does not have them."""
    rows = record.get("programs") or ()
    return {row["program"]: row["modules"] for row in rows if variant in row["variants"]}


def _module_differences(
    before: ReleaseRecord, after: ReleaseRecord, variants: Iterable[str]
) -> list[ModuleDifference]:
    together: dict[tuple[str, Difference], list[str]] = {}
    for variant in variants:
        was, would = _programs(before, variant), _programs(after, variant)
        for program in sorted({*was, *would}):
            for difference in differences(was.get(program, {}), would.get(program, {})):
                together.setdefault((program, difference), []).append(variant)
    return [
        {
            "program": program,
            "module": found.module,
            "before": found.before,
            "after": found.after,
            "variants": shared,
        }
        for (program, found), shared in together.items()
    ]


def _package_differences(
    before: Mapping[str, ReleasedVariant], after: Mapping[str, ReleasedVariant], variants: Iterable[str]
) -> list[PackageDifference]:
    together: dict[tuple[str, str, str], list[str]] = {}
    for variant in variants:
        was, now = _packages(before[variant]), _packages(after[variant])
        if was is not None and now is not None:
            for found in differences(was, now):
                together.setdefault((found.module, found.before, found.after), []).append(variant)
    return [
        {"package": package, "before": earlier, "after": later, "variants": shared}
        for (package, earlier, later), shared in sorted(together.items())
    ]


def _packages(variant: ReleasedVariant) -> Mapping[str, str] | None:
    """Debian packages with their versions; None if an earlier version of this program did not record them."""
    return (variant.get("verified") or {}).get("packages")


def _size(before: ReleasedVariant, after: ReleasedVariant) -> SizeDifference:
    was, now = _layers(before), _layers(after)
    known = {layer["digest"] for layer in was or ()}
    new = [layer["size"] for layer in now or () if layer["digest"] not in known]
    return {
        "before": before["size"],
        "after": after["size"],
        "layers": len(now) if now else None,
        "new_layers": len(new) if was and now else None,
        "new_size": sum(new) if was and now else None,
    }


def _layers(variant: ReleasedVariant) -> Sequence[Layer] | None:
    """Layers that were read back; None if an earlier version of this program did not record them."""
    return (variant.get("verified") or {}).get("layers")


def vulnerability_differences(
    modules: Iterable[ModuleDifference], known: Index
) -> Iterator[VulnerabilityDifference]:
    """Yield the known vulnerabilities that are gained and those that are gone, by differing modules."""
    for row in modules:
        was, now = ({row["module"]: version} if version else {} for version in (row["before"], row["after"]))
        for gained, findings in zip((True, False), gained_and_gone(known, was, now), strict=True):
            for finding in findings:
                yield {
                    "program": row["program"],
                    "gained": gained,
                    "module": finding.module,
                    "version": finding.version,
                    "identity": finding.identity,
                    "fixed": finding.fixed,
                    "summary": finding.summary,
                    "variants": row["variants"],
                }


def markdown(since: Comparison) -> str:
    """Section of a record's page with the comparison, in Markdown."""
    parts = [
        _section(_MODULE_HEADS, since["modules"], _module_row) or _no_difference(since),
        _section(_VULNERABILITY_HEADS, since["vulnerabilities"], _vulnerability_row),
        [since["looked_up"], ""] if since["looked_up"] else [],
        _without_modules(since["variants_without_modules"]),
        _section(_PACKAGE_HEADS, since["packages"], _package_row),
        _section(_SIZE_HEADS, since["sizes"].items(), _size_row),
    ]
    return "\n".join(
        [f"## Since {one_line(since['version'])}", "", *(line for part in parts for line in part)]
    )


def _section(
    heads: tuple[str, ...], entries: Iterable[Entry], row: Callable[[Entry], list[str]]
) -> list[str]:
    rows = [[plain(cell) for cell in row(entry)] for entry in entries]
    return [*table(heads, rows), ""] if rows else []


def _no_difference(since: Differences) -> list[str]:
    compared_ones = since["sizes"].keys() - since["variants_without_modules"]
    return ["No program has changed Go modules.", ""] if compared_ones else []


def _without_modules(variants: Sequence[str]) -> list[str]:
    if not variants:
        return []
    return [f"Go modules are not in both records, and were not compared: {', '.join(variants)}.", ""]


def _module_row(difference: ModuleDifference) -> list[str]:
    sides = (version or "none" for version in (difference["before"], difference["after"]))
    return [difference["program"], difference["module"], *sides, ", ".join(difference["variants"])]


def _package_row(difference: PackageDifference) -> list[str]:
    sides = (version or "none" for version in (difference["before"], difference["after"]))
    return [difference["package"], *sides, ", ".join(difference["variants"])]


def _vulnerability_row(difference: VulnerabilityDifference) -> list[str]:
    return [
        difference["program"],
        "gained" if difference["gained"] else "gone",
        difference["identity"],
        f"{difference['module']} {difference['version']}",
        difference["fixed"] or "none",
        difference["summary"],
        ", ".join(difference["variants"]),
    ]


def _size_row(entry: tuple[str, SizeDifference]) -> list[str]:
    variant, sizes = entry
    sides = map(megabytes, (sizes["before"], sizes["after"]))
    if sizes["new_layers"] is None or sizes["new_size"] is None:
        return [variant, *sides, "unknown", "unknown"]
    return [variant, *sides, f"{sizes['new_layers']} of {sizes['layers']}", megabytes(sizes["new_size"])]
