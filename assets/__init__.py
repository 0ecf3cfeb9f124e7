"""Samples, icons and checkpoint pins: files that are shipped with the package."""
