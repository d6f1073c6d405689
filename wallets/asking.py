"""Requests to a host's engine, with errors that name the host."""

from collections.abc import Callable
from typing import TypeVar

from docker.errors import APIError, DockerException, NotFound
from requests.exceptions import RequestException

from clients.errors import ServiceError, message_of
from wallets.errors import WalletError

_Answer = TypeVar("_Answer")


def ask(host: str, question: Callable[[], _Answer]) -> _Answer:
    """Answer of the engine.

    Raises NotFound unchanged, and WalletError that names the host for all other errors.
    """
    try:
        return question()
    except NotFound:
        raise
    except (APIError, DockerException, RequestException, ServiceError, OSError) as error:
        message = message_of(error)
        names_it = message.startswith(tuple(f"host {host}{mark}" for mark in ":, "))
        raise WalletError(message if names_it else f"host {host}: {message}") from error
