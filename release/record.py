"""Release record of one image: its tags and digests, sources, sizes, and the check of each published variant.

It is created from the stack's outputs only.
"""

from collections.abc import Mapping, Sequence
from typing import Never, NotRequired, TypeAlias, TypedDict

from catalogue.arch import ARCHES
from catalogue.go_modules import Program
from catalogue.stack_outputs import Report, Source, StackOutputs, Variant
from display.errors import UserError
from display.markdown import plain, table
from display.units import count_of

MEGABYTE = 1_000_000


class RecordError(UserError):
    """Raised if there is no such record, or if it can't be used; the message gives the reason."""


NoReport: TypeAlias = Mapping[str, Never]
"""Empty mapping, in place of a report that the stack's outputs lack."""


class ReleasedTag(TypedDict):
    """A manifest list under one tag."""

    digest: str
    registries: Mapping[str, str]
    """`repo:tag@sha256:…` by name of the registry; empty for an optional one that failed."""


class ReleasedVariant(Variant[str, int]):
    """An image for one architecture, with its base and its verification."""

    base: str
    """Reference of the base, by digest."""
    verified: NotRequired[Report | NoReport]
    """Missing in a record from before variants were verified."""


class ReleaseRecord(TypedDict):
    """Everything that a stack published of one image."""

    image: str
    source: Source
    tags: Mapping[str, ReleasedTag]
    """Manifest list by tag."""
    variants: Mapping[str, ReleasedVariant]
    """Variant by architecture; all tags have the same."""
    programs: NotRequired[Sequence[Program]]
    """Programs with their Go modules; empty if an earlier version of this program published the image, and
    missing in a record of such a version."""


def release_record(outputs: StackOutputs, image: str) -> ReleaseRecord:
    """Record of an image. Raises RecordError if the stack does not publish it."""
    images = outputs.get("images") or {}
    if image not in images:
        published = ", ".join(images) or "none"
        raise RecordError(f"image {image!r} is not published by this stack; it has {published}")
    tags = images[image]
    first = next(iter(tags.values()))
    provenance = outputs["provenance"][image]
    reports = (outputs.get("verification") or {}).get(image) or {}
    programs = (outputs.get("modules") or {}).get(image) or []
    return {
        "image": image,
        "source": provenance["source"],
        "tags": {
            tag: {"digest": entry["digest"], "registries": entry["registries"]} for tag, entry in tags.items()
        },
        "variants": {
            arch: {
                **first["variants"][arch],
                "base": provenance["bases"][arch],
                "verified": reports.get(arch) or {},
            }
            for arch in ARCHES
            if arch in first["variants"]
        },
        "programs": programs,
    }


def markdown(record: ReleaseRecord) -> str:
    """Page for people, in Markdown; an earlier version's record may lack what the page needs."""
    source = record["source"]
    facts = [f"commit `{source['commit']}`", f"branch {source['branch']}", source["date"]]
    known = [fact for fact in facts if fact and not fact.endswith(" ")]
    tags = [
        (f"`{tag}`", f"`{entry['digest']}`", _places(entry["registries"]))
        for tag, entry in record["tags"].items()
    ]
    variants = [
        (
            arch,
            variant["platform"],
            megabytes(variant["size"]),
            megabytes(variant["unpacked"]),
            f"`{variant['digest']}`",
            f"`{variant['base']}`",
        )
        for arch, variant in record["variants"].items()
    ]
    return "\n".join(
        [
            f"# {record['image']} {source['version']}",
            "",
            f"From {', '.join(known)}.",
            "",
            *table(("tag", "list", "registries"), tags),
            "",
            *table(("variant", "platform", "to download", "unpacked", "digest", "base"), variants),
            "",
            *_verified(record["variants"]),
            *_packages(record["variants"]),
            *_programs(record["programs"]),
        ]
    )


def _verified(variants: Mapping[str, ReleasedVariant]) -> list[str]:
    """Tables of the facts that were read back from the registry, and of the SBOMs in the images."""
    reports = {arch: variant["verified"] for arch, variant in variants.items() if variant["verified"]}
    if not reports:
        return []
    rows = [
        (
            arch,
            f"{variants[arch]['platform']} in configuration and programs",
            f"{report['labels']} as wanted",
            "; ".join(f"{count} × {kind}" for kind, count in report["programs"].items()) or "none",
            ", ".join(megabytes(layer["size"]) for layer in report["layers"]),
        )
        for arch, report in reports.items()
    ]
    sboms = [
        (arch, f"`{path}`", str(sbom["components"]), f"`{sbom['digest']}`")
        for arch, report in reports.items()
        for path, sbom in report["sboms"].items()
    ]
    return [
        "Read back from the registry, before any list was written:",
        "",
        *table(("variant", "platform", "labels and annotations", "programs", "layers"), rows),
        "",
        *(table(("variant", "SBOM (CycloneDX)", "components", "digest"), sboms) if sboms else []),
        *([""] if sboms else []),
    ]


def _packages(variants: Mapping[str, ReleasedVariant]) -> list[str]:
    """Folded table of Debian's packages in the images, by their SBOMs; equal ones are one row."""
    together: dict[tuple[str, str], list[str]] = {}
    for arch, variant in variants.items():
        for named in (variant["verified"].get("packages") or {}).items():
            together.setdefault(named, []).append(arch)
    if not together:
        return []
    rows = [
        (plain(name), plain(version), ", ".join(arches))
        for (name, version), arches in sorted(together.items())
    ]
    summary = f"<details><summary>{count_of(len({name for name, _ in together}), 'Debian package')}</summary>"
    return [summary, "", *table(("package", "version", "variants"), rows), "", "</details>", ""]


def _programs(programs: Sequence[Program]) -> list[str]:
    """Table of the Go modules that are linked into each program."""
    rows = [
        (plain(row["program"]), ", ".join(row["variants"]), plain(f"{module} {version}"))
        for row in programs
        for module, version in row["modules"].items()
    ]
    return [*table(("program", "variants", "Go module"), rows), ""] if rows else []


def megabytes(size: int) -> str:
    """Size for people, such as `38.5 MB`."""
    return f"{size / MEGABYTE:.1f} MB"


def _places(registries: Mapping[str, str]) -> str:
    left_out = " (skipped: optional registry failed)"
    return ", ".join(f"{name}{'' if ref else left_out}" for name, ref in sorted(registries.items()))
