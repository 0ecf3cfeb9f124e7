"""Small random models, each as it is recorded here and as an eager copy that nobody has touched."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from headlens.model.load import load_model
from tests.model.effects.explain.cases import Case
from tests.model.huggingface import image_models, text_models

CaseOf = Callable[[str], Case]


@pytest.fixture(scope="package")
def case_of(tmp_path_factory: pytest.TempPathFactory) -> CaseOf:
    """A model of a family, and what it reads."""
    made: dict[str, Case] = {}

    def case(family: str) -> Case:
        if family not in made:
            folder = tmp_path_factory.mktemp("family")
            made[family] = _image(folder) if family == "ViT" else _text(family, folder)
        return made[family]

    return case


def _text(family: str, folder: Path) -> Case:
    text_models.write_folder(family, folder)
    eager = getattr(transformers, text_models.FAMILIES[family][0]).from_pretrained(folder, attn_implementation="eager")
    model: Any = load_model(str(folder), device="cpu")
    if family == "T5":
        return Case(model, model._sequence(("The trophy does not fit.", "Birds fly south.")), eager.eval())
    return Case(model, model.read("The trophy does not [MASK] in the brown suitcase."), eager.eval())


def _image(folder: Path) -> Case:
    torch.manual_seed(0)
    image_models.save(folder, image_models.FAMILIES["vit-classifier"][0]())
    model = image_models.load(folder)
    eager = transformers.ViTForImageClassification.from_pretrained(folder, attn_implementation="eager").eval()
    return Case(model, model.read(image_models.PHOTO), eager)
