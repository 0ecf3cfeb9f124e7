"""More than a thousand damaged photos: each is read, or refused in a sentence, silently, soon, and in little memory.

They are read in a process of its own, since a decoder that fails may print, hang, or take its process with it.
`python -m tests.model.inputs.test_fuzz SEED COUNT [SIZE]` reads more of them.
"""

import faulthandler
import itertools
import subprocess
import sys
import time

import torch

from headlens.model.errors import InputError
from headlens.model.inputs.image import MAX_ASPECT, Size, read_image
from tests.model.inputs.damage import seed_of_this_run, small_files, variants
from tests.paths import ROOT
from tests.sentences import is_one_sentence

COUNT = 1_400
SECONDS = 60  # of computing
SECONDS_EACH = 60  # by the clock, on a machine that is busy; 40 million pixels take about one
MEGABYTES = 1_200  # a WebP of 40 million pixels takes about 900


def test_damaged_photos() -> None:
    seed = seed_of_this_run()
    command = [sys.executable, "-m", __spec__.name, seed, str(COUNT)]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=5 * SECONDS)
    said = found.stdout.splitlines()
    assert (found.returncode, found.stderr) == (0, ""), f"HEADLENS_SEED={seed}: {said[-1:]}\n{found.stderr[-3000:]}"
    read, megabytes, seconds = map(int, said[-1].split())
    assert 0 < read < COUNT, f"HEADLENS_SEED={seed}"
    assert seconds < SECONDS, f"HEADLENS_SEED={seed}"
    assert megabytes < MEGABYTES, f"HEADLENS_SEED={seed}"


def main(seed: str, count: int, size: Size) -> None:
    """Says each variant's name before it is read; at last how many were images, by how many MB the memory grew, and
    how many seconds of computing it took."""
    torch.set_num_threads(1)  # threads that wait for each other on a busy machine compute too
    files = small_files()
    for content in files.values():
        is_read(content, size)
    before, read = peak_megabytes(), 0
    for name, content in itertools.islice(variants(files, seed), count):
        print(name, flush=True)
        faulthandler.dump_traceback_later(SECONDS_EACH, exit=True)
        read += is_read(content, size)
    print(read, peak_megabytes() - before, round(time.process_time()))


def is_read(content: bytes, size: Size) -> bool:
    """Whether a file is an image; then its numbers are as they should be."""
    try:
        given = read_image(content, 14, size)
    except InputError as error:
        if not is_one_sentence(error):
            raise
        return False
    rows, columns = given.photo.grid
    assert given.photo.pixels.shape == (rows * 14, columns * 14, 3)
    assert given.pixels.shape == (1, 3, rows * 14, columns * 14)
    assert given.pixels.isfinite().all()
    assert 1 / MAX_ASPECT <= given.photo.aspect <= MAX_ASPECT
    return True


def peak_megabytes() -> int:
    import resource  # not on Windows

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // (2**20 if sys.platform == "darwin" else 2**10)


if __name__ == "__main__":
    given_size = sys.argv[3] if len(sys.argv) > 3 else "224"
    main(sys.argv[1], int(sys.argv[2]), "letterbox" if given_size == "letterbox" else int(given_size))
