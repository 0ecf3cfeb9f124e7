"""A model of sounds from a folder, with its feature extractor, tried before it is used."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from transformers import AutoTokenizer, PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

from headlens.model.description import Description
from headlens.model.errors import CheckpointError
from headlens.model.huggingface.load.network import architecture_of, load_network, load_tokenizer, refusing
from headlens.model.huggingface.record.probe import ProbeResult, probe
from headlens.model.huggingface.sound.extractor import OwnExtractor, load_extractor
from headlens.model.huggingface.sound.front_ends import FrontEnd, LogMel, Patches, Samples
from headlens.model.huggingface.sound.model import TransformersSound
from headlens.model.huggingface.sound.short import hears_little
from headlens.model.huggingface.sound.speech import TransformersSpeech, greedy_words
from headlens.model.inputs.sound import SoundInput
from headlens.model.inputs.sound_file import Waveform

FRONT_ENDS: Mapping[str, type[LogMel] | type[Patches]] = {  # by the names of feature extractors
    "WhisperFeatureExtractor": LogMel,
    "ASTFeatureExtractor": Patches,
}
HEADS = ("ForAudioClassification", "ForSequenceClassification", "ForCTC")  # whose outputs are known here


def load_sound(
    folder: Path, config: dict[str, object], description: Description, *, device: torch.device, dtype: torch.dtype
) -> TransformersSound:
    """The model in a folder that save_pretrained wrote; of a Whisper without a head the encoder.

    Args:
        folder: with config.json, safetensors and preprocessor_config.json.
        config: what `limits.read_config` read there.
        description: of the checkpoint.
        device: to run it on.
        dtype: to load and probe it in.

    Raises CheckpointError for what cannot be loaded, or cannot be recorded exactly.
    """
    extractor = load_extractor(folder)
    saved = architecture_of(config)
    known = saved.endswith((*HEADS, "WhisperForConditionalGeneration"))
    network = load_network(folder, saved if known else None, dtype)
    network = network.get_encoder() if config["model_type"] == "whisper" and not known else network
    network = network.to(device)
    name = type(network).__name__
    front_end = front_end_of(extractor, network.config, name)
    tokenizer = _tokenizer_of(network, folder)
    if network.can_generate():
        network.generation_config = greedy_words(network)
    kind = TransformersSpeech if network.can_generate() else TransformersSound
    with refusing(f"{name} cannot be run on a sound alone; take a model that reads nothing else"):
        heard = front_end.read(noise(extractor.rate))
        model = kind(description, _probed(network, heard), front_end, tokenizer)
        if isinstance(model, TransformersSpeech):
            model.write(heard, count=1)
    _check_positions(model, heard)
    return model


def front_end_of(extractor: OwnExtractor, config: PretrainedConfig, name: str) -> FrontEnd:
    """How a family reads sounds. Raises CheckpointError for one that is not known here."""
    if (kind := FRONT_ENDS.get(extractor.name)) is not None:
        with refusing(f"{name} and its feature extractor do not fit each other; save the model's own beside it"):
            return kind(extractor, config)
    if extractor.name == "Wav2Vec2FeatureExtractor" and hasattr(config, "conv_kernel"):
        return Samples(extractor, config)
    raise CheckpointError(
        f"{name} reads sounds in a way that is not shown here; take Whisper, wav2vec 2.0, HuBERT or an Audio "
        "Spectrogram Transformer."
    )


def noise(rate: int) -> Waveform:
    """A second of it."""
    return Waveform(np.random.default_rng(0).normal(0, 0.1, rate).astype(np.float32), rate)


def _tokenizer_of(network: PreTrainedModel, folder: Path) -> PreTrainedTokenizerBase | None:
    """Of a model that writes, or hears letters; letters stand in a vocab.json alone. Raises CheckpointError."""
    if network.can_generate():
        return load_tokenizer(folder)
    if not type(network).__name__.endswith("ForCTC"):
        return None
    with refusing(f"The tokenizer in {folder.name!r} cannot be loaded; save the model's own there"):
        return AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)


def _probed(network: PreTrainedModel, heard: SoundInput) -> ProbeResult:
    inputs = {
        name: value.to(network.device, network.dtype if value.is_floating_point() else value.dtype)
        for name, value in heard.inputs.items()
    }
    if network.can_generate():
        start = int(network.config.decoder_start_token_id)
        inputs["decoder_input_ids"] = torch.tensor([[start, *range(5, 9)]], device=network.device)
    with hears_little(network, inputs) as little:
        return probe(network, little)


def _check_positions(model: TransformersSound, heard: SoundInput) -> None:
    """Raises CheckpointError where a model's layers have other positions than the picture has cells."""
    with torch.inference_mode():
        run = model.run([heard])
    shapes = {layer.query.shape[-2] for layer in run.stages["encoder"]}
    if shapes != {len(model.prefix) + len(heard.names)}:
        raise CheckpointError(
            f"The layers of {type(model.network).__name__} have other positions than one a frame; take another model."
        )
