"""A Recording as one safetensors file: tensors by name, everything else as JSON in the metadata. Never a pickle."""

import dataclasses
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from headlens.model.attention.inputs import AttentionInputs
from headlens.model.device import pick_device
from headlens.model.errors import RecordingError
from headlens.model.recording.header import LAYER, Stored, check_length, check_tensors, parse
from headlens.model.recording.recording import Description, Photo, Prediction, Recording

FORMAT = "headlens recording 2"


def save(recording: Recording, path: Path) -> None:
    """See Recording.save."""
    tensors, about = _tensors(recording, ""), _about(recording)
    for name, stage in recording.stages.items():
        tensors |= _tensors(stage, f"stages.{name}.")
    about["stages"] = {name: _about(stage) for name, stage in recording.stages.items()}
    written = json.dumps(about)
    try:
        parse(written)  # what cannot be loaded again is not saved
        save_file(tensors, path, metadata={"format": FORMAT, "recording": written})
    except ValueError as error:
        raise RecordingError(f"This recording cannot be saved ({error}); mend that part of it.") from error
    except (SafetensorError, OSError) as error:
        raise RecordingError(f"{path.name!r} could not be written ({error}); choose another folder.") from error


def _tensors(recording: Recording, prefix: str) -> dict[str, torch.Tensor]:
    tensors = {}
    for number, heads in enumerate(recording.layers):
        for name in ("query", "key", "value", "mask", "sinks"):
            if (tensor := getattr(heads, name)) is not None:
                tensors[f"{prefix}layers.{number}.{name}"] = tensor.detach().cpu().contiguous().clone()
    arrays = {f"{prefix}outputs.{name}": array for name, array in recording.outputs.items()}
    if recording.photo is not None:
        arrays[f"{prefix}photo"] = recording.photo.pixels
    return tensors | {name: torch.from_numpy(np.array(array)) for name, array in arrays.items()}


def _about(recording: Recording) -> dict[str, Any]:
    about = {
        "layers": [{name: getattr(heads, name) for name in LAYER} for heads in recording.layers],
        "model": {part.name: getattr(recording.model, part.name) for part in dataclasses.fields(Description)},
        "special": recording.special.tolist(),
        "notes": dict(recording.notes),
        "photo": None if recording.photo is None else {"aspect": recording.photo.aspect, "grid": recording.photo.grid},
        "keys": None if recording.keys is None else recording.keys.stage,
        "stages": {},
    }
    plain = ("tokens", "words", "segments", "seconds", "device", "offsets", "texts", "prefix_tokens", "stage")
    return about | {name: getattr(recording, name) for name in (*plain, "predictions")}


def load(path: Path, device: str) -> Recording:
    """See Recording.load."""
    place = pick_device(device)
    name = repr(path.name)
    if not os.path.exists(path):
        raise RecordingError(f"There is no file {name} to load a recording from.")
    if not os.path.isfile(path):  # a named pipe would be waited for, a device read without end
        raise RecordingError(f"{name} is not a file; give one that Recording.save wrote.")
    try:
        check_length(path)
        with safe_open(path, framework="pt", device=str(place)) as file:
            metadata = file.metadata() or {}
            if metadata.get("format") != FORMAT:
                raise RecordingError(f"{name} is not a Headlens recording; Recording.save writes one.")
            about = parse(metadata["recording"])
            slices = {key: file.get_slice(key) for key in file.keys()}  # noqa: SIM118  # safe_open is not iterable
            check_tensors({key: Stored(part.get_dtype(), (*part.get_shape(),)) for key, part in slices.items()}, about)
            tensors = {key: file.get_tensor(key) for key in slices}
        return _rebuild(about, tensors)
    except RecordingError:
        raise
    except OSError as error:
        raise RecordingError(f"{name} cannot be read ({error.strerror}); give another file.") from error
    except ValueError as error:
        raise RecordingError(f"{name} is damaged ({error}); save the recording again.") from error
    except (SafetensorError, LookupError, RecursionError) as error:
        raise RecordingError(f"{name} is damaged or was not written by Recording.save; save it again.") from error
    except (RuntimeError, MemoryError) as error:
        raise RecordingError(f"{name} does not fit into the memory of {place}; load it to another device.") from error


def _rebuild(about: dict, tensors: dict[str, torch.Tensor]) -> Recording:
    alone = _one(about, tensors, "", None)
    stages = {
        name: _one(stage, tensors, f"stages.{name}.", None if stage["keys"] is None else alone)
        for name, stage in about["stages"].items()
    }
    return dataclasses.replace(alone, stages=stages) if stages else alone


def _one(about: dict, tensors: dict[str, torch.Tensor], prefix: str, keys: Recording | None) -> Recording:
    layers = tuple(
        AttentionInputs(
            query=tensors[f"{prefix}layers.{number}.query"],
            key=tensors[f"{prefix}layers.{number}.key"],
            value=tensors[f"{prefix}layers.{number}.value"],
            mask=tensors.get(f"{prefix}layers.{number}.mask"),
            sinks=tensors.get(f"{prefix}layers.{number}.sinks"),
            causal=layer["causal"],
            scale=float(layer["scale"]),
            softcap=None if layer["softcap"] is None else float(layer["softcap"]),
            scores_only=layer["scores_only"],
        )
        for number, layer in enumerate(about["layers"])
    )
    photo = about["photo"]
    if photo is not None:
        photo = Photo(tensors[f"{prefix}photo"].cpu().numpy(), photo["aspect"], (photo["grid"][0], photo["grid"][1]))
    named = f"{prefix}outputs."
    return Recording(
        layers=layers,
        tokens=tuple(about["tokens"]),
        words=tuple(about["words"]),
        special=np.array(about["special"], dtype=bool),
        segments=tuple(about["segments"]),
        model=Description(**about["model"]),
        seconds=about["seconds"],
        device=about["device"],
        offsets=tuple(None if span is None else (span[0], span[1]) for span in about["offsets"]),
        texts=tuple(about["texts"]),
        prefix_tokens=about["prefix_tokens"],
        photo=photo,
        outputs={name[len(named) :]: t.cpu().numpy() for name, t in tensors.items() if name.startswith(named)},
        notes=about["notes"],
        predictions=tuple(
            Prediction(position, tuple((label, probability) for label, probability in candidates))
            for position, candidates in about["predictions"]
        ),
        stage=about["stage"],
        keys=keys,
    )
