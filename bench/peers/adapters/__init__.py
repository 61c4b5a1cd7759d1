"""One file an engine: see `peers.protocol`."""
