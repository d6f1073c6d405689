"""The login of the local registry, created once per set-up, and required for every pull and push.

The password is in a file of the set-up's owner. The registry has its hash, and clients find it in the
set-up's docker config (DOCKER_CONFIG).
"""

import base64
import contextlib
import json
import secrets
import shutil
from collections.abc import Mapping
from typing import Any

import bcrypt

from local.machine.layout import Layout
from local.machine.private_files import write_aside
from local.machine.steps import SetupError, step

USER = "skycoin"

ROUNDS = 4
"""bcrypt's minimum, because each request is checked.

The password has 256 random bits, so more rounds would not make it harder to guess.
"""


def ensure_login(layout: Layout) -> None:
    """Create the login if it is missing, and write it for the registry and into the docker config."""
    with step(f"login of {layout.registry}") as this:
        config = _docker_config(layout)  # An error in it is reported before anything is created.
        made = not layout.registry_password.exists()
        if made:
            layout.state.mkdir(parents=True, exist_ok=True)
            write_aside(layout.registry_password, secrets.token_urlsafe(32))
        _spread(layout, config)
        this.found = _created_message(layout) if made else "made before"


def renew_login(layout: Layout) -> None:
    """Generate another password. Raises SetupError if the set-up has no login yet."""
    if not layout.registry_password.exists():
        raise SetupError(
            f"The set-up in {layout.state} is of an earlier version, whose registry has no login: "
            "run `make up`, which creates one."
        )
    config = _docker_config(layout)
    write_aside(layout.registry_password, secrets.token_urlsafe(32))
    _spread(layout, config)


def remove_login(layout: Layout) -> list[str]:
    """Remove the set-up's part of its docker config; return the other registries that have a login there.

    The folder stays if it has anything else. Raises SetupError if the file is not a docker config.
    """
    config = _docker_config(layout)
    for part in ("auths", "credHelpers"):
        config[part] = {
            name: entry for name, entry in config.get(part, {}).items() if name != layout.registry
        }
    shutil.rmtree(layout.docker_config / "buildx", ignore_errors=True)
    for name in (".token_seed", ".token_seed.lock"):  # of buildx's sessions
        (layout.docker_config / name).unlink(missing_ok=True)
    if not any(config.values()):
        (layout.docker_config / "config.json").unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # it has other files, such as contexts
            layout.docker_config.rmdir()
        return []
    write_aside(layout.docker_config / "config.json", json.dumps(config, indent=2) + "\n")
    return sorted({*config["auths"], *config["credHelpers"]})


def authorization(layout: Layout) -> dict[str, str]:
    """Authorization header for requests to the registry."""
    return {"Authorization": f"Basic {_encoded(_password(layout))}"}


def _created_message(layout: Layout) -> str:
    return (
        f"created: user {USER}, password in {layout.registry_password}. From now on, pulls from and pushes "
        f"to {layout.registry} require it: your own scripts need "
        '`eval "$(make -s env)"`, or `docker --config '
        f"{layout.docker_config} pull …`"
    )


def _password(layout: Layout) -> str:
    password = layout.registry_password.read_text().strip()
    if not password:
        raise SetupError(
            f"{layout.registry_password} is empty: run `./skyinfra setup rotate login`, which creates "
            "another password of the local registry."
        )
    return password


def _spread(layout: Layout, config: Mapping[str, Any]) -> None:
    """Write the hash and the docker config if they do not match the password."""
    password = _password(layout)
    if not _is_hashed(layout, password):
        hashed = bcrypt.hashpw(password.encode(), bcrypt.gensalt(ROUNDS)).decode()
        write_aside(layout.htpasswd, f"{USER}:{hashed}\n")
    wanted = _with_login(layout.registry, password, config)
    if wanted != config:
        layout.docker_config.mkdir(parents=True, exist_ok=True)
        write_aside(layout.docker_config / "config.json", json.dumps(wanted, indent=2) + "\n")


def _is_hashed(layout: Layout, password: str) -> bool:
    try:
        user, _, hashed = layout.htpasswd.read_text().strip().partition(":")
        return user == USER and bcrypt.checkpw(password.encode(), hashed.encode())
    except (FileNotFoundError, ValueError):
        return False


def _with_login(registry: str, password: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """The docker config with the login added; every other entry is kept."""
    wanted = {**config, "auths": {**config.get("auths", {}), registry: {"auth": _encoded(password)}}}
    if "credsStore" in config:
        # A password store would be asked instead (docker/cli, GetCredentialsStore).
        wanted["credHelpers"] = {**config.get("credHelpers", {}), registry: ""}
    return wanted


def _docker_config(layout: Layout) -> dict[str, Any]:
    path = layout.docker_config / "config.json"
    try:
        config = json.loads(path.read_text() or "{}")
        parts = (config, config.get("auths", {}), config.get("credHelpers", {}))
        if all(isinstance(part, dict) for part in parts):
            return {**config}
    except FileNotFoundError:
        return {}
    except (ValueError, AttributeError):
        pass
    raise SetupError(
        f"{path} is not a docker config: correct it, or remove it and log in again (`docker login` in a "
        "shell of `make -s env`). Nothing was changed."
    )


def _encoded(password: str) -> str:
    return base64.b64encode(f"{USER}:{password}".encode()).decode()
