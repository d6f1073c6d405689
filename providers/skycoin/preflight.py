"""skycoin:index:Preflight: what must be true of a host before a node is made or replaced on it.

The engine answers; the image's variant runs on it, native or emulated, shown by running it; the
wallet volume that was there is still there. It is made again when the node's image, host or wallet
change, and before any of them is touched. It never removes anything.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from docker.errors import NotFound

from catalogue.naming import engine_name
from clients.engine import connect
from clients.short_run import short_run
from providers.base import Change, Checked, Found, ProviderError, Remade, Values, unknown_inputs

INPUTS = (
    "host",
    "engine",
    "sshOptions",
    "image",
    "platform",
    "emulation",
    "probe",
    "wallet",
    "newWallet",
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
    """The proof, kept as a resource: {engineVersion, runs: native|emulated, walletCreated, walletPresent}."""

    def __init__(self, client: Callable[[Values], Any] = connect) -> None:
        self._client = client

    def check(self, name: str, olds: Values, news: Values) -> Checked:
        """As given; nothing is looked at."""
        unknown = unknown_inputs(news, INPUTS)
        return Checked(inputs=news, failures=[(key, "no such input") for key in unknown])

    def diff(self, olds: Values, old_inputs: Values, news: Values) -> Change:
        """Every change is proved again.

        Raises ProviderError in the preview where a refresh found the wallet gone, and where the node
        would move to another engine: its wallet would stay behind.
        """
        before, after = (engine_name(inputs.get("engine") or "") for inputs in (old_inputs, news))
        if before != after:
            raise ProviderError(_moved(old_inputs, news))
        if olds.get("walletPresent") is False and not news.get("newWallet"):
            raise ProviderError(_gone(news, olds))
        changed = [key for key in sorted(INPUTS) if old_inputs.get(key) != news.get(key)]
        if olds.get("walletPresent") is False:
            changed.append("wallet")
        return Change(updates=tuple(dict.fromkeys(changed)))

    def create(self, inputs: Values) -> tuple[str, Values]:
        """Prove it for the first time; the wallet volume is made here, or adopted with what is in it."""
        client = self._client(inputs)
        proof = self._prove(client, inputs)
        client.api.create_volume(inputs["wallet"])
        return f"{inputs['host']}/{inputs['wallet']}", {
            **inputs,
            **proof,
            **_wallet(client, inputs["wallet"]),
        }

    def read(self, identity: str, inputs: Values, state: Values) -> Found | None:
        """Whether the wallet volume is still there."""
        found = _wallet(self._client(inputs), inputs["wallet"])
        # The time that it was made is remembered: the message of a lost wallet names it.
        return Found(
            identity=identity, state={**state, "walletPresent": found["walletPresent"]}, inputs=inputs
        )

    def update(self, identity: str, olds: Values, news: Values) -> Values:
        """Prove it again; a volume that is gone is made anew only where the settings say so."""
        client = self._client(news)
        missing = not _wallet(client, news["wallet"])["walletPresent"]
        if missing and olds.get("wallet") == news["wallet"] and not news.get("newWallet"):
            raise ProviderError(_gone(news, olds))
        proof = self._prove(client, news)
        if missing:
            client.api.create_volume(news["wallet"])
        return {**news, **proof, **_wallet(client, news["wallet"])}

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
        code, said = short_run(client, inputs["host"], image, inputs["probe"], PROBE_SECONDS)
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


def _wallet(client: Any, volume: str) -> Values:
    try:
        found = client.api.inspect_volume(volume)
    except NotFound:
        return {"walletPresent": False}
    return {"walletPresent": True, "walletCreated": found.get("CreatedAt", "")}


def _moved(olds: Values, news: Values) -> str:
    places = [values.get("engine") or "this machine's engine" for values in (olds, news)]
    return (
        f"the node's host moved from {places[0]} to {places[1]}, and neither its container nor the wallet "
        f"volume {olds['wallet']!r} moves with it. Back the wallet up, take the node out, and add it "
        "again on its new host (docs/wallets.md, “Moving a wallet”)."
    )


def _gone(inputs: Values, olds: Values) -> str:
    made = olds.get("walletCreated", "an unknown time")
    return (
        f"the wallet volume {inputs['wallet']!r} on host {inputs['host']} is gone (it was made at {made}). "
        "No empty one is put in its place: restore a backup into a volume of that name and run "
        "`pulumi refresh`; or, where the wallet may be lost, set `new-wallet: true` on the node for one "
        "`pulumi up`."
    )
