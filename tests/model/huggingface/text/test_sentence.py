"""Folders of sentence-transformers: embeddings and similarities are those of that library on the same folder."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Dense, Normalize, Transformer
from sentence_transformers.sentence_transformer.modules import Pooling
from torch import nn

from headlens.model import load_model
from headlens.model.effects.choices import Choice, choices, target
from headlens.model.effects.experiment import Experiment
from headlens.model.errors import CheckpointError
from headlens.model.huggingface.text.model import TransformersText
from headlens.model.recording.recording import Recording
from tests.model.huggingface.family_tokenizers import family_tokenizer
from tests.model.huggingface.text_models import BERTISH, GROUPED, tokenizer_of, write_model
from tests.sentences import is_one_sentence

TEXTS = ("The trophy does not fit in the brown suitcase.", "Birds fly south.")
MODES = ("cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken")


def write(folder: Path, *after: nn.Module, mode: Any = "mean", family: str = "BERT", **options: Any) -> Path:
    """A folder that sentence-transformers saved: a small transformer, its pooling, and what comes after it."""
    name, shape = ("BertModel", BERTISH) if family == "BERT" else ("Qwen3ForCausalLM", {**GROUPED, "head_dim": 8})
    base = write_model(folder / "base", family_tokenizer(family), name, **shape)
    pools_prompt, limit = options.pop("pools_prompt", True), options.pop("max_seq_length", None)
    transformer = Transformer(str(base), max_seq_length=limit)
    pooling = Pooling(transformer.get_embedding_dimension(), mode, include_prompt=pools_prompt)
    SentenceTransformer(modules=[transformer, pooling, *after], device="cpu", **options).save(str(folder / "saved"))
    return folder / "saved"


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT, its mean, of norm one."""
    return write(tmp_path_factory.mktemp("sentence"), Normalize())


@pytest.fixture
def folder(saved: Path, tmp_path: Path) -> Path:
    """A copy, to be changed."""
    return Path(shutil.copytree(saved, tmp_path / "mine"))


def loaded(folder: Path) -> TransformersText:
    model = load_model(str(folder), device="cpu")
    assert isinstance(model, TransformersText)
    return model


def change(path: Path, **changes: object) -> None:
    path.write_text(json.dumps((json.loads(path.read_text()) if path.is_file() else {}) | changes))


def agrees(folder: Path, texts: tuple[str, str] = TEXTS) -> TransformersText:
    """The model, whose embeddings and similarities are the library's on the same folder, wherever they are said."""
    theirs, model = SentenceTransformer(str(folder), device="cpu"), loaded(folder)
    expected = theirs.encode(list(texts))
    similarity = float(theirs.similarity(expected[:1], expected[1:]))
    pair = model.record(texts)
    np.testing.assert_allclose(pair.outputs["embedding"], expected, rtol=0, atol=5e-5)
    assert float(pair.outputs["similarity"]) == pytest.approx(similarity, abs=5e-5)
    for recording, own in zip(model.record_batch(list(texts)), expected):
        np.testing.assert_allclose(recording.outputs["embedding"], own[None], rtol=0, atol=5e-5)
    experiment = Experiment(model, model.read(texts[0]))
    assert "similarity" in [choice.kind for choice in choices(experiment)]
    asked = target(experiment, Choice("similarity"), other=texts[1])
    assert float(asked.read(model, [experiment.input], experiment.unchanged.run)) == pytest.approx(similarity, abs=5e-5)
    return model


@pytest.mark.parametrize("mode", [*MODES, ("cls", "max", "mean")], ids=str)
def test_every_pooling(mode: Any, tmp_path: Path) -> None:
    agrees(write(tmp_path, mode=mode))


def test_what_comes_after_the_pooling(tmp_path: Path) -> None:
    torch.manual_seed(0)
    layers = Dense(32, 12), Dense(12, 7, bias=False, activation_function=nn.Identity()), Normalize()
    model = agrees(write(tmp_path, *layers))
    assert model.record(TEXTS[0]).outputs["embedding"].shape == (1, 7)


@pytest.mark.parametrize("mode", MODES)
def test_as_older_versions_wrote_it(mode: str, folder: Path) -> None:
    flags = dict(zip(MODES, ("cls_token", "max_tokens", "mean_tokens", "mean_sqrt_len_tokens", "weightedmean_tokens")))
    flags["lasttoken"] = "lasttoken"
    config = {f"pooling_mode_{flag}": name == mode for name, flag in flags.items()}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps({"word_embedding_dimension": 32, **config}))
    modules = [("0", "", "Transformer"), ("1", "1_Pooling", "Pooling"), ("2", "2_Normalize", "Normalize")]
    rows = [
        {"idx": int(name), "name": name, "path": path, "type": f"sentence_transformers.models.{kind}"}
        for name, path, kind in modules
    ]
    (folder / "modules.json").write_text(json.dumps(rows))
    shutil.rmtree(folder / "2_Normalize")  # an empty folder, which git does not keep
    agrees(folder)


def test_a_language_model_that_embeds(tmp_path: Path) -> None:
    """As Qwen3-Embedding is: saved as a causal model, pooled at its last token."""
    folder = write(tmp_path, Normalize(), mode="lasttoken", family="Qwen 3")
    change(folder / "config.json", architectures=["Qwen3ForCausalLM"], tie_word_embeddings=True)
    model = agrees(folder)
    assert model.causal
    assert "embedding" not in model.write(TEXTS[0], 3).outputs


@pytest.mark.parametrize("measure", ["cosine", "dot", "euclidean", "manhattan"])
def test_every_measure(measure: Any, tmp_path: Path) -> None:
    model = agrees(write(tmp_path, similarity_fn_name=measure))
    assert model.record(TEXTS).notes.get("similarity", "The cosine").lower().split()[1].startswith(measure[:3])


def test_the_length_that_is_read(folder: Path) -> None:
    change(folder / "sentence_bert_config.json", max_seq_length=8)  # the tokenizer says 60
    recording = agrees(folder).record(TEXTS[0])
    assert recording.num_tokens == 8
    assert "This model reads 8 tokens" in recording.notes["input"]


@pytest.mark.parametrize("pools_prompt", [True, False])
@pytest.mark.parametrize("mode", MODES)
def test_a_prompt_before_every_text(mode: str, pools_prompt: bool, tmp_path: Path) -> None:
    options: dict[str, Any] = {"prompts": {"query": "Who works? ", "other": "x"}, "default_prompt_name": "query"}
    recording = agrees(write(tmp_path, mode=mode, pools_prompt=pools_prompt, **options)).record(TEXTS[0])
    assert recording.texts == (TEXTS[0],)
    assert [token.lower() for token in recording.tokens[1:6]] == ["who", "works", "?", "the", "trophy"]
    assert recording.offsets[3:6] == (None, (0, 3), (4, 10))
    assert "“Who works? ”, the prompt of this model, was put before the text" in recording.notes["input"]


def test_a_prompt_that_nobody_asked_for(tmp_path: Path) -> None:
    recording = agrees(write(tmp_path, prompts={"query": "Who works? "})).record(TEXTS[0])
    assert recording.texts == (TEXTS[0],)


def test_lower_case_and_the_end_that_is_cut_off(folder: Path) -> None:
    tokenizer_of(byte_level=False).save_pretrained(folder)  # it has no normalizer of its own
    assert loaded(folder).read("BIRDS").ids != loaded(folder).read("birds").ids
    change(folder / "sentence_bert_config.json", do_lower_case=True)
    change(folder / "config_sentence_transformers.json", truncate_dim=5)
    model = agrees(folder, ("THE TROPHY", "BIRDS fly"))
    assert model.read("THE TROPHY").ids == model.read("the trophy").ids
    assert model.record("THE TROPHY").outputs["embedding"].shape == (1, 5)


def test_a_model_without_modules_stays_as_it_was(folder: Path) -> None:
    (folder / "modules.json").unlink()
    model = loaded(folder)
    recording = model.record(TEXTS[0])
    with torch.no_grad():
        hidden = model.network(**model.inputs(model.read(TEXTS[0]))).last_hidden_state
    np.testing.assert_allclose(recording.outputs["embedding"], hidden.mean(dim=1).numpy(), rtol=0, atol=5e-5)
    assert "similarity" not in model.record(TEXTS).outputs


def test_a_recording_keeps_it(saved: Path, tmp_path: Path) -> None:
    recording = loaded(saved).record(TEXTS)
    recording.save(tmp_path / "pair.safetensors")
    same = Recording.load(tmp_path / "pair.safetensors")
    assert np.array_equal(same.outputs["embedding"], recording.outputs["embedding"])
    assert float(same.outputs["similarity"]) == float(recording.outputs["similarity"])


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("custom_st.Pooling", "by custom_st.Pooling, which is not known here"),
        ("os.system", "by os.system"),
        ("sentence_transformers.models.LSTM", "by LSTM"),
        ("sentence_transformers.models.WordWeights", "by WordWeights"),
    ],
)
def test_modules_that_are_not_known(kind: str, words: str, folder: Path) -> None:
    (folder / "custom_st.py").write_text("raise SystemExit('code of a stranger ran')")
    rows = json.loads((folder / "modules.json").read_text())
    rows[1]["type"] = kind
    (folder / "modules.json").write_text(json.dumps(rows))
    model = loaded(folder)
    recording = model.record(TEXTS[0])
    assert words in recording.notes["input"]
    assert recording.outputs == {}
    assert model.embeddings([model.read(TEXTS[0])], model.run([model.read(TEXTS[0])])) is None


def test_pooling_that_is_not_known(folder: Path) -> None:
    change(folder / "1_Pooling" / "config.json", pooling_mode="attention")
    assert "by pooling of the kind attention" in loaded(folder).record(TEXTS[0]).notes["input"]


def test_weights_of_a_pickle_are_not_read(tmp_path: Path) -> None:
    folder = write(tmp_path, Dense(32, 12))
    (folder / "2_Dense" / "model.safetensors").rename(folder / "2_Dense" / "pytorch_model.bin")
    assert "a Dense layer whose weights are no safetensors" in loaded(folder).record(TEXTS[0]).notes["input"]


def refusal(folder: Path) -> str:
    with pytest.raises(CheckpointError) as refused:
        loaded(folder)
    assert is_one_sentence(refused.value)
    return str(refused.value)


@pytest.mark.parametrize("content", ["", "{}", "[]", "[" * 100_000, '[{"type": 3, "path": ""}]', "\x00", "[{}]" * 2])
def test_modules_that_are_none(content: str, folder: Path) -> None:
    (folder / "modules.json").write_text(content)
    assert "'modules.json' is damaged" in refusal(folder)


@pytest.mark.parametrize("path", ["../1_Pooling", "/etc", "1_Pooling/../..", "..", "a/b", "a\0b", "."])
def test_paths_that_lead_out_of_the_folder(path: str, folder: Path) -> None:
    rows = json.loads((folder / "modules.json").read_text())
    rows[1]["path"] = path
    (folder / "modules.json").write_text(json.dumps(rows))
    assert "'modules.json' is damaged" in refusal(folder)


def test_weights_that_do_not_fit(tmp_path: Path) -> None:
    folder = write(tmp_path, Dense(32, 12))
    config = folder / "2_Dense" / "config.json"
    change(config, out_features=10**12)
    assert "'model.safetensors' is damaged" in refusal(folder)
    change(config, in_features=16, out_features=12, bias=False)
    save_file({"linear.weight": torch.zeros(12, 16)}, folder / "2_Dense" / "model.safetensors")
    assert "The modules in 'saved' do not fit its model" in refusal(folder)


def test_settings_that_mean_nothing(folder: Path) -> None:
    change(folder / "sentence_bert_config.json", max_seq_length=-3)
    change(folder / "config_sentence_transformers.json", truncate_dim="x", similarity_fn_name=["dot"], prompts=[1])
    assert loaded(folder).record(TEXTS[0]).outputs["embedding"].shape == (1, 32)
    prompts = {"prompts": {"a": "x" * 100_000}, "default_prompt_name": "a"}
    change(folder / "config_sentence_transformers.json", **prompts)
    assert "'config_sentence_transformers.json' is damaged" in refusal(folder)
