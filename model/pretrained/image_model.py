"""The vision transformer of `headlens.model.nn`, with a saliency decoder on top."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from headlens.model.base import Run, Setup
from headlens.model.description import Description
from headlens.model.inputs.image import LETTERBOX, ImageInput, PixelFormat, Size
from headlens.model.nn.saliency import SaliencyDecoder
from headlens.model.nn.vit import VisionTransformer
from headlens.model.pretrained.encoder_runner import EncoderRunner
from headlens.model.readers import SHORT_SIDES, ImageReader

EXTRAPOLATED = (
    "extrapolated: the saliency decoder was trained on photos fitted into 224 x 224 pixels, and is exact only there"
)
SHORT_SIDE = 448


class EncoderImageModel(ImageReader[Tensor]):
    """A vision transformer with a saliency decoder on top.

    A recording's outputs: "saliency" [height, width] in 0 to 1, what draws a person's eye (notes["saliency"] says where
    it is extrapolated), "embedding" [width], the last hidden state of [CLS], and "norms" [token].
    """

    own_code = True
    prefix = ("[CLS]",)
    sizes: tuple[Size | None, ...] = (*SHORT_SIDES, "letterbox")
    default_size: Size | None = SHORT_SIDE

    def __init__(
        self,
        description: Description,
        network: VisionTransformer,
        decoder: SaliencyDecoder,
        *,
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        network = network.to(device=device, dtype=dtype).eval()
        setup = Setup(description, EncoderRunner(network), device, num_layers=len(network.encoder.layers))
        super().__init__(setup, network.patch, SHORT_SIDE, pixel_format=PixelFormat())
        self.decoder = decoder.to(device=device, dtype=dtype).eval()
        self.dtype = dtype
        self._encoder = network

    @property
    def network(self) -> VisionTransformer:
        """The encoder."""
        return self._encoder

    def batch_inputs(self, batch: Sequence[ImageInput]) -> dict[str, object]:
        """What the network's forward takes of several images of one shape."""
        return {"pixels": torch.cat([image.pixels for image in batch]).to(self.device, self.dtype)}

    def embeddings(self, batch: Sequence[ImageInput], run: Run[Tensor]) -> Tensor:
        """The last hidden state of each image's [CLS]."""
        return run.outputs[:, 0]

    def _before_norm(self, run: Run[Tensor]) -> Tensor | None:
        return run.before_norm

    def saliency(self, image: ImageInput, run: Run[Tensor]) -> Tensor:
        """The saliency maps [batch, height, width] of images of one shape, on the run's graph."""
        height, width = image.photo.pixels.shape[:2]
        maps: Tensor = self.decoder(run.outputs[:, len(self.prefix) :], image.photo.grid, (height, width))
        return maps

    def _outputs(self, image: ImageInput, run: Run[Tensor], index: int) -> dict[str, np.ndarray]:
        hidden = run.outputs[index]
        saliency = self.saliency(image, replace(run, outputs=hidden[None]))[0]
        return {"saliency": saliency.float().cpu().numpy(), "embedding": hidden[0].float().cpu().numpy()}

    def _notes(self, image: ImageInput, run: Run[Tensor], index: int) -> dict[str, str]:
        exact = image.photo.pixels.shape[:2] == (LETTERBOX, LETTERBOX)
        return {} if exact else {"saliency": EXTRAPOLATED}
