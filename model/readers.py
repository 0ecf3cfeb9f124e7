"""What models that read texts, or images, have in common."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from headlens.model.base import Input, Outputs, RecordingModel, Run, Setup
from headlens.model.errors import InputError
from headlens.model.inputs.image import ImageInput, PixelFormat, Size, patch_names, read_image
from headlens.model.inputs.image_file import ImageSource
from headlens.model.inputs.text import Text, TextInput, read_text
from headlens.model.inputs.token_names import TokenNames
from headlens.model.progress import OnLayer
from headlens.model.recording.parts import Unit, with_note
from headlens.model.recording.recording import Recording

SHORT_SIDES = (224, 336, 448, 672, 1036)  # pixels that are offered


class TextReader(RecordingModel[TextInput, Outputs], ABC):
    """A model that reads a text or a pair of texts.

    Args:
        setup: of the model.
        tokenizer: its truncation and padding are switched off: a tokenizer.json may say both, MiniLM's cuts at 128.
        max_tokens: that the model reads.
        num_words: rows of the model's table of words; None: as many as the tokenizer has tokens.
    """

    def __init__(
        self, setup: Setup[Outputs], tokenizer: Tokenizer, max_tokens: int, *, num_words: int | None = None
    ) -> None:
        super().__init__(setup)
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self.tokenizer = tokenizer
        self._token_names = TokenNames(tokenizer)
        self.max_tokens = max_tokens
        self.num_words = num_words

    def read(self, text: Text) -> TextInput:
        """The tokens of a text or a pair, as `record` reads it. Raises InputError for a text that cannot be read."""
        return read_text(self.tokenizer, text, self.max_tokens, num_words=self.num_words)

    def record(self, text: Text, on_layer: OnLayer | None = None) -> Recording:
        """Run a text, or a pair of texts read together, and record every head.

        Args:
            text: "one" or ("one", "two"). Over the model's positions it is cut, and notes["input"] says so.
            on_layer: called with each layer's index as it is done; what it raises stops the run.

        Raises InputError for a text that cannot be read, DeviceError where there is not enough memory.
        """
        return self.record_batch([text], on_layer)[0]

    def record_batch(self, texts: Sequence[Text], on_layer: OnLayer | None = None) -> list[Recording]:
        """The recording of each text or pair, from one run, the shorter ones padded: that changes no number.

        A padded batch may need an explicit mask where a single text is simply causal. on_layer is called for each run.
        Raises as `record` does.
        """
        return self._record_batch([self.read(text) for text in texts], on_layer)

    @property
    def unit(self) -> Unit:
        """What a token stands for."""
        return "residue" if self._token_names.are_residues else "token"

    def name_of(self, token_id: int) -> str:
        """What one token of the tokenizer is called by itself."""
        return self._token_names.of_id(token_id)

    def shape_of(self, text: TextInput, stage: str) -> tuple[int, int]:
        """How many queries and keys a text has in a stage."""
        return len(text.ids), len(text.ids)

    def _recording(self, text: TextInput, run: Run[Outputs], index: int) -> Recording:
        return self._with_outputs(self._attention(text, run, index), text, run, index)

    def _attention(self, text: TextInput, run: Run[Outputs], index: int) -> Recording:
        stage = next(iter(run.stages))
        return Recording(
            layers=run.layers(stage, index, self.shape_of(text, stage)),
            tokens=self._token_names.of_text(text),
            ids=text.ids,
            words=text.words,
            special=self._special(text),
            segments=text.segments,
            model=self.description,
            seconds=run.seconds,
            device=str(self.device),
            offsets=text.offsets,
            texts=text.texts,
            stage=stage,
            unit=self.unit,
        )

    def _special(self, text: TextInput) -> np.ndarray:
        """[token] bool: the special tokens, and those that attention sinks to."""
        return text.special

    def _notes(self, text: TextInput, run: Run[Outputs], index: int) -> dict[str, str]:
        unknown = getattr(self.tokenizer.model, "unk_token", None)  # of some families it stands for what they lack
        count = 0 if unknown is None else text.ids.count(self.tokenizer.token_to_id(unknown))
        notes = {**self._common_notes, **text.notes(self.max_tokens)}
        said = f"{count:,} of {len(text.ids):,} tokens are unknown to this model, and read as {unknown}."
        return with_note(notes, "input", said) if count else notes


class PhotoReader(RecordingModel[Input, Outputs], ABC):
    """A model that reads an image, alone or with a text.

    Args:
        setup: of the model.
        patch: pixels a side of what has a position of its own.
        short_side: pixels where no size is asked for.
        pixel_format: how it wants its pixels.
    """

    sizes: tuple[Size | None, ...] = (*SHORT_SIDES, None)
    default_size: Size | None = None
    has_own_processor = False

    def __init__(self, setup: Setup[Outputs], patch: int, short_side: int, *, pixel_format: PixelFormat) -> None:
        super().__init__(setup)
        self._patch = patch
        self._short_side = short_side
        self._pixel_format = pixel_format

    def read(self, image: ImageSource, size: Size | None = None) -> ImageInput:
        """The pixels and patches of an image, as `record` reads it. Raises InputError as `record` does."""
        if size == "letterbox" and size not in self.sizes:
            raise InputError('"letterbox" is for the saliency decoder alone; give the pixels of the short side.')
        short_side = self._short_side if size is None else size
        return read_image(image, self._patch, short_side, pixel_format=self._pixel_format)


class ImageReader(PhotoReader[ImageInput, Outputs], ABC):
    """A model that gives each patch of an image one position; prefix is what to call the positions before them.

    Outputs of its recordings, and of `record_attention`: "norms" [token], the L2 norm of what leaves the last layer at
    each position, before the last norm. By it the patches are found that serve a model as registers (Darcet et al.
    2024, "Vision Transformers Need Registers", section 2.1); the last norm would make all tokens about equally long.
    """

    prefix: tuple[str, ...]

    def record(self, image: ImageSource, size: Size | None = None, on_layer: OnLayer | None = None) -> Recording:
        """Run an image and record every head.

        Args:
            image: a PIL image, a path, or the bytes of a file.
            size: pixels of the short side, 224 to 1036; None: the model's own. "letterbox": see
                `headlens.model.inputs.image.read_image`.
            on_layer: called with each layer's index as it is done; what it raises stops the run.

        Raises InputError for an image that cannot be read or is out of bounds, DeviceError where there is not enough
        memory.
        """
        return self.record_batch([image], size, on_layer)[0]

    def record_batch(
        self, images: Sequence[ImageSource], size: Size | None = None, on_layer: OnLayer | None = None
    ) -> list[Recording]:
        """The recording of each image, from one run for each shape of pixels; on_layer is called anew for each run.

        Raises as `record` does.
        """
        return self._record_batch([self.read(image, size) for image in images], on_layer)

    def groups(self, batch: Sequence[ImageInput]) -> list[list[int]]:
        """The indices of the images of each shape."""
        shapes: dict[tuple[int, ...], list[int]] = {}
        for index, image in enumerate(batch):
            shapes.setdefault(tuple(image.pixels.shape), []).append(index)
        return list(shapes.values())

    @abstractmethod
    def _before_norm(self, run: Run[Outputs]) -> Tensor | None:
        """What leaves the last layer, [batch, token, width]; None where the model does not say it."""

    def _norms(self, run: Run[Outputs], index: int, num_tokens: int) -> dict[str, np.ndarray]:
        rows = self._before_norm(run)  # [batch, token, width]
        if rows is None or rows.shape[1] != num_tokens:
            return {}
        return {"norms": rows[index].float().norm(dim=-1).cpu().numpy()}

    def _recording(self, image: ImageInput, run: Run[Outputs], index: int) -> Recording:
        return self._with_outputs(self._attention(image, run, index), image, run, index)

    def _attention(self, image: ImageInput, run: Run[Outputs], index: int) -> Recording:
        (stage,) = run.stages
        rows, columns = image.photo.grid
        num_tokens = len(self.prefix) + rows * columns
        return Recording(
            layers=run.layers(stage, index, (num_tokens, num_tokens)),
            tokens=(*self.prefix, *patch_names(rows, columns)),
            words=(None,) * num_tokens,
            special=np.arange(num_tokens) < len(self.prefix),
            segments=(0,) * num_tokens,
            model=self.description,
            seconds=run.seconds,
            device=str(self.device),
            prefix_tokens=len(self.prefix),
            photo=image.photo,
            outputs=self._norms(run, index, num_tokens),
        )


def padded(rows: Sequence[Sequence[int]], padding: int, device: torch.device) -> Tensor:
    """Rows of numbers as [row, column], the shorter ones filled up on the right."""
    return pad_sequence([torch.tensor(list(row)) for row in rows], batch_first=True, padding_value=padding).to(device)


def real_tokens(rows: Sequence[Sequence[int]], device: torch.device) -> Tensor | None:
    """[row, column] bool, False on what `padded` fills up; None where that is nothing."""
    lengths = torch.tensor([len(row) for row in rows])
    if (lengths == lengths[0]).all():
        return None
    return (torch.arange(int(lengths.max())) < lengths[:, None]).to(device)
