"""Tables and grammars that all other packages read: pure, without settings and without Pulumi."""
