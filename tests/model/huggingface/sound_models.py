"""Small random models of sounds with their feature extractors and tokenizers, in folders as people have them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from transformers import (
    ASTFeatureExtractor,
    GenerationConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    Wav2Vec2CTCTokenizer,
    Wav2Vec2FeatureExtractor,
    Wav2Vec2Processor,
    WhisperFeatureExtractor,
    WhisperProcessor,
    WhisperTokenizer,
)

from headlens.model.inputs.sound_file import Waveform
from tests.model.huggingface.family_tokenizers import TOKENIZERS
from tests.model.huggingface.image_models import LABELS, made, randomize

RATE = 16_000
WAV2VEC: dict[str, Any] = {  # the convolutions of wav2vec2-base, narrower
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "conv_dim": (16,) * 7,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 2,
    "vocab_size": 32,
}
THREE: dict[str, Any] = {"conv_kernel": (10, 3, 3), "conv_stride": (5, 2, 2), "conv_dim": (16, 16, 16)}
STABLE: dict[str, Any] = {
    "do_stable_layer_norm": True,
    "feat_extract_norm": "layer",
}  # of wav2vec2-large-lv60 and XLS-R
AST: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "max_length": 128,
    "num_mel_bins": 48,
}
WHISPER: dict[str, Any] = {
    "d_model": 32,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 4,
    "encoder_ffn_dim": 64,
    "decoder_ffn_dim": 64,
    "max_source_positions": 100,  # of 2 seconds
    "max_target_positions": 24,
    "num_mel_bins": 32,
    "vocab_size": 413,
    "pad_token_id": 0,
    "bos_token_id": 0,
    "eos_token_id": 0,
    "decoder_start_token_id": 404,
}
LETTERS = ["<pad>", "<s>", "</s>", "<unk>", "|", *"ETAONIHSRDLUMWCFGYPBVK'XJQZ"]  # of wav2vec2-base-960h
FAMILIES: dict[str, Callable[[], PreTrainedModel]] = {
    "wav2vec2": lambda: made("Wav2Vec2", **WAV2VEC),
    "wav2vec2-ctc": lambda: made("Wav2Vec2", "ForCTC", pad_token_id=0, **WAV2VEC),
    "wav2vec2-stable": lambda: made("Wav2Vec2", **WAV2VEC, **STABLE),
    "wav2vec2-classifier": lambda: made("Wav2Vec2", "ForSequenceClassification", **WAV2VEC, **LABELS),
    "hubert": lambda: made("Hubert", **WAV2VEC),
    "hubert-ctc": lambda: made("Hubert", "ForCTC", pad_token_id=0, **WAV2VEC, **STABLE),
    "unispeech-sat": lambda: made("UniSpeechSat", **WAV2VEC),
    "data2vec-audio": lambda: made("Data2VecAudio", **WAV2VEC | {"num_conv_pos_embeddings": 5}),
    "wav2vec2-conformer": lambda: made("Wav2Vec2Conformer", **WAV2VEC),
    "ast": lambda: made("AST", **AST),
    "ast-classifier": lambda: made("AST", "ForAudioClassification", **AST, **LABELS),
    "whisper-encoder": lambda: made("Whisper", **WHISPER),
    "whisper-classifier": lambda: made("Whisper", "ForAudioClassification", **WHISPER, **LABELS),
    "whisper": lambda: made("Whisper", "ForConditionalGeneration", **WHISPER),
}
REFUSED: dict[str, Callable[[], PreTrainedModel]] = {
    "wavlm": lambda: made("WavLM", **WAV2VEC),  # it computes its attention in torch's own function for whole layers
    "sew": lambda: made("SEW", **WAV2VEC | THREE),  # its layers have fewer positions than frames
}


def write(family: str, folder: Path) -> Path:
    """A model of a family in a folder, with all that belongs to it."""
    torch.manual_seed(0)
    network = (FAMILIES | REFUSED)[family]()
    randomize(network)
    network.save_pretrained(folder)
    if family.startswith("ast"):
        ASTFeatureExtractor(num_mel_bins=48, max_length=128).save_pretrained(folder)
    elif family.startswith("whisper"):
        extractor = WhisperFeatureExtractor(feature_size=32, chunk_length=2)
        if family == "whisper":
            tokenizer = whisper_tokenizer()
            WhisperProcessor(extractor, tokenizer).save_pretrained(folder)
            whisper_generation(tokenizer).save_pretrained(folder)
        else:
            extractor.save_pretrained(folder)
    else:
        masks = getattr(network.config, "feat_extract_norm", "group") == "layer"
        extractor = Wav2Vec2FeatureExtractor(return_attention_mask=masks)
        if family.endswith("ctc"):
            vocabulary = folder / "vocab.json"
            vocabulary.write_text(json.dumps({letter: index for index, letter in enumerate(LETTERS)}))
            Wav2Vec2Processor(extractor, Wav2Vec2CTCTokenizer(str(vocabulary))).save_pretrained(folder)
        else:
            extractor.save_pretrained(folder)
    return folder


BEGINS = ["<|endoftext|>", "<|startoftranscript|>", "<|en|>", "<|de|>", "<|translate|>", "<|transcribe|>"]
ADDED = [*BEGINS, "<|startoflm|>", "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>"]


def whisper_tokenizer() -> PreTrainedTokenizerBase:
    """Bytes and a few pairs of them, then Whisper's special tokens, in its order."""
    tokenizer = WhisperTokenizer(**TOKENIZERS["GPT-2"][1]())
    tokenizer.add_tokens(ADDED, special_tokens=True)
    return tokenizer


def whisper_generation(tokenizer: PreTrainedTokenizerBase) -> GenerationConfig:
    """As openai/whisper-tiny has it: one language is detected, the task is to transcribe, some tokens never stand."""
    ids = dict(zip(ADDED, tokenizer.convert_tokens_to_ids(ADDED)))
    return GenerationConfig(
        begin_suppress_tokens=[220, ids["<|endoftext|>"]],
        bos_token_id=ids["<|endoftext|>"],
        decoder_start_token_id=ids["<|startoftranscript|>"],
        eos_token_id=ids["<|endoftext|>"],
        pad_token_id=ids["<|endoftext|>"],
        is_multilingual=True,
        lang_to_id={name: ids[name] for name in ("<|en|>", "<|de|>")},
        task_to_id={name: ids[f"<|{name}|>"] for name in ("translate", "transcribe")},
        task="transcribe",
        no_timestamps_token_id=ids["<|notimestamps|>"],
        suppress_tokens=[1, 2, 7],
    )


def speech(seconds: float, rate: int = RATE) -> np.ndarray:
    """[sample] float32: a tone that glides up under noise that comes and goes."""
    time = np.arange(round(seconds * rate)) / rate
    noise = np.random.default_rng(0).normal(0, 0.1, len(time)) * (np.sin(2 * np.pi * 3 * time) > 0)
    return (0.4 * np.sin(2 * np.pi * (200 + 400 * time) * time) + noise).astype(np.float32)


def sound(seconds: float, rate: int = RATE) -> Waveform:
    """The same, with its rate."""
    return Waveform(speech(seconds, rate), rate)


def network_of(folder: Path, name: str) -> PreTrainedModel:
    """The model in a folder, by itself; of Whisper without a head its encoder."""
    if name == "WhisperEncoder":
        return transformers.WhisperModel.from_pretrained(folder).eval().get_encoder()
    return getattr(transformers, name).from_pretrained(folder).eval()
