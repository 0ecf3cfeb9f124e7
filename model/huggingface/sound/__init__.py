"""Models that hear: a sound in, a Recording out."""
