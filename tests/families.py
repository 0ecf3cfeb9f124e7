"""Which families of models are recorded, and how exactly.

`python -m tests.families` prints the table of tests/model/huggingface/README.md.
"""

import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from headlens.model import load_model
from headlens.model.errors import CheckpointError
from tests.model.huggingface import image_models, image_text_models, text_models
from tests.model.huggingface.vision.test_refused import SWIN

WAYS = {"interface": "attention interface", "functions": "calls of torch"}
Row = tuple[str, str, str, str]  # family, what it takes, largest difference or refusal, what recorded it


def row_of(family: str, kind: str, write: Callable[[Path], object]) -> Row:
    """A small random model of the family, written to a folder and loaded from it."""
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder) / "model")
        try:
            model = load_model(str(Path(folder) / "model"), device="cpu")
        except CheckpointError as error:
            return family, kind, f"refused: {str(error).partition(':')[0].partition(';')[0]}", "–"
    result = model.probe_result  # type: ignore[attr-defined]  # it is one of transformers
    return family, kind, f"{result.difference:.0e}", WAYS[result.recorder.way]


def rows() -> Iterator[Row]:
    """A row for each family of the tests."""
    for family in text_models.FAMILIES:
        kind = "reads and writes" if family in text_models.SEQUENCES else "text"
        yield row_of(family, kind, partial(text_models.write_folder, family))
    for family, (build, _) in image_models.FAMILIES.items():

        def write_image(folder: Path, build: Callable = build) -> None:
            network = build()
            image_models.randomize(network)
            image_models.save(folder, network)

        yield row_of(family, "photo", write_image)
    yield row_of("swin", "photo", lambda folder: image_models.save(folder, image_models.made("Swin", **SWIN)))
    for family, make in image_text_models.FAMILIES.items():

        def write_both(folder: Path, make: Callable = make) -> None:
            network = make()
            image_models.randomize(network)
            image_text_models.save_with_text(folder, network)

        yield row_of(family, "photo and text", write_both)


if __name__ == "__main__":
    print("| family | takes | largest difference | recorded by way of |\n| --- | --- | --- | --- |")
    for row in rows():
        print(f"| {' | '.join(row)} |", flush=True)
