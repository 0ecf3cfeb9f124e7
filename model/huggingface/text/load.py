"""A text model from a folder, with its tokenizer, tried before it is used."""

import inspect
from pathlib import Path

import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from headlens.model.description import Description
from headlens.model.errors import CheckpointError
from headlens.model.huggingface.load.adapter import Adapter, folder_with
from headlens.model.huggingface.load.network import VOCABULARIES, load_network, load_tokenizer, refusing
from headlens.model.huggingface.load.slow_tokenizer import backend_of
from headlens.model.huggingface.record.probe import probe, refuse_sparse
from headlens.model.huggingface.text.characters import TransformersCharacters
from headlens.model.huggingface.text.chat import chat_template_of
from headlens.model.huggingface.text.generate import greedy
from headlens.model.huggingface.text.model import TransformersText, num_positions_of
from headlens.model.huggingface.text.multiple_choice import TransformersChoices
from headlens.model.huggingface.text.sentence import SentenceModules, lower_case
from headlens.model.huggingface.text.sentence_files import MODULES, read_sentence
from headlens.model.huggingface.text.sentence_model import TransformersSentence
from headlens.model.huggingface.text.sequence import TransformersSequence


def load_text(
    folder: Path,
    architecture: str | None,
    description: Description,
    *,
    device: torch.device,
    dtype: torch.dtype,
    adapter: Adapter | None = None,
) -> TransformersText:
    """A model that reads text; of the description's kind "sequence" it writes too, of "characters" it reads in groups.

    Args:
        folder: with config.json, safetensors and a tokenizer.
        architecture: the class of transformers to load; None: the bare model.
        description: of the checkpoint.
        device: to run it on.
        dtype: to load and probe it in.
        adapter: to be merged into its weights; its own tokenizer comes first.

    Raises CheckpointError for what cannot be loaded, or cannot be recorded exactly.
    """
    network = load_network(folder, architecture, dtype, adapter=adapter).to(device)
    refuse_sparse(network)
    words = folder_with(VOCABULARIES, folder, adapter)
    tokenizer = load_tokenizer(words)
    if description.kind == "sequence" and not network.can_generate():
        raise CheckpointError(f"{type(network).__name__} reads and writes nothing; take a model that writes.")
    if description.kind == "characters" and _chooses(network):
        raise CheckpointError(
            f"{type(network).__name__} chooses between texts by groups of characters, which is not shown here; take a "
            "model with another head, or that chooses by tokens."
        )
    if network.can_generate():
        network.generation_config = greedy(network)
    num_words = None  # characters are hashed
    if description.kind != "characters":
        with refusing(f"{type(network).__name__} has no table of words; take a model that reads token ids"):
            num_words = network.get_input_embeddings().num_embeddings
    modules = folder_with((MODULES,), folder, adapter)
    sentence = None if description.kind == "sequence" else read_sentence(modules)
    if sentence is not None and sentence.lower_case:
        with refusing(f"{type(tokenizer).__name__} makes no small letters by itself; take a model with another one"):
            lower_case(backend_of(tokenizer))
    limit = tokenizer.model_max_length  # anything may stand there; many say 1e30
    room = 8  # for special tokens, and some more
    known = isinstance(limit, int) and room <= limit < 10**9
    max_tokens = num_positions_of(network, limit if known else 10**9)
    if sentence is not None:
        max_tokens = min(max_tokens, sentence.max_tokens or max_tokens)
        with refusing(f"The modules in {folder.name!r} do not fit its model; save it again with sentence-transformers"):
            sentence.embedding(torch.zeros(2, network.config.get_text_config().hidden_size))
    with refusing(f"{type(network).__name__} cannot be run on a text alone; take a model that reads nothing else"):
        result = probe(network, *probe_inputs(network, max_tokens))
    model = _reader_of(network, description, sentence)(
        description,
        result,
        backend_of(tokenizer),
        mask_id=tokenizer.mask_token_id,
        reads_types=reads_types(network, tokenizer),
        max_tokens=max_tokens,
        num_words=num_words,
        device=device,
        chat_template=chat_template_of(tokenizer),
    )
    if sentence is not None and isinstance(model, TransformersSentence):
        model.sentence = sentence
    return model


def _reader_of(
    network: PreTrainedModel, description: Description, sentence: SentenceModules | None
) -> type[TransformersText]:
    if description.kind == "sequence":
        return TransformersSequence
    if description.kind == "characters":
        return TransformersCharacters
    if _chooses(network):
        return TransformersChoices
    return TransformersText if sentence is None else TransformersSentence


def _chooses(network: PreTrainedModel) -> bool:
    return "MultipleChoice" in type(network).__name__


def reads_types(network: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> bool:
    """Whether token types go from the tokenizer's own call into the model's forward."""
    takes = inspect.signature(network.forward).parameters
    return "token_type_ids" in tokenizer.model_input_names and "token_type_ids" in takes


def probe_inputs(network: PreTrainedModel, max_tokens: int) -> tuple[dict[str, Tensor], Tensor]:
    """Random tokens, the second text shorter and padded: inputs, and [batch, token] bool, False on padding."""
    config = network.config.get_text_config()
    length = min(12, max_tokens)
    generator = torch.Generator().manual_seed(0)
    num_words = getattr(config, "vocab_size", 0xD800)  # of CANINE, code points of characters
    ids = torch.randint(min(5, num_words - 1), num_words, (2, length), generator=generator)
    real = torch.ones(2, length, dtype=torch.bool)
    real[1, max(1, 2 * length // 3) :] = False
    if (pad := getattr(config, "pad_token_id", None)) is not None:
        ids[~real] = pad
        ids[real & (ids == pad)] = (pad + 1) % num_words
    ids, real = ids.to(network.device), real.to(network.device)
    inputs = {"input_ids": ids, "attention_mask": real.long()}
    if config.is_encoder_decoder:
        inputs["decoder_input_ids"] = ids[:, : max(1, length // 2)]
    if _chooses(network):  # [1, choice, token]
        inputs = {name: value[None] for name, value in inputs.items()}
    return inputs, real
