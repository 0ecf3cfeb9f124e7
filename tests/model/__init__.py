"""Tests of model/: real weights, and an independent implementation to compare with."""
