"""`skyinfra release`: record and audit of a release, pinned versions, and retention of builds."""
