"""Models of sounds of transformers: weights against their own eager ones, classes and words against their pipelines."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from scipy.signal import resample_poly
from transformers import AutoFeatureExtractor, AutoProcessor, pipeline

from headlens.model import Recording, load_model
from headlens.model.errors import CheckpointError
from headlens.model.huggingface.sound.model import TransformersSound
from headlens.model.huggingface.sound.short import hears_little
from headlens.model.inputs.sound_file import Waveform
from headlens.model.protocol import ImageModel, ImageTextModel, SoundModel, TextModel
from headlens.model.recording.parts import Predicts
from tests.model.huggingface.sound_models import FAMILIES, RATE, REFUSED, network_of, sound, speech, write
from tests.sentences import is_one_sentence

SECONDS = 1.25
# Where 1,000 Hz lie in a picture, from its top: by each mel scale, 2595 log10(1 + f / 700) for the first two, without
# the bands above and below the patches' middles for the second; by Slaney's, 15 of 45.2 below 8,000 Hz, for the last.
MIDDLE_OF = {"wav2vec2": 1 - 1000 / 2840, "ast": 1 - 0.333 - 0.02, "whisper": 1 - 15 / 45.2}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a family, written when it is first asked for."""
    written: dict[str, Path] = {}

    def find(family: str) -> Path:
        if family not in written:
            written[family] = write(family, tmp_path_factory.mktemp(family))
        return written[family]

    return find


def opened(folder: Path) -> TransformersSound:
    model = load_model(str(folder), device="cpu")
    assert isinstance(model, TransformersSound)
    return model


@pytest.mark.parametrize("family", FAMILIES)
def test_every_layer_is_the_models_own(family: str, folder: Callable[[str], Path]) -> None:
    model = opened(folder(family))
    layers: list[int] = []
    recording = model.record(sound(SECONDS), on_layer=layers.append)
    assert layers == list(range(model.num_layers))
    network = network_of(folder(family), type(model.network).__name__)
    network.set_attn_implementation("eager")
    inputs = AutoFeatureExtractor.from_pretrained(folder(family))(
        speech(SECONDS), sampling_rate=RATE, return_tensors="pt"
    )
    if family == "whisper":
        inputs["decoder_input_ids"] = torch.tensor([model.listen(model.read(sound(SECONDS))).written])
    with torch.inference_mode():
        outputs = network(**inputs, output_attentions=True)
    theirs = {recording.stage: outputs.get("encoder_attentions", outputs.get("attentions"))}
    if family == "whisper":
        theirs |= {"decoder": outputs.decoder_attentions, "cross": outputs.cross_attentions}
    assert theirs.keys() == {recording.stage, *recording.stages}
    order = list(range(recording.num_tokens))
    if family.startswith("ast"):  # [CLS], [DIST], then rows of patches, the model's lowest one first
        order = [0, 1, *(2 + row * 12 + column for row in (3, 2, 1, 0) for column in range(12))]
    for stage, eager in theirs.items():
        assert len(eager) == recording.of(stage).num_layers == 2
        for layer, weights in enumerate(eager):
            own = weights[0].numpy()
            own = own[:, order][:, :, order] if stage == "encoder" else own
            np.testing.assert_allclose(recording.attention(layer, stage=stage), own, atol=5e-5)
            flat = 1 / np.arange(1, own.shape[-1] + 1).mean() if stage == "decoder" else 1 / own.shape[-1]
            assert own.max(axis=-1).mean() > 2.5 * flat, "flat attention would hide a mistake"


@pytest.mark.parametrize("family", FAMILIES)
def test_what_it_hears_is_what_its_feature_extractor_makes(family: str, folder: Callable[[str], Path]) -> None:
    model = opened(folder(family))
    theirs = AutoFeatureExtractor.from_pretrained(folder(family))(
        speech(SECONDS), sampling_rate=RATE, return_tensors="pt"
    )
    ours = model.read(sound(SECONDS)).inputs
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


@pytest.mark.parametrize("family", ["wav2vec2", "ast", "whisper"])
def test_a_sound_of_another_rate_is_brought_to_the_models(family: str, folder: Callable[[str], Path]) -> None:
    stereo = np.stack([speech(SECONDS, 44_100)] * 2, axis=1)
    ours = opened(folder(family)).read(Waveform(stereo, 44_100))
    samples = resample_poly(speech(SECONDS, 44_100), 160, 441).astype(np.float32)
    theirs = AutoFeatureExtractor.from_pretrained(folder(family))(samples, sampling_rate=RATE, return_tensors="pt")
    assert all(torch.allclose(ours.inputs[name], theirs[name], atol=1e-5) for name in theirs)
    assert ours.names == opened(folder(family)).read(sound(SECONDS)).names


@pytest.mark.parametrize("family", ["wav2vec2-classifier", "ast-classifier", "whisper-classifier"])
def test_classes_are_the_pipelines(family: str, folder: Callable[[str], Path]) -> None:
    recording = opened(folder(family)).record(sound(SECONDS))
    (prediction,) = recording.predictions
    expected = pipeline("audio-classification", model=str(folder(family)))(speech(SECONDS), top_k=10)
    assert [name for name, _ in prediction.candidates] == [row["label"] for row in expected]
    np.testing.assert_allclose([score for _, score in prediction.candidates], [row["score"] for row in expected], 1e-4)
    assert (prediction.of, prediction.position, prediction.scores) == (Predicts.CLASS, None, "softmax")


@pytest.mark.parametrize(
    ("options", "scored_by"),
    [({"num_labels": 1}, "softmax"), ({"num_labels": 3, "problem_type": "multi_label_classification"}, "sigmoid")],
)
def test_a_single_class_and_several_at_once(options: dict, scored_by: str, tmp_path: Path) -> None:
    write("ast-classifier", tmp_path)
    network = transformers.ASTForAudioClassification.from_pretrained(
        tmp_path, ignore_mismatched_sizes=True, id2label=None, label2id=None, **options
    )
    network.save_pretrained(tmp_path)
    (prediction,) = opened(tmp_path).record(sound(SECONDS)).predictions
    count = options["num_labels"]
    expected = pipeline("audio-classification", model=str(tmp_path))(speech(SECONDS), top_k=count)
    assert prediction.scores == scored_by
    assert dict(prediction.candidates) == pytest.approx({row["label"]: row["score"] for row in expected}, abs=1e-5)


@pytest.mark.parametrize("family", ["wav2vec2-ctc", "hubert-ctc"])
def test_what_is_heard_is_the_pipelines(family: str, folder: Callable[[str], Path]) -> None:
    recording = opened(folder(family)).record(sound(SECONDS))
    processor = AutoProcessor.from_pretrained(folder(family))
    network = network_of(folder(family), type(opened(folder(family)).network).__name__)
    with torch.inference_mode():
        logits = network(**processor(speech(SECONDS), sampling_rate=RATE, return_tensors="pt")).logits[0]
    assert recording.notes["heard"] == processor.decode(logits.argmax(dim=-1)) != ""
    recogniser = pipeline(
        "automatic-speech-recognition",
        model=network,
        tokenizer=processor.tokenizer,
        feature_extractor=processor.feature_extractor,
    )
    assert recording.notes["heard"] == recogniser(speech(SECONDS))["text"]
    assert len(recording.predictions) == recording.num_tokens == len(logits)
    for frame, prediction in enumerate(recording.predictions):
        scores = logits[frame].softmax(dim=-1)
        best = scores.argmax()
        assert prediction.position == frame
        assert prediction.of is Predicts.HEARD
        assert prediction.candidates[0][0] == processor.tokenizer.convert_ids_to_tokens(int(best))
        assert prediction.candidates[0][1] == pytest.approx(float(scores[best]), abs=1e-5)


def test_the_words_are_those_that_transformers_writes(folder: Callable[[str], Path]) -> None:
    model = opened(folder("whisper"))
    said: list[str] = []
    recording = model.record(sound(SECONDS), on_token=said.append)
    processor = AutoProcessor.from_pretrained(folder("whisper"))
    network = network_of(folder("whisper"), "WhisperForConditionalGeneration")
    features = processor(speech(SECONDS), sampling_rate=RATE, return_tensors="pt").input_features
    ids = network.generate(features, do_sample=False, num_beams=1)[0].tolist()
    decoder = recording.of("decoder")
    assert decoder.texts == (processor.decode(ids, skip_special_tokens=True),)
    assert said[-1] == decoder.texts[0] != ""
    assert len(said) == decoder.num_tokens - 4
    begins = ("<|startoftranscript|>", "<|transcribe|>", "<|notimestamps|>")
    assert (decoder.tokens[0], *decoder.tokens[2:4]) == begins
    assert decoder.tokens[1] in ("<|en|>", "<|de|>")
    forbidden = set(network.generation_config.suppress_tokens)
    written = model.listen(model.read(sound(SECONDS))).written
    specials = {number for number, token in processor.tokenizer.added_tokens_decoder.items() if token.special}
    assert decoder.special.tolist() == [each in specials for each in written]
    assert not forbidden & set(written)
    assert list(written[4:]) in (ids, ids[4:])
    assert recording.of("cross").keys is not None
    room = {"max_new_tokens": 20, "num_beams": 1}  # its own defaults are more than there is room for, and five beams
    recogniser = pipeline("automatic-speech-recognition", model=str(folder("whisper")), generate_kwargs=room)
    assert recogniser(speech(SECONDS))["text"].strip() == decoder.texts[0].strip()


def test_what_is_never_to_be_written_is_not(folder: Callable[[str], Path], tmp_path: Path) -> None:
    shutil.copytree(folder("whisper"), tmp_path / "model")
    model = opened(tmp_path / "model")
    first = model.listen(model.read(sound(SECONDS))).written[4]
    path = tmp_path / "model" / "generation_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"suppress_tokens": [first]}))
    model = opened(tmp_path / "model")
    heard = model.listen(model.read(sound(SECONDS)))
    assert first not in heard.written
    network = network_of(tmp_path / "model", "WhisperForConditionalGeneration")
    ids = network.generate(heard.inputs["input_features"], do_sample=False, num_beams=1)[0].tolist()
    assert list(heard.written[4:]) in (ids, ids[4:])


def test_what_writes_stops_when_it_is_told_to(folder: Callable[[str], Path]) -> None:
    class Stopped(Exception):
        pass

    def stop(text: str) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        opened(folder("whisper")).record(sound(SECONDS), on_token=stop)


def test_positions_are_named_by_time(folder: Callable[[str], Path]) -> None:
    frames = opened(folder("wav2vec2")).record(sound(SECONDS))
    assert frames.grid == (1, 62)  # (20,000 - 400) // 320 + 1
    assert (frames.tokens[0], frames.tokens[1], frames.tokens[-1]) == ("0.00 s", "0.02 s", "1.22 s")
    assert frames.photo is not None
    assert (frames.photo.cell, frames.photo.picture) == ("frame", "spectrogram")
    assert frames.photo.pixels.shape == (80, 4 * 62, 3)
    patches = opened(folder("ast")).record(sound(SECONDS))
    assert patches.grid == (4, 12)
    assert patches.tokens[:4] == ("[CLS]", "[DIST]", "0.00 s, 4,401 Hz", "0.10 s, 4,401 Hz")
    assert patches.tokens[-1] == "1.10 s, 409 Hz"
    assert patches.photo is not None
    assert patches.photo.cell == "patch"
    assert "overlaps" in patches.notes["input"]
    whisper = opened(folder("whisper")).record(sound(SECONDS))
    assert (whisper.grid, whisper.tokens[-1]) == ((1, 100), "1.98 s")
    assert "always hears 2 s: what follows the 1.25 s of this sound is silence" in whisper.notes["input"]


@pytest.mark.parametrize("family", ["wav2vec2", "ast", "whisper"])
def test_a_tone_is_bright_at_its_pitch_and_time(family: str, folder: Callable[[str], Path]) -> None:
    time = np.arange(round(SECONDS * RATE)) / RATE
    tone = np.where(time > 0.6, 0.5 * np.sin(2 * np.pi * 1_000 * time), 0).astype(np.float32)
    photo = opened(folder(family)).read(Waveform(tone, RATE)).photo
    whole = {"wav2vec2": SECONDS, "ast": 1.23, "whisper": 2.0}[family]  # of what is drawn
    grey = photo.pixels[..., 0].astype(float)
    assert (photo.pixels == photo.pixels[..., :1]).all()
    first = np.flatnonzero(grey.max(axis=0) > 200)[0] / grey.shape[1] * whole
    assert first == pytest.approx(0.6, abs=0.06)
    brightest = grey[:, int(0.8 / whole * grey.shape[1])].argmax() / len(grey)  # from the top
    assert brightest == pytest.approx(MIDDLE_OF[family], abs=0.05)


def test_a_recording_is_saved_with_its_spectrogram(folder: Callable[[str], Path], tmp_path: Path) -> None:
    recording = opened(folder("whisper")).record(sound(SECONDS))
    recording.save(tmp_path / "sound.safetensors")
    same = Recording.load(tmp_path / "sound.safetensors")
    assert same.photo is not None
    assert recording.photo is not None
    assert same.photo[1:] == recording.photo[1:]
    np.testing.assert_array_equal(same.photo.pixels, recording.photo.pixels)
    np.testing.assert_array_equal(same.attention(1, stage="cross"), recording.attention(1, stage="cross"))


def test_a_batch_is_as_one_by_one(folder: Callable[[str], Path]) -> None:
    model = opened(folder("wav2vec2-stable"))
    short, long = model.record_batch([sound(0.5), sound(SECONDS)])
    np.testing.assert_array_equal(long.attention(1), model.record(sound(SECONDS)).attention(1))
    np.testing.assert_array_equal(short.attention(1), model.record(sound(0.5)).attention(1))


def test_only_a_sound_model_is_one(folder: Callable[[str], Path]) -> None:
    model = opened(folder("wav2vec2"))
    assert isinstance(model, SoundModel)
    assert not isinstance(model, TextModel | ImageModel | ImageTextModel)
    assert model.description.kind == "sound"


@pytest.mark.parametrize("family", ["ast", "whisper"])
def test_what_was_made_short_to_be_tried_is_whole_again(family: str, folder: Callable[[str], Path]) -> None:
    network = network_of(folder(family), "ASTModel" if family == "ast" else "WhisperForConditionalGeneration")
    before = {name: value.clone() for name, value in network.state_dict().items()}
    options = {"decoder_input_ids": torch.tensor([[404, 5]])} if family == "whisper" else {}
    inputs = dict(opened(folder(family)).read(sound(SECONDS)).inputs)
    with hears_little(network, inputs) as little, torch.inference_mode():
        outputs = network(**little, **options, output_hidden_states=True)
    hidden = outputs.get("encoder_hidden_states") or outputs.hidden_states
    assert hidden[0].shape[1] == (2 + 4 * 8 if family == "ast" else 8)
    assert network.state_dict().keys() == before.keys()
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    with torch.inference_mode():
        network(**inputs, **options)


@pytest.mark.parametrize("family", REFUSED)
def test_what_cannot_be_recorded_exactly_is_refused(family: str, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError) as caught:
        load_model(str(write(family, tmp_path)), device="cpu")
    assert is_one_sentence(caught.value)
