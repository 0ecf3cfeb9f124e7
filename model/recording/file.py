"""A recording's stages in one safetensors file: tensors by name, the rest as JSON in the metadata. Never a pickle."""

import dataclasses
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, cast

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from headlens.model.attention.inputs import AttentionInputs
from headlens.model.description import Description
from headlens.model.device import pick_device
from headlens.model.errors import RecordingError
from headlens.model.json_checks import header_length
from headlens.model.recording.header import (
    LAYER,
    MAX_HEADER,
    PredictionAbout,
    StageAbout,
    Stored,
    check_tensors,
    parse,
)
from headlens.model.recording.parts import WHOLE, Photo, Prediction, Predicts, Scores, StageData, Unit
from headlens.model.recording.whole import whole_file

FORMAT = "headlens recording 2"
TENSORS = ("query", "key", "value", "mask", "sinks")  # of a layer
# Parts that JSON has as they are.
PLAIN = (
    "tokens",
    "words",
    "segments",
    "seconds",
    "device",
    "offsets",
    "texts",
    "prefix_tokens",
    "predictions",
    "stage",
    "unit",
    "ids",
)


class SavedStage(NamedTuple):
    """One stage of a recording, as its file has it."""

    data: StageData
    keys: str | None  # the stage whose positions its keys are, where that is another


def save(path: Path, main: SavedStage, others: Mapping[str, SavedStage]) -> None:
    """Write a recording: its own stage, and the model's others by their names. The file appears whole or not at all.

    Raises RecordingError.
    """
    tensors, about = _tensors(main.data, ""), _about(main)
    for name, stage in others.items():
        tensors |= _tensors(stage.data, f"stages.{name}.")
    about["stages"] = {name: _about(stage) for name, stage in others.items()}
    text = json.dumps(about)
    try:
        parse(text)  # what cannot be loaded again is not saved
        with whole_file(path) as part:
            save_file(tensors, part, metadata={"format": FORMAT, "recording": text})
    except ValueError as error:
        raise RecordingError(f"This recording cannot be saved ({error}); fix that part of it.") from error
    except (SafetensorError, OSError) as error:
        reason = getattr(error, "strerror", None) or error  # without the name of the temporary file
        raise RecordingError(f"{path.name!r} could not be written ({reason}); choose another folder.") from error


def _tensors(data: StageData, prefix: str) -> dict[str, torch.Tensor]:
    tensors = {}
    for index, inputs in enumerate(data.layers):
        for name in TENSORS:
            if (tensor := getattr(inputs, name)) is not None:
                tensors[f"{prefix}layers.{index}.{name}"] = tensor.detach().cpu().contiguous().clone()
    arrays = {f"{prefix}outputs.{name}": array for name, array in data.outputs.items()}
    if data.photo is not None:
        arrays[f"{prefix}photo"] = data.photo.pixels
    return tensors | {name: torch.from_numpy(np.array(array)) for name, array in arrays.items()}


def _about(stage: SavedStage) -> dict[str, object]:
    data = stage.data
    about = {
        "layers": [{name: getattr(inputs, name) for name in LAYER} for inputs in data.layers],
        "model": {part.name: getattr(data.model, part.name) for part in dataclasses.fields(Description)},
        "special": data.special.tolist(),
        "notes": dict(data.notes),
        "photo": None
        if data.photo is None
        else {
            "aspect": data.photo.aspect,
            "grid": data.photo.grid,
            "window": data.photo.window,
            "cell": data.photo.cell,
            "picture": data.photo.picture,
        },
        "keys": stage.keys,
        "stages": {},
    }
    return about | {name: getattr(data, name) for name in PLAIN}


def load(path: Path, device: str) -> tuple[SavedStage, dict[str, SavedStage]]:
    """What `save` wrote: the recording's own stage, and the others by their names; tensors go to the device.

    Raises RecordingError for a file that is no recording, DeviceError for a device that this machine does not have.
    """
    target = pick_device(device)
    name = repr(path.name)
    if not os.path.exists(path):
        raise RecordingError(f"There is no file {name} to load a recording from.")
    if not os.path.isfile(path):  # a named pipe would be waited for, a device read without end
        raise RecordingError(f"{name} is not a file; give one that Recording.save wrote.")
    try:
        header_length(path, MAX_HEADER)
        with safe_open(path, framework="pt", device=str(target)) as file:
            metadata = file.metadata() or {}
            if metadata.get("format") != FORMAT:
                raise RecordingError(f"{name} is not a Headlens recording; Recording.save writes one.")
            about = parse(metadata["recording"])
            slices = {key: file.get_slice(key) for key in file.keys()}  # noqa: SIM118  # safe_open is not iterable
            check_tensors({key: Stored(part.get_dtype(), (*part.get_shape(),)) for key, part in slices.items()}, about)
            tensors = {key: file.get_tensor(key) for key in slices}
        others = {name: _stage(stage, tensors, f"stages.{name}.") for name, stage in about["stages"].items()}
        return _stage(about, tensors, ""), others
    except RecordingError:
        raise
    except OSError as error:
        raise RecordingError(f"{name} cannot be read ({error.strerror}); give another file.") from error
    except ValueError as error:
        raise RecordingError(f"{name} is damaged or no recording ({error}); give what Recording.save wrote.") from error
    except (SafetensorError, LookupError) as error:
        raise RecordingError(f"{name} is damaged or was not written by Recording.save; save it again.") from error
    except (RuntimeError, MemoryError) as error:
        raise RecordingError(f"{name} does not fit into the memory of {target}; load it to another device.") from error


def _stage(about: StageAbout, tensors: Mapping[str, torch.Tensor], prefix: str) -> SavedStage:
    layers = tuple(
        AttentionInputs(
            query=tensors[f"{prefix}layers.{index}.query"],
            key=tensors[f"{prefix}layers.{index}.key"],
            value=tensors[f"{prefix}layers.{index}.value"],
            mask=tensors.get(f"{prefix}layers.{index}.mask"),
            sinks=tensors.get(f"{prefix}layers.{index}.sinks"),
            causal=layer["causal"],
            scale=float(layer["scale"]),
            softcap=None if layer["softcap"] is None else float(layer["softcap"]),
            scores_only=layer["scores_only"],
        )
        for index, layer in enumerate(about["layers"])
    )
    photo = None
    if about["photo"] is not None:
        rows, columns = about["photo"]["grid"]
        top, left, bottom, right = about["photo"].get("window", WHOLE)
        photo = Photo(
            pixels=tensors[f"{prefix}photo"].cpu().numpy(),
            aspect=about["photo"]["aspect"],
            grid=(rows, columns),
            window=(top, left, bottom, right),
            cell=about["photo"].get("cell", "patch"),
            picture=about["photo"].get("picture", "photo"),
        )
    outputs = f"{prefix}outputs."
    data = StageData(
        layers=layers,
        tokens=tuple(about["tokens"]),
        words=tuple(about["words"]),
        special=np.array(about["special"], dtype=bool),
        segments=tuple(about["segments"]),
        ids=tuple(about.get("ids", ())),
        model=Description(**about["model"]),
        seconds=about["seconds"],
        device=about["device"],
        offsets=tuple(None if span is None else (span[0], span[1]) for span in about["offsets"]),
        texts=tuple(about["texts"]),
        prefix_tokens=about["prefix_tokens"],
        photo=photo,
        outputs={
            name.removeprefix(outputs): tensor.cpu().numpy()
            for name, tensor in tensors.items()
            if name.startswith(outputs)
        },
        notes=about["notes"],
        predictions=tuple(_prediction(prediction, about["stage"]) for prediction in about["predictions"]),
        stage=about["stage"],
        unit=cast(Unit, about.get("unit", "token")),
    )
    return SavedStage(data, about["keys"])


def _prediction(about: PredictionAbout, stage: str) -> Prediction:
    position, candidates = about[:2]
    ranked = tuple((label, score) for label, score in candidates)
    if len(about) == 2:  # version 0.1 says no more, and always took the softmax
        tokens = Predicts.NEXT_TOKEN if stage == "decoder" else Predicts.MASKED_TOKEN
        return Prediction(position, ranked, Predicts.CLASS if position is None else tokens)
    return Prediction(position, ranked, Predicts(about[2]), cast(Scores, about[3]))
