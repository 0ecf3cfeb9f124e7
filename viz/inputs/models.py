"""The loaded models, by what a page asks of them.

A page has looked at a model's kind when it was chosen: one that does not offer what is asked of it is a mistake in the
program, hence AssertionError. Loading raises what `get_model` raises.
"""

from headlens.model.inputs.image import Size
from headlens.model.protocol import CaptionModel, ImageModel, ImageTextModel, SoundModel, TextModel, WritingModel
from headlens.viz.pages.runtime import get_model


def text_model(name: str) -> TextModel:
    """A model that reads a text or a pair."""
    model = get_model(name)
    assert isinstance(model, TextModel)
    return model


def writing_model(name: str) -> WritingModel:
    """A model that continues a text."""
    model = get_model(name)
    assert isinstance(model, WritingModel)
    return model


def reads_chats(name: str) -> bool:
    """Whether a model reads a chat, by the template of its tokenizer."""
    model = get_model(name)
    return isinstance(model, WritingModel) and model.chats


def image_model(name: str) -> ImageModel:
    """A model that reads an image alone."""
    model = get_model(name)
    assert isinstance(model, ImageModel)
    return model


def photo_model(name: str) -> ImageModel | ImageTextModel | CaptionModel:
    """A model that reads an image, alone or with a text, or writes of it."""
    model = get_model(name)
    assert isinstance(model, ImageModel | ImageTextModel | CaptionModel)
    return model


def photo_sizes(name: str) -> tuple[tuple[Size | None, ...], Size | None]:
    """The sizes that a model offers for a photo, and the one where none is asked for."""
    model = photo_model(name)
    return model.sizes, model.default_size


def sound_model(name: str) -> SoundModel:
    """A model that reads a sound."""
    model = get_model(name)
    assert isinstance(model, SoundModel)
    return model
