"""An adapter merged into its base by the peft library: the plain weights of the adapted model."""

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import PreTrainedModel

from headlens.model.errors import CheckpointError
from headlens.model.huggingface.load.adapter import KINDS, PREFIX, WEIGHTS, Adapter
from headlens.model.json_checks import Check, is_boolean, is_number, optional

INITIAL = (True, False, None, "gaussian", "eva", "orthogonal")  # of LoRA; others change the base's weights too
# A regular expression may take forever: of those that say which modules have a strength of their own, the plain ones
PLAIN = re.compile(r"\^?(\w|[.-]|\\[.\-dw])+\$?", re.ASCII)
USED: dict[str, Mapping[str, Check]] = {  # of adapter_config.json, what changes the merged weights
    "LORA": {
        "lora_alpha": is_number,
        "alpha_pattern": lambda value: _is_pattern(value),
        "use_rslora": is_boolean,
        "use_dora": is_boolean,
        "lora_bias": is_boolean,
        "fan_in_fan_out": is_boolean,
    },
    "IA3": {"fan_in_fan_out": is_boolean},
}
UNUSED = re.compile(  # what is seen in the weights themselves, or matters while it is trained
    "auto_mapping|base_model_name_or_path|bias|(corda|eva|loftq|lora_ga|runtime)_config|ensure_weight_tying|"
    "(exclude|feedforward|target)_modules|inference_mode|init_(ia3|lora)_weights|layers_(pattern|to_transform)|"
    "lora_dropout|megatron_core|modules_to_save|peft_(type|version)|qalora_group_size|r|rank_pattern|revision|task_type"
)


def _is_pattern(value: object) -> bool:
    """Whether it is an object of numbers by the ends of modules' names."""
    return isinstance(value, dict) and all(
        len(name) <= 300 and PLAIN.fullmatch(name) is not None and is_number(number) for name, number in value.items()
    )


def merged(network: PreTrainedModel, adapter: Adapter) -> PreTrainedModel:
    """The base with the adapter in its weights; the network that was given is changed.

    Raises CheckpointError for an adapter that does not fit, or of which something is not known here.
    """
    settings = _settings(adapter)
    tensors = {name.removeprefix(PREFIX): tensor for name, tensor in load_file(adapter.folder / WEIGHTS).items()}
    _put(network, {name: tensors[own] for name, own in adapter.saved.items()}, adapter)
    changes = {name: tensor for name, tensor in tensors.items() if adapter.is_change(name)}
    if not changes:
        return network
    modules = _modules(network, changes, adapter)
    if adapter.kind == "LORA":
        settings |= _ranks(network, modules, adapter)
    else:  # of a feed-forward layer the input is scaled, which has the width of the columns
        inputs = [name for name in modules if adapter.shapes[f"{name}.ia3_l"][0] == 1]
        settings |= {"feedforward_modules": _any_of(inputs) if inputs else []}
    return _apply(network, {**settings, "peft_type": adapter.kind, "target_modules": _any_of(modules)}, changes)


def _apply(network: PreTrainedModel, settings: Mapping[str, object], changes: dict[str, Tensor]) -> PreTrainedModel:
    import peft  # an extra, which takes seconds to import

    values: dict[str, Any] = dict(settings)
    adapted: Any = peft.PeftModel(network, peft.PeftConfig.from_peft_type(**values))
    result = peft.set_peft_model_state_dict(adapted, {f"{PREFIX}{name}": changes[name] for name in changes})
    if result.unexpected_keys or [name for name in result.missing_keys if ".default" in name]:
        raise ValueError("peft reads other weights than are there")
    whole: PreTrainedModel = adapted.merge_and_unload()
    return whole.eval().requires_grad_(False)


def _settings(adapter: Adapter) -> dict[str, object]:
    """What of its adapter_config.json goes on to peft, checked. Raises CheckpointError for what is not known here."""
    used, given = USED[adapter.kind], adapter.settings
    unknown = sorted(name for name, value in given.items() if value and name not in used and not UNUSED.fullmatch(name))
    if given.get("init_lora_weights", True) not in INITIAL:
        unknown.append("init_lora_weights")
    unknown += sorted(name for name, check in used.items() if not optional(check)(given.get(name)))
    if unknown:
        raise CheckpointError(
            f"The adapter_config.json in {adapter.folder.name!r} says {unknown[0]:.60} = "
            f"{given[unknown[0]]!r:.60}, with which it is not merged here; merge it with merge_and_unload() of the "
            "peft library, save_pretrained into a new folder, and give that one."
        )
    return {name: given[name] for name in used if given.get(name) is not None}


def _put(network: PreTrainedModel, own: Mapping[str, Tensor], adapter: Adapter) -> None:
    """Weights that were saved whole in the place of the base's own: new parameters, which no other module shares."""
    _resize_words(network, own)
    there = dict(network.named_parameters(remove_duplicate=False)) | dict(network.named_buffers())
    for name, tensor in own.items():
        if name not in there or there[name].shape != tensor.shape:
            raise _misfit(adapter, name)
        path, _, last = name.rpartition(".")
        values = tensor.to(there[name].dtype)
        setattr(
            network.get_submodule(path),
            last,
            nn.Parameter(values, requires_grad=False) if isinstance(there[name], nn.Parameter) else values,
        )


def _resize_words(network: PreTrainedModel, own: Mapping[str, Tensor]) -> None:
    """Make the table of words as long as the one that was saved: tokens were added before the adapter was trained."""
    table = network.get_input_embeddings() if hasattr(network, "get_input_embeddings") else None
    if not isinstance(table, nn.Embedding):
        return
    names = [f"{name}.weight" for name, module in network.named_modules() if module is table]
    rows = next((own[name].shape[0] for name in names if name in own), table.num_embeddings)
    if rows != table.num_embeddings:
        network.resize_token_embeddings(rows, mean_resizing=False)


def _modules(network: PreTrainedModel, changes: Mapping[str, Tensor], adapter: Adapter) -> list[str]:
    """The names of the modules that are changed. Raises CheckpointError for one that the base does not have."""
    mark = f".{KINDS[adapter.kind]}"
    names = sorted({name.rpartition(mark)[0] for name in changes})
    there = dict(network.named_modules(remove_duplicate=False))
    for name in names:
        weight = getattr(there.get(name), "weight", None)
        if not isinstance(weight, Tensor) or weight.ndim != 2:
            raise _misfit(adapter, name)
    return names


def _ranks(network: PreTrainedModel, names: list[str], adapter: Adapter) -> dict[str, object]:
    """The ranks of LoRA's matrices as they are in the file, so that peft makes none of another size."""
    ranks = {}
    for name in names:
        sides = network.get_submodule(name).weight.shape
        for before, after in (("lora_A.weight", "lora_B.weight"), ("lora_embedding_A", "lora_embedding_B")):
            down, up = (adapter.shapes.get(f"{name}.{each}", ()) for each in (before, after))
            if len(down) == len(up) == 2 and down[0] == up[1] and sorted((down[1], up[0])) == sorted(sides):
                ranks[name] = down[0]
        if name not in ranks:
            raise _misfit(adapter, name)
    (common, _), *_ = Counter(ranks.values()).most_common()
    others = {f"^{re.escape(name)}": rank for name, rank in ranks.items() if rank != common}
    return {"r": common, "rank_pattern": others}


def _any_of(names: list[str]) -> str:
    """A regular expression of whole names."""
    return "|".join(map(re.escape, names))


def _misfit(adapter: Adapter, name: str) -> CheckpointError:
    return CheckpointError(
        f"The adapter in {adapter.folder.name!r} changes {name!r:.100}, which {adapter.base_name!r:.60} does not have "
        "in that shape; give the base that it was trained on."
    )
