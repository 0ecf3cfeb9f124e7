"""Adapters of the peft library: what is recorded and predicted is what peft's own model gives."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from peft import LoraConfig, PrefixTuningConfig, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer, pipeline

from headlens.model import load_model
from headlens.model.errors import CheckpointError
from headlens.model.huggingface.load.adapter import Adapter
from headlens.model.huggingface.load.facts import read_facts
from headlens.model.huggingface.text.model import TransformersText
from headlens.model.huggingface.vision.model import TransformersImage
from headlens.model.load import open_base
from tests.model.huggingface.adapters import CASES, by_peft, loaded_base, write, write_base
from tests.model.inputs.pictures import noise
from tests.paths import ROOT
from tests.sentences import is_one_sentence

TEXT = "The trophy does not fit in the brown suitcase."
WRITTEN = "Birds fly south."
FolderOf = Callable[[str], Path]


@pytest.fixture(scope="module")
def adapter_of(tmp_path_factory: pytest.TempPathFactory) -> FolderOf:
    """The folder of a case's adapter."""
    return cache(lambda name: write(tmp_path_factory.mktemp("adapter"), name))


@pytest.fixture
def folder(adapter_of: FolderOf, tmp_path: Path) -> Path:
    """A copy of an adapter of Llama beside its base, to be changed."""
    copy = Path(shutil.copytree(adapter_of("Llama, LoRA").parent, tmp_path / "mine"))
    configure(copy / "adapter", base_model_name_or_path=str(copy / "base"))
    return copy / "adapter"


def configure(folder: Path, **changes: object) -> None:
    path = folder / "adapter_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def refusal(folder: Path) -> str:
    with pytest.raises(CheckpointError) as refused:
        load_model(str(folder), device="cpu")
    assert is_one_sentence(refused.value)
    return str(refused.value)


def inputs_of(model: Any) -> tuple[Any, dict[str, Any]]:
    """A recording, and what the network's forward took."""
    if isinstance(model, TransformersImage):
        photo = noise(32, 32)
        return model.record(photo), model.batch_inputs([model.read(photo)])
    text = (TEXT, WRITTEN) if model.description.kind == "sequence" else TEXT
    recording, inputs = model.record(text), model.inputs(model.read(TEXT))
    if model.description.kind == "sequence":
        inputs["decoder_input_ids"] = torch.tensor([[0, *model.read(WRITTEN).ids]])
    return recording, inputs


@pytest.mark.parametrize(
    ("merged", "dtype", "tolerance"),
    [(True, "float32", 3e-4), (False, "float64", 1e-5)],  # T5 is peaked: float32 rounds by 1e-4
    ids=["merged", "beside its base"],
)
@pytest.mark.parametrize("name", CASES)
def test_outputs_and_weights_are_those_of_peft(
    name: str, merged: bool, dtype: str, tolerance: float, adapter_of: FolderOf
) -> None:
    folder, number_format = adapter_of(name), getattr(torch, dtype)
    model: Any = load_model(str(folder), device="cpu", dtype=dtype)
    assert type(model.network).__name__ == CASES[name].adapted
    recording, inputs = inputs_of(model)
    with torch.no_grad():
        theirs = by_peft(folder, name, number_format, merged=merged)(**inputs, output_attentions=True)
        ours, base = model.network(**inputs), loaded_base(folder.parent / "base", CASES[name], number_format)
        output = "logits" if "logits" in theirs else "last_hidden_state"
        torch.testing.assert_close(ours[output], theirs[output], rtol=0, atol=tolerance)
        if not CASES[name].added:
            assert (
                base(**inputs)[output] - theirs[output]
            ).abs().max() > 0.01  # an adapter that does nothing would pass
    expected = {recording.stage: theirs.get("attentions", theirs.get("encoder_attentions"))}
    if model.description.kind == "sequence":
        expected |= {"decoder": theirs.decoder_attentions, "cross": theirs.cross_attentions}
    for stage, layers in expected.items():
        assert recording.of(stage).num_layers == len(layers) == 2
        for layer, own in enumerate(layers):
            np.testing.assert_allclose(recording.attention(layer, stage=stage), own[0].numpy(), rtol=0, atol=tolerance)


def test_the_words_that_were_added_are_read(adapter_of: FolderOf) -> None:
    model = load_model(str(adapter_of("Llama, words were added")), device="cpu")
    assert isinstance(model, TransformersText)
    assert "<new1>" in model.record("A <new1> head.").tokens


def test_the_classes_are_those_of_the_pipeline(adapter_of: FolderOf) -> None:
    folder = adapter_of("BERT, classes")
    model = load_model(str(folder), device="cpu")
    assert isinstance(model, TransformersText)
    (prediction,) = model.record(TEXT).predictions
    network = by_peft(folder, "BERT, classes", merged=True)
    tokenizer = AutoTokenizer.from_pretrained(folder.parent / "base")
    rows = pipeline("text-classification", model=network, tokenizer=tokenizer, top_k=None)([TEXT])[0]
    assert dict(prediction.candidates) == pytest.approx({row["label"]: row["score"] for row in rows}, abs=1e-5)
    assert len(rows) == 5


def test_labels_of_a_configuration_beside_the_adapter(adapter_of: FolderOf, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(adapter_of("BERT, classes").parent, tmp_path / "copy"))
    config = loaded_base(copy / "base", CASES["BERT, classes"]).config
    config.id2label = dict(enumerate("abcde"))
    config.save_pretrained(copy / "adapter")
    model = load_model(str(copy / "adapter"), device="cpu")
    assert isinstance(model, TransformersText)
    assert {label for label, _ in model.record(TEXT).predictions[0].candidates} == set("abcde")
    config = json.loads((copy / "adapter" / "config.json").read_text()) | {"model_type": "roberta"}
    (copy / "adapter" / "config.json").write_text(json.dumps(config))
    assert "but its base is 'bert'" in refusal(copy / "adapter")


def test_it_and_its_base_are_two_models(folder: Path) -> None:
    base, adapted = (load_model(str(each), device="cpu").description for each in (folder.parent / "base", folder))
    assert adapted.title == f"{folder}, an adapter of base"
    assert base.title == str(folder.parent / "base")
    own, of_base = adapted.revision.split(" on ")
    assert of_base == base.revision
    tensors = load_file(folder / "adapter_model.safetensors")
    save_file({name: 2 * tensor for name, tensor in tensors.items()}, folder / "adapter_model.safetensors")
    assert load_model(str(folder), device="cpu").description.revision.split(" on ") != [own, of_base]


def test_facts_before_it_is_loaded(folder: Path) -> None:
    facts = read_facts(folder, torch.device("cpu"), open_base=open_base)
    assert facts.title("mine") == "mine, an adapter of base"
    assert (facts.kind, facts.architecture, facts.layers) == ("causal", "LlamaForCausalLM", 2)
    added = sum(tensor.numel() for tensor in load_file(folder / "adapter_model.safetensors").values())
    assert facts.needed == 4 * (facts.parameters + added)


def test_where_the_base_is(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model: Any = load_model(str(folder), device="cpu")
    expected = model.record(TEXT).attention(1)
    for name in ("nowhere/base", "/nowhere/base/", "C:\\nowhere\\base"):
        configure(folder, base_model_name_or_path=name)  # so called, beside the adapter
        found: Any = load_model(str(folder), device="cpu")
        assert np.array_equal(found.record(TEXT).attention(1), expected)
    monkeypatch.chdir(folder.parent)
    (folder.parent / "base").rename(folder.parent / "other")
    configure(folder, base_model_name_or_path="./other")  # as peft reads it
    assert load_model("adapter", device="cpu").description.title == "adapter, an adapter of other"
    configure(folder, base_model_name_or_path="/nowhere/base")
    assert "is an adapter of '/nowhere/base', which is not there or may not be opened; put the base's" in refusal(
        folder
    )


def test_a_base_of_the_hub(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    commit, cache = "0123456789abcdef0123456789abcdef01234567", folder.parent / "cache"
    repository = cache / "models--organisation--name"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text(commit)
    (repository / "snapshots").mkdir()
    (folder.parent / "base").rename(repository / "snapshots" / commit)
    configure(folder, base_model_name_or_path="organisation/name")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")  # nobody answers
    description = load_model(str(folder), device="cpu").description
    assert description.title == f"{folder}, an adapter of organisation/name"
    assert description.revision.endswith(f" on commit {commit[:12]}")
    configure(folder, revision="v2")
    assert "adapter of the revision 'v2' of 'organisation/name'" in refusal(folder)
    configure(folder, base_model_name_or_path="organisation/other", revision=None)
    assert "organisation/other could not be downloaded" in refusal(folder)


def test_without_peft_it_is_refused_and_other_models_do_not_import_it(folder: Path) -> None:
    code = (
        "import sys, headlens.model.huggingface.load.folder\n"
        "print('peft' in sys.modules); sys.modules['peft'] = None\n"
        "from headlens.model import load_model\n"
        f"print(type(load_model({str(folder.parent / 'base')!r}, device='cpu')).__name__)\n"
        f"try: load_model({str(folder)!r}, device='cpu')\n"
        "except ValueError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    imported, kind, sentence = done.stdout.strip().splitlines()
    assert imported == "False"
    assert kind == "TransformersText"
    assert sentence.startswith("'adapter' holds an adapter (LoRA, say) that is not part of its weights; install peft")
    assert "merge it with merge_and_unload()" in sentence


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"peft_type": "PREFIX_TUNING"}, "(prefix tuning) that puts virtual tokens before the input"),
        ({"peft_type": "P_TUNING"}, "(p tuning) that puts virtual tokens"),
        ({"peft_type": "LOHA"}, "of the kind 'LOHA', which is not merged here"),
        ({"peft_type": "../evil"}, "of the kind '../evil'"),
        ({"peft_type": ["LORA"]}, "of the kind \"['LORA']\""),
        ({"base_model_name_or_path": None}, "names no base"),
        ({"base_model_name_or_path": ""}, "names no base"),
        ({"base_model_name_or_path": "../.."}, "names no base"),
        ({"base_model_name_or_path": "x" * 100_000}, "names no base"),
        ({"base_model_name_or_path": "a\0b"}, "which is not there"),
        ({"base_model_name_or_path": "x" * 900}, "which is not there"),
        ({"base_model_name_or_path": "adapter"}, "which is not there"),  # itself
        ({"lora_alpha": 1e300}, "lora_alpha = 1e+300"),
        ({"lora_alpha": "16"}, "lora_alpha = '16'"),
        ({"use_dora": 1}, "use_dora = 1"),
        ({"alpha_pattern": {"(a+)+$": 3}}, "alpha_pattern = {'(a+)+$': 3}"),
        ({"alpha_pattern": {"q_proj": "x"}}, "alpha_pattern = {'q_proj': 'x'}"),
        ({"layer_replication": [[0, 10**9]]}, "layer_replication = [[0, 1000000000]]"),
        ({"megatron_config": {"a": 1}, "megatron_core": "antigravity"}, "megatron_config = {'a': 1}"),
        ({"init_lora_weights": "pissa"}, "init_lora_weights = 'pissa'"),
        ({"alora_invocation_tokens": [1]}, "alora_invocation_tokens = [1]"),
        ({"of_the_future": {"x": 1}}, "of_the_future = {'x': 1}"),
        ({"auto_mapping": {"base_model_class": "os.system"}}, "adapter of the class 'os.system', which is not one of"),
        ({"auto_mapping": {"base_model_class": "AutoTokenizer"}}, "adapter of the class 'AutoTokenizer'"),
        ({"use_dora": True}, "peft cannot apply the adapter in 'adapter'"),
    ],
)
def test_hostile_settings(changes: dict[str, object], words: str, folder: Path) -> None:
    configure(folder, **changes)
    assert words in refusal(folder)


@pytest.mark.parametrize("changes", [{"r": 10**9}, {"rank_pattern": {"(a+)+$": 10**9}}, {"target_modules": "(a+)+$"}])
def test_numbers_and_patterns_that_the_weights_belie_are_not_read(changes: dict[str, object], folder: Path) -> None:
    expected: Any = load_model(str(folder), device="cpu")
    configure(folder, **changes)
    found: Any = load_model(str(folder), device="cpu")
    assert np.array_equal(found.record(TEXT).attention(1), expected.record(TEXT).attention(1))


@pytest.mark.parametrize("content", ["", "[]", "[" * 100_000, '{"peft_type"', "\x00", " " * 1_000_001])
def test_settings_that_are_none(content: str, folder: Path) -> None:
    (folder / "adapter_config.json").write_text(content)
    assert "'adapter_config.json' is damaged" in refusal(folder)


def test_an_adapter_of_an_adapter(folder: Path) -> None:
    shutil.copy(folder / "adapter_config.json", folder.parent / "base")
    assert "'base', the base of an adapter, holds an adapter itself" in refusal(folder)


def test_an_adapter_among_whole_weights(folder: Path) -> None:
    shutil.copy(folder.parent / "base" / "model.safetensors", folder)
    assert "'adapter' holds whole weights ('model.safetensors') and an adapter; move the adapter's" in refusal(folder)


def test_a_quantised_base(folder: Path) -> None:
    path = folder.parent / "base" / "config.json"
    path.write_text(
        json.dumps(json.loads(path.read_text()) | {"quantization_config": {"quant_method": "bitsandbytes"}})
    )
    assert "The base of 'adapter' is quantised" in refusal(folder)


def test_weights_of_a_pickle_are_not_read(folder: Path) -> None:
    torch.save(load_file(folder / "adapter_model.safetensors"), folder / "adapter_model.bin")
    (folder / "adapter_model.safetensors").unlink()
    assert "pickles (adapter_model.bin) are not read" in refusal(folder)


def test_weights_that_do_not_fit(folder: Path) -> None:
    path = folder / "adapter_model.safetensors"
    tensors = load_file(path)
    first = next(name for name in tensors if name.endswith("lora_A.weight"))
    there = first.removeprefix("base_model.model.").removesuffix(".lora_A.weight")
    wide = {first: torch.zeros(10**6, 1), first.replace("lora_A", "lora_B"): torch.zeros(1, 10**6)}
    for changed, name in (
        (wide, there),
        ({"base_model.model.evil.lora_A.weight": torch.zeros(2, 2)}, "evil"),
        ({"base_model.model.lm_head.weight": torch.zeros(2, 2)}, "lm_head.weight"),
        ({"base_model.model.__class__": torch.zeros(2)}, "__class__"),
    ):
        save_file(tensors | changed, path)
        assert f"changes '{name}', which 'base' does not have in that shape" in refusal(folder)
    save_file({name: tensor for name, tensor in tensors.items() if name != first}, path)
    assert f"changes '{there}'" in refusal(folder)
    path.write_bytes(path.read_bytes()[:-5])
    assert "'adapter_model.safetensors' is damaged" in refusal(folder)


def test_a_head_that_nobody_trained_is_not_made_up(adapter_of: FolderOf, tmp_path: Path) -> None:
    folder = write(tmp_path, "RoBERTa, classes")
    path = folder / "adapter_model.safetensors"
    save_file({name: tensor for name, tensor in load_file(path).items() if "classifier" not in name}, path)
    assert "lack classifier.dense.bias" in refusal(folder)


def test_a_real_prefix(tmp_path: Path) -> None:
    case = CASES["Llama, LoRA"]
    write_base(tmp_path / "base", case)
    config = PrefixTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=4)
    get_peft_model(loaded_base(tmp_path / "base", case), config).save_pretrained(tmp_path / "prefix")
    assert "virtual tokens" in refusal(tmp_path / "prefix")


def test_what_peft_may_write_today_is_known(tmp_path: Path) -> None:
    """A setting that peft saves whether it is used or not must not refuse a plain adapter."""
    for config in (LoraConfig(), LoraConfig(task_type="CAUSAL_LM", target_modules=["q_proj"])):
        config.save_pretrained(tmp_path)
        adapter = Adapter(tmp_path, json.loads((tmp_path / "adapter_config.json").read_text()))
        from headlens.model.huggingface.load.merge import _settings

        assert _settings(adapter)["lora_alpha"] == 8
