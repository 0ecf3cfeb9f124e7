"""Folders that hold no model, or a hostile one: each one sentence, before memory is taken."""

import json
import shutil
import struct
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer

from headlens.model import load_model
from headlens.model.errors import CheckpointError, InputError
from headlens.model.huggingface.load import facts as loading
from headlens.model.huggingface.load.limits import stored_bytes
from headlens.model.huggingface.text.model import TransformersText
from tests.model.huggingface.image_models import made, save
from tests.model.huggingface.vision.test_refused import SWIN
from tests.sentences import is_one_sentence


@pytest.fixture
def folder(folder_of: Callable[[str], Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder_of("BERT"), tmp_path / "mine"))


def refusal(folder: Path) -> str:
    tracemalloc.start()
    with pytest.raises(CheckpointError) as refused:
        load_model(str(folder), device="cpu")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert is_one_sentence(refused.value)
    assert peak < 100_000_000
    return str(refused.value)


def configure(folder: Path, **changes: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"num_hidden_layers": 10**9}, "num_hidden_layers = 1000000000, which no model has"),
        ({"num_attention_heads": -4}, "num_attention_heads = -4"),
        ({"n_layer": 10**9}, "n_layer = 1000000000"),
        ({"n_head": -4}, "n_head = -4"),
        ({"vision_config": {"depth": 10**9}}, "depth = 1000000000"),
        ({"num_labels": 10**9}, "num_labels = 1000000000"),
        ({"id2label": {str(number): "x" for number in range(200_000)}}, "id2label = 200000"),
        ({"vocab_size": 10**12}, "vocab_size = 1000000000000"),
        ({"hidden_size": 4_096}, "asks for"),
        ({"hidden_size": "x"}, "transformers cannot"),
        ({"model_type": "no such"}, "transformers cannot read the config.json"),
        ({"model_type": 3}, "names no model_type"),
        ({"model_type": "mine", "auto_map": {"AutoConfig": "evil.Config"}}, "needs code that comes with it"),
        ({"num_attention_heads": 5}, "transformers cannot"),
        ({"num_hidden_layers": 3}, "lack bert.encoder.layer.2"),
    ],
)
def test_hostile_configurations(changes: dict[str, object], words: str, folder: Path) -> None:
    (folder / "evil.py").write_text("raise SystemExit('code of a stranger ran')")
    configure(folder, **changes)
    assert words in refusal(folder)


def test_what_is_missing_or_damaged(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "no config.json in 'empty'" in refusal(tmp_path / "empty")
    weights = (folder / "model.safetensors").read_bytes()
    for content in (b"", weights[:100], struct.pack("<Q", 2**60) + weights[8:], weights[: len(weights) // 2]):
        (folder / "model.safetensors").write_bytes(content)
        refusal(folder)
    (folder / "model.safetensors").unlink()
    torch.save({"weight": torch.zeros(3)}, folder / "pytorch_model.bin")
    assert "safetensors files are read, pickles are not" in refusal(folder)


@pytest.mark.parametrize("content", ["", "[]", "[" * 100_000, '{"model_type": "bert"', "\x00"])
def test_configurations_that_are_no_json(content: str, folder: Path) -> None:
    (folder / "config.json").write_text(content)
    refusal(folder)


def test_a_path_as_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").write_text("{}")
    assert "The tokenizer in 'mine' cannot be loaded" in refusal(folder)


def test_what_does_not_fit_into_memory(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "free_memory", lambda device: 1_000)
    assert "needs 0.0 GB of memory, but 0.0 GB are free on cpu" in refusal(folder)


def test_facts_before_loading(folder: Path) -> None:
    (folder / "README.md").write_text("---\nlanguage: en\nlicense: apache-2.0\n---\n# Mine\n")
    facts = loading.read_facts(folder, torch.device("cpu"))
    assert (facts.kind, facts.architecture, facts.layers, facts.heads) == ("text", "BertForMaskedLM", 2, 4)
    assert facts.licence == "apache-2.0"
    assert 10_000 < facts.parameters == facts.needed // 4
    assert facts.free > facts.needed


def test_names_that_are_nothing() -> None:
    for name in ("no such", "../no/such/folder", "a/b/c", ""):
        with pytest.raises(ValueError, match="There is no model"):
            load_model(name)


def test_facts_of_a_model_whose_layers_differ(tmp_path: Path) -> None:
    save(tmp_path / "swin", made("Swin", **SWIN | {"num_heads": [2, 4]}))
    facts = loading.read_facts(tmp_path / "swin", torch.device("cpu"))
    assert (facts.kind, facts.layers, facts.heads) == ("image", 2, 4)
    assert "works in windows" in refusal(tmp_path / "swin")


def test_weights_that_are_no_numbers(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    name = next(name for name in tensors if "query.weight" in name)
    tensors[name][0, 0] = torch.nan
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    assert "differ from its own by up to inf" in refusal(folder)


def test_an_index_that_leads_out_of_the_folder(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder.parent / "outside.safetensors")
    (folder / "decoy.safetensors").write_bytes((folder.parent / "outside.safetensors").read_bytes())
    index = {"metadata": {}, "weight_map": dict.fromkeys(["bert.embeddings.LayerNorm.bias"], "../outside.safetensors")}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    assert "names files that are not in 'mine'" in refusal(folder)


@pytest.mark.parametrize("index", [[], {}, {"weight_map": ["a"]}, {"weight_map": {"a": ["b"]}}, {"weight_map": None}])
def test_an_index_that_is_none(index: object, folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "part.safetensors")
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    assert "'model.safetensors.index.json' is damaged" in refusal(folder)


def test_weights_whose_bytes_are_not_those_of_their_header(folder: Path) -> None:
    weights = (folder / "model.safetensors").read_bytes()
    assert stored_bytes(folder) == sum(tensor.nbytes for tensor in load_file(folder / "model.safetensors").values())
    length = 8 + int.from_bytes(weights[:8], "little")
    header = json.loads(weights[8:length])
    name = next(name for name in header if name != "__metadata__")
    header[name]["shape"] = [10**6, 10**6]
    lie = json.dumps(header).encode()
    for content in (weights[:-1], weights + b"0", len(lie).to_bytes(8, "little") + lie + weights[length:]):
        (folder / "model.safetensors").write_bytes(content)
        assert "'model.safetensors' is damaged" in refusal(folder)


@pytest.mark.parametrize("length", ["abc", 1, None, -5, 1e30])
def test_lengths_that_mean_nothing(length: object, folder: Path) -> None:
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"model_max_length": length}))
    model = load_model(str(folder), device="cpu")
    assert model.record("The trophy does not fit.").num_tokens > 5  # type: ignore[attr-defined]  # it reads texts


def test_tokens_that_were_added_later(folder: Path) -> None:
    """Only a text that uses one is refused."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_tokens(["covid"])
    tokenizer.save_pretrained(folder)
    model = load_model(str(folder), device="cpu")
    assert isinstance(model, TransformersText)
    assert model.record("The trophy does not fit.").num_tokens > 5
    with pytest.raises(InputError, match="'covid' as a token that was added later"):
        model.record("The covid trophy.")


def test_two_are_loaded_at_the_same_time(folder_of: Callable[[str], Path]) -> None:
    """transformers switches tying off for the whole process while it loads."""
    folders = [str(folder_of(family)) for family in ("GPT-2", "T5", "BERT", "Llama")] * 2
    with ThreadPoolExecutor(4) as threads:
        models = list(threads.map(lambda folder: load_model(folder, device="cpu"), folders))
    assert len(models) == 8
    assert load_model(str(folder_of("GPT-2")), device="cpu").num_layers == 2
    network = torch.nn.Linear(2, 2)
    torch.nn.init.zeros_(network.weight)
    assert not network.weight.any()


def test_a_folder_without_a_tokenizer(folder_of: Callable[[str], Path], tmp_path: Path) -> None:
    for family in ("BERT", "GPT-2", "Llama", "T5"):
        path = Path(shutil.copytree(folder_of(family), tmp_path / family))
        for name in ("tokenizer.json", "tokenizer_config.json"):
            (path / name).unlink()
            expected = (
                f"There is no tokenizer in '{family}'; save the model's own there, with tokenizer.save_pretrained"
            )
            assert expected in refusal(path)


def test_where_the_model_is_inside(folder: Path, tmp_path: Path) -> None:
    for name in ("checkpoint-500", "checkpoint-1000"):
        shutil.copytree(folder, tmp_path / "training" / name)
    assert "such as 'checkpoint-1000' inside it" in refusal(tmp_path / "training")
    shutil.copytree(folder, tmp_path / "old" / "0_Transformer")
    assert "such as '0_Transformer' inside it" in refusal(tmp_path / "old")


def test_an_adapter_is_never_silently_ignored(folder: Path) -> None:
    (folder / "adapter_config.json").write_text('{"peft_type": "LORA"}')
    assert "names no base" in refusal(folder)
    (folder / "adapter_config.json").write_text('{"peft_type": "LOHA"}')
    assert "merge it with merge_and_unload()" in refusal(folder)


def test_a_pickle_is_converted_where_it_is_trusted(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    words = "where you trust pytorch_model.bin, load it in Python by from_pretrained and write it by save_pretrained"
    assert words in refusal(folder)


@pytest.mark.parametrize("key", ["attn_implementation", "_attn_implementation"])
@pytest.mark.parametrize("kernel", ["flash_attention_2", "flex_attention", "kernels-community/flash-attn"])
def test_a_kernel_that_is_not_here(key: str, kernel: str, folder: Path) -> None:
    configure(folder, **{key: kernel})
    model = load_model(str(folder), device="cpu")
    assert model.record("The trophy does not fit.").num_tokens > 5  # type: ignore[attr-defined]  # it reads texts


@pytest.mark.parametrize(
    ("name", "reads"),
    [
        ("VideoMAE", "video"),
        ("Pix2Struct", "an image in flattened patches"),
        ("Informer", "series of numbers"),
    ],
)
def test_what_reads_neither_texts_nor_images(name: str, reads: str, tmp_path: Path) -> None:
    config = getattr(transformers, f"{name.removesuffix('Model')}Config")
    config().save_pretrained(tmp_path)
    save_file({"weight": torch.zeros(1)}, tmp_path / "model.safetensors", metadata={"format": "pt"})
    assert f"reads {reads}" in refusal(tmp_path)


def test_what_a_library_said_is_the_cause(folder: Path) -> None:
    (folder / "tokenizer.json").write_text("{}")
    with pytest.raises(CheckpointError) as refused:
        load_model(str(folder), device="cpu")
    assert refused.value.__cause__ is not None
    assert (
        str(refused.value)
        == "The tokenizer in 'mine' cannot be loaded; save it again with tokenizer.save_pretrained(folder)."
    )
