"""Small random models that write captions, as they are saved: tokenizer, image processor, settings of writing."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import Tensor
from transformers import (
    AutoImageProcessor,
    AutoProcessor,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    VisionEncoderDecoderConfig,
    VisionEncoderDecoderModel,
)

from headlens.model.huggingface.captions.load import load_captions
from headlens.model.huggingface.captions.model import TransformersCaption
from headlens.model.huggingface.load.limits import read_config
from headlens.model.huggingface.load.network import architecture_of
from tests.model.huggingface.family_tokenizers import family_tokenizer
from tests.model.huggingface.image_models import DESCRIPTION, PHOTO, PROCESSOR, SHAPE, OwnPrecision, made
from tests.model.huggingface.text_models import BART

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
NAMES = (*FAMILIES, "blip", "florence2")
DAVIT: dict[str, Any] = {  # places of 8 x 8 pixels
    "depths": (1, 1, 1, 1),
    "embed_dim": (8, 16, 16, 32),
    "max_position_embeddings": 10,
    "num_groups": (1, 2, 2, 4),
    "num_heads": (1, 2, 2, 4),
    "patch_stride": (2, 2, 2, 1),
    "projection_dim": 32,
    "window_size": 4,
}
PLACES = (4, 6)  # of Florence-2


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


def save_florence(folder: Path) -> Path:
    """The folder, with a Florence-2 in it: its processor holds its tokenizer and its image processor."""
    torch.manual_seed(0)
    tokenizer = family_tokenizer("BART", extra_special_tokens={"image_token": "<image>"})
    tokenizer.add_tokens(["<loc_0>", "<loc_1>"])
    special = {"bos_token_id": 0, "pad_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 2}
    text = {**BART, **special, "model_type": "bart", "vocab_size": len(tokenizer)}
    image = tokenizer.convert_tokens_to_ids("<image>")
    network = made("Florence2", "ForConditionalGeneration", vision_config=DAVIT, text_config=text, image_token_id=image)
    randomize(network)
    network.generation_config = transformers.GenerationConfig(**special, forced_bos_token_id=0)
    network.save_pretrained(folder)
    height, width = (8 * count for count in PLACES)
    images = transformers.CLIPImageProcessorPil(
        size={"height": height, "width": width}, do_center_crop=False, image_mean=PROCESSOR["image_mean"]
    )
    images.image_seq_length = 1 + PLACES[0] * PLACES[1]
    transformers.Florence2Processor(images, tokenizer).save_pretrained(folder)
    return folder


def save(folder: Path, family: str, *, processor: dict[str, Any] | None = None) -> Path:
    """The folder, with a model of a family in it."""
    if family == "florence2":
        return save_florence(folder)
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


def inputs_of(folder: Path) -> dict[str, Tensor]:
    """What a folder's own processor makes of the photo, and of the task that Florence-2 has for captions."""
    if read_config(folder)["model_type"] == "florence2":
        return dict(AutoProcessor.from_pretrained(folder, backend="pil")(PHOTO, "<CAPTION>", return_tensors="pt"))
    return dict(AutoImageProcessor.from_pretrained(folder, backend="pil")(PHOTO, return_tensors="pt"))


def eager_weights(
    network: PreTrainedModel, inputs: Mapping[str, Tensor], ids: Tensor
) -> tuple[Any, dict[str, tuple[Tensor, ...]]]:
    """What a model itself says of each stage's layers, [1, head, query, key], beside its outputs."""
    inputs = {**inputs, "pixel_values": inputs["pixel_values"].to(network.dtype)}
    network.set_attn_implementation("eager")
    with torch.inference_mode(), OwnPrecision():
        if hasattr(network, "text_decoder"):  # of which BLIP says nothing
            vision = network.vision_model(inputs["pixel_values"], output_attentions=True)
            said = network.text_decoder(
                ids, encoder_hidden_states=vision.last_hidden_state, output_attentions=True, use_cache=False
            )
            return said, {"vision": vision.attentions, "decoder": said.attentions, "cross": said.cross_attentions}
        said = network(**inputs, decoder_input_ids=ids, output_attentions=True, use_cache=False)
    return said, {
        "encoder" if "input_ids" in inputs else "vision": said.encoder_attentions,
        "decoder": said.decoder_attentions,
        "cross": said.cross_attentions,
    }
