"""What a loaded model offers: all of them, and what only some do.

`isinstance` tells them apart by the names of their attributes alone: each protocol has a name that no other has.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Protocol, TypeVar, runtime_checkable

import torch
from torch import Tensor, nn

from headlens.model.attention.point import Call, Edit
from headlens.model.description import Description
from headlens.model.inputs.image import ImageInput, Size
from headlens.model.inputs.image_file import ImageSource
from headlens.model.inputs.image_text import CaptionedImage, ImagePrompt
from headlens.model.inputs.sound import SoundInput
from headlens.model.inputs.sound_file import SoundSource
from headlens.model.inputs.text import Chat, Text, TextInput
from headlens.model.progress import OnLayer
from headlens.model.recording.parts import Prediction, Predicts, Unit
from headlens.model.recording.recording import Recording

CAPTION_TOKENS = 20  # that are written of a photo at most, where no number is given
OnToken = Callable[[str], object]  # called with what has been written so far; what it raises stops the writing
Input_contra = TypeVar("Input_contra", contravariant=True)  # TextInput or ImageInput: what the model's `read` gives


@runtime_checkable
class Model(Protocol):
    """What every model offers; each also reads and records, from what its kind of model reads."""

    @property
    def description(self) -> Description:
        """Which model it is."""

    @property
    def network(self) -> nn.Module:
        """What runs, in eval mode. Many threads may run it at once: hook a `weight_sharing_clone`, never this."""

    @property
    def device(self) -> torch.device:
        """Where it is."""

    @property
    def num_layers(self) -> int:
        """How often on_layer is called in a run: once for each attention layer, over all stages."""

    @property
    def predicts(self) -> Predicts:
        """What its recordings' predictions are of."""

    @property
    def own_code(self) -> bool:
        """Whether its network is written out in `headlens.model.nn`, and not in another library."""


@runtime_checkable
class TraceableModel(Model, Protocol[Input_contra]):
    """A model whose run on an input can be followed; `headlens.model.trace` takes apart those of a text or an image."""

    def inputs(self, model_input: Input_contra, /) -> dict[str, object]:
        """What the network's forward takes of one input that was read."""

    def calls(
        self, network: nn.Module, on_layer: OnLayer | None = None, edit: Edit | None = None
    ) -> AbstractContextManager[list[Call]]:
        """The calls of attention that a weight-sharing clone of the network makes inside the context.

        on_layer and edit are as of `attention.point.CallLog`.
        """


@runtime_checkable
class TextModel(TraceableModel[TextInput], Protocol):
    """A model that reads a text or a pair of texts."""

    @property
    def max_tokens(self) -> int:
        """How many tokens it reads."""

    def read(self, text: Text) -> TextInput:
        """The tokens of a text or a pair, as `record` reads it. Raises InputError for a text that cannot be read."""

    def record(self, text: Text, on_layer: OnLayer | None = None) -> Recording:
        """Run a text or a pair, and record every head. Raises InputError, and DeviceError where memory is full."""

    def record_batch(self, texts: Sequence[Text], on_layer: OnLayer | None = None) -> list[Recording]:
        """The recording of each, as `record` makes it, from fewer runs."""

    @property
    def unit(self) -> Unit:
        """What a token stands for: a residue, of models of proteins."""

    def token_embeddings(self) -> Tensor:
        """The rows of all tokens that there are, [id, width]."""

    def name_of(self, token_id: int) -> str:
        """The text of a token id."""


@runtime_checkable
class WritingModel(TextModel, Protocol):
    """A text model that can continue a text, if it `writes`."""

    @property
    def writes(self) -> bool:
        """Whether it writes; else `write` raises InputError."""

    @property
    def causal(self) -> bool:
        """Whether the continuation takes positions in the same sequence as the prompt."""

    @property
    def chats(self) -> bool:
        """Whether it reads a `Chat`, by the template of its tokenizer."""

    def continued(self, text: str | Chat, count: int = 20, on_token: OnToken | None = None) -> TextInput:
        """A text, or a chat, and what the model writes after it, as `write` reads them before it records them."""

    def write(
        self, text: str | Chat, count: int = 20, on_token: OnToken | None = None, *, on_layer: OnLayer | None = None
    ) -> Recording:
        """Continue a text with at most count tokens, each the most probable one, and record both."""


class ReadsImages(Protocol):
    """What reads an image at one of several sizes, alone or with a text."""

    @property
    def sizes(self) -> tuple[Size | None, ...]:
        """The sizes to offer; None: as the model's own image processor makes them."""

    @property
    def default_size(self) -> Size | None:
        """The size where none is asked for, one of `sizes`."""

    @property
    def has_own_processor(self) -> bool:
        """Whether the model's own image processor reads a photo for which no size is given."""

    def read(self, image: ImageSource, size: Size | None = None) -> ImageInput:
        """The pixels and patches of an image, as `record` reads it. Raises InputError for what cannot be read."""


@runtime_checkable
class ImageModel(ReadsImages, TraceableModel[ImageInput], Protocol):
    """A model that gives each patch of an image one position."""

    @property
    def prefix(self) -> tuple[str, ...]:
        """What to call the positions before the patches."""

    def record(self, image: ImageSource, size: Size | None = None, on_layer: OnLayer | None = None) -> Recording:
        """Run an image, and record every head. Raises InputError, and DeviceError where memory is full."""

    def record_batch(
        self, images: Sequence[ImageSource], size: Size | None = None, on_layer: OnLayer | None = None
    ) -> list[Recording]:
        """The recording of each, as `record` makes it, from fewer runs: one for each shape of pixels."""


@runtime_checkable
class LabellingModel(ImageModel, Protocol):
    """A model of images that can score labels of a person's own, if it `reads_labels`."""

    @property
    def reads_labels(self) -> bool:
        """Whether it does; else `labels` raises InputError."""

    @property
    def has_labeller(self) -> bool:
        """Whether what scores them is loaded, which takes seconds."""

    def labels(self, image: ImageSource, labels: Sequence[str], size: Size | None = None) -> Prediction:
        """The score of each label for an image. Raises InputError, CheckpointError, and DeviceError."""


@runtime_checkable
class ImageTextModel(ReadsImages, Model, Protocol):
    """A language model that reads an image with its text."""

    @property
    def max_tokens(self) -> int:
        """How many tokens it reads, those of the image too."""

    def prompt(self, image: ImageInput, text: str) -> ImagePrompt:
        """The tokens of a text with an image in front. Raises InputError for a text that cannot be read beside it."""

    def record(
        self, image: ImageSource, text: str, size: Size | None = None, *, on_layer: OnLayer | None = None
    ) -> Recording:
        """Run an image and a text behind it, and record every head. Raises as ImageModel's does."""

    def record_batch(
        self, pairs: Sequence[tuple[ImageSource, str]], size: Size | None = None, on_layer: OnLayer | None = None
    ) -> list[Recording]:
        """The recording of each image and text, one run each."""


@runtime_checkable
class CaptionModel(ReadsImages, Model, Protocol):
    """A model that reads an image, and writes of it."""

    def captioned(
        self, image: ImageInput, count: int = CAPTION_TOKENS, on_token: OnToken | None = None
    ) -> CaptionedImage:
        """An image that was read, and what the model writes of it: at most count tokens, each the most probable."""

    def record(
        self,
        image: ImageSource,
        size: Size | None = None,
        *,
        count: int = CAPTION_TOKENS,
        on_token: OnToken | None = None,
        on_layer: OnLayer | None = None,
    ) -> Recording:
        """Write of an image, and record every head of encoder and decoder. Raises as ImageModel's does."""


@runtime_checkable
class SoundModel(Model, Protocol):
    """A model that gives each frame, or each patch, of a sound's spectrogram one position."""

    @property
    def rate(self) -> int:
        """Samples a second that it reads; a sound of another rate is resampled."""

    @property
    def seconds(self) -> float:
        """How much of a sound it reads; the rest is cut off."""

    def read(self, sound: SoundSource) -> SoundInput:
        """What its own feature extractor makes of a sound. Raises InputError for what cannot be read."""

    def record(
        self, sound: SoundSource, on_layer: OnLayer | None = None, *, on_token: OnToken | None = None
    ) -> Recording:
        """Run a sound, and record every head; on_token is called with what a model writes of it.

        Raises InputError, and DeviceError where memory is full.
        """

    def record_batch(self, sounds: Sequence[SoundSource], on_layer: OnLayer | None = None) -> list[Recording]:
        """The recording of each, as `record` makes it, one run each."""
