"""Benchmarks: each measures Regulars beside a peer, in one run. `make bench` runs them all."""
