"""What a folder of sentence-transformers says of its modules: types are read by name, and no class is imported."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import cast

import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional as F

from headlens.model.errors import CheckpointError
from headlens.model.huggingface.load.limits import read_json, tensor_shapes
from headlens.model.huggingface.text.sentence import POOLING, SIMILARITIES, SentenceModules, Step
from headlens.model.json_checks import is_count, is_object, is_string, list_of, object_with

MODULES = "modules.json"
MAX_DENSE = 1_000_000_000  # bytes
MAX_PROMPT = 10_000  # characters
OURS = re.compile(r"sentence_transformers(\.\w+)+")
FOLDER = re.compile(r"\w[\w-]*", re.ASCII)
FLAGS = {  # as older versions wrote them, in the order in which several are joined
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "torch.nn.modules.activation.Tanh": torch.tanh,
    "torch.nn.modules.activation.ReLU": torch.relu,
    "torch.nn.modules.activation.GELU": F.gelu,
    "torch.nn.modules.activation.SiLU": F.silu,
    "torch.nn.modules.activation.Sigmoid": torch.sigmoid,
    "torch.nn.modules.linear.Identity": lambda vector: vector,
}
SETTINGS = tuple(  # of the transformer, by the names of all versions
    f"sentence_{family}_config.json"
    for family in ("bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet")
)


class _Unknown(Exception):
    """A part that is not known here; the message names it."""


def read_sentence(folder: Path) -> SentenceModules | None:
    """What a folder's modules.json says; None where there is none.

    Raises CheckpointError for files that are damaged.
    """
    if not (folder / MODULES).is_file():
        return None
    settings = _settings(folder)
    try:
        return replace(settings, **_after_transformer(folder))  # type: ignore[arg-type]  # by the names of its fields
    except _Unknown as unknown:
        return replace(settings, unknown=str(unknown))


def _settings(folder: Path) -> SentenceModules:
    """What holds whatever is done with the last hidden state."""
    transformer = next((_object(folder / name) for name in SETTINGS if (folder / name).is_file()), {})
    whole = _object(folder / "config_sentence_transformers.json")
    prompts, default = whole.get("prompts"), whole.get("default_prompt_name")
    prompt = prompts.get(default) if isinstance(prompts, dict) and isinstance(default, str) else None
    limit, width = transformer.get("max_seq_length"), whole.get("truncate_dim")
    similarity = str(whole.get("similarity_fn_name"))
    if prompt is not None and not (is_string(prompt) and len(str(prompt)) <= MAX_PROMPT):
        raise _damaged("config_sentence_transformers.json")
    return SentenceModules(
        max_tokens=cast(int, limit) if is_count(limit) and limit else None,
        prompt=prompt or "",
        lower_case=transformer.get("do_lower_case") is True,
        similarity=similarity if similarity in SIMILARITIES else "cosine",
        width=cast(int, width) if is_count(width) and width else None,
    )


def _after_transformer(folder: Path) -> dict[str, object]:
    """The pooling and the steps after it, by the names of SentenceModules' fields. Raises _Unknown, CheckpointError."""
    found = read_json(folder / MODULES)
    if not list_of(object_with(type=is_string, path=is_string), 20, low=1)(found):
        raise _damaged(MODULES)
    (first, *others) = [(_name(module["type"]), module["path"]) for module in cast(list[dict[str, str]], found)]
    if first != ("Transformer", ""):
        raise _Unknown(f"{first[0]}{first[1] and f' in {first[1]!r:.40}'}")
    if not others or others[0][0] != "Pooling":
        raise _Unknown(others[0][0] if others else "no pooling")
    parts = [(name, _inside(folder, path)) for name, path in others]
    pooling, steps = _pooling(_object(parts[0][1] / "config.json")), list[Step]()
    for name, path in parts[1:]:
        config = _object(path / "config.json")
        if any(config.get(f"module_{end}put_name") not in (None, "sentence_embedding") for end in ("in", "out")):
            raise _Unknown(f"{name} of other vectors")
        if name == "Normalize":
            steps.append(lambda vector: F.normalize(vector, dim=-1))
        elif name == "Dense":
            steps.append(_dense(path, config))
        elif name != "Dropout":
            raise _Unknown(name)
    return {**pooling, "steps": tuple(steps)}


def _name(kind: str) -> str:
    """The last part of a type's name, where it is one of sentence-transformers'. Raises _Unknown."""
    if OURS.fullmatch(kind) is None:
        raise _Unknown(f"{kind:.60}")
    return kind.rpartition(".")[2]


def _inside(folder: Path, path: str) -> Path:
    """A folder in the folder. Raises CheckpointError for a path that leads elsewhere."""
    if FOLDER.fullmatch(path) is None:
        raise _damaged(MODULES)
    return folder / path


def _pooling(config: Mapping[str, object]) -> dict[str, object]:
    """Raises _Unknown, CheckpointError."""
    modes = config.get("pooling_mode", [mode for flag, mode in FLAGS.items() if config.get(flag) is True] or "mean")
    modes = [modes] if isinstance(modes, str) else modes
    if not list_of(is_string, len(POOLING), low=1)(modes):
        raise _damaged("config.json")
    if unknown := [mode for mode in cast(list[str], modes) if mode not in POOLING]:
        raise _Unknown(f"pooling of the kind {unknown[0]:.40}")
    return {"modes": tuple(cast(list[str], modes)), "pools_prompt": config.get("include_prompt") is not False}


def _dense(folder: Path, config: Mapping[str, object]) -> Step:
    """A linear layer with its activation. Raises _Unknown, CheckpointError."""
    activation = ACTIVATIONS.get(str(config.get("activation_function", "torch.nn.modules.activation.Tanh")))
    if activation is None or config.get("use_residual"):
        raise _Unknown("a Dense layer of another kind")
    path = folder / "model.safetensors"
    if not path.is_file():
        raise _Unknown("a Dense layer whose weights are no safetensors")
    if path.stat().st_size > MAX_DENSE:
        raise _Unknown("a Dense layer of that size")
    rows, columns = config.get("out_features"), config.get("in_features")
    shapes = {"linear.weight": (rows, columns)} | ({"linear.bias": (rows,)} if config.get("bias", True) else {})
    if tensor_shapes(path) != shapes:
        raise _damaged(path.name)
    tensors = load_file(path)
    weight, bias = tensors["linear.weight"], tensors.get("linear.bias")
    return lambda vector: activation(F.linear(vector, weight.to(vector), None if bias is None else bias.to(vector)))


def _object(path: Path) -> Mapping[str, object]:
    """The object in a JSON file; an empty one where there is none. Raises CheckpointError."""
    value = read_json(path) if path.is_file() else {}
    if not is_object(value):
        raise _damaged(path.name)
    return cast(dict[str, object], value)


def _damaged(name: str) -> CheckpointError:
    return CheckpointError(f"{name!r} is damaged; copy or download it again.")
