"""docs/how-it-is-built.md, drawn from the contracts of the layers and from a run of a stack."""

import re
import textwrap
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from mocks.engine import STACK, Registered
from tests.unit.engine import Engine
from tests.unit.test_layers import CONTRACT

WIDTH = 108
"""Largest number of characters in a line of text, as in this module."""
HEAD = """# How it is built

How a line of a stack's YAML becomes a container or an image, and which folder does what. The folders one by
one, and how to add to them: [CONTRIBUTING.md](../CONTRIBUTING.md). The reasons: [decisions](adr/README.md).
Words that this page does not explain: [glossary](glossary.md).

`UPDATE_SNAPSHOTS=1 make unit` draws the pictures, from `pyproject.toml` and from a run of the stack
`local`.

## From YAML to outputs

1. `pulumi up` reads `stacks/Pulumi.NAME.yaml` and runs `__main__.py`, which gets the file's values.
2. `settings/reading.py` turns the values into one typed object, `StackSettings`. All errors are reported
   together, each with its line, and then nothing is created.
3. `program/program.py` goes through the settings: version marker, builder, registries, hosts, images,
   nodes, workspaces. It turns each entry into the arguments of a component.
4. The components register resources with Pulumi's engine. The output of one is the input of another: the
   digest of an image comes from the verification of its build, and reaches the node that runs it. So the
   engine knows the order.
5. The engine compares each resource with the stack's state, and asks a plugin to create, change or remove
   what differs. docker-build builds. docker, or its [stand-in](docker-plugin.md), creates volumes, networks
   and most containers. The project's own plugin, `providers/skycoin`, checks hosts, verifies images, writes
   tags, and replaces a node's container.
6. `program/program.py` exports the stack's outputs, which are in the state too. `./skyinfra` reads them,
   and so does a stack whose `images-from` names this one. `catalogue/stack_outputs.py` says what each of
   them means.
"""
LAYERS = """## Layers

A folder imports only from folders below it, and never from another one in its own row. `make lint` and
`tests/integration/test_layer_imports.py` check that.
"""
TOLD: Mapping[str, str] = {
    "bench": "`bench` measures the speed and size of all other layers, as ratios. Nothing imports it.",
    "commands": (
        "`commands` is `./skyinfra`: options, help and exit codes. It has no logic of its own, except "
        "for work that takes several of the folders below, such as the move of a node."
    ),
    "local": (
        "`local` is what `make` does on one machine: it sets up tools, an engine, a builder and a "
        "registry, and runs `pulumi` with them. Plain `pulumi up` does not need it."
    ),
    "fleet | mocks | release | review | wallets | workspaces": (
        "These are the tasks that `pulumi` has no command for, one a folder: the hosts of a stack, "
        "the record of a release, the review of a change, wallets, and files for editors. `mocks` "
        "simulates Pulumi's engine, for reviews without an engine and for the unit tests. They read "
        "states and outputs; `fleet` and `wallets` also change hosts."
    ),
    "program": (
        "`program` composes one stack. It is the lowest folder that knows both settings and "
        "components, and the only one that creates Pulumi's providers and exports outputs."
    ),
    "components | providers | settings": (
        "`settings` knows the YAML, `components` register the resources, and `providers` create them. "
        "They don't know each other: a component gets its arguments from `program`, and the inputs "
        "that it registers reach a provider through the engine, in another process. "
        "`tests/unit/test_own_inputs.py` checks that both sides have the same inputs."
    ),
    "clients": (
        "`clients` talk to engines, registries, hosts behind ssh, git and the `pulumi` command. They "
        "know neither the settings nor Pulumi's SDK."
    ),
    "catalogue | display": (
        "`catalogue` has the tables that all others read: architectures, boards, images, the forms of "
        "names and tags. `display` has text for people. Both import no other folder."
    ),
}
"""Text about each layer of the contract."""
INSIDE = """### Inside a folder

Four folders have layers of their own, highest first:
"""
GRAPH = """## Resources of a stack

Everything that the stack `local` ([settings](../stacks/local.example.yaml)) creates: one image for five
architectures, with its tags, and one node. A frame is a component, with its children inside; a box with a
number stands for as many resources of the same kind. An arrow leads from a resource to one that waits for
it, and is left out where other arrows already lead there; tags wait for each other, exact ones first. A
dotted arrow leads from a provider to what it creates; other boxes belong to the project's own plugin, and a
component without children to none. `tests/snapshots/local.txt` has the same resources with all inputs.
"""
FEW = 2
"""Largest number of names in a box; for more resources, it has their number instead."""

Path = tuple[str, ...]
"""Types of a resource's components, the outermost first, and its own type."""


def page(engine: Engine) -> str:
    """The whole page; `engine` has run the stack of the second picture."""
    told = [_wrapped(TOLD[layer]) for layer in layers()]
    parts = [HEAD, LAYERS, _fenced(layers_picture()), *told, INSIDE, "\n".join(_inside())]
    return "\n\n".join(part.strip() for part in [*parts, GRAPH, _fenced(resources_picture(engine))]) + "\n"


def layers_picture() -> list[str]:
    """The layers from top to bottom, in Mermaid."""
    lines, rows = ["flowchart TD"], list[str]()
    for number, packages in enumerate(map(_split, layers())):
        boxes = [f'{package}["{package}/"]' for package in packages]
        if len(packages) == 1:
            lines += [f"    {box}" for box in boxes]
            rows += packages
        else:
            framed = (f"        {line}" for line in ("direction TB", *boxes))
            lines += [f'    subgraph layer{number}[" "]', *framed, "    end"]
            rows.append(f"layer{number}")
    return [*lines, *(f"    {upper} --> {lower}" for upper, lower in pairwise(rows))]


def resources_picture(engine: Engine) -> list[str]:
    """The resources of a run by kind, in Mermaid."""
    return ["flowchart TD", *_Picture(engine).lines()]


def layers() -> list[str]:
    """The layers of the whole program, as the contract spells them, the highest first."""
    [found] = [contract["layers"] for contract in CONTRACT["contracts"] if contract["name"] == "Layers"]
    return [str(layer) for layer in found]


def _split(layer: str) -> list[str]:
    return [name.strip() for name in layer.split("|")]


def _inside() -> Iterator[str]:
    """Yield a line for each contract about the parts of one folder."""
    for found in CONTRACT["contracts"]:
        if found["type"] == "layers" and found["name"] != "Layers":
            folder = found["layers"][0].partition(".")[0]
            parts = [
                ", ".join(f"`{name.removeprefix(f'{folder}.')}`" for name in _split(layer))
                for layer in found["layers"]
            ]
            yield _wrapped(f"- `{folder}`: {' → '.join(parts)}", "  ")


def _wrapped(text: str, indent: str = "") -> str:
    return textwrap.fill(
        text, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def _fenced(lines: Sequence[str]) -> str:
    return "\n".join(["```mermaid", *lines, "```"])


class _Picture:
    """The resources of one run, grouped by kind and place."""

    def __init__(self, engine: Engine) -> None:
        self._by_urn = {entry.urn: entry for entry in engine.registered}
        groups = defaultdict[Path, list[Registered]](list)
        for entry in engine.registered:
            if entry.type != STACK:
                groups[self._path(entry)].append(entry)
        self._groups = {path: groups[path] for path in sorted(groups)}
        self._ids = {path: f"r{number}" for number, path in enumerate(self._groups)}

    def lines(self) -> Iterator[str]:
        """Yield the boxes in their frames, then the arrows."""
        yield from self._inside((), "    ")
        waits = {path: self._others(path, "dependencies") for path in self._groups}
        for path, before in waits.items():
            for other in sorted(before):
                if not any(_leads(waits, step, other) for step in before - {other, path}):
                    yield f"    {self._ids[other]} --> {self._ids[path]}"
        for path in self._groups:
            for other in sorted(self._others(path, "provider")):
                yield f"    {self._ids[other]} -.-> {self._ids[path]}"

    def _path(self, entry: Registered) -> Path:
        parent = self._by_urn[entry.parent]
        return (*(() if parent.type == STACK else self._path(parent)), entry.type)

    def _inside(self, frame: Path, indent: str) -> Iterator[str]:
        for path in self._groups:
            if path[:-1] != frame:
                continue
            box = f'{self._ids[path]}["{self._label(path)}"]'
            if self._is_frame(path):
                yield f"{indent}subgraph {box}"
                yield from self._inside(path, f"{indent}    ")
                yield f"{indent}end"
            else:
                yield f"{indent}{box}"

    def _is_frame(self, path: Path) -> bool:
        return any(other[:-1] == path for other in self._groups)

    def _label(self, path: Path) -> str:
        """Kind of the resources, and their names or their number."""
        names = sorted(entry.name for entry in self._groups[path])
        package, _, kind = path[-1].rpartition(":")
        if package.startswith("pulumi:"):
            kind = f"provider {kind}"
        elif not package.startswith("skycoin"):
            kind = f"{package.partition(':')[0]} {kind}"
        elif not self._groups[path][0].custom and not self._is_frame(path):
            kind = f"component {kind}"
        # The title of a frame has only one line.
        space = " " if self._is_frame(path) else "<br/>"
        return f"{kind}{space}{', '.join(names) if len(names) <= FEW else f'× {len(names)}'}"

    def _others(self, path: Path, attribute: str) -> set[Path]:
        """Groups that the resources of a group depend on, or whose provider they have."""
        found = set[Path]()
        for entry in self._groups[path]:
            urns = [entry.provider] if attribute == "provider" else sorted(entry.dependencies)
            found |= {self._path(self._by_urn[urn]) for urn in urns if urn in self._by_urn}
        return found


def _leads(waits: Mapping[Path, set[Path]], start: Path, end: Path) -> bool:
    """True if `start` waits for `end`, directly or through others."""
    return any(step == end or _leads(waits, step, end) for step in waits[start] - {start})


def number_of_boxes(lines: Sequence[str]) -> int:
    """Number of the boxes and frames of a picture."""
    return sum(bool(re.match(r'\s*(subgraph )?\w+\["', line)) for line in lines)
