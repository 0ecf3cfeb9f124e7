"""Measurements, not assertions: `make bench` prints them. Times are noisy; compare within one run."""
