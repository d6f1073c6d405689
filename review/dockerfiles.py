"""Images that a build names outside its build arguments: in named contexts, and in an inline Dockerfile.

A Dockerfile in a folder is a file, which no preview contains.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

CONTEXT_IMAGE = "docker-image://"
"""Beginning of a named context that is an image."""
_DIRECTIVE = re.compile(r"#\s*(\w+)\s*=\s*(.+?)\s*")
_HEREDOC = re.compile(r"<<(-?)(['\"]?)([A-Za-z_]\w*)\2")
_MOUNT = re.compile(r"--mount=(?:\S*,)?from=([^,\s]+)")
_FLAG = re.compile(r"--from=(\S+)")
_VARIABLE = re.compile(r"\$(?:\{(\w+)(?::?-([^}]*))?\}|(\w+))")


def context_images(named: object) -> Iterator[tuple[str, str]]:
    """Yield (name of the context, image) of named contexts that are images."""
    for name, context in named.items() if isinstance(named, Mapping) else ():
        location = context.get("location") if isinstance(context, Mapping) else context
        if str(location).startswith(CONTEXT_IMAGE):
            yield str(name), str(location).removeprefix(CONTEXT_IMAGE)


def dockerfile_images(text: str, arguments: Mapping[str, Any], contexts: Mapping[str, Any]) -> Iterator[str]:
    """Yield the images that a Dockerfile names: its frontend, its bases, and those it copies from or mounts.

    Names of stages and of named contexts are not images. Variables in FROM are replaced by the build
    arguments, by the defaults of global ARGs, or by their own defaults; others stay as they are written.
    """
    directives = _directives(text)
    if frontend := directives.get("syntax"):
        yield frontend
    values, known = dict[str, str](), {name.lower() for name in contexts}
    is_global = True
    for instruction, rest in _instructions(text, directives.get("escape", "\\")):
        words = rest.split()
        if instruction == "ARG" and is_global:
            values |= {
                name: default.strip("\"'") for name, _, default in (one.partition("=") for one in words)
            }
        elif instruction == "FROM":
            is_global = False
            names = [_expanded(word, {**values, **arguments}) for word in words if not word.startswith("--")]
            if names and names[0].lower() not in known:
                yield names[0]
            known.add(names[-1].lower() if len(names) == 3 else "")
        elif instruction in ("COPY", "ADD", "RUN"):
            found = (_MOUNT if instruction == "RUN" else _FLAG).findall(rest)
            yield from (name for name in found if not name.isdigit() and name.lower() not in known)


def _directives(text: str) -> dict[str, str]:
    """Parser directives: comments `# name=value` before anything else."""
    found = dict[str, str]()
    for line in text.splitlines():
        if not (match := _DIRECTIVE.fullmatch(line.strip())):
            break
        found[match[1].lower()] = match[2]
    return found


def _instructions(text: str, escape: str) -> Iterator[tuple[str, str]]:
    """Yield (instruction in capitals, its arguments), without comments and without the text of heredocs."""
    lines = iter(text.splitlines())
    joined = ""
    for line in lines:
        if line.lstrip().startswith("#") or not line.strip():
            continue
        joined += line.rstrip()
        if joined.endswith(escape):
            joined = joined.removesuffix(escape) + " "
            continue
        instruction, _, rest = joined.strip().partition(" ")
        joined = ""
        yield instruction.upper(), rest
        for tabs, _, end in _HEREDOC.findall(rest):
            for inside in lines:
                if (inside.lstrip("\t") if tabs else inside) == end:
                    break


def _expanded(word: str, values: Mapping[str, Any]) -> str:
    """Word with its variables replaced; one that has neither a value nor a default stays."""

    def value(match: re.Match[str]) -> str:
        return str(values.get(match[1] or match[3]) or match[2] or match[0])

    return _VARIABLE.sub(value, word.strip("\"'"))
