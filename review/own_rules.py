"""Rules of one's own, which a review looks at like the project's (docs/review.md, “Rules”)."""

from collections.abc import Sequence

from review.rules import Rule

OWN_RULES: Sequence[Rule] = ()
