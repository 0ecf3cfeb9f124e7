"""Tokens and patches taken away, against transformers on ids and pixels that were changed by hand."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from scipy.ndimage import gaussian_filter
from torch import Tensor

from headlens.model.effects.choices import Choice, target
from headlens.model.effects.embeddings import mean_row, replaced_words
from headlens.model.effects.experiment import Experiment
from headlens.model.effects.occlusion import value_before, values_without
from headlens.model.effects.removal import removable, removals, why_not
from headlens.model.effects.stand_ins import stand_in_pixels, with_token
from headlens.model.errors import CheckpointError, InputError
from headlens.model.load import load_model
from headlens.model.pretrained.image_model import EncoderImageModel
from headlens.model.pretrained.text_model import EncoderTextModel
from tests.model.huggingface import image_models, image_text_models
from tests.model.inputs.pictures import noise

FolderOf = Callable[[str], Path]
TEXT = "Birds fly south in the [MASK], and geese fly with them."
AWAY = (2, 4, 8)  # before and behind the mask


def asked(folder: Path, text: str, **options: Any) -> tuple[Any, Experiment, Any]:
    """A model of a folder, on a text, and its first target."""
    model: Any = load_model(str(folder), device="cpu")
    experiment = Experiment(model, model.read(text))
    return model, experiment, target(experiment, **options)


def rows_of(length: int, *away: int) -> np.ndarray:
    return np.isin(np.arange(length), away)[None]


def theirs(kind: str, folder: Path) -> Any:
    return getattr(transformers, kind).from_pretrained(folder, attn_implementation="eager").eval()


def probability(logits: Tensor, candidate: int) -> float:
    return float(logits.softmax(dim=-1)[candidate])


def test_a_masked_model_against_ids_changed_by_hand(folder_of: FolderOf) -> None:
    model, experiment, asked_for = asked(folder_of("BERT"), TEXT)
    assert removals(experiment, asked_for) == ["mask", "padding", "mean", "left out"]
    bert = theirs("BertForMaskedLM", folder_of("BERT"))
    ids = torch.tensor([experiment.input.ids])
    mask = experiment.input.ids.index(model.predictor.mask_id)
    assert asked_for.position == mask
    removed = rows_of(ids.shape[1], *AWAY)
    changed = {"mask": ids.clone(), "padding": ids.clone()}
    changed["mask"][0, list(AWAY)] = 4
    changed["padding"][0, list(AWAY)] = 0
    everything = torch.ones_like(ids)
    with torch.no_grad():
        logits = {how: bert(input_ids=row, attention_mask=everything).logits[0, mask] for how, row in changed.items()}
        embeds = bert.get_input_embeddings()(ids)
        embeds[0, list(AWAY)] = bert.get_input_embeddings().weight.mean(dim=0)
        logits["mean"] = bert(inputs_embeds=embeds).logits[0, mask]
        before = sum(at < mask for at in AWAY)
        assert before not in (0, len(AWAY))
        logits["left out"] = bert(input_ids=ids[:, ~removed[0]]).logits[0, mask - before]
    for how in removals(experiment, asked_for):
        (found,) = values_without(experiment, asked_for, removed, how)
        assert found == pytest.approx(probability(logits[how], asked_for.candidate), rel=1e-4), how
        assert abs(found - value_before(experiment, asked_for)) > 1e-5, how


def test_rows_of_all_lengths_are_those_of_each_alone(folder_of: FolderOf) -> None:
    _, experiment, asked_for = asked(folder_of("BERT"), TEXT)
    away = removable(experiment, asked_for)
    removed = (np.random.default_rng(0).random((9, len(away))) < 0.5) & away
    for how in removals(experiment, asked_for):
        alone = [values_without(experiment, asked_for, row[None], how)[0] for row in removed]
        np.testing.assert_allclose(values_without(experiment, asked_for, removed, how), alone, rtol=1e-4)


@pytest.mark.parametrize("family", ["GPT-2", "Llama"])
def test_a_causal_model(family: str, folder_of: FolderOf) -> None:
    model, experiment, asked_for = asked(folder_of(family), "Birds fly south in winter, and geese fly with them.")
    assert removals(experiment, asked_for)[-2:] == ["mean", "left out"]
    assert "no mask token" in str(why_not(experiment, asked_for, "mask"))
    assert "photos" in str(why_not(experiment, asked_for, "blur"))
    network = theirs("AutoModelForCausalLM", folder_of(family))
    ids = torch.tensor([experiment.input.ids])
    removed = rows_of(ids.shape[1], 0, 3)
    embeds = network.get_input_embeddings()(ids).detach()
    embeds[0, [0, 3]] = network.get_input_embeddings().weight.mean(dim=0)
    with torch.no_grad():
        logits = {"mean": network(inputs_embeds=embeds).logits[0, -1]}
        logits["left out"] = network(input_ids=ids[:, ~removed[0]]).logits[0, -1]
    for how, expected in logits.items():
        (found,) = values_without(experiment, asked_for, removed, how)  # type: ignore[arg-type]
        assert found == pytest.approx(probability(expected, asked_for.candidate), rel=1e-4), how
    middle = target(experiment, Choice("next", 4))
    assert removable(experiment, middle).tolist() == [at < 4 for at in range(ids.shape[1])]
    behind = with_token(experiment.input, np.arange(ids.shape[1]) > 4, 7)
    with torch.no_grad():
        run = experiment.forward([behind], options=middle.options(model))
        value = middle.read(model, [behind], run)
        torch.testing.assert_close(value, middle.read(model, [experiment.input], experiment.unchanged_for(middle)))


def test_what_is_read_and_not_what_is_written(folder_of: FolderOf) -> None:
    model: Any = load_model(str(folder_of("T5")), device="cpu")
    experiment = Experiment(model, model.continued("Birds fly south in winter, and geese fly with them.", 3))
    asked_for: Any = target(experiment, Choice("next", 2))
    given = experiment.input
    away = removable(experiment, asked_for)
    assert away.tolist() == (~given.special).tolist()
    t5, ids, decoder = (
        theirs("T5ForConditionalGeneration", folder_of("T5")),
        torch.tensor([given.ids]),
        torch.tensor([model.decoder_ids(given)]),
    )
    removed = rows_of(len(given.ids), 1, 5)
    padding = ids.clone()
    padding[0, [1, 5]] = 0
    embeds = t5.shared(ids).detach()
    embeds[0, [1, 5]] = t5.shared.weight.mean(dim=0)
    inputs = {"padding": {"input_ids": padding}, "mean": {"inputs_embeds": embeds}}
    inputs["left out"] = {"input_ids": ids[:, ~removed[0]]}
    for how in removals(experiment, asked_for)[-3:]:
        with torch.no_grad():
            logits = t5(**inputs[how], decoder_input_ids=decoder).logits[0, 2]
        (found,) = values_without(experiment, asked_for, removed, how)
        assert found == pytest.approx(probability(logits, asked_for.candidate), rel=1e-4), how


def test_a_bart_reads_its_words_from_a_table_of_the_encoder(folder_of: FolderOf) -> None:
    _, experiment, asked_for = asked(folder_of("BART"), "Birds fly south in winter, and geese.")
    bart = theirs("BartForConditionalGeneration", folder_of("BART"))
    ids = torch.tensor([experiment.input.ids])
    embeds = bart.get_encoder().embed_tokens(ids).detach()
    embeds[0, 2] = bart.get_encoder().embed_tokens.weight.mean(dim=0)
    with torch.no_grad():
        logits = bart(inputs_embeds=embeds, decoder_input_ids=torch.tensor([[2]])).logits[0, 0]
    (found,) = values_without(experiment, asked_for, rows_of(ids.shape[1], 2), "mean")
    assert found == pytest.approx(probability(logits, asked_for.candidate), rel=1e-4)


def test_others_who_run_the_model_meanwhile_see_nothing_of_it(folder_of: FolderOf) -> None:
    model, experiment, asked_for = asked(folder_of("BERT"), TEXT)
    unchanged = asked_for.read(model, [experiment.input], experiment.unchanged_for(asked_for))
    removed, values = torch.from_numpy(rows_of(len(experiment.input.ids), 2)), []
    network, row = experiment.clone(), mean_row(model)
    with torch.no_grad(), replaced_words(network, removed, row):
        for each in (model.network, network):
            run = experiment.forward([experiment.input], network=each)
            values.append(asked_for.read(model, [experiment.input], run))
    assert torch.equal(values[0], unchanged)
    assert not torch.allclose(values[1], unchanged)
    with (
        pytest.raises(CheckpointError, match="table of words"),
        replaced_words(network, removed, row),
    ):
        pass  # nothing read it


def test_padding_that_moves_the_others_is_refused(folder_of: FolderOf) -> None:
    _, experiment, asked_for = asked(folder_of("RoBERTa"), TEXT)
    assert "changes the places" in str(why_not(experiment, asked_for, "padding"))
    assert removals(experiment, asked_for) == ["mask", "mean", "left out"]


def test_a_sentence_embedding(minilm: EncoderTextModel) -> None:
    experiment = Experiment(minilm, minilm.read("A cat sits on the mat."))
    moves = target(experiment, Choice("movement"))
    assert removals(experiment, moves) == ["mask", "padding", "mean", "left out"]
    assert value_before(experiment, moves) == pytest.approx(1)
    removed = rows_of(len(experiment.input.ids), 2)
    ids, unchanged = torch.tensor([experiment.input.ids]), minilm.record("A cat sits on the mat.").outputs["embedding"]
    for how, row in {"mask": ids.clone(), "padding": ids.clone(), "left out": ids[:, ~removed[0]]}.items():
        if how != "left out":
            row[0, 2] = 103 if how == "mask" else 0
        with torch.no_grad():
            mean = minilm.network(row)[0][0].mean(dim=0).numpy()
        expected = float(mean @ unchanged[0] / np.linalg.norm(mean))
        assert values_without(experiment, moves, removed, how) == pytest.approx([expected], abs=1e-5)  # type: ignore[arg-type]


def test_what_cannot_go(minilm: EncoderTextModel) -> None:
    experiment = Experiment(minilm, minilm.read(("A cat.", "A dog.")))
    moves = target(experiment, Choice("movement"))
    assert (removable(experiment, moves) == ~experiment.input.special).all()
    with pytest.raises(InputError, match="Position 0 cannot be removed"):
        values_without(experiment, moves, rows_of(len(experiment.input.ids), 0, 1), "mask")
    with pytest.raises(InputError, match="photos"):
        values_without(experiment, moves, rows_of(len(experiment.input.ids), 1), "blur")


def test_patches_by_colour_blur_and_left_out(tmp_path: Path) -> None:
    model: Any = image_models.load(image_models.save(tmp_path, image_models.FAMILIES["vit-classifier"][0]()))
    experiment = Experiment(model, model.read(noise(96, 64)))
    asked_for: Any = target(experiment)
    assert removals(experiment, asked_for) == ["mean colour", "blur", "left out"]
    pixels = experiment.input.pixels[0].numpy()  # [3, 32, 32], of 4 x 4 patches
    removed = rows_of(17, 1, 7, 16)
    assert removable(experiment, asked_for).tolist() == [False] + [True] * 16
    mean = np.broadcast_to(pixels.mean(axis=(1, 2), keepdims=True), pixels.shape)
    blur = np.stack([gaussian_filter(channel, 8, mode="mirror", truncate=3) for channel in pixels])
    np.testing.assert_allclose(stand_in_pixels(experiment.input, "blur")[0].numpy(), blur, atol=1e-4)
    network = theirs("ViTForImageClassification", tmp_path)
    logits = {}
    for how, instead in {"mean colour": mean, "blur": blur}.items():
        changed = pixels.copy()
        for row, column in ((0, 0), (1, 2), (3, 3)):
            changed[:, 8 * row : 8 * row + 8, 8 * column : 8 * column + 8] = instead[
                :, 8 * row : 8 * row + 8, 8 * column : 8 * column + 8
            ]
        with torch.no_grad():
            logits[how] = network(torch.from_numpy(changed)[None]).logits[0]
    with torch.no_grad():
        hidden = network.vit.embeddings(experiment.input.pixels)[:, ~removed[0]]
        hook = network.vit.embeddings.register_forward_hook(lambda *_: hidden)
        logits["left out"] = network(experiment.input.pixels).logits[0]
        hook.remove()
    for how, expected in logits.items():
        (found,) = values_without(experiment, asked_for, removed, how)  # type: ignore[arg-type]
        assert found == pytest.approx(probability(expected, asked_for.candidate), rel=1e-4), how
        assert abs(found - value_before(experiment, asked_for)) > 1e-5, how


def test_patches_left_out_of_dinov2_are_rows_that_are_not_there(dinov2: EncoderImageModel) -> None:
    experiment = Experiment(dinov2, dinov2.read(noise(64, 64), 224))
    moves = target(experiment, Choice("movement"))
    assert removals(experiment, moves) == ["mean colour", "blur", "left out"]
    removed = np.random.default_rng(1).random((2, 257)) < np.array([[0.3], [0.8]])
    removed[:, 0] = False
    found = values_without(experiment, moves, removed, "left out")
    with torch.no_grad():
        rows = dinov2.network.embed(experiment.input.pixels)
        whole = dinov2.network.encoder(rows)[0][0, 0]
        for value, away in zip(found, removed):
            fewer = dinov2.network.encoder(rows[:, ~away])[0][0, 0]
            assert value == pytest.approx(float(torch.cosine_similarity(fewer, whole, dim=0)), abs=1e-5)
    saliency = target(experiment, Choice("saliency"))
    assert removals(experiment, saliency) == ["mean colour", "blur"]
    assert "saliency is read from all patches" in str(why_not(experiment, saliency, "left out"))


def test_what_is_read_from_the_patches_leaves_none_out(tmp_path: Path) -> None:
    model: Any = image_models.load(image_models.save(tmp_path, image_models.FAMILIES["siglip"][0]()))
    experiment = Experiment(model, model.read(noise(96, 64)))
    moves = target(experiment, Choice("movement"))
    assert "read from the patches" in str(why_not(experiment, moves, "left out"))
    assert removals(experiment, moves) == ["mean colour", "blur"]


def test_of_a_prompt_the_patches_alone(tmp_path: Path) -> None:
    folder = image_text_models.save_with_text(tmp_path, image_text_models.FAMILIES["llava"]())
    model: Any = image_text_models.load(folder)
    prompt = model.prompt(model.read(noise(96, 64)), "What is this?")
    experiment = Experiment(model, prompt)
    asked_for: Any = target(experiment)
    away = removable(experiment, asked_for)
    assert [token for token, goes in zip(prompt.ids, away) if goes] == [image_text_models.IMAGE] * 64
    assert removals(experiment, asked_for) == ["mean colour", "blur"]
    removed = np.zeros((1, len(away)), dtype=bool)
    removed[0, np.flatnonzero(away)[9]] = True  # row 1, column 1 of 8 x 8 patches of 4 x 4 pixels
    inputs = model.inputs(prompt)
    pixels = inputs["pixel_values"].clone()
    pixels[0, :, 4:8, 4:8] = pixels.mean(dim=(2, 3))[0, :, None, None]
    with torch.no_grad():
        logits = model.network(**{**inputs, "pixel_values": pixels}).logits[0, -1]
    (found,) = values_without(experiment, asked_for, removed, "mean colour")
    assert found == pytest.approx(probability(logits, asked_for.candidate), rel=1e-4)
    assert abs(found - value_before(experiment, asked_for)) > 1e-6
