"""Speed and size as ratios: ours against a peer in the same run, on this machine. `make bench`."""
