"""A text model from a folder, with its tokenizer, tried before it is used."""

import inspect
from pathlib import Path

import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from headlens.model.description import Description
from headlens.model.errors import CheckpointError
from headlens.model.huggingface.load.network import load_network, load_tokenizer, refusing
from headlens.model.huggingface.record.probe import probe
from headlens.model.huggingface.text.chat import chat_template_of
from headlens.model.huggingface.text.generate import greedy
from headlens.model.huggingface.text.model import TransformersText, num_positions_of
from headlens.model.huggingface.text.sequence import TransformersSequence


def load_text(
    folder: Path, architecture: str | None, description: Description, *, device: torch.device, dtype: torch.dtype
) -> TransformersText:
    """A model that reads text; the description's kind "sequence" is one that reads and writes.

    Args:
        folder: with config.json, safetensors and a tokenizer.
        architecture: the class of transformers to load; None: the bare model.
        description: of the checkpoint.
        device: to run it on.
        dtype: to load and probe it in.

    Raises CheckpointError for what cannot be loaded, or cannot be recorded exactly.
    """
    network = load_network(folder, architecture, dtype).to(device)
    tokenizer = load_tokenizer(folder)
    if description.kind == "sequence" and not network.can_generate():
        raise CheckpointError(f"{type(network).__name__} reads and writes nothing; take a model that writes.")
    if network.can_generate():
        network.generation_config = greedy(network)
    with refusing(f"{type(network).__name__} has no table of words; take a model that reads token ids"):
        num_words = network.get_input_embeddings().num_embeddings
    limit = tokenizer.model_max_length  # anything may stand there; many say 1e30
    room = 8  # for special tokens, and some more
    known = isinstance(limit, int) and room <= limit < 10**9
    max_tokens = num_positions_of(network, limit if known else 10**9)
    with refusing(f"{type(network).__name__} cannot be run on a text alone; take a model that reads nothing else"):
        result = probe(network, *probe_inputs(network, max_tokens))
    model = TransformersSequence if description.kind == "sequence" else TransformersText
    return model(
        description,
        result,
        tokenizer.backend_tokenizer,
        mask_id=tokenizer.mask_token_id,
        reads_types=reads_types(network, tokenizer),
        max_tokens=max_tokens,
        num_words=num_words,
        device=device,
        chat_template=chat_template_of(tokenizer),
    )


def reads_types(network: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> bool:
    """Whether token types go from the tokenizer's own call into the model's forward."""
    takes = inspect.signature(network.forward).parameters
    return "token_type_ids" in tokenizer.model_input_names and "token_type_ids" in takes


def probe_inputs(network: PreTrainedModel, max_tokens: int) -> tuple[dict[str, Tensor], Tensor]:
    """Random tokens, the second text shorter and padded: inputs, and [batch, token] bool, False on padding."""
    config = network.config.get_text_config()
    length = min(12, max_tokens)
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(min(5, config.vocab_size - 1), config.vocab_size, (2, length), generator=generator)
    real = torch.ones(2, length, dtype=torch.bool)
    real[1, max(1, 2 * length // 3) :] = False
    if (pad := getattr(config, "pad_token_id", None)) is not None:
        ids[~real] = pad
        ids[real & (ids == pad)] = (pad + 1) % config.vocab_size
    ids, real = ids.to(network.device), real.to(network.device)
    inputs = {"input_ids": ids, "attention_mask": real.long()}
    if config.is_encoder_decoder:
        inputs["decoder_input_ids"] = ids[:, : max(1, length // 2)]
    return inputs, real
