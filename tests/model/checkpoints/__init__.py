"""The shipped weights: found, checked, and computing what their authors' networks compute."""
