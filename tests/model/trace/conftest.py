"""Small models, each built once."""

from pathlib import Path
from typing import Any

import pytest

from headlens.model import load_model
from tests.model.huggingface.image_models import FAMILIES as IMAGES
from tests.model.huggingface.image_models import PHOTO, load, save
from tests.model.huggingface.text_models import write_folder
from tests.model.trace.models import TEXT, ModelOf


@pytest.fixture(scope="session")
def model_of(tmp_path_factory: pytest.TempPathFactory) -> ModelOf:
    """A small model of a family, and what it reads."""
    root, models = tmp_path_factory.mktemp("anatomy"), dict[str, tuple[Any, Any]]()

    def find(family: str) -> tuple[Any, Any]:
        if family not in models:
            folder = Path(root / f"model {len(models)}")
            if family in IMAGES:
                folder.mkdir()
                models[family] = load(save(folder, IMAGES[family][0]())), PHOTO
            else:
                models[family] = load_model(str(write_folder(family, folder)), device="cpu"), TEXT
        return models[family]

    return find
