"""Tools for a release engineer: the record of a release, audit and retention."""
