"""Comparison of a release with an earlier one: Go modules, Debian packages, vulnerabilities, sizes, layers.

Both sides are release records (release/record.py), so they describe what was published and read back.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from catalogue.go_modules import Modules, differences
from catalogue.version_order import precedence
from display.markdown import one_line, plain, table
from release.record import RecordError, megabytes
from release.vulnerabilities import Index, gained_and_gone

Record = Mapping[str, Any]
NO_RECORD = "this is not a release record: give it the output of `./skyinfra release record --format json`"
_KEYS = frozenset(("image", "source", "tags", "variants"))
_MODULE_HEADS = ("program", "module", "before", "now", "variants")
_PACKAGE_HEADS = ("Debian package", "before", "now", "variants")
_VULNERABILITY_HEADS = ("program", "what happened", "id", "module", "fixed in", "what it is", "variants")
_SIZE_HEADS = ("variant", "to download, before", "now", "new layers", "to download with the earlier one")


def checked_record(record: Any, image: str) -> Record:
    """Check an earlier release's record of the same image. Raises RecordError if it is not one."""
    if not isinstance(record, dict) or not record.keys() >= _KEYS:
        raise RecordError(NO_RECORD)
    if record["image"] != image:
        raise RecordError(f"this is the record of image {record['image']!r}, not of {image!r}")
    try:
        _check_form(record)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise RecordError(NO_RECORD) from None
    return record


def _check_form(record: Record) -> None:
    """Validate the parts that are compared or shown: the file is untrusted. Raises an error."""
    if not all(text.isprintable() for text in _texts(record)):
        raise ValueError("control characters")
    _demand(str, record["source"]["version"])
    for variant in record["variants"].values():
        layers = _layers(variant) or ()
        _demand(int, variant["size"], *(layer["size"] for layer in layers))
        _demand(str, *(layer["digest"] for layer in layers))
        _demand(str, *(_packages(variant) or {}).values())
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


def compared(before: Record, after: Record) -> dict[str, Any]:
    """Differences from the earlier record: {version, modules, variants_without_modules, packages, sizes}.

    `modules` is [{program, module, before, after, variants}]. `packages` is [{package, before, after,
    variants}], of variants whose packages both records have. `sizes` is {variant: {before, after, layers,
    new_layers, new_size}}, in bytes, with None if a side does not have its layers. Variants that only one
    record has are left out.
    """
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


def _programs(record: Record, variant: str) -> dict[str, Modules]:
    """Modules of each program of a variant; empty if the record does not have them."""
    rows = record.get("programs") or ()
    return {row["program"]: row["modules"] for row in rows if variant in row["variants"]}


def _module_differences(before: Record, after: Record, variants: Iterable[str]) -> list[dict[str, Any]]:
    together: dict[tuple[str, Any], list[str]] = {}
    for variant in variants:
        was, would = _programs(before, variant), _programs(after, variant)
        for program in sorted({*was, *would}):
            for difference in differences(was.get(program, {}), would.get(program, {})):
                together.setdefault((program, difference), []).append(variant)
    return [
        {"program": program, **asdict(difference), "variants": shared}
        for (program, difference), shared in together.items()
    ]


def _package_differences(
    before: Mapping[str, Any], after: Mapping[str, Any], variants: Iterable[str]
) -> list[dict[str, Any]]:
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


def _packages(variant: Mapping[str, Any]) -> Mapping[str, str] | None:
    """Debian packages with their versions; None if an earlier version of this program did not record them."""
    packages: Mapping[str, str] | None = (variant.get("verified") or {}).get("packages")
    return packages


def _size(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, int | None]:
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


def _layers(variant: Mapping[str, Any]) -> Sequence[Mapping[str, Any]] | None:
    """Layers that were read back; None if an earlier version of this program did not record them."""
    layers: Sequence[Mapping[str, Any]] | None = (variant.get("verified") or {}).get("layers")
    return layers


def vulnerability_differences(modules: Sequence[Mapping[str, Any]], known: Index) -> Iterator[dict[str, Any]]:
    """Yield {program, gained, module, version, identity, fixed, summary, variants} for differing modules."""
    for row in modules:
        was, now = ({row["module"]: row[side]} if row[side] else {} for side in ("before", "after"))
        for gained, findings in zip((True, False), gained_and_gone(known, was, now), strict=True):
            for finding in findings:
                yield {
                    "program": row["program"],
                    "gained": gained,
                    **asdict(finding),
                    "variants": row["variants"],
                }


def markdown(since: Mapping[str, Any]) -> str:
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


def _section(heads: tuple[str, ...], entries: Iterable[Any], row: Callable[[Any], list[str]]) -> list[str]:
    rows = [[plain(cell) for cell in row(entry)] for entry in entries]
    return [*table(heads, rows), ""] if rows else []


def _no_difference(since: Mapping[str, Any]) -> list[str]:
    compared_ones = since["sizes"].keys() - since["variants_without_modules"]
    return ["No program has changed Go modules.", ""] if compared_ones else []


def _without_modules(variants: list[str]) -> list[str]:
    if not variants:
        return []
    return [f"Go modules are not in both records, and were not compared: {', '.join(variants)}.", ""]


def _module_row(difference: Mapping[str, Any]) -> list[str]:
    sides = (difference[side] or "none" for side in ("before", "after"))
    return [difference["program"], difference["module"], *sides, ", ".join(difference["variants"])]


def _package_row(difference: Mapping[str, Any]) -> list[str]:
    sides = (difference[side] or "none" for side in ("before", "after"))
    return [difference["package"], *sides, ", ".join(difference["variants"])]


def _vulnerability_row(difference: Mapping[str, Any]) -> list[str]:
    return [
        difference["program"],
        "gained" if difference["gained"] else "gone",
        difference["identity"],
        f"{difference['module']} {difference['version']}",
        difference["fixed"] or "none",
        difference["summary"],
        ", ".join(difference["variants"]),
    ]


def _size_row(entry: tuple[str, Mapping[str, Any]]) -> list[str]:
    variant, sizes = entry
    sides = (megabytes(sizes[side]) for side in ("before", "after"))
    if sizes["new_layers"] is None:
        return [variant, *sides, "unknown", "unknown"]
    return [variant, *sides, f"{sizes['new_layers']} of {sizes['layers']}", megabytes(sizes["new_size"])]
