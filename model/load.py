"""A model that is loaded and ready: it takes a text or an image and gives a Recording."""

import re
import time
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from headlens.model.attention.inputs import AttentionInputs
from headlens.model.attention.point import Call, attention_calls
from headlens.model.device import enough_memory, pick_device, pick_dtype, synchronize
from headlens.model.inputs.image import LETTERBOX, ImageInput, Size, patch_names, read_image
from headlens.model.inputs.image_file import ImageSource
from headlens.model.inputs.text import Text, TextInput, read_text
from headlens.model.nn.saliency import SaliencyDecoder
from headlens.model.nn.text import TextEncoder, mean_embedding
from headlens.model.nn.vit import VisionTransformer
from headlens.model.pretrained.bert import load_bert
from headlens.model.pretrained.dinov2_onnx import load_dinov2
from headlens.model.pretrained.files import locate
from headlens.model.pretrained.registry import CATALOGUE
from headlens.model.progress import OnLayer
from headlens.model.recording.parts import Description
from headlens.model.recording.recording import Recording

if TYPE_CHECKING:
    from headlens.model.huggingface.load.folder import TransformersModel

HUB_ID = re.compile(r"[\w][\w.-]{0,95}/[\w.-]{1,96}", re.ASCII)
EXTRAPOLATED = (
    "extrapolated: the saliency decoder was trained on photos fitted into 224 x 224 pixels, and is exact only there"
)


class TextModel:
    """A text encoder with its tokenizer."""

    def __init__(
        self,
        description: Description,
        network: TextEncoder,
        tokenizer: Tokenizer,
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        tokenizer.no_truncation()  # a tokenizer.json may cut and pad by itself: MiniLM's does, at 128
        tokenizer.no_padding()
        self.description = description
        self.network = network.to(device=device, dtype=dtype).eval()
        self.tokenizer = tokenizer
        self.device = device
        self.max_tokens = network.num_positions
        self.num_layers = len(network.encoder.layers)

    def read(self, text: Text) -> TextInput:
        """The tokens of a text or a pair, as `record` reads it. Raises InputError for a text that cannot be read."""
        return read_text(self.tokenizer, text, self.max_tokens)

    @torch.inference_mode()
    def record(self, text: Text, on_layer: OnLayer | None = None) -> Recording:
        """Run a text, or a pair of texts read together, and record every head.

        The outputs: "embedding" [text, width], the mean of each text's last hidden state, read by itself; for a pair
        "similarity", the cosine of the two embeddings.

        Args:
            text: "one" or ("one", "two"). Over the model's positions it is cut, and notes["input"] says so.
            on_layer: called with each layer's number as it is done; what it raises stops the run.

        Raises InputError for a text that cannot be read, DeviceError where there is not enough memory.
        """
        given = self.read(text)
        started = time.perf_counter()
        with enough_memory(self.device):
            hidden, layers = self._run(given, on_layer)
            synchronize(self.device)
        seconds = time.perf_counter() - started
        return Recording(
            layers=layers,
            tokens=given.tokens,
            words=given.words,
            special=given.special,
            segments=given.segments,
            model=self.description,
            seconds=seconds,
            device=str(self.device),
            offsets=given.offsets,
            texts=given.texts,
            outputs=self._outputs(given.texts, hidden),
            notes=given.notes(self.max_tokens),
        )

    def inputs(self, given: TextInput) -> dict[str, Tensor]:
        """What the network's forward takes of a text that was read."""
        return {name: torch.tensor([getattr(given, name)], device=self.device) for name in ("ids", "segments")}

    def calls(self, network: nn.Module, on_layer: OnLayer | None = None) -> AbstractContextManager[list[Call]]:
        """The calls of attention that a twin of the network makes inside the context."""
        return attention_calls(on_layer)

    def table(self) -> Tensor:
        """The rows of all tokens that there are, [id, width]."""
        return self.network.tokens.weight.detach()

    def name_of(self, number: int) -> str:
        """What the token of an id is called."""
        return str(self.tokenizer.id_to_token(number))

    def _run(self, given: TextInput, on_layer: OnLayer | None = None) -> tuple[Tensor, tuple[AttentionInputs, ...]]:
        hidden, layers = self.network(**self.inputs(given), on_layer=on_layer)
        return hidden[0], tuple(heads.first() for heads in layers)

    def _outputs(self, texts: tuple[str, ...], hidden: Tensor) -> dict[str, np.ndarray]:
        if len(texts) == 1:
            return {"embedding": mean_embedding(hidden)[None].float().cpu().numpy()}
        embeddings = torch.stack([mean_embedding(self._run(self.read(text))[0]) for text in texts])
        return {
            "embedding": embeddings.float().cpu().numpy(),
            "similarity": (embeddings[0] @ embeddings[1]).float().cpu().numpy(),
        }


class ImageModel:
    """A vision transformer with a saliency decoder on top."""

    def __init__(
        self,
        description: Description,
        network: VisionTransformer,
        decoder: SaliencyDecoder,
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        self.description = description
        self.network = network.to(device=device, dtype=dtype).eval()
        self.decoder = decoder.to(device=device, dtype=dtype).eval()
        self.device = device
        self.dtype = dtype
        self.num_layers = len(network.encoder.layers)

    def read(self, image: ImageSource, size: Size = 448) -> ImageInput:
        """The pixels and patches of an image, as `record` reads it.

        Raises InputError for an image that cannot be read or is out of bounds.
        """
        return read_image(image, self.network.patch, size)

    def inputs(self, given: ImageInput) -> dict[str, Tensor]:
        """What the network's forward takes of an image that was read."""
        return {"pixels": given.pixels.to(self.device, self.dtype)}

    def calls(self, network: nn.Module, on_layer: OnLayer | None = None) -> AbstractContextManager[list[Call]]:
        """The calls of attention that a twin of the network makes inside the context."""
        return attention_calls(on_layer)

    @torch.inference_mode()
    def record(self, image: ImageSource, size: Size = 448, on_layer: OnLayer | None = None) -> Recording:
        """Run an image and record every head.

        The outputs: "saliency" [height, width] in 0 to 1, what draws a person's eye (notes["saliency"] says where it is
        extrapolated), and "embedding" [width], the last hidden state of [CLS].

        Args:
            image: a PIL image, a path, or the bytes of a file.
            size: pixels of the short side, or "letterbox"; see `headlens.model.inputs.read_image`.
            on_layer: called with each layer's number as it is done; what it raises stops the run.

        Raises InputError for an image that cannot be read or is out of bounds, DeviceError where there is not enough
        memory.
        """
        given = self.read(image, size)
        started = time.perf_counter()
        prefix, (rows, columns) = self.network.prefix_tokens, given.photo.grid
        height, width = given.photo.pixels.shape[:2]
        with enough_memory(self.device):
            hidden, layers = self.network(**self.inputs(given), on_layer=on_layer)
            synchronize(self.device)
            seconds = time.perf_counter() - started
            saliency = self.decoder(hidden[:, prefix:], given.photo.grid, (height, width))[0]
        num_tokens = prefix + rows * columns
        return Recording(
            layers=tuple(heads.first() for heads in layers),
            tokens=("[CLS]", *patch_names(rows, columns)),
            words=(None,) * num_tokens,
            special=np.arange(num_tokens) < prefix,
            segments=(0,) * num_tokens,
            model=self.description,
            seconds=seconds,
            device=str(self.device),
            prefix_tokens=prefix,
            photo=given.photo,
            outputs={"saliency": saliency.float().cpu().numpy(), "embedding": hidden[0, 0].float().cpu().numpy()},
            notes={} if (height, width) == (LETTERBOX, LETTERBOX) else {"saliency": EXTRAPOLATED},
        )


Model: TypeAlias = "TextModel | ImageModel | TransformersModel"


def load_model(name: str, device: str = "auto", dtype: str = "float32", part: str | None = None) -> Model:
    """A model, ready to record.

    Args:
        name: one of `list_models()`, a folder that transformers' save_pretrained wrote, or an id of the Hugging Face
            Hub, "organisation/name", which is downloaded unless it is in the cache.
        device: "auto" (cuda, else mps, else cpu), or one of these by name.
        dtype: "float32", on a GPU also "bfloat16", for checking also "float64".
        part: "text" for the text tower of a model with two (CLIP, SigLIP); the one for images is loaded else.

    Raises:
        ValueError: for a name that is none of these.
        CheckpointError: for weights that are missing, damaged or too large, with what mends them; for a model that
            cannot be recorded exactly.
        DeviceError: for a device or a dtype that this machine does not have.
    """
    place = pick_device(device)
    number_format = pick_dtype(dtype, place)
    if not isinstance(name, str) or name not in CATALOGUE:
        return _load_transformers(name, place, number_format, part)
    checkpoint = CATALOGUE[name]
    if checkpoint.kind == "causal":
        from headlens.model.pretrained.smollm2 import load_smollm2

        return load_smollm2(checkpoint, place, number_format)
    files = locate(checkpoint)
    if checkpoint.kind == "text":
        network = load_bert(files["config.json"], files["model.safetensors"])
        tokenizer = Tokenizer.from_file(str(files["tokenizer.json"]))
        return TextModel(checkpoint, network, tokenizer, place, number_format)
    backbone, decoder = load_dinov2(files["vit_s_focus.onnx"])
    return ImageModel(checkpoint, backbone, decoder, place, number_format)


def _load_transformers(name: str, device: torch.device, dtype: torch.dtype, part: str | None) -> "TransformersModel":
    """A folder or an id of the Hub; transformers is imported here alone, for it takes seconds."""
    if isinstance(name, str | Path) and str(name).strip() and Path(name).is_dir():
        from headlens.model.huggingface.load.folder import load_folder

        return load_folder(Path(name), str(name), device, dtype, part=part)
    if isinstance(name, str) and HUB_ID.fullmatch(name):
        from headlens.model.huggingface.load.folder import load_folder
        from headlens.model.huggingface.load.hub import download

        return load_folder(download(name), name, device, dtype, part=part)
    raise ValueError(
        f"There is no model {name!r}; give one of {', '.join(CATALOGUE)}, a folder, or an id of the Hugging Face Hub."
    )
