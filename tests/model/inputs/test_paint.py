"""A rectangle painted over a photo covers its share of it, and nothing else."""

import numpy as np
import pytest
from PIL import Image

from headlens.model.errors import InputError
from headlens.model.inputs.image_file import open_image
from headlens.model.inputs.paint import Colour, Rectangle, painted
from tests.paths import COFFEE
from tests.sentences import is_one_sentence


@pytest.mark.parametrize(("colour", "level"), [("grey", 128), ("black", 0)])
def test_only_the_rectangle_changes(colour: Colour, level: int) -> None:
    photo = open_image(COFFEE)
    before = np.asarray(photo).copy()
    after = np.asarray(painted(photo, Rectangle(25, 10, 50, 90, colour)))
    np.testing.assert_array_equal(np.asarray(photo), before)  # it is a copy
    height, width = before.shape[:2]
    inside = np.zeros((height, width), bool)
    inside[round(0.1 * height) : round(0.9 * height), round(0.25 * width) : round(0.5 * width)] = True
    assert (after[inside] == level).all()
    np.testing.assert_array_equal(after[~inside], before[~inside])


def test_the_whole_photo_can_be_painted() -> None:
    assert not np.asarray(painted(Image.new("RGB", (7, 3), "white"), Rectangle(0, 0, 100, 100, "black"))).any()


@pytest.mark.parametrize(
    "values", [(-1, 0, 5, 5), (0, 0, 101, 5), (5, 0, 5, 5), (0, 9, 5, 3), (0, 0, 5, 5, "red")], ids=str
)
def test_no_rectangle(values: tuple[int, ...]) -> None:
    with pytest.raises(InputError) as raised:
        Rectangle(*values)  # type: ignore[arg-type]  # that is what is tested
    assert is_one_sentence(raised.value)
