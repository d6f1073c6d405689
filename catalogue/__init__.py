"""Tables and grammars that everything else reads: pure, without settings and without Pulumi."""
