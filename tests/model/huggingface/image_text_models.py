"""Small random language models that read images, with a tokenizer and an image processor, in folders."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from headlens.model.huggingface.load.limits import read_config
from headlens.model.huggingface.multimodal.load import load_image_text
from headlens.model.huggingface.multimodal.model import TransformersImageText
from tests.model.huggingface.image_models import DESCRIPTION, PROCESSOR, save

SPECIAL = ["<bos>", "<fake_token_around_image>", "<global-img>", "<|vision_start|>", "<|vision_end|>", "<image>"]
IMAGE = SPECIAL.index("<image>")
SENTENCES = ["What is in the picture?", "A cat sits on the mat.", "The sky above the town is blue and green."]
TEXT: dict[str, Any] = {
    "vocab_size": 320,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 64,
    "max_position_embeddings": 400,
    "pad_token_id": 0,
    "bos_token_id": 0,
    "eos_token_id": 0,
}
VISION: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "image_size": 32,
    "patch_size": 4,
}


PROMPT = "What is in the picture?"
FRAME = {
    "llava": ([], []),
    "llava-siglip": ([], []),
    "idefics3": (["<fake_token_around_image>", "<global-img>"], ["<fake_token_around_image>"]),
    "smolvlm": (["<fake_token_around_image>", "<global-img>"], ["<fake_token_around_image>"]),
    "qwen2_vl": (["<|vision_start|>"], ["<|vision_end|>"]),
}


def llava(tower: str = "CLIP", **options: Any) -> PreTrainedModel:
    """A vision tower before a Llama."""
    config = transformers.LlavaConfig(
        vision_config=getattr(transformers, f"{tower}VisionConfig")(**VISION),
        text_config=transformers.LlamaConfig(**TEXT),
        image_token_index=IMAGE,
        **options,
    )
    return transformers.LlavaForConditionalGeneration(config)


def shuffled(name: str) -> PreTrainedModel:
    """Idefics 3 or SmolVLM: a token for each 2 x 2 patches, on a fixed square."""
    config = getattr(transformers, f"{name}Config")(
        vision_config=VISION,
        text_config=transformers.LlamaConfig(**TEXT).to_dict(),
        image_token_id=IMAGE,
        scale_factor=2,
    )
    return getattr(transformers, f"{name}ForConditionalGeneration")(config)


def qwen2_vl() -> PreTrainedModel:
    """Qwen2-VL: a token for each 2 x 2 patches, on a photo of any size."""
    rope = {"rope_type": "default", "mrope_section": [1, 1, 2], "rope_theta": 10_000.0}
    config = transformers.Qwen2VLConfig(
        vision_config={"depth": 2, "embed_dim": 32, "hidden_size": 32, "num_heads": 4, "patch_size": 14},
        text_config=TEXT | {"rope_parameters": rope},
        image_token_id=IMAGE,
        video_token_id=TEXT["vocab_size"] - 1,
        vision_start_token_id=SPECIAL.index("<|vision_start|>"),
        vision_end_token_id=SPECIAL.index("<|vision_end|>"),
    )
    return transformers.Qwen2VLForConditionalGeneration(config)


FAMILIES: dict[str, Callable[[], PreTrainedModel]] = {
    "llava": llava,
    "llava-siglip": lambda: llava("Siglip", vision_feature_select_strategy="full"),
    "idefics3": lambda: shuffled("Idefics3"),
    "smolvlm": lambda: shuffled("SmolVLM"),
    "qwen2_vl": qwen2_vl,
}


def tokenizer() -> PreTrainedTokenizerFast:
    """Pieces of bytes as GPT-2 has them, with a token that begins each text."""
    pieces = Tokenizer(models.BPE())
    pieces.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    pieces.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=310, special_tokens=SPECIAL, initial_alphabet=alphabet, show_progress=False
    )
    pieces.train_from_iterator(SENTENCES * 3, trainer)
    pieces.post_processor = processors.TemplateProcessing(single="<bos> $A", special_tokens=[("<bos>", 0)])
    return PreTrainedTokenizerFast(tokenizer_object=pieces, bos_token="<bos>")


def save_with_text(folder: Path, model: PreTrainedModel) -> Path:
    """The folder, with the model, its tokenizer and its image processor's words in it."""
    tokenizer().save_pretrained(folder)
    return save(folder, model, PROCESSOR)


def prompt(family: str, grid: tuple[int, int]) -> list[int]:
    """The ids of PROMPT behind an image, made by hand."""
    bos, *words = tokenizer()(PROMPT)["input_ids"]
    before, after = ([SPECIAL.index(name) for name in names] for names in FRAME[family])
    return [bos, *before, *[IMAGE] * (grid[0] * grid[1]), *after, *words]


def load(folder: Path, dtype: torch.dtype = torch.float32) -> TransformersImageText:
    """What is in a folder, on the CPU."""
    return load_image_text(folder, read_config(folder), DESCRIPTION, device=torch.device("cpu"), dtype=dtype)


class EverySoftmax(TorchFunctionMode):
    """Keeps what an eager model's every softmax gives, [batch, head, query, key], computed in the input's precision."""

    def __init__(self) -> None:
        super().__init__()
        self.weights: list[Tensor] = []

    def __torch_function__(self, function: Callable, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        kwargs = kwargs or {}
        if function is not nn.functional.softmax:
            return function(*args, **kwargs)
        result = function(*args, **{**kwargs, "dtype": args[0].dtype})
        self.weights.append(result)
        return result


def eager_weights(network: PreTrainedModel, **inputs: Any) -> tuple[Any, list[Tensor]]:
    """The outputs, and the weights of all layers, the vision part's first."""
    network.set_attn_implementation("eager")
    mode = EverySoftmax()
    with torch.inference_mode(), mode:
        outputs = network(**inputs, use_cache=False)
    return outputs, mode.weights
