"""Each network three times, with the same weights and inputs, in float32 on the CPU.

"ours" is the forward pass inside `record()`, which keeps every layer's queries, keys and values; "sdpa" is
transformers' forward pass with torch's fused attention, which keeps nothing; "eager" is transformers' with
output_attentions=True, which keeps every weight. All three start from token ids or pixels in memory, and end with the
last hidden state. "record" is the whole public call: also the tokenizer, or the photo's decoding and
resizing, and the embedding or the saliency map.
"""

import json
from collections.abc import Callable
from itertools import cycle, islice
from typing import Any

import torch
from tokenizers import Tokenizer

from headlens.model import list_models, load_model
from headlens.model.inputs.image import read_image
from headlens.model.inputs.text import read_text
from headlens.model.nn.encoder import EncoderConfig
from headlens.model.nn.text import TextConfig, TextEncoder
from headlens.model.pretrained.bert import read_config
from headlens.model.pretrained.dinov2_onnx import CONFIG as DINOV2
from headlens.model.pretrained.files import locate
from headlens.model.pretrained.image_model import EncoderImageModel
from headlens.model.pretrained.text_model import EncoderTextModel
from tests.paths import ROOT
from tests.references import bert_like, dinov2_like

Calls = dict[str, Callable[[], Any]]
PHOTO = ROOT / "assets" / "samples" / "coffee.jpg"
WORDS = "so if it is in my bag or on it , we go to it , and he or I put it by the box ;"  # one token each


def text_of(tokenizer: Tokenizer, num_tokens: int) -> str:
    """A text of short words, of num_tokens tokens with [CLS] and [SEP]."""
    text = " ".join(islice(cycle(WORDS.split()), num_tokens - 2))
    count = len(tokenizer.encode(text).ids)
    assert count == num_tokens, f"{count} tokens instead of {num_tokens}"
    return text


def minilm(num_tokens: int) -> Calls:
    """A text through MiniLM."""
    model = load_model("minilm-l6", device="cpu")
    assert isinstance(model, EncoderTextModel)
    text = text_of(model.tokenizer, num_tokens)
    text_input = read_text(model.tokenizer, text, model.max_tokens)
    ids, segments = torch.tensor([list(text_input.ids)]), torch.tensor([list(text_input.segments)])
    config = read_config(json.loads(locate(list_models()["minilm-l6"])["config.json"].read_text()))
    return {**_bert(model.network, config, ids, segments), "record": lambda: model.record(text)}


def dinov2(size: int) -> Calls:
    """A photo through DINOv2."""
    model = load_model("dinov2-focus", device="cpu")
    assert isinstance(model, EncoderImageModel)
    pixels = read_image(PHOTO, model.network.patch, size).pixels
    eager, sdpa = dinov2_like(model.network, DINOV2), fused(dinov2_like(model.network, DINOV2))
    return {
        "ours": lambda: model.network(pixels),
        "sdpa": lambda: sdpa(pixels),
        "eager": lambda: eager(pixels, output_attentions=True),
        "record": lambda: model.record(PHOTO, size),
    }


def random_bert(num_tokens: int, num_layers: int = 12) -> Calls:
    """Random ids through a BERT of random weights: 12 heads of 64 dimensions a layer."""
    shape = EncoderConfig(num_layers, 12, 768, 3072, norm_eps=1e-12, pre_norm=False)
    config = TextConfig(shape, vocabulary=1000, num_positions=num_tokens)
    torch.manual_seed(0)
    network = TextEncoder(config).eval()
    ids = torch.randint(0, config.vocabulary, (1, num_tokens))
    return _bert(network, config, ids, torch.zeros_like(ids))


def _bert(network: TextEncoder, config: TextConfig, ids: torch.Tensor, segments: torch.Tensor) -> Calls:
    eager, sdpa = bert_like(network, config), fused(bert_like(network, config))
    return {
        "ours": lambda: network(ids, segments),
        "sdpa": lambda: sdpa(ids, token_type_ids=segments),
        "eager": lambda: eager(ids, token_type_ids=segments, output_attentions=True),
    }


def fused(reference: Any) -> Any:
    """The same network of transformers, switched to torch's fused attention."""
    reference.set_attn_implementation("sdpa")
    assert reference.config._attn_implementation == "sdpa"
    return reference


CASES: dict[str, Callable[[], Calls]] = {
    "MiniLM, 128 tokens": lambda: minilm(128),
    "MiniLM, 512 tokens": lambda: minilm(512),
    "DINOv2 at 224, 385 tokens": lambda: dinov2(224),
    "DINOv2 at 448, 1,537 tokens": lambda: dinov2(448),
    "random 12 × 12 × 64, 2,048 tokens": lambda: random_bert(2048),
}
