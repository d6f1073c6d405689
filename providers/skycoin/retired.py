"""Resource types that earlier versions wrote into states, and that this program no longer creates."""

from providers.kind import Change, CheckResult, InputsAsState, ProviderError, ReadResult, Values


class Retired(InputsAsState):
    """A resource that can only be removed from the state; nothing outside the state belongs to it."""

    def check(self, name: str, olds: Values, news: Values) -> CheckResult:
        """Refuse the resource: a program that registers one is older than its plugin."""
        return CheckResult(inputs=news, failures=[("", "this program no longer creates it")])

    def diff(self, olds: Values, old_inputs: Values, news: Values) -> Change:
        """Report no difference."""
        return Change()

    def create(self, inputs: Values) -> tuple[str, Values]:
        """Raise ProviderError."""
        raise ProviderError("this program no longer creates it")

    def read(self, identity: str, inputs: Values, state: Values) -> ReadResult | None:
        """Return the state unchanged."""
        return ReadResult(identity=identity, state=state, inputs=inputs)

    def update(self, identity: str, olds: Values, news: Values) -> Values:
        """Keep the state."""
        return olds

    def delete(self, identity: str, state: Values) -> None:
        """Do nothing: a WalletBackup's copies are kept."""
