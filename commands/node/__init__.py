"""`skyinfra node`: moves, rollbacks and the removal of a node, and its web interface's login."""
