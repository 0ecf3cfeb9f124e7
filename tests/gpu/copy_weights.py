"""Both models' weights as small files that a GPU machine without onnx can read.

python -m tests.gpu.copy_weights FOLDER [MODEL …]
writes MODEL.safetensors in float16, about 45 MB each, and MiniLM's config.json and tokenizer.json. Then, over there,
HEADLENS_GPU_WEIGHTS=FOLDER python -m pytest tests/gpu
"""

import shutil
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn

from headlens.model import list_models, load_model
from headlens.model.pretrained.files import locate
from headlens.model.pretrained.image_model import EncoderImageModel


def copy_weights(folder: Path, names: list[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        model = load_model(name, device="cpu")
        weights: nn.Module = model.network
        if isinstance(model, EncoderImageModel):
            weights = nn.ModuleDict({"network": model.network, "decoder": model.decoder})
        else:
            for file, path in locate(list_models()[name]).items():
                if file.endswith(".json"):
                    shutil.copyfile(path, folder / file)
        state = weights.state_dict()
        halves = {key: tensor.half() if torch.is_floating_point(tensor) else tensor for key, tensor in state.items()}
        save_file(halves, folder / f"{name}.safetensors")


if __name__ == "__main__":
    copy_weights(Path(sys.argv[1]), sys.argv[2:] or list(list_models()))
