"""`skyinfra release`: record and audit of a release, and retention of builds."""
