"""Runs of stacks without Pulumi's engine: from their files to the resources that the program registers.

No state, engine, registry, login or secret is read, and no file of this machine outside this checkout.
"""

import contextlib
import hashlib
import json
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pulumi
import yaml

from catalogue.stack_outputs import StackOutputs
from mocks.engine import ECR, Engine
from mocks.origins import changed_images, origins
from mocks.previews import Preview, plain, preview_of
from program.program import Program
from settings.pulumi_yaml import YamlMismatchError, pulumi_text, pulumi_values
from settings.reading import SettingsError, read_settings
from settings.stack import StackSettings

PROJECT = Path(__file__).resolve().parent.parent
OF_MACHINE = "skycoin:build-ca"
"""Setting that names a file of this machine; no resource contains that name."""
INVENTED = "not-known"
"""Placeholder for the digits of an invented digest."""

Files = Mapping[str, str]
"""Name of a stack → text of its file."""


def files_here() -> Files:
    """Read the files of all stacks in this checkout; one that is not UTF-8 is an error of its stack alone."""
    return {
        path.name.removeprefix("Pulumi.").removesuffix(".yaml"): path.read_text(errors="surrogateescape")
        for path in (PROJECT / "stacks").glob("Pulumi.*.yaml")
    }


def up(stack: str, files: Files) -> Engine:
    """Run the first `up` of a stack.

    Raises SettingsError or RunError for errors in the files, and LookupError if a stack has no file or an
    image is built from a working copy.
    """
    return _run(Engine(), stack, files)


def previewed(stack: str, before: Engine, files: Files) -> Engine:
    """Run a preview over the state that `before` produced. Raises the same errors as `up`."""
    return _run(Engine(preview=True, state=before), stack, files)


def preview_of_files(stack: str, base: Files, head: str) -> Preview:
    """Preview of the file `head` over the state that the stack's file in `base` gives, or over no state.

    Other stacks are taken from `base`, because a preview reads what they published. The preview's `published`
    lists the changes of containers between images of those stacks. Errors in `head` are diagnostics of the
    preview. Raises SettingsError or RunError for errors in `base`, and LookupError if a stack that it reads
    has no file, or if an image is built from a working copy.
    """
    before = _first_up(stack, *base.items()) if stack in base else Engine()
    try:
        after = previewed(stack, before, {**base, stack: head})
    except (SettingsError, pulumi.RunError) as error:
        return {"steps": [], "diagnostics": [{"severity": "error", "message": str(error)}]}
    preview = preview_of(before, after)
    preview["published"] = changed_images(preview["steps"], before.origins, after.origins)
    text = json.dumps(preview)
    for digest in (*before.digests, *after.digests):
        text = text.replace(digest, f"sha256:{INVENTED}")
    result: Preview = json.loads(text)
    return result


def settings_of(stack: str, text: str) -> StackSettings:
    """Settings of a stack's file, with placeholders for secrets.

    Raises SettingsError with all of its errors, and LookupError if an image is built from a working copy.
    """
    config, secret = _configuration(text)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "stacks" / f"Pulumi.{stack}.yaml"
        file.parent.mkdir()
        file.write_text(text)
        settings = read_settings(config, secret, file)
    for name, image in settings.images.items():
        if getattr(image.source, "path", None):
            raise LookupError(f"The image {name} is built from a working copy, which only its machine has.")
    return settings


def _configuration(text: str) -> tuple[dict[str, str], list[str]]:
    """Read ({full key: value as Pulumi gives it}, [keys with an encrypted value]). Raises SettingsError."""
    try:
        config = (pulumi_values(text) or {}).get("config") or {}
        values = {key: _without_secrets(value) for key, value in config.items()}
    except YamlMismatchError as error:
        raise SettingsError(error.faults) from None
    except (yaml.YAMLError, AttributeError, ValueError, RecursionError) as error:
        raise SettingsError(
            [f"the file is not valid YAML of a stack: {' '.join(str(error).split())}"]
        ) from None
    secret = [key for key, value in values.items() if value != config[key]]
    values.pop(OF_MACHINE, None)
    return {key: pulumi_text(value) for key, value in values.items()}, secret


def _without_secrets(value: Any) -> Any:
    """Replace each ciphertext with a placeholder; different ciphertexts get different ones."""
    if isinstance(value, Mapping):
        if len(value) == 1 and isinstance(value.get("secure"), str):
            return f"[secret {hashlib.sha256(str(value['secure']).encode()).hexdigest()[:8]}]"
        return {key: _without_secrets(entry) for key, entry in value.items()}
    return [_without_secrets(entry) for entry in value] if isinstance(value, list) else value


def _run(engine: Engine, stack: str, files: Files) -> Engine:
    settings = settings_of(stack, files[stack])
    if publisher := settings.images_from:
        run = _first_up(_with_file(publisher, files), *files.items())
        engine.stacks = {publisher: _published(engine, publisher, run)}
        engine.origins = origins(publisher, run, engine.stacks[publisher])
    engine.aws = _answer_of_aws
    with contextlib.chdir(PROJECT):
        engine.run(lambda: Program(settings), stack=stack)
    return engine


@cache
def _first_up(stack: str, *files: tuple[str, str]) -> Engine:
    """Run the first `up` of a stack, only once for the same files. Callers must not change the result."""
    return up(stack, dict(files))


def _published(engine: Engine, publisher: str, run: Engine) -> StackOutputs:
    """Outputs of the publishing stack, with digests that differ from those of every other publisher."""
    text = json.dumps(plain(run.exports()))
    for digest in run.digests:
        text = text.replace(digest, engine.digest(f"{publisher} {digest}"))
    outputs: StackOutputs = json.loads(text)
    return outputs


def _with_file(stack: str, files: Files) -> str:
    """Name of a stack without organization and project. Raises LookupError if it has no file."""
    name = stack.rpartition("/")[2]
    if name not in files:
        raise LookupError(
            f"Its images come from the stack {stack}, which has no file stacks/Pulumi.{name}.yaml."
        )
    return name


def _answer_of_aws(type_: str, inputs: Mapping[str, Any], provider: Mapping[str, Any]) -> dict[str, Any]:
    """Outputs of an ECR repository, whose address AWS builds from account, region and name; else none."""
    if type_ != ECR:
        return {}
    account = json.loads(provider["allowedAccountIds"])[0]
    region, name = provider["region"], inputs["name"]
    return {
        "repositoryUrl": f"{account}.dkr.ecr.{region}.amazonaws.com/{name}",
        "arn": f"arn:aws:ecr:{region}:{account}:repository/{name}",
    }
