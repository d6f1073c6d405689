"""Your own rules, which a review checks like the project's (docs/review.md, “Rules”)."""

from collections.abc import Sequence

from review.rules import Rule

OWN_RULES: Sequence[Rule] = ()
