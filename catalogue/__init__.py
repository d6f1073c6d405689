"""Tables and grammars that other packages read, without settings and without Pulumi."""
