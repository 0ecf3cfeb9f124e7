"""Small random models of photos and labels, with the tokenizers and image processors that they have, in folders."""

from pathlib import Path
from typing import Any

import sentencepiece
import torch
import transformers
from transformers import PreTrainedTokenizerBase

from tests.model.huggingface.family_tokenizers import CORPUS, family_tokenizer
from tests.model.huggingface.image_models import SHAPE, randomize

TEXT: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
}
PROCESSORS: dict[str, tuple[str, dict[str, Any]]] = {
    "CLIP": ("CLIPImageProcessorPil", {"size": {"shortest_edge": 40}, "crop_size": 32}),
    "SigLIP": ("SiglipImageProcessorPil", {"size": {"height": 32, "width": 32}}),
    "SigLIP 2": ("SiglipImageProcessorPil", {"size": {"height": 32, "width": 32}}),
}


def write_label_model(family: str, folder: Path) -> Path:
    """A folder with CLIP, SigLIP, or SigLIP 2 for photos of one size, which is a SigLIP with Gemma's tokenizer."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = _tokenizer(family, folder)
    name = "CLIP" if family == "CLIP" else "Siglip"
    ids = {"eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id, "bos_token_id": 0}
    positions = 40 if family == "CLIP" else 64
    text = {**TEXT, **ids, "vocab_size": len(tokenizer), "max_position_embeddings": positions}
    torch.manual_seed(0)
    config = getattr(transformers, f"{name}Config")(vision_config=SHAPE, text_config=text)
    network = getattr(transformers, f"{name}Model")(config)
    randomize(network)
    with torch.no_grad():
        for parameter in network.text_model.parameters():
            parameter.mul_(2)
        network.logit_scale.fill_(2.0)
        if name == "Siglip":
            network.logit_bias.fill_(-1.5)
    network.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    processor, settings = PROCESSORS[family]
    getattr(transformers, processor)(**settings).save_pretrained(folder)
    return folder


def _tokenizer(family: str, folder: Path) -> PreTrainedTokenizerBase:
    if family == "CLIP":
        tokenizer = family_tokenizer("CLIP")
        tokenizer.model_max_length = 40
        return tokenizer
    if family == "SigLIP 2":
        gemma = family_tokenizer("Gemma").backend_tokenizer
        return transformers.GemmaTokenizer(tokenizer_object=gemma, model_max_length=64)
    (folder / "corpus.txt").write_text("\n".join(CORPUS))
    sentencepiece.SentencePieceTrainer.train(
        input=str(folder / "corpus.txt"),
        model_prefix=str(folder / "spiece"),
        vocab_size=70,
        pad_id=-1,
        bos_id=-1,
        eos_id=1,
        unk_id=2,
        minloglevel=2,
    )
    return transformers.SiglipTokenizer(str(folder / "spiece.model"))
