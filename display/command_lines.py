"""Command lines that messages and outputs name, as users type them."""

import shlex
from collections.abc import Sequence

DEFAULT_STACK = "local"


def docker_command(engine: str | None, ssh_options: Sequence[str] = ()) -> str:
    """Beginning of a command line of docker for the engine at an address; None is the environment's.

    `docker -H` takes no options of ssh: without a port or a jump host it could reach another machine.
    """
    if not engine:
        return "docker"
    return shlex.join(["ssh", *ssh_options, engine, "docker"]) if ssh_options else f"docker -H {engine}"


def skyinfra(stack: str, *words: str) -> str:
    """Command line of `./skyinfra` for a stack, such as `./skyinfra wallet copies node-1 -s mine`.

    The default stack is not named.
    """
    return " ".join(["./skyinfra", *words, *([] if stack == DEFAULT_STACK else ["-s", stack])])
