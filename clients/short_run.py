"""A short-lived, confined container on a host, for the preflight and for work on a node's volumes."""

from collections.abc import Sequence
from typing import Any, Literal

from docker.errors import DockerException
from requests.exceptions import RequestException

from catalogue.confinement import DROPPED_CAPABILITIES, SECURITY_OPTIONS
from clients.errors import FormError, ServiceError, message_of
from clients.pull import HostInputs, ensure_image

MEMORY = "256m"
PROCESSES = 128
"""Limits of the container: it may run beside a node on a board with 512 MB."""


def short_run(
    client: Any,
    inputs: HostInputs,
    image: str,
    command: Sequence[str],
    seconds: int,
    *,
    lines: int | Literal["all"] = 5,
    while_printing: bool = False,
    **options: Any,
) -> tuple[int, str]:
    """Run a command in an image; return (exit code, last `lines` of output) and always remove the container.

    The command must end within `seconds`; with `while_printing` each further line extends the limit by as
    much. It runs with a read-only root and limits, without network or privileges; `options` are docker-py's.
    The image is pulled if the host of `inputs` lacks it. Raises ServiceError that names host and image.
    """
    try:
        container = client.containers.create(
            ensure_image(client, image, inputs),
            command=list(command),
            network_mode="none",
            read_only=True,
            cap_drop=list(DROPPED_CAPABILITIES),
            security_opt=list(SECURITY_OPTIONS),
            mem_limit=MEMORY,
            pids_limit=PROCESSES,
            **options,
        )
        try:
            container.start()
            code = _exit_code(container, seconds, while_printing=while_printing)
            return code, container.logs(tail=lines).decode(errors="replace").strip()
        finally:
            container.remove(force=True)
    except (DockerException, RequestException, FormError) as error:
        raise ServiceError(f"host {inputs['host']}, {image}: {message_of(error)}") from error


def _exit_code(container: Any, seconds: int, *, while_printing: bool) -> int:
    printed = b""
    while True:
        try:
            code: int = container.wait(timeout=seconds)["StatusCode"]
        except RequestException:
            before, printed = printed, container.logs(tail=1) if while_printing else b""
            if printed == before:
                raise
        else:
            return code
