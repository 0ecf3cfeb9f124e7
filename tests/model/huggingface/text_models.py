"""Small random text models of transformers, saved to a folder as a user's own would be, each with a real tokenizer."""

import functools
import re
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase, PreTrainedTokenizerFast

from tests.model.huggingface.family_tokenizers import family_tokenizer

CORPUS = [
    "The trophy does not fit in the brown suitcase because it is too big.",
    "Birds fly south in winter, and geese fly with them.",
    "A head looks at the words that it needs, and rests on others.",
    "The capital of France is Paris; the bank of the river is green.",
]
SHAPE = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48}
GROUPED = {**SHAPE, "num_key_value_heads": 2, "max_position_embeddings": 64}
BERTISH = {**SHAPE, "max_position_embeddings": 64}
LAYERS = {"layer_types": ["sliding_attention", "full_attention"], "sliding_window": 4}
T5 = {"d_model": 32, "d_kv": 8, "d_ff": 48, "num_layers": 2, "num_heads": 4, "decoder_start_token_id": 0}
BART = {
    "d_model": 32,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 4,
    "encoder_ffn_dim": 48,
    "decoder_ffn_dim": 48,
    "max_position_embeddings": 64,
    "decoder_start_token_id": 2,
}
# family -> the class that is saved, and its configuration
FAMILIES: dict[str, tuple[str, dict[str, Any]]] = {
    "BERT": ("BertForMaskedLM", BERTISH),
    "RoBERTa": ("RobertaForMaskedLM", BERTISH),
    "XLM-R": ("XLMRobertaForSequenceClassification", {**BERTISH, "num_labels": 3}),
    "DistilBERT": ("DistilBertForMaskedLM", {"dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 48}),
    "ALBERT": ("AlbertForMaskedLM", {**BERTISH, "embedding_size": 16}),
    "ELECTRA": ("ElectraForTokenClassification", {**BERTISH, "embedding_size": 16}),
    "MPNet": ("MPNetForMaskedLM", BERTISH),
    "ModernBERT": (
        "ModernBertForMaskedLM",
        {**BERTISH, "pad_token_id": 0, "local_attention": 4, "global_attn_every_n_layers": 2},
    ),
    "DeBERTa-v2": ("DebertaV2ForMaskedLM", BERTISH),
    "GPT-2": ("GPT2LMHeadModel", {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64}),
    "GPT-NeoX": ("GPTNeoXForCausalLM", BERTISH),
    "GPT-J": ("GPTJForCausalLM", {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64, "rotary_dim": 4}),
    "BLOOM": ("BloomForCausalLM", {"hidden_size": 32, "n_layer": 2, "n_head": 4}),
    "OPT": ("OPTForCausalLM", {**BERTISH, "ffn_dim": 48, "word_embed_proj_dim": 32}),
    "Llama": ("LlamaForCausalLM", GROUPED),
    "Mistral, with its window": ("MistralForCausalLM", {**GROUPED, "sliding_window": 4}),
    "Qwen 3": ("Qwen3ForCausalLM", {**GROUPED, "head_dim": 8}),
    "Gemma 2": ("Gemma2ForCausalLM", {**GROUPED, **LAYERS, "head_dim": 8, "attn_logit_softcapping": 2.0}),
    "Gemma 3": ("Gemma3ForCausalLM", {**GROUPED, **LAYERS, "head_dim": 8}),
    "Phi 3": ("Phi3ForCausalLM", {**GROUPED, "pad_token_id": 0}),
    "gpt-oss": (
        "GptOssForCausalLM",
        {**GROUPED, **LAYERS, "head_dim": 8, "num_local_experts": 2, "num_experts_per_tok": 1},
    ),
    "Falcon": ("FalconForCausalLM", {**SHAPE, "alibi": False}),
    "ESM-2": (
        "EsmForMaskedLM",
        {**BERTISH, "mask_token_id": 32, "pad_token_id": 1, "position_embedding_type": "rotary", "token_dropout": True},
    ),
    "T5": ("T5ForConditionalGeneration", T5),
    "ByT5": ("T5ForConditionalGeneration", T5),
    "BART": ("BartForConditionalGeneration", BART),
    "Marian": ("MarianMTModel", {**BART, "decoder_start_token_id": 0, "pad_token_id": 0}),
    "Longformer": ("LongformerForMaskedLM", {**BERTISH, "attention_window": 4}),
    "Nyströmformer": (
        "NystromformerForMaskedLM",
        {**BERTISH, "segment_means_seq_len": 64, "num_landmarks": 4, "conv_kernel_size": 3},
    ),
}
EXPERTS = {"num_experts": 2, "num_experts_per_tok": 1, "pad_token_id": 0}
LATENT = {"q_lora_rank": 16, "kv_lora_rank": 16, "qk_rope_head_dim": 4, "qk_nope_head_dim": 4, "v_head_dim": 6}
# Built in other ways than those of the README's table: for what takes them apart
MORE: dict[str, tuple[str, dict[str, Any]]] = {
    "BLOOM, residual normed": (
        "BloomForCausalLM",
        {"hidden_size": 32, "n_layer": 2, "n_head": 4, "apply_residual_connection_post_layernorm": True},
    ),
    "Cohere": ("CohereForCausalLM", {**GROUPED, "pad_token_id": 0}),
    "DeepSeek-V3": (
        "DeepseekV3ForCausalLM",
        {**SHAPE, **LATENT, "num_key_value_heads": 4, "first_k_dense_replace": 2, "max_position_embeddings": 64},
    ),
    "FlexOlmo": ("FlexOlmoForCausalLM", {**GROUPED, **EXPERTS}),
    "Gemma": ("GemmaForCausalLM", {**GROUPED, "head_dim": 16}),
    "LFM2": (
        "Lfm2ForCausalLM",
        {**GROUPED, "pad_token_id": 0, "num_hidden_layers": 4, "layer_types": ["conv", "full_attention"] * 2},
    ),
    "Llama 4": (
        "Llama4ForCausalLM",
        {**GROUPED, "pad_token_id": 0, "head_dim": 8, "num_local_experts": 2, "intermediate_size_mlp": 48},
    ),
    "Mixtral": (
        "MixtralForCausalLM",
        {**GROUPED, "pad_token_id": 0, "num_local_experts": 4, "num_experts_per_tok": 2},
    ),
    "OLMo 2": ("Olmo2ForCausalLM", {**GROUPED, "pad_token_id": 0}),
    "OPT, narrow words": ("OPTForCausalLM", {**BERTISH, "ffn_dim": 48, "word_embed_proj_dim": 16}),
    "Pegasus": ("PegasusForConditionalGeneration", {**BART, "decoder_start_token_id": 0}),
    "RoFormer": ("RoFormerForMaskedLM", {**BERTISH, "embedding_size": 32}),
    "StableLM": ("StableLmForCausalLM", {**GROUPED, "pad_token_id": 0, "use_qkv_bias": True}),
    "X-MOD": ("XmodForMaskedLM", {**BERTISH, "default_language": "en_XX", "languages": ["en_XX"]}),
    "XLNet": ("XLNetModel", {"d_model": 32, "n_layer": 2, "n_head": 4, "d_inner": 48}),
}
REFUSED = ("Longformer", "Nyströmformer")
SEQUENCES = ("T5", "ByT5", "BART", "Marian")
OWN_TOKENIZERS = ("ByT5", "ESM-2")  # general ones are nothing like these
TEXT = "The capital of France is Paris."
TEXTS = {"ESM-2": "MKTAYIAKQRQISFVKSHFSRQ"}  # what suits a family more than TEXT


def tokenizer_of(byte_level: bool) -> PreTrainedTokenizerFast:
    """Trained on CORPUS: word pieces with [CLS] and [SEP], or bytes with neither."""
    special = {"pad_token": "[PAD]", "unk_token": "[UNK]"}
    if byte_level:
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = decoders.ByteLevel()
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        trainer = trainers.BpeTrainer(
            vocab_size=400, special_tokens=["[PAD]", "[UNK]"], initial_alphabet=alphabet, show_progress=False
        )
        tokenizer.train_from_iterator(CORPUS, trainer)
        return PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=64, **special)
    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.train_from_iterator(
        CORPUS, trainers.WordPieceTrainer(vocab_size=300, special_tokens=names, show_progress=False)
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", tokenizer.token_to_id("[CLS]")), ("[SEP]", tokenizer.token_to_id("[SEP]"))],
    )
    special |= {"cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=60, **special)


def save_canine(folder: Path, head: str) -> Path:
    """The folder, with a CANINE in it, whose first layer looks within blocks of 32 characters, and its tokenizer."""
    shape = {**SHAPE, "num_hidden_layers": 3, "num_hash_buckets": 256, "max_position_embeddings": 256}
    random_network(f"Canine{head}", **shape, local_transformer_stride=32).save_pretrained(folder)
    canine_tokenizer().save_pretrained(folder)
    return folder


@functools.cache  # which takes a second or two, for all code points that there are
def canine_tokenizer() -> PreTrainedTokenizerBase:
    """That of CANINE, for texts of 256 characters."""
    return family_tokenizer("CANINE", model_max_length=256)


def network_of(family: str, vocabulary: int) -> PreTrainedModel:
    """A random model of a family."""
    name, shape = (FAMILIES | MORE)[family]
    return random_network(name, vocab_size=vocabulary, **shape)


def random_network(name: str, **shape: Any) -> PreTrainedModel:
    """A random model of a class whose attention is peaked: what is nearly even would hide what is wrong."""
    architecture = getattr(transformers, name)
    config_class: type[PretrainedConfig] = architecture.config_class
    torch.manual_seed(0)
    network: PreTrainedModel = architecture(config_class(**shape)).eval()
    with torch.no_grad():
        for parameter_name, parameter in network.named_parameters():
            if parameter.ndim >= 2:
                parameter.normal_(std=0.4 if _makes_queries(parameter_name) else 0.15)
            elif "sinks" in parameter_name:
                parameter.normal_()
            else:  # norms and biases: what leaves one out must differ
                parameter.add_(0.1 * torch.randn_like(parameter))
    return network.requires_grad_(False)


def _makes_queries(name: str) -> bool:
    return (
        re.search(r"\b(q|k|query|key|q_proj|k_proj|q_lin|k_lin|c_attn|query_key_value|qkv_proj|Wqkv)\b", name)
        is not None
    )


def write_folder(family: str, folder: Path, tokenizer: PreTrainedTokenizerBase | None = None) -> Path:
    """A folder with a model of a family, and a general tokenizer unless another one is given."""
    name, shape = (FAMILIES | MORE)[family]
    if tokenizer is None and family in OWN_TOKENIZERS:
        tokenizer = family_tokenizer(family)
    if tokenizer is None:
        tokenizer = tokenizer_of(byte_level=name.endswith(("CausalLM", "LMHeadModel")))
    return write_model(folder, tokenizer, name, **shape)


def write_model(folder: Path, tokenizer: PreTrainedTokenizerBase, name: str, **shape: Any) -> Path:
    """A folder with a random model of a class and its tokenizer, as save_pretrained writes it."""
    random_network(name, vocab_size=len(tokenizer), **shape).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
