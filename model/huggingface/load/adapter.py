"""An adapter of the peft library (LoRA, IA³) in a folder: what it says of itself, bounded, and where its base is."""

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import transformers
from transformers import PretrainedConfig, PreTrainedModel

from headlens.model.errors import CheckpointError, HeadlensError
from headlens.model.huggingface.load.limits import ADAPTER, read_adapter_settings, tensor_shapes
from headlens.model.json_checks import is_string

MAX_NAME = 1_000  # characters of what it calls its base
PREFIX = "base_model.model."  # of the names of all weights that peft saves
WEIGHTS = "adapter_model.safetensors"
KINDS = {"LORA": "lora_", "IA3": "ia3_"}  # that are merged here, and how their weights' names begin
VIRTUAL = ("PROMPT_TUNING", "MULTITASK_PROMPT_TUNING", "PREFIX_TUNING", "P_TUNING", "CPT", "ADAPTION_PROMPT")
FOR_TASK = {  # of peft's task types, the classes that it adapts
    "CAUSAL_LM": "MODEL_FOR_CAUSAL_LM_MAPPING",
    "SEQ_2_SEQ_LM": "MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING",
    "SEQ_CLS": "MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING",
    "TOKEN_CLS": "MODEL_FOR_TOKEN_CLASSIFICATION_MAPPING",
    "QUESTION_ANS": "MODEL_FOR_QUESTION_ANSWERING_MAPPING",
    "FEATURE_EXTRACTION": "MODEL_MAPPING",
}
SCORES = re.compile(r"(^|\.)(classifier|score|out_proj|classification_head\.\w+)\.weight$")  # one row for each class


@dataclass(frozen=True)
class Adapter:
    """What stands in a folder beside the weights of a base that lies elsewhere."""

    folder: Path
    settings: Mapping[str, object]  # its adapter_config.json

    @property
    def kind(self) -> str:
        """Peft's name of it, "LORA"."""
        return str(self.settings["peft_type"])

    @property
    def base(self) -> str:
        """The id of the Hub, or the path, of what it was trained on."""
        return str(self.settings["base_model_name_or_path"])

    @property
    def base_name(self) -> str:
        """What to call the base: an id of the Hub as it is, a path by its last part."""
        return self.base if re.fullmatch(r"\w[\w.-]*/[\w.-]+", self.base) else self.last

    @property
    def last(self) -> str:
        """The last part of the base's id or path."""
        return re.split(r"[/\\]", self.base.rstrip("/\\"))[-1]

    @cached_property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Of its weights, by their names in the base. Raises CheckpointError."""
        path = self.folder / WEIGHTS
        if not path.is_file():
            raise CheckpointError(
                f"There is no {WEIGHTS} in {self.folder.name!r}; save the adapter again with save_pretrained, whose "
                "weights are safetensors: pickles (adapter_model.bin) are not read."
            )
        return {name.removeprefix(PREFIX): shape for name, shape in tensor_shapes(path).items()}

    def is_change(self, name: str) -> bool:
        """Whether a weight of these changes one of the base; others stand in the place of the base's own."""
        return f".{KINDS[self.kind]}" in name

    @property
    def saved(self) -> dict[str, str]:
        """What stands in the place of the base's own weights, a head that was trained, say: name there -> name here.

        Words that were added are written three times: as they were, as they are, and in their place.
        """
        return {
            name.replace(".base_layer.", "."): name
            for name in self.shapes
            if not self.is_change(name) and not re.search(r"\.(modules_to_save|original_module)\.", name)
        }

    def architecture(self, config: PretrainedConfig, own: str) -> str:
        """The class of transformers that was adapted; own is that of the base. Raises CheckpointError."""
        mapped = self.settings.get("auto_mapping")
        if isinstance(mapped, dict) and is_string(name := mapped.get("base_model_class")):
            candidate = getattr(transformers, str(name), None)
            if not (isinstance(candidate, type) and issubclass(candidate, PreTrainedModel)):
                raise CheckpointError(
                    f"{self.folder.name!r} is an adapter of the class {name!r:.60}, which is not one of transformers."
                )
            return str(name)
        mapping = getattr(transformers, FOR_TASK.get(str(self.settings.get("task_type")), ""), {})
        adapted = mapping.get(type(config), None)
        return own if adapted is None else str(adapted.__name__)

    def set_labels(self, config: PretrainedConfig) -> None:
        """Give a configuration as many classes as the head has that was trained with the adapter."""
        heads = [self.shapes[own] for name, own in self.saved.items() if SCORES.search(name)]
        rows = [shape[0] for shape in heads if len(shape) == 2]
        if len(rows) == 1 and rows[0] != config.num_labels:
            config.num_labels = rows[0]


def folder_with(names: Sequence[str], base: Path, adapter: Adapter | None) -> Path:
    """The adapter's folder, where it holds a file of one of these names (or patterns); else the base's."""
    own = adapter is not None and any(path for name in names for path in adapter.folder.glob(name))
    return adapter.folder if adapter is not None and own else base


def read_adapter(folder: Path) -> Adapter | None:
    """The adapter in a folder; None where there is none.

    Raises CheckpointError for one that is damaged, that cannot be merged into weights, or where peft is not installed.
    """
    if not (folder / ADAPTER).is_file():
        return None
    settings, name = read_adapter_settings(folder), folder.name
    kind = str(settings.get("peft_type"))
    if kind in VIRTUAL:
        raise CheckpointError(
            f"{name!r} holds an adapter ({kind.lower().replace('_', ' ')}) that puts virtual tokens before the "
            "input and changes no weights, so it cannot be merged into its base; take LoRA or IA3."
        )
    if kind not in KINDS:
        raise CheckpointError(
            f"{name!r} holds an adapter of the kind {kind!r:.40}, which is not merged here; merge it with "
            "merge_and_unload() of the peft library, save_pretrained into a new folder, and give that one."
        )
    base = settings.get("base_model_name_or_path")
    if not isinstance(base, str) or not Adapter(folder, settings).last.strip(". ") or len(base) > MAX_NAME:
        raise CheckpointError(
            f"The adapter_config.json in {name!r} names no base; write it as base_model_name_or_path."
        )
    if others := sorted(path.name for path in folder.glob("*.safetensors") if path.name != WEIGHTS):
        raise CheckpointError(
            f"{name!r} holds whole weights ({others[0]!r:.60}) and an adapter; move the adapter's two files into a "
            "folder of their own, and name this one as their base_model_name_or_path."
        )
    _check_peft(name)
    return Adapter(folder, settings)


def _check_peft(name: str) -> None:
    try:
        import peft  # noqa: F401  # an extra, which takes seconds to import
    except ImportError as error:
        raise CheckpointError(
            f"{name!r} holds an adapter (LoRA, say) that is not part of its weights; install peft to have it applied "
            "(pip install peft), or merge it with merge_and_unload() of the peft library, save_pretrained into a new "
            "folder, and give that one."
        ) from error


OpenBase = Callable[[Adapter], Path]  # finds the folder of an adapter's base; raises HeadlensError


def local_base(adapter: Adapter, open_folder: Callable[[str], Path]) -> Path | None:
    """The base's folder where it is on this machine: the one that the adapter names, else one beside it so called.

    Args:
        adapter: whose base it is.
        open_folder: gives a folder that may be opened, and raises HeadlensError for any other.
    """
    for name in (adapter.base, str(adapter.folder.parent / adapter.last)):
        with suppress(HeadlensError):
            folder = open_folder(name)
            if folder.resolve() != adapter.folder.resolve():
                return folder
    return None


def no_base(adapter: Adapter) -> CheckpointError:
    """What is said where the base is not there; whether it is somewhere that may not be opened is nobody's business."""
    return CheckpointError(
        f"{adapter.folder.name!r} is an adapter of {adapter.base!r:.100}, which is not there or may not be opened; put "
        f"the base's folder beside it, under the name {adapter.last!r:.60}."
    )


def refuse_base(adapter: Adapter) -> Path:
    """Finds no base. Raises `no_base`."""
    raise no_base(adapter)


def check_revision(adapter: Adapter) -> None:
    """Raises CheckpointError for an adapter of a version of its base that is not the Hub's newest."""
    revision = adapter.settings.get("revision")
    if revision not in (None, "main"):
        raise CheckpointError(
            f"{adapter.folder.name!r} is an adapter of the revision {revision!r:.60} of {adapter.base!r:.100}; "
            f"download that one into a folder beside it, under the name {adapter.last!r:.60}."
        )
