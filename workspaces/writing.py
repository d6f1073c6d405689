"""Write the files for other tools from a stack's outputs, into a folder or to standard output."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from catalogue.registries import LOCAL_HOST
from catalogue.stack_outputs import StackOutputs
from workspaces.files import devcontainer, devfile
from workspaces.keeping import signed, write_all
from workspaces.model import Model, model_of

NEEDS_LOGIN = (
    "The image is in the registry of `make up`, which asks for a login: start the editor in a shell of "
    '`eval "$(make -s env)"`, which has it.'
)


def bodies(models: Sequence[Model]) -> dict[str, str]:
    """File → text. One workspace gets the files' standard names; several get names with the workspace."""
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


def write_files(
    outputs: StackOutputs, names: Sequence[str], folder: Path, *, dind: bool, show: bool = False
) -> None:
    """Write the files of these workspaces into a folder, or print them. Raises WorkspaceError."""
    models = [model_of(name, outputs, dind=dind) for name in dict.fromkeys(names)]
    if any(model.image.startswith(f"{LOCAL_HOST}:") for model in models):
        print(NEEDS_LOGIN, file=sys.stderr)
    wanted = bodies(models)
    if show:
        for name, body in wanted.items():
            print(f"{name}:\n{signed(Path(name), body)}")
        return
    changed = write_all(folder, wanted)
    for name in wanted:
        print(f"{folder / name}: {'written' if folder / name in changed else 'unchanged'}")
