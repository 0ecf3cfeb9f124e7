"""Where a token is: attention itself does not see the order, so each encoder adds one of these to its input."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def sinusoidal_positions(num_positions: int, width: int) -> Tensor:
    """Sines in the even columns, cosines in the odd ones (Vaswani et al. 2017, section 3.5).

    PE(pos, 2i) = sin(pos / 10000^(2i / width)), PE(pos, 2i + 1) = cos(the same); computed in float64.

    Returns:
        [position, width] float32. Raises ValueError for an odd width.
    """
    if width % 2:
        raise ValueError(f"Sinusoidal positions need an even width, not {width}.")
    position = torch.arange(num_positions, dtype=torch.float64)[:, None]
    angle = position * torch.exp(torch.arange(0, width, 2, dtype=torch.float64) * (-math.log(10_000.0) / width))
    return torch.stack((angle.sin(), angle.cos()), dim=-1).flatten(-2).float()


class SinusoidalPositions(nn.Module):
    """The fixed encodings of the paper, for at most num_positions tokens."""

    encodings: Tensor  # [position, width]

    def __init__(self, num_positions: int, width: int) -> None:
        super().__init__()
        self.register_buffer("encodings", sinusoidal_positions(num_positions, width), persistent=False)

    def forward(self, num_tokens: int) -> Tensor:
        """[token, width]."""
        return self.encodings[:num_tokens]


class LearnedPositions(nn.Module):
    """One learned row a position (BERT: Devlin et al. 2019, section 3)."""

    def __init__(self, num_positions: int, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(num_positions, width) * 0.02)

    def forward(self, num_tokens: int) -> Tensor:
        """[token, width]."""
        return self.weight[:num_tokens]


class PositionGrid(nn.Module):
    """One learned row a patch, on a grid resized to the image at hand (Dosovitskiy et al. 2021, section 3.2)."""

    def __init__(self, rows: int, columns: int, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(rows, columns, width) * 0.02)

    def forward(self, rows: int, columns: int) -> Tensor:
        """[row * column, width]: bicubic (a = -0.75, half-pixel centres) where the size differs from the learned one.

        Resized in float32 whatever the weights' format: lower ones would shift the encodings.
        """
        grid: Tensor = self.weight
        if (rows, columns) != grid.shape[:2]:
            channels_first = grid.permute(2, 0, 1)[None].float()
            resized = F.interpolate(channels_first, size=(rows, columns), mode="bicubic", align_corners=False)
            grid = resized[0].permute(1, 2, 0).to(grid.dtype)
        return grid.reshape(rows * columns, -1)
