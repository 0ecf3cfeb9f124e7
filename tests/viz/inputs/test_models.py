"""Models by what is asked of them: those in the box, and what each does not offer."""

from collections.abc import Callable

import pytest

from headlens.model.pretrained.registry import CATALOGUE
from headlens.viz.inputs.model_picker import KINDS, ModelPicker
from headlens.viz.inputs.models import image_model, photo_model, photo_sizes, sound_model, text_model, writing_model
from headlens.viz.inputs.photo import size_name

OFFERED: dict[str, set[Callable[[str], object]]] = {
    "text": {text_model},
    "causal": {text_model, writing_model},
    "image": {image_model, photo_model},
}


@pytest.mark.parametrize("name", ["minilm-l6", "dinov2-focus", pytest.param("smollm2-135m", marks=pytest.mark.slow)])
def test_a_model_is_given_for_what_it_offers_alone(name: str) -> None:
    for ask in (text_model, writing_model, image_model, photo_model, sound_model):
        if ask in OFFERED[CATALOGUE[name].kind]:
            assert ask(name) is not None
        else:
            with pytest.raises(AssertionError):
                ask(name)


def test_sizes_have_names_of_their_own() -> None:
    name = ModelPicker("image", KINDS["Image"]).default
    assert name is not None
    sizes, default = photo_sizes(name)
    names = [size_name(size) for size in sizes]
    assert default in sizes
    assert len(set(names)) == len(names)
    assert {"224", "448", "letterboxed"} <= set(names)
    assert size_name(None) == "as trained"


def test_every_kind_in_the_box_has_a_page() -> None:
    kinds = {kind for kinds in KINDS.values() for kind in kinds}
    assert {checkpoint.kind for checkpoint in CATALOGUE.values()} <= kinds
