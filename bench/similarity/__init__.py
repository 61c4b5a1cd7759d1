"""Exact joins and matches beside what else there is: `make bench-similarity`."""
