"""Types that states of earlier versions hold and that no program makes any more."""

from providers.base import Change, Checked, Found, ProviderError, Remade, Values


class Retired(Remade):
    """A resource that only leaves the state: nothing in the world belongs to it."""

    def check(self, name: str, olds: Values, news: Values) -> Checked:
        """Refuse it: a program that asks for it is older than its plugin."""
        return Checked(inputs=news, failures=[("", "no version of this program makes it any more")])

    def diff(self, olds: Values, old_inputs: Values, news: Values) -> Change:
        """Find no difference."""
        return Change()

    def create(self, inputs: Values) -> tuple[str, Values]:
        """Refuse it."""
        raise ProviderError("no version of this program makes it any more")

    def read(self, identity: str, inputs: Values, state: Values) -> Found | None:
        """Answer it as the state has it."""
        return Found(identity=identity, state=state, inputs=inputs)

    def update(self, identity: str, olds: Values, news: Values) -> Values:
        """Keep the state."""
        return olds

    def delete(self, identity: str, state: Values) -> None:
        """Leave the world as it is: of a WalletBackup, the copies stay."""
