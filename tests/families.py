"""Which families of models are recorded, and how exactly; what is said of their words, predictions and pixels.

`python -m tests.families` prints the table of tests/model/huggingface/README.md.
"""

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import AutoFeatureExtractor, AutoImageProcessor, AutoTokenizer, BatchFeature

from headlens.model import load_model
from headlens.model.errors import CheckpointError
from headlens.model.huggingface.captions.model import TransformersCaption
from headlens.model.huggingface.sound.model import TransformersSound
from headlens.model.huggingface.text.model import TransformersText
from headlens.model.huggingface.text.sequence import TransformersSequence
from headlens.model.huggingface.vision.model import TransformersImage
from headlens.model.recording.parts import Predicts
from headlens.model.recording.recording import Recording
from tests.model.huggingface import adapters, caption_models, image_models, image_text_models, sound_models, text_models
from tests.model.huggingface.family_tokenizers import TOKENIZERS, family_tokenizer
from tests.model.huggingface.text.test_pipelines import ROBERTA
from tests.model.huggingface.vision.test_refused import SWIN

WAYS = {"interface": "attention interface", "functions": "calls of torch"}
HEADER = ("family", "takes", "largest difference", "recorded by way of", "words", "predictions", "pixels")
NOTHING = "–"  # there are none
QUESTION = ("Who works?", "Anna works, birds fly south in winter, the river is green.")
HEADS: dict[str, tuple[str, str, dict[str, Any]]] = {  # the tokenizer's family, and what is saved
    "BERT, answers": ("BERT", "BertForQuestionAnswering", {**text_models.BERTISH, "type_vocab_size": 2}),
    "RoBERTa, choices": ("RoBERTa", "RobertaForMultipleChoice", ROBERTA),
}
ADAPTERS = ("Llama, LoRA", "Llama, IA3")
TOLERANCE = 1e-5  # of a probability


def row_of(family: str, kind: str, write: Callable[[Path], object]) -> tuple[str, ...]:
    """A small random model of the family, written to a folder and loaded from it."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "model"
        written = write(folder)
        folder = written if isinstance(written, Path) else folder
        try:
            model = load_model(str(folder), device="cpu")
        except CheckpointError as error:
            return family, kind, f"refused: {str(error).partition(':')[0].partition(';')[0]}", *[NOTHING] * 4
        result = model.probe_result  # type: ignore[attr-defined]  # it is one of transformers
        said = [NOTHING] * 3
        if isinstance(model, TransformersText):
            text = text_models.TEXTS.get(family, text_models.TEXT)
            predictions = ASKED.get(model.predicts, partial(predictions_of_text, text=text))(model, folder)
            words = NOTHING if model.predicts is Predicts.CHOICE else words_of(model, folder, text)
            said = [words, predictions, NOTHING]
        elif isinstance(model, TransformersCaption):
            said = [caption_of(model, folder), predictions_of_caption(model, folder), pixels_of(model, folder)]
        elif isinstance(model, TransformersImage):
            said = [NOTHING, predictions_of_image(model, folder), pixels_of(model, folder)]
        elif isinstance(model, TransformersSound):
            said = [NOTHING, predictions_of_sound(model, folder), features_of(model, folder)]
        return family, kind, f"{result.difference:.0e}", WAYS[result.recorder.way], *said


def words_of(model: TransformersText, folder: Path, text: str) -> str:
    """Ids and types, beside the tokenizer's own call; what tokens are called, beside the text at their offsets."""
    call = AutoTokenizer.from_pretrained(folder)(text, return_token_type_ids=True)
    read = model.read(text)
    if list(read.ids) != call["input_ids"] or list(read.type_ids) != call["token_type_ids"]:
        return "other ids"
    recording = model.write(text, 1) if isinstance(model, TransformersSequence) else model.record(text)
    recording = recording.stages.get("characters", recording)  # of which CANINE's other positions are groups
    for name, span in zip(recording.tokens, recording.offsets):
        characters = "" if span is None else text[slice(*span)].strip()
        own = name.rstrip("0123456789") if recording.unit == "residue" else name.strip()
        if span is not None and own.strip("▁") and own != characters:
            return f"{name} for {characters}"
    return "equal"


def predictions_of_text(model: TransformersText, folder: Path, text: str) -> str:
    """Scores, beside the softmax of what the model says of its tokenizer's own call."""
    if isinstance(model, TransformersSequence) or model.predicts is Predicts.NOTHING:
        return NOTHING
    tokenizer = AutoTokenizer.from_pretrained(folder)
    if model.predicts is Predicts.MASKED_TOKEN:
        text = text.replace("Paris", tokenizer.mask_token).replace("S", tokenizer.mask_token)
    network = getattr(transformers, type(model.network).__name__).from_pretrained(folder).eval()
    logits = network(**tokenizer(text, return_tensors="pt")).logits[0]
    return compared(model.record(text), logits)


def predictions_of_answers(model: TransformersText, folder: Path) -> str:
    """Where an answer starts and ends, beside the softmax over the second text's tokens."""
    call = AutoTokenizer.from_pretrained(folder)(*QUESTION, return_tensors="pt")
    network = getattr(transformers, type(model.network).__name__).from_pretrained(folder).eval()
    outputs, own = network(**call), torch.tensor([sequence == 1 for sequence in call.sequence_ids()])
    _, *places = model.record(QUESTION).predictions
    said = [
        compared(replace(model.record(QUESTION), predictions=(place,)), logits[0].masked_fill(~own, -torch.inf))
        for place, logits in zip(places, (outputs.start_logits, outputs.end_logits), strict=True)
    ]
    return max(said, key=len)


def predictions_of_choices(model: TransformersText, folder: Path) -> str:
    """The score of each choice, beside the softmax of what the model says of them."""
    before, choices = QUESTION[0], QUESTION[1].split(", ")
    call = AutoTokenizer.from_pretrained(folder)([before] * len(choices), choices, padding=True, return_tensors="pt")
    network = getattr(transformers, type(model.network).__name__).from_pretrained(folder).eval()
    logits = network(**{name: value[None] for name, value in call.items()}).logits[0]
    return compared(model.record((before, "\n".join(choices))), logits)


ASKED = {Predicts.ANSWER: predictions_of_answers, Predicts.CHOICE: predictions_of_choices}


def predictions_of_image(model: TransformersImage, folder: Path) -> str:
    """Scores, beside the softmax of what the model says of its image processor's pixels."""
    if model.predicts is Predicts.NOTHING:
        return NOTHING
    pixels = AutoImageProcessor.from_pretrained(folder, backend="pil")(image_models.PHOTO, return_tensors="pt")
    network = getattr(transformers, type(model.network).__name__).from_pretrained(folder).eval()
    return compared(model.record(image_models.PHOTO), network(**pixels).logits[0])


def caption_of(model: TransformersCaption, folder: Path) -> str:
    """What is written, beside transformers' own `generate` and its tokenizer's decoding."""
    inputs = caption_models.inputs_of(folder)
    ids = caption_models.of_transformers(folder).generate(**inputs, max_new_tokens=12, do_sample=False, num_beams=1)[0]
    text = AutoTokenizer.from_pretrained(folder).decode(ids, skip_special_tokens=True)
    return "equal" if model.record(image_models.PHOTO, count=12).of("cross").texts == (text,) else "another caption"


def predictions_of_caption(model: TransformersCaption, folder: Path) -> str:
    """Scores after each token, beside the softmax of what the model says of its image processor's pixels."""
    ids = torch.tensor([model.captioned(model.read(image_models.PHOTO)).ids])
    network, inputs = caption_models.of_transformers(folder), caption_models.inputs_of(folder)
    said, _ = caption_models.eager_weights(network, inputs, ids)
    return compared(model.record(image_models.PHOTO).of("cross"), said.logits[0])


@torch.no_grad()
def compared(recording: Recording, logits: torch.Tensor) -> str:
    """Logits are [token, candidate] or [candidate]."""
    largest = 0.0
    for prediction in recording.predictions:
        scores = (logits if prediction.position is None else logits[prediction.position]).softmax(-1)
        shown = torch.tensor([score for _, score in prediction.candidates])
        largest = max(largest, float((scores.topk(len(shown)).values - shown).abs().max()))
    return "equal" if recording.predictions and largest < TOLERANCE else f"differ by {largest:.0e}"


def pixels_of(model: TransformersImage | TransformersCaption, folder: Path) -> str:
    """Beside those of transformers' image processor, to the bit."""
    own = AutoImageProcessor.from_pretrained(folder, backend="pil")(image_models.PHOTO, return_tensors="pt")
    return "equal" if torch.equal(model.read(image_models.PHOTO).pixels, own["pixel_values"]) else "differ"


def predictions_of_sound(model: TransformersSound, folder: Path) -> str:
    """Scores, beside the softmax of what the model says of its feature extractor's own call."""
    if model.predicts is Predicts.NOTHING:
        return NOTHING
    network = sound_models.network_of(folder, type(model.network).__name__)
    recording = model.record(sound_models.sound(1.0))
    if model.predicts is Predicts.NEXT_TOKEN:
        written = torch.tensor([model.listen(model.read(sound_models.sound(1.0))).written])
        logits = network(**own_features(folder), decoder_input_ids=written).logits[0]
        return compared(recording.of("decoder"), logits)
    return compared(recording, network(**own_features(folder)).logits[0])


def own_features(folder: Path) -> BatchFeature:
    """What the feature extractor's own call makes of a second."""
    own = AutoFeatureExtractor.from_pretrained(folder)
    return own(sound_models.speech(1.0), sampling_rate=sound_models.RATE, return_tensors="pt")


def features_of(model: TransformersSound, folder: Path) -> str:
    """Beside those of transformers' feature extractor, to the bit."""
    ours, own = model.read(sound_models.sound(1.0)).inputs, own_features(folder)
    equal = ours.keys() == own.keys() and all(torch.equal(ours[name], own[name]) for name in own)
    return "equal" if equal else "differ"


def write_text(family: str, folder: Path) -> None:
    """With the family's own tokenizer, where it has one here."""
    text_models.write_folder(family, folder, family_tokenizer(family) if family in TOKENIZERS else None)


def write_adapter(name: str, folder: Path) -> Path:
    """With its tokenizer beside it, as it is trained."""
    adapter = adapters.write(folder.parent, name)
    family_tokenizer(adapters.CASES[name].family).save_pretrained(adapter)
    return adapter


def rows() -> Iterator[tuple[str, ...]]:
    """A row for each family of the tests."""
    for family in text_models.FAMILIES:
        kind = "reads and writes" if family in text_models.SEQUENCES else "text"
        yield row_of(family, kind, partial(write_text, family))
    for family, (tokenizer, name, shape) in HEADS.items():
        yield row_of(
            family,
            "two texts",
            partial(text_models.write_model, tokenizer=family_tokenizer(tokenizer), name=name, **shape),
        )
    yield row_of("CANINE", "text", partial(text_models.save_canine, head="ForSequenceClassification"))
    for family in ADAPTERS:
        yield row_of(family, "text", partial(write_adapter, family))
    for family, (build, _) in image_models.FAMILIES.items():

        def write_image(folder: Path, build: Callable = build) -> None:
            network = build()
            image_models.randomize(network)
            image_models.save(folder, network)

        yield row_of(family, "photo", write_image)
    yield row_of("swin", "photo", lambda folder: image_models.save(folder, image_models.made("Swin", **SWIN)))
    for family, make in image_text_models.FAMILIES.items():

        def write_both(folder: Path, make: Callable = make) -> None:
            network = make()
            image_models.randomize(network)
            image_text_models.save_with_text(folder, network)

        yield row_of(family, "photo and text", write_both)
    for family in caption_models.NAMES:
        yield row_of(family, "photo, and writes", partial(caption_models.save, family=family))
    yield row_of("donut", "photo, and writes", caption_models.save_donut)
    for family in (*sound_models.FAMILIES, *sound_models.REFUSED):
        kind = "hears and writes" if family == "whisper" else "sound"
        yield row_of(family, kind, partial(sound_models.write, family))


if __name__ == "__main__":
    print(f"| {' | '.join(HEADER)} |\n|{' --- |' * len(HEADER)}")
    for row in rows():
        print(f"| {' | '.join(row)} |", flush=True)
