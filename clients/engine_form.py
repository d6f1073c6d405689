"""The form of an engine's answers, checked as they arrive: a compromised host may send anything.

Only what this program reads is checked: the rest of the program can rely on these keys and their types.
"""

import struct
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias, TypeVar

import requests
from docker.errors import DockerException

from clients.errors import FormError
from clients.foreign import MALFORMED, line

Form: TypeAlias = "type | list[Form] | Mapping[str, Form]"
"""A type; a list of entries with a form; or keys with the forms of their values.

A key that ends with `?` may be missing or null, and `*` is any key.
"""
_Answer = TypeVar("_Answer")

_LABELS: Form = {"*": str}
_MOUNT: Form = {"Destination": str, "RW": bool, "Name?": str, "Source?": str, "Type?": str}
_OPTIONS: Form = {"*": str}
CONTAINER: Form = {
    "Id": str,
    "Names?": [str],
    "Image": str,
    "ImageID?": str,
    "State": str,
    "Labels?": _LABELS,
    "Mounts?": [_MOUNT],
}
"""A container in a list."""
INSPECTED: Form = {
    "Id": str,
    "Name": str,
    "Image": str,
    "State": {"Status": str, "Running": bool, "ExitCode?": int},
    "Config": {
        "Image": str,
        "Tty": bool,
        "Labels?": _LABELS,
        "Cmd?": [str],
        "Env?": [str],
        "StopTimeout?": int,
    },
    "HostConfig": {"AutoRemove": bool, "RestartPolicy": {"Name": str}},
    "Mounts": [_MOUNT],
}
VOLUME: Form = {"Name": str, "Mountpoint": str, "Options?": _OPTIONS, "Labels?": _LABELS}
VOLUMES: Form = {"Volumes?": [VOLUME]}
IMAGE: Form = {"Id": str, "RepoTags?": [str], "RepoDigests?": [str], "Labels?": _LABELS}
INFO: Form = {"ID?": str, "Name?": str, "DockerRootDir?": str, "SystemTime?": str}
CREATED: Form = {"Id": str}
ENDED: Form = {"StatusCode": int}
EXEC: Form = {"ExitCode?": int}


def in_form(subject: str, form: Form, question: Callable[[], _Answer]) -> _Answer:
    """Answer to a question about `subject`. Raises FormError if it has another form; other errors pass."""
    try:
        answer = question()
    except requests.JSONDecodeError as error:
        raise FormError(_message(subject, repr(error))) from error
    except (DockerException, OSError):  # some are ValueErrors too
        raise
    except (*MALFORMED, struct.error) as error:
        raise FormError(_message(subject, repr(error))) from error
    if wrong := _fault(answer, form, ""):
        raise FormError(_message(subject, wrong))
    return answer


def _message(subject: str, wrong: str) -> str:
    return line(f"its engine does not answer in Docker's form: {subject}: {wrong}")


def _fault(answer: Any, form: Form, place: str) -> str:
    """Describe the first part of an answer that has another form; empty if there is none."""
    if isinstance(form, type):
        is_right = isinstance(answer, form) and (form is bool or not isinstance(answer, bool))
        return "" if is_right else f"{place or 'it'} is {line(repr(answer))}"
    if isinstance(form, list):
        if not isinstance(answer, list):
            return f"{place or 'it'} is {line(repr(answer))}"
        [entry] = form
        faults = (_fault(part, entry, f"{place}[{at}]") for at, part in enumerate(answer))
        return next(filter(None, faults), "")
    if not isinstance(answer, dict):
        return f"{place or 'it'} is {line(repr(answer))}"
    return next(filter(None, (_fault_at(answer, key, form[key], place) for key in form)), "")


def _fault_at(answer: Mapping[str, Any], key: str, form: Form, place: str) -> str:
    if key == "*":
        return next(filter(None, (_fault(answer[name], form, f"{place}.{name}") for name in answer)), "")
    name = key.removesuffix("?")
    if name != key and answer.get(name) is None:
        return ""
    where = f"{place}.{name}" if place else name
    return _fault(answer[name], form, where) if name in answer else f"{where} is missing"
