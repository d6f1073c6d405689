"""Tools for a release engineer: records of releases and their comparison, audit, pins and retention."""
