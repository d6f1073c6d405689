"""Errors of the clients for engines, registries and hosts."""

from display.errors import UserError


class ServiceError(UserError):
    """A request to an engine, a registry or a host failed; the message is for the user."""


class FormError(ServiceError):
    """An engine answers, but not in Docker's form."""


class SilentError(ServiceError):
    """An engine or a registry does not answer; the message names it."""


class SilentHostError(SilentError):
    """An engine does not answer; the message is one line and names its host."""


class RegistryError(ServiceError):
    """A registry failed to handle a request; the message names it and contains no credential."""

    def __init__(self, message: str, *, passing: bool = False) -> None:
        super().__init__(message)
        self.passing = passing
        """True if the same request may succeed a moment later."""


class SilentRegistryError(RegistryError, SilentError):
    """A registry can't be reached."""


class KeptOutError(ServiceError):
    """A volume has files that the node's user can't read; the message names their owners and modes."""


def message_of(error: Exception) -> str:
    """Message of an error; an engine's own explanation, without docker-py's words around it."""
    return str(getattr(error, "explanation", None) or error)
