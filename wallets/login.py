"""The login of a node's web interface, which is stored on its host only (components/proxy.py)."""

from docker.errors import NotFound

from clients.deployed_nodes import DeployedNode
from display.printable import printable
from wallets.asking import ask
from wallets.errors import WalletError
from wallets.volumes.of_node import engine_of


def shown_login(node: DeployedNode) -> str:
    """User and password, one per line. Raises WalletError."""
    return _run(node, "gui-login")


def renew_password(node: DeployedNode) -> None:
    """Generate a new password; the old one stops working. Raises WalletError."""
    _run(node, "gui-login", "new")


def _run(node: DeployedNode, *command: str) -> str:
    """Output of a command in the proxy's container. Raises WalletError."""
    if node.proxy is None:
        raise WalletError(
            f"{node.name} has no web interface, so it has no login: set `gui: true` on it, then run `up`"
        )
    proxy, api = node.proxy, engine_of(node).api
    try:
        begun = ask(node.host, lambda: api.exec_create(proxy, list(command)))
    except NotFound:
        raise WalletError(
            f"host {node.host}: there is no container {proxy}; the next `up` creates it"
        ) from None
    printed: bytes = ask(node.host, lambda: api.exec_start(begun["Id"]))
    text = printable(printed.decode(errors="replace")).strip()
    if ask(node.host, lambda: api.exec_inspect(begun["Id"]))["ExitCode"]:
        raise WalletError(f"host {node.host}: `{' '.join(command)}` in {proxy} failed: {text}")
    return text
