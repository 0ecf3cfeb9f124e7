"""Small random vision transformers in folders as save_pretrained writes them, their attention made peaked."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import transformers
from PIL import Image
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from transformers import PreTrainedModel

from headlens.model.description import Description
from headlens.model.huggingface.load.limits import read_config
from headlens.model.huggingface.vision.load import load_image
from headlens.model.huggingface.vision.model import TransformersImage
from tests.model.inputs.pictures import noise

SHAPE: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "image_size": 32,
    "patch_size": 8,
}
TEXT: dict[str, Any] = {
    "vocab_size": 99,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "max_position_embeddings": 24,
}
PROCESSOR: dict[str, Any] = {  # of google/vit-base-patch16-224, but for the size and a std that differs by channel
    "do_normalize": True,
    "do_rescale": True,
    "do_resize": True,
    "image_mean": [0.5, 0.45, 0.4],
    "image_processor_type": "ViTImageProcessor",
    "image_std": [0.5, 0.25, 0.3],
    "resample": 2,
    "rescale_factor": 1 / 255,
    "size": {"height": 32, "width": 32},
}
PHOTO = noise(96, 64)
DESCRIPTION = Description("made", "made", "image", "nobody", "none")
CLASSES = {number: f"<b>{number}</b>" for number in range(12)}


def randomize(model: PreTrainedModel) -> None:
    """All weights anew: positions and biases are zeros at first, and all attention of a fresh model is flat."""
    generator = torch.Generator().manual_seed(0)
    for name, parameter in model.named_parameters():
        sharp = re.search(
            r"(query|key|q_proj|k_proj|qkv|in_proj|linear_[qk]).*weight|relative_position_bias|position_emb", name
        )
        noise = torch.randn(parameter.shape, generator=generator).to(parameter)
        parameter.data = parameter.data + (0.3 if sharp else 0.05) * noise


def save(folder: Path, model: PreTrainedModel, processor: dict[str, Any] | None = PROCESSOR) -> Path:
    """The folder, with a model in it; its image processor's words beside it."""
    randomize(model)
    model.save_pretrained(folder)
    if processor is not None:
        (folder / "preprocessor_config.json").write_text(json.dumps(processor))
    return folder


def made(name: str, kind: str = "Model", **options: Any) -> PreTrainedModel:
    """A model by the beginning of its classes' names."""
    config = getattr(transformers, f"{name}Config")(**options)
    return getattr(transformers, f"{name}{kind}")(config)


def towers(name: str, kind: str = "Model", **options: Any) -> PreTrainedModel:
    """A model of images and texts."""
    return made(name, kind, vision_config=SHAPE, text_config=TEXT, **options)


LABELS: dict[str, Any] = {"id2label": CLASSES, "label2id": {label: number for number, label in CLASSES.items()}}
FAMILIES: dict[str, tuple[Callable[[], PreTrainedModel], tuple[str, ...]]] = {  # with the names of its prefix
    "vit": (lambda: made("ViT", **SHAPE), ("[CLS]",)),
    "vit-classifier": (lambda: made("ViT", "ForImageClassification", **SHAPE, **LABELS), ("[CLS]",)),
    "deit": (lambda: made("DeiT", **SHAPE), ("[CLS]", "[DIST]")),
    "beit": (lambda: made("Beit", use_relative_position_bias=True, **SHAPE), ("[CLS]",)),
    "beit-shared": (
        lambda: made("Beit", use_shared_relative_position_bias=True, use_absolute_position_embeddings=True, **SHAPE),
        ("[CLS]",),
    ),
    "dinov2": (lambda: made("Dinov2", **SHAPE), ("[CLS]",)),
    "dinov2-classifier": (lambda: made("Dinov2", "ForImageClassification", **SHAPE, **LABELS), ("[CLS]",)),
    "dinov2-registers": (
        lambda: made("Dinov2WithRegisters", num_register_tokens=3, **SHAPE),
        ("[CLS]", "[REG0]", "[REG1]", "[REG2]"),
    ),
    "dinov3": (lambda: made("DINOv3ViT", num_register_tokens=2, **SHAPE), ("[CLS]", "[REG0]", "[REG1]")),
    "clip": (lambda: towers("CLIP"), ("[CLS]",)),
    "clip-classifier": (lambda: towers("CLIP", "ForImageClassification", **LABELS), ("[CLS]",)),
    "clip-vision": (lambda: made_tower("CLIP"), ("[CLS]",)),
    "blip": (lambda: towers("Blip"), ("[CLS]",)),
    "siglip": (lambda: towers("Siglip"), ()),
    "ijepa": (lambda: made("IJepa", **SHAPE), ()),
}


def made_tower(name: str) -> PreTrainedModel:
    """The vision tower by itself."""
    config = getattr(transformers, f"{name}VisionConfig")(**SHAPE)
    return getattr(transformers, f"{name}VisionModel")(config)


def save_with_high_norms(folder: Path) -> Path:
    """A DINOv2 with registers, of which bright patches leave the last layer some ten times as long as dark ones."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = FAMILIES["dinov2-registers"][0]()
    save(folder, network)
    projection = network.embeddings.patch_embeddings.projection  # [channel, 3, 8, 8]
    black = [-mean / std for mean, std in zip(PROCESSOR["image_mean"], PROCESSOR["image_std"])]
    projection.weight.data[0], projection.bias.data[0] = 0.1, -0.1 * 64 * sum(black)  # a dark patch adds nothing
    network.save_pretrained(folder)
    return folder


def dark_photo(*bright: tuple[int, int]) -> Image.Image:
    """4 x 4 patches of 8 pixels, black but for those of these rows and columns."""
    photo = Image.new("RGB", (32, 32))
    for row, column in bright:
        photo.paste((255, 255, 255), (8 * column, 8 * row, 8 * column + 8, 8 * row + 8))
    return photo


def load(folder: Path, dtype: torch.dtype = torch.float32) -> TransformersImage:
    """What is in a folder, on the CPU."""
    return load_image(folder, read_config(folder), DESCRIPTION, device=torch.device("cpu"), dtype=dtype)


class OwnPrecision(TorchFunctionMode):
    """Many models compute their eager softmax in float32 whatever they run in; here it stays in float64."""

    def __torch_function__(self, function: Callable, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        kwargs = kwargs or {}
        if function is nn.functional.softmax and args[0].dtype == torch.float64:
            kwargs = {**kwargs, "dtype": torch.float64}
        return function(*args, **kwargs)


def eager_attentions(network: PreTrainedModel, **inputs: Any) -> tuple[Tensor, ...]:
    """What a model itself says of each layer: [1, head, query, key]."""
    network.set_attn_implementation("eager")
    with torch.inference_mode(), OwnPrecision():
        return network(**inputs, output_attentions=True).attentions
