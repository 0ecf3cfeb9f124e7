"""The models of the pages by what is asked of them: each page has looked at a model's kind when it was chosen."""

from typing import Any

from headlens.viz.pages.runtime import get_model


# The classes do not have all of the protocols' names yet.
def text_model(name: str) -> Any:
    return get_model(name)


writing_model = image_model = image_text_model = photo_model = text_model


def reads_text_too(name: str) -> bool:
    return get_model(name).description.kind == "image-text"


def photo_sizes(name: str) -> tuple[tuple[Any, ...], Any]:
    model: Any = get_model(name)
    if hasattr(model, "sizes"):
        return model.sizes, model.default_size
    if name == "dinov2-focus":
        return (224, 336, 448, 672, 1036, "letterbox"), 448
    return (224, 336, 448, 672, 1036, None), None
