"""The vision transformer (Dosovitskiy et al. 2021), with the layer scale of DINOv2 (Oquab et al. 2023)."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from headlens.model.nn.encoder import Encoded, Encoder, EncoderConfig
from headlens.model.nn.positional import PositionGrid
from headlens.model.progress import OnLayer


@dataclass(frozen=True)
class VisionConfig:
    """The shape of a vision transformer."""

    encoder: EncoderConfig
    patch: int  # pixels a side
    position_grid: tuple[int, int]  # rows, columns that the positions were learned on


class PatchEmbedding(nn.Module):
    """Each patch of pixels becomes one vector: a linear map, written as a convolution by its size."""

    def __init__(self, patch: int, width: int) -> None:
        super().__init__()
        self.projection = nn.Conv2d(3, width, kernel_size=patch, stride=patch)

    def forward(self, pixels: Tensor) -> tuple[Tensor, tuple[int, int]]:
        """[batch, 3, height, width] -> [batch, row * column, width], and (rows, columns)."""
        grid = self.projection(pixels)  # [batch, width, row, column]
        return grid.flatten(2).transpose(1, 2), (grid.shape[2], grid.shape[3])


class VisionTransformer(nn.Module):
    """[CLS] and the patches of an image of any size, through a pre-norm encoder."""

    prefix_tokens = 1

    def __init__(self, config: VisionConfig) -> None:
        super().__init__()
        width = config.encoder.width
        self.patch = config.patch
        self.patches = PatchEmbedding(config.patch, width)
        self.cls_token = nn.Parameter(torch.randn(width) * 0.02)
        self.cls_position = nn.Parameter(torch.randn(width) * 0.02)
        self.positions = PositionGrid(*config.position_grid, width)
        self.encoder = Encoder(config.encoder)

    def content(self, pixels: Tensor) -> tuple[Tensor, tuple[int, int]]:
        """[CLS] and what each patch shows, wherever it is: [batch, 1 + row * column, width], and (rows, columns).

        Raises ValueError when a side is not a multiple of the patch: the rest would silently be cut off.
        """
        height, width = pixels.shape[-2:]
        if height % self.patch or width % self.patch:
            raise ValueError(f"{height} x {width} pixels are not whole patches of {self.patch} x {self.patch}.")
        patches, grid = self.patches(pixels)
        return torch.cat((self.cls_token.expand(len(pixels), 1, -1), patches), dim=1), grid

    def position_rows(self, rows: int, columns: int) -> Tensor:
        """Where [CLS] and each patch stand: [1 + row * column, width]."""
        return torch.cat((self.cls_position[None], self.positions(rows, columns)))

    def embed(self, pixels: Tensor) -> Tensor:
        """What goes into the first layer, [batch, 1 + row * column, width], for pixels [batch, 3, height, width]."""
        patches, grid = self.content(pixels)
        return patches + self.position_rows(*grid)

    def forward(self, pixels: Tensor, on_layer: OnLayer | None = None) -> Encoded:
        """The last hidden state [batch, 1 + row * column, width], and the inputs of each layer's attention."""
        result: Encoded = self.encoder(self.embed(pixels), on_layer=on_layer)
        return result
