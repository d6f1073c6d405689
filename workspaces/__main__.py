"""`pulumi stack output --json -s STACK | python -m workspaces NAME…`: files that other tools open it by."""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from workspaces.files import devcontainer, devfile
from workspaces.keeping import signed, write_all
from workspaces.model import Model, WorkspaceError, model_of


def bodies(models: Sequence[Model]) -> dict[str, str]:
    """File → text. One workspace takes the names that tools look for; of several each has its own."""
    if len(models) == 1:
        return {
            ".devcontainer/devcontainer.json": devcontainer(models[0]),
            "devfile.yaml": devfile(models[0]),
        }
    return dict(_bodies_of_several(models))


def _bodies_of_several(models: Sequence[Model]) -> Iterator[tuple[str, str]]:
    for model in models:
        yield f".devcontainer/{model.name}/devcontainer.json", devcontainer(model)
        yield f"devfile.{model.name}.yaml", devfile(model)


def make_files(
    outputs: Mapping[str, Any], names: Sequence[str], folder: Path, *, dind: bool, show: bool = False
) -> None:
    """Write the files of these workspaces into a folder, or print them. Raises WorkspaceError."""
    if not folder.is_dir():
        raise WorkspaceError(f"{folder} is no folder")
    wanted = bodies([model_of(name, outputs, dind=dind) for name in dict.fromkeys(names)])
    if show:
        for name, body in wanted.items():
            print(f"{name}:\n{signed(Path(name), body)}")
        return
    changed = write_all(folder, wanted)
    for name in wanted:
        print(f"{folder / name}: {'written' if folder / name in changed else 'is so'}")


def main() -> int:
    """Read outputs, write files."""
    parser = argparse.ArgumentParser(prog="python -m workspaces", description=__doc__)
    parser.add_argument("name", nargs="+", help="cli, python, dotnet, vscode")
    parser.add_argument(
        "--into", type=Path, default=Path(), help="folder that is worked on, default this one"
    )
    parser.add_argument("--dind", action="store_true", help="the image with a Docker engine inside")
    parser.add_argument("--print", action="store_true", dest="show", help="print the files, write none")
    given = parser.parse_args()
    try:
        outputs = json.load(sys.stdin)
    except ValueError:
        outputs = None
    if not isinstance(outputs, dict):
        print("no outputs: give it what `pulumi stack output --json` prints", file=sys.stderr)
        return 1
    try:
        make_files(outputs, given.name, given.into, dind=given.dind, show=given.show)
    except WorkspaceError as error:
        print(f"no files: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
