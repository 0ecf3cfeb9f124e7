"""What is gathered of a batch is what its inputs give one by one, and what their weights say."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from headlens.model.analysis.roles.recorded import RecordedRoles, positions_of, role_scores
from headlens.model.atlas import findings as atlas_findings
from headlens.model.atlas.best import NOBODY
from headlens.model.atlas.findings import findings
from headlens.model.atlas.gather import BATCH_TOKENS, batches_of, gather, read_all, reader_of
from headlens.model.atlas.gathered import Gathered, Limits, merge
from headlens.model.atlas.items import Item, open_source
from headlens.model.atlas.measures import MEASURES
from headlens.model.atlas.tally import COUNT, ENOUGH, mean, std
from headlens.model.base import AnyModel
from headlens.model.errors import InputError
from headlens.model.huggingface.text.model import TransformersText
from headlens.model.load import load_model
from headlens.model.pretrained.files import locate
from headlens.model.pretrained.image_model import EncoderImageModel
from headlens.model.pretrained.registry import CATALOGUE
from headlens.model.pretrained.text_model import EncoderTextModel
from headlens.model.recording.recording import Recording
from tests.model.atlas.data_sets import sentences, write_photos
from tests.model.huggingface import image_models
from tests.model.huggingface.text_models import write_folder
from tests.model.inputs.pictures import noise
from tests.references import bert_from_files

TOLERANCE = 1e-5


def items_of(texts: Sequence[str]) -> list[Item]:
    return [Item(number, f"texts.txt:{number + 1}", text) for number, text in enumerate(texts)]


def assert_alike(one: Gathered, other: Gathered) -> None:
    """All numbers within the tolerance, and what is kept is of the same inputs."""
    assert (one.inputs, one.tokens, one.failed) == (other.inputs, other.tokens, other.failed)
    assert one.tallies.keys() == other.tallies.keys()
    for name, counts in one.tallies.items():
        for column in (COUNT, ENOUGH):
            assert (counts[..., column] == other.tallies[name][..., column]).all()
        for statistic in (mean, std):
            found, expected = (statistic(tallies[name], MEASURES[name]) for tallies in (one.tallies, other.tallies))
            largest = max(1.0, float(np.nan_to_num(expected).max()))
            np.testing.assert_allclose(found, expected, atol=TOLERANCE * largest)
    for name, best in one.best.items():
        np.testing.assert_allclose(best["value"], other.best[name]["value"], atol=TOLERANCE)
    assert one.rows.keys() == other.rows.keys()
    assert list(one.kept) == list(other.kept)
    for number, kept in one.kept.items():
        np.testing.assert_array_equal(kept.positions, other.kept[number].positions)
        for found, expected in zip(
            (*kept.queries, *kept.keys), (*other.kept[number].queries, *other.kept[number].keys)
        ):
            np.testing.assert_allclose(found, expected, atol=TOLERANCE * np.abs(expected).max())


def assert_true(gathered: Gathered, recordings: Sequence[Recording]) -> None:
    """Examples by both criteria, and what their queries look at, beside each input's own weights."""
    pairs, values = [], {"weight": list[np.ndarray](), "share": list[np.ndarray]()}
    for recording in recordings:
        weights = np.stack([recording.attention(layer) for layer in range(recording.num_layers)])
        own = ~recording.special
        between = weights * own[:, None] * own * ~np.eye(len(own), dtype=bool)  # [layer, head, query, key]
        pairs.append(between)
        for name, value in (
            ("weight", between.max(axis=(-1, -2))),
            ("share", between.sum(axis=-1)[..., own].mean(axis=-1)),  # of what each token that is not special gives
        ):
            values[name].append(np.where(own.sum() > 1, value, -np.inf))
    for name, best in gathered.best.items():
        count = min(best.shape[-1], len(recordings))
        of_inputs = np.stack(values[name], axis=-1)
        expected = -np.sort(-of_inputs, axis=-1)[..., :count]
        np.testing.assert_allclose(best["value"][..., :count], expected, atol=TOLERANCE)
        for (layer, head, _), entry in np.ndenumerate(best):
            if entry["input"] != NOBODY:
                assert of_inputs[layer, head, entry["input"]] == pytest.approx(entry["value"], abs=TOLERANCE)
                between = pairs[entry["input"]][layer, head]
                assert between[entry["query"], entry["key"]] == pytest.approx(between.max(), abs=TOLERANCE)
                row = recordings[entry["input"]].attention(layer, head, int(entry["query"]))
                np.testing.assert_allclose(gathered.rows[layer, head, entry["input"]], row, atol=TOLERANCE)


def assert_each_alike(model: AnyModel, items: Sequence[Item]) -> None:
    """Every score of every input in a batch, beside that of the input by itself.

    Where nearly all rests on a sink, the rest is divided by little, and rounding grows.
    """
    read, _ = read_all(model, items, None)
    for batch in batches_of(read, BATCH_TOKENS):
        recordings = model.record_attention([each for _, each in batch])
        for recording, (_, each) in zip(recordings, batch):
            (alone,) = model.record_attention([each])
            together, expected = (findings([one], [positions_of(one)]).scores.values for one in (recording, alone))
            for name, scores in expected.items():
                atol = 3 * TOLERANCE * max(1.0, float(np.nan_to_num(scores).max()))
                np.testing.assert_allclose(together[name], scores, atol=atol)


def assert_as_one_by_one(model: AnyModel, texts: Sequence[str]) -> Gathered:
    items, limits = items_of(texts), Limits(best=4, vectors=3, positions=5)
    together = gather(model, items, limits)
    alone = gather(model, items, limits, tokens=1)
    assert together.inputs == len(texts)
    assert_alike(together, alone)
    assert_each_alike(model, items)
    assert_true(together, [model.record(text) for text in texts])  # type: ignore[attr-defined]
    return together


def test_an_encoder(minilm: EncoderTextModel) -> None:
    assert_as_one_by_one(minilm, [*sentences(20), "No"])


def test_a_causal_model(smollm2: TransformersText) -> None:
    assert_as_one_by_one(smollm2, [*sentences(6, longest=12), "No"])


@pytest.mark.parametrize("family", ["Gemma 3", "T5", "BLOOM", "DeBERTa-v2", "gpt-oss"])
def test_masks_biases_sinks_and_scores(family: str, tmp_path: Path) -> None:
    model = reader_of(load_model(str(write_folder(family, tmp_path)), device="cpu"), "texts")
    items, limits = items_of(sentences(8, longest=12)), Limits(best=4, vectors=3, positions=5)
    together = gather(model, items, limits)
    assert_alike(together, gather(model, items, limits, tokens=1))
    assert together.inputs == 8
    assert bool(together.kept) == (family not in ("BLOOM", "DeBERTa-v2")), "scores alone have no vectors"
    for number, kept in together.kept.items():
        (recording,) = model.record_attention([model.read(items[number].content)])  # type: ignore[attr-defined]
        layer = recording.layers[0]
        scaled = kept.queries[0] / layer.query.shape[-1] ** 0.5
        np.testing.assert_allclose(scaled, layer.query[:, kept.positions] * layer.scale, rtol=1e-5, atol=1e-6)


def test_a_vision_transformer(tmp_path: Path) -> None:
    photo_folder = write_photos(tmp_path / "photos")
    make, _ = image_models.FAMILIES["dinov2-registers"]
    model = image_models.load(image_models.save(tmp_path / "model", make()))
    items = list(open_source(photo_folder).read())
    together = gather(model, items, Limits(best=4, vectors=3))
    assert_alike(together, gather(model, items, Limits(best=4, vectors=3), tokens=1))
    assert [failed.id for failed in together.failed.values()] == ["broken.png"]
    recordings = [model.record(photo_folder / item.id) for item in items[:5]]
    assert_true(together, recordings)
    seen = together.seen[0]
    assert (seen.grid, seen.texts, seen.tokens) == (recordings[0].grid, (), recordings[0].tokens)
    assert seen.picture.startswith(b"\xff\xd8")


def test_photos_of_several_shapes(dinov2: EncoderImageModel, tmp_path: Path) -> None:
    photo_folder = write_photos(tmp_path / "photos")
    items = list(open_source(photo_folder).read())[:4]
    together = gather(dinov2, items, Limits(), size=224)
    assert_alike(together, gather(dinov2, items, Limits(), size=224, tokens=1))
    grids = [dinov2.read(photo_folder / item.id, 224).photo.grid for item in items]
    assert len(set(grids)) == 3
    assert together.tokens == sum(1 + rows * columns for rows, columns in grids)


def test_roles_on_photos_of_several_shapes(tmp_path: Path) -> None:
    """Photos of one shape share what is known of their patches; of these none is of a high norm."""
    make, _ = image_models.FAMILIES["dinov2-registers"]
    model = image_models.load(image_models.save(tmp_path / "model", make()))
    folder = write_photos(tmp_path / "photos")
    noise(64, 96).save(folder / "5.png")  # as many patches as of one of 96 × 64, in other rows
    items = [item for item in open_source(folder).read() if item.id != "broken.png"]
    for size in (None, 64):
        tallies = gather(model, items, Limits(), size=size).tallies
        scores = [role_scores(model.record(folder / item.id, size)) for item in items]
        assert tallies.keys() == scores[0].keys()
        for name, counts in tallies.items():
            expected = np.mean([each[name] for each in scores], axis=0)
            assert np.isnan(expected).all() == (name == "registers")
            np.testing.assert_allclose(mean(counts, MEASURES[name]), expected, atol=1e-5, rtol=1e-5)


@torch.inference_mode()
def test_beside_eager_weights_of_transformers(minilm: EncoderTextModel) -> None:
    """[SEP]'s and [CLS]'s share, by plain numpy."""
    texts = sentences(12)
    files = locate(CATALOGUE["minilm-l6"])
    network = bert_from_files(files["config.json"], files["model.safetensors"])
    network.set_attn_implementation("eager")
    shares = []
    for text in texts:
        ids = torch.tensor([minilm.read(text).ids])
        weights = np.stack([layer[0].numpy() for layer in network(ids, output_attentions=True).attentions])
        shares.append(weights[..., [0, -1]].sum(axis=-1).mean(axis=-1))
    tallies = gather(minilm, items_of(texts), Limits()).tallies["special"]
    measure = MEASURES["special"]
    np.testing.assert_allclose(mean(tallies, measure), np.mean(shares, axis=0), atol=5e-5)
    np.testing.assert_allclose(std(tallies, measure), np.std(shares, axis=0), atol=5e-5)


@pytest.mark.parametrize("at_once", [100, 3_000, 20_000])
def test_a_few_weights_at_a_time_give_the_same(
    at_once: int, minilm: EncoderTextModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row of each head, some rows, a layer or two."""
    items = items_of(sentences(6))
    whole = gather(minilm, items, Limits())
    monkeypatch.setattr(atlas_findings, "AT_ONCE", at_once)
    few = gather(minilm, items, Limits())
    assert_alike(few, whole)
    assert_true(few, [minilm.record(text) for text in sentences(6)])


@pytest.mark.parametrize("family", ["BERT", "Gemma 3"])
def test_roles_beside_those_of_each_recording(family: str, tmp_path: Path) -> None:
    """Many texts are of one length; Gemma's layers do not all see the same."""
    model = load_model(str(write_folder(family, tmp_path)), device="cpu")
    assert isinstance(model, TransformersText)
    texts = [*sentences(16, longest=7), "No"]
    recorded = [RecordedRoles(model.record(text)) for text in texts]
    sums = [each.of_all() for each in recorded]
    scores, counts = (
        [dict(zip((role.key for role in each.roles), of_roles)) for each, of_roles in zip(recorded, values)]
        for values in ([each.mean for each in sums], [each.count for each in sums])
    )
    tallies = gather(model, items_of(texts), Limits()).tallies
    names = set().union(*scores)
    assert tallies.keys() == names
    for name in names:
        enough = [each[name] >= max(4, len(one.queries) / 3) for one, each in zip(recorded, counts) if name in each]
        np.testing.assert_array_equal(tallies[name][..., ENOUGH], np.sum(enough, axis=0))
        known = np.stack([each[name] for each in scores if name in each])
        some = np.isfinite(known).any(axis=0)
        expected = np.full(some.shape, np.nan)
        expected[some] = np.nanmean(known[:, some], axis=0)
        np.testing.assert_allclose(mean(tallies[name], MEASURES[name]), expected, atol=1e-5, rtol=1e-5)


def test_rows_of_long_inputs_are_not_kept(minilm: EncoderTextModel, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["The cat sat.", "The cat sat on the mat and saw a dog."]
    lengths = [minilm.record(text).num_tokens for text in texts]
    monkeypatch.setattr(atlas_findings, "LONG", lengths[1] - 1)
    rows = gather(minilm, items_of(texts), Limits()).rows
    assert {number for _, _, number in rows} == {0}
    assert {len(row) for row in rows.values()} == {lengths[0]}


def test_what_is_broken_is_listed_and_the_rest_goes_on(minilm: EncoderTextModel) -> None:
    texts = sentences(4)
    items = [*items_of([*texts, " ", "a" * 100_001]), Item(6, "texts.txt:9", None, "It is broken.")]
    gathered = gather(minilm, items, Limits())
    assert gathered.inputs == 4
    assert [tuple(failed) for failed in gathered.failed.values()] == [
        ("texts.txt:5", "The text is empty; type at least one word."),
        ("texts.txt:6", "This text has 100,001 characters, but at most 100,000 are read; shorten it."),
        ("texts.txt:9", "It is broken."),
    ]
    assert_alike(gathered, gather(minilm, [*items_of(texts), *items[4:]], Limits()))


def test_one_that_fails_in_the_network_takes_no_other_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = reader_of(load_model(str(write_folder("BERT", tmp_path)), device="cpu"), "texts")
    texts = sentences(6, longest=8)
    bad = model.read(texts[2]).ids  # type: ignore[attr-defined]
    run = type(model).batch_inputs

    def failing(self: AnyModel, batch: Sequence) -> dict[str, object]:
        if any(each.ids == bad for each in batch):
            raise RuntimeError("no such number")
        return run(self, batch)

    monkeypatch.setattr(type(model), "batch_inputs", failing)
    gathered = gather(model, items_of(texts), Limits())
    assert gathered.inputs == 5
    assert gathered.failed == {2: ("texts.txt:3", "RuntimeError: no such number")}


def test_what_is_kept_does_not_depend_on_shards(minilm: EncoderTextModel) -> None:
    items, limits = items_of(sentences(30)), Limits(vectors=4, positions=6, seed=1)
    whole = gather(minilm, items, limits)
    parts = [gather(minilm, items[start::3], limits) for start in (2, 0, 1)]
    assert_alike(merge(merge(parts[0], parts[1]), parts[2]), whole)
    other = gather(minilm, items, limits._replace(seed=2))
    assert list(other.kept) != list(whole.kept)
    recording = minilm.record(sentences(30)[next(iter(whole.kept))])
    kept = next(iter(whole.kept.values()))
    np.testing.assert_allclose(kept.queries[3], recording.query(3)[:, kept.positions], atol=1e-5)
    np.testing.assert_allclose(kept.keys[3], recording.key(3)[:, kept.positions], atol=1e-5)


def test_what_a_model_does_not_read(minilm: EncoderTextModel, dinov2: EncoderImageModel) -> None:
    with pytest.raises(InputError, match="reads texts, and these are photos"):
        reader_of(minilm, "photos")
    with pytest.raises(InputError, match="reads photos, and these are texts"):
        reader_of(dinov2, "texts")
