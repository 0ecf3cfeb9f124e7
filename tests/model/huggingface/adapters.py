"""Small adapters as people train and save them with peft, each in a folder beside its base; their weights random."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import peft
import torch
import transformers
from peft import IA3Config, LoraConfig, PeftConfig, PeftModel
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from tests.model.huggingface.family_tokenizers import family_tokenizer
from tests.model.huggingface.image_models import LABELS, SHAPE, made, randomize
from tests.model.huggingface.text_models import BERTISH, GROUPED, T5, write_model

GPT2 = {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64}


@dataclass(frozen=True)
class Case:
    """An adapter, and its base."""

    family: str  # of the base's tokenizer; "" of an image's
    base: str  # the class that the base was saved from
    shape: dict[str, Any]
    adapted: str  # the class that was adapted
    config: Callable[[], PeftConfig]
    loading: dict[str, Any] = field(default_factory=dict)  # how the base was loaded to be adapted
    added: int = 0  # tokens


def _lora(**options: Any) -> Callable[[], PeftConfig]:
    return lambda: LoraConfig(r=4, lora_alpha=12, **options)


CAUSAL, CLASSES, TOKENS = {"task_type": "CAUSAL_LM"}, {"task_type": "SEQ_CLS"}, {"task_type": "TOKEN_CLS"}
LLAMA, GPT, BERT = ("Llama", "LlamaForCausalLM", GROUPED), ("GPT-2", "GPT2LMHeadModel", GPT2), ("BERT",)
CASES: dict[str, Case] = {
    "Llama, LoRA": Case(
        *LLAMA,
        "LlamaForCausalLM",
        _lora(
            **CAUSAL,
            target_modules=["q_proj", "v_proj", "down_proj"],
            rank_pattern={"layers.1.self_attn.q_proj": 2},
            alpha_pattern={"down_proj": 30},
        ),
    ),
    "Llama, DoRA, all layers, a bias": Case(
        *LLAMA, "LlamaForCausalLM", _lora(**CAUSAL, target_modules="all-linear", use_dora=True, use_rslora=True)
    ),
    "Llama, IA3": Case(
        *LLAMA,
        "LlamaForCausalLM",
        lambda: IA3Config(
            task_type="CAUSAL_LM",
            target_modules=["k_proj", "v_proj", "down_proj"],
            feedforward_modules=["down_proj"],
        ),
    ),
    "Llama, words were added": Case(
        *LLAMA,
        "LlamaForCausalLM",
        _lora(**CAUSAL, target_modules=["q_proj", "k_proj"], modules_to_save=["embed_tokens", "lm_head"]),
        added=3,
    ),
    "Llama, words changed": Case(
        *LLAMA, "LlamaForCausalLM", _lora(**CAUSAL, target_modules=["embed_tokens", "k_proj"])
    ),
    "GPT-2, LoRA": Case(*GPT, "GPT2LMHeadModel", _lora(**CAUSAL, target_modules=["c_attn"], bias="all")),
    "GPT-2, its head saved": Case(
        *GPT, "GPT2LMHeadModel", _lora(**CAUSAL, target_modules=["c_attn"], modules_to_save=["lm_head"])
    ),
    "BERT, classes": Case(
        "BERT",
        "BertForSequenceClassification",
        {**BERTISH, "num_labels": 2},
        "BertForSequenceClassification",
        _lora(**CLASSES, target_modules=["query", "value"]),
        {"num_labels": 5, "ignore_mismatched_sizes": True},
    ),
    "BERT, classes on a bare base": Case(
        "BERT",
        "BertModel",
        BERTISH,
        "BertForSequenceClassification",
        _lora(**CLASSES, target_modules=["query", "dense"], modules_to_save=["classifier"]),
        {"num_labels": 3},
    ),
    "BERT, classes of tokens": Case(
        "BERT",
        "BertForMaskedLM",
        BERTISH,
        "BertForTokenClassification",
        _lora(**TOKENS, target_modules=["query"]),
        {"num_labels": 4},
    ),
    "BERT, features": Case(
        "BERT", "BertForMaskedLM", BERTISH, "BertModel", _lora(task_type="FEATURE_EXTRACTION", target_modules=["key"])
    ),
    "RoBERTa, classes": Case(
        "RoBERTa",
        "RobertaForMaskedLM",
        {**BERTISH, "max_position_embeddings": 66, "pad_token_id": 1},
        "RobertaForSequenceClassification",
        _lora(**CLASSES, target_modules=["query", "value"]),
        {"num_labels": 3},
    ),
    "Llama, classes": Case(
        *LLAMA[:2],
        {**GROUPED, "pad_token_id": 0},
        "LlamaForSequenceClassification",
        _lora(**CLASSES, target_modules=["q_proj", "v_proj"]),
        {"num_labels": 3},
    ),
    "T5, LoRA": Case(
        "T5",
        "T5ForConditionalGeneration",
        T5,
        "T5ForConditionalGeneration",
        _lora(task_type="SEQ_2_SEQ_LM", target_modules=["q", "v"]),
    ),
    "T5, IA3": Case(
        "T5",
        "T5ForConditionalGeneration",
        T5,
        "T5ForConditionalGeneration",
        lambda: IA3Config(
            task_type="SEQ_2_SEQ_LM", target_modules=["k", "v", "wo"], feedforward_modules=["wo"], init_ia3_weights=True
        ),
    ),
    "ViT, classes": Case(
        "",
        "ViTForImageClassification",
        {**SHAPE, **LABELS},
        "ViTForImageClassification",
        _lora(target_modules=["q_proj", "v_proj"], modules_to_save=["classifier"]),
        {"num_labels": 3, "ignore_mismatched_sizes": True},
    ),
}


def write(root: Path, name: str) -> Path:
    """A folder with an adapter, in a folder root that gets a folder "base" too."""
    case = CASES[name]
    base, folder = root / "base", root / "adapter"
    tokenizer = write_base(base, case)
    network = loaded_base(base, case)
    if tokenizer is not None and case.added:
        tokenizer.add_tokens([f"<new{number}>" for number in range(case.added)])
        network.resize_token_embeddings(len(tokenizer), mean_resizing=False)
        tokenizer.save_pretrained(folder)
    adapted = peft.get_peft_model(network, case.config())
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter_name, parameter in adapted.named_parameters():
            if "ia3_" in parameter_name:
                parameter.normal_(mean=1, std=0.4)
            elif parameter.requires_grad and "magnitude" not in parameter_name:  # peft begins with zeros
                parameter.normal_(std=0.2)
    adapted.save_pretrained(folder)
    return folder


def write_base(base: Path, case: Case) -> PreTrainedTokenizerBase | None:
    """The folder of a base, with its tokenizer, which is given, or its image processor."""
    if case.family:
        tokenizer = family_tokenizer(case.family)
        write_model(base, tokenizer, case.base, **case.shape)
        return tokenizer
    network = made("ViT", case.base.removeprefix("ViT"), **case.shape)
    randomize(network)
    network.save_pretrained(base)
    transformers.ViTImageProcessorPil(size={"height": 32, "width": 32}).save_pretrained(base)
    return None


def loaded_base(base: Path, case: Case, dtype: torch.dtype = torch.float32) -> PreTrainedModel:
    """What was adapted, or is to be: a head that the base lacks is random."""
    torch.manual_seed(0)
    network: PreTrainedModel = getattr(transformers, case.adapted).from_pretrained(
        base, attn_implementation="eager", dtype=dtype, **case.loading
    )
    return network.eval()


def by_peft(folder: Path, name: str, dtype: torch.dtype = torch.float32, *, merged: bool = False) -> Any:
    """The adapted model as peft has it, with eager attention: the base with the adapter beside it, or merged."""
    case = CASES[name]
    network = loaded_base(folder.parent / "base", case, dtype)
    if case.added:
        network.resize_token_embeddings(network.get_input_embeddings().num_embeddings + case.added)
    adapted = PeftModel.from_pretrained(network, folder).eval()
    return adapted.merge_and_unload() if merged else adapted
