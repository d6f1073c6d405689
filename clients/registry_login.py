"""Logins of registries in the docker config, credential helpers included, and the commands that add one."""

import re
from collections.abc import Mapping

import docker.auth
from docker.errors import DockerException

from catalogue.registries import LOCAL_HOST
from clients.errors import RegistryError

HUB = "docker.io"
_ECR = re.compile(r"\d{12}\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?")


def login_of(host: str) -> tuple[str, str] | None:
    """(user, password) for a registry from the docker config; None if it has none. Raises RegistryError."""
    try:
        config: Mapping[str, str] | None = docker.auth.load_config().resolve_authconfig(
            None if host == HUB else host
        )
    except (DockerException, ValueError) as error:
        raise RegistryError(f"registry {host}: the docker config can't be read: {error}") from None
    if not config:
        return None
    values = {key.lower(): value for key, value in config.items()}
    if values.get("identitytoken") or values.get("username") == "<token>":
        raise RegistryError(
            f"registry {host}: the docker config has an identity token, which is not supported. "
            f"Log in with a user and a password or access token: `docker login {host}`"
        )
    return (values["username"], values["password"]) if values.get("username") else None


def login_hint(host: str) -> str:
    """Part of a sentence with the command that adds a login to the docker config."""
    command = login_command(host)
    own = host.partition(":")[0] == LOCAL_HOST
    return f'{command}, or for the registry of `make up`: `eval "$(make -s env)"`' if own else command


def login_command(host: str) -> str:
    """Command that adds a login to the docker config. Amazon's login is a token valid for 12 hours."""
    match = _ECR.fullmatch(host)
    if match is None:
        return f"`docker login {host}`"
    token = f"aws ecr get-login-password --region {match['region']}"
    return f"`{token} | docker login --username AWS --password-stdin {host}`"
