"""Data sets as people have them, made from a seed."""

import random
from pathlib import Path

from tests.model.inputs.pictures import noise

WORDS = (
    "the a cat dog bird trophy suitcase river bank head word sleeps sat flies looks fits is was too big small brown",
    "and while because it that on under near south winter",
)


def sentences(count: int, seed: int = 0, longest: int = 30) -> list[str]:
    """Sentences of 3 words up to the longest, no two of which are alike."""
    chance, words = random.Random(seed), " ".join(WORDS).split()
    return [
        f"{' '.join(chance.choice(words) for _ in range(chance.randint(3, longest)))} {number}."
        for number in range(count)
    ]


def write_photos(folder: Path) -> Path:
    """Five photos of three shapes in a new folder, and a file that is none."""
    folder.mkdir()
    for number, shape in enumerate(((64, 64), (96, 64), (64, 64), (50, 80), (96, 64))):
        noise(*shape).rotate(90 * number).save(folder / f"{number}.png")
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n and then nothing")
    return folder
