"""Small random models that write captions, as they are saved: tokenizer, image processor, settings of writing."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase, VisionEncoderDecoderConfig, VisionEncoderDecoderModel

from headlens.model.huggingface.captions.load import load_captions
from headlens.model.huggingface.captions.model import TransformersCaption
from headlens.model.huggingface.load.limits import read_config
from headlens.model.huggingface.load.network import architecture_of
from tests.model.huggingface.family_tokenizers import family_tokenizer
from tests.model.huggingface.image_models import DESCRIPTION, PROCESSOR, SHAPE, OwnPrecision, made

GPT2: dict[str, Any] = {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64}
TROCR: dict[str, Any] = {
    "d_model": 32,
    "decoder_layers": 2,
    "decoder_attention_heads": 4,
    "decoder_ffn_dim": 48,
    "max_position_embeddings": 64,
}
ROBERTA: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "max_position_embeddings": 66,
}
BLIP_TEXT = {**ROBERTA, "encoder_hidden_size": 32, "max_position_embeddings": 64}
DECODER = {"is_decoder": True, "add_cross_attention": True}
# Of each family: its encoder, decoder, and tokenizer
FAMILIES: dict[str, tuple[Callable[[], PreTrainedModel], str, str]] = {
    "vit-gpt2": (lambda: made("ViT", **SHAPE), "GPT2LMHeadModel", "GPT-2"),
    "deit-trocr": (lambda: made("DeiT", **SHAPE), "TrOCRForCausalLM", "RoBERTa"),
    "beit-trocr": (lambda: made("Beit", use_relative_position_bias=True, **SHAPE), "TrOCRForCausalLM", "RoBERTa"),
    "dinov2-roberta": (lambda: made("Dinov2", **SHAPE), "RobertaForCausalLM", "RoBERTa"),
}
DECODERS = {"GPT2LMHeadModel": GPT2, "TrOCRForCausalLM": TROCR, "RobertaForCausalLM": ROBERTA}
NAMES = (*FAMILIES, "blip")


def randomize(network: PreTrainedModel) -> None:
    """All weights anew: attention is peaked, and what is written differs from token to token."""
    generator = torch.Generator().manual_seed(0)
    for name, parameter in sorted(network.named_parameters()):
        sharp = re.search(
            r"(query|key|q_proj|k_proj|c_attn|q_attn|qkv).*weight|relative_position_bias|position_emb", name
        )
        noise = torch.randn(parameter.shape, generator=generator).to(parameter)
        parameter.data = parameter.data + (0.3 if sharp else 0.15) * noise


def built(family: str, tokenizer: PreTrainedTokenizerBase) -> PreTrainedModel:
    """A random model of a family."""
    torch.manual_seed(0)
    if family == "blip":
        special = {
            f"{name}_token_id": tokenizer.convert_tokens_to_ids(token)
            for name, token in (("bos", "[CLS]"), ("sep", "[SEP]"), ("eos", "[SEP]"), ("pad", "[PAD]"))
        }
        text = {**BLIP_TEXT, **special, "vocab_size": len(tokenizer)}
        return made("Blip", "ForConditionalGeneration", vision_config=SHAPE, text_config=text)
    encoder, name, _ = FAMILIES[family]
    shape = {**DECODERS[name], **DECODER, "vocab_size": len(tokenizer)}
    decoder_class = getattr(transformers, name)
    special = {f"{each}_token_id": getattr(tokenizer, f"{each}_token_id") for each in ("bos", "eos")}
    pad = tokenizer.eos_token_id if tokenizer.pad_token_id is None else tokenizer.pad_token_id
    decoder = decoder_class(decoder_class.config_class(**shape, **special, pad_token_id=pad))
    reads = encoder()
    config = VisionEncoderDecoderConfig.from_encoder_decoder_configs(reads.config, decoder.config)
    network: PreTrainedModel = VisionEncoderDecoderModel(config=config, encoder=reads, decoder=decoder)
    settings = {"decoder_start_token_id": tokenizer.bos_token_id, "pad_token_id": pad, **special}
    network.generation_config = transformers.GenerationConfig(**settings)
    return network


def save(folder: Path, family: str, *, processor: dict[str, Any] | None = None) -> Path:
    """The folder, with a model of a family in it."""
    tokenizer = family_tokenizer("BERT" if family == "blip" else FAMILIES[family][2])
    network = built(family, tokenizer)
    randomize(network)
    network.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    transformers.ViTImageProcessorPil(**(processor or PROCESSOR)).save_pretrained(folder)
    return folder


def save_donut(folder: Path) -> Path:
    """The folder, with a Donut in it: an encoder of windows."""
    save(folder, "vit-gpt2")
    swin = made("DonutSwin", image_size=32, patch_size=4, embed_dim=16, depths=[1, 1], num_heads=[2, 2], window_size=4)
    decoder = made("GPT2", "LMHeadModel", **GPT2, add_cross_attention=True)
    VisionEncoderDecoderModel(encoder=swin, decoder=decoder).save_pretrained(folder)
    return folder


def load(folder: Path, dtype: torch.dtype = torch.float32) -> TransformersCaption:
    """What is in a folder, on the CPU."""
    return load_captions(folder, read_config(folder), DESCRIPTION, device=torch.device("cpu"), dtype=dtype)


def of_transformers(folder: Path, dtype: torch.dtype = torch.float32) -> PreTrainedModel:
    """The same network, by transformers alone."""
    name = architecture_of(read_config(folder))
    network: PreTrainedModel = getattr(transformers, name).from_pretrained(folder, dtype=dtype).eval()
    return network


def eager_weights(network: PreTrainedModel, pixels: Tensor, ids: Tensor) -> tuple[Any, dict[str, tuple[Tensor, ...]]]:
    """What a model itself says of each stage's layers, [1, head, query, key], beside its outputs."""
    network.set_attn_implementation("eager")
    with torch.inference_mode(), OwnPrecision():
        if hasattr(network, "text_decoder"):  # of which BLIP says nothing
            vision = network.vision_model(pixels, output_attentions=True)
            said = network.text_decoder(
                ids, encoder_hidden_states=vision.last_hidden_state, output_attentions=True, use_cache=False
            )
            return said, {"vision": vision.attentions, "decoder": said.attentions, "cross": said.cross_attentions}
        said = network(pixel_values=pixels, decoder_input_ids=ids, output_attentions=True, use_cache=False)
    return said, {
        "vision": said.encoder_attentions,
        "decoder": said.decoder_attentions,
        "cross": said.cross_attentions,
    }
