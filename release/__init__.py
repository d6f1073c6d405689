"""Work of a release engineer next to `pulumi up`: the record of a release, audit, and retention."""
