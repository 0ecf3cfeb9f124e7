"""Runs in a process of its own: t-SNE of the points on standard input, so that who waits for it can leave."""

import contextlib
import sys

import numpy as np
from sklearn.manifold import TSNE


def main() -> None:
    """Read points as np.save writes them, and write where they lie, [point, 2]; every 50th step is told on stderr."""
    perplexity, seed, steps = float(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    points = np.load(sys.stdin.buffer, allow_pickle=False)
    with contextlib.redirect_stdout(sys.stderr):  # scikit-learn has no callback, but prints
        placed = TSNE(2, perplexity=perplexity, init="pca", random_state=seed, max_iter=steps, verbose=2).fit_transform(
            points
        )
    np.save(sys.stdout.buffer, placed)


if __name__ == "__main__":
    main()
