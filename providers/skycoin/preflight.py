"""skycoin:index:Preflight: what must be true of a host before a node is made or replaced on it.

The engine answers; the image's variant runs on it, native or emulated, shown by running it; the
wallet volume is the one that was there, and holds what it held (wallet_identity.py); nobody else writes to
it. It is made again when the node's image, host or wallet change, and before any of them is touched. It
never removes anything.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from catalogue.naming import engine_name
from clients.engine import connect
from clients.short_run import short_run
from clients.wallet_on_host import WalletOnHost
from providers.base import Change, Checked, Found, ProviderError, Remade, Values, unknown_inputs
from providers.skycoin.wallet_identity import EMPTY, FAULT, proved, refreshed

INPUTS = (
    "host",
    "engine",
    "sshOptions",
    "image",
    "platform",
    "emulation",
    "probe",
    "container",
    "wallet",
    "newWallet",
    "pullFrom",
)

RUNS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "x86_64": ("linux/amd64",),
        "aarch64": ("linux/arm64/v8", "linux/arm/v7", "linux/arm/v6", "linux/arm/v5"),
        "armv7l": ("linux/arm/v7", "linux/arm/v6", "linux/arm/v5"),
        "armv6l": ("linux/arm/v6", "linux/arm/v5"),
    }
)
"""`uname -m` of an engine → platforms that its processor runs. An ARM processor runs older ones."""

PROBE_SECONDS = 120
"""Time that the probe may take: an emulated program on a slow board starts in seconds."""


class Preflight(Remade):
    """The proof, kept as a resource: {engineVersion, runs: native|emulated}, and what wallets there were."""

    def __init__(self, client: Callable[[Values], Any] = connect) -> None:
        self._client = client

    def check(self, name: str, olds: Values, news: Values) -> Checked:
        """As given; nothing is looked at."""
        unknown = unknown_inputs(news, INPUTS)
        return Checked(inputs=news, failures=[(key, "no such input") for key in unknown])

    def diff(self, olds: Values, old_inputs: Values, news: Values) -> Change:
        """Every change is proved again.

        Raises ProviderError in the preview where a refresh found something wrong with the wallet, and where
        the node would move to another engine: its wallet would stay behind.
        """
        before, after = (engine_name(inputs.get("engine") or "") for inputs in (old_inputs, news))
        if before != after:
            raise ProviderError(_moved(old_inputs, news))
        changed = [key for key in sorted(INPUTS) if old_inputs.get(key) != news.get(key)]
        if olds.get(FAULT):
            is_new = news.get("newWallet") and not old_inputs.get("newWallet")
            if not (is_new and olds.get(EMPTY)):
                raise ProviderError(f"{olds[FAULT]} Where it is mended, `pulumi up --refresh` looks again.")
            changed.append("wallet")
        return Change(updates=tuple(dict.fromkeys(changed)))

    def create(self, inputs: Values) -> tuple[str, Values]:
        """Prove it for the first time; the wallet volume is made here, or adopted with what is in it."""
        client = self._client(inputs)
        proof, wallet = self._prove(client, inputs), WalletOnHost(client, inputs)
        state = {**inputs, **proof, **proved(wallet, inputs, None)}
        return f"{inputs['host']}/{inputs['wallet']}", state

    def read(self, identity: str, inputs: Values, state: Values) -> Found | None:
        """State after a look at the wallet volume; wallets are remembered as they have grown."""
        wallet = WalletOnHost(self._client(inputs), inputs)
        return Found(identity=identity, state={**state, **refreshed(wallet, inputs, state)}, inputs=inputs)

    def update(self, identity: str, olds: Values, news: Values) -> Values:
        """Prove it again; what the wallet has lost is accepted only where the settings say so."""
        client = self._client(news)
        former = olds.get("container") or news["container"]
        proof, wallet = self._prove(client, news), WalletOnHost(client, news, former)
        known = olds if olds.get("wallet") == news["wallet"] else None
        return {**news, **proof, **proved(wallet, news, known)}

    def delete(self, identity: str, state: Values) -> None:
        """A proof leaves nothing behind; the wallet volume is not its to remove."""

    def _prove(self, client: Any, inputs: Values) -> Values:
        machine = client.info()["Architecture"]
        platform = inputs.get("platform")
        native = platform is None or platform in RUNS.get(machine, ())
        if not native and inputs.get("emulation") != "allowed":
            raise ProviderError(
                f"host {inputs['host']} is {machine} and does not run {platform} by itself. Give the host "
                "the arch of its board, or allow it to be emulated there: `emulation: allowed`."
            )
        self._probe(client, inputs, machine)
        return {
            "engineVersion": f"{client.version()['Version']} on {machine}",
            "runs": "native" if native else "emulated",
        }

    def _probe(self, client: Any, inputs: Values, machine: str) -> None:
        """Run the image's own program once, without network, volumes or rights."""
        image = inputs["image"]
        code, said = short_run(client, inputs, image, inputs["probe"], PROBE_SECONDS)
        if code:
            hint = (
                f" {inputs.get('platform') or 'The image'} does not run on this {machine}: install "
                "qemu-user-static (binfmt) there, or give the host the arch of its board."
                if "exec format error" in said
                else ""
            )
            command = " ".join(inputs["probe"])
            raise ProviderError(
                f"host {inputs['host']}: `{command}` in {image} ended with {code}: {said}.{hint}"
            )


def _moved(olds: Values, news: Values) -> str:
    places = [values.get("engine") or "this machine's engine" for values in (olds, news)]
    return (
        f"the node's host moved from {places[0]} to {places[1]}, and neither its container nor the wallet "
        f"volume {olds['wallet']!r} moves with it. Back the wallet up, take the node out, and add it "
        "again on its new host (docs/wallets.md, “Moving a wallet”)."
    )
