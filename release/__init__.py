"""What a release engineer does beside `pulumi up`: the record of a release, and retention."""
