"""What a change would rebuild, publish and restart, for those who review it: a page from a preview."""
