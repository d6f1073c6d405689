"""Benchmarks of speed and size, as ratios to a peer in the same run on the same machine (`make bench`)."""
